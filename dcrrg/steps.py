"""The four training steps as modules for `train_stage`, and the items that each learns from."""

from collections.abc import Callable, Sequence
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.utils.data import Dataset

from dcrrg.descriptions import DescriptionRow
from dcrrg.model import OBSERVATION_STARTS, DcrrgModel
from dcrrg.observation_loss import balanced_weights, draw_studies, observation_loss
from dcrrg.semantic_matching import calibrated_semantic_matching_loss
from rrgbench.data.corpus import training_items
from rrgbench.modeling.report_tokenizer import IGNORED
from rrgbench.training.data import FilmSource, JoinedFilms, ReportSource
from rrgbench.training.items import Batch, DrawnFilms, DrawnItems

SHORT = 2


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


class Contrast(nn.Module):
    """Step 2, DCCLIP: both encoders and projections are aligned by the calibrated semantic matching loss."""

    def __init__(self, model: DcrrgModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, films: Tensor, ids: Tensor, mask: Tensor, film_labels: Tensor, text_labels: Tensor) -> Batch:
        """Loss of n films beside n reports with positive labels (n, 14)."""
        model, prompt = self.model, self.model.config.similarity_prompt
        v, t = model.image_encoder(films), model.text_features(ids, mask)
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


class Descriptions(nn.Module):
    """Step 3: the decoder writes the description of prompted observations, given either modality."""

    starts: Tensor

    def __init__(self, model: DcrrgModel) -> None:
        super().__init__()
        self.model = model
        starts = torch.tensor(model.tokenizer.convert_tokens_to_ids(list(OBSERVATION_STARTS)))
        self.register_buffer("starts", starts, persistent=False)

    def forward(self, memory: Tensor, ids: Tensor, targets: Tensor, shown: Tensor | None = None) -> Batch:
        """Loss, Eq. 14, of token ids and targets (n, t) given memories (n, 14, P), or those of observations `shown`
        (n, 14), in which some may be repeated."""
        memory = self.model.memory(memory)
        if shown is not None:
            # one representation in all places is attended to as one that stands alone
            memory = memory.gather(1, shown.unsqueeze(-1).expand_as(memory))
        lengths = row_lengths(targets)
        # the observations that a set of them starts with are given, not written
        targets = targets.masked_fill(torch.isin(targets, self.starts), IGNORED)

        def logits(rows: Tensor, longest: int) -> Tensor:
            found: Tensor = self.model.description_head(self.model.decoder(ids[rows, :longest], memory[rows]))
            return found

        # most observations are not mentioned; batches of one length would say so to all of their items or to none
        return {"loss": writing_loss(logits, targets, lengths, apart=not ids.is_cuda)}


def row_lengths(targets: Tensor) -> Tensor:
    """Tokens (n,) of each row of targets (n, t), up to the last that is wanted."""
    places = torch.arange(1, targets.shape[1] + 1, device=targets.device)
    lengths: Tensor = ((targets != IGNORED) * places).amax(dim=1)
    return lengths


def writing_loss(
    logits: Callable[[Tensor, int], Tensor], targets: Tensor, lengths: Tensor, apart: bool = True
) -> Tensor:
    """Cross-entropy of token rows, the mean over the batch's tokens (Eq. 14).

    Parameters
    ----------
    logits : callable
        Which rows (n,), true or false, and their greatest length, to logits (rows, length, vocabulary).
    targets : Tensor
        Wanted tokens (n, t), `IGNORED` where none is.
    lengths : Tensor
        Tokens (n,) of each row.
    apart : bool
        Rows of two tokens, of up to 16, 32, 64 ... pass by themselves, so that none is padded to the batch's longest. A
        GPU hardly notices padding, but every further pass.
    """
    losses, shorter, width = [], 0, SHORT if apart else targets.shape[1]
    while shorter < targets.shape[1]:
        rows = (lengths > shorter) & (lengths <= width)
        if bool(rows.any()):
            longest = int(lengths[rows].max())
            wanted = targets[rows, :longest].flatten()
            written = logits(rows, longest).flatten(0, 1)
            losses.append(cross_entropy(written, wanted, ignore_index=IGNORED, reduction="sum"))
        shorter, width = width, max(2 * width, 16)
    return torch.stack(losses).sum() / (targets != IGNORED).sum()


class Reports(nn.Module):
    """Step 4: soft prompts and a new head, or with `tuning="full"` everything, learn to write the full report."""

    def __init__(self, model: DcrrgModel) -> None:
        super().__init__()
        self.model = model

    @property
    def prompt_tuning(self) -> bool:
        """Whether the decoder is frozen."""
        tuning: str = self.model.config.tuning
        return tuning == "prompt"

    def train(self, mode: bool = True) -> Self:
        """Training mode; a frozen decoder is read as at inference, since noise in it is nothing prompts could learn."""
        super().train(mode)
        if self.prompt_tuning:
            self.model.decoder.eval()
        return self

    def forward(self, ids: Tensor, targets: Tensor, memory: Tensor | None = None, films: Tensor | None = None) -> Batch:
        """Loss, Eq. 14, given memories (n, 14, P) of frozen encoders or films (n, h, w) to encode."""
        if memory is None:
            if films is None:
                raise ValueError("step 4 reads either memories or films")
            memory = self.model.image_observations(films)
        prompts = self.model.prompts if self.prompt_tuning else None
        read = self.model.memory(memory)

        def logits(rows: Tensor, longest: int) -> Tensor:
            found: Tensor = self.model.report_head(self.model.decoder(ids[rows, :longest], read[rows], prompts))
            return found

        return {"loss": writing_loss(logits, targets, row_lengths(targets), apart=not ids.is_cuda)}


class _Items(DrawnItems):
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


class FilmItems(_Items):
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


class ReportItems(_Items):
    """Reports of step 1."""

    def __init__(self, source: ReportSource, balance: bool, seed: int) -> None:
        self.source = source
        super().__init__(source.labels, training_items(source.labels), balance, seed)

    def __getitem__(self, index: int) -> Batch:
        return {"report": self.source.reports[int(self.drawn[index])], **self.item(index)}


class DescriptionItems(Dataset[Batch]):
    """(study, modality, observation or set of them) items of step 3: of single ones 28 a paired study, 14 a report
    without film, or fewer where what is not mentioned is left out.

    Parameters
    ----------
    memories : sequence of Tensor
        Prompted representations (n, 14, P), one a modality.
    rows : list of list of DescriptionRow
        Of each study.
    memory : str
        What the decoder reads (`description_memory` of `DcrrgConfig`).
    """

    def __init__(self, memories: Sequence[Tensor], rows: list[list[DescriptionRow]], memory: str = "all") -> None:
        self.memories, self.memory = memories, memory
        self.items = [(study, row) for study, described in enumerate(rows) for row in described]

    def __len__(self) -> int:
        return len(self.memories) * len(self.items)

    def __getitem__(self, index: int) -> Batch:
        modality, item = divmod(index, len(self.items))
        study, row = self.items[item]
        memory = self.memories[modality][study]
        if self.memory == "all":
            return {"memory": memory, "row": row.tokens}
        shown = torch.tensor(row.observations)[torch.arange(len(memory)) % len(row.observations)]
        return {"memory": memory, "row": row.tokens, "shown": shown}
