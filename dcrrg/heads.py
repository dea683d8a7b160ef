"""Step 1's heads once more, on what the encoders have become.

The paper's pipeline predicts observations with step 1's encoder and the head that was trained on it. Step 2, and step 4
where everything is tuned, move the encoders under heads that they don't train. This stage trains the heads again, last
of all or, where the decoder reads what they decide, before step 3. It does so by step 1's own loss, on the frozen
prompted representations v_p and t_p: one set of encoders then serves every prediction, description and report, and a
checkpoint holds no second one.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.data import Dataset

from dcrrg.configuration import Preset
from dcrrg.frozen import frozen_films, frozen_reports
from dcrrg.measures import HEADS, auroc_measures
from dcrrg.model import DcrrgModel
from dcrrg.step1 import StudyItems, observation_loss
from rrgbench.data.corpus import training_items
from rrgbench.training.chain import Stage
from rrgbench.training.data import FilmSource, ReportSource, Sources
from rrgbench.training.items import Batch, Collate
from rrgbench.training.settings import StageSettings
from rrgbench.training.stage import Learner, Work


def moved(preset: Preset, steps: Sequence[int], paired: bool) -> bool:
    """Whether a model's heads no longer belong to its encoders after some of the steps.

    Linear heads are what step 1 decides by, and stay. Where the decoder reads decisions, heads are trained again before
    it and by what moved until then: their thresholds are set before step 3.
    """
    if preset.image_start == "linear":
        return False
    tuned = paired and preset.config.tuning == "full" and 4 in steps
    return 1 in steps and (2 in steps or tuned or (preset.step3_trains == "all" and 3 in steps))


def stage(preset: Preset, settings: StageSettings, sources: Sources, seed: int, extra: bool) -> Stage[DcrrgModel]:
    """Both heads, from what the frozen encoders make of the films and reports of step 1."""

    def learner(model: DcrrgModel) -> Learner:
        return Learner(Heads(model), [model.image_head, model.text_head])

    def work(model: DcrrgModel) -> Work:
        second = sources.extra_films if extra else None
        films = [sources.data.films, *([] if second is None else [second])]
        items = HeadItems(model, films, sources.data.reports, preset.balance, seed)
        if not settings.validates:
            return Work(items, Collate.of(model))
        held = HeadItems(model, [sources.validation.films], sources.validation.reports, False, seed)
        seen = held.parts[0]

        def predicted(limit: int) -> NDArray[np.float32]:
            with torch.inference_mode():
                logits = model.image_head(seen.memory[:limit].to(model.device))
            return np.asarray(torch.softmax(logits, dim=-1)[..., 1].cpu().numpy())

        return Work(items, Collate.of(model), held, auroc_measures(predicted, seen.labels, seen.known))

    identity: dict[str, Any] = {"balance": preset.balance}
    if extra and sources.extra is not None:
        identity["extra"] = sources.extra.digest
    return Stage("heads", settings, identity, work, learner, HEADS)


class Heads(nn.Module):
    """Each head predicts the prompted observation from its own modality's representation."""

    def __init__(self, model: DcrrgModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, memory: Tensor, film: Tensor, labels: Tensor, weights: Tensor) -> Batch:
        """Loss of representations (n, 14, P), of a film where `film` (n,), with labels and item weights (n, 14)."""
        logits = torch.where(film[:, None, None], self.model.image_head(memory), self.model.text_head(memory))
        return {"loss": observation_loss(logits, labels, weights)}


class MemoryItems(StudyItems):
    """Representations (n, 14, P) of one modality with the labels of step 1's items."""

    def __init__(
        self,
        memory: Tensor,
        film: bool,
        labels: NDArray[np.int8],
        known: NDArray[np.bool_],
        balance: bool,
        seed: int,
    ) -> None:
        self.memory, self.film = memory, torch.tensor(film)
        super().__init__(labels, known, balance, seed)

    def __getitem__(self, index: int) -> Batch:
        return {"memory": self.memory[int(self.drawn[index])], "film": self.film, **self.item(index)}


class HeadItems(Dataset[Batch]):
    """Films, then reports, each drawn as step 1 draws them."""

    def __init__(
        self, model: DcrrgModel, films: Sequence[FilmSource], reports: ReportSource, balance: bool, seed: int
    ) -> None:
        shown = torch.cat([frozen_films(model, source.films) for source in films])
        labels = np.concatenate([source.labels for source in films])
        known = np.concatenate([source.known for source in films])
        read = frozen_reports(model, reports.reports)
        self.parts = (
            MemoryItems(shown, True, labels, known, balance, seed),
            MemoryItems(read, False, reports.labels, training_items(reports.labels), balance, seed),
        )

    def set_epoch(self, epoch: int) -> None:
        """Draw the epoch's studies."""
        for part in self.parts:
            part.set_epoch(epoch)

    def __len__(self) -> int:
        return sum(len(part) for part in self.parts)

    def __getitem__(self, index: int) -> Batch:
        films = len(self.parts[0])
        return self.parts[0][index] if index < films else self.parts[1][index - films]
