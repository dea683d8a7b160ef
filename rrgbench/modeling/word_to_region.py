"""Localised matching of words with image regions (GLoRIA, Huang et al. 2021, Section 3.3).

Contexts c_i = sum_j a_ij v_j are never formed for all pairs of images and texts: their products with words are
sum_j a_ij <v_j, t_i> and their lengths follow from the regions' Gram matrix, so memory does not grow with the width.
"""

import torch
from torch import Tensor


def localized_matching(
    regions: Tensor, words: Tensor, mask: Tensor, attention_temperature: float, word_temperature: float
) -> Tensor:
    """Z (n, m) of n images with m texts.

    Parameters
    ----------
    regions : Tensor
        Unit vectors v (n, r, p) of image regions.
    words : Tensor
        Unit vectors t (m, w, p) of words.
    mask : Tensor
        Which words (m, w) there are; at least one a text.
    attention_temperature : float
        tau_2 of a_ij = softmax_j(<v_j, t_i> / tau_2).
    word_temperature : float
        tau_3 of Z = log (sum_i exp(<c_i, t_i> / tau_3)) ^ tau_3, where <., .> is the cosine.
    """
    closeness = torch.einsum("nrp,mwp->nmwr", regions, words)
    attention = (closeness / attention_temperature).softmax(dim=-1)
    product = (attention * closeness).sum(dim=-1)
    gram = regions @ regions.transpose(1, 2)
    squared = (torch.einsum("nmwr,nrs->nmws", attention, gram) * attention).sum(dim=-1)
    cosine = product / squared.clamp_min(1e-12).sqrt()
    scaled = (cosine / word_temperature).masked_fill(~mask.unsqueeze(0), float("-inf"))
    return word_temperature * scaled.logsumexp(dim=-1)
