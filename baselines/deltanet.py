"""DeltaNet: Wu et al., Conditional Medical Report Generation for COVID-19 Diagnosis, COLING 2022.

A report is written as the difference to conditional studies: the training studies whose films are nearest, or the
subject's last study. The decoder attends to the film's own cells, to their differences from the conditions' cells, and
to the words of the conditions' reports, each report weighed by a gate.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence
from torch.utils.data import Dataset

from baselines.common.consulting import (
    ConsultedFilms,
    ConsultedTokens,
    ConsultingSystem,
    ConsultingTrained,
    Library,
    load_consulting,
    report_tokens,
)
from baselines.common.retrieval_index import Rows
from baselines.common.training import baseline_trainer, report_rows
from rrgbench.errors import InputError
from rrgbench.modeling.captioner import RecurrentDecoding, RecurrentState
from rrgbench.modeling.report_decoder import Attention
from rrgbench.modeling.report_model import ReportModelConfig
from rrgbench.models import Examination
from rrgbench.training.data import JoinedFilms, TrainingData
from rrgbench.training.items import DrawnFilms, ReportWritingItems

NAME = "deltanet"

Condition = Literal["nearest", "last"]


class DeltaNetConfig(ReportModelConfig):
    """Shape of DeltaNet; the paper's values in brackets.

    Parameters
    ----------
    width, heads : int
        Of words, cells and states (512), and of each attention (8).
    conditions : int
        Studies that a report is conditioned on (1, 3 or 5).
    condition : str
        `nearest`: the training studies with the nearest films; `last`: the subject's last study where there is one with
        a film and a report, before the nearest.
    **kwargs
        See `ReportModelConfig`.
    """

    model_type = "deltanet"

    def __init__(
        self, width: int = 128, heads: int = 4, conditions: int = 1, condition: Condition = "nearest", **kwargs: Any
    ) -> None:
        if conditions < 1 or condition not in ("nearest", "last"):
            raise InputError(
                f"deltanet takes conditions of 1 or more, nearest or last; given: {conditions} and {condition!r}"
            )
        self.width = width
        self.heads = heads
        self.conditions = conditions
        self.condition = condition
        super().__init__(**kwargs)


class Conditioned(NamedTuple):
    """Films (n, size, size) beside the films (n, N, size, size) and report tokens (n, N, t) of their conditions."""

    films: Tensor
    condition_films: Tensor
    condition_ids: Tensor


class Evidence(NamedTuple):
    """What the decoder attends to, each (n, ..., width): cells, their differences, the conditions' gated words; and
    which of those there are (n, 1, 1, N * t)."""

    cells: Tensor
    differences: Tensor
    words: Tensor
    there: Tensor


class DeltaNet(ConsultingSystem):
    """Encoders of films and of conditional reports, a gate, and an LSTM with three attentions."""

    config_class = DeltaNetConfig

    def __init__(self, config: DeltaNetConfig, pretrained_encoders: bool = False) -> None:
        super().__init__(config, pretrained_encoders)
        width, dim = config.width, self.image_encoder.dim
        # one for each condition, then the film's own
        self.cells = nn.ModuleList(nn.Linear(dim, width) for _ in range(config.conditions + 1))
        self.embedding = nn.Embedding(config.vocabulary, width, padding_idx=config.pad_token_id)
        self.report_encoder = nn.LSTM(width, width // 2, num_layers=2, bidirectional=True, batch_first=True)
        self.own_gate, self.condition_gate = nn.Linear(width, 1), nn.Linear(width, 1)  # w_1 and w_2
        self.lstm = nn.LSTM(width, width, batch_first=True)
        self.to_cells, self.to_differences, self.to_words = (Attention(width, width, config.heads) for _ in range(3))
        self.dropout = nn.Dropout(config.dropout)
        self.head = nn.Linear(4 * width, config.vocabulary)
        self.post_init()

    @property
    def consults(self) -> int:
        """Training studies looked up for a film."""
        return int(self.config.conditions)

    @property
    def reads_prior(self) -> bool:
        """Whether the subject's last study is read."""
        return bool(self.config.condition == "last")

    def patches(self, films: Tensor, slot: int) -> Tensor:
        """Cells (n, m, width) of films, by the affine layer of a slot."""
        cells: Tensor = torch.relu(self.cells[slot](self.dropout(self.film_cells(films))))
        return cells

    def report_states(self, ids: Tensor) -> tuple[Tensor, Tensor]:
        """States (n, N, t, width) of the words of conditional reports (n, N, t), and which there are (n, N, t)."""
        there = ids != self.config.pad_token_id
        flat, lengths = ids.flatten(0, 1), there.flatten(0, 1).sum(dim=1)
        packed = pack_padded_sequence(self.embedding(flat), lengths.cpu(), batch_first=True, enforce_sorted=False)
        states, _ = pad_packed_sequence(self.report_encoder(packed)[0], batch_first=True, total_length=ids.shape[2])
        return states.view(*ids.shape, -1), there

    def compare(self, own: Tensor, others: Tensor, words: Tensor, there: Tensor) -> Evidence:
        """What sets a film's cells (n, m, width) apart from the conditions' (n, N, m, width), and their gated words."""
        gates = self.own_gate(own.mean(dim=1)).unsqueeze(1) + self.condition_gate(others.mean(dim=2))
        return Evidence(
            own,
            (own.unsqueeze(1) - others).flatten(1, 2),
            (gates.unsqueeze(2) * words).flatten(1, 2),
            there.flatten(1).unsqueeze(1).unsqueeze(1),
        )

    def evidence(self, studies: Conditioned) -> Evidence:
        """What the decoder attends to."""
        slots = range(self.config.conditions)
        others = torch.stack([self.patches(studies.condition_films[:, slot], slot) for slot in slots], dim=1)
        own = self.patches(studies.films, self.config.conditions)
        return self.compare(own, others, *self.report_states(studies.condition_ids))

    def looked_at(self, evidence: Evidence) -> list[tuple[Tensor, ...]]:
        """Keys, values and, of words, which there are, for each of the three attentions."""
        return [
            self.to_cells.keys_values(evidence.cells),
            self.to_differences.keys_values(evidence.differences),
            (*self.to_words.keys_values(evidence.words), evidence.there),
        ]

    def attended(self, states: Tensor, looked: Sequence[tuple[Tensor, ...]]) -> Tensor:
        """Logits (n, t, vocabulary) of decoder states (n, t, width): [state; own cells; differences; words]."""
        attentions = (self.to_cells, self.to_differences, self.to_words)
        parts = [attention(states, *seen) for attention, seen in zip(attentions, looked, strict=True)]
        logits: Tensor = self.head(self.dropout(torch.cat([states, *parts], dim=-1)))
        return logits

    def word_logits(self, films: Conditioned, ids: Tensor) -> Tensor:
        """Logits (n, t, vocabulary) of the token after each of `ids` (n, t)."""
        states, _ = self.lstm(self.embedding(ids))
        return self.attended(states, self.looked_at(self.evidence(films)))

    def decoding_state(self, films: Conditioned, beams: int) -> RecurrentDecoding:
        """The LSTM's state for every beam."""
        whole = self.looked_at(self.evidence(films))
        looked = [tuple(part.repeat_interleave(beams, 0) for part in seen) for seen in whole]
        zero = looked[0][0].new_zeros(len(looked[0][0]), self.config.width)

        def step(tokens: Tensor, state: RecurrentState) -> tuple[Tensor, RecurrentState]:
            states, (h, c) = self.lstm(
                self.embedding(tokens).unsqueeze(1), (state[0].unsqueeze(0), state[1].unsqueeze(0))
            )
            return self.attended(states, looked)[:, 0], (h[0], c[0])

        return RecurrentDecoding(step, (zero, zero))

    def shown(self, batch: Mapping[str, Any]) -> Conditioned:
        """Films with their conditions."""
        return Conditioned(batch["films"], batch["condition_films"], batch["condition_ids"])

    def shown_of(self, films: Tensor, examinations: Sequence[Examination], rows: Rows, library: Library) -> Conditioned:
        """Films with their conditions: the nearest, the last examination before them where it is asked for."""
        sides, reports = [], []
        for one, nearest in zip(examinations, rows, strict=True):
            chosen = [(library.films[int(row)], library.reports[row]) for row in nearest]
            last = one.prior
            if last is not None and last.films and (last.report or "").strip():
                chosen = [(last.films[0].pixels, last.report or ""), *chosen][: self.consults]
            sides.append(np.stack([film for film, _ in chosen]))
            reports += [report for _, report in chosen]
        shape = len(films), self.consults
        ids = report_tokens(self, reports).view(*shape, -1)
        return Conditioned(films, torch.from_numpy(np.stack(sides)).to(films.device), ids.to(films.device))


def conditioned_items(
    model: DeltaNet, learned: TrainingData, written: TrainingData, augment: bool, seed: int
) -> Dataset[Any]:
    """Films, their conditions, and their reports."""
    whose = [study.subject_id for study in written.films.studies]
    rows = model.consulted(written.films.films, whose, Library.of(model, learned))
    if model.reads_prior:
        # a last study is of the same split, so it stands behind the training studies
        place = {study.study_id: len(learned.films.studies) + row for row, study in enumerate(written.films.studies)}
        for row, study in enumerate(written.films.studies):
            if study.prior is not None and study.prior.study_id in place:
                rows[row] = [place[study.prior.study_id], *rows[row, :-1]]
    beside = {
        "condition_films": ConsultedFilms(JoinedFilms([learned.films.films, written.films.films]), rows),
        "condition_ids": ConsultedTokens(
            report_tokens(model, [*learned.reports.reports, *written.reports.reports]), rows
        ),
    }
    films = DrawnFilms(written.films.films, augment, seed)
    return ReportWritingItems(report_rows(model, written), films=films, beside=beside)


train = baseline_trainer(NAME, DeltaNet, report_items=conditioned_items)


def load(checkpoint: str | Path | None = None, device: str | None = None) -> ConsultingTrained:
    """DeltaNet for the harness; see `load_consulting`."""
    return load_consulting(NAME, DeltaNet, checkpoint, device)
