"""What a model learns from: films, reports and labels of a corpus's training split, paired or not."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from rrgbench.data.corpus import Corpus, training_items
from rrgbench.data.films.cache import FilmCache
from rrgbench.data.study import Study
from rrgbench.errors import InputError
from rrgbench.labelers.study_labels import can_be_labelled, study_labels


class FilmRows(Protocol):
    """Films by row: an array (n, size, size), films in a file, or several of these one after the other."""

    def __len__(self) -> int:
        """Number of films."""
        ...

    def __getitem__(self, row: Any, /) -> Any:
        """The film (size, size), uint8, of a row, or those of a slice."""
        ...


class JoinedFilms:
    """Films one after the other, none copied: they may lie in files larger than memory."""

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
    """Films with labels: `films` by row, `labels` (n, 14), and the observations labelled at all."""

    films: FilmRows
    labels: NDArray[np.int8]
    labelled: tuple[str, ...]

    @property
    def known(self) -> NDArray[np.bool_]:
        """Which (film, observation) pairs (n, 14) a classifier learns from."""
        return training_items(self.labels, self.labelled)


@dataclass(frozen=True)
class ReportSource:
    """Reports with labels (n, 14)."""

    reports: list[str]
    labels: NDArray[np.int8]


@dataclass(frozen=True)
class TrainingData:
    """Both modalities; if `paired`, row i of films and of reports is the same study."""

    films: FilmSource
    reports: ReportSource
    paired: bool
    corpus: str


def gather_training_data(
    corpus: Corpus,
    image_size: int,
    limit: int | None = None,
    progress: Callable[[int, int], None] | None = None,
    film_cache: Path | None = None,
    split: Literal["train", "validate"] = "train",
) -> TrainingData:
    """Read a split of a corpus, that for training by default; its films stay on disk.

    Parameters
    ----------
    corpus : Corpus
        Paired, or films with a text source.
    image_size : int
        Side of the films.
    limit : int, optional
        At most that many studies of each source (for trials).
    progress : callable, optional
        Called with (done, total) while films are read.
    film_cache : Path, optional
        Folder in which decoded films are kept (`rrgbench.data.films.cache`).
    split : str
        `validate` gives what early stopping looks at.

    Raises
    ------
    InputError
        If the split has no films or no reports.
    """
    with_films = [study for study in corpus.split(split) if study.images and can_be_labelled(study)][:limit]
    with_reports = [study for study in corpus.reports(split) if (study.report or "").strip()][:limit]
    if corpus.paired:
        ids = {study.study_id for study in with_reports}
        with_films = [study for study in with_films if study.study_id in ids]
        known = {study.study_id for study in with_films}
        with_reports = [study for study in with_reports if study.study_id in known]
    if not with_films or not with_reports:
        raise InputError(
            f"corpus {corpus.name}, split {split}: {len(with_films)} films and {len(with_reports)} reports to "
            f"{'train' if split == 'train' else 'validate'} on; both are needed (an image-only corpus takes --reports)"
        )
    report_labels = study_labels(with_reports)
    film_labels = report_labels if corpus.paired else study_labels(with_films)
    films = _read_films(with_films, image_size, progress, film_cache)
    return TrainingData(
        films=FilmSource(films, film_labels, corpus.labelled_observations),
        reports=ReportSource([study.report or "" for study in with_reports], report_labels),
        paired=corpus.paired,
        corpus=corpus.identity,
    )


def gather_labelled_films(
    corpus: Corpus,
    image_size: int,
    limit: int | None = None,
    progress: Callable[[int, int], None] | None = None,
    film_cache: Path | None = None,
) -> FilmSource:
    """Films and labels of a corpus's training split, whether it has reports or not: extra uni-modal data.

    Parameters as in `gather_training_data`.

    Raises
    ------
    InputError
        If no film of the split has labels.
    """
    studies = [study for study in corpus.split("train") if study.images and can_be_labelled(study)][:limit]
    if not studies:
        raise InputError(f"corpus {corpus.name}: no film of its training split has labels, so none can be learned from")
    films = _read_films(studies, image_size, progress, film_cache)
    return FilmSource(films, study_labels(studies), corpus.labelled_observations)


def _read_films(
    studies: Sequence[Study],
    image_size: int,
    progress: Callable[[int, int], None] | None,
    film_cache: Path | None,
) -> FilmRows:
    def told(what: str, done: int, total: int | None, note: str = "") -> None:
        if progress is not None:
            progress(done, total or done)

    return FilmCache(film_cache).of(studies, image_size, told)
