"""Step 3 as Section 3.3 words it: "all the underlying modules are trained", the encoders with the decoder.

An option (`step3_trains: all`); by default the encoders are frozen. A study's film and report are encoded once for
all of its descriptions.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from dcrrg.composition import with_composed
from dcrrg.configuration import Preset
from dcrrg.model import DcrrgModel
from dcrrg.step3 import DescriptionRow, Descriptions, identity, rows_of, shown_observations
from rrgbench.errors import InputError
from rrgbench.observations import OBSERVATIONS
from rrgbench.training.chain import Stage
from rrgbench.training.data import Sources, TrainingData
from rrgbench.training.items import Batch, Collate, DrawnFilms, DrawnItems
from rrgbench.training.stage import Learner, Work


def stage(preset: Preset, sources: Sources, seed: int) -> Stage[DcrrgModel]:
    """Encoders, projections, decoder and its head for descriptions; `batch_size` counts descriptions.

    Raises
    ------
    InputError
        If the decoder reads decisions.
    """
    if preset.config.decides:
        raise InputError("step3_trains: all needs decoder_memory: representations, through which encoders can learn")
    described = 2 * (len(OBSERVATIONS) + preset.description_sets)
    settings = preset.step3.model_copy(update={"batch_size": max(1, round(preset.step3.batch_size / described))})

    def learner(model: DcrrgModel) -> Learner:
        image = [model.image_encoder, model.image_projection] if sources.corpus.paired else []
        text = [model.text_encoder, model.text_projection]
        return Learner(TrainedDescriptions(model), [*image, *text, model.decoder, model.description_head])

    def work(model: DcrrgModel) -> Work:
        model.decode_as(preset.config)

        def items(data: TrainingData, augment: bool) -> StudyDescriptions:
            return StudyDescriptions(data, rows_of(model, data, preset, seed), augment, seed)

        return Work(
            items(with_composed(sources.data, preset.composed_reports, seed), preset.augment),
            CollateStudies(Collate.of(model), preset.config.description_memory == "prompted"),
            items(sources.validation, False) if settings.validates else None,
        )

    return Stage("step3", settings, {**identity(preset), "trains": "all", "augment": preset.augment}, work, learner)


class StudyDescriptions(DrawnItems):
    """A study with all of its descriptions: its film (where films and reports are paired) and its report; one without
    any is left out.

    Parameters
    ----------
    data : TrainingData
        Films and reports.
    rows : list of list of DescriptionRow
        Of each study with a report.
    augment : bool
        Whether films are moved anew each epoch.
    seed : int
        Of that.
    """

    def __init__(self, data: TrainingData, rows: list[list[DescriptionRow]], augment: bool, seed: int) -> None:
        self.reports, self.rows = data.reports.reports, rows
        self.described = [place for place, own in enumerate(rows) if own]
        self.films = DrawnFilms(data.films.films, augment, seed) if data.paired else None
        super().__init__(seed)

    def set_epoch(self, epoch: int) -> None:
        """Draw the epoch's augmentation."""
        super().set_epoch(epoch)
        if self.films is not None:
            self.films.set_epoch(epoch)

    def __len__(self) -> int:
        return len(self.described)

    def __getitem__(self, index: int) -> Batch:
        place = self.described[index]
        film = {} if self.films is None else {"films": self.films.film(place, place)}
        return {**film, "report": self.reports[place], "rows": self.rows[place]}


class CollateStudies:
    """Studies with their descriptions to a batch: `films`, `text_ids`, `text_mask` of the studies; `ids`, `targets`,
    `owner` (whose it is) and, if asked for, `shown` of the descriptions."""

    def __init__(self, collate: Collate, show: bool) -> None:
        self.collate, self.show = collate, show

    def __call__(self, items: Sequence[Batch]) -> Batch:
        """A batch."""
        read = self.collate([{name: part for name, part in item.items() if name != "rows"} for item in items])
        read["text_ids"], read["text_mask"] = read.pop("ids"), read.pop("mask")
        described = [(place, row) for place, item in enumerate(items) for row in item["rows"]]
        shown = {"shown": torch.stack([shown_observations(row) for _, row in described])} if self.show else {}
        owner = torch.tensor([place for place, _ in described])
        return {**read, **self.collate([{"row": row.tokens} for _, row in described]), "owner": owner, **shown}


class TrainedDescriptions(torch.nn.Module):
    """The decoder writes descriptions of what the encoders make of films and reports, and all of them learn."""

    def __init__(self, model: DcrrgModel) -> None:
        super().__init__()
        self.descriptions = Descriptions(model)

    def train(self, mode: bool = True) -> "TrainedDescriptions":
        """Training mode; batch norms keep their statistics, since a batch holds few films."""
        super().train(mode)
        for part in self.modules():
            if isinstance(part, torch.nn.BatchNorm2d):
                part.eval()
        return self

    def forward(
        self,
        text_ids: Tensor,
        text_mask: Tensor,
        owner: Tensor,
        ids: Tensor,
        targets: Tensor,
        films: Tensor | None = None,
        shown: Tensor | None = None,
    ) -> Batch:
        """Loss, Eq. 14, over the descriptions (m, t) of n studies, each written from every modality that there is."""
        model = self.descriptions.model
        memories = [model.text_observations(text_ids, text_mask)]
        if films is not None:
            memories.insert(0, model.image_observations(films))
        memory = torch.cat([each[owner] for each in memories])
        several = len(memories)
        repeated = None if shown is None else shown.repeat(several, 1)
        loss: Batch = self.descriptions(memory, ids.repeat(several, 1), targets.repeat(several, 1), repeated)
        return loss
