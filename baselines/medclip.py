"""MedCLIP: Wang et al., Contrastive Learning from Unpaired Medical Images and Text, EMNLP 2022.

Films and texts are decoupled: each has labels of its own, and these say how alike any film and any text of a batch are
(Eqs. 3-4), whoever's they are; the model's similarities are drawn to those soft targets in both directions (Eqs. 5-7).
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from baselines.common.training import baseline_trainer
from rrgbench.data.label_matching import positives
from rrgbench.errors import InputError
from rrgbench.labelers import StandardLabeler
from rrgbench.modeling.contrastive_loss import label_likeness, soft_matching
from rrgbench.modeling.image_text_model import ImageTextConfig, ImageTextModel
from rrgbench.modeling.trained_system import TrainedSystem, load_system
from rrgbench.observations import UNMENTIONED, observation_index
from rrgbench.training.data import TrainingData
from rrgbench.training.items import Batch, DrawnFilms, DrawnItems, sentences_of

NAME = "medclip"


Pairing = Literal["own", "matched", "any"]
Texts = Literal["sentences", "both", "reports"]

NO_FINDING = observation_index("No Finding")


class MedclipConfig(ImageTextConfig):
    """Configuration of MedCLIP.

    Parameters
    ----------
    target_temperature : float
        Divides the likeness of labels in the softmax of Eq. 4; 1 is the paper's form, whose targets are nearly flat
        because likeness lies in [0, 1].
    pairing : {"own", "matched", "any"}
        Which text stands beside a film (`DecoupledItems`). The authors' code takes one of the film's own report, and
        matches films without one; so does `own`.
    texts : {"sentences", "both", "reports"}
        The authors' code draws sentences.
    **kwargs
        See `ImageTextConfig`.
    """

    model_type = "rrgbench-medclip"

    def __init__(
        self, target_temperature: float = 1.0, pairing: Pairing = "own", texts: Texts = "sentences", **kwargs: Any
    ) -> None:
        for name, given, known in (("pairing", pairing, get_args(Pairing)), ("texts", texts, get_args(Texts))):
            if given not in known:
                raise InputError(f"medclip's {name} is one of {', '.join(known)}; given: {given!r}")
        self.target_temperature = target_temperature
        self.pairing, self.texts = pairing, texts
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
    """Films, each beside a text, every text with labels of its own.

    Items are those of `PairItems`, where `text_labels` are the text's: a sentence's come from the rules, and one in
    which they find no observation mentioned has none, instead of being called normal.

    Parameters
    ----------
    data : TrainingData
        Films and reports.
    pairing : {"own", "matched", "any"}
        A text of the film's own report; one that shares an observation with the film, or says that nothing is found
        where the film shows nothing; or any, whatever the film.
    texts : {"sentences", "both", "reports"}
        What is drawn; of both, each with equal chance.
    augment : bool
        Whether films are augmented.
    seed : int
        Of everything drawn.
    """

    def __init__(self, data: TrainingData, pairing: Pairing, texts: Texts, augment: bool, seed: int) -> None:
        films, reports = data.films, data.reports
        self.films = DrawnFilms(films.films, augment, seed)
        self.film_labels = positives(films.labels, films.labelled)
        self.pairing, self.share = pairing, {"sentences": 1.0, "both": 0.5, "reports": 0.0}[texts]
        self.reports, self.report_labels = reports.reports, positives(reports.labels, films.labelled)
        self.sentences = [sentences_of(report) for report in reports.reports]
        self.distinct = sorted({sentence for sentences in self.sentences for sentence in sentences})
        self.sentence_labels = positives(sentence_labels(self.distinct), films.labelled)
        self.row_of = {sentence: row for row, sentence in enumerate(self.distinct)}
        super().__init__(seed)

    def set_epoch(self, epoch: int) -> None:
        """Draw the epoch's texts."""
        super().set_epoch(epoch)
        self.films.set_epoch(epoch)
        rng, count = self.rng(), len(self.films)
        # whether a film stands beside a sentence, and which of those that may be drawn
        self.brief = rng.uniform(size=count) < self.share
        self.place = rng.uniform(size=count)
        if self.pairing == "matched":
            self.matched_sentence = share_an_observation(self.film_labels, self.sentence_labels, rng)
            self.matched_report = share_an_observation(self.film_labels, self.report_labels, rng)
        else:
            self.report = np.arange(count) if self.pairing == "own" else rng.integers(len(self.reports), size=count)

    def __len__(self) -> int:
        return len(self.films)

    def __getitem__(self, index: int) -> Batch:
        row, labels = self._text(index)
        text = self.distinct[row] if self.brief[index] else self.reports[row]
        return {
            "films": self.films.film(index, index),
            "report": text,
            "film_labels": torch.from_numpy(self.film_labels[index]),
            "text_labels": torch.from_numpy(labels),
        }

    def _text(self, index: int) -> tuple[int, NDArray[np.float32]]:
        """Row of the text beside a film, among sentences or among reports, and its labels."""
        if self.brief[index]:
            if self.pairing == "matched":
                row = int(self.matched_sentence[index])
            else:
                choices = self.sentences[int(self.report[index])]
                row = self.row_of[choices[int(self.place[index] * len(choices))]]
            return row, self.sentence_labels[row]
        row = int((self.matched_report if self.pairing == "matched" else self.report)[index])
        return row, self.report_labels[row]


def sentence_labels(sentences: Sequence[str]) -> NDArray[np.int8]:
    """Labels (n, 14) of sentences by the rules; none where they find no observation mentioned."""
    rules = StandardLabeler()
    labels = rules.label(sentences)
    # a report that mentions nothing is No Finding, a sentence such as "pa and lateral views" is not
    silent = [not any(mentioned for _, mentioned in rules.sentences(sentence)) for sentence in sentences]
    labels[silent] = UNMENTIONED
    return labels


def share_an_observation(
    film_labels: NDArray[np.float32], text_labels: NDArray[np.float32], rng: np.random.Generator
) -> NDArray[np.int64]:
    """For each film (n, 14) a text (m, 14) drawn among those that share a finding with it; of a film without findings
    among those that say so, and where there are none, among all."""
    patterns, inverse = np.unique(film_labels, axis=0, return_inverse=True)
    findings = np.arange(film_labels.shape[1]) != NO_FINDING
    chosen = np.empty(len(film_labels), dtype=np.int64)
    for number, pattern in enumerate(patterns):
        wanted = (
            (text_labels @ (pattern * findings) > 0) if (pattern * findings).any() else text_labels[:, NO_FINDING] > 0
        )
        members = np.flatnonzero(inverse.ravel() == number)
        chosen[members] = rng.choice(np.flatnonzero(wanted) if wanted.any() else len(text_labels), len(members))
    return chosen


def decoupled_items(model: Medclip, data: TrainingData, augment: bool, seed: int) -> Dataset[Any]:
    """Films and texts; a film that has no report of its own is matched by its labels."""
    pairing: Pairing = model.config.pairing
    if pairing == "own" and not data.paired:
        pairing = "matched"
    return DecoupledItems(data, pairing, model.config.texts, augment, seed)


train = baseline_trainer(NAME, Medclip, contrast_items=decoupled_items, contrast_needs_pairs=False)


def load(checkpoint: str | Path | None = None, device: str | None = None) -> TrainedSystem:
    """MedCLIP for the harness; see `load_system`."""
    return load_system(NAME, Medclip, checkpoint, device)
