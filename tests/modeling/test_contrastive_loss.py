"""The shared contrastive losses against their equations."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rrgbench.data.label_matching import label_similarity
from rrgbench.modeling.contrastive_loss import info_nce, label_likeness, soft_matching


def log_softmax(x: np.ndarray) -> np.ndarray:
    return x - np.log(np.exp(x).sum(axis=1, keepdims=True))


@given(seed=st.integers(0, 10_000), n=st.integers(1, 6), weight=st.floats(0, 1), tau=st.floats(0.05, 2))
def test_info_nce_is_the_weighted_mean_of_both_directions(seed: int, n: int, weight: float, tau: float) -> None:
    similarity = np.random.default_rng(seed).uniform(-1, 1, (n, n))
    rows, columns = (-np.diag(log_softmax(x / tau)).mean() for x in (similarity, similarity.T))
    found = info_nce(torch.from_numpy(similarity), tau, weight).item()
    assert found == pytest.approx(weight * rows + (1 - weight) * columns, rel=1e-9, abs=1e-9)


@given(seed=st.integers(0, 10_000), films=st.integers(1, 5), texts=st.integers(1, 5))
def test_likeness_is_the_rule_that_matches_reports_to_films(seed: int, films: int, texts: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = ((rng.random((n, 14)) < 0.15).astype(np.float32) for n in (films, texts))
    found = label_likeness(torch.from_numpy(a), torch.from_numpy(b)).numpy()
    np.testing.assert_allclose(found, label_similarity(a, b), atol=1e-6)


@given(seed=st.integers(0, 10_000), n=st.integers(1, 5), m=st.integers(1, 5), tau=st.floats(0.05, 2))
def test_soft_matching_is_cross_entropy_towards_softmax_of_likeness(seed: int, n: int, m: int, tau: float) -> None:
    rng = np.random.default_rng(seed)
    similarity, likeness = rng.uniform(-1, 1, (n, m)), rng.uniform(0, 1, (n, m))
    losses = [
        -(np.exp(log_softmax(target)) * log_softmax(given / tau)).sum(axis=1).mean()
        for given, target in ((similarity, likeness), (similarity.T, likeness.T))
    ]
    found = soft_matching(torch.from_numpy(similarity), torch.from_numpy(likeness), tau).item()
    assert found == pytest.approx(sum(losses) / 2, rel=1e-9, abs=1e-9)
