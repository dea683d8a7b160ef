"""Contrastive losses that several models share: cross-entropy of similarities towards own partners or soft targets."""

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, normalize


def info_nce(similarity: Tensor, temperature: Tensor | float, forward_weight: float = 0.5) -> Tensor:
    """Cross-entropy of each row's own column (InfoNCE, van den Oord et al. 2018), in both directions.

    Parameters
    ----------
    similarity : Tensor
        Similarities (n, n) of n pairs; row i's partner is column i.
    temperature : Tensor or float
        tau, positive; divides the similarities.
    forward_weight : float
        Weight of the rows' direction, the columns' having the rest of 1.

    Returns
    -------
    Tensor
        Scalar, the weighted mean of both directions' mean losses.
    """
    logits = similarity / temperature
    own = torch.arange(len(logits), device=logits.device)
    forward, backward = cross_entropy(logits, own), cross_entropy(logits.T, own)
    return forward_weight * forward + (1 - forward_weight) * backward


def label_likeness(film_labels: Tensor, text_labels: Tensor) -> Tensor:
    """Cosines (n, m) of label vectors (n, 14) and (m, 14); two vectors without a positive label are alike (1).

    The same rule as `rrgbench.data.label_matching.label_similarity`, on tensors.
    """
    cosine = normalize(film_labels.float(), dim=1) @ normalize(text_labels.float(), dim=1).T
    neither = ~film_labels.any(dim=1).unsqueeze(1) & ~text_labels.any(dim=1).unsqueeze(0)
    return cosine.masked_fill(neither, 1.0)


def soft_matching(similarity: Tensor, likeness: Tensor, temperature: Tensor | float) -> Tensor:
    """Cross-entropy of similarities towards the softmax of known likenesses, the mean of both directions.

    Parameters
    ----------
    similarity : Tensor
        Similarities (n, m) that the model gives, divided by `temperature`.
    likeness : Tensor
        How alike (n, m) the items are, as labels have it.
    temperature : Tensor or float
        tau, positive.
    """
    logits = similarity / temperature
    # cross_entropy takes class probabilities as targets
    forward = cross_entropy(logits, likeness.softmax(dim=1))
    backward = cross_entropy(logits.T, likeness.T.softmax(dim=1))
    return (forward + backward) / 2
