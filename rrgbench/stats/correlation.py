"""Correlation between two sets of values, with bootstrap intervals.

The value is SciPy's. A constant input has no correlation; the result then says so instead of carrying a bare NaN.
"""

from dataclasses import dataclass, field
from typing import Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from rrgbench.errors import InputError
from rrgbench.stats.bootstrap import Subjects, multiplicity_chunks

Kind = Literal["pearson", "spearman", "kendall"]
Floats = NDArray[np.float64]

FEWEST: Final = 3
"""Pairs that a correlation needs."""


@dataclass(frozen=True)
class Correlation:
    """A correlation coefficient.

    Attributes
    ----------
    kind : str
        `pearson`, `spearman` or `kendall` (tau-b).
    value, low, high : float
        Coefficient and interval, -1 to 1; NaN where undefined.
    p_value : float
        SciPy's two-sided p-value of no correlation.
    n : int
        Number of pairs.
    undefined : str
        Why there is no coefficient; empty where there is one.
    resamples : float64 array (r,)
        The coefficient on each resample; NaN where one repeated pair was drawn. Empty where there is no coefficient.
    """

    kind: str
    value: float
    low: float
    high: float
    p_value: float
    n: int
    undefined: str = ""
    resamples: Floats = field(default_factory=lambda: np.empty(0), repr=False, compare=False)


def correlation(
    x: Floats,
    y: Floats,
    kind: Kind = "pearson",
    replicates: int = 1000,
    seed: int = 0,
    level: float = 0.95,
    subjects: Subjects | None = None,
) -> Correlation:
    """Correlation of paired values with a percentile bootstrap interval over pairs.

    Parameters
    ----------
    x, y : float64 arrays (n,)
        Paired values.
    kind : {"pearson", "spearman", "kendall"}
        Which coefficient.
    replicates : int
        Number of resamples; 0 leaves the interval out (NaN).
    seed : int
        Seed of the resamples.
    level : float
        Nominal coverage of the interval.
    subjects : sequence of str (n,), optional
        Whose values they are, where subjects are to be drawn and not pairs.

    Returns
    -------
    Correlation

    Raises
    ------
    InputError
        If lengths differ, a value is not finite or the kind is unknown.
    """
    if kind not in get_args(Kind):
        raise InputError(f"correlation {kind!r} is not known; expected one of {', '.join(get_args(Kind))}")
    x, y = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if x.shape != y.shape or x.ndim != 1:
        raise InputError(f"correlation of values with shapes {x.shape} and {y.shape}; expected two equally long lists")
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise InputError("correlation of values that are not all finite; leave undefined ones out first")
    reason = _undefined(x, y)
    if reason:
        return Correlation(kind, np.nan, np.nan, np.nan, np.nan, len(x), reason)
    value, p_value = _scipy(x, y, kind)
    drawn = _resamples(x, y, kind, replicates, seed, subjects)
    defined = drawn[~np.isnan(drawn)]
    low, high = np.quantile(defined, [(1.0 - level) / 2.0, (1.0 + level) / 2.0]) if len(defined) else (np.nan, np.nan)
    return Correlation(kind, value, float(low), float(high), p_value, len(x), resamples=drawn)


def _undefined(x: Floats, y: Floats) -> str:
    if len(x) < FEWEST:
        return f"{len(x)} pairs; a correlation needs at least {FEWEST}, since two always lie on a line"
    constant = [name for name, values in (("first", x), ("second", y)) if np.ptp(values) == 0.0]
    return f"the {' and '.join(constant)} values are constant" if constant else ""


def _resamples(
    x: Floats, y: Floats, kind: Kind, replicates: int, seed: int, subjects: Subjects | None = None
) -> Floats:
    found = np.full(replicates, np.nan)
    if subjects is not None and len(set(subjects)) == 1:
        return found  # all resamples would be alike
    rows = (row for chunk in multiplicity_chunks(len(x), replicates, seed, subjects) for row in chunk.astype(np.int64))
    for at, row in enumerate(rows if replicates else ()):
        drawn_x, drawn_y = np.repeat(x, row), np.repeat(y, row)
        if not _undefined(drawn_x, drawn_y):
            found[at] = _scipy(drawn_x, drawn_y, kind)[0]
    return found


def _scipy(x: Floats, y: Floats, kind: Kind) -> tuple[float, float]:
    # half a second of import that only this needs
    from scipy import stats

    if kind == "pearson":
        pearson = stats.pearsonr(x, y)
        return float(pearson[0]), float(pearson[1])
    ranked = stats.spearmanr(x, y) if kind == "spearman" else stats.kendalltau(x, y)
    return float(ranked[0]), float(ranked[1])
