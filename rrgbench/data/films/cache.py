"""Decoded films kept on disk, so that they are decoded once and need not fit in memory.

One file holds one list of films at one size: a NumPy array (n, size, size) of uint8, and behind it the SHA-256 of all
before, by which a kept file is checked when it is opened; a damaged one is decoded anew. In a folder that is kept its
name is a digest of everything the pixels depend on: each film's file name, size in bytes and time of change, the size
asked for and the version of the decoder; of a generated film (the phantom's) what it is generated from. A film that
changes is thus decoded anew; a file that was cut short never takes the final name, and is gone on with. Without such a
folder, and for films that are neither, the files lie in a temporary folder that goes with the cache.

A cache spares time and never stops a run: where a folder can't be written or is full, the temporary folder is taken,
and where that can't be, films are decoded whenever they are asked for. Several runs may share a folder. It holds at
most `RRGBENCH_FILM_CACHE_GB` (200): beyond that the files that were not used for longest go, also those that another
run reads, which then decodes what it still needs.
"""

import contextlib
import hashlib
import io
import logging
import os
import pickle
import platform
import re
import shutil
import tempfile
import time
import weakref
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final
from uuid import uuid4

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from rrgbench.data.films.images import FilmFile
from rrgbench.data.films.stream import GROUP, READING, decode, first_films
from rrgbench.data.study import ImageReference, Study
from rrgbench.progress import Progress

DECODER_VERSION: Final = 3
"""To be raised whenever `FilmFile.load` gives other pixels for the same file."""


_FORMAT: Final = 2
"""To be raised whenever the files are laid out otherwise."""

MOST_GIGABYTES: Final = "RRGBENCH_FILM_CACHE_GB"
"""Environment variable: how large a folder of decoded films may become."""

_MOST_GIGABYTES: Final = 200.0

_PART: Final = ".part"

_LEFT_SECONDS: Final = 3600
"""After so long without a change a half-written file is one that a killed process left."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class StoredFilms:
    """Films in a file, read when asked for and not mapped: what was looked at once would stay in memory.

    Attributes
    ----------
    path : Path or None
        The file; None where no disk takes one, and where it is no longer there the films are decoded too.
    offset : int
        Byte at which its first film begins.
    size : int
        Side of the films.
    rows : int array (n,)
        Which films of the file these are.
    references : sequence of ImageReference
        All films of the file.
    owner : object
        What the file lives as long as; stays behind when these are sent to another process.
    """

    path: Path | None
    offset: int
    size: int
    rows: NDArray[np.int64]
    references: Sequence[ImageReference] = field(repr=False)
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
        if not 0 <= row <= len(self.references) - count:
            raise IndexError(f"there are {len(self.references)} films")
        pixels = self.size**2
        if self.path is not None:
            # what another run has cleared away is decoded again
            with contextlib.suppress(FileNotFoundError):
                found = np.fromfile(self.path, np.uint8, count * pixels, offset=self.offset + row * pixels)
                if len(found) == count * pixels:
                    return found.reshape(count, self.size, self.size)
                _log.warning("the film cache's file %s is cut short; its films are decoded again", self.path.name)
        return decode(self.references[row : row + count], self.size, jobs=1)


_TEMPORARY: Final = "rrgbench-films-"

_IN_USE: Final = "in-use"


class TemporaryFolder:
    """A folder that goes with this object, or with the process that made it; those of killed processes go first.

    Raises
    ------
    OSError
        If there is no place for it.
    """

    def __init__(self) -> None:
        for left in Path(tempfile.gettempdir()).glob(f"{_TEMPORARY}*"):
            _remove_if_left(left)
        self.path = Path(tempfile.mkdtemp(prefix=_TEMPORARY))
        self._in_use = FileLock(self.path / _IN_USE)
        self._in_use.acquire()
        weakref.finalize(self, _remove, self.path, os.getpid())


def _remove_if_left(folder: Path) -> None:
    """Remove a temporary folder whose process has ended without doing so: nobody holds its lock."""
    lock = FileLock(folder / _IN_USE)
    # of another user, or being made at this moment
    if not os.access(folder, os.W_OK) or not (folder / _IN_USE).is_file():
        return
    with contextlib.suppress(Timeout, OSError), lock.acquire(timeout=0):
        shutil.rmtree(folder, ignore_errors=True)


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

    Attributes
    ----------
    refused : OSError or None
        Why films were last not kept where they were to be.
    """

    def __init__(self, folder: Path | None = None, jobs: int = -1) -> None:
        self.folder, self.jobs = folder, jobs
        self.refused: OSError | None = None
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
            If a film can't be read.
        """
        content = _content(references, size)
        rows = np.arange(len(references))
        key = None if self.folder is None else cache_key(references, size)
        for name in (self.folder and key and f"films-{key}.npy", f"films-{content}.npy"):
            if not name:
                continue
            try:
                path = self._paths.get(content)
                if path is None or not path.is_file():
                    path = self._file(name, references, size, progress, temporary=key is None or key not in name)
                    self._paths[content] = path
                with path.open("rb") as file:
                    np.lib.format.read_magic(file)
                    np.lib.format.read_array_header_1_0(file)
                    offset = file.tell()
                return StoredFilms(path, offset, size, rows, references, self._temporary)
            except OSError as error:
                self.refused = error
                gigabytes = len(references) * size**2 / 1e9
                _log.warning(
                    "decoded films are not kept in %s (%s), where they need %.1f GB; that costs time and nothing else",
                    self.folder if key is not None and key in name else tempfile.gettempdir(),
                    error.strerror or type(error).__name__,
                    gigabytes,
                )
        return StoredFilms(None, 0, size, rows, references)

    def _file(
        self, name: str, references: Sequence[ImageReference], size: int, progress: Progress | None, temporary: bool
    ) -> Path:
        """The file of that name, filled if it is not there or damaged; OSError where a folder takes none."""
        path = self._folder(temporary) / name
        if path.is_file() and _whole(path):
            with contextlib.suppress(OSError):
                # when it was last used
                os.utime(path)
            if progress is not None:
                progress(READING, len(references), len(references))
            return path
        _fill(path, references, size, progress, self.jobs)
        if not temporary:
            _bound(path)
        return path

    def _folder(self, temporary: bool) -> Path:
        if not temporary and self.folder is not None:
            return self.folder
        if self._temporary is None:
            self._temporary = TemporaryFolder()
        return self._temporary.path


def cache_key(references: Sequence[ImageReference], size: int) -> str | None:
    """Digest (32 hex digits) of what the decoded films depend on; None if some film is absent, or is neither a file nor
    tells what it is made of (`content`)."""
    digest = hashlib.sha256(f"{DECODER_VERSION}|{_FORMAT}|{size}".encode())
    for film in references:
        if not isinstance(film, FilmFile):
            content = getattr(film, "content", None)
            if not isinstance(content, str):
                return None
            digest.update(f"|{content}".encode())
            continue
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
    """Decode into a file of another name and rename it when it is whole; OSError where the disk doesn't take it.

    What a killed process left of it is gone on with, unless another process of this machine does so already.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.stem}.{re.sub('[^0-9A-Za-z]', '-', platform.node())}{_PART}")
    for left in path.parent.glob(f"films-*{_PART}"):
        # whoever fills one writes to it every few seconds
        with contextlib.suppress(OSError):
            if left != part and time.time() - left.stat().st_mtime > _LEFT_SECONDS:
                left.unlink()
    turn = hashlib.sha256(str(part.absolute()).encode()).hexdigest()[:16]
    lock = Path(tempfile.gettempdir()) / f"rrgbench-fill-{turn}"
    with contextlib.ExitStack() as held:
        try:
            held.enter_context(FileLock(lock).acquire(timeout=0))
            part.touch()
        except Timeout:
            handle, name = tempfile.mkstemp(prefix=path.stem, suffix=_PART, dir=path.parent)
            os.close(handle)
            part = Path(name)
        try:
            _write(part, references, size, progress, jobs)
            part.replace(path)
            # only now: who comes from here on finds the film file whole and fills nothing
            with contextlib.suppress(OSError):
                lock.unlink()
        except Exception:
            # what stopped this would stop the next one too, or it is room that is wanted; a kill leaves the part
            part.unlink(missing_ok=True)
            raise


def _write(part: Path, references: Sequence[ImageReference], size: int, progress: Progress | None, jobs: int) -> None:
    """Header, films and digest, from where an earlier process ended."""
    start_of_file = io.BytesIO()
    header = {"descr": "|u1", "fortran_order": False, "shape": (len(references), size, size)}
    np.lib.format.write_array_header_1_0(start_of_file, header)
    digest = hashlib.sha256(start_of_file.getvalue())
    kept = _left_behind(part, start_of_file.getvalue(), references, size)
    with part.open("r+b" if kept else "wb") as file:
        file.write(start_of_file.getvalue())
        for start in range(0, len(references), GROUP):
            if start < kept:
                digest.update(file.read(GROUP * size**2))
                continue
            # between reading and writing a file wants to be told where it is
            file.seek(len(start_of_file.getvalue()) + start * size**2)
            films = decode(references[start : start + GROUP], size, jobs)
            digest.update(films.tobytes())
            file.write(films.data)
            if progress is not None:
                progress(READING, start + len(films), len(references))
        file.write(digest.digest())
        file.truncate()


def _left_behind(part: Path, start_of_file: bytes, references: Sequence[ImageReference], size: int) -> int:
    """How many films of a file that a killed process left are kept: whole groups but the last, if they are the same."""
    whole = (part.stat().st_size - len(start_of_file)) // (GROUP * size**2)
    kept = max(0, min(whole - 1, len(references) // GROUP)) * GROUP
    if kept == 0:
        return 0
    with part.open("rb") as file:
        if file.read(len(start_of_file)) != start_of_file:
            return 0
    last = np.fromfile(part, np.uint8, size**2, offset=len(start_of_file) + (kept - 1) * size**2)
    if not np.array_equal(last.reshape(size, size), references[kept - 1].load(size)):
        return 0
    _log.info("%s of %s films are there from an earlier run", f"{kept:,}", f"{len(references):,}")
    return kept


def _bound(kept: Path) -> None:
    """Remove the files of a kept one's folder that were not used for longest, until the rest is small enough."""
    room = float(os.environ.get(MOST_GIGABYTES, "") or _MOST_GIGABYTES) * 1e9
    used: list[tuple[float, int, Path]] = []
    for path in kept.parent.glob("films-*.npy"):
        with contextlib.suppress(OSError):
            status = path.stat()
            used.append((status.st_mtime, status.st_size, path))
    for _, size, path in sorted(used, reverse=True):
        room -= size
        if room < 0 and path != kept:
            _log.info("the film cache is full: %s goes", path.name)
            with contextlib.suppress(OSError):
                path.unlink()
