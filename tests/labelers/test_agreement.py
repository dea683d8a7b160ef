"""Agreement of label arrays against scikit-learn and by hand."""

import warnings

import hypothesis.extra.numpy as arrays
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.metrics import f1_score, precision_score, recall_score

from rrgbench.errors import InputError
from rrgbench.labelers.agreement import agreement
from rrgbench.observations import OBSERVATIONS

LABELS = arrays.arrays(np.int8, st.tuples(st.integers(1, 12), st.just(14)), elements=st.sampled_from([-2, -1, 0, 1]))


@settings(max_examples=40, deadline=None)
@given(labels=LABELS, label=st.sampled_from([-1, 0, 1]), seed=st.integers(0, 100))
def test_equals_scikit_learn(labels: NDArray[np.int8], label: int, seed: int) -> None:
    other = np.random.default_rng(seed).permutation(labels.ravel()).reshape(labels.shape)
    counted = agreement(labels, other, label)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for measure, ours in (
            (precision_score, counted.precision),
            (recall_score, counted.recall),
            (f1_score, counted.f1),
        ):
            theirs = measure(other == label, labels == label, average=None, zero_division=np.nan)
            np.testing.assert_allclose(ours, theirs)
        micro = f1_score(other == label, labels == label, average="micro", zero_division=np.nan)
    np.testing.assert_allclose(counted.micro_f1, micro)


def test_frame_has_every_observation_and_the_pooled_row() -> None:
    labels = np.zeros((3, 14), dtype=np.int8)
    labels[0, 2] = 1
    frame = agreement(labels, labels).to_frame()
    assert list(frame.index) == [*OBSERVATIONS, "micro"]
    assert frame.loc["Cardiomegaly", "f1"] == frame.loc["micro", "f1"] == 1.0
    assert np.isnan(frame.loc["Edema", "f1"])


def test_shapes_are_checked() -> None:
    with pytest.raises(InputError, match="14"):
        agreement(np.zeros((2, 14), dtype=np.int8), np.zeros((3, 14), dtype=np.int8))
