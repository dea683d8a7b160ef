"""Models that write a report from a film: the training loss, generation, and a recurrent decoding state."""

from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, log_softmax

from rrgbench.modeling.beam_search import DecodingState
from rrgbench.modeling.report_model import ReportModel
from rrgbench.modeling.report_tokenizer import IGNORED

RecurrentState = tuple[Tensor, ...]
"""What a recurrent decoder remembers: tensors whose first axis is the row."""


class Captioner(ReportModel):
    """A model trained by word-level cross-entropy on its films' reports."""

    @property
    def offers(self) -> tuple[str, ...]:
        """Protocol methods that the model answers."""
        return ("generate_reports", "report_losses")

    @abstractmethod
    def word_logits(self, films: Any, ids: Tensor) -> Tensor:
        """Logits (n, t, vocabulary) of the token after each of `ids` (n, t), the true earlier ones given.

        `films` (n, size, size), or what else `shown` makes of a batch.
        """

    @abstractmethod
    def decoding_state(self, films: Any, beams: int) -> DecodingState:
        """A fresh decoding state with `beams` rows for each film."""

    def shown(self, batch: Mapping[str, Any]) -> Any:
        """What the model sees of a training batch, for `word_logits`: the films, and what a system adds to them."""
        return batch["films"]

    def loss(self, batch: Mapping[str, Any]) -> Tensor:
        """Mean loss over the words of `ids` and `targets` (n, t); a system may add its own terms."""
        return word_loss(self.word_logits(self.shown(batch), batch["ids"]), batch["targets"])

    def prepare(self, data: Any) -> None:
        """Take from the training data what a system needs before it learns to write."""

    def trained_parts(self) -> list[nn.Module | nn.Parameter]:
        """What learning to write reports trains."""
        return [self]

    def shown_images(self, images: Any) -> Iterator[tuple[Any, int]]:
        """What the model sees of films (n, size, size), for `word_logits`, some at a time, and of how many each is."""
        for films in self.film_batches(images):
            yield films, len(films)

    def asked_of(self, data: Any, learned: Any, limit: int) -> Any:
        """What `generate_reports` reads of the first studies of training data, what was learned from being at hand."""
        films = data.films.films
        return np.stack([films[row] for row in range(min(limit, len(films)))])

    @torch.inference_mode()
    def generate_reports(self, images: Any) -> list[str]:
        """Reports of films (n, size, size), beam search of the configured size."""
        return self.reports_of(self.shown_images(images))

    @torch.inference_mode()
    def report_losses(self, images: Any, reports: Sequence[str]) -> NDArray[np.float64]:
        """Loss and tokens (n, 2) of the report beside each film (`rrgbench.models.ReportLikelihood`)."""
        return self.losses_under(self.word_logits, self.shown_images(images), reports)

    def reports_of(self, shown: Iterator[tuple[Any, int]]) -> list[str]:
        """Reports of what the model sees."""
        return [
            report
            for seen, count in shown
            for report in self.decode(self.decoding_state(seen, self.config.beams), count)
        ]


class ReportWriting(nn.Module):
    """A captioner's loss as a training stage."""

    def __init__(self, model: Captioner) -> None:
        super().__init__()
        self.model = model

    def forward(self, **batch: Any) -> dict[str, Any]:
        """The loss of a batch of `rrgbench.training.items.ReportWritingItems`."""
        return {"loss": self.model.loss(batch)}


def word_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Mean cross-entropy of targets (n, t) under logits (n, t, vocabulary), padding left out."""
    return cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=IGNORED)


class RecurrentDecoding:
    """Decoding state of a recurrent decoder (`rrgbench.modeling.beam_search.DecodingState`).

    Parameters
    ----------
    step : callable
        (tokens (rows,), state) to (logits (rows, vocabulary), state).
    state : tuple of Tensor
        First state, one row a partial report. What beams of one film share (its features) stays out of it.
    """

    def __init__(
        self, step: Callable[[Tensor, RecurrentState], tuple[Tensor, RecurrentState]], state: RecurrentState
    ) -> None:
        self._step, self.state = step, state

    def step(self, tokens: Tensor) -> Tensor:
        """Log-probabilities (rows, vocabulary) of the token after `tokens` (rows,)."""
        logits, self.state = self._step(tokens, self.state)
        return log_softmax(logits.float(), dim=-1)

    def reorder(self, rows: Tensor) -> None:
        """Keep the partial reports of the given rows."""
        self.state = tuple(part[rows] for part in self.state)
