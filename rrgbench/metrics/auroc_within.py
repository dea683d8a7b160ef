"""Area under the ROC curve within groups: only films of the same group are compared, such as those of the same view.

A classifier that tells bedside films from others ranks by the ward, not by the lungs, where one of them has more
disease. Of each observation the areas of the groups are averaged by their pairs of a positive and a negative: the
probability that a positive scores above a negative of its own group.
"""

import numpy as np
from numpy.typing import NDArray

from rrgbench.metrics.auroc import Floats, auroc


def auroc_within(
    scores: Floats,
    labels: NDArray[np.integer],
    known: NDArray[np.bool_],
    groups: NDArray[np.integer],
    multiplicities: Floats | None = None,
) -> Floats:
    """AUROC of each observation within groups.

    Parameters
    ----------
    scores, labels, known, multiplicities
        As in `rrgbench.metrics.auroc.auroc`.
    groups : integer array (n,)
        Whose films are compared with each other.

    Returns
    -------
    float64 array (r, m)
        NaN where no group of a resample has a positive and a negative.
    """
    counts = np.ones((1, len(scores))) if multiplicities is None else multiplicities
    positive, negative = (labels == 1) & known, (labels != 1) & known
    won = np.zeros((len(counts), scores.shape[1]))
    pairs = np.zeros_like(won)
    for group in np.unique(groups):
        rows = np.flatnonzero(groups == group)
        drawn = np.ascontiguousarray(counts[:, rows])
        areas = auroc(scores[rows], labels[rows], known[rows], drawn)
        of_group = (drawn @ positive[rows]) * (drawn @ negative[rows])
        won += np.where(of_group > 0, areas, 0.0) * of_group
        pairs += of_group
    return np.divide(won, pairs, out=np.full_like(won, np.nan), where=pairs > 0)
