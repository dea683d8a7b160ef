"""Reports for films that have none of their own, matched through labels (as MedCLIP decouples its pairs)."""

import numpy as np
from numpy.typing import NDArray

from rrgbench.observations import OBSERVATIONS, POSITIVE

Floats = NDArray[np.float32]


def positives(labels: NDArray[np.int8], labelled: tuple[str, ...] = OBSERVATIONS) -> Floats:
    """Label vectors (n, 14): 1 where positive, 0 elsewhere and where the corpus doesn't label."""
    speaks = np.array([name in labelled for name in OBSERVATIONS])
    return np.asarray((labels == POSITIVE) & speaks, dtype=np.float32)


def label_similarity(film_labels: Floats, report_labels: Floats) -> Floats:
    """Cosine of label vectors (films, reports); a film without a positive label goes with reports that have none."""

    def unit(x: Floats) -> Floats:
        return np.asarray(x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-9), dtype=np.float32)

    similarity = unit(film_labels) @ unit(report_labels).T
    similarity[np.ix_(~film_labels.any(axis=1), ~report_labels.any(axis=1))] = 1.0
    return np.asarray(similarity, dtype=np.float32)


def match_by_labels(film_labels: Floats, report_labels: Floats, rng: np.random.Generator) -> NDArray[np.int64]:
    """A report for each film (n,): one drawn among those whose label vectors are most alike.

    Parameters
    ----------
    film_labels, report_labels : float32 arrays (n, 14), (m, 14)
        As `positives` gives them.
    rng : Generator
        Draws among equals.
    """
    patterns, inverse = np.unique(film_labels, axis=0, return_inverse=True)
    chosen = np.empty(len(film_labels), dtype=np.int64)
    for pattern, row in enumerate(label_similarity(patterns, report_labels)):
        members = np.flatnonzero(inverse.ravel() == pattern)
        chosen[members] = rng.choice(np.flatnonzero(row >= row.max() - 1e-6), len(members))
    return chosen
