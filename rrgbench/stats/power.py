"""What a design can show: the smallest difference, the smallest margin, and how many seeds and studies it takes.

A design is a number of seeds and of studies. A mean over seeds has the variance that `rrgbench.stats.seeds` gives it,
taken as the true one; with S' seeds and n' studies in place of S and n it is

    between * S / S' + studies * n / n'

with Satterthwaite's degrees of freedom for those numbers. Power is the chance that the interval decides.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtri, nctdtrinc, ndtr, stdtrit

from rrgbench.errors import InputError
from rrgbench.stats.seeds import SeedMean, deviations_of_means, satterthwaite

Floats = NDArray[np.float64]

POWER: Final = 0.8
"""The chance with which a stated difference is shown, unless said otherwise."""

_TRUTHS: Final = 200
_GRID: Final = 60

MOST_SEEDS: Final = 1000
MOST_STUDIES: Final = 1_000_000


@dataclass(frozen=True)
class Design:
    """How many seeds both systems are trained with, and on how many studies they are measured."""

    seeds: int
    studies: int


@dataclass(frozen=True)
class Spread:
    """What makes a difference uncertain, for any design.

    Attributes
    ----------
    seed : float
        Variance of one seed's difference from training alone.
    study : float
        Variance from the studies, times their number.
    """

    seed: float
    study: float

    @classmethod
    def of(cls, found: SeedMean, studies: int) -> "Spread":
        """The spread behind a measured mean over seeds.

        Raises
        ------
        InputError
            If it was measured with a single seed, which says nothing of other trainings.
        """
        if np.isnan(found.between):
            raise InputError("one seed doesn't say how seeds differ; train at least two")
        return cls(found.between * found.seeds, found.studies * studies)

    def error(self, design: Design) -> tuple[float, float]:
        """Standard error and degrees of freedom under a design."""
        parts = (self.seed / design.seeds, design.seeds - 1), (self.study / design.studies, max(design.studies - 1, 1))
        return satterthwaite(parts)


def smallest_difference(spread: Spread, design: Design, level: float = 0.95, power: float = POWER) -> float:
    """The smallest true difference whose interval excludes 0 on its side with a given chance.

    Parameters
    ----------
    spread : Spread
        Of the difference.
    design : Design
        Seeds (2 or more) and studies.
    level : float
        Coverage of the two-sided interval.
    power : float
        The chance.

    Examples
    --------
    >>> round(smallest_difference(Spread(1.0, 0.0), Design(3, 1000)), 2)
    3.26
    >>> round(smallest_difference(Spread(0.0, 1.0), Design(3, 1_000_000)) * 1000, 2)
    2.8
    """
    error, degrees = spread.error(design)
    if error == 0.0:
        return 0.0
    return float(nctdtrinc(degrees, 1.0 - power, stdtrit(degrees, (1.0 + level) / 2.0))) * error


def smallest_margin(spread: Spread, design: Design, level: float = 0.9, power: float = POWER) -> float:
    """The smallest margin within which two equal systems are shown to be equal with a given chance.

    By the two one-sided tests whose interval has coverage `level`; parameters as of `smallest_difference`.

    Examples
    --------
    >>> round(smallest_margin(Spread(0.0, 1.0), Design(3, 1_000_000)) * 1000, 2)
    2.93
    """
    error, degrees = spread.error(design)
    if error == 0.0:
        return 0.0
    # the interval's half width, where the standard error is drawn too: chi-squared, by its quantiles
    ranks = (np.arange(2000) + 0.5) / 2000
    halves = stdtrit(degrees, (1.0 + level) / 2.0) * np.sqrt(chdtri(degrees, ranks) / degrees)

    def shown(margin: float) -> float:
        room = np.maximum(margin - halves, 0.0)
        return float(np.mean(2.0 * ndtr(room) - 1.0))

    low, high = 0.0, 1.0
    while shown(high) < power:
        low, high = high, 2.0 * high
    for _ in range(50):
        middle = (low + high) / 2.0
        low, high = (middle, high) if shown(middle) < power else (low, middle)
    return high * error


def fewest_seeds(difference: float, shown: Callable[[int], float], fewest: int = 3) -> int | None:
    """Seeds with which a difference is shown; None if more than `MOST_SEEDS`.

    Parameters
    ----------
    difference : float
        Above 0.
    shown : callable
        The smallest difference (or margin) that so many seeds show.
    fewest : int
        Fewer than that are never enough.

    Examples
    --------
    >>> fewest_seeds(1.0, lambda seeds: smallest_difference(Spread(1.0, 0.0), Design(seeds, 1000)))
    10
    """
    return _smallest(fewest, MOST_SEEDS, shown, difference)


def fewest_studies(difference: float, shown: Callable[[int], float]) -> int | None:
    """Studies with which a difference is shown; None if more than `MOST_STUDIES`; parameters as of `fewest_seeds`."""
    return _smallest(2, MOST_STUDIES, shown, difference)


def _smallest(low: int, high: int, shown: Callable[[int], float], difference: float) -> int | None:
    """The smallest number from low to high with which no more than `difference` is needed.

    What is needed falls and may rise again, with the degrees of freedom: of many studies the seeds alone decide.
    So the first of a grid is searched, and bisection goes on below it.
    """
    grid = np.unique(np.geomspace(low, high, _GRID).round().astype(int)).tolist()
    enough = next((place for place, number in enumerate(grid) if shown(number) <= difference), None)
    if difference <= 0.0 or enough is None:
        return None
    low, high = grid[enough - 1] if enough else low, grid[enough]
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if shown(middle) <= difference else (middle + 1, high)
    return low


def correlation_power(
    correlation: float, first: Floats, second: Floats, first_replicates: Floats, second_replicates: Floats, seed: int
) -> float:
    """The chance that a true correlation over systems is shown: its 95 % interval lies above 0.

    Systems are given true values with this correlation and the spread that was measured, 200 times; each time one drawn
    deviation makes the measured values of them, and the interval is that of `correlation_over_seeds`.

    Parameters
    ----------
    correlation : float
        The true one.
    first, second, first_replicates, second_replicates
        As in `correlation_over_seeds`, whose deviations are taken.
    seed : int
        Of all draws.
    """
    deviations = deviations_of_means((first, second), (first_replicates, second_replicates), seed)
    means = first.mean(axis=1), second.mean(axis=1)
    x, spread = means[0] - means[0].mean(), float(np.linalg.norm(means[1] - means[1].mean()))
    generator = np.random.default_rng(seed)
    along = x / np.linalg.norm(x)
    shown = 0
    for _ in range(_TRUTHS):
        across = generator.standard_normal(len(x))
        across -= across.mean() + (across @ along) * along
        across /= np.linalg.norm(across)
        y = spread * (correlation * along + np.sqrt(1.0 - correlation**2) * across)
        drawn = int(generator.integers(len(deviations[0])))
        measured = (x + deviations[0][drawn], y + deviations[1][drawn])
        found = _correlations(*(one + noise for one, noise in zip(measured, deviations, strict=True)))
        shown += float(np.nanquantile(found, 0.025)) > 0.0
    return shown / _TRUTHS


def smallest_correlation(
    first: Floats, second: Floats, first_replicates: Floats, second_replicates: Floats, seed: int, power: float = POWER
) -> float | None:
    """The smallest of 0.05, 0.1 .. 1 that is shown with a given chance, by `correlation_power`; None if not even 1."""
    given = first, second, first_replicates, second_replicates, seed
    steps = [round(0.05 * step, 2) for step in range(1, 21)]
    if correlation_power(1.0, *given) < power:
        return None
    low, high = 0, len(steps) - 1
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if correlation_power(steps[middle], *given) >= power else (middle + 1, high)
    return steps[low]


def _correlations(x: Floats, y: Floats) -> Floats:
    """Pearson correlation of each row."""
    x, y = x - x.mean(axis=1, keepdims=True), y - y.mean(axis=1, keepdims=True)
    scale = np.sqrt((x**2).sum(axis=1) * (y**2).sum(axis=1))
    found: Floats = np.divide((x * y).sum(axis=1), scale, out=np.full(len(x), np.nan), where=scale > 0.0)
    return found
