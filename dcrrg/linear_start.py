"""Step 1 for few films: the image head starts as one linear head an observation on frozen features (an option of ours).

With hundreds of films an encoder that is trained whole forgets more than it learns. Its features are computed once; a
logistic regression an observation is fitted on them in closed form and written into f_v and the shared head, which then
give exactly its log-odds: each regression is a pair of hidden units that open for their own prompt alone. The other
units stay as they were drawn, for the representation.
"""

import time
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import softplus

from dcrrg.configuration import Preset
from dcrrg.model import DcrrgModel
from dcrrg.thresholds import set_thresholds
from rrgbench.errors import InputError
from rrgbench.observations import OBSERVATIONS, POSITIVE
from rrgbench.training.chain import Stage
from rrgbench.training.data import FilmSource, Sources
from rrgbench.training.linear_heads import LinearHeads, out_of_fold
from rrgbench.training.memory import peak_memory
from rrgbench.training.stage import StageReport
from rrgbench.training.stored_features import stored_features

_SHUT = 256.0
"""What a hidden unit lacks to open for another prompt than its own; log-odds stay far below it."""


def stage(preset: Preset, sources: Sources, seed: int, extra: bool) -> Stage[DcrrgModel]:
    """f_v and its head as linear heads on what the encoder starts with; nothing is trained step by step."""
    strength = preset.linear_strength

    def work(model: DcrrgModel) -> StageReport:
        began = time.monotonic()
        own = sources.data.films
        second = sources.extra_films if extra else None
        parts = [own, *([] if second is None else [second])]
        vectors = np.concatenate([film_features(model, part, sources) for part in parts])
        labels = np.concatenate([part.labels for part in parts])
        known = np.concatenate([part.known for part in parts])
        # data sets number subjects by themselves, and copies of one alike
        subjects = [
            f"{0 if sources.extra_is_a_copy else number}/{subject}"
            for number, part in enumerate(parts)
            for subject in subjects_of(part, number)
        ]
        apart = out_of_fold(vectors, labels, known, subjects, strength, seed)
        # those of the second corpus may be as frequent as they like there
        rows = slice(len(own.films))
        set_thresholds(model, apart[rows], own)
        heads = LinearHeads(vectors.copy(), labels, known, strength)
        write_linear_heads(model, *heads.weights)
        model.requires_grad_(False)
        for part in (model.image_projection, model.image_head):
            part.requires_grad_(True)
        trained = sum(p.numel() for p in model.parameters() if p.requires_grad)
        loss = _loss(heads.scores(vectors), labels, known)
        return StageReport(
            stage="step1-linear",
            items=len(vectors),
            seconds=time.monotonic() - began,
            peak_memory=peak_memory(),
            loss=loss,
            trainable_share=trained / sum(p.numel() for p in model.parameters()),
            trained_parameters=trained,
            epochs=1.0,
            validation_loss=None,
            kept_epoch=1.0,
            stop_on="",
            kept_value=None,
            floor=None,
            below_floor=False,
            curve=[],
        )

    identity: dict[str, Any] = {
        "strength": strength,
        "thresholds": 2,
        **({"extra": sources.extra and sources.extra.digest} if extra else {}),
    }
    return Stage("step1-linear", None, identity, work)


def film_features(model: DcrrgModel, films: FilmSource, sources: Sources) -> NDArray[np.float32]:
    """v (n, D) of films by the model's image encoder, which stays as it is; computed once."""
    return stored_features(model.image_encoder, films.films, sources.films.folder, sources.progress)


def featured(model: DcrrgModel, films: FilmSource, sources: Sources) -> FilmSource:
    """The same films by their features, for steps that leave the image encoder as it is."""
    return FilmSource(film_features(model, films, sources), films.labels, films.labelled, films.studies)


def subjects_of(films: FilmSource, number: int = 0) -> list[str]:
    """Whose films they are; where that is not known each is somebody's own, apart from those of another `number`."""
    if films.studies:
        return [study.subject_id for study in films.studies]
    return [f"film {row} of {number}" for row in range(len(films.films))]


def write_linear_heads(model: DcrrgModel, weights: NDArray[np.float64], bias: NDArray[np.float64]) -> None:
    """Make the log-odds of the image head those of linear heads on the encoder's features.

    Parameters
    ----------
    weights, bias
        (14, D) and (14,).

    Raises
    ------
    InputError
        If f_v has fewer than two hidden units an observation.
    """
    projection, head = model.image_projection, model.image_head
    width, count = model.image_encoder.dim, len(OBSERVATIONS)
    if projection.inner.out_features < 2 * count:
        raise InputError(
            f"linear heads take {2 * count} hidden units of f_v, which has {projection.inner.out_features}; "
            "give a larger projection_width"
        )
    pairs = torch.from_numpy(np.concatenate([weights, -weights])).float()
    offsets = torch.from_numpy(np.concatenate([bias, -bias])).float()
    eye = torch.eye(count)
    with torch.no_grad():
        inner, outer = projection.inner, projection.outer
        inner.weight[: 2 * count, :width] = pairs
        inner.weight[: 2 * count, width:] = _SHUT * torch.cat([eye, eye])
        inner.bias[: 2 * count] = offsets - _SHUT
        # the first number of v_p is the prompted observation's log-odds and no more; the others know nothing of it
        outer.weight[0] = 0.0
        outer.weight[1:, : 2 * count] = 0.0
        outer.weight[0, :count], outer.weight[0, count : 2 * count] = 1.0, -1.0
        outer.bias[0] = 0.0
        head.weight.zero_()
        head.bias.zero_()
        head.weight[:, 0] = torch.tensor([-0.5, 0.5])


def _loss(scores: NDArray[np.float64], labels: NDArray[np.int8], known: NDArray[np.bool_]) -> float:
    """Mean cross-entropy over the known items of observations that have a head."""
    fitted = known & ~np.isnan(scores)
    sign = np.where(labels == POSITIVE, -1.0, 1.0)
    losses = softplus(torch.from_numpy(np.where(fitted, scores * sign, 0.0))).numpy()
    return float(losses[fitted].mean()) if fitted.any() else float("nan")
