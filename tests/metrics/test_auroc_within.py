"""AUROC within groups: pairs of the same group alone, against counting them."""

import numpy as np
import pytest

from rrgbench.metrics.auroc import auroc
from rrgbench.metrics.auroc_within import auroc_within


def by_hand(scores, labels, known, groups):
    won = pairs = 0.0
    for i in range(len(scores)):
        for j in range(len(scores)):
            if labels[i] == 1 and labels[j] == 0 and known[i] and known[j] and groups[i] == groups[j]:
                won += (scores[i] > scores[j]) + 0.5 * (scores[i] == scores[j])
                pairs += 1
    return won / pairs if pairs else np.nan


@pytest.fixture
def drawn():
    rng = np.random.default_rng(0)
    labels, groups = rng.integers(0, 2, (40, 3)), rng.integers(0, 3, 40)
    return rng.integers(0, 9, (40, 3)) / 9, labels, rng.random((40, 3)) < 0.9, groups


def test_only_pairs_of_a_group_count(drawn):
    scores, labels, known, groups = drawn
    found = auroc_within(scores, labels, known, groups)[0]
    expected = [by_hand(scores[:, c], labels[:, c], known[:, c], groups) for c in range(3)]
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    one = np.zeros(40, dtype=int)
    np.testing.assert_allclose(auroc_within(scores, labels, known, one), auroc(scores, labels, known), rtol=1e-12)


def test_resamples_are_those_of_repeated_studies(drawn):
    scores, labels, known, groups = drawn
    counts = np.random.default_rng(1).integers(0, 3, (5, 40)).astype(float)
    found = auroc_within(scores, labels, known, groups, counts)
    for row, times in zip(found, counts.astype(int), strict=True):
        again = [np.repeat(part, times, axis=0) for part in (scores, labels, known, groups)]
        np.testing.assert_allclose(row, auroc_within(*again)[0], rtol=1e-12)


def test_a_score_that_tells_only_groups_apart_is_chance_within_them():
    groups = np.repeat([0, 1], 50)
    labels = np.concatenate([np.arange(50) < 5, np.arange(50) < 45]).astype(int)[:, None]
    scores, known = groups[:, None].astype(float), np.ones((100, 1), dtype=bool)
    assert auroc(scores, labels, known)[0, 0] == pytest.approx(0.9)
    assert auroc_within(scores, labels, known, groups)[0, 0] == pytest.approx(0.5)


def test_without_a_pair_it_is_undefined():
    labels, known = np.array([[1], [0]]), np.ones((2, 1), dtype=bool)
    assert np.isnan(auroc_within(np.array([[0.1], [0.2]]), labels, known, np.array([0, 1]))).all()
