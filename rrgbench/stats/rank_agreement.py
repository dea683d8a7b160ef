"""Rank correlation and agreement in pairs for many resamples at once.

Both correlations are functions of the signs of all pairwise differences, so a resample, which counts each item some
number of times, is a quadratic form in those counts and no ranking is done anew.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

TIE: Final = 1e-12
"""Values that are no further apart are equal: they differ in the last digits only, as sums in another order do."""


def kendall_tau_b(x: Floats, y: Floats, counts: Floats) -> Floats:
    """Kendall's tau-b (Kendall, 1945), ties allowed, where item i counts `counts[:, i]` times.

    Parameters
    ----------
    x, y : float64 arrays (n,)
        Paired values.
    counts : float64 array (r, n)
        Samples.

    Returns
    -------
    float64 array (r,)
        SciPy's value on the sample written out; NaN where either is constant.
    """
    first, second = _signs(x), _signs(y)
    shared, one, other = (_form(counts, matrix) for matrix in (first * second, first**2, second**2))
    scale = np.sqrt(one * other)
    found: Floats = np.divide(shared, scale, out=np.full(len(counts), np.nan), where=scale > 0)
    return found


def spearman_rho(x: Floats, y: Floats, counts: Floats) -> Floats:
    """Spearman's rho with mid-ranks; parameters and result as `kendall_tau_b`."""
    # an item's mid-rank is half the sample, plus half of those below less half of those above
    first, second = (counts @ _signs(values) for values in (x, y))
    total = counts.sum(axis=1)

    def moment(one: Floats, other: Floats) -> Floats:
        return np.asarray((counts * one * other).sum(axis=1) / total)

    centred = [ranks - (counts * ranks).sum(axis=1, keepdims=True) / total[:, None] for ranks in (first, second)]
    scale = np.sqrt(moment(centred[0], centred[0]) * moment(centred[1], centred[1]))
    found: Floats = np.divide(moment(*centred), scale, out=np.full(len(counts), np.nan), where=scale > 1e-12)
    return found


def pair_agreement(x: Floats, y: Floats, groups: NDArray[np.int64], counts: Floats) -> Floats:
    """Share of pairs within a group that x orders as y does; ties of x count half, pairs that y ties are left out.

    Parameters
    ----------
    x, y : float64 arrays (n,)
        Paired values.
    groups : int64 array (n,)
        The group of each item, from 0.
    counts : float64 array (r, g)
        How often each group counts.

    Returns
    -------
    float64 array (r,)
        NaN where no pair is left.
    """
    size = counts.shape[1]
    agreed, pairs = np.zeros(size), np.zeros(size)
    for group in range(size):
        rows = np.flatnonzero(groups == group)
        for place, i in enumerate(rows):
            for j in rows[place + 1 :]:
                order = _sign(y[i] - y[j])
                if order:
                    pairs[group] += 1
                    agreed[group] += 0.5 + 0.5 * _sign(x[i] - x[j]) * order
    total = counts @ pairs
    found: Floats = np.divide(counts @ agreed, total, out=np.full(len(counts), np.nan), where=total > 0)
    return found


def _signs(values: Floats) -> Floats:
    gaps: Floats = values[:, None] - values[None, :]
    return np.sign(np.where(np.abs(gaps) < TIE, 0.0, gaps))


def _sign(gap: float) -> float:
    return 0.0 if abs(gap) < TIE else float(np.sign(gap))


def _form(counts: Floats, matrix: Floats) -> Floats:
    return np.asarray(((counts @ matrix) * counts).sum(axis=1), dtype=np.float64)
