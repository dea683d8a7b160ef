"""Areas over draws against scikit-learn: what a draw has not learned is left out of it, never one half."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from rrgbench.metrics.auroc_over_draws import AurocOverDraws
from rrgbench.stats.bootstrap import multiplicities, resampled


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    labels = (rng.random((60, 4)) < 0.3).astype(np.int8)
    scores = rng.normal(size=(3, 60, 4)) + labels
    scores[1, :, 2] = np.nan
    scores[:, :, 3] = np.nan
    return scores, labels, np.ones(labels.shape, dtype=bool)


def test_values_are_means_over_the_draws_that_learned_it(data):
    scores, labels, known = data
    averaged = np.array([True, False, True, True])
    found = AurocOverDraws(scores, labels, known, averaged, seed=0)
    areas = np.array([[roc_auc_score(labels[:, j], scores[d, :, j]) if not np.isnan(scores[d, 0, j]) else np.nan
                       for j in range(4)] for d in range(3)])  # fmt: skip
    means = np.array([areas[0, [0, 2]].mean(), areas[1, 0], areas[2, [0, 2]].mean()])
    values = found.values()
    np.testing.assert_allclose(values[:2], areas[:, :2].mean(axis=0))
    assert values[2] == pytest.approx(areas[[0, 2], 2].mean())
    assert np.isnan(values[3])
    assert values[4] == pytest.approx(means.mean())
    assert found.deviation() == pytest.approx(means.std(ddof=1))


def test_intervals_cover_draws_too(data):
    scores, labels, known = data
    averaged = np.array([True, True, True, False])
    several = AurocOverDraws(scores, labels, known, averaged, seed=0)
    bounds, resamples = resampled(several.resampled, 60, 400, seed=5)
    fixed = several.areas(multiplicities(60, 400, 5))
    assert resamples[:, -1].std() > fixed[..., -1].mean(axis=0).std(), "draws scatter beside studies"
    assert bounds[-1, 0] < several.values()[-1] < bounds[-1, 1]
    again = AurocOverDraws(scores, labels, known, averaged, seed=0)
    np.testing.assert_array_equal(resampled(again.resampled, 60, 400, seed=5)[1], resamples)


def test_one_draw_is_what_it_was_without_draws(data):
    scores, labels, known = data
    one = AurocOverDraws(scores[:1], labels, known, np.ones(4, dtype=bool), seed=0)
    drawn = multiplicities(60, 50, 5)
    np.testing.assert_array_equal(one.resampled(drawn), one.areas(drawn)[0])
    assert np.isnan(one.deviation())
