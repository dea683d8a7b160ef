"""Systems that write with the training split at hand: what they find there, in training and when they are evaluated."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from baselines.common.observation_network import ObservationSystem
from baselines.common.retrieval_index import RetrievalIndex, Rows, build_index
from rrgbench.data.corpus import Corpus
from rrgbench.data.films.cache import FilmCache
from rrgbench.data.films.stream import stream
from rrgbench.data.study import Study
from rrgbench.errors import InputError
from rrgbench.modeling.report_model import REPORT_START
from rrgbench.modeling.report_tokenizer import encode_reports, pad_rows
from rrgbench.modeling.trained_system import Origin, TrainedSystem, load_system
from rrgbench.models import Examination, Reads
from rrgbench.training.data import FilmRows, TrainingData
from rrgbench.training.probing import features


class Library:
    """The training studies: an index to find them by, their films and their reports.

    Parameters
    ----------
    index : RetrievalIndex
        Row i is study i.
    films : FilmRows
        Of the same studies.
    reports : sequence of str
        Of the same studies.
    subjects : mapping of str to str, optional
        Whose studies may be asked about, by study id; by default those of the index. A study that is in neither is one
        of a subject without training studies.
    """

    def __init__(
        self, index: RetrievalIndex, films: FilmRows, reports: Sequence[str], subjects: Mapping[str, str] | None = None
    ) -> None:
        self.index, self.films, self.reports = index, films, reports
        self.subjects = dict(zip(index.study_ids, index.subjects, strict=True)) if subjects is None else subjects

    @classmethod
    def of(cls, model: "ConsultingSystem", data: TrainingData) -> "Library":
        """The training split that a model learns from."""
        index = build_index(model.observation_network.encoder, data.films.films, data.films.studies)
        return cls(index, data.films.films, data.reports.reports)


class ConsultingSystem(ObservationSystem):
    """A captioner that is shown training studies beside a film."""

    library: Library | None = None

    def prepare(self, data: TrainingData) -> None:
        """Consult no more of a training split than is learned from."""
        self.config.consulted_limit = data.limit

    @property
    def consults(self) -> int:
        """Training studies looked up for a film."""
        return 1

    @property
    def reads_prior(self) -> bool:
        """Whether the subject's last study is read."""
        return False

    def consulted(self, films: Any, subjects: Sequence[str | None], library: Library) -> Rows:
        """Rows (n, `consults`) of the library's studies nearest to films by row, none of a film's own subject."""
        return library.index.nearest(features(self.observation_network.encoder, films), subjects, self.consults)

    def shown_of(self, films: Tensor, examinations: Sequence[Examination], rows: Rows, library: Library) -> Any:
        """What the model sees of examinations, for `word_logits`: their films and the library's studies of `rows`."""
        raise NotImplementedError

    def asked_of(self, data: TrainingData, learned: TrainingData, limit: int) -> list[Examination]:
        """The first studies as examinations; what was learned from is consulted."""
        self.library = Library.of(self, learned)
        reads = Reads(self.config.image_size, prior=self.reads_prior)
        return [one for batch in stream(data.films.studies[:limit], reads, cache=FilmCache()) for one in batch]

    def shown_images(self, images: Any) -> Iterator[tuple[Any, int]]:
        """What the model sees of examinations, with the training studies that `ConsultingTrained.fit` has found.

        Raises
        ------
        InputError
            If no training studies are at hand.
        """
        if self.library is None:
            raise InputError(f"{self.config.model_type} consults training studies: fit it to a corpus first")
        pixels = np.stack([one.films[0].pixels for one in images])
        subjects = [self.library.subjects.get(one.study_id) for one in images]
        rows = self.consulted(pixels, subjects, self.library)
        start = 0
        for films in self.film_batches(pixels):
            part = slice(start, start + len(films))
            yield self.shown_of(films, images[part], rows[part], self.library), len(films)
            start += len(films)


class ConsultingTrained(TrainedSystem):
    """A trained consulting system for the harness; it is fitted to the training split of the evaluated corpus."""

    def __init__(self, name: str, model: ConsultingSystem, origin: Origin, device: str | None = None) -> None:
        super().__init__(name, model, origin, device)
        self.reads = Reads(model.config.image_size, prior=model.reads_prior)
        self._corpus = "unfitted"

    @property
    def identity(self) -> str:
        """Name, digest of the checkpoint, and the corpus whose training studies are consulted."""
        return f"{super().identity}[{self._corpus}]"

    def identity_on(self, corpus: Corpus) -> str:
        """The same once it is fitted to a corpus."""
        return f"{super().identity}[{corpus.name}@{corpus.digest[:12]}]"

    def fit(self, corpus: Corpus, films: FilmCache | None = None) -> None:
        """Index the training studies that have a film and a report: as many as were learned from, if there was a limit.

        Raises
        ------
        InputError
            If there are none.
        """
        studies: list[Study] = []
        if corpus.paired:
            limit = getattr(self.model.config, "consulted_limit", None)
            studies = [study for study in corpus.reports("train")[:limit] if study.images]
        if not studies:
            raise InputError(f"corpus {corpus.name} has no training film with a report for {self.name} to consult")
        cache = films or FilmCache()
        stored = cache.of(studies, self.image_size)
        index = build_index(self.model.observation_network.encoder, stored, studies, cache.folder)
        whose = {study.study_id: study.subject_id for study in corpus.studies}
        self.model.library = Library(index, stored, [study.report or "" for study in studies], whose)
        self._corpus = f"{corpus.name}@{corpus.digest[:12]}"


def load_consulting(
    name: str, model_class: type[ConsultingSystem], checkpoint: str | Path | None, device: str | None = None
) -> ConsultingTrained:
    """Load a trained consulting system; arguments and errors as `load_system`."""
    found = load_system(name, model_class, checkpoint, device)
    return ConsultingTrained(name, found.model, found.origin, device)


class ConsultedFilms:
    """Element i: the films (k, size, size) of row i of `rows` (n, k)."""

    def __init__(self, films: FilmRows, rows: Rows) -> None:
        self.films, self.rows = films, rows

    def __getitem__(self, index: int) -> Tensor:
        return torch.from_numpy(np.stack([self.films[int(row)] for row in self.rows[index]])).float()


class ConsultedTokens:
    """Element i: the tokens (k, t) of the reports of row i of `rows` (n, k)."""

    def __init__(self, tokens: Tensor, rows: Rows) -> None:
        self.tokens, self.rows = tokens, torch.from_numpy(rows)

    def __getitem__(self, index: int) -> Tensor:
        return self.tokens[self.rows[index]]


def report_tokens(model: ConsultingSystem, reports: Sequence[str]) -> Tensor:
    """Tokens (n, t) of reports that are consulted."""
    rows = encode_reports(model.tokenizer, reports, REPORT_START, model.config.max_report)
    return pad_rows(rows, model.config.pad_token_id)[0]
