"""Clinical efficacy equals scikit-learn, with each choice taken explicitly."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import precision_recall_fscore_support

from rrgbench.errors import InputError
from rrgbench.metrics.clinical_efficacy import ClinicalEfficacy
from rrgbench.observations import OBSERVATIONS, POSITIVE, UNCERTAIN, UNMENTIONED, observation_index

codes = st.sampled_from([1, 0, -1, -2])
pairs = st.integers(1, 8).flatmap(
    lambda n: st.tuples(arrays(np.int8, (n, 14), elements=codes), arrays(np.int8, (n, 14), elements=codes))
)
SKLEARN = {"micro": "micro", "macro": "macro", "weighted": "weighted", "per-report": "samples"}
FIVE = sorted(["Atelectasis", "Cardiomegaly", "Consolidation", "Edema", "Pleural Effusion"], key=observation_index)


def ones(n: int) -> np.ndarray:
    return np.ones((1, n))


@pytest.mark.parametrize("averaging", list(SKLEARN))
@pytest.mark.parametrize("uncertain", ["positive", "negative"])
@pytest.mark.parametrize("size", [14, 5])
@settings(max_examples=60, deadline=None)
@given(pairs)
def test_equals_scikit_learn(averaging, uncertain, size, labels) -> None:
    references, hypotheses = labels
    metric = ClinicalEfficacy(averaging, size, uncertain)
    columns = range(14) if size == 14 else [observation_index(name) for name in FIVE]
    hit = [1, -1] if uncertain == "positive" else [1]
    truth, found = (np.isin(side[:, columns], hit) for side in (references, hypotheses))
    expected = precision_recall_fscore_support(truth, found, average=SKLEARN[averaging], zero_division=0)[:3]
    rows = metric.statistics(references, hypotheses)
    np.testing.assert_allclose(metric.aggregate(rows, ones(len(references)))[0], expected, atol=1e-12)

    each = precision_recall_fscore_support(truth, found, average=None, zero_division=np.nan)
    np.testing.assert_allclose(
        metric.observation_rows(rows, ones(len(references)))[0], np.stack(each[:3], 1), atol=1e-12
    )
    assert (metric.support(rows) == each[3]).all()
    undefined = np.isnan(np.stack(each[:3], 1)).any(axis=1)
    assert list(metric.undefined(rows)) == [metric.names[i] for i in np.flatnonzero(undefined)]


@settings(max_examples=60, deadline=None)
@given(pairs)
def test_ignored_cells_are_those_with_uncertainty_on_either_side(labels) -> None:
    references, hypotheses = labels
    metric = ClinicalEfficacy("micro", 14, "ignored")
    counted = (references != -1) & (hypotheses != -1)
    expected = (
        precision_recall_fscore_support(
            (references == 1)[counted], (hypotheses == 1)[counted], average="binary", zero_division=0
        )[:3]
        if counted.any()
        else (0.0, 0.0, 0.0)
    )
    got = metric.aggregate(metric.statistics(references, hypotheses), ones(len(references)))[0]
    np.testing.assert_allclose(got, expected, atol=1e-12)


@pytest.mark.parametrize(("target", "hit"), [("negative", [0]), ("uncertain", [-1]), ("mentioned", [1, 0, -1])])
@settings(max_examples=40, deadline=None)
@given(pairs)
def test_other_mention_classes(target, hit, labels) -> None:
    references, hypotheses = labels
    metric = ClinicalEfficacy(target=target)
    truth, found = np.isin(references, hit), np.isin(hypotheses, hit)
    expected = precision_recall_fscore_support(truth, found, average="micro", zero_division=0)[:3]
    got = metric.aggregate(metric.statistics(references, hypotheses), ones(len(references)))[0]
    np.testing.assert_allclose(got, expected, atol=1e-12)


@pytest.mark.parametrize("averaging", list(SKLEARN))
@settings(max_examples=40, deadline=None)
@given(pairs, st.integers(0, 1000))
def test_counting_a_study_twice_equals_listing_it_twice(averaging, labels, seed) -> None:
    references, hypotheses = labels
    picked = np.random.default_rng(seed).integers(0, len(references), len(references))
    metric = ClinicalEfficacy(averaging)
    expected = metric.aggregate(metric.statistics(references[picked], hypotheses[picked]), ones(len(picked)))
    counts = np.bincount(picked, minlength=len(references))[None].astype(float)
    got = metric.aggregate(metric.statistics(references, hypotheses), counts)
    np.testing.assert_allclose(got, expected, atol=1e-12)


def test_unlabelled_observations_are_left_out_of_every_average() -> None:
    generator = np.random.default_rng(0)
    references, hypotheses = generator.choice([1, 0], (2, 50, 14)).astype(np.int8)
    known = np.ones(14, dtype=bool)
    known[[1, 12, 13]] = False
    for averaging, name in SKLEARN.items():
        metric = ClinicalEfficacy(averaging)
        rows = metric.statistics(references, hypotheses, known)
        expected = precision_recall_fscore_support(
            references[:, known] == 1, hypotheses[:, known] == 1, average=name, zero_division=0
        )[:3]
        np.testing.assert_allclose(metric.aggregate(rows, ones(50))[0], expected, atol=1e-12)
        assert metric.undefined(rows) == {
            OBSERVATIONS[i]: "the reference labels don't speak about it" for i in (1, 12, 13)
        }


@pytest.mark.parametrize(
    ("references", "hypotheses", "message"),
    [
        (np.zeros((2, 13)), np.zeros((2, 13)), r"shape \(2, 13\)"),
        (np.zeros((0, 14)), np.zeros((0, 14)), r"shape \(0, 14\)"),
        (np.full((2, 14), np.nan), np.zeros((2, 14)), "reference labels hold nan"),
        (np.zeros((2, 14)), np.full((2, 14), 3), "hypothesis labels hold 3"),
        (np.zeros((2, 14)), np.zeros((3, 14)), "2 references but 3 hypotheses"),
    ],
)
def test_wrong_labels(references, hypotheses, message) -> None:
    with pytest.raises(InputError, match=message):
        ClinicalEfficacy().statistics(references, hypotheses)


@pytest.mark.parametrize("choice", [{"averaging": "mean"}, {"observations": 13}, {"uncertain": "yes"}, {"target": "x"}])
def test_unknown_choice(choice) -> None:
    with pytest.raises(InputError, match="expected one of"):
        ClinicalEfficacy(**choice)


def test_what_a_system_doubts_does_not_change_which_observations_an_average_is_over() -> None:
    references = np.full((2, 14), UNMENTIONED, dtype=np.int8)
    references[:, 2] = references[:, 5] = POSITIVE
    plain = references.copy()
    plain[:, 5] = UNMENTIONED
    doubting = plain.copy()
    doubting[:, 5:12] = UNCERTAIN
    metric = ClinicalEfficacy("macro", uncertain="ignored")
    once = np.ones((1, 2))
    expected = metric.aggregate(metric.statistics(references, plain), once)
    np.testing.assert_array_equal(metric.aggregate(metric.statistics(references, doubting), once), expected)
    np.testing.assert_array_equal(metric.of_constants(references, doubting[:1]), expected)
    found = metric.undefined(metric.statistics(references, doubting))
    assert found["Edema"] == "positive nowhere that both sides are certain"
