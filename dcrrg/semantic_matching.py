"""Step 2: the calibrated semantic matching loss, Eqs. 3-9.

Soft targets are the cosine of label vectors, weighted by the uni-modal similarity of the candidates' own modality, and
normalised over the candidates. (The paper's Eq. 7 prints the normalising sum over i; image-to-text needs the
candidates j.)
"""

import torch
from torch import Tensor
from torch.nn.functional import normalize


def label_cosine(image_labels: Tensor, text_labels: Tensor) -> Tensor:
    """s (n, m), Eq. 3, of non-negative label vectors (n, 14) and (m, 14); a zero vector is similar to nothing."""
    return normalize(image_labels.float(), dim=1) @ normalize(text_labels.float(), dim=1).T


def soft_targets(cosine: Tensor, features: Tensor, temperature: float = 1.0) -> Tensor:
    """y (n, n), Eqs. 4 and 5: softmax over candidates j of w_ij s_ij, with w_ij = sim(f_i, f_j) / 2 + 0.5.

    Parameters
    ----------
    cosine : Tensor
        s_ij (n, n), rows the queries.
    features : Tensor
        Uni-modal representations (n, d) of the candidates' modality: texts for image-to-text, films the other way.
    temperature : float
        Divides the exponent; 1 is the paper's form, whose targets are nearly flat because w s lies in [0, 1].
    """
    unit = normalize(features, dim=1)
    weight = unit @ unit.T / 2 + 0.5
    return torch.softmax(weight * cosine / temperature, dim=1)


def matching_loss(similarity: Tensor, targets: Tensor, temperature: Tensor) -> Tensor:
    """Eqs. 7 and 8: cross-entropy of softmax_j(similarity / tau) (n, n) under soft targets (n, n)."""
    return -(targets * torch.log_softmax(similarity / temperature, dim=1)).sum(dim=1).mean()


def calibrated_semantic_matching_loss(
    images: Tensor,
    texts: Tensor,
    image_features: Tensor,
    text_features: Tensor,
    image_labels: Tensor,
    text_labels: Tensor,
    temperature: Tensor,
    target_temperature: float = 1.0,
) -> Tensor:
    """L_CSM, Eq. 9: the mean of both directions.

    Parameters
    ----------
    images, texts : Tensor
        Unit vectors (n, p) in the shared space.
    image_features, text_features : Tensor
        Uni-modal representations (n, d), (n, m) that calibrate the targets; no gradient flows through them.
    image_labels, text_labels : Tensor
        Label vectors (n, 14), 1 where positive and 0 elsewhere.
    temperature : Tensor
        tau, a scalar.
    target_temperature : float
        See `soft_targets`.
    """
    cosine = label_cosine(image_labels, text_labels)
    similarity = images @ texts.T  # Eq. 6
    image_to_text = soft_targets(cosine, text_features.detach(), target_temperature)
    text_to_image = soft_targets(cosine.T, image_features.detach(), target_temperature)
    return (
        matching_loss(similarity, image_to_text, temperature) + matching_loss(similarity.T, text_to_image, temperature)
    ) / 2
