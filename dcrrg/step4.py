"""Step 4, prompt tuning: the full report is written from the film.

Deep soft prompts (P-Tuning v2) and a new output head learn it, everything else being frozen; with `tuning: full`, the
ablation, decoder and image encoder learn it too (Eq. 14).
"""

from typing import Any, Self

from torch import Tensor, nn

from dcrrg.composition import with_composed
from dcrrg.configuration import Preset
from dcrrg.decision_measures import DECISIONS, decision_measures
from dcrrg.frozen import frozen_memories
from dcrrg.measures import written_measures
from dcrrg.model import DcrrgModel
from dcrrg.step3 import row_lengths, writing_loss
from rrgbench.modeling.report_model import REPORT_START
from rrgbench.modeling.report_tokenizer import encode_reports
from rrgbench.training.chain import Stage
from rrgbench.training.data import Sources, TrainingData
from rrgbench.training.items import Batch, Collate, DrawnFilms, ReportWritingItems
from rrgbench.training.report_measures import REPORTS
from rrgbench.training.stage import Learner, Work


def stage(preset: Preset, sources: Sources, seed: int) -> Stage[DcrrgModel]:
    """Prompts and head, or whatever is not frozen, from films; from reports where they don't belong to the films."""
    full = preset.config.tuning == "full"
    decides = preset.config.decides
    settings = preset.step4_full if full and preset.step4_full is not None else preset.step4

    def learner(model: DcrrgModel) -> Learner:
        parts: list[nn.Module | nn.Parameter] = [model.report_head, model.prompts]
        if full:
            image = [model.image_encoder, model.image_projection] if sources.corpus.paired else []
            parts = [*image, model.decoder, model.report_head]
        return Learner(Reports(model), parts)

    def work(model: DcrrgModel) -> Work:
        model.decode_as(preset.config)
        held = sources.validation if settings.validates else None
        measures = None
        if held is not None:
            measures = decision_measures(model, held.films) if decides else written_measures(model, held)
        return Work(
            report_items(model, with_composed(sources.data, preset.composed_reports, seed), preset.augment, seed),
            Collate.of(model),
            None if held is None else report_items(model, held, False, seed),
            measures,
        )

    identity: dict[str, Any] = {
        "tuning": preset.config.tuning,
        "decoding": preset.config.decoding,
        **({"augment": preset.augment} if full else {}),
        **preset.model_dump(include={"composed_reports"}, exclude_defaults=True),
    }
    # reports of films without one can be compared to nothing else than decisions
    written = REPORTS if sources.corpus.paired else {}
    return Stage("step4", settings, identity, work, learner, DECISIONS if decides else written, lengths=True)


def report_items(model: DcrrgModel, data: TrainingData, augment: bool, seed: int) -> ReportWritingItems:
    """Reports, each with its film where the image encoder learns, else with what the frozen one makes of it."""
    reports = encode_reports(model.tokenizer, data.reports.reports, REPORT_START, model.config.max_report)
    if model.config.tuning == "full" and data.paired:
        return ReportWritingItems(reports, films=DrawnFilms(data.films.films, augment, seed))
    return ReportWritingItems(reports, memory=next(frozen_memories(model, data)))


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
        """Loss, Eq. 14, given memories (n, 14, .) of frozen encoders or films (n, h, w) to encode."""
        if memory is None:
            if films is None:
                raise ValueError("step 4 reads either memories or films")
            memory = self.model.image_memory(films)
        prompts = self.model.prompts if self.prompt_tuning else None
        read = self.model.memory(memory)

        def logits(rows: Tensor, longest: int) -> Tensor:
            found: Tensor = self.model.report_head(self.model.decoder(ids[rows, :longest], read[rows], prompts))
            return found

        return {"loss": writing_loss(logits, targets, row_lengths(targets), apart=not ids.is_cuda)}
