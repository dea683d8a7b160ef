import numpy as np
import pytest
from scipy import stats

from rrgbench.errors import InputError
from rrgbench.stats.correlation import correlation


@pytest.mark.parametrize(
    ("kind", "oracle"), [("pearson", stats.pearsonr), ("spearman", stats.spearmanr), ("kendall", stats.kendalltau)]
)
def test_equals_scipy_with_an_interval_around_it(kind, oracle) -> None:
    generator = np.random.default_rng(0)
    x = generator.normal(size=40)
    y = x + generator.normal(size=40)
    found = correlation(x, y, kind, replicates=200)
    assert found.value == oracle(x, y)[0]
    assert found.p_value == oracle(x, y)[1]
    assert found.low < found.value < found.high
    assert found.n == 40
    assert found.resamples.shape == (200,)
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(found.resamples, [0.025, 0.975])))
    assert found.undefined == ""


@pytest.mark.parametrize(
    ("x", "y", "reason"),
    [
        ([1, 1, 1], [1, 2, 3], "the first values are constant"),
        ([1, 2, 3], [0, 0, 0], "the second values are constant"),
        ([1, 1, 1], [0, 0, 0], "the first and second values are constant"),
        ([1], [2], "at least 3"),
        ([1, 2], [1, 3], "2 pairs; a correlation needs at least 3"),
    ],
)
def test_undefined_is_named(x, y, reason) -> None:
    found = correlation(np.array(x), np.array(y))
    assert np.isnan(found.value)
    assert reason in found.undefined


def test_few_pairs_whose_resamples_are_often_constant() -> None:
    found = correlation(np.array([0.0, 1.0, 2.0]), np.array([0.0, 1.0, 1.5]))
    assert -1.0 <= found.low <= found.high <= 1.0


def test_one_subject_tells_no_interval() -> None:
    found = correlation(np.array([0.0, 1.0, 2.0]), np.array([0.0, 2.0, 1.0]), subjects=["one"] * 3)
    assert found.value == pytest.approx(0.5)
    assert np.isnan([found.low, found.high]).all()


@pytest.mark.parametrize(
    ("x", "y", "kind", "message"),
    [
        ([1, 2], [1, 2, 3], "pearson", "equally long"),
        ([1, np.nan], [1, 2], "pearson", "finite"),
        ([1, 2], [1, 2], "tau", "not known"),
    ],
)
def test_wrong_input(x, y, kind, message) -> None:
    with pytest.raises(InputError, match=message):
        correlation(np.array(x), np.array(y), kind)
