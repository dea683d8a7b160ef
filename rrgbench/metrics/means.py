"""Corpus values that are means over studies."""

import numpy as np
from numpy.typing import NDArray


def weighted_mean(statistics: NDArray[np.float64], multiplicities: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean of the columns of (n, m) where study i counts `multiplicities[:, i]` times.

    Parameters
    ----------
    statistics : float64 array (n, m)
        Each study's own values.
    multiplicities : float64 array (r, n)
        How often each study is counted in each of r samples; no row may be all zero.

    Returns
    -------
    float64 array (r, m)
    """
    totals = multiplicities.sum(axis=1, keepdims=True)
    return np.asarray(multiplicities @ statistics / totals, dtype=np.float64)


def mean_of_defined(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean over the columns that are defined in each resample: (r, m) to (r,); NaN where none is."""
    defined = ~np.isnan(values)
    count = defined.sum(axis=1)
    sums = np.where(defined, values, 0.0).sum(axis=1)
    return np.asarray(np.divide(sums, count, out=np.full(len(values), np.nan), where=count > 0))
