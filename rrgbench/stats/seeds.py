"""Values of models trained with several seeds, all measured on the same studies.

Two things make such a value uncertain: training (another seed gives another model) and the studies (another test set
gives another value). The mean over seeds therefore has the variance ::

    between seeds: s^2 / S, with s^2 the variance of the S values
    + studies:     the variance of the mean over seeds when studies are resampled, the same ones for every seed

and its interval is Student's t with Satterthwaite's degrees of freedom (Satterthwaite, 1946), which are close to S - 1
where training decides and close to the number of studies where those do. A bootstrap over three seeds would be too
narrow: it knows of only ten samples. For a difference between two systems pass the differences, taken seed by seed and
resample by resample: then it is paired by both.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rrgbench.errors import InputError

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class SeedMean:
    """A mean over seeds with its interval.

    Attributes
    ----------
    value, low, high : float
        Mean and interval; the interval has no width where neither seeds nor studies tell one.
    seeds : int
        Number of seeds.
    between, studies : float
        The two parts of its variance; `between` is NaN for a single seed.
    """

    value: float
    low: float
    high: float
    seeds: int
    between: float
    studies: float


def mean_over_seeds(values: Floats, replicates: Floats, studies: int, level: float = 0.95) -> SeedMean:
    """Mean over seeds, with an interval for both training and studies.

    Parameters
    ----------
    values : float64 array (s,)
        One value a seed, on all studies.
    replicates : float64 array (s, r)
        The values on r resamples of the studies, the same resamples for every seed. Resamples in which a value is
        undefined (NaN) are left out.
    studies : int
        Number of studies.
    level : float
        Nominal coverage of the interval.

    Returns
    -------
    SeedMean
        With a single seed the interval is that of the studies alone: it says nothing about another training.

    Raises
    ------
    InputError
        If shapes differ or a value is not finite.

    Examples
    --------
    >>> found = mean_over_seeds(np.array([0.3, 0.4, 0.5]), np.zeros((3, 10)), studies=100)
    >>> round(found.value, 3), round(found.low, 3), round(found.high, 3)
    (0.4, 0.152, 0.648)
    """
    values, replicates = np.asarray(values, dtype=np.float64), np.asarray(replicates, dtype=np.float64)
    if values.ndim != 1 or not len(values) or replicates.ndim != 2 or len(replicates) != len(values):
        raise InputError(f"values {values.shape} and resamples {replicates.shape}; expected (seeds,) and (seeds, r)")
    if not np.isfinite(values).all():
        raise InputError("the value of a seed is not finite; leave undefined ones out first")
    count, mean = len(values), float(values.mean())
    resampled = replicates.mean(axis=0)
    resampled = resampled[~np.isnan(resampled)]
    by_study = float(resampled.var(ddof=1)) if len(resampled) > 1 else 0.0
    by_seed = float(values.var(ddof=1)) / count if count > 1 else 0.0
    width = _half_width(by_seed, by_study, count, studies, level)
    between = by_seed if count > 1 else np.nan
    return SeedMean(mean, mean - width, mean + width, count, between, by_study)


def mean_of_intervals(
    values: Sequence[float], intervals: Sequence[tuple[float, float]], studies: int, level: float = 0.95
) -> SeedMean:
    """The same from each seed's own interval over the studies, where resamples are not at hand.

    The variance over studies is that of one seed (the mean over seeds), since all seeds share their studies: a little
    too wide where the seeds' errors on a study are not the same.

    Parameters
    ----------
    values : sequence of float
        One value a seed.
    intervals : sequence of (float, float)
        The seeds' intervals over studies, of nominal coverage `level`; empty where none was made.
    studies : int
        Number of studies.
    level : float
        Nominal coverage.

    Examples
    --------
    >>> found = mean_of_intervals([0.3, 0.4, 0.5], [], studies=100)
    >>> round(found.low, 3), round(found.high, 3)
    (0.152, 0.648)
    """
    # the commands that only read a run's records mean over nothing
    from scipy.special import ndtri

    count, mean = len(values), float(np.mean(values))
    normal = float(ndtri((1.0 + level) / 2.0))
    by_study = float(np.mean([((high - low) / 2.0 / normal) ** 2 for low, high in intervals])) if intervals else 0.0
    by_seed = float(np.var(values, ddof=1)) / count if count > 1 else 0.0
    width = _half_width(by_seed, by_study, count, studies, level)
    return SeedMean(mean, mean - width, mean + width, count, by_seed if count > 1 else np.nan, by_study)


def _half_width(by_seed: float, by_study: float, count: int, studies: int, level: float) -> float:
    """Half the width of the t interval with Satterthwaite's degrees of freedom."""
    from scipy.special import stdtrit

    error, degrees = satterthwaite(((by_seed, count - 1), (by_study, max(studies - 1, 1))))
    return float(stdtrit(degrees, (1.0 + level) / 2.0)) * error if error else 0.0


def satterthwaite(parts: Sequence[tuple[float, int]]) -> tuple[float, float]:
    """Standard error and degrees of freedom of a sum of variances, each with its own degrees of freedom.

    Infinitely many degrees where nothing varies.
    """
    variance = sum(part for part, _ in parts)
    if variance == 0.0:
        return 0.0, np.inf
    degrees = variance**2 / sum(part**2 / free for part, free in parts if part > 0.0)
    return float(np.sqrt(variance)), float(degrees)


def correlation_over_seeds(
    first: Floats, second: Floats, first_replicates: Floats, second_replicates: Floats, level: float, seed: int
) -> SeedMean:
    """Pearson correlation over systems between two values, each the mean over seeds.

    Parameters
    ----------
    first, second : float64 arrays (v, s)
        Values of v systems with s seeds.
    first_replicates, second_replicates : float64 arrays (v, s, r)
        The same on resamples of the studies.
    level : float
        Nominal coverage of the interval.
    seed : int
        Of the drawn deviations.

    Returns
    -------
    SeedMean
        The interval is that of the correlations of drawn values: each resample of the studies goes with a deviation of
        the means over seeds, drawn from the multivariate t of S - 1 degrees of freedom with the covariance between
        seeds of all values. Seeds drawn with replacement would vary too little. NaN where the values are constant.

    Raises
    ------
    InputError
        If there are fewer than three systems, of which two always lie on a line.
    """
    if first.shape != second.shape or first.ndim != 2 or len(first) < 3:
        raise InputError(f"correlation over systems of values {first.shape} and {second.shape}; at least 3 are needed")
    count = first.shape[1]
    x, y = (
        means + drawn
        for means, drawn in zip(
            (first.mean(axis=1), second.mean(axis=1)),
            deviations_of_means((first, second), (first_replicates, second_replicates), seed),
            strict=True,
        )
    )
    found = [_pearson(one, other) for one, other in zip(x, y, strict=True)]
    known = np.array([one for one in found if not np.isnan(one)])
    tails = ((1.0 - level) / 2.0, (1.0 + level) / 2.0)
    low, high = (float(end) for end in np.quantile(known, tails)) if len(known) else (np.nan, np.nan)
    return SeedMean(_pearson(first.mean(axis=1), second.mean(axis=1)), low, high, count, np.nan, np.nan)


def deviations_of_means(values: Sequence[Floats], replicates: Sequence[Floats], seed: int) -> list[Floats]:
    """How far means over seeds may lie from the true ones, drawn together for several quantities.

    Parameters
    ----------
    values : sequence of float64 arrays (v, s)
        Each quantity of v systems with s seeds.
    replicates : sequence of float64 arrays (v, s, r)
        The same on resamples of the studies.
    seed : int
        Of the draws.

    Returns
    -------
    list of float64 arrays (r, v)
        As `correlation_over_seeds` says.
    """
    count, resamples = values[0].shape[1], replicates[0].shape[2]
    # of a single seed nothing is known of how seeds vary
    weights = _deviations(count, resamples, np.random.default_rng(seed)) if count > 1 else np.zeros((resamples, 1))
    return [
        resampled.mean(axis=1).T - one.mean(axis=1) + weights @ (one - one.mean(axis=1, keepdims=True)).T
        for one, resampled in zip(values, replicates, strict=True)
    ]


def _deviations(count: int, draws: int, generator: np.random.Generator) -> Floats:
    """Weights (draws, count) of the seeds' deviations from their mean, which make them a draw of the mean's own."""
    normal = generator.standard_normal((draws, count))
    spread = np.sqrt(generator.chisquare(count - 1, (draws, 1)) / (count - 1))
    drawn: Floats = normal / spread / np.sqrt(count * (count - 1))
    return drawn


def _pearson(x: Floats, y: Floats) -> float:
    x, y = x - x.mean(), y - y.mean()
    scale = float(np.sqrt((x**2).sum() * (y**2).sum()))
    return float((x * y).sum() / scale) if scale > 0.0 else np.nan
