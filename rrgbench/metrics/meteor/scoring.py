"""METEOR's score from match counts (Denkowski and Lavie, WMT 2014).

Matches are weighted by matcher and by word type, giving precision P and recall R; the score is

    Fmean = P R / (alpha P + (1 - alpha) R),    score = Fmean (1 - gamma (chunks / matches)^beta),

with the parameters that the jar takes for English and its default task.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from rrgbench.metrics.base import Statistics

ALPHA: Final = 0.85
BETA: Final = 0.2
GAMMA: Final = 0.6
DELTA: Final = 0.75
STAGE_WEIGHTS: Final = (1.0, 0.6, 0.8, 0.6)
"""Exact, stem, synonym, paraphrase."""

HYPOTHESIS_LENGTH: Final = 0
REFERENCE_LENGTH: Final = 1
HYPOTHESIS_FUNCTION: Final = 2
REFERENCE_FUNCTION: Final = 3
FIRST_STAGE: Final = 4
"""Four columns a matcher: matched words of hypothesis (content), reference (content), hypothesis (function),
reference."""
CHUNKS: Final = 20
COLUMNS: Final = 21


def score(statistics: Statistics) -> NDArray[np.float64]:
    """Scores (n,) of statistics (n, 21), each in [0, 1]; 0 where nothing matches or a side is empty.

    The sums run in the jar's order, so that the last digits agree.
    """
    stages = statistics[:, FIRST_STAGE:CHUNKS].reshape(-1, len(STAGE_WEIGHTS), 4)
    lengths, functions = statistics[:, :2], statistics[:, 2:4]
    weighted_lengths = DELTA * (lengths - functions) + (1.0 - DELTA) * functions
    weighted = np.zeros((len(statistics), 2))
    for columns, share in ((slice(0, 2), DELTA), (slice(2, 4), 1.0 - DELTA)):
        for stage, weight in enumerate(STAGE_WEIGHTS):
            weighted += stages[:, stage, columns] * weight * share
    matched = _matched(statistics)
    with np.errstate(divide="ignore", invalid="ignore"):
        precision, recall = (weighted / weighted_lengths).T
        mean = 1.0 / ((1.0 - ALPHA) / precision + ALPHA / recall)
        fragments = np.where(_whole(statistics), 0.0, statistics[:, CHUNKS] / (matched.sum(axis=1) / 2))
        value = mean * (1.0 - GAMMA * fragments**BETA)
    return np.asarray(np.maximum(np.nan_to_num(value, nan=0.0), 0.0), dtype=np.float64)


def pooled(statistics: Statistics, multiplicities: NDArray[np.float64]) -> Statistics:
    """Statistics (r, 21) of r collections in which study i counts `multiplicities[:, i]` times.

    As in the jar, the single chunk of a study whose two texts match as a whole is not counted.
    """
    summed = statistics.copy()
    summed[_whole(statistics), CHUNKS] = 0.0
    return np.asarray(multiplicities @ summed, dtype=np.float64)


def _matched(statistics: Statistics) -> NDArray[np.float64]:
    """Matched words of hypothesis and reference (n, 2)."""
    return np.asarray(statistics[:, FIRST_STAGE:CHUNKS].reshape(-1, 2 * len(STAGE_WEIGHTS), 2).sum(axis=1))


def _whole(statistics: Statistics) -> NDArray[np.bool_]:
    """Where all words of both sides match in one chunk."""
    return np.asarray((_matched(statistics) == statistics[:, :2]).all(axis=1) & (statistics[:, CHUNKS] == 1.0))
