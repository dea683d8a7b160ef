"""Expected calibration error against scikit-learn's calibration curve and a loop."""

import numpy as np
import pytest
from sklearn.calibration import calibration_curve

from rrgbench.errors import InputError
from rrgbench.metrics.calibration import BINS, calibration_error

GENERATOR = np.random.default_rng(3)
PROBABILITIES = GENERATOR.random((300, 2))
TARGET = (GENERATOR.random((300, 2)) < PROBABILITIES**2).astype(np.int8)


def by_curve(p: np.ndarray, y: np.ndarray) -> float:
    true, predicted = calibration_curve(y, p, n_bins=BINS)
    counts = np.histogram(p, np.linspace(0, 1, BINS + 1))[0]
    return float(np.abs(true - predicted) @ counts[counts > 0] / len(p))


def test_it_is_the_weighted_gap_of_the_calibration_curve() -> None:
    found = calibration_error(PROBABILITIES, TARGET)[0]
    expected = [by_curve(PROBABILITIES[:, column], TARGET[:, column]) for column in range(2)]
    assert found == pytest.approx(expected, abs=1e-12)
    assert found[0] > 0.05


def test_a_resample_is_the_value_on_its_studies() -> None:
    rows = GENERATOR.integers(0, 300, 300)
    draws = np.bincount(rows, minlength=300)[None].astype(float)
    found = calibration_error(PROBABILITIES, TARGET, multiplicities=draws)
    assert found == pytest.approx(calibration_error(PROBABILITIES[rows], TARGET[rows]), abs=1e-12)


def test_cells_that_are_not_known_count_nothing() -> None:
    known = np.ones_like(TARGET, dtype=bool)
    known[100:, 0] = False
    known[:, 1] = False
    spoilt = np.where(known, PROBABILITIES, np.nan)
    found = calibration_error(spoilt, TARGET, known)[0]
    assert found[0] == pytest.approx(by_curve(PROBABILITIES[:100, 0], TARGET[:100, 0]), abs=1e-12)
    assert np.isnan(found[1])


def test_probabilities_that_come_true_have_none() -> None:
    p = np.repeat([0.25, 0.75], 4)[:, None]
    y = np.array([1, 0, 0, 0, 1, 1, 1, 0], dtype=np.int8)[:, None]
    assert calibration_error(p, y)[0, 0] == pytest.approx(0.0)


def test_what_is_no_probability_is_refused() -> None:
    with pytest.raises(InputError, match="from 0 to 1"):
        calibration_error(PROBABILITIES * 2, TARGET)
    with pytest.raises(InputError, match="one shape"):
        calibration_error(PROBABILITIES, TARGET[:10])
