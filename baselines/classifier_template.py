"""A classifier and one template sentence per observation: what a report generator must beat on clinical efficacy.

The probabilities of another model's head are cut at thresholds that are chosen on the validation split; each
observation above its own has one fixed sentence. Nothing here writes: what it scores, the classifier knew.
"""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from baselines.trivial import TrivialSystem
from rrgbench.data.corpus import Corpus
from rrgbench.data.films.cache import FilmCache
from rrgbench.errors import InputError
from rrgbench.labelers.study_labels import can_be_labelled, study_labels
from rrgbench.models import (
    Images,
    ObservationClassifier,
    image_batches,
    load_model,
    split_checkpoint,
    takes_examinations,
)
from rrgbench.observations import OBSERVATIONS, POSITIVE, UNCERTAIN

NAME = "classifier-template"

NORMAL: Final = "no acute cardiopulmonary abnormality ."
"""Written where nothing but support devices is above its threshold."""

SENTENCES: Final[Mapping[str, str]] = {
    "Enlarged Cardiomediastinum": "the mediastinum is widened .",
    "Cardiomegaly": "the heart is enlarged .",
    "Lung Lesion": "there is a lung nodule .",
    "Lung Opacity": "there is a lung opacity .",
    "Edema": "there is pulmonary edema .",
    "Consolidation": "there is a consolidation .",
    "Pneumonia": "there is pneumonia .",
    "Atelectasis": "there is atelectasis .",
    "Pneumothorax": "there is a pneumothorax .",
    "Pleural Effusion": "there is a pleural effusion .",
    "Pleural Other": "there is pleural thickening .",
    "Fracture": "there is a rib fracture .",
    "Support Devices": "support devices are in place .",
}
"""By observation; No Finding is no finding of its own."""


class ClassifierTemplate(TrivialSystem):
    """Template sentences for what a classifier finds.

    Parameters
    ----------
    classifier : ObservationClassifier
        Whose probabilities these are; it reads what it reads.
    """

    name = NAME
    chooses = False
    needs_films = True

    def __init__(self, classifier: Any) -> None:
        super().__init__()
        self.classifier = classifier
        if takes_examinations(classifier):
            self.reads = classifier.reads
        else:
            self.image_size = classifier.image_size
        self.trained_on = getattr(classifier, "trained_on", "")
        self.thresholds = np.full(len(OBSERVATIONS), 0.5, dtype=np.float32)

    @property
    def signed(self) -> dict[str, str]:
        """Whose classifier it is, for signatures."""
        return {"classifier": self.classifier.identity}

    @property
    def identity(self) -> str:
        """As other trivial systems', and whose classifier it is."""
        return f"{super().identity}<{self.classifier.identity}>"

    def identity_on(self, corpus: Corpus) -> str:
        """The same of the corpus whose validation split its thresholds are chosen on."""
        return f"{super().identity_on(corpus)}<{self.classifier.identity}>"

    def fit(self, corpus: Corpus, films: FilmCache | None = None) -> None:
        """Choose for each observation the threshold with the best F1 on the validation split.

        An uncertain label counts as present, as clinical efficacy counts it. An observation that no validation study
        shows is never written.

        Raises
        ------
        InputError
            If no validation film has labels or a report to label.
        """
        from baselines.common.observation_network import best_thresholds

        self._read_reports(corpus)
        studies = [study for study in corpus.split("validate") if study.images and can_be_labelled(study)]
        if not studies:
            raise InputError(
                f"corpus {corpus.name} has no labelled validation film to choose {self.name}'s thresholds on"
            )
        batches = image_batches(self.classifier, studies, films=films)
        probabilities = np.concatenate([self._probabilities(images) for images in batches])
        shown = np.isin(study_labels(studies), (POSITIVE, UNCERTAIN))
        self.thresholds = best_thresholds(probabilities, shown)

    def generate_reports(self, images: Images) -> list[str]:
        """One sentence per observation above its threshold, in their order; a normal one where there is no finding."""
        found = self._probabilities(images) >= self.thresholds
        return [report_of([name for name, shown in zip(OBSERVATIONS, row, strict=True) if shown]) for row in found]

    def _probabilities(self, images: Images) -> NDArray[np.float32]:
        # what a file of predictions does not predict is not found
        return np.nan_to_num(np.asarray(self.classifier.predict_observations(images), dtype=np.float32))


def report_of(observations: list[str]) -> str:
    """The sentences of some observations, and the normal one where none but Support Devices is a finding."""
    told = [SENTENCES[name] for name in observations if name in SENTENCES]
    normal = not any(name in SENTENCES and name != "Support Devices" for name in observations)
    return " ".join([*told, NORMAL] if normal else told)


def load(classifier: str = "dcrrg", checkpoint: str | None = None, device: str | None = None) -> ClassifierTemplate:
    """Template sentences for what a classifier finds.

    Parameters
    ----------
    classifier : str
        A model that predicts observations: its registered name, or NAME=CHECKPOINT.
    checkpoint : str, optional
        Of the classifier; the shipped one if omitted.
    device : str, optional
        Where it runs.

    Raises
    ------
    InputError
        If the model predicts no observations, or two checkpoints are given.
    """
    name, named = split_checkpoint(classifier)
    if named is not None and checkpoint is not None:
        raise InputError(f"{NAME} of {classifier} is also given the checkpoint {checkpoint}; give one of them")
    options = {} if device is None else {"device": device}
    model = load_model(name, named or checkpoint, **options)
    if not isinstance(model, ObservationClassifier):
        raise InputError(f"{NAME} takes a model that predicts observations; {name} does not")
    return ClassifierTemplate(model)
