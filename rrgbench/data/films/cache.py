"""Decoded films kept on disk, so that only the first epoch, or the first run, waits for decoding.

One file holds one set of films at one size: a NumPy array (n, size, size) of uint8, mapped into memory when opened, so
that a corpus larger than memory can be trained on. Its name is a digest of everything the pixels depend on: each film's
file name, size in bytes and time of change, the size asked for and the version of the decoder. A film that changes is
thus decoded anew; a cache that was cut short never takes the final name.
"""

import hashlib
import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from rrgbench.data.corpus import load_films
from rrgbench.data.films.images import FilmFile
from rrgbench.data.study import Study
from rrgbench.errors import InputError

DECODER_VERSION: Final = 1
"""To be raised whenever `FilmFile.load` gives other pixels for the same file."""

_ROWS: Final = 1024


def load_films_cached(
    studies: Sequence[Study],
    size: int,
    folder: Path,
    progress: Callable[[int, int], None] | None = None,
    jobs: int = -1,
) -> NDArray[np.uint8]:
    """First film of each study, from the cache where it is there, else decoded and put into it.

    Parameters
    ----------
    studies : sequence of Study
        Each with a film.
    size : int
        Side in pixels.
    folder : Path
        Where cache files lie; made if absent. It may be deleted at any time.
    progress : callable, optional
        Called with (done, total).
    jobs : int
        Worker processes for decoding (joblib's `n_jobs`).

    Returns
    -------
    uint8 array (n, size, size)
        Read-only and mapped from the file. Where a film is not a file (a generated corpus), an ordinary array, because
        generating is as fast as reading.

    Raises
    ------
    InputError
        If a study has no film, a film can't be read, or the folder can't be written.
    """
    key = cache_key(studies, size)
    if key is None or not studies:
        return load_films(studies, size, progress, jobs)
    path = folder / f"films-{key}.npy"
    if not path.is_file():
        _fill(path, studies, size, progress, jobs)
    elif progress is not None:
        progress(len(studies), len(studies))
    films: NDArray[np.uint8] = np.load(path, mmap_mode="r", allow_pickle=False)
    return films


def cache_key(studies: Sequence[Study], size: int) -> str | None:
    """Digest (32 hex digits) of what the decoded films depend on; None if some first film is absent or not a file."""
    digest = hashlib.sha256(f"{DECODER_VERSION}|{size}".encode())
    for study in studies:
        film = study.images[0] if study.images else None
        if not isinstance(film, FilmFile):
            return None
        try:
            status = film.path.stat()
        except OSError:
            return None
        digest.update(f"|{film.path.name}|{status.st_size}|{status.st_mtime_ns}".encode())
    return digest.hexdigest()[:32]


def _fill(
    path: Path, studies: Sequence[Study], size: int, progress: Callable[[int, int], None] | None, jobs: int
) -> None:
    """Decode into a file of another name and rename it when it is whole."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=path.stem, suffix=".part", dir=path.parent)
    except OSError as error:
        raise InputError(f"the film cache can't be written ({type(error).__name__}); give a folder that can") from error
    os.close(handle)
    part = Path(name)
    try:
        films = np.lib.format.open_memmap(part, mode="w+", dtype=np.uint8, shape=(len(studies), size, size))
        for start in range(0, len(studies), _ROWS):
            chunk = studies[start : start + _ROWS]
            films[start : start + len(chunk)] = load_films(chunk, size, None, jobs)
            if progress is not None:
                progress(start + len(chunk), len(studies))
        films.flush()
        del films
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
