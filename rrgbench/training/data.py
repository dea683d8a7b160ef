"""What a model learns from: films, reports and labels of a corpus's training split, paired or not."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from rrgbench.data.corpus import Corpus, of_one_data_set, training_items
from rrgbench.data.films.cache import FilmCache
from rrgbench.data.study import Study
from rrgbench.errors import InputError, listed
from rrgbench.labelers.study_labels import can_be_labelled, study_labels
from rrgbench.progress import Progress

_log = logging.getLogger(__name__)

_SAYING = ("findings", "impression")
"""Sections that say what a film shows."""


class FilmRows(Protocol):
    """Films by row: an array (n, size, size), films in a file, or several of these one after the other."""

    def __len__(self) -> int:
        """Number of films."""
        ...

    def __getitem__(self, row: Any, /) -> Any:
        """The film (size, size), uint8, of a row, or those of a slice."""
        ...


class JoinedFilms:
    """Films one after the other, none copied: they may lie in files larger than memory; read one by one."""

    def __init__(self, parts: Sequence[FilmRows]) -> None:
        self.parts = parts
        self.ends = np.cumsum([len(part) for part in parts])

    def __len__(self) -> int:
        """Number of films."""
        return int(self.ends[-1])

    def __getitem__(self, row: int, /) -> NDArray[np.uint8]:
        """The film (size, size) of a row."""
        part = int(np.searchsorted(self.ends, row, side="right"))
        films: NDArray[np.uint8] = self.parts[part][row - (int(self.ends[part - 1]) if part else 0)]
        return films


@dataclass(frozen=True)
class FilmSource:
    """Films with labels: `films` by row, `labels` (n, 14), the observations labelled at all, and whose they are."""

    films: FilmRows
    labels: NDArray[np.int8]
    labelled: tuple[str, ...]
    studies: tuple[Study, ...] = ()

    @property
    def known(self) -> NDArray[np.bool_]:
        """Which (film, observation) pairs (n, 14) a classifier learns from."""
        return training_items(self.labels, self.labelled)


@dataclass(frozen=True)
class ReportSource:
    """Reports with labels (n, 14); `beside` are findings or impressions of the same studies that aren't these."""

    reports: list[str]
    labels: NDArray[np.int8]
    beside: tuple[str, ...] = ()


@dataclass(frozen=True)
class TrainingData:
    """Both modalities, of a split's first `limit` studies if any; if `paired`, row i of both is the same study."""

    films: FilmSource
    reports: ReportSource
    paired: bool
    limit: int | None = None


class Sources:
    """What a model learns from, read when it is first needed: a run whose stages are finished reads nothing.

    Parameters
    ----------
    corpus : Corpus
        Paired, or films with a text source.
    image_size : int
        Side of the films.
    extra : Corpus, optional
        A second corpus, whose films and labels are learned from too.
    limit : int, optional
        At most that many training studies of each source.
    film_cache : Path, optional
        Folder in which decoded films are kept (`rrgbench.data.films.cache`).
    progress : callable, optional
        See `rrgbench.progress.Progress`.
    validation_limit : int, optional
        At most that many validation studies.

    Raises
    ------
    InputError
        On reading, if a split has no films or no reports, or no film of the second corpus has labels.
    """

    def __init__(
        self,
        corpus: Corpus,
        image_size: int,
        extra: Corpus | None = None,
        limit: int | None = None,
        film_cache: Path | None = None,
        progress: Progress | None = None,
        validation_limit: int | None = None,
    ) -> None:
        self.validation_limit = validation_limit
        self.corpus, self.extra = corpus, extra
        self.image_size, self.limit, self.progress = image_size, limit, progress
        self.films = FilmCache(film_cache)

    @cached_property
    def data(self) -> TrainingData:
        """Films and reports of the corpus's training split; films stay on disk."""
        return self._read("train", self.limit)

    @cached_property
    def validation(self) -> TrainingData:
        """Films and reports of its validation split, at which early stopping looks."""
        return self._read("validate", self.validation_limit)

    @property
    def extra_is_a_copy(self) -> bool:
        """Whether the second corpus is of the first one's data set, so that equal subjects are one person."""
        return self.extra is not None and of_one_data_set(self.extra, self.corpus)

    @cached_property
    def extra_films(self) -> FilmSource | None:
        """Films and labels of the second corpus, if there is one, whether it has reports or not.

        Where both are copies of one data set, subjects that the first one validates or tests on are left out.
        """
        if self.extra is None:
            return None
        apart = set()
        if self.extra_is_a_copy:
            apart = {study.subject_id for study in self.corpus.studies if study.split != "train"}
        studies = [study for study in self.extra.split("train") if study.images and can_be_labelled(study)]
        left = [study.study_id for study in studies if study.subject_id in apart]
        studies = [study for study in studies if study.subject_id not in apart]
        if left:
            _log.warning(
                "%d training studies of the second corpus are left out, since the first one, whose copy it is, "
                "validates or tests on their subjects: %s",
                *(len(left), listed(left)),
            )
        if not studies:
            why = f"all {len(left)} with labels are of subjects that {self.corpus.name} validates or tests on"
            raise InputError(
                f"corpus {self.extra.name}: no film of its training split can be learned from: "
                f"{why if left else 'none has labels'}"
            )
        studies = studies[: self.limit]
        films = self.films.of(studies, self.image_size, self.progress)
        return FilmSource(films, study_labels(studies), self.extra.labelled_observations, tuple(studies))

    def check_validation(self) -> None:
        """Refuse a validation split without films or reports (InputError), no film being read."""
        try:
            self._studies("validate", self.validation_limit)
        except InputError as error:
            if "validate" in self.corpus.splits:
                raise
            raise InputError(
                f"{error}; stages that stop by validation look at one: mark some studies as validate, or train by a "
                "preset of your own whose stages have patience: null and stop_on: loss"
            ) from None

    def study_counts(self) -> dict[str, int]:
        """Training films and reports, those of a second corpus left out; no film is read."""
        films, reports = self._studies("train", self.limit)
        return {"films": len(films), "reports": len(reports)}

    def _studies(self, split: Literal["train", "validate"], limit: int | None) -> tuple[list[Study], list[Study]]:
        """The studies of a split whose films, and those whose reports, are learned from."""
        corpus = self.corpus
        with_films = [study for study in corpus.split(split) if study.images and can_be_labelled(study)][:limit]
        with_reports = list(corpus.reports(split)[:limit])
        films, reports = len(with_films), len(with_reports)
        if corpus.paired:
            ids = {study.study_id for study in with_reports}
            with_films = [study for study in with_films if study.study_id in ids]
            known = {study.study_id for study in with_films}
            with_reports = [study for study in with_reports if study.study_id in known]
        if not with_films or not with_reports:
            apart = ", none of them of one study" if films and reports else ""
            raise InputError(
                f"corpus {corpus.name}, split {split}: {films:,} films and {reports:,} reports to {split} on{apart}; "
                "both are needed (an image-only corpus takes --reports)"
            )
        return with_films, with_reports

    def _read(self, split: Literal["train", "validate"], limit: int | None) -> TrainingData:
        corpus = self.corpus
        with_films, with_reports = self._studies(split, limit)
        report_labels = study_labels(with_reports)
        film_labels = report_labels if corpus.paired else study_labels(with_films)
        films = self.films.of(with_films, self.image_size, self.progress)
        return TrainingData(
            films=FilmSource(films, film_labels, corpus.labelled_observations, tuple(with_films)),
            reports=ReportSource(
                [study.report or "" for study in with_reports],
                report_labels,
                tuple(filter(None, (study.sections.get(name) for study in with_reports for name in _SAYING))),
            ),
            paired=corpus.paired,
            limit=limit,
        )
