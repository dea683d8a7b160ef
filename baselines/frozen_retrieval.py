"""Frozen features, linear classifiers, and the training report of the nearest labels: what a trained system must beat.

1. ImageNet features of each film (EfficientNet-Lite0, never trained on films).
2. A logistic regression an observation; thresholds from out-of-fold predictions, at which an observation is found as
   often as it is there (`rrgbench.training.decisions`).
3. The training report whose labels are nearest to what was found (cosine), drawn among equals by the film's content.
"""

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from baselines.trivial import TrivialSystem
from rrgbench import labelers
from rrgbench.data.corpus import Corpus
from rrgbench.data.films.cache import FilmCache
from rrgbench.data.label_matching import label_similarity
from rrgbench.errors import InputError
from rrgbench.labelers.study_labels import can_be_labelled, study_labels
from rrgbench.modeling.image_encoder import build_image_encoder
from rrgbench.modeling.trained_system import chosen_device
from rrgbench.models import Images
from rrgbench.observations import OBSERVATIONS, POSITIVE, UNCERTAIN
from rrgbench.training.data import FilmSource
from rrgbench.training.decisions import decide, prevalence_thresholds
from rrgbench.training.linear_heads import LinearHeads, out_of_fold
from rrgbench.training.probing import features
from rrgbench.training.stored_features import stored_features

SIZE = 256
"""Side of the films; chosen, like `STRENGTH`, by out-of-fold AUROC on 585 training films of ChestX-ray14, means of five
ways to fold them: 0.731 at 224, 0.748 at 256, 0.740 at 320."""

STRENGTH = 1e-3


class FrozenRetrieval(TrivialSystem):
    """A training report with the labels that linear classifiers on frozen features find.

    Parameters
    ----------
    size : int
        Side of the films it reads.
    strength : float
        Inverse of the classifiers' L2 penalty.
    device : str, optional
        Where the encoder runs; a GPU if there is one.
    """

    name = "frozen-retrieval"
    needs_films = True

    def __init__(self, size: int = SIZE, strength: float = STRENGTH, device: str | None = None) -> None:
        super().__init__()
        if size < 32 or not strength > 0:
            raise InputError(f"frozen-retrieval: size {size}, strength {strength}; give at least 32, and more than 0")
        self.image_size, self.strength = size, strength
        weights = {"kind": "efficientnet-lite0", "weights": "package"}
        self.backbone = build_image_encoder(weights, pretrained=True).to(chosen_device(device)).eval()

    @property
    def identity(self) -> str:
        """Name, film size and strength, the corpus it was made from, and the labeler that reads its reports."""
        return self._identity(self.corpus)

    def identity_on(self, corpus: Corpus) -> str:
        """The same of the corpus that it will be made from."""
        return self._identity(corpus.identity)

    def _identity(self, corpus: str) -> str:
        choices = f"lite0-{self.image_size}-{self.strength:g}"
        return f"{self.name}@1[{choices},{corpus},{labelers.StandardLabeler().identity}]"

    def fit(self, corpus: Corpus, films: FilmCache | None = None) -> None:
        """Learn classifiers and thresholds from training films, and label the training reports.

        Raises
        ------
        InputError
            If the corpus has no training report, or no training film with labels or a report to label.
        """
        super().fit(corpus)
        studies = [study for study in corpus.split("train") if study.images and can_be_labelled(study)]
        if not studies:
            raise InputError(f"corpus {corpus.name} has no labelled training film for {self.name}")
        cache = films or FilmCache()
        stored = cache.of(studies, self.image_size)
        source = FilmSource(stored, study_labels(studies), corpus.labelled_observations, tuple(studies))
        vectors = stored_features(self.backbone, stored, cache.folder)
        subjects = [study.subject_id for study in studies]
        apart = out_of_fold(vectors, source.labels, source.known, subjects, self.strength)
        self.thresholds = prevalence_thresholds(apart, source.labels, source.known)
        self.heads = LinearHeads(vectors.copy(), source.labels, source.known, self.strength)
        positive = ((source.labels == POSITIVE) & source.known).sum(axis=0)
        self.shares = positive / np.maximum(source.known.sum(axis=0), 1)
        self.speaks = np.array([name in corpus.labelled_observations for name in OBSERVATIONS])
        self.report_labels, places = np.unique(self._said(self.training_reports), axis=0, return_inverse=True)
        self.of_labels = [np.flatnonzero(places.ravel() == one) for one in range(len(self.report_labels))]

    def generate_reports(self, images: Images) -> list[str]:
        """A training report with the nearest labels for each film."""
        similarity = label_similarity(self._found(images).astype(np.float32), self.report_labels)
        draws = [int.from_bytes(hashlib.sha256(film.tobytes()).digest()[:8], "big") for film in images]
        chosen = []
        for row, draw in zip(similarity, draws, strict=True):
            equals = np.concatenate([self.of_labels[one] for one in np.flatnonzero(row >= row.max() - 1e-6)])
            chosen.append(self.training_reports[equals[draw % len(equals)]])
        return chosen

    def predict_observations(self, images: Images) -> NDArray[np.float32]:
        """Probabilities (n, 14) of balanced classes; of an observation without both in training, its share there."""
        scores = self._scores(images)
        return np.where(np.isnan(scores), self.shares, _sigmoid(scores)).astype(np.float32)

    def similarity(self, images: Images, texts: Sequence[str]) -> NDArray[np.float32]:
        """Cosine (n, m) of what is found, as probabilities about the thresholds, with the labels of the candidates."""
        scores = self._scores(images) - np.where(np.isfinite(self.thresholds), self.thresholds, 0.0)
        found = np.where(np.isnan(scores) | ~self.speaks, 0.0, _sigmoid(scores))
        return label_similarity(found.astype(np.float32), self._said(texts))

    def _scores(self, images: Images) -> NDArray[np.float64]:
        # a view of films in another order has strides that torch does not take
        return self.heads.scores(features(self.backbone, np.ascontiguousarray(images), batch=32))

    def _found(self, images: Images) -> NDArray[np.bool_]:
        return np.asarray(decide(self._scores(images), self.thresholds) & self.speaks)

    def _said(self, reports: Sequence[str]) -> NDArray[np.float32]:
        """What reports say (n, 14) of the observations that the films are labelled with; uncertain counts as said."""
        labels = labelers.StandardLabeler().label(list(reports))
        return np.asarray(((labels == POSITIVE) | (labels == UNCERTAIN)) & self.speaks, dtype=np.float32)


def _sigmoid(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    from scipy.special import expit

    return np.asarray(expit(scores))


def load(size: int = SIZE, strength: float = STRENGTH, device: str | None = None) -> FrozenRetrieval:
    """The report of the labels that linear classifiers on frozen ImageNet features find.

    Parameters as for `FrozenRetrieval`.

    Raises
    ------
    InputError
        If the size is below 32 or the strength not above 0.
    MissingPartError
        If timm or the package with the ImageNet weights is not installed.
    """
    return FrozenRetrieval(size, strength, device)
