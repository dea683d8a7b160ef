"""Step 2, DCCLIP: encoders and projections of both modalities are aligned by the calibrated semantic matching loss.

Eqs. 3-9: soft targets are the cosine of label vectors, weighted by the uni-modal similarity of the candidates' own
modality, and normalised over the candidates. (The paper's Eq. 7 prints the normalising sum over i; image-to-text needs
the candidates j.)
"""

from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from dcrrg.configuration import Preset
from dcrrg.linear_start import featured
from dcrrg.measures import PRECISION, PRECISION_VERSION, RETRIEVAL, retrieval_measures
from dcrrg.model import DcrrgModel
from dcrrg.step1 import balanced_weights, draw_studies
from rrgbench.modeling.contrastive_loss import label_likeness
from rrgbench.training.chain import Stage
from rrgbench.training.data import Sources, TrainingData
from rrgbench.training.items import Batch, Collate, PairItems
from rrgbench.training.stage import Learner, Work


def stage(preset: Preset, sources: Sources, seed: int) -> Stage[DcrrgModel]:
    """Both encoders, both projections and the temperature, from films beside reports.

    Where step 1 left the image encoder as it started, reports alone move towards films.
    """
    locked = preset.image_start == "linear"

    def learner(model: DcrrgModel) -> Learner:
        image = [] if locked else [model.image_encoder, model.image_projection]
        return Learner(Contrast(model), [*image, model.text_encoder, model.text_projection, model.log_temperature])

    def work(model: DcrrgModel) -> Work:
        data, drawn = sources.data, preset
        if locked:
            data = replace(data, films=featured(model, data.films, sources))
            drawn = preset.model_copy(update={"augment": False})
        watched = preset.step2.validates
        return Work(
            pair_items(data, drawn, seed),
            Collate.of(model),
            pair_items(sources.validation, preset.for_validation, seed) if watched else None,
            retrieval_measures(model, sources.validation) if watched else None,
        )

    options = {"pairs", "image_start"}
    identity = {"augment": preset.augment, **preset.model_dump(include=options, exclude_defaults=True)}
    identity |= {PRECISION: PRECISION_VERSION} if preset.step2.stop_on == PRECISION else {}
    return Stage("step2", preset.step2, identity, work, learner, RETRIEVAL)


def pair_items(data: TrainingData, preset: Preset, seed: int) -> PairItems:
    """Films beside reports as a preset's `pairs` says; unpaired ones are matched by their labels."""
    weights = balanced_weights(data.films.labels, data.films.known) if preset.pairs == "balanced" else None
    return PairItems(
        data.films,
        data.reports,
        own=data.paired and preset.pairs != "labels",
        augment=preset.augment,
        seed=seed,
        draw=None if weights is None else lambda rng: draw_studies(weights, rng)[0],
    )


class Contrast(nn.Module):
    """Step 2, DCCLIP: both encoders and projections are aligned by the calibrated semantic matching loss."""

    def __init__(self, model: DcrrgModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, films: Tensor, ids: Tensor, mask: Tensor, film_labels: Tensor, text_labels: Tensor) -> Batch:
        """Loss of n films beside n reports with positive labels (n, 14)."""
        model, prompt = self.model, self.model.config.similarity_prompt
        v, t = model.image_features(films), model.text_features(ids, mask)
        loss = calibrated_semantic_matching_loss(
            model.image_projection.similarity_vector(v, prompt),
            model.text_projection.similarity_vector(t, prompt),
            v,
            t,
            film_labels,
            text_labels,
            model.temperature,
            model.config.target_temperature,
        )
        return {"loss": loss}


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
    cosine = label_likeness(image_labels, text_labels)
    similarity = images @ texts.T  # Eq. 6
    image_to_text = soft_targets(cosine, text_features.detach(), target_temperature)
    text_to_image = soft_targets(cosine.T, image_features.detach(), target_temperature)
    return (
        matching_loss(similarity, image_to_text, temperature) + matching_loss(similarity.T, text_to_image, temperature)
    ) / 2
