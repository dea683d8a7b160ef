import json
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from scipy import stats as scipy_stats

from rrgbench.errors import InputError
from rrgbench.metrics.bleu import Bleu
from rrgbench.metrics.cider import Cider
from rrgbench.metrics.means import weighted_mean
from rrgbench.metrics.rouge import RougeL
from rrgbench.stats import bootstrap
from rrgbench.stats.bootstrap import intervals, multiplicities, replicate_values


def mean_of(values: np.ndarray):
    return lambda counts: weighted_mean(values[:, None], counts)


def test_each_resample_draws_n_of_n() -> None:
    counts = multiplicities(40, 300, seed=1)
    assert counts.shape == (300, 40)
    assert (counts.sum(axis=1) == 40).all()
    assert (counts == multiplicities(40, 300, seed=1)).all()
    assert not (counts == multiplicities(40, 300, seed=2)).all()
    # Each study is drawn Binomial(n, 1/n) times: mean 1, variance 1 - 1/n.
    assert counts.mean() == 1.0
    assert counts.var() == pytest.approx(1 - 1 / 40, abs=0.05)


@pytest.mark.parametrize("n", [7, 1000])
def test_chunks_do_not_change_the_draws(monkeypatch, n) -> None:
    whole = multiplicities(n, 25, seed=3)
    monkeypatch.setattr(bootstrap, "_CELLS", 3 * n)
    assert (multiplicities(n, 25, seed=3) == whole).all()


@pytest.mark.parametrize("method", ["percentile", "bca"])
def test_agrees_with_scipy(method) -> None:
    values = np.random.default_rng(0).exponential(size=60)
    expected = scipy_stats.bootstrap(
        (values,), np.mean, n_resamples=20_000, method="BCa" if method == "bca" else method, rng=1
    ).confidence_interval
    got = intervals(mean_of(values), 60, replicates=20_000, method=method)[0]
    np.testing.assert_allclose(got, [expected.low, expected.high], atol=0.01)


def test_level_widens() -> None:
    values = np.random.default_rng(0).normal(size=50)
    narrow = intervals(mean_of(values), 50, level=0.5)[0]
    wide = intervals(mean_of(values), 50, level=0.99)[0]
    assert wide[0] < narrow[0] < values.mean() < narrow[1] < wide[1]


def test_undefined_resamples_are_left_out_and_all_undefined_is_nan() -> None:
    def aggregate(counts: np.ndarray) -> np.ndarray:
        ratio = np.where(counts[:, 0] > 0, counts[:, 1], np.nan)
        return np.stack([ratio, np.full(len(counts), np.nan)], axis=1)

    for method in ("percentile", "bca"):
        low_high = intervals(aggregate, 5, method=method)
        assert np.isfinite(low_high[0]).all()
        assert np.isnan(low_high[1]).all()


def test_one_study_has_no_interval() -> None:
    assert np.isnan(intervals(mean_of(np.array([0.3])), 1)).all()


def test_constant_values_give_a_point() -> None:
    for method in ("percentile", "bca"):
        np.testing.assert_allclose(intervals(mean_of(np.full(9, 0.25)), 9, method=method), [[0.25, 0.25]], atol=1e-12)


def test_replicate_values_are_those_of_the_seed() -> None:
    values = np.arange(6.0)
    expected = multiplicities(6, 10, seed=4) @ values / 6
    np.testing.assert_allclose(replicate_values(mean_of(values), 6, 10, seed=4)[:, 0], expected)


@pytest.mark.parametrize(
    ("options", "message"),
    [({"level": 1.5}, "level"), ({"method": "normal"}, "percentile or bca"), ({"replicates": 0}, "at least 1")],
)
def test_wrong_options(options, message) -> None:
    with pytest.raises(InputError, match=message):
        intervals(mean_of(np.arange(4.0)), 4, **options)


@pytest.mark.parametrize("method", ["percentile", "bca"])
def test_coverage_of_the_nominal_95_percent(method) -> None:
    """Of intervals around the mean of draws from a known law, 93 to 97 % hold its true mean."""
    generator = np.random.default_rng(11)
    n, trials = 150, 1500
    covered = 0
    for trial in range(trials):
        values = generator.beta(2.0, 5.0, size=n)
        low, high = intervals(mean_of(values), n, replicates=400, seed=trial, method=method)[0]
        covered += low <= 2.0 / 7.0 <= high
    assert 0.93 <= covered / trials <= 0.97


@pytest.mark.parametrize("metric", [Bleu(), RougeL(), Cider()], ids=lambda metric: metric.keys[-1])
def test_coverage_of_text_metrics_on_real_reports(shared: Path, metric) -> None:
    """Samples of 250 real pairs: their intervals hold the value of the 3,000 pairs they are drawn from 93 to 97 % of
    the time.

    CIDEr's document frequencies are those of the 3,000 throughout, as its bootstrap keeps them fixed.
    """
    rows = [json.loads(line) for line in (shared / "parity/pairs_3000.jsonl").read_text().splitlines()]
    statistics = metric.statistics([[row["reference"]] for row in rows], [row["hypothesis"] for row in rows])
    truth = metric.aggregate(statistics, np.ones((1, len(rows))))[0]
    generator = np.random.default_rng(3)
    n, trials = 250, 1200
    covered = np.zeros(len(truth))
    for trial in range(trials):
        sample = statistics[generator.integers(0, len(rows), n)]
        limits = intervals(partial(metric.aggregate, sample), n, replicates=400, seed=trial)
        covered += (limits[:, 0] <= truth) & (truth <= limits[:, 1])
    share = covered / trials
    # little.
    assert (share >= 0.93).all(), share
    assert (share <= 0.97).all(), share


def test_subjects_are_drawn_with_all_of_their_studies() -> None:
    subjects = ["a", "b", "b", "c", "c", "c"]
    (counts,) = bootstrap.multiplicity_chunks(6, 400, seed=0, subjects=subjects)
    assert counts.shape == (400, 6)
    assert (counts[:, 1] == counts[:, 2]).all()
    assert (counts[:, 3] == counts[:, 5]).all()
    assert (counts[:, [0, 1, 3]].sum(axis=1) == 3).all()
    assert (counts[:, [0, 1, 3]] == multiplicities(3, 400, seed=0)).all()


def test_chunks_of_subjects_do_not_change_the_draws(monkeypatch) -> None:
    subjects = [str(row // 3) for row in range(30)]
    (whole,) = bootstrap.multiplicity_chunks(30, 25, seed=3, subjects=subjects)
    monkeypatch.setattr(bootstrap, "_CELLS", 70)
    assert (np.concatenate(list(bootstrap.multiplicity_chunks(30, 25, 3, subjects))) == whole).all()


@pytest.mark.parametrize("method", ["percentile", "bca"])
def test_alike_studies_of_a_subject_widen_the_interval(method) -> None:
    values = np.repeat(np.random.default_rng(0).normal(size=40), 5)
    subjects = [str(row // 5) for row in range(200)]
    ((low, high),) = intervals(mean_of(values), 200, method=method)
    ((wider_low, wider_high),) = intervals(mean_of(values), 200, method=method, subjects=subjects)
    assert (wider_high - wider_low) / (high - low) == pytest.approx(5**0.5, rel=0.15)
    # each subject's studies being equal, it is the interval of 40 independent ones
    ((own_low, own_high),) = intervals(mean_of(values[::5]), 40, method=method)
    # subjects are numbered by name, so the draws are others
    assert (wider_low, wider_high) == (pytest.approx(own_low, abs=0.06), pytest.approx(own_high, abs=0.06))
    assert np.isnan(intervals(mean_of(values), 200, method=method, subjects=["one"] * 200)).all()


def test_subjects_of_another_number_of_studies_are_refused() -> None:
    with pytest.raises(InputError, match="subjects of 3 studies; given are those of 2"):
        intervals(mean_of(np.ones(3)), 3, subjects=["a", "b"])
