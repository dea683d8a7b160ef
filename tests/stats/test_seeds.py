"""Means over seeds: the two parts of their variance, coverage, correlation over systems."""

import numpy as np
import pytest
from scipy import stats

from rrgbench.errors import InputError
from rrgbench.stats.seeds import correlation_over_seeds, mean_over_seeds


def test_without_noise_of_studies_it_is_students_interval():
    values = np.array([0.31, 0.36, 0.29, 0.33])
    found = mean_over_seeds(values, np.tile(values[:, None], (1, 50)), studies=500)
    low, high = stats.t.interval(0.95, 3, values.mean(), stats.sem(values))
    assert (found.value, found.low, found.high) == pytest.approx((values.mean(), low, high))
    assert found.studies == 0.0


def test_without_noise_of_training_it_is_the_interval_of_the_studies():
    rng = np.random.default_rng(0)
    resamples = 0.4 + 0.02 * rng.standard_normal(4000)
    found = mean_over_seeds(np.full(3, 0.4), np.tile(resamples, (3, 1)), studies=900)
    assert found.between == pytest.approx(0.0, abs=1e-12)
    assert found.high - found.value == pytest.approx(stats.t.ppf(0.975, 899) * resamples.std(ddof=1))


def test_resamples_that_studies_share_between_seeds_do_not_average_out():
    rng = np.random.default_rng(1)
    common = rng.standard_normal(4000)
    shared = mean_over_seeds(np.zeros(3), np.tile(common, (3, 1)), 500)
    apart = mean_over_seeds(np.zeros(3), rng.standard_normal((3, 4000)), 500)
    assert apart.studies == pytest.approx(shared.studies / 3, rel=0.1)


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    """Three seeds, both kinds of noise: the coverage is near 95 %, where a bootstrap over seeds would be far below."""
    rng = np.random.default_rng(2)
    rounds, seeds, studies = 600, 3, 200
    inside = 0
    for _ in range(rounds):
        trained = 0.03 * rng.standard_normal(seeds)
        cases = trained[:, None] + 0.4 * rng.standard_normal(studies)
        drawn = rng.integers(0, studies, (100, studies))
        found = mean_over_seeds(cases.mean(axis=1), cases[:, drawn].mean(axis=2), studies)
        inside += found.low <= 0.0 <= found.high
    assert 0.92 <= inside / rounds <= 0.995


def test_one_seed_has_the_interval_of_its_studies():
    found = mean_over_seeds(np.array([0.5]), np.array([[0.4, 0.5, 0.6, 0.5]]), 100)
    assert np.isnan(found.between)
    assert found.low < 0.5 < found.high


def test_undefined_resamples_are_left_out():
    rows = np.array([[0.4, np.nan, 0.6], [0.4, 0.5, 0.6]])
    assert mean_over_seeds(np.array([0.5, 0.5]), rows, 10).studies == pytest.approx(0.02)


@pytest.mark.parametrize(
    ("values", "rows"), [([], np.zeros((0, 3))), ([0.1, 0.2], np.zeros((3, 3))), ([np.nan], np.zeros((1, 3)))]
)
def test_what_has_no_mean_is_refused(values, rows):
    with pytest.raises(InputError):
        mean_over_seeds(np.array(values), rows, 10)


def test_correlation_over_systems_is_pearsons_of_the_means():
    rng = np.random.default_rng(3)
    x = np.array([0.7, 0.75, 0.76, 0.78])[:, None] + 0.005 * rng.standard_normal((4, 3))
    y = 2 * x + 0.001 * rng.standard_normal((4, 3))
    noise = 0.001 * rng.standard_normal((4, 3, 200))
    found = correlation_over_seeds(x, y, x[..., None] + noise, y[..., None] + noise, 0.95, 0)
    assert found.value == pytest.approx(stats.pearsonr(x.mean(1), y.mean(1))[0])
    assert 0.9 < found.low <= found.high <= 1.0


def test_seeds_alone_show_a_correlation_no_more_often_than_the_interval_says():
    """Four systems that do not differ, three seeds: a lower end above 0 is a false finding, due in 2.5 %."""
    rng = np.random.default_rng(5)
    false = 0
    for case in range(400):
        x, y = rng.standard_normal((2, 4, 3))
        rows = (np.repeat(values[..., None], 200, axis=2) for values in (x, y))
        false += correlation_over_seeds(x, y, *rows, 0.95, case).low > 0.0
    assert false / 400 <= 0.05


def test_constant_values_have_no_correlation():
    flat, rows = np.ones((4, 3)), np.ones((4, 3, 5))
    assert np.isnan(correlation_over_seeds(flat, flat, rows, rows, 0.95, 0).value)


def test_two_systems_are_too_few():
    with pytest.raises(InputError, match="at least 3"):
        correlation_over_seeds(np.ones((2, 3)), np.ones((2, 3)), np.ones((2, 3, 5)), np.ones((2, 3, 5)), 0.95, 0)
