import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import roc_auc_score

from rrgbench.errors import InputError
from rrgbench.metrics.auroc import auroc, undefined_observations
from rrgbench.metrics.means import mean_of_defined

# Few distinct scores, so that ties are common.
cases = st.integers(1, 25).flatmap(
    lambda n: st.tuples(
        arrays(np.float64, (n, 3), elements=st.sampled_from([0.0, 0.1, 0.5, 0.9])),
        arrays(np.int8, (n, 3), elements=st.integers(0, 1)),
        arrays(np.bool_, (n, 3)),
        arrays(np.float64, (4, n), elements=st.integers(0, 3).map(float)),
    )
)


@settings(max_examples=300, deadline=None)
@given(cases)
def test_equals_scikit_learn_for_every_resample(case) -> None:
    scores, labels, known, counts = case
    values = auroc(scores, labels, known, counts)
    for r, c in np.ndindex(values.shape):
        weight = counts[r] * known[:, c]
        if (weight * (labels[:, c] == 1)).any() and (weight * (labels[:, c] == 0)).any():
            expected = roc_auc_score(labels[:, c], scores[:, c], sample_weight=weight)
            assert values[r, c] == pytest.approx(expected, abs=1e-12)
        else:
            assert np.isnan(values[r, c])


def test_undefined_observations_are_named_and_left_out_of_the_mean() -> None:
    scores = np.array([[0.1, 0.2, 0.3, 0.4], [0.9, 0.2, 0.3, 0.4]])
    labels = np.array([[0, 0, 1, 0], [1, 0, 1, 1]])
    known = np.array([[True, True, True, False], [True, True, True, False]])
    assert undefined_observations(labels, ["a", "b", "c", "d"], known) == {
        "b": "no positives",
        "c": "no negatives",
        "d": "no labels",
    }
    values = auroc(scores, labels, known)
    assert mean_of_defined(values) == [1.0]
    assert np.isnan(mean_of_defined(values[:, 1:]))


def test_replicates_equal_rescoring_a_real_size() -> None:
    generator = np.random.default_rng(1)
    labels = (generator.random((400, 2)) < [0.02, 0.7]).astype(int)
    scores = np.round(generator.normal(size=(400, 2)) + labels, 1)
    picked = generator.integers(0, 400, (30, 400))
    counts = np.stack([np.bincount(row, minlength=400) for row in picked]).astype(float)
    expected = [[roc_auc_score(labels[row, c], scores[row, c]) for c in range(2)] for row in picked]
    np.testing.assert_allclose(auroc(scores, labels, multiplicities=counts), expected, atol=1e-12)


@pytest.mark.parametrize(
    ("scores", "labels", "message"),
    [
        (np.zeros((3, 2)), np.zeros((3, 1), int), "expected the same"),
        (np.array([[np.nan], [0.0]]), np.array([[1], [0]]), "1 scores are NaN, first in rows 0"),
        (np.array([[0.1], [0.0]]), np.array([[1], [-1]]), "labels hold -1"),
    ],
)
def test_wrong_input(scores, labels, message) -> None:
    with pytest.raises(InputError, match=message):
        auroc(scores, labels)


def test_equal_areas_are_equal_to_the_last_digit_whichever_class_is_rarer() -> None:
    scores = np.stack([np.arange(11.0)] * 2, axis=1)
    labels = np.zeros((11, 2), dtype=np.int8)
    labels[1, 0], labels[:, 1], labels[9, 1] = 1, 1, 0
    assert auroc(scores, labels).tolist() == [[0.1, 0.1]]
