"""Bootstrap intervals over studies (Efron and Tibshirani, 1993).

A resample is a row of multiplicities: how often each study was drawn. Metrics turn all rows into values with one matrix
product (`rrgbench.metrics.base`), so 1,000 replicates cost little more than one scoring.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from rrgbench.errors import InputError

Floats = NDArray[np.float64]
Aggregate = Callable[[Floats], Floats]
Method = Literal["percentile", "bca"]

_CELLS: Final = 1_000_000
"""Multiplicities held at a time (8 MB), whatever the numbers of studies and replicates."""


Subjects = Sequence[str]
"""Whose studies they are (n,): a resample then draws subjects with all of their studies, so that those of one patient,
which are alike, are not taken for independent ones."""


def multiplicities(n: int, replicates: int, seed: int) -> Floats:
    """How often each study is drawn in each resample of n out of n.

    Parameters
    ----------
    n : int
        Number of studies.
    replicates : int
        Number of resamples.
    seed : int
        Equal seeds give equal resamples, so that systems can be compared on the same draws.

    Returns
    -------
    float64 array (replicates, n)
        Whole numbers; each row sums to n.
    """
    return np.concatenate(list(multiplicity_chunks(n, replicates, seed)))


def multiplicity_chunks(n: int, replicates: int, seed: int, subjects: Subjects | None = None) -> Iterator[Floats]:
    """The rows of `multiplicities`, in pieces that fit in memory.

    With `subjects` as many subjects are drawn as there are, and a study counts as often as its subject was drawn: rows
    then sum to n on average only.

    Raises
    ------
    InputError
        If there is no study or no replicate, or the subjects are not of n studies.
    """
    if subjects is not None:
        yield from _by_subject(n, replicates, seed, subjects)
        return
    if n < 1 or replicates < 1:
        raise InputError(f"bootstrap of {n} studies with {replicates} replicates; both must be at least 1")
    generator = np.random.default_rng(seed)
    rows = max(1, _CELLS // n)
    for start in range(0, replicates, rows):
        size = min(rows, replicates - start)
        drawn = generator.integers(0, n, size=(size, n))
        drawn += np.arange(size)[:, None] * n
        yield np.bincount(drawn.ravel(), minlength=size * n).reshape(size, n).astype(np.float64)


def _by_subject(n: int, replicates: int, seed: int, subjects: Subjects) -> Iterator[Floats]:
    if len(subjects) != n:
        raise InputError(f"bootstrap over the subjects of {n} studies; given are those of {len(subjects)}")
    codes = np.unique(np.asarray(subjects, dtype=str), return_inverse=True)[1].ravel()
    rows = max(1, _CELLS // n)
    for chunk in multiplicity_chunks(int(codes.max()) + 1, replicates, seed):
        for start in range(0, len(chunk), rows):
            yield np.ascontiguousarray(chunk[start : start + rows][:, codes])


def replicate_values(
    aggregate: Aggregate, n: int, replicates: int = 1000, seed: int = 0, subjects: Subjects | None = None
) -> Floats:
    """Values of every resample (replicates, m)."""
    return np.concatenate([aggregate(chunk) for chunk in multiplicity_chunks(n, replicates, seed, subjects)])


def intervals(
    aggregate: Aggregate,
    n: int,
    replicates: int = 1000,
    seed: int = 0,
    level: float = 0.95,
    method: Method = "percentile",
    subjects: Subjects | None = None,
) -> Floats:
    """Bootstrap confidence intervals.

    Parameters
    ----------
    aggregate : callable
        From multiplicities (r, n) to values (r, m).
    n : int
        Number of studies.
    replicates : int
        Number of resamples.
    seed : int
        Seed of the resamples.
    level : float
        Nominal coverage, between 0 and 1.
    method : {"percentile", "bca"}
        Quantiles of the resampled values, or those corrected for bias and skewness (Efron, 1987), which need n more
        aggregations.
    subjects : sequence of str (n,), optional
        Whose studies they are, where subjects are to be drawn and not studies.

    Returns
    -------
    float64 array (m, 2)
        Low and high. Resamples in which a value is undefined (NaN) are left out of its quantiles; NaN where no resample
        has a value, and for a single study, which says nothing about variation.

    Raises
    ------
    InputError
        If the level or the method is not one of those.
    """
    return resampled(aggregate, n, replicates, seed, level, method, subjects)[0]


def resampled(
    aggregate: Aggregate,
    n: int,
    replicates: int = 1000,
    seed: int = 0,
    level: float = 0.95,
    method: Method = "percentile",
    subjects: Subjects | None = None,
) -> tuple[Floats, Floats]:
    """Intervals (m, 2) as `intervals` gives them, and the values on the resamples (replicates, m) behind them."""
    if not 0.0 < level < 1.0:
        raise InputError(f"interval level is {level}; expected a number between 0 and 1")
    if method not in ("percentile", "bca"):
        raise InputError(f"interval method is {method!r}; expected percentile or bca")
    tails = np.array([(1.0 - level) / 2.0, (1.0 + level) / 2.0])
    if n == 1 or (subjects is not None and len(set(subjects)) == 1):
        width = aggregate(np.ones((1, n))).shape[1]
        return np.full((width, 2), np.nan), np.full((replicates, width), np.nan)
    values = replicate_values(aggregate, n, replicates, seed, subjects)
    if method == "percentile":
        return np.stack([_quantiles(column, tails) for column in values.T]), values
    point = aggregate(np.ones((1, n)))[0]
    left_out = _jackknife(aggregate, n, subjects)
    limits = [
        _quantiles(values[:, column], _bca_tails(values[:, column], point[column], left_out[:, column], tails))
        for column in range(values.shape[1])
    ]
    return np.stack(limits), values


def _quantiles(values: Floats, tails: Floats) -> Floats:
    defined = values[~np.isnan(values)]
    if not len(defined) or np.isnan(tails).any():
        return np.full(2, np.nan)
    return np.asarray(np.quantile(defined, tails))


def _jackknife(aggregate: Aggregate, n: int, subjects: Subjects | None = None) -> Floats:
    """Values with each study, or each subject, left out once (n or subjects, m)."""
    whose = np.arange(n) if subjects is None else np.unique(np.asarray(subjects), return_inverse=True)[1].ravel()
    rows, count = max(1, _CELLS // n), int(whose.max()) + 1
    pieces = []
    for start in range(0, count, rows):
        left = np.arange(start, min(start + rows, count))
        pieces.append(aggregate((whose[None, :] != left[:, None]).astype(np.float64)))
    return np.concatenate(pieces)


def _bca_tails(values: Floats, point: float, left_out: Floats, tails: Floats) -> Floats:
    """Probabilities at which BCa reads the resampled values (Efron, 1987, eqs. 2.3 and 6.6)."""
    values = values[~np.isnan(values)]
    left_out = left_out[~np.isnan(left_out)]
    if not len(values) or not len(left_out) or np.isnan(point):
        return np.full(2, np.nan)
    # Ties with the point estimate count half, else a coarse statistic looks biased.
    below = np.mean(values < point) + 0.5 * np.mean(values == point)
    if below in (0.0, 1.0):
        return tails
    # here alone, since the percentile method has no use for it and it takes longer to load than most scorings
    from scipy.special import ndtr, ndtri

    bias = ndtri(below)
    deviation = left_out.mean() - left_out
    spread = np.sum(deviation**2)
    acceleration = 0.0 if spread == 0.0 else np.sum(deviation**3) / (6.0 * spread**1.5)
    shifted = bias + ndtri(tails)
    return np.asarray(ndtr(bias + shifted / (1.0 - acceleration * shifted)))
