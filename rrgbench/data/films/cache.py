"""Decoded films kept on disk, so that they are decoded once and need not fit in memory.

One file holds one list of films at one size: a NumPy array (n, size, size) of uint8, and behind it the SHA-256 of all
before, by which a kept file is checked when it is opened; a damaged one is decoded anew. In a folder that is kept its
name is a digest of everything the pixels depend on: each film's file name, size in bytes and time of change, the size
asked for and the version of the decoder. A film that changes is thus decoded anew; a file that was cut short never
takes the final name. Without such a folder, and for films that are no files (a generated corpus), the files lie in a
temporary folder that goes with the cache.
"""

import hashlib
import io
import logging
import os
import pickle
import shutil
import tempfile
import weakref
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from rrgbench.data.films.images import FilmFile
from rrgbench.data.films.stream import GROUP, READING, decode, first_films
from rrgbench.data.study import ImageReference, Study
from rrgbench.errors import InputError
from rrgbench.progress import Progress

DECODER_VERSION: Final = 1
"""To be raised whenever `FilmFile.load` gives other pixels for the same file."""


_FORMAT: Final = 2
"""To be raised whenever the files are laid out otherwise."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class StoredFilms:
    """Films in a file, read when asked for and not mapped: what was looked at once would stay in memory.

    Attributes
    ----------
    path : Path
        The file.
    offset : int
        Byte at which its first film begins.
    size : int
        Side of the films.
    rows : int array (n,)
        Which films of the file these are.
    owner : object
        What the file lives as long as; stays behind when these are sent to another process.
    """

    path: Path
    offset: int
    size: int
    rows: NDArray[np.int64]
    owner: object = field(default=None, repr=False)

    def __len__(self) -> int:
        """Number of films."""
        return len(self.rows)

    def __getitem__(self, key: "int | slice | NDArray[np.integer]") -> NDArray[np.uint8]:
        """The film (size, size) of a row, or those (m, size, size) of several."""
        rows = np.asarray(self.rows[key])
        if rows.ndim == 0:
            return self._read(int(rows), 1).reshape(self.size, self.size)
        # neighbours are read at once
        runs = np.split(rows, np.flatnonzero(np.diff(rows) != 1) + 1)
        films = [self._read(int(run[0]), len(run)) for run in runs if len(run)]
        return films[0] if len(films) == 1 else np.concatenate([self._read(0, 0), *films])

    def take(self, rows: "NDArray[np.integer]") -> "StoredFilms":
        """Some of these films, in the order of `rows`."""
        return replace(self, rows=self.rows[rows])

    def __getstate__(self) -> dict[str, object]:
        """Without the owner."""
        return {**self.__dict__, "owner": None}

    def _read(self, row: int, count: int) -> NDArray[np.uint8]:
        pixels = self.size**2
        found = np.fromfile(self.path, np.uint8, count * pixels, offset=self.offset + row * pixels)
        if len(found) < count * pixels:
            raise InputError(f"the film cache's file {self.path.name} is cut short; delete it, it is made anew")
        return found.reshape(count, self.size, self.size)


class TemporaryFolder:
    """A folder that goes with this object, or with the process that made it."""

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="rrgbench-films-"))
        weakref.finalize(self, _remove, self.path, os.getpid())


def _remove(folder: Path, process: int) -> None:
    # worker processes that were forked hold a copy of the object, and not the folder
    if os.getpid() == process:
        shutil.rmtree(folder, ignore_errors=True)


class FilmCache:
    """Films by reference and size, decoded once.

    Parameters
    ----------
    folder : Path, optional
        Where decoded films are kept for later runs too; made if absent, and may be deleted at any time. A temporary
        folder (below `TMPDIR`) if omitted: it needs n x size x size bytes.
    jobs : int
        Worker processes for decoding (joblib's `n_jobs`).
    """

    def __init__(self, folder: Path | None = None, jobs: int = -1) -> None:
        self.folder, self.jobs = folder, jobs
        self._temporary: TemporaryFolder | None = None
        self._paths: dict[str, Path] = {}

    def of(self, studies: Sequence[Study], size: int, progress: Progress | None = None) -> StoredFilms:
        """First film of each study; see `get`."""
        return self.get(first_films(studies), size, progress)

    def get(self, references: Sequence[ImageReference], size: int, progress: Progress | None = None) -> StoredFilms:
        """Films (n, size, size), decoded if they are not there.

        Raises
        ------
        InputError
            If a film can't be read, or the folder can't be written.
        """
        content = _content(references, size)
        path = self._paths.get(content)
        if path is None or not path.is_file():
            key = None if self.folder is None else cache_key(references, size)
            path = self._folder(temporary=key is None) / f"films-{key or content}.npy"
            if not (path.is_file() and _whole(path)):
                _fill(path, references, size, progress, self.jobs)
            elif progress is not None:
                progress(READING, len(references), len(references))
            self._paths[content] = path
        with path.open("rb") as file:
            np.lib.format.read_magic(file)
            np.lib.format.read_array_header_1_0(file)
            offset = file.tell()
        return StoredFilms(path, offset, size, np.arange(len(references)), self._temporary)

    def _folder(self, temporary: bool) -> Path:
        if not temporary and self.folder is not None:
            return self.folder
        if self._temporary is None:
            self._temporary = TemporaryFolder()
        return self._temporary.path


def cache_key(references: Sequence[ImageReference], size: int) -> str | None:
    """Digest (32 hex digits) of what the decoded films depend on; None if some film is absent or not a file."""
    digest = hashlib.sha256(f"{DECODER_VERSION}|{_FORMAT}|{size}".encode())
    for film in references:
        if not isinstance(film, FilmFile):
            return None
        try:
            status = film.path.stat()
        except OSError:
            return None
        digest.update(f"|{film.path.name}|{status.st_size}|{status.st_mtime_ns}".encode())
    return digest.hexdigest()[:32]


def _content(references: Sequence[ImageReference], size: int) -> str:
    """Digest of the references themselves; of those that can't be pickled (a class within a function) a new name."""
    digest = hashlib.sha256(f"{size}|{len(references)}".encode())
    try:
        for film in references:
            digest.update(pickle.dumps(film))
    except (pickle.PicklingError, AttributeError):
        return uuid4().hex
    return digest.hexdigest()[:32]


def _whole(path: Path) -> bool:
    """Whether a file ends with the digest of what it holds; one that doesn't is told of in the log."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        left = path.stat().st_size - digest.digest_size
        while left > 0 and (block := file.read(min(left, 1 << 22))):
            digest.update(block)
            left -= len(block)
        if left == 0 and file.read() == digest.digest():
            return True
    _log.warning("the film cache's file %s is damaged; its films are decoded again", path.name)
    return False


def _fill(path: Path, references: Sequence[ImageReference], size: int, progress: Progress | None, jobs: int) -> None:
    """Decode into a file of another name and rename it when it is whole."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=path.stem, suffix=".part", dir=path.parent)
    except OSError as error:
        raise InputError(f"the film cache can't be written ({type(error).__name__}); give a folder that can") from error
    part = Path(name)
    header = {"descr": "|u1", "fortran_order": False, "shape": (len(references), size, size)}
    try:
        with os.fdopen(handle, "wb") as file:
            start_of_file = io.BytesIO()
            np.lib.format.write_array_header_1_0(start_of_file, header)
            file.write(start_of_file.getvalue())
            digest = hashlib.sha256(start_of_file.getvalue())
            for start in range(0, len(references), GROUP):
                films = decode(references[start : start + GROUP], size, jobs)
                digest.update(films.tobytes())
                try:
                    films.tofile(file)
                except OSError as error:
                    gigabytes = len(references) * size**2 / 1e9
                    raise InputError(
                        f"the film cache has no room ({error.strerror or type(error).__name__}): {len(references):,} "
                        f"films of {size} pixels need {gigabytes:.1f} GB; give a --film-cache folder on another disk, "
                        "or set TMPDIR"
                    ) from error
                if progress is not None:
                    progress(READING, start + len(films), len(references))
            file.write(digest.digest())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
