"""How high scores can go on a phantom that is read by two readers, for a model that knows the truth behind every film.

The readers' errors are independent given the truth, so the best that can be known of a label is its probability given
that truth. AUROC is highest for exactly this score. F1 is highest for a report that says whatever has a probability
above a threshold, the one that makes the expected F1 highest; the reference is what a labeler reads that knows every
word of `phrases` and none of `unseen`, as the rules do.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from rrgbench.data.phantom.labels import draw_labels
from rrgbench.data.phantom.population import PHANTOM_HARD, Population
from rrgbench.data.phantom.reading import reading_of
from rrgbench.observations import OBSERVATIONS, POSITIVE, UNCERTAIN

Floats = NDArray[np.float64]

_AGEING: Final = 0.25
"""How often a report with findings speaks of an ageing chest too, which a labeler doesn't call normal (`grammar`)."""


@dataclass(frozen=True)
class Ceiling:
    """The best that is to be expected on a large sample.

    Attributes
    ----------
    auroc : mapping of str to float
        By observation, against the first reader's labels; uncertain ones left out.
    mean_auroc : float
        Their mean.
    ce_f1 : float
        Micro F1 over 14 observations of the best report against the second reader's; uncertain counts as positive.
    truth_f1 : float
        The same for a report of the truth, all of it and nothing else; so much is left of the truth in a report.
    reader_f1 : float
        The same of the first reader's labels against the second reader's reports.
    """

    auroc: Mapping[str, float]
    ce_f1: float
    truth_f1: float
    reader_f1: float

    @property
    def mean_auroc(self) -> float:
        """Over the observations."""
        return float(np.mean(list(self.auroc.values())))


def ceiling(population: Population = PHANTOM_HARD, studies: int = 20_000, seed: int = 0) -> Ceiling:
    """The ceiling of a population, over the truths of so many studies.

    Parameters
    ----------
    population : Population
        With readers.
    studies : int
        Whose truths stand for the population; readers and reports are not drawn.
    seed : int
        Of the truths.

    Raises
    ------
    InputError
        If its labels and reports are the truth, so that the ceiling is 1.
    """
    reading_of(population)
    truth = draw_labels(population, seed, np.arange(studies, dtype=np.int64))
    positive, absent, mentioned = _label_chances(population, truth)
    areas = {
        name: _expected_auroc(positive[:, column], positive[:, column], absent[:, column])
        for column, name in enumerate(OBSERVATIONS)
    }
    there = np.isin(truth, (POSITIVE, UNCERTAIN)).astype(np.float64)
    seen = _seen(population, truth)
    return Ceiling(
        areas,
        ce_f1=_best_f1(mentioned.ravel()),
        truth_f1=_f1(there, mentioned),
        reader_f1=_f1(seen, mentioned),
    )


def _keeps(population: Population) -> Floats:
    return np.sqrt(reading_of(population).agreement)


def _seen(population: Population, truth: NDArray[np.int8]) -> Floats:
    """Probability (n, 14) that a reader calls each observation positive or uncertain."""
    keeps, base = _keeps(population), population.positive + population.uncertain
    there = np.isin(truth[:, 1:], (POSITIVE, UNCERTAIN))
    drawn = there * keeps + (1.0 - keeps) * base
    nothing = np.prod(1.0 - drawn[:, :-1], axis=1)
    return np.concatenate([nothing[:, None], drawn], axis=1)


def _label_chances(population: Population, truth: NDArray[np.int8]) -> tuple[Floats, Floats, Floats]:
    """Probabilities (n, 14) that a label is positive, that it is certain and not positive, that a report says so."""
    keeps, reading = _keeps(population), reading_of(population)
    seen = _seen(population, truth)
    positive = seen.copy()
    positive[:, 1:] = (truth[:, 1:] == POSITIVE) * keeps + (1.0 - keeps) * population.positive
    told = seen[:, 1:].copy()
    # devices are always told, in words that are known
    told[:, :-1] *= 1.0 - reading.omitted
    understood = told.copy()
    understood[:, :-1] *= 1.0 - reading.unseen
    silent, empty = (np.prod(1.0 - part[:, :-1], axis=1) for part in (understood, told))
    normal = empty + (silent - empty) * (1.0 - _AGEING)
    return positive, 1.0 - seen, np.concatenate([normal[:, None], understood], axis=1)


def _expected_auroc(score: Floats, positive: Floats, negative: Floats) -> float:
    """AUROC of a score where case i is positive with one probability and negative with another."""
    levels, places = np.unique(score, return_inverse=True)
    above, below = (np.bincount(places, weights, len(levels)) for weights in (positive, negative))
    lower = np.concatenate([[0.0], np.cumsum(below)[:-1]])
    return float((above * (lower + below / 2.0)).sum() / (above.sum() * below.sum()))


def _f1(said: Floats, reference: Floats) -> float:
    """Expected micro F1 of independent cells that are said and in the reference with given probabilities."""
    return float(2.0 * (said * reference).sum() / (said.sum() + reference.sum()))


def _best_f1(reference: Floats) -> float:
    """Expected F1 of saying the most probable cells, as many as make it highest."""
    hits = np.cumsum(np.sort(reference)[::-1])
    return float((2.0 * hits / (np.arange(1, len(hits) + 1) + hits[-1])).max())
