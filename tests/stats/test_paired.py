from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from rrgbench.errors import InputError
from rrgbench.metrics.bleu import Bleu
from rrgbench.metrics.means import weighted_mean
from rrgbench.stats import paired
from rrgbench.stats.paired import approximate_randomization, bootstrap_p_value, holm, paired_bootstrap


def column(*values: float) -> np.ndarray:
    return np.array(values, dtype=float)[:, None]


def test_randomization_estimates_the_exact_permutation_test() -> None:
    first, second = column(0.9, 0.4, 0.8, 0.7, 0.6, 0.9, 0.2), column(0.5, 0.5, 0.3, 0.6, 0.4, 0.7, 0.1)
    differences = (first - second)[:, 0]
    signs = np.array(list(product([1, -1], repeat=len(differences))))
    exact = np.mean(np.abs(signs @ differences) >= abs(differences.sum()) - 1e-12)
    found = approximate_randomization(weighted_mean, first, second, 50_000)
    assert found.p_value[0] == pytest.approx(exact, abs=0.005)
    assert found.difference[0] == pytest.approx(differences.mean())


def test_bleu_of_swapped_systems_is_that_of_the_swapped_texts() -> None:
    """The test's resampled statistics are what rescoring the texts would give."""
    references = [["the heart is normal ."], ["no effusion is seen ."], ["the lungs are clear ."]]
    left = ["the heart is large .", "no effusion .", "lungs clear ."]
    right = ["heart normal .", "an effusion is seen .", "the lungs are clear ."]
    metric = Bleu()
    rows = np.concatenate([metric.statistics(references, left), metric.statistics(references, right)])
    for swap in product([0, 1], repeat=3):
        texts = [right[i] if swapped else left[i] for i, swapped in enumerate(swap)]
        expected = metric.aggregate(metric.statistics(references, texts), np.ones((1, 3)))
        mixed = np.concatenate([1.0 - np.array(swap), np.array(swap)])[None]
        np.testing.assert_allclose(metric.aggregate(rows, mixed), expected, atol=1e-12)


@pytest.mark.parametrize("test", [approximate_randomization, paired_bootstrap])
def test_p_is_never_zero_and_equal_systems_are_not_different(test) -> None:
    generator = np.random.default_rng(0)
    better, worse = column(*generator.normal(5, 1, 200)), column(*generator.normal(0, 1, 200))
    assert test(weighted_mean, better, worse, 999).p_value[0] == 1 / 1000
    assert test(weighted_mean, worse, better, 999).difference[0] < 0
    assert test(weighted_mean, better, better, 999).p_value[0] == 1.0


@pytest.mark.parametrize("test", [approximate_randomization, paired_bootstrap])
def test_under_the_null_hypothesis_p_is_uniform(test) -> None:
    generator = np.random.default_rng(5)
    p_values = []
    for trial in range(400):
        first, second = generator.normal(size=(2, 80, 1))
        p_values.append(test(weighted_mean, first, second, 200, seed=trial).p_value[0])
    assert np.mean(np.array(p_values) <= 0.05) == pytest.approx(0.05, abs=0.03)
    assert np.mean(np.array(p_values) <= 0.5) == pytest.approx(0.5, abs=0.07)


def test_agrees_with_the_t_test_where_that_is_right() -> None:
    generator = np.random.default_rng(2)
    first = generator.normal(size=(300, 1))
    second = first + generator.normal(0.1, 1, (300, 1))
    expected = scipy_stats.ttest_rel(first[:, 0], second[:, 0]).pvalue
    for test in (approximate_randomization, paired_bootstrap):
        assert test(weighted_mean, first, second, 20_000).p_value[0] == pytest.approx(expected, abs=0.02)


def test_chunks_do_not_change_the_randomization(monkeypatch) -> None:
    generator = np.random.default_rng(0)
    first, second = generator.normal(size=(2, 37, 2))
    whole = approximate_randomization(weighted_mean, first, second, 500, seed=3)
    monkeypatch.setattr(paired, "_CELLS", 37 * 64)
    assert (approximate_randomization(weighted_mean, first, second, 500, seed=3).p_value == whole.p_value).all()


def test_undefined_differences_have_no_p_value() -> None:
    rows = np.full((4, 1), np.nan)
    assert np.isnan(approximate_randomization(weighted_mean, rows, rows, 10).p_value).all()


def test_holm_by_hand() -> None:
    np.testing.assert_allclose(holm(np.array([0.01, 0.04, 0.03, 0.005])), [0.03, 0.06, 0.06, 0.02])
    np.testing.assert_allclose(holm(np.array([0.5, np.nan, 0.9])), [1.0, np.nan, 1.0])
    assert holm(np.array([])).shape == (0,)


@settings(max_examples=100)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_is_between_the_raw_values_and_bonferroni_and_keeps_their_order(values) -> None:
    raw = np.array(values)
    adjusted = holm(raw)
    assert (adjusted >= raw).all()
    assert (adjusted <= np.minimum(raw * len(raw), 1.0) + 1e-12).all()
    assert (np.diff(adjusted[np.argsort(raw, kind="stable")]) >= 0).all()


def test_wrong_input() -> None:
    with pytest.raises(InputError, match="2 and 3 studies"):
        approximate_randomization(weighted_mean, np.zeros((2, 1)), np.zeros((3, 1)))
    with pytest.raises(InputError, match="at least 1"):
        paired_bootstrap(weighted_mean, np.zeros((2, 1)), np.zeros((2, 1)), 0)


@pytest.mark.parametrize("shift", [0.0, 0.1, 0.3])
def test_the_bootstraps_p_value_is_that_of_a_paired_t_test(shift: float) -> None:
    draw = np.random.default_rng(3)
    differences = draw.normal(shift, 1.0, 400)
    resampled = np.array([draw.choice(differences, 400).mean() for _ in range(2000)])
    expected = scipy_stats.ttest_1samp(differences, 0.0).pvalue
    assert bootstrap_p_value(differences.mean(), resampled) == pytest.approx(expected, rel=0.25, abs=1e-6)


def test_the_bootstraps_p_value_can_be_less_than_one_in_its_resamples() -> None:
    resampled = np.random.default_rng(0).normal(1.0, 0.1, 100)
    assert bootstrap_p_value(1.0, resampled) < 1e-9
    assert bootstrap_p_value(0.0, np.zeros(10)) == 1.0
    assert bootstrap_p_value(0.2, np.full(10, 0.2)) == 0.0


@pytest.mark.parametrize("test", [approximate_randomization, paired_bootstrap])
def test_subjects_with_alike_studies_count_once(test) -> None:
    rng = np.random.default_rng(4)
    first, second = column(*rng.normal(0.3, 1, 25)), column(*rng.normal(0, 1, 25))
    subjects = [f"{row // 4:02}" for row in range(100)]
    once = test(weighted_mean, first, second, 20_000)
    # four copies of each study are no more evidence than one
    copies = test(weighted_mean, first.repeat(4, axis=0), second.repeat(4, axis=0), 20_000, subjects=subjects)
    assert copies.difference == pytest.approx(once.difference)
    assert copies.p_value[0] == pytest.approx(once.p_value[0], abs=0.015)
    assert (
        test(weighted_mean, first.repeat(4, axis=0), second.repeat(4, axis=0), 20_000).p_value[0]
        < 0.6 * once.p_value[0]
    )
    with pytest.raises(InputError, match="subjects of 25 studies; given are those of 100"):
        test(weighted_mean, first, second, 10, subjects=subjects)


@pytest.mark.parametrize("test", [approximate_randomization, paired_bootstrap])
def test_one_study_or_subject_shows_nothing(test) -> None:
    assert test(weighted_mean, column(0.9), column(0.1), 100).p_value[0] == 1
    assert test(weighted_mean, column(0.9, 0.8), column(0.1, 0.1), 100, subjects=["a", "a"]).p_value[0] == 1


def test_a_difference_without_a_value_on_any_resample_has_no_p_value(recwarn) -> None:
    assert np.isnan(bootstrap_p_value(0.1, np.full(5, np.nan)))
    assert not recwarn
