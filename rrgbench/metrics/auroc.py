"""Area under the ROC curve per observation, for any number of resamples at once.

The area is the probability that a positive scores above a negative, ties counting half (Mann and Whitney, 1947). Scores
are sorted once; a resample only changes how often each study counts.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from rrgbench.errors import InputError, listed

Floats = NDArray[np.float64]

_BLOCK_CELLS: Final = 200_000
"""Multiplicities worked on at a time: small enough to stay in a core's cache."""


def auroc(
    scores: Floats,
    labels: NDArray[np.integer],
    known: NDArray[np.bool_] | None = None,
    multiplicities: Floats | None = None,
) -> Floats:
    """AUROC of each observation.

    Parameters
    ----------
    scores : float array (n, m)
        Higher means more likely present; any monotone scale.
    labels : integer array (n, m)
        1 positive, 0 negative; other values only where not `known`.
    known : bool array (n, m), optional
        Cells that have a label; all by default.
    multiplicities : float64 array (r, n), optional
        How often each study counts in each of r resamples; once by default (r = 1).

    Returns
    -------
    float64 array (r, m)
        NaN where a resample has no positives or no negatives; `undefined_observations` names the reason.

    Raises
    ------
    InputError
        If shapes differ, a score is NaN or a known label is neither 0 nor 1.
    """
    scores, labels = np.asarray(scores, dtype=np.float64), np.asarray(labels)
    valid = np.ones(scores.shape, dtype=bool) if known is None else np.broadcast_to(known, scores.shape)
    _check(scores, labels, valid)
    counts = np.ones((1, len(scores))) if multiplicities is None else multiplicities
    values = np.full((len(counts), scores.shape[1]), np.nan)
    plans = [_Ranking(scores[:, j], labels[:, j] == 1, valid[:, j]) for j in range(scores.shape[1])]
    rows = max(1, _BLOCK_CELLS // max(1, len(scores)))
    for start in range(0, len(counts), rows):
        # Studies as rows: each step below then runs along contiguous resamples.
        block = np.ascontiguousarray(counts[start : start + rows].T)
        for column, plan in enumerate(plans):
            values[start : start + rows, column] = plan.areas(block)
    return values


def undefined_observations(
    labels: NDArray[np.integer], names: Sequence[str], known: NDArray[np.bool_] | None = None
) -> dict[str, str]:
    """Observations without an AUROC and why: no labels, no positives or no negatives."""
    valid = np.ones(labels.shape, dtype=bool) if known is None else np.broadcast_to(known, labels.shape)
    reasons: dict[str, str] = {}
    for column, name in enumerate(names):
        present = labels[valid[:, column], column]
        if not len(present):
            reasons[name] = "no labels"
        elif not (present == 1).any():
            reasons[name] = "no positives"
        elif not (present == 0).any():
            reasons[name] = "no negatives"
    return reasons


class _Ranking:
    """One observation's order of studies, reduced to what the areas of all resamples need.

    Studies of the rarer class are grouped by how many of the commoner class score below them and not above them; the
    commoner class is summed between those bounds, so that the work per resample is one addition a study.
    """

    def __init__(self, scores: Floats, positive: NDArray[np.bool_], valid: NDArray[np.bool_]) -> None:
        order = np.argsort(scores, kind="stable")
        order = order[valid[order]]
        positives, negatives = order[positive[order]], order[~positive[order]]
        self.inverted = len(positives) > len(negatives)
        self.rare, self.common = (negatives, positives) if self.inverted else (positives, negatives)
        below = np.searchsorted(scores[self.common], scores[self.rare], side="left")
        not_above = np.searchsorted(scores[self.common], scores[self.rare], side="right")
        inner = np.unique(np.concatenate([below, not_above]))
        self.bounds = inner[(inner > 0) & (inner < len(self.common))]
        edges = np.concatenate([[0], self.bounds, [len(self.common)]])
        self.below = np.searchsorted(edges, below)
        self.not_above = np.searchsorted(edges, not_above)

    def areas(self, counts: Floats) -> Floats:
        """Areas (r,) for multiplicities (n, r)."""
        if not len(self.rare) or not len(self.common):
            return np.full(counts.shape[1], np.nan)
        rare = counts[self.rare]
        sums = np.add.reduceat(counts[self.common], np.concatenate([[0], self.bounds]), axis=0)
        cumulated = np.zeros((len(sums) + 1, counts.shape[1]))
        np.cumsum(sums, axis=0, out=cumulated[1:])
        won = np.einsum("ir,ir->r", rare, cumulated[self.below] + cumulated[self.not_above]) / 2.0
        pairs = rare.sum(axis=0) * cumulated[-1]
        if self.inverted:
            # before the division, so that equal areas are equal to the last digit, whichever class is the rarer
            won = pairs - won
        return np.asarray(np.divide(won, pairs, out=np.full(counts.shape[1], np.nan), where=pairs > 0))


def _check(scores: Floats, labels: NDArray[np.integer], valid: NDArray[np.bool_]) -> None:
    if scores.ndim != 2 or scores.shape != labels.shape:
        raise InputError(
            f"AUROC of scores {scores.shape} and labels {labels.shape}; expected the same (studies, classes)"
        )
    missing = np.isnan(scores) & valid
    if missing.any():
        rows = listed(np.flatnonzero(missing.any(axis=1)))
        raise InputError(f"AUROC: {int(missing.sum())} scores are NaN, first in rows {rows}; every study needs a score")
    odd = valid & ~np.isin(labels, (0, 1))
    if odd.any():
        found = listed(sorted({str(value) for value in labels[odd]}))
        raise InputError(f"AUROC: labels hold {found}; expected 0 or 1, and `known` false elsewhere")
