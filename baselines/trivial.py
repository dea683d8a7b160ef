"""Trivial systems: rows that every table needs, since one constant report beats most published BLEU-4 on IU X-Ray.

Each is made from the evaluated corpus's training split and writes a report for a film. Through that report it also
answers the other tasks: its labels are its observation predictions, its TF-IDF cosine with a candidate is its
similarity.
"""

import hashlib
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rrgbench import labelers
from rrgbench.data.corpus import Corpus
from rrgbench.data.films.cache import FilmCache, StoredFilms
from rrgbench.data.label_matching import label_similarity, positives
from rrgbench.errors import InputError
from rrgbench.labelers.study_labels import can_be_labelled, study_labels
from rrgbench.models import Examination, Films, Images, Reads
from rrgbench.observations import POSITIVE, UNCERTAIN

FIXED_TEMPLATE = (
    "the heart size and mediastinal contours are within normal limits . the lungs are clear . there is no focal "
    "consolidation . no pleural effusion or pneumothorax . no acute osseous abnormality ."
)


_BLOCK = 1024
"""Training films that a film is compared with at a time."""


class TrivialSystem(ABC):
    """A rule that picks a report for each film.

    Attributes
    ----------
    name : str
        As registered.
    image_size : int
        Side of the films it reads.
    chooses : bool
        Whether its reports are training reports, so that there must be some.
    needs_films : bool
        Whether it has nothing to go by where there are no films.
    """

    name = ""
    image_size = 32
    chooses = True
    needs_films = False

    def __init__(self) -> None:
        self.corpus = "unfitted"
        self.training_reports: list[str] = []

    @property
    def identity(self) -> str:
        """Name, the corpus it was made from, and the labeler that reads its reports."""
        return f"{self.name}@1[{self.corpus},{labelers.StandardLabeler().identity}]"

    def identity_on(self, corpus: Corpus) -> str:
        """The same of the corpus that it will be made from."""
        return f"{self.name}@1[{corpus.identity},{labelers.StandardLabeler().identity}]"

    def fit(self, corpus: Corpus, films: FilmCache | None = None) -> None:
        """Read the training reports.

        Raises
        ------
        InputError
            If the corpus has no training report to choose from.
        """
        self._read_reports(corpus)
        if self.chooses and not self.training_reports:
            raise InputError(f"corpus {corpus.name} has no training report, so {self.name} has nothing to choose from")

    def _read_reports(self, corpus: Corpus) -> None:
        self.corpus = corpus.identity
        self.training_reports = corpus.texts("train")
        if not corpus.has_films:
            self.reads = Reads(self.image_size, views="none")

    @abstractmethod
    def generate_reports(self, images: Images) -> list[str]:
        """A report for each film, or each study of a corpus without films."""

    def predict_observations(self, images: Images) -> NDArray[np.float32]:
        """What its reports say (n, 14): 1 positive, 0.5 uncertain, 0 otherwise."""
        labels = labelers.StandardLabeler().label(self.generate_reports(images))
        return np.select([labels == POSITIVE, labels == UNCERTAIN], [1.0, 0.5], 0.0).astype(np.float32)

    def similarity(self, images: Images, texts: Sequence[str]) -> NDArray[np.float32]:
        """TF-IDF cosine of its reports with the candidates (n, m)."""
        from sklearn.feature_extraction.text import TfidfVectorizer

        vectorizer = TfidfVectorizer().fit([*self.training_reports, *texts])
        own = vectorizer.transform(self.generate_reports(images))
        return np.asarray((own @ vectorizer.transform(texts).T).toarray(), dtype=np.float32)


class MostFrequentReport(TrivialSystem):
    """Always the training split's most frequent report (the first by alphabet among equals)."""

    name = "most-frequent"

    def fit(self, corpus: Corpus, films: FilmCache | None = None) -> None:
        """Count the training reports."""
        super().fit(corpus)
        counts = Counter(self.training_reports)
        self.report = min(counts, key=lambda report: (-counts[report], report))

    def generate_reports(self, images: Images) -> list[str]:
        """The same report for each film."""
        return [self.report] * len(images)


class FixedTemplate(TrivialSystem):
    """Always one normal report of ours, whatever the corpus."""

    name = "fixed-template"
    chooses = False

    def fit(self, corpus: Corpus, films: FilmCache | None = None) -> None:
        """Nothing is learned; training reports, where there are any, only weigh words of retrieval."""
        self._read_reports(corpus)

    def generate_reports(self, images: Images) -> list[str]:
        """The same report for each film."""
        return [FIXED_TEMPLATE] * len(images)


class RandomReport(TrivialSystem):
    """A training report drawn by the film's own content, or its study's id, so that order and batch don't matter."""

    name = "random-report"

    def generate_reports(self, images: Images) -> list[str]:
        """A random training report for each."""
        keys = [one.study_id.encode() if isinstance(one, Examination) else one.tobytes() for one in images]
        draws = [int.from_bytes(hashlib.sha256(key).digest()[:8], "big") for key in keys]
        return [self.training_reports[draw % len(self.training_reports)] for draw in draws]


class NearestNeighbour(TrivialSystem):
    """The report of the training film whose pixels correlate most; of an unpaired corpus, the first report whose labels
    are most like that film's."""

    name = "nearest-neighbour"
    needs_films = True

    def fit(self, corpus: Corpus, films: FilmCache | None = None) -> None:
        """Find what goes with each training film; the films themselves are read when they are first needed."""
        super().fit(corpus)
        if corpus.paired:
            studies = [study for study in corpus.reports("train") if study.images]
            self.neighbour_reports = [study.report or "" for study in studies]
        else:
            studies = [study for study in corpus.split("train") if study.images and can_be_labelled(study)]
            if not studies:
                raise InputError(f"corpus {corpus.name} has no labelled training film for {self.name}")
            film_labels = study_labels(studies)
            report_labels = labelers.StandardLabeler().label(self.training_reports)
            similarity = label_similarity(
                positives(film_labels, corpus.labelled_observations),
                positives(report_labels, corpus.labelled_observations),
            )
            self.neighbour_reports = [self.training_reports[row] for row in similarity.argmax(axis=1)]
        if not studies:
            raise InputError(f"corpus {corpus.name} has no training film for {self.name}")
        self._stored: StoredFilms | None = None
        self._cache, self._studies = films or FilmCache(), studies

    @property
    def neighbours(self) -> StoredFilms:
        """The training films."""
        if self._stored is None:
            self._stored = self._cache.of(self._studies, self.image_size)
        return self._stored

    def generate_reports(self, images: Images) -> list[str]:
        """The nearest training film's report for each film."""
        queries = _standardised(images)
        best, nearest = np.full(len(queries), -np.inf), np.zeros(len(queries), dtype=np.int64)
        for start in range(0, len(self.neighbours), _BLOCK):
            correlations = queries @ _standardised(self.neighbours[start : start + _BLOCK]).T
            found = correlations.max(axis=1)
            nearest = np.where(found > best, start + correlations.argmax(axis=1), nearest)
            best = np.maximum(best, found)
        return [self.neighbour_reports[row] for row in nearest]

    @property
    def backbone(self) -> object:
        """The pixels themselves, as the floor of linear probing."""
        from baselines.common.pixels import Pixels

        return Pixels()


def _standardised(films: Films) -> NDArray[np.float32]:
    flat = films.reshape(len(films), -1).astype(np.float32)
    flat -= flat.mean(axis=1, keepdims=True)
    return np.asarray(flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-6), dtype=np.float32)


def load_most_frequent() -> MostFrequentReport:
    """The most frequent training report."""
    return MostFrequentReport()


def load_fixed_template() -> FixedTemplate:
    """A fixed normal report."""
    return FixedTemplate()


def load_random_report() -> RandomReport:
    """A random training report."""
    return RandomReport()


def load_nearest_neighbour() -> NearestNeighbour:
    """The nearest training film's report."""
    return NearestNeighbour()
