"""Step 1, observation-level pretraining: each encoder, by itself, learns to predict the observation it is prompted for.

Loss: cross-entropy of the prompted predictions (Section 3.1), with balancing by re-sampling per observation.
Unmentioned counts as negative; uncertain, and observations that the corpus does not label, are left out
(`rrgbench.data.corpus.training_items`). Reports come before films: variants that differ in films alone then share what
was learned from reports.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from dcrrg.configuration import Preset
from dcrrg.measures import HEADS, film_measures, text_measures
from dcrrg.model import DcrrgModel
from rrgbench.data.corpus import training_items
from rrgbench.observations import POSITIVE
from rrgbench.training.chain import Stage
from rrgbench.training.data import FilmSource, JoinedFilms, ReportSource, Sources
from rrgbench.training.items import Batch, Collate, DrawnFilms, DrawnItems
from rrgbench.training.stage import Learner, Work


def text_stage(preset: Preset, sources: Sources, seed: int) -> Stage[DcrrgModel]:
    """E_txt, f_t and their head, from reports."""

    def learner(model: DcrrgModel) -> Learner:
        return Learner(TextObservations(model), [model.text_encoder, model.text_projection, model.text_head])

    def work(model: DcrrgModel) -> Work:
        watched = preset.step1_text.validates
        return Work(
            ReportItems(sources.data.reports, preset.balance, seed),
            Collate.of(model),
            ReportItems(sources.validation.reports, False, seed) if watched else None,
            text_measures(model, sources.validation.reports) if watched else None,
        )

    return Stage("step1-text", preset.step1_text, {"balance": preset.balance}, work, learner, HEADS)


def image_stage(preset: Preset, sources: Sources, seed: int, extra: bool) -> Stage[DcrrgModel]:
    """E_img, f_v and their head, from films; those of a second corpus too if `extra`."""

    def learner(model: DcrrgModel) -> Learner:
        return Learner(ImageObservations(model), [model.image_encoder, model.image_projection, model.image_head])

    def work(model: DcrrgModel) -> Work:
        second = sources.extra_films if extra else None
        films = [sources.data.films, *([] if second is None else [second])]
        watched = preset.step1_image.validates
        return Work(
            FilmItems(films, preset.balance, preset.augment, seed),
            Collate.of(model),
            FilmItems([sources.validation.films], False, False, seed) if watched else None,
            film_measures(model, sources.validation.films) if watched else None,
        )

    identity: dict[str, Any] = {"balance": preset.balance, "augment": preset.augment}
    if extra and sources.extra is not None:
        identity["extra"] = sources.extra.digest
    return Stage("step1-image", preset.step1_image, identity, work, learner, HEADS)


class ImageObservations(nn.Module):
    """Step 1, films: E_img, f_v and the head learn to predict the prompted observation."""

    def __init__(self, model: DcrrgModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, films: Tensor, labels: Tensor, weights: Tensor) -> Batch:
        """Loss of films (n, h, w) with labels and item weights (n, 14)."""
        logits = self.model.image_head(self.model.image_observations(films))
        return {"loss": observation_loss(logits, labels, weights)}


class TextObservations(nn.Module):
    """Step 1, reports: E_txt, f_t and the head, likewise."""

    def __init__(self, model: DcrrgModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, ids: Tensor, mask: Tensor, labels: Tensor, weights: Tensor) -> Batch:
        """Loss of token ids and mask (n, t) with labels and item weights (n, 14)."""
        logits = self.model.text_head(self.model.text_observations(ids, mask))
        return {"loss": observation_loss(logits, labels, weights)}


class StudyItems(DrawnItems):
    """Studies of step 1 with item weights: each once, or re-sampled so that every observation is balanced."""

    def __init__(self, labels: NDArray[np.int8], known: NDArray[np.bool_], balance: bool, seed: int) -> None:
        self.labels = labels
        self.balanced = balanced_weights(labels, known) if balance else None
        self.known = known
        super().__init__(seed)

    def set_epoch(self, epoch: int) -> None:
        """Draw the epoch's studies."""
        super().set_epoch(epoch)
        if self.balanced is None:
            self.drawn, self.weights = np.arange(len(self.labels)), self.known.astype(np.float32)
        else:
            self.drawn, self.weights = draw_studies(self.balanced, self.rng())

    def __len__(self) -> int:
        return len(self.labels)

    def item(self, index: int) -> Batch:
        """Labels and weights of the epoch's item."""
        return {
            "labels": torch.from_numpy(self.labels[self.drawn[index]]),
            "weights": torch.from_numpy(self.weights[index]),
        }


class FilmItems(StudyItems):
    """Films of step 1, of one corpus or of several; what a corpus does not label counts in no loss."""

    def __init__(self, sources: Sequence[FilmSource], balance: bool, augment: bool, seed: int) -> None:
        self.films = DrawnFilms(JoinedFilms([source.films for source in sources]), augment, seed)
        labels = np.concatenate([source.labels for source in sources])
        super().__init__(labels, np.concatenate([source.known for source in sources]), balance, seed)

    def set_epoch(self, epoch: int) -> None:
        """Draw the epoch's studies and augmentation."""
        super().set_epoch(epoch)
        self.films.set_epoch(epoch)

    def __getitem__(self, index: int) -> Batch:
        return {"films": self.films.film(int(self.drawn[index]), index), **self.item(index)}


class ReportItems(StudyItems):
    """Reports of step 1."""

    def __init__(self, source: ReportSource, balance: bool, seed: int) -> None:
        self.source = source
        super().__init__(source.labels, training_items(source.labels), balance, seed)

    def __getitem__(self, index: int) -> Batch:
        return {"report": self.source.reports[int(self.drawn[index])], **self.item(index)}


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
