"""The decoder against Eqs. 10-12 written in NumPy, its cache against the full pass, and the soft prompts."""

import numpy as np
import pytest
import torch

from dcrrg.projection import PromptedProjection
from rrgbench.modeling.beam_search import beam_search
from rrgbench.modeling.report_decoder import (
    CachedDecoding,
    DecoderShape,
    DeepPrompts,
    ReportDecoder,
    distance_slopes,
)


@pytest.fixture(params=[False, True], ids=["plain", "distance-biased"])
def decoder(request):
    torch.manual_seed(0)
    return ReportDecoder(
        vocabulary=30,
        shape=DecoderShape(width=16, memory_width=12, heads=4, layers=2, feed_forward=32),
        dropout=0.1,
        pad=0,
        slopes=distance_slopes(4) if request.param else None,
    ).eval()


def test_the_slopes_are_alibis_or_begin_one_step_earlier():
    """Press et al. 2022, section 3: for eight heads 1/2, 1/4 ... 1/256."""
    assert distance_slopes(8) == tuple(1 / 2**power for power in range(1, 9))
    assert distance_slopes(4) == (1 / 4, 1 / 16, 1 / 64, 1 / 256)
    assert distance_slopes(4, "from_one") == (1, 1 / 4, 1 / 16, 1 / 64)


KINDS = [None, "self", "both"]
"""Which attention soft prompts enter, if there are any."""


def prompted(attention):
    return None if attention is None else DeepPrompts(2, 4, 16, 5, crossed=attention == "both")


def array(tensor):
    return tensor.detach().numpy().astype(np.float64)


def linear(layer, x):
    return x @ array(layer.weight).T + array(layer.bias)


def layer_norm(norm, x):
    centred = x - x.mean(axis=-1, keepdims=True)
    return centred / np.sqrt(x.var(axis=-1, keepdims=True) + norm.eps) * array(norm.weight) + array(norm.bias)


def attention(module, queries, keys, values, causal, biased=False):
    """Softmax(QK^T / sqrt(d)) V, one head and one query at a time, of one sequence (t, width).

    With `biased` each step back costs head h = 1 ... H a score of 2^(-8h/H) (ALiBi); soft prompts are never far.
    """
    size = queries.shape[1] // module.heads
    q = linear(module.query, queries)
    mixed = np.zeros_like(q)
    ahead = len(keys) - len(queries)  # soft prompts stand before the first token
    for head in range(module.heads):
        part = slice(head * size, (head + 1) * size)
        for t in range(len(q)):
            seen = ahead + t + 1 if causal else len(keys)
            scores = keys[:seen, part] @ q[t, part] / np.sqrt(size)
            if biased:
                back = ahead + t - np.arange(seen)
                scores -= 2 ** (-8 * (head + 1) / module.heads) * np.where(np.arange(seen) < ahead, 0, back)
            weights = np.exp(scores - scores.max())
            mixed[t, part] = weights / weights.sum() @ values[:seen, part]
    return linear(module.output, mixed)


def in_front(prefix, keys, values):
    """Keys and values (t, width) behind soft prompts (2, heads, length, size), which go to (length, width)."""
    before = prefix.transpose(0, 2, 1, 3).reshape(2, prefix.shape[2], -1)
    return np.concatenate([before[0], keys]), np.concatenate([before[1], values])


def decoded(decoder, tokens, memory, prefix=None, cross_prefix=None):
    """Eqs. 10-12 for one sequence; only tokens are embedded, positions are not."""
    y = array(decoder.embedding.weight)[tokens]
    for index, layer in enumerate(decoder.layers):
        own, cross = layer.self_attention, layer.cross_attention
        keys, values = linear(own.key, y), linear(own.value, y)
        if prefix is not None:
            keys, values = in_front(prefix[index], keys, values)
        e_attn = layer_norm(
            layer.norms[0], attention(own, y, keys, values, True, decoder.slopes is not None) + y
        )  # Eq. 12
        keys, values = linear(cross.key, memory), linear(cross.value, memory)
        if cross_prefix is not None:
            keys, values = in_front(cross_prefix[index], keys, values)
        attended = attention(cross, e_attn, keys, values, False)
        e_ca = layer_norm(layer.norms[1], attended + e_attn)  # Eq. 11
        first, _, _, last = layer.feed_forward
        y = layer_norm(layer.norms[2], linear(last, np.maximum(linear(first, e_ca), 0)) + e_ca)  # Eq. 10
    return y


@pytest.mark.parametrize("attention", KINDS)
def test_layer_order_is_eqs_10_to_12(decoder, attention):
    """Post-norm, masked self-attention before cross-attention before feed-forward; with P-Tuning v2's prefixes too."""
    prompts = prompted(attention)
    # norms start as identities, which any wrong order of scale and shift would pass
    for norm in (norm for layer in decoder.layers for norm in layer.norms):
        torch.nn.init.normal_(norm.weight, 1.0)
        torch.nn.init.normal_(norm.bias)
    tokens, memory = torch.randint(1, 30, (2, 7)), torch.randn(2, 14, 12)
    states = array(decoder(tokens, memory, prompts))
    prefixes = [] if prompts is None else [array(prefix) for prefix in prompts.parameters()]
    for row in range(2):
        expected = decoded(decoder, tokens[row].numpy(), array(memory[row]), *prefixes)
        assert states[row] == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("attention", KINDS)
def test_cache_gives_the_full_pass(decoder, attention):
    prompts = prompted(attention)
    head = torch.nn.Linear(16, 30)
    tokens, memory = torch.randint(1, 30, (3, 9)), torch.randn(3, 14, 12)
    with torch.inference_mode():
        whole = head(decoder(tokens, memory, prompts)).log_softmax(-1)
        state = CachedDecoding(decoder, head, memory, beams=1, prompts=prompts)
        steps = torch.stack([state.step(tokens[:, t]) for t in range(9)], 1)
    assert torch.allclose(whole, steps, atol=1e-5)


def test_soft_prompts_change_what_is_written_and_get_gradient(decoder):
    tokens, memory = torch.randint(1, 30, (2, 5)), torch.randn(2, 14, 12)
    prompts = prompted("both")
    assert not torch.allclose(decoder(tokens, memory), decoder(tokens, memory, prompted("self")), atol=1e-4)
    decoder(tokens, memory, prompts).square().sum().backward()
    for prefix in (prompts.prefix, prompts.cross_prefix):
        assert all(prefix.grad[layer, part].abs().sum() > 0 for layer in range(2) for part in range(2))


def test_without_prompts_in_cross_attention_there_are_no_further_weights():
    """What was saved before there were any is still the whole model."""
    assert {*prompted("self").state_dict()} == {"prefix"}
    assert {*prompted("both").state_dict()} == {"prefix", "cross_prefix"}


def test_cached_beam_search_is_the_uncached_one(decoder):
    """Beam 3 with the cache writes what beam 3 without it writes, one item at a time."""
    head = torch.nn.Linear(16, 30)
    memory = torch.randn(4, 14, 12) * 3

    class Uncached:
        def __init__(self, row):
            self.memory, self.ids = memory[row : row + 1].expand(3, -1, -1), torch.empty(3, 0, dtype=torch.long)

        def step(self, tokens):
            self.ids = torch.cat([self.ids, tokens[:, None]], 1)
            return head(decoder(self.ids, self.memory)[:, -1]).log_softmax(-1)

        def reorder(self, rows):
            self.ids = self.ids[rows]

    start = torch.tensor([3, 4, 5, 6])
    cached = beam_search(CachedDecoding(decoder, head, memory, 3), start, 1, 0, 3, 20)
    plain = [beam_search(Uncached(row), start[row : row + 1], 1, 0, 3, 20)[0] for row in range(4)]
    assert cached == plain


def test_projection_is_the_concatenation():
    """`project` splits the product; it must equal f(concat(v, e))."""
    torch.manual_seed(0)
    projection = PromptedProjection(10, 8, 6, dropout=0.0)
    v, e = torch.randn(3, 10), torch.eye(14)
    joined = torch.cat([v[:, None].expand(-1, 14, -1), e.expand(3, -1, -1)], dim=2)
    expected = projection.outer(torch.relu(projection.inner(joined)))
    assert torch.allclose(projection(v), expected, atol=1e-6)


def test_projection_lets_a_shared_head_tell_observations_apart():
    """A linear f would shift all films alike, so the order of films would be the same for every observation."""
    torch.manual_seed(0)
    projection, head = PromptedProjection(10, 32, 6, dropout=0.0), torch.nn.Linear(6, 1)
    logits = head(projection(torch.randn(8, 10)))[:, :, 0]
    orders = {tuple(logits[:, k].argsort().tolist()) for k in range(14)}
    assert len(orders) > 1


@pytest.mark.parametrize("prompt", ["each", "mean", "none"])
def test_similarity_vectors_are_unit(prompt):
    vectors = PromptedProjection(10, 8, 6, 0.0).similarity_vector(torch.randn(5, 10), prompt)
    assert torch.allclose(vectors.norm(dim=1), torch.ones(5), atol=1e-5)
