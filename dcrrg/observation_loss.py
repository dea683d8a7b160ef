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


def balanced_weights(labels: NDArray[np.int8], known: NDArray[np.bool_]) -> NDArray[np.float64]:
    """How often re-sampling draws each (study, observation) pair in one epoch, on average (n, 14).

    For every observation by itself, as many items are drawn as it has, half of them positive. Drawing a pair k times
    and weighting its loss by k is the same, and lets all 14 items of a study share one pass of its encoder. An
    observation with one class only keeps each item once.
    """
    positive = known & (labels == POSITIVE)
    negative = known & (labels != POSITIVE)
    half = known.sum(axis=0) / 2
    both = positive.any(axis=0) & negative.any(axis=0)
    per_positive = np.where(both, half / np.maximum(positive.sum(axis=0), 1), 1.0)
    per_negative = np.where(both, half / np.maximum(negative.sum(axis=0), 1), 1.0)
    return np.asarray(positive * per_positive + negative * per_negative)


def draw_studies(
    weights: NDArray[np.float64], rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Draw an epoch's studies so that no single item weighs much more than another.

    A rare positive would weigh as much as its whole batch. Studies are drawn instead with a probability that mixes the
    uniform one with one in proportion to the norm of their item weights, and weights are divided by what is expected of
    the draw, so that the mean loss stays that of `weights`.

    Parameters
    ----------
    weights : float64 array (n, 14)
        Item weights.
    rng : Generator
        Source of randomness.

    Returns
    -------
    int64 array (n,), float32 array (n, 14)
        Drawn studies, with replacement, and the item weights of each draw.
    """
    norms = np.sqrt((weights**2).sum(axis=1))
    probability = 0.5 * norms / norms.sum() + 0.5 / len(weights)
    drawn = rng.choice(len(weights), size=len(weights), p=probability)
    return drawn, (weights[drawn] / (len(weights) * probability[drawn, None])).astype(np.float32)


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
