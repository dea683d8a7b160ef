"""The decoder against Eqs. 10-12 written out, its cache against the full pass, and the soft prompts."""

import pytest
import torch

from dcrrg.projection import PromptedProjection
from rrgbench.modeling.beam_search import beam_search
from rrgbench.modeling.report_decoder import CachedDecoding, DeepPrompts, ReportDecoder


@pytest.fixture
def decoder():
    torch.manual_seed(0)
    return ReportDecoder(
        vocabulary=30, width=16, memory_width=12, heads=4, layers=2, feed_forward=32, dropout=0.1, pad=0
    ).eval()


def attention(module, queries, source, causal):
    """Softmax(QK^T / sqrt(d)) V by head, without any fused kernel."""
    n, t, width = queries.shape
    size = width // module.heads
    q = module.query(queries).view(n, t, module.heads, size)
    k = module.key(source).view(n, -1, module.heads, size)
    v = module.value(source).view(n, -1, module.heads, size)
    weights = torch.einsum("nthd,nshd->nhts", q, k) / size**0.5
    if causal:
        weights = weights.masked_fill(torch.ones(t, t).triu(1).bool(), float("-inf"))
    mixed = torch.einsum("nhts,nshd->nthd", weights.softmax(-1), v)
    return module.output(mixed.reshape(n, t, width))


def test_layer_order_is_eqs_10_to_12(decoder):
    tokens, memory = torch.randint(1, 30, (2, 7)), torch.randn(2, 14, 12)
    y = decoder.embedding(tokens)
    for layer in decoder.layers:
        attended = layer.norms[0](attention(layer.self_attention, y, y, True) + y)
        crossed = layer.norms[1](attention(layer.cross_attention, attended, memory, False) + attended)
        y = layer.norms[2](layer.feed_forward(crossed) + crossed)
    assert torch.allclose(decoder(tokens, memory), y, atol=1e-5)


@pytest.mark.parametrize("with_prompts", [False, True])
def test_cache_gives_the_full_pass(decoder, with_prompts):
    prompts = DeepPrompts(2, 4, 16, 5) if with_prompts else None
    head = torch.nn.Linear(16, 30)
    tokens, memory = torch.randint(1, 30, (3, 9)), torch.randn(3, 14, 12)
    with torch.inference_mode():
        whole = head(decoder(tokens, memory, prompts)).log_softmax(-1)
        state = CachedDecoding(decoder, head, memory, beams=1, prompts=prompts)
        steps = torch.stack([state.step(tokens[:, t]) for t in range(9)], 1)
    assert torch.allclose(whole, steps, atol=1e-5)


def test_soft_prompts_change_what_is_written_and_get_gradient(decoder):
    tokens, memory = torch.randint(1, 30, (2, 5)), torch.randn(2, 14, 12)
    prompts = DeepPrompts(2, 4, 16, 5)
    assert not torch.allclose(decoder(tokens, memory), decoder(tokens, memory, prompts), atol=1e-4)
    decoder(tokens, memory, prompts).square().sum().backward()
    assert all(prompts.prefix.grad[layer, part].abs().sum() > 0 for layer in range(2) for part in range(2))


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
