"""MedCLIP: Wang et al., Contrastive Learning from Unpaired Medical Images and Text, EMNLP 2022.

Films and texts are decoupled: a batch of films meets texts drawn without regard to them, and labels say how alike any
two are (Eqs. 3-4); the model's similarities are drawn to those soft targets in both directions (Eqs. 5-7).
"""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset

from baselines.common.training import baseline_trainer
from rrgbench.data.label_matching import positives
from rrgbench.labelers import RulesLabeler
from rrgbench.modeling.contrastive_loss import label_likeness, soft_matching
from rrgbench.modeling.image_text_model import ImageTextConfig, ImageTextModel
from rrgbench.modeling.trained_system import TrainedSystem, load_system
from rrgbench.training.data import FilmSource, ReportSource, TrainingData
from rrgbench.training.items import Batch, DrawnFilms, DrawnItems, sentences_of

NAME = "medclip"


class MedclipConfig(ImageTextConfig):
    """Configuration of MedCLIP.

    Parameters
    ----------
    target_temperature : float
        Divides the likeness of labels in the softmax of Eq. 4; 1 is the paper's form, whose targets are nearly flat
        because likeness lies in [0, 1].
    **kwargs
        See `ImageTextConfig`.
    """

    model_type = "rrgbench-medclip"

    def __init__(self, target_temperature: float = 1.0, **kwargs: Any) -> None:
        self.target_temperature = target_temperature
        super().__init__(**kwargs)


class Medclip(ImageTextModel):
    """Two encoders aligned by what films and texts say, not by whose they are."""

    config_class = MedclipConfig

    def contrast(self, films: Tensor, ids: Tensor, mask: Tensor, film_labels: Tensor, text_labels: Tensor) -> Tensor:
        """Semantic matching loss, Eq. 7."""
        similarity = self.film_vectors(films) @ self.text_vectors(ids, mask).T
        likeness = label_likeness(film_labels, text_labels) / self.config.target_temperature
        return soft_matching(similarity, likeness, self.temperature)


class DecoupledItems(DrawnItems):
    """Films, each beside a text drawn from all training reports and sentences, whatever the film.

    A text is a whole report or one of its sentences, with equal chance. Items are those of `PairItems`, where
    `text_labels` are the text's own: a sentence's come from the rules.
    """

    def __init__(self, films: FilmSource, reports: ReportSource, augment: bool, seed: int) -> None:
        self.films = DrawnFilms(films.films, augment, seed)
        self.reports = reports.reports
        self.film_labels = positives(films.labels, films.labelled)
        self.report_labels = positives(reports.labels, films.labelled)
        self.sentences = [sentences_of(report) for report in reports.reports]
        distinct = sorted({sentence for sentences in self.sentences for sentence in sentences})
        labels = positives(RulesLabeler().label(distinct), films.labelled)
        self.sentence_labels = dict(zip(distinct, labels, strict=True))
        super().__init__(seed)

    def set_epoch(self, epoch: int) -> None:
        """Draw the epoch's texts."""
        super().set_epoch(epoch)
        self.films.set_epoch(epoch)
        rng = self.rng()
        self.drawn = rng.integers(len(self.reports), size=len(self.films))
        # in [0, 1) a sentence's place in its report, in [1, 2) the whole report
        self.part = rng.uniform(0, 2, size=len(self.films))

    def __len__(self) -> int:
        return len(self.films)

    def __getitem__(self, index: int) -> Batch:
        report, part = int(self.drawn[index]), float(self.part[index])
        if part >= 1:
            text, labels = self.reports[report], self.report_labels[report]
        else:
            choices = self.sentences[report]
            text = choices[int(part * len(choices))]
            labels = self.sentence_labels[text]
        return {
            "films": self.films.film(index, index),
            "report": text,
            "film_labels": torch.from_numpy(self.film_labels[index]),
            "text_labels": torch.from_numpy(labels),
        }


def decoupled_items(data: TrainingData, augment: bool, seed: int) -> Dataset[Any]:
    """Films and texts without regard to each other."""
    return DecoupledItems(data.films, data.reports, augment, seed)


train = baseline_trainer(NAME, Medclip, contrast_items=decoupled_items, contrast_needs_pairs=False)


def load(checkpoint: str | Path | None = None, device: str | None = None) -> TrainedSystem:
    """MedCLIP for the harness; see `load_system`."""
    return load_system(NAME, Medclip, checkpoint, device)
