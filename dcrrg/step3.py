"""Step 3, observation descriptions: the decoder learns to write what a report says of prompted observations.

An observation's description is those sentences of the report that mention it, or a token that says that none does; the
decoder writes it from the representations of the film or of the report, whose encoders are frozen (Eqs. 10-14). The
paper describes one observation at a time; descriptions of several together (`observation_sets`) teach the decoder to go
from one to the next.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.utils.data import Dataset

from dcrrg.composition import with_composed
from dcrrg.configuration import NoFinding, Preset, Unmentioned
from dcrrg.frozen import encoded, frozen_memories, placed
from dcrrg.model import NOT_MENTIONED, OBSERVATION_STARTS, DcrrgModel
from dcrrg.thresholds import set_thresholds
from rrgbench.labelers import StandardLabeler
from rrgbench.modeling.report_tokenizer import IGNORED
from rrgbench.observations import OBSERVATIONS, observation_index
from rrgbench.training.chain import Stage
from rrgbench.training.data import Sources, TrainingData
from rrgbench.training.items import Batch, Collate
from rrgbench.training.stage import Learner, Work

NO_FINDING = observation_index("No Finding")

SHORT = 2


def stage(preset: Preset, sources: Sources, seed: int) -> Stage[DcrrgModel]:
    """The decoder and its head for descriptions, from what the frozen encoders make of films and reports."""

    def learner(model: DcrrgModel) -> Learner:
        return Learner(Descriptions(model), [model.decoder, model.description_head])

    decides = preset.config.decides and preset.image_start != "linear"

    def work(model: DcrrgModel) -> Work:
        model.decode_as(preset.config)
        watched = preset.step3.validates
        if decides:
            films = sources.validation.films
            device = placed(model)
            scores = encoded(lambda part: model.observation_log_odds(torch.from_numpy(part).to(device)), films.films)
            set_thresholds(model, scores.double().numpy(), films)
        return Work(
            description_items(model, with_composed(sources.data, preset.composed_reports, seed), preset, seed),
            Collate.of(model),
            description_items(model, sources.validation, preset, seed) if watched else None,
        )

    return Stage("step3", preset.step3, identity(preset), work, learner, reads_validation=decides)


def identity(preset: Preset) -> dict[str, Any]:
    """What decides the decoder's weights after step 3, beside hyper-parameters and the stages before."""
    return {
        # until 0.2.0 films' own
        **({"decisions": "said"} if preset.config.decides else {}),
        **preset.model_dump(include={"no_finding_description", "description_sets"}),
        **preset.model_dump(include={"unmentioned", "composed_reports"}, exclude_defaults=True),
        "decoding": preset.config.decoding,
    }


def description_items(model: DcrrgModel, data: TrainingData, preset: Preset, seed: int) -> "DescriptionItems":
    """Every description of every study, from each modality that it has."""
    rows = rows_of(model, data, preset, seed)
    return DescriptionItems(list(frozen_memories(model, data)), rows, model.config.description_memory)


def rows_of(model: DcrrgModel, data: TrainingData, preset: Preset, seed: int) -> "list[list[DescriptionRow]]":
    """The descriptions of every study's report as a preset wants them."""
    return description_rows(
        data.reports.reports,
        model.tokenizer,
        model.config.max_description,
        seed,
        preset.no_finding_description,
        preset.description_sets,
        preset.unmentioned,
    )


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

    def __init__(self, memories: Sequence[Tensor], rows: "list[list[DescriptionRow]]", memory: str = "all") -> None:
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
        return {"memory": memory, "row": row.tokens, "shown": shown_observations(row)}


def shown_observations(row: "DescriptionRow") -> Tensor:
    """Which observation's representation (14,) stands where, if the decoder is shown no more than it describes."""
    return torch.tensor(row.observations)[torch.arange(len(OBSERVATIONS)) % len(row.observations)]


Sentences = Sequence[tuple[str, Collection[int]]]
"""Sentences of a report in order, each with the observations (columns) whose descriptions it belongs to."""


@dataclass(frozen=True)
class DescriptionRow:
    """One description to learn.

    Attributes
    ----------
    observations : tuple of int
        What is described (columns), in the order of the start tokens.
    tokens : list of int
        Start tokens, description or "not mentioned", end token.
    """

    observations: tuple[int, ...]
    tokens: list[int]


def described_sentences(report: str, no_finding: NoFinding) -> Sentences:
    """A report's sentences with the observations that each describes."""
    found = StandardLabeler().sentences(report)
    if no_finding == "normality":
        return found
    return [(sentence, mentioned - {NO_FINDING} or {NO_FINDING}) for sentence, mentioned in found]


def description(sentences: Sentences, observations: Collection[int]) -> list[str]:
    """The sentences that describe any of some observations, in the report's order."""
    wanted = set(observations)
    return [sentence for sentence, described in sentences if wanted.intersection(described)]


def observation_sets(studies: int, count: int, seed: int) -> list[list[NDArray[np.int64]]]:
    """Sets of two to 14 observations, in random order, to be described together: `count` for each study."""
    rng = np.random.default_rng([seed, studies])
    columns = len(OBSERVATIONS)
    return [[rng.permutation(columns)[: rng.integers(2, columns + 1)] for _ in range(count)] for _ in range(studies)]


def description_rows(
    reports: Sequence[str],
    tokenizer: Any,
    most: int,
    seed: int,
    no_finding: NoFinding,
    sets: int = 0,
    unmentioned: Unmentioned = "token",
) -> list[list[DescriptionRow]]:
    """What is to be learned of each report: a row for each observation, then one for each set of observations.

    Parameters
    ----------
    reports : sequence of str
        Training reports.
    tokenizer : Any
        Of the decoder.
    most : int
        Tokens of a description, the end token included.
    seed : int
        Of the sets.
    no_finding : str
        See `dcrrg.configuration.NoFinding`.
    sets : int
        Sets of observations a report.
    unmentioned : str
        See `dcrrg.configuration.Unmentioned`; where it is `omitted`, a row of which nothing is said is left out.
    """
    starts = tokenizer.convert_tokens_to_ids(list(OBSERVATION_STARTS))
    absent = tokenizer.convert_tokens_to_ids(NOT_MENTIONED)
    known: dict[str, list[int]] = {}

    def tokens(sentence: str) -> list[int]:
        if sentence not in known:
            known[sentence] = tokenizer(sentence, add_special_tokens=False)["input_ids"]
        return known[sentence]

    rows = []
    for report, drawn in zip(reports, observation_sets(len(reports), sets, seed), strict=True):
        sentences = described_sentences(report, no_finding)
        study: list[DescriptionRow] = []
        asked = [[column] for column in range(len(starts))] + [some.tolist() for some in drawn]
        for observations in asked:
            written = [token for sentence in description(sentences, observations) for token in tokens(sentence)]
            if not written and unmentioned == "omitted":
                continue
            prompted = [starts[observation] for observation in observations]
            row = [*prompted, *(written[: most - 1] or [absent]), tokenizer.eos_token_id]
            study.append(DescriptionRow(tuple(observations), row))
        rows.append(study)
    return rows
