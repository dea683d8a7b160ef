"""Shares of a training split: nested as they fall, each observation in its share where they are stratified."""

import numpy as np
import pytest

from rrgbench.data.phantom import load
from rrgbench.training.draws import draw_share


@pytest.fixture(scope="module")
def positive():
    studies = load(train=3000, validate=1, test=1, retrieval=1).split("train")
    return np.stack([study.labels for study in studies]) == 1


def test_as_they_fall_a_smaller_share_is_part_of_a_larger_one_and_seeds_differ(positive):
    small, large = (draw_share(positive, fraction, seed=4) for fraction in (0.01, 0.1))
    assert (len(small), len(large)) == (30, 300)
    assert set(small) <= set(large)
    assert set(draw_share(positive, 0.01, seed=5)) != set(small)
    np.testing.assert_array_equal(draw_share(positive, 1.0, seed=4), np.arange(3000))


def test_stratified_draws_keep_each_observations_share_and_at_least_one(positive):
    assert min(positive[draw_share(positive, 0.01, seed)].sum(axis=0).min() for seed in range(3)) == 0
    for seed in range(3):
        for fraction in (0.01, 0.1):
            rows = draw_share(positive, fraction, seed, stratified=True)
            assert len(rows) == len(set(rows)) == round(fraction * 3000)
            found, share = positive[rows].sum(axis=0), positive.sum(axis=0) * fraction
            assert found.min() >= 1
            assert (np.abs(found - share) <= np.maximum(2, 0.15 * share)).all()


def test_a_stratified_share_is_full_where_nothing_is_positive():
    rows = draw_share(np.zeros((40, 14), dtype=bool), 0.25, 0, stratified=True)
    assert len(set(rows)) == 10
