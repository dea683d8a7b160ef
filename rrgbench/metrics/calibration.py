"""Expected calibration error (Naeini et al., 2015): how far probabilities lie from how often they come true."""

import numpy as np
from numpy.typing import NDArray

from rrgbench.errors import InputError

BINS = 10
"""Of equal width, as in Guo et al. (2017)."""


def improbable(stated: NDArray[np.float64]) -> str:
    """Why a model's answers are no probabilities; empty if they are."""
    outside = bool(((stated < 0) | (stated > 1)).any())
    return "the model's answers are no probabilities from 0 to 1" if outside else ""


def calibration_error(
    probabilities: NDArray[np.float64],
    target: NDArray[np.int8],
    known: NDArray[np.bool_] | None = None,
    multiplicities: NDArray[np.float64] | None = None,
) -> NDArray[np.float64]:
    r"""Expected calibration error of each column.

    .. math:: \mathrm{ECE} = \sum_b \frac{|b|}{n} \left| \mathrm{mean}_b(y) - \mathrm{mean}_b(p) \right|

    Parameters
    ----------
    probabilities : float64 array (n, c)
        From 0 to 1.
    target : int8 array (n, c)
        1 where it is true, 0 where not.
    known : bool array (n, c), optional
        Cells that count; all by default.
    multiplicities : float64 array (r, n), optional
        How often each study counts in each resample; once each by default.

    Returns
    -------
    float64 array (r, c)
        From 0 to 1; NaN where no cell counts. Of few studies it is biased upwards, and so is its bootstrap interval.

    Raises
    ------
    InputError
        If shapes differ or a probability lies outside of 0 to 1.
    """
    counted = np.ones(target.shape, dtype=bool) if known is None else known
    if probabilities.shape != target.shape or counted.shape != target.shape:
        raise InputError(
            f"probabilities {probabilities.shape}, target {target.shape} and known {counted.shape} must have one shape"
        )
    if ((probabilities[counted] < 0) | (probabilities[counted] > 1)).any() or np.isnan(probabilities[counted]).any():
        raise InputError("calibration takes probabilities from 0 to 1")
    draws = np.ones((1, len(target))) if multiplicities is None else multiplicities
    found = np.full((len(draws), target.shape[1]), np.nan)
    for column in range(target.shape[1]):
        inside = counted[:, column]
        p = np.where(inside, probabilities[:, column], 0.0)
        place = np.minimum((p * BINS).astype(np.int64), BINS - 1)
        gaps = np.zeros((len(p), BINS))
        # |b|/n times the difference of means is the difference of sums over n
        gaps[np.arange(len(p)), place] = np.where(inside, target[:, column] - p, 0.0)
        total = draws @ inside.astype(np.float64)
        np.divide(np.abs(draws @ gaps).sum(axis=1), total, out=found[:, column], where=total > 0)
    return found
