"""R2Gen: relational memory and memory-driven conditional layer normalisation (Chen et al. 2020, Eqs. 5-13)."""

import numpy as np
import torch
from equations import arrays, linear, sigmoid, untrained

from baselines.r2gen import ConditionalLayerNorm, RelationalMemory


@torch.inference_mode()
def test_memory_update():
    torch.manual_seed(1)
    slots, width, heads = 3, 8, 2
    memory = RelationalMemory(width, slots, heads)
    w = arrays(memory)
    before, word = torch.randn(1, slots, width), torch.randn(1, width)
    m, y = before[0].numpy(), word[0].numpy()
    context = np.concatenate([m, y[None]])
    q, k, v = (
        linear(m, w, "attention.query"),
        linear(context, w, "attention.key"),
        linear(context, w, "attention.value"),
    )
    parts = []
    for head in range(heads):
        cut = slice(head * width // heads, (head + 1) * width // heads)
        scores = q[:, cut] @ k[:, cut].T / np.sqrt(width / heads)
        weights = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
        parts.append(weights @ v[:, cut])
    z = linear(np.concatenate(parts, 1), w, "attention.output")
    related = z + m
    hidden = np.maximum(linear(related, w, "mlp.0"), 0)
    candidate = np.maximum(linear(hidden, w, "mlp.2"), 0) + related
    gates = linear(y, w, "word_gates")[None] + linear(np.tanh(m), w, "memory_gates")
    forget, take = sigmoid(gates[:, :width]), sigmoid(gates[:, width:])
    expected = forget * m + take * np.tanh(candidate)
    np.testing.assert_allclose(memory(before, word)[0].numpy(), expected, rtol=1e-4, atol=1e-5)


@torch.inference_mode()
def test_conditional_norm_is_shifted_by_the_memory():
    torch.manual_seed(2)
    norm = ConditionalLayerNorm(6, 4)
    w = arrays(norm)
    x, memory = torch.randn(2, 3, 6), torch.randn(2, 3, 4)

    def shift(name):
        return linear(np.maximum(linear(memory.numpy(), w, f"{name}.0"), 0), w, f"{name}.2")

    r = x.numpy()
    normalised = (r - r.mean(-1, keepdims=True)) / (r.std(-1, ddof=1, keepdims=True) + 1e-6)
    expected = (w["gamma"] + shift("gamma_shift")) * normalised + w["beta"] + shift("beta_shift")
    np.testing.assert_allclose(norm(x, memory).numpy(), expected, rtol=1e-4, atol=1e-5)
    assert not torch.allclose(norm(x, memory), norm(x, torch.randn(2, 3, 4)), atol=1e-3)


@torch.inference_mode()
def test_an_untrained_memory_has_its_gates_open():
    """Words enter as large as their positions; sqrt(width) times that would shut most gates at once."""
    model = untrained("r2gen")
    words = model.embedding(torch.arange(4, model.config.vocabulary)).unsqueeze(0) * model.config.width**0.5
    assert 0.5 < words.std() < 2.0
    assert (model.memory.word_gates(words).abs() < 3.0).float().mean() > 0.99


@torch.inference_mode()
def test_memory_carries_earlier_words_into_the_decoder():
    """With self-attention to earlier words cut, only the memory can tell two histories apart."""
    model = untrained("r2gen")
    for layer in model.stack():
        layer.self_attention.output.weight.zero_()
        layer.self_attention.output.bias.zero_()
    film = torch.randint(0, 255, (1, 32, 32)).float()
    first, second = torch.tensor([[5, 6, 7]]), torch.tensor([[5, 8, 7]])
    assert not torch.allclose(model.word_logits(film, first)[:, 2], model.word_logits(film, second)[:, 2], atol=1e-5)
    for layer in model.stack():
        for norm in layer.norms:
            for shift in (norm.gamma_shift, norm.beta_shift):
                shift[2].weight.zero_()
    torch.testing.assert_close(model.word_logits(film, first)[:, 2], model.word_logits(film, second)[:, 2])
