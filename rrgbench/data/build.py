"""All films of a corpus decoded once, ahead of the trainings and evaluations that read them."""

import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rrgbench.data.corpus import Corpus
from rrgbench.data.films.cache import FilmCache
from rrgbench.data.study import SPLITS
from rrgbench.errors import InputError, message
from rrgbench.progress import Progress


@dataclass(frozen=True)
class Built:
    """What was made of a split.

    Attributes
    ----------
    split : str
        Its name.
    films : int
        Films that are there.
    bytes : int
        Their room on disk.
    seconds : float
        How long it took to make them, or to check those that were there.
    """

    split: str
    films: int
    bytes: int
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """Its fields."""
        return asdict(self)


def build_films(
    corpus: Corpus, size: int, folder: Path, split: str | None = None, jobs: int = -1, progress: Progress | None = None
) -> list[Built]:
    """Keep the first film of every study, split by split, in a film cache.

    Parameters
    ----------
    corpus : Corpus
        Whose films.
    size : int
        Their side.
    folder : Path
        The cache (`rrgbench.data.films.cache`); a few films are held in memory at a time.
    split : str, optional
        One split alone; all but the retrieval pool if omitted, of which evaluation reads a sample.
    jobs : int
        Worker processes (joblib's `n_jobs`).
    progress : callable, optional
        See `rrgbench.progress.Progress`.

    Raises
    ------
    InputError
        If there are no films, one can't be read, or the folder can't be written.
    """
    found = list(_built(corpus, size, FilmCache(folder, jobs), split, progress))
    if not found:
        where = f"split {split}" if split else "no split"
        raise InputError(f"corpus {corpus.name} has no films to build: {where} holds a study with a film")
    return found


def _built(
    corpus: Corpus, size: int, cache: FilmCache, split: str | None, progress: Progress | None
) -> Iterator[Built]:
    for name in SPLITS if split is None else (split,):
        if split is None and (name == "retrieval" or name not in corpus.splits):
            continue
        studies = [study for study in corpus.split(name) if study.images]
        if not studies:
            continue
        began = time.perf_counter()
        stored = cache.of(studies, size, progress)
        seconds = time.perf_counter() - began
        if stored.path is None or stored.path.parent != cache.folder:
            reason = message(cache.refused) if cache.refused else "they don't say what they are made of"
            raise InputError(
                f"the films of split {name} can't be kept in {cache.folder} ({reason}); give a --film-cache folder "
                "that can be written and has room"
            ) from cache.refused
        yield Built(name, len(stored), stored.path.stat().st_size, round(seconds, 3))
