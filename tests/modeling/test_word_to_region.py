"""GLoRIA's localised matching against its equations, one pair at a time."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from rrgbench.modeling.word_to_region import localized_matching


def unit(x: np.ndarray) -> np.ndarray:
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


def matching(v: np.ndarray, t: np.ndarray, tau2: float, tau3: float) -> float:
    """Z of one film's regions (r, p) and one text's words (w, p), contexts formed as the paper writes them."""
    s = t @ v.T
    a = np.exp(s / tau2) / np.exp(s / tau2).sum(axis=1, keepdims=True)
    c = a @ v
    cosine = (unit(c) * unit(t)).sum(axis=1)
    return float(np.log(np.exp(cosine / tau3).sum() ** tau3))


@given(
    seed=st.integers(0, 10_000),
    shape=st.tuples(*[st.integers(1, 4)] * 4),
    tau2=st.floats(0.1, 2),
    tau3=st.floats(0.1, 2),
)
def test_matching_is_that_of_attention_weighted_contexts(seed: int, shape: tuple, tau2: float, tau3: float) -> None:
    n, m, r, w = shape
    rng = np.random.default_rng(seed)
    regions, words = unit(rng.normal(size=(n, r, 5))), unit(rng.normal(size=(m, w, 5)))
    lengths = rng.integers(1, w + 1, m)
    mask = np.arange(w) < lengths[:, None]
    found = localized_matching(*map(torch.from_numpy, (regions, words, mask)), tau2, tau3).numpy()
    expected = [[matching(v, t[:k], tau2, tau3) for t, k in zip(words, lengths, strict=True)] for v in regions]
    np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-8)


def test_gradients_are_finite_where_words_are_masked() -> None:
    regions = torch.nn.functional.normalize(torch.randn(2, 3, 4), dim=-1).requires_grad_()
    words = torch.nn.functional.normalize(torch.randn(2, 5, 4), dim=-1).requires_grad_()
    mask = torch.tensor([[True] * 5, [False, True, False, False, False]])
    localized_matching(regions, words, mask, 0.25, 0.2).sum().backward()
    assert regions.grad is not None
    assert words.grad is not None
    assert torch.isfinite(regions.grad).all()
    assert torch.isfinite(words.grad).all()
    assert not words.grad[1, [0, 2, 3, 4]].any()
