"""Decisions about films contradict nobody, and find observations as often as they are there."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from rrgbench.observations import OBSERVATIONS, POSITIVE, observation_index
from rrgbench.training.decisions import decide, prevalence_thresholds
from rrgbench.training.linear_heads import LinearHeads, out_of_fold

NO_FINDING, EDEMA, DEVICES = (observation_index(name) for name in ("No Finding", "Edema", "Support Devices"))


def scores(**given):
    row = np.full((1, 14), -5.0)
    for name, value in given.items():
        row[0, observation_index(name.replace("_", " "))] = value
    return row


def found(row, thresholds=None):
    decided = decide(row, np.zeros(14) if thresholds is None else thresholds)[0]
    return {name for name, one in zip(OBSERVATIONS, decided, strict=True) if one}


def test_a_film_without_finding_has_nothing_but_devices():
    assert found(scores(No_Finding=1.0, Edema=2.0, Support_Devices=1.0)) == {"No Finding", "Support Devices"}
    assert found(scores(No_Finding=-1.0, Edema=2.0, Pneumonia=0.0)) == {"Edema", "Pneumonia"}


def test_where_nothing_reaches_its_threshold_the_nearest_is_taken():
    assert found(scores(No_Finding=-2.0, Edema=-0.5, Support_Devices=-0.1)) == {"Edema"}
    assert found(scores(No_Finding=-0.2, Edema=-0.5)) == {"No Finding"}


def test_unknown_scores_and_infinite_thresholds():
    row = scores(Edema=3.0)
    row[0, NO_FINDING] = np.nan
    thresholds = np.zeros(14)
    thresholds[NO_FINDING] = thresholds[EDEMA] = np.inf
    assert found(row, thresholds) == {"No Finding"}, "nothing else is there"
    assert found(np.full((1, 14), np.nan), np.zeros(14)) == set(), "nothing is known"
    thresholds[DEVICES] = -np.inf
    assert found(row, thresholds) == {"No Finding", "Support Devices"}


def test_thresholds_find_an_observation_as_often_as_it_is_there():
    rng = np.random.default_rng(0)
    drawn, labels = rng.normal(size=(400, 14)), (rng.random((400, 14)) < 0.2).astype(np.int8)
    known = np.ones((400, 14), dtype=bool)
    labels[:, 3], labels[:, 4] = 0, POSITIVE
    known[:, 5], drawn[:100, 6] = False, np.nan
    thresholds = prevalence_thresholds(drawn, labels, known)
    assert thresholds[3] == np.inf
    assert thresholds[4] == -np.inf
    assert thresholds[5] == np.inf
    for column in (0, 6, 13):
        rows = ~np.isnan(drawn[:, column])
        share = (drawn[rows, column] >= thresholds[column]).mean()
        assert share == pytest.approx((labels[rows, column] == POSITIVE).mean(), abs=0.005)


@pytest.fixture
def learned():
    rng = np.random.default_rng(1)
    vectors = (rng.normal(size=(60, 5)) * [1, 10, 0.1, 3, 1] + 2).astype(np.float32)
    labels = np.zeros((60, 14), dtype=np.int8)
    labels[:, 2] = vectors[:, 0] + rng.normal(size=60) > 2
    labels[:, 7] = rng.random(60) < 0.3
    known = np.ones((60, 14), dtype=bool)
    known[:20, 7] = False
    return vectors, labels, known


def test_linear_heads_are_scikit_learns_and_their_weights_say_the_same(learned):
    vectors, labels, known = learned
    heads = LinearHeads(vectors.copy(), labels, known, 0.1)
    scaled = StandardScaler().fit_transform(vectors)
    for column in (2, 7):
        rows = known[:, column]
        theirs = LogisticRegression(C=0.1, class_weight="balanced").fit(scaled[rows], labels[rows, column] == POSITIVE)
        np.testing.assert_allclose(heads.scores(vectors)[:, column], theirs.decision_function(scaled), atol=1e-3)
    weights, bias = heads.weights
    np.testing.assert_allclose((vectors @ weights.T + bias)[:, [2, 7]], heads.scores(vectors)[:, [2, 7]], rtol=1e-4)
    assert np.isnan(heads.scores(vectors)[:, 0]).all()
    assert not weights[0].any()


def test_out_of_fold_scores_never_saw_the_subject(learned):
    vectors, labels, known = learned
    subjects = [str(row // 3) for row in range(60)]
    apart = out_of_fold(vectors, labels, known, subjects, 0.1)
    assert not np.isnan(apart[:, 2]).any()
    # turning one subject's labels over changes what is said of others, and nothing of it
    turned = labels.copy()
    turned[:3, 2] ^= 1
    again = out_of_fold(vectors, turned, known, subjects, 0.1)
    np.testing.assert_array_equal(again[:3, 2], apart[:3, 2])
    assert not np.array_equal(again[:, 2], apart[:, 2])
    assert np.isnan(out_of_fold(vectors, labels, known, ["one"] * 60, 0.1)).all(), "there is no other subject"
