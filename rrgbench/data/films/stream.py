"""Films and whole examinations, decoded in batches by worker processes, so that no split must fit in memory."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from rrgbench.data.examination import Examination, Reads, examination, film_references
from rrgbench.data.study import ImageReference, Study
from rrgbench.errors import InputError, listed
from rrgbench.orphans import parallel
from rrgbench.progress import Progress

if TYPE_CHECKING:
    from rrgbench.data.films.cache import FilmCache

T = TypeVar("T")

READING: Final = "reading films"
"""How progress calls it."""

GROUP: Final = 512
"""Films decoded at a time, and so held at a time."""

_CHUNK: Final = 64


def stream(
    studies: Sequence[Study],
    reads: Reads,
    batch: int = 64,
    cache: "FilmCache | None" = None,
    progress: Progress | None = None,
    jobs: int = -1,
) -> Iterator[list[Examination]]:
    """Studies as a model reads them, in order, `batch` at a time.

    Parameters
    ----------
    studies : sequence of Study
        Each with a film, unless none is read.
    reads : Reads
        What the model asks for.
    batch : int
        Studies in a batch.
    cache : FilmCache, optional
        Where decoded films are kept; without one about `GROUP` films are decoded at a time and none is kept.
    progress : callable, optional
        Told of the films that are read.
    jobs : int
        Worker processes (joblib's `n_jobs`) where there is no cache, which has its own.

    Raises
    ------
    InputError
        If a study has no film, or a film can't be read, naming it.
    """
    if reads.views != "none":
        _check_films(studies)
    stored, at = None, 0
    if cache is not None and reads.views != "none":
        stored = cache.get([film for study in studies for film in film_references(study, reads)], reads.size, progress)
    group = max(batch, GROUP // batch * batch)
    for start in range(0, len(studies), group):
        held = studies[start : start + group]
        counts = [len(film_references(study, reads)) for study in held]
        if stored is None:
            films = decode([film for study in held for film in film_references(study, reads)], reads.size, jobs)
            at = 0
            if progress is not None and reads.views != "none":
                progress(READING, start + len(held), len(studies))
        for first in range(0, len(held), batch):
            part = held[first : first + batch]
            ends = at + np.cumsum([0, *counts[first : first + batch]])
            pixels = (films if stored is None else stored)[at : int(ends[-1])]
            yield [
                examination(study, reads, list(pixels[low - at : high - at]))
                for study, low, high in zip(part, ends[:-1].tolist(), ends[1:].tolist(), strict=True)
            ]
            at = int(ends[-1])


def load_films(
    studies: Sequence[Study], size: int, progress: Progress | None = None, jobs: int = -1
) -> NDArray[np.uint8]:
    """First film of each of a few studies as one array (n, size, size).

    Parameters
    ----------
    studies : sequence of Study
        Each with a film.
    size : int
        Side in pixels.
    progress : callable, optional
        Told of the films that are read.
    jobs : int
        Worker processes (joblib's `n_jobs`); small sets are read in this process.

    Raises
    ------
    InputError
        If a study has no film, naming it.
    """
    return decode(first_films(studies), size, jobs, progress)


def first_films(studies: Sequence[Study]) -> list[ImageReference]:
    """The first film of each study.

    Raises
    ------
    InputError
        If a study has no film, naming it.
    """
    _check_films(studies)
    return [study.images[0] for study in studies]


def decode(
    references: Sequence[ImageReference], size: int, jobs: int = -1, progress: Progress | None = None
) -> NDArray[np.uint8]:
    """Films (n, size, size), in order; parameters as of `load_films`."""
    films = np.empty((len(references), size, size), dtype=np.uint8)
    done = 0
    for part in in_workers(partial(_decode_chunk, size=size), references, jobs):
        films[done : done + len(part)] = part
        done += len(part)
        if progress is not None:
            progress(READING, done, len(films))
    return films


def in_workers(
    work: Callable[[Sequence[ImageReference]], T], references: Sequence[ImageReference], jobs: int
) -> Iterable[T]:
    """What work makes of films, some at a time and in order, by worker processes; of a few films in this process."""
    chunks = [references[start : start + _CHUNK] for start in range(0, len(references), _CHUNK)]
    if jobs == 1 or len(chunks) <= 4:
        return map(work, chunks)
    from joblib import delayed

    parts: Iterable[T] = parallel(jobs, return_as="generator")(delayed(work)(chunk) for chunk in chunks)
    return parts


def _check_films(studies: Sequence[Study]) -> None:
    missing = [study.study_id for study in studies if not study.images]
    if missing:
        raise InputError(f"{len(missing)} studies have no film: {listed(missing)}")


def _decode_chunk(references: Sequence[ImageReference], size: int) -> NDArray[np.uint8]:
    return np.stack([reference.load(size) for reference in references])
