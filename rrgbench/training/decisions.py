"""From log-odds of observations to what a report should say: thresholds, and decisions that contradict nobody.

A film has No Finding, or it has findings. Deciding each observation by itself says both of many films, or neither, and
no report can.
"""

import numpy as np
from numpy.typing import NDArray

from rrgbench.observations import OBSERVATIONS, POSITIVE, observation_index

Floats = NDArray[np.float64]

NO_FINDING = observation_index("No Finding")
_BESIDE = [NO_FINDING, observation_index("Support Devices")]
"""What a film without finding may have."""


def prevalence_thresholds(scores: Floats, labels: NDArray[np.int8], known: NDArray[np.bool_]) -> Floats:
    """Thresholds at which an observation is found as often as it is there.

    Parameters
    ----------
    scores : float64 array (n, 14)
        Log-odds of films that were not learned from (`rrgbench.training.linear_heads.out_of_fold`); NaN is unknown.
    labels : int8 array (n, 14)
        CheXpert coding.
    known : bool array (n, 14)
        Which pairs count.

    Returns
    -------
    float64 array (14,)
        In log-odds; infinity for an observation without positives or scores, minus infinity for one without negatives.

    Notes
    -----
    A threshold of highest F1 moves much with a few films of a rare observation, and that of a frequent one lies so low
    that most films have it.
    """
    thresholds = np.full(scores.shape[1], np.inf)
    for column in range(scores.shape[1]):
        rows = known[:, column] & ~np.isnan(scores[:, column])
        positive = labels[rows, column] == POSITIVE
        if positive.any():
            share = positive.mean()
            thresholds[column] = -np.inf if share == 1 else np.quantile(scores[rows, column], 1 - share)
    return thresholds


def decide(scores: Floats, thresholds: Floats) -> NDArray[np.bool_]:
    """Which observations a film has.

    No Finding goes first: a film that reaches its threshold has nothing else but support devices. Any other has what
    reaches its threshold, or, if nothing does, what comes nearest. Where No Finding can't be told by a score, a film
    has it that has nothing else.

    Parameters
    ----------
    scores : float64 array (n, 14)
        Log-odds; NaN never reaches a threshold.
    thresholds : float64 array (14,)
        In log-odds; infinity is never reached.

    Returns
    -------
    bool array (n, 14)
    """
    margin = np.where(np.isnan(scores), -np.inf, scores) - np.where(np.isfinite(thresholds), thresholds, 0.0)
    margin[:, thresholds == np.inf] = -np.inf
    margin[:, thresholds == -np.inf] = np.inf
    found = margin >= 0
    if np.isfinite(thresholds[NO_FINDING]):
        rest = np.delete(np.arange(len(OBSERVATIONS)), _BESIDE)
        found[np.ix_(found[:, NO_FINDING], rest)] = False
        none = np.flatnonzero(~found[:, [NO_FINDING, *rest]].any(axis=1) & np.isfinite(margin).any(axis=1))
        candidates = np.array([NO_FINDING, *rest])
        found[none, candidates[margin[np.ix_(none, candidates)].argmax(axis=1)]] = True
    else:
        found[:, NO_FINDING] = ~np.delete(found, _BESIDE, axis=1).any(axis=1)
    return found
