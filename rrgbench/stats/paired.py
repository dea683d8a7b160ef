"""Paired tests between two systems on the same studies.

Both tests re-aggregate per-study statistics for all resamples at once instead of rescoring texts: 10,000 permutations
of 3,000 studies take seconds for every metric together.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from rrgbench.errors import InputError
from rrgbench.stats.bootstrap import Subjects, multiplicity_chunks

Floats = NDArray[np.float64]
Test = Literal["randomization", "bootstrap"]

_CELLS: Final = 4_000_000
"""Swaps held at a time."""

_TOLERANCE: Final = 1e-12
"""Differences closer than this to the observed one count as equal to it; sums in another order differ in the last
digits."""


class Aggregate(Protocol):
    """A metric's `aggregate`: linear in the rows of statistics up to a function of their sums."""

    def __call__(self, statistics: Floats, multiplicities: Floats) -> Floats:
        """Values (r, m) from statistics (n, s) and multiplicities (r, n)."""
        ...


@dataclass(frozen=True)
class PairedTest:
    """A test of the difference between two systems, one entry for each value of the metric.

    Attributes
    ----------
    difference : float64 array (m,)
        First minus second on all studies.
    p_value : float64 array (m,)
        Two-sided, never 0; NaN where the difference is undefined.
    replicates : int
        Number of permutations or resamples.
    """

    difference: Floats
    p_value: Floats
    replicates: int


def approximate_randomization(
    aggregate: Aggregate,
    first: Floats,
    second: Floats,
    permutations: int = 10_000,
    seed: int = 0,
    subjects: Subjects | None = None,
) -> PairedTest:
    """Approximate randomization (Noreen, 1989): swap the systems' outputs study by study at random.

    Parameters
    ----------
    aggregate : callable
        The metric's own.
    first, second : float64 arrays (n, s)
        Statistics of both systems on the same studies in the same order.
    permutations : int
        Number of random swaps.
    seed : int
        Seed of the swaps.
    subjects : sequence of str (n,), optional
        Whose studies they are: all of a subject's are then swapped together, since those of one patient are alike.

    Returns
    -------
    PairedTest
        `p = (1 + permutations at least as different) / (1 + permutations)`: the observed assignment is one of those
        that the null hypothesis could have drawn, so p is never 0 (Phipson and Smyth, 2010).

    Raises
    ------
    InputError
        If the studies differ in number or there is no permutation.
    """
    _check(first, second, permutations, subjects)
    stacked = np.concatenate([first, second])
    whose = None if subjects is None else np.unique(subjects, return_inverse=True)[1].ravel()
    swapped = len(first) if whose is None else int(whose.max()) + 1
    observed = _difference(aggregate, first, second)
    extreme = np.zeros(len(observed))
    for drawn in _swaps(swapped, permutations, seed, rows=max(1, _CELLS // len(first))):
        swaps = drawn if whose is None else drawn[:, whose]
        kept = 1.0 - swaps
        left = aggregate(stacked, np.concatenate([kept, swaps], axis=1))
        right = aggregate(stacked, np.concatenate([swaps, kept], axis=1))
        extreme += (np.abs(left - right) >= np.abs(observed) - _TOLERANCE).sum(axis=0)
    return PairedTest(observed, _p_values(observed, extreme, permutations), permutations)


def paired_bootstrap(
    aggregate: Aggregate,
    first: Floats,
    second: Floats,
    replicates: int = 10_000,
    seed: int = 0,
    subjects: Subjects | None = None,
) -> PairedTest:
    """Paired bootstrap (Koehn, 2004, in the two-sided, centred form): draw the same studies for both systems.

    Parameters and result are those of `approximate_randomization`; the p-value counts resamples whose difference lies
    at least as far from the observed difference as that lies from zero. It is 1 for a single study or subject, of
    which all resamples are alike, and too small for few: of true null hypotheses with 10 studies a tenth has a p
    below 0.05, with 3 studies over a quarter (normal differences); `approximate_randomization` has no such defect.

    Raises
    ------
    InputError
        If the studies differ in number or there is no replicate.
    """
    _check(first, second, replicates, subjects)
    observed = _difference(aggregate, first, second)
    extreme = np.zeros(len(observed))
    if len(first) == 1 or (subjects is not None and len(set(subjects)) == 1):
        return PairedTest(observed, _p_values(observed, extreme + replicates, replicates), replicates)
    for counts in multiplicity_chunks(len(first), replicates, seed, subjects):
        differences = aggregate(first, counts) - aggregate(second, counts)
        extreme += (np.abs(differences - observed) >= np.abs(observed) - _TOLERANCE).sum(axis=0)
    return PairedTest(observed, _p_values(observed, extreme, replicates), replicates)


def holm(p_values: Floats) -> Floats:
    """Adjust p-values for the number of comparisons (Holm, 1979).

    Parameters
    ----------
    p_values : float64 array (m,)
        Of one family of comparisons; NaN entries are no comparison and stay NaN.

    Returns
    -------
    float64 array (m,)
        Adjusted, at most 1: a comparison is significant at level a if its entry is at most a.
    """
    adjusted = np.full(p_values.shape, np.nan)
    rows = np.flatnonzero(~np.isnan(p_values))
    order = rows[np.argsort(p_values[rows], kind="stable")]
    factors = np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(p_values[order] * factors), 1.0)
    return adjusted


def _difference(aggregate: Aggregate, first: Floats, second: Floats) -> Floats:
    once = np.ones((1, len(first)))
    return np.asarray((aggregate(first, once) - aggregate(second, once))[0])


def _p_values(observed: Floats, extreme: Floats, replicates: int) -> Floats:
    return np.where(np.isnan(observed), np.nan, (1.0 + extreme) / (1.0 + replicates))


def _swaps(n: int, permutations: int, seed: int, rows: int) -> Iterator[Floats]:
    """Random zeros and ones (permutations, n), some rows at a time."""
    generator = np.random.default_rng(seed)
    width = -(-n // 8)
    for start in range(0, permutations, rows):
        size = min(rows, permutations - start)
        packed = generator.integers(0, 256, size=(size, width), dtype=np.uint8)
        yield np.unpackbits(packed, axis=1, count=n).astype(np.float64)


def _check(first: Floats, second: Floats, replicates: int, subjects: Subjects | None) -> None:
    if first.shape != second.shape:
        raise InputError(f"paired test of {len(first)} and {len(second)} studies; give the same ones in the same order")
    if subjects is not None and len(subjects) != len(first):
        raise InputError(f"paired test over the subjects of {len(first)} studies; given are those of {len(subjects)}")
    if replicates < 1:
        raise InputError(f"paired test with {replicates} replicates; at least 1 is needed")


def bootstrap_p_value(difference: float, resampled: Floats) -> float:
    """The two-sided p-value of a difference: normal, with the bootstrap's standard error.

    Counting resamples beyond 0 would bound p by their number, and a correction for dozens of values would then never
    resolve any difference.

    Parameters
    ----------
    difference : float
        On all studies.
    resampled : float64 array (r,)
        The difference on each resample; NaN where it is undefined.

    Returns
    -------
    float
        1 where both the difference and its standard error are 0; NaN where it is undefined on every resample.

    Notes
    -----
    Too small for few studies, as every bootstrap is: of true null hypotheses with 10 studies a tenth has a p below
    0.05, with 3 studies nearly a quarter (normal differences). `approximate_randomization` has no such defect.
    """
    defined = resampled[~np.isnan(resampled)]
    if not len(defined):
        return math.nan
    error = float(np.std(defined))
    if error < _TOLERANCE:
        return float(abs(difference) < _TOLERANCE)
    return math.erfc(abs(difference) / error / math.sqrt(2))
