"""AdaAtt: the visual sentinel competes with the regions in one softmax (Lu et al. 2017, Eqs. 6-13)."""

import numpy as np
import pytest
import torch
from equations import arrays, linear, lstm_step, sigmoid, softmax, untrained

from baselines.adaptive_attention import SentinelAttention


@torch.inference_mode()
def test_attention_equations():
    torch.manual_seed(0)
    attention = SentinelAttention(6, 5)
    regions, states, sentinels = torch.randn(1, 4, 6), torch.randn(1, 3, 6), torch.randn(1, 3, 6)
    context, weights = attention(regions, states, sentinels)
    w = arrays(attention)
    for t in range(3):
        h, s = states[0, t].numpy(), sentinels[0, t].numpy()
        z = [w["score.weight"][0] @ np.tanh(w["region.weight"] @ v + w["state.weight"] @ h) for v in regions[0].numpy()]
        z.append(w["score.weight"][0] @ np.tanh(w["sentinel.weight"] @ s + w["state.weight"] @ h))
        alpha = np.exp(z) / np.exp(z).sum()
        beta = alpha[-1]
        # c_t attends the regions by themselves, then beta mixes in the sentinel
        c = (alpha[:-1] / alpha[:-1].sum()) @ regions[0].numpy()
        np.testing.assert_allclose(weights[0, t].numpy(), alpha, rtol=1e-4)
        np.testing.assert_allclose(context[0, t].numpy(), beta * s + (1 - beta) * c, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(weights.sum(-1).numpy(), 1.0, rtol=1e-5)


@torch.inference_mode()
def test_sentinel_is_the_gated_cell():
    model = untrained("adaatt")
    width = model.config.width
    words, whole, h, c = (torch.randn(2, width) for _ in range(4))
    _, after, sentinel = model.advance(words, whole, h, c)
    x = np.concatenate([words.numpy(), whole.numpy()], axis=1)
    gate = sigmoid(x @ model.gate_input.weight.numpy().T + h.numpy() @ model.gate_state.weight.numpy().T)
    np.testing.assert_allclose(sentinel.numpy(), gate * np.tanh(after.numpy()), rtol=1e-4, atol=1e-6)


@torch.inference_mode()
def test_equations_over_three_words():
    """From the film to the logits: V and v^g, x_t = [w_t; v^g], the LSTM, sentinel and regions, W_p (c^_t + h_t)."""
    model = untrained("adaatt", width=8, attention_width=5)
    w, lstm = arrays(model), arrays(model.lstm)
    film, ids = torch.randint(0, 255, (1, 32, 32)).float(), torch.tensor([[4, 5, 6]])
    cells = model.film_cells(film)[0].numpy()
    regions = np.maximum(linear(cells, w, "regions.0"), 0)
    whole = np.maximum(linear(cells.mean(0), w, "whole.0"), 0)
    h = c = np.zeros(8)
    expected = []
    for word in ids[0].tolist():
        x = np.concatenate([w["embedding.weight"][word], whole])
        gate = sigmoid(w["gate_input.weight"] @ x + w["gate_state.weight"] @ h)
        h, c = lstm_step(x, h, c, lstm)
        s = gate * np.tanh(c)
        looked = np.stack([*(w["attention.region.weight"] @ v for v in regions), w["attention.sentinel.weight"] @ s])
        alpha = softmax(np.tanh(looked + w["attention.state.weight"] @ h) @ w["attention.score.weight"][0])
        expected.append(linear(alpha @ np.stack([*regions, s]) + h, w, "head"))
    np.testing.assert_allclose(model.word_logits(film, ids)[0].numpy(), expected, rtol=1e-4, atol=1e-5)


@torch.inference_mode()
def test_a_strong_sentinel_hides_the_film():
    attention = SentinelAttention(4, 4)
    for layer in (attention.region, attention.state):
        layer.weight.zero_()
    attention.sentinel.weight.copy_(100 * torch.eye(4))
    attention.score.weight.fill_(50.0)
    sentinels = torch.ones(1, 1, 4)
    context, weights = attention(torch.randn(1, 7, 4), torch.randn(1, 1, 4), sentinels)
    assert weights[0, 0, -1].item() == pytest.approx(1.0)
    torch.testing.assert_close(context, sentinels)
