"""Losses of steps 1 and 2 against their equations in a few lines of NumPy."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dcrrg.observation_loss import balanced_weights, draw_studies, observation_loss
from dcrrg.semantic_matching import calibrated_semantic_matching_loss, label_cosine, soft_targets
from rrgbench.data.corpus import training_items
from rrgbench.observations import OBSERVATIONS


def softmax(x):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def unit(x):
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def numpy_loss(v, t, fv, ft, lv, lt, tau):
    """Eqs. 3-9, written out."""
    n = len(v)
    s = np.zeros((n, n))
    for i in range(n):
        for j in range(n):
            norm = np.linalg.norm(lv[i]) * np.linalg.norm(lt[j])
            s[i, j] = lv[i] @ lt[j] / norm if norm else 0.0
    w = unit(ft) @ unit(ft).T / 2 + 0.5
    w_hat = unit(fv) @ unit(fv).T / 2 + 0.5
    y = softmax(w * s)
    y_back = softmax(w_hat * s.T)
    logits = v @ t.T / tau
    forward = -(y * np.log(softmax(logits))).sum() / n
    backward = -(y_back * np.log(softmax(logits.T))).sum() / n
    return (forward + backward) / 2


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 9))
def test_semantic_matching_loss_is_the_papers(seed, n):
    rng = np.random.default_rng(seed)
    v, t = unit(rng.normal(size=(n, 5))), unit(rng.normal(size=(n, 5)))
    fv, ft = rng.normal(size=(n, 7)), rng.normal(size=(n, 6))
    lv, lt = rng.integers(0, 2, (n, 14)).astype(float), rng.integers(0, 2, (n, 14)).astype(float)
    lv[0] = 0  # a film without a positive label is similar to nothing
    ours = calibrated_semantic_matching_loss(
        *(torch.tensor(x) for x in (v, t, fv, ft, lv, lt)), temperature=torch.tensor(0.07, dtype=torch.float64)
    )
    assert float(ours) == pytest.approx(numpy_loss(v, t, fv, ft, lv, lt, 0.07), rel=1e-5)


def test_calibration_moves_targets():
    """Without the uni-modal weights, texts with equal labels would get equal targets."""
    labels = torch.tensor([[1.0, 0], [1, 0], [0, 1]])
    features = torch.tensor([[1.0, 0], [0.0, 1], [1, 1]])
    targets = soft_targets(label_cosine(labels, labels), features)
    assert targets[0, 0] > targets[0, 1] + 0.05
    assert torch.allclose(targets.sum(1), torch.ones(3))


def test_observation_loss_is_cross_entropy_over_drawn_items():
    rng = np.random.default_rng(0)
    logits, labels = rng.normal(size=(6, 14, 2)), rng.choice([-2, -1, 0, 1], (6, 14))
    weights = rng.integers(0, 4, (6, 14)).astype(float) * (labels != -1)
    p = softmax(logits.reshape(-1, 2)).reshape(6, 14, 2)
    expected = -(weights * np.log(np.where(labels == 1, p[..., 1], p[..., 0]))).sum() / weights.size
    ours = observation_loss(torch.tensor(logits), torch.tensor(labels), torch.tensor(weights))
    assert float(ours) == pytest.approx(expected, rel=1e-9)


def test_uncertain_and_unlabelled_are_no_training_items():
    labels = np.array([[1, -1, 0, -2] + [0] * 10], dtype=np.int8)
    known = training_items(labels, tuple(name for name in OBSERVATIONS if name != "Cardiomegaly"))
    assert known[0, :4].tolist() == [True, False, False, True]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.01, 0.5))
def test_resampling_balances_each_observation_by_itself(seed, prevalence):
    rng = np.random.default_rng(seed)
    labels = (rng.random((400, 14)) < prevalence).astype(np.int8)
    known = rng.random((400, 14)) < 0.9
    weights = balanced_weights(labels, known)
    assert not weights[~known].any()
    for column in range(14):
        positive = known[:, column] & (labels[:, column] == 1)
        negative = known[:, column] & (labels[:, column] == 0)
        if positive.any() and negative.any():
            half = known[:, column].sum() / 2
            assert weights[positive, column].sum() == pytest.approx(half)
            assert weights[negative, column].sum() == pytest.approx(half)
        else:
            assert (weights[:, column] == known[:, column]).all()


def test_drawing_studies_keeps_the_mean_and_tames_the_largest_weight():
    rng = np.random.default_rng(0)
    labels = (rng.random((300, 14)) < 0.02).astype(np.int8)
    weights = balanced_weights(labels, np.ones(labels.shape, dtype=bool))
    totals, largest = np.zeros(labels.shape), []
    for _ in range(2000):
        drawn, drawn_weights = draw_studies(weights, rng)
        np.add.at(totals, drawn, drawn_weights)
        largest.append(drawn_weights.max())
    assert totals.sum(axis=0) / 2000 == pytest.approx(weights.sum(axis=0), rel=0.05)
    assert max(largest) < weights.max() / 2
