"""What a model learns from: films, reports and labels of a corpus's training split, paired or not."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rrgbench.data.corpus import Corpus, load_films
from rrgbench.data.film_cache import load_films_cached
from rrgbench.errors import InputError
from rrgbench.labelers import RulesLabeler
from rrgbench.labelers.study_labels import can_be_labelled, study_labels


@dataclass(frozen=True)
class FilmSource:
    """Films with labels: `films` (n, size, size) uint8, `labels` (n, 14), and the observations labelled at all."""

    films: NDArray[np.uint8]
    labels: NDArray[np.int8]
    labelled: tuple[str, ...]


@dataclass(frozen=True)
class ReportSource:
    """Reports with labels (n, 14) and each observation's description (None where not mentioned)."""

    reports: list[str]
    labels: NDArray[np.int8]
    descriptions: list[tuple[str | None, ...]]


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
) -> TrainingData:
    """Read a corpus's training split into memory.

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
        Folder in which decoded films are kept (`rrgbench.data.film_cache`).

    Raises
    ------
    InputError
        If the split has no films or no reports.
    """
    with_films = [study for study in corpus.split("train") if study.images and can_be_labelled(study)][:limit]
    with_reports = [study for study in corpus.reports("train") if (study.report or "").strip()][:limit]
    if corpus.paired:
        ids = {study.study_id for study in with_reports}
        with_films = [study for study in with_films if study.study_id in ids]
        known = {study.study_id for study in with_films}
        with_reports = [study for study in with_reports if study.study_id in known]
    if not with_films or not with_reports:
        raise InputError(
            f"corpus {corpus.name}: {len(with_films)} films and {len(with_reports)} reports to train on; both are "
            "needed (an image-only corpus takes --reports)"
        )
    report_labels = study_labels(with_reports)
    film_labels = report_labels if corpus.paired else study_labels(with_films)
    rules = RulesLabeler()
    films = (
        load_films(with_films, image_size, progress)
        if film_cache is None
        else load_films_cached(with_films, image_size, film_cache, progress)
    )
    return TrainingData(
        films=FilmSource(films, film_labels, corpus.labelled_observations),
        reports=ReportSource(
            [study.report or "" for study in with_reports],
            report_labels,
            [rules.descriptions(study.report or "") for study in with_reports],
        ),
        paired=corpus.paired,
        corpus=corpus.identity,
    )
