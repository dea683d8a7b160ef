"""Step 1: cross-entropy of prompted observation predictions, with balancing by re-sampling per observation.

Unmentioned counts as negative; uncertain, and observations that the corpus does not label, are left out
(`rrgbench.data.corpus.training_items`).
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cross_entropy

from rrgbench.observations import POSITIVE


def balanced_multiplicities(
    labels: NDArray[np.int8], known: NDArray[np.bool_], rng: np.random.Generator
) -> NDArray[np.float32]:
    """How often re-sampling draws each (study, observation) pair in one epoch (n, 14).

    For every observation by itself, as many items are drawn (with replacement) as it has, half of them positive.
    Drawing a pair k times and weighting its loss by k is the same, and lets all 14 items of a study share one pass of
    its encoder. An observation with one class only keeps each item once.
    """
    counts = known.astype(np.float32)
    for column in range(labels.shape[1]):
        positive = np.flatnonzero(known[:, column] & (labels[:, column] == POSITIVE))
        negative = np.flatnonzero(known[:, column] & (labels[:, column] != POSITIVE))
        if not len(positive) or not len(negative):
            continue
        items = len(positive) + len(negative)
        drawn = np.concatenate([rng.choice(positive, items // 2), rng.choice(negative, items - items // 2)])
        counts[:, column] = np.bincount(drawn, minlength=len(labels))
    return counts


def observation_loss(logits: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
    """Weighted cross-entropy over training items.

    Parameters
    ----------
    logits : Tensor
        (n, 14, 2) of negative and positive.
    labels : Tensor
        CheXpert coding (n, 14).
    weights : Tensor
        How often each item counts (n, 14); 0 leaves it out.

    Returns
    -------
    Tensor
        Scalar: sum of weighted losses over the number of items in the batch.
    """
    target = (labels == POSITIVE).long()
    losses = cross_entropy(logits.flatten(0, 1), target.flatten(), reduction="none").view_as(weights)
    # dividing by the expected, not the drawn, number of items keeps the estimate of the epoch's mean unbiased
    return (losses * weights).sum() / torch.tensor(weights.numel(), dtype=losses.dtype, device=losses.device)
