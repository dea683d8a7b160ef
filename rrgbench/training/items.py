"""Training items that models share: films, film beside report or sentence, reports to write; and how they are batched.

What an epoch draws (augmentation, partners) follows from the seed and the epoch alone, so that a resumed run sees what
an unbroken one would.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from rrgbench.data.label_matching import match_by_labels, positives
from rrgbench.labelers.sentences import sentence_spans
from rrgbench.modeling.report_tokenizer import IGNORED, encode_for_classification, pad_rows
from rrgbench.training.augmentation import draw_movement, shift_and_expose
from rrgbench.training.data import FilmRows, FilmSource, ReportSource

GPU_LENGTHS = 32
"""A GPU plans its attention anew for every length of text; padding to multiples of this leaves it few."""

Batch = dict[str, Any]

_SENTENCE = 1
"""Tells the draw of an item's sentence from that of its film's augmentation."""


class DrawnItems(Dataset[Batch]):
    """Items of which some part is drawn from (seed, epoch)."""

    def __init__(self, seed: int) -> None:
        self.seed, self.epoch = seed, 0
        self.set_epoch(0)

    def set_epoch(self, epoch: int) -> None:
        """Draw what changes with the epoch."""
        self.epoch = epoch

    def rng(self, *more: int) -> np.random.Generator:
        """Random numbers of this epoch (and item)."""
        return np.random.default_rng((self.seed, self.epoch, *more))


@dataclass(frozen=True)
class DrawnFilm:
    """A film (size, size), uint8, and its augmentation (6,); `Collate` moves all films of a batch at once."""

    film: NDArray[np.uint8]
    movement: NDArray[np.float64]


class DrawnFilms(DrawnItems):
    """Films (n, size, size), augmented anew each epoch if asked for."""

    def __init__(self, films: FilmRows, augment: bool, seed: int) -> None:
        self.films, self.augment = films, augment
        super().__init__(seed)

    def __len__(self) -> int:
        return len(self.films)

    def film(self, study: int, index: int) -> Tensor | DrawnFilm:
        """A study's film as item `index` of the epoch sees it."""
        film = self.films[study]
        if self.augment:
            return DrawnFilm(film, draw_movement(self.rng(index)))
        return torch.from_numpy(np.asarray(film, dtype=np.float32))

    def __getitem__(self, index: int) -> Batch:
        return {"films": self.film(index, index)}


class PairItems(DrawnItems):
    """A film and a report beside it: its own, or one matched by labels anew each epoch.

    Items hold `films`, `report`, and positive labels `film_labels` and `text_labels` (14,).

    Parameters
    ----------
    films, reports
        Of one corpus, row by row, or of two.
    own : bool
        Whether a film stands beside its own report; needs paired sources.
    augment : bool
        Whether films are augmented.
    seed : int
        Of everything drawn.
    draw : callable, optional
        Which films (n,) an epoch sees, given its random numbers; each once by default.
    """

    def __init__(
        self,
        films: FilmSource,
        reports: ReportSource,
        own: bool,
        augment: bool,
        seed: int,
        draw: Callable[[np.random.Generator], NDArray[np.int64]] | None = None,
    ) -> None:
        self.films, self.reports, self.own, self.draw = DrawnFilms(films.films, augment, seed), reports, own, draw
        self.film_labels = positives(films.labels, films.labelled)
        self.report_labels = positives(reports.labels, films.labelled)
        super().__init__(seed)

    def set_epoch(self, epoch: int) -> None:
        """Draw the epoch's films and their partners."""
        super().set_epoch(epoch)
        self.films.set_epoch(epoch)
        rng = self.rng()
        self.drawn = np.arange(len(self.films)) if self.draw is None else self.draw(rng)
        self.partner = (
            self.drawn if self.own else match_by_labels(self.film_labels[self.drawn], self.report_labels, rng)
        )

    def __len__(self) -> int:
        return len(self.films)

    def __getitem__(self, index: int) -> Batch:
        film, partner = int(self.drawn[index]), int(self.partner[index])
        return {
            "films": self.films.film(film, index),
            "report": self.reports.reports[partner],
            "film_labels": torch.from_numpy(self.film_labels[film]),
            "text_labels": torch.from_numpy(self.report_labels[partner]),
        }


def sentences_of(report: str) -> list[str]:
    """A report's sentences; the report itself where none is found."""
    return [report[start:end] for start, end in sentence_spans(report)] or [report]


class FilmAndSentence(PairItems):
    """A film beside one sentence of its report, drawn uniformly for each item and epoch.

    Items are those of `PairItems`; `text_labels` stay those of the whole report.
    """

    def __init__(self, films: FilmSource, reports: ReportSource, paired: bool, augment: bool, seed: int) -> None:
        self.sentences = [sentences_of(report) for report in reports.reports]
        super().__init__(films, reports, paired, augment, seed)

    def __getitem__(self, index: int) -> Batch:
        choices = self.sentences[int(self.partner[index])]
        drawn = int(self.rng(index, _SENTENCE).integers(len(choices)))
        return {**super().__getitem__(index), "report": choices[drawn]}


class ReportWritingItems(Dataset[Batch]):
    """Reports as token rows, with the memory of a frozen encoder or with films to encode.

    Parameters
    ----------
    rows : list of list of int
        Start token, report and end token of each study (`encode_reports`).
    memory : Tensor, optional
        One row a study (n, ...).
    films : DrawnFilms, optional
        One film a study.
    beside : mapping, optional
        What else an item holds: by key something whose element i is the tensor of study i.
    """

    def __init__(
        self,
        rows: list[list[int]],
        memory: Tensor | None = None,
        films: DrawnFilms | None = None,
        beside: Mapping[str, Any] | None = None,
    ) -> None:
        if (memory is None) == (films is None):
            raise ValueError("a report is written from either memories or films")
        self.rows, self.memory, self.films, self.beside = rows, memory, films, dict(beside or {})

    @property
    def lengths(self) -> list[int]:
        """Tokens of each report."""
        return [len(row) for row in self.rows]

    def set_epoch(self, epoch: int) -> None:
        """Draw the epoch's augmentation."""
        if self.films is not None:
            self.films.set_epoch(epoch)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> Batch:
        item = {"row": self.rows[index], **{key: parts[index] for key, parts in self.beside.items()}}
        if self.films is not None:
            return {"films": self.films.film(index, index), **item}
        assert self.memory is not None, "checked when made"
        return {"memory": self.memory[index], **item}


class Collate:
    """Stacks arrays, augments films, tokenizes reports for a text encoder, pads token rows into inputs and targets.

    Parameters
    ----------
    pad : int
        Padding token of the rows.
    text_tokenizer, max_text
        Of the text encoder, where items hold a `report`.
    multiple : int, optional
        Texts are padded to a multiple of it; where there is a GPU to `GPU_LENGTHS` by default, else to the longest.
    """

    def __init__(self, pad: int, text_tokenizer: Any = None, max_text: int = 0, multiple: int | None = None) -> None:
        self.pad, self.text_tokenizer, self.max_text = pad, text_tokenizer, max_text
        self.multiple = multiple or (GPU_LENGTHS if torch.cuda.is_available() else 1)

    @classmethod
    def of(cls, model: Any) -> "Collate":
        """As a model's own tokenizers read; one without a text encoder meets no `report`."""
        return cls(
            model.tokenizer.pad_token_id, getattr(model, "text_tokenizer", None), getattr(model.config, "max_text", 0)
        )

    def __call__(self, items: Sequence[Batch]) -> Batch:
        """A batch of items that have the same keys.

        `report` becomes `ids` and `mask` (n, t) of the text encoder; `row` becomes `ids` and `targets` (n, t), the
        target of padding being `IGNORED`; the rest is stacked.
        """
        batch: Batch = {}
        for key in items[0]:
            values = [item[key] for item in items]
            if key == "report":
                batch["ids"], batch["mask"] = encode_for_classification(
                    self.text_tokenizer, values, self.max_text, self.multiple
                )
            elif key == "row":
                ids, mask = pad_rows(values, self.pad)
                batch["ids"] = ids[:, :-1]
                batch["targets"] = torch.where(mask[:, 1:], ids[:, 1:], torch.full_like(ids[:, 1:], IGNORED))
            elif isinstance(values[0], DrawnFilm):
                stacked = torch.from_numpy(np.stack([drawn.film for drawn in values]))
                batch[key] = shift_and_expose(stacked, np.stack([drawn.movement for drawn in values]))
            else:
                batch[key] = torch.stack(values)
        return batch
