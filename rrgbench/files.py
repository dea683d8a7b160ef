"""Files that are either whole or absent, whatever instant the process is killed at, and digests of their content."""

import contextlib
import errno
import gzip
import hashlib
import io
import json
import os
import stat
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from rrgbench.errors import InputError

TEMPORARY_SUFFIX = ".partial"

UNPACKED_BYTES = 1 << 28
"""What any packed file may unpack to (256 MiB)."""

UNPACKED_RATIO = 100
"""How many times its size a larger one may unpack to; tables and reports reach 10 to 30."""


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file so that a reader sees the old content or the new, never a part.

    The content goes to a temporary file of the same folder (a rename across file systems is not atomic), is forced to
    disk, and then takes the name; the folder entry is forced to disk too. A link stays one: the file that it names is
    written. What is no file, such as a pipe or a device, takes the content as it comes.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and not path.is_file() and not path.is_dir():
        with path.open("wb") as device:
            device.write(content)
        return
    path = path.resolve() if path.is_symlink() else path
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=TEMPORARY_SUFFIX, dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        # mkstemp makes files private; a result is to be as readable as any file the user writes.
        os.chmod(name, 0o666 & ~_umask())
        os.replace(name, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name)
        raise
    _sync_folder(path.parent)


def write_text(path: Path, text: str) -> None:
    """`write_bytes` of UTF-8 text, with the line ends as given on every platform."""
    write_bytes(path, text.encode("utf-8"))


def read_regular(path: Path, most: int = -1) -> bytes:
    """Content of a regular file, or its first `most` bytes; what may never end, as a pipe or a device, is refused.

    Raises
    ------
    InputError
        If it is a pipe, a socket or a device.
    OSError
        As `open` does.
    """
    # where there are pipes, opening one waits for its writer unless it is asked not to
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    try:
        mode = os.fstat(handle).st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        if not stat.S_ISREG(mode):
            raise InputError(f"{path.name} is no regular file (a pipe, say, or a device); give a file")
        with os.fdopen(handle, "rb", closefd=False) as file:
            return file.read() if most < 0 else _at_most(file, most)
    finally:
        os.close(handle)


def unpack_gzip(content: bytes, name: str) -> bytes:
    """Unpacked content of a gzip file; what unpacks to far more than a table or text does is refused before it is held.

    Raises
    ------
    InputError
        Naming the file, if it unpacks to more than `UNPACKED_BYTES` and `UNPACKED_RATIO` times its size.
    OSError, EOFError, zlib.error
        If it is damaged.
    """
    most = max(UNPACKED_BYTES, UNPACKED_RATIO * len(content))
    with gzip.GzipFile(fileobj=io.BytesIO(content)) as stream:
        unpacked = _at_most(stream, most + 1)
    if len(unpacked) > most:
        raise InputError(
            f"{name} has {len(content):,} bytes and unpacks to more than {most:,}; no table or report file does: "
            "if it is one, unpack it yourself"
        )
    return unpacked


def _at_most(stream: io.BufferedIOBase, most: int) -> bytes:
    """The first bytes of a stream; a single `read` would set aside room for all that are allowed."""
    blocks: list[bytes] = []
    while most > 0 and (block := stream.read(min(most, 1 << 20))):
        blocks.append(block)
        most -= len(block)
    return b"".join(blocks)


def check_writable(path: Path, read: Iterable[Path] = (), ours: Callable[[Path], bool] | None = None) -> None:
    """Refuse a file that can't be written, before the work that fills it.

    Parameters
    ----------
    path : Path
        What will be written.
    read : iterable of Path
        Files and folders that the same command reads.
    ours : callable, optional
        Whether a file that is there is one that the command wrote before.

    Raises
    ------
    InputError
        If its folder is absent or can't be written to, it is a folder itself, one of the files that are read, or is
        there already in one of the folders that are read, and not ours.
    """
    folder = path.parent
    if path.is_dir():
        raise InputError(f"{path} is a folder; give a file")
    check_not_read(path, read, ours)
    if not folder.is_dir():
        raise InputError(f"{path} can't be written: there is no folder {folder}")
    if not os.access(path if path.exists() else folder, os.W_OK):
        raise InputError(f"{path} can't be written: no permission") from PermissionError(errno.EACCES, "no permission")


def check_not_read(path: Path, read: Iterable[Path], ours: Callable[[Path], bool] | None = None) -> None:
    """Refuse to write a file that the same command reads, or that is there already in a folder that it reads.

    One in such a folder that is `ours`, written by the same command before, may be replaced.

    Raises
    ------
    InputError
        Naming the file and the folder.
    """
    for one in read if path.exists() else ():
        if one.exists() and path.samefile(one):
            raise InputError(f"{path} is also what is read, and would be replaced; give another file")
        if one.is_dir() and path.resolve().is_relative_to(one.resolve()) and not (ours is not None and ours(path)):
            raise InputError(
                f"{path} is there already, in the folder that is read ({one}), and would be replaced; give another "
                "file, or delete that one first"
            )


def sweep(folder: Path) -> list[Path]:
    """Remove the temporary files that killed processes left under a folder; call it when nobody writes there."""
    left = sorted(folder.rglob(f".*{TEMPORARY_SUFFIX}"))
    for path in left:
        path.unlink(missing_ok=True)
    return left


def named_by_content(value: str) -> str:
    """The value itself, or, of an existing path, its last part and 8 digits of the SHA-256 of its files."""
    path = Path(value)
    if not path.exists():
        return value
    content = hashlib.sha256()
    for file in [path] if path.is_file() else sorted(part for part in path.rglob("*") if part.is_file()):
        with file.open("rb") as stream:
            content.update(file.relative_to(path).as_posix().encode() + hashlib.file_digest(stream, "sha256").digest())
    return f"{path.resolve().name}@{content.hexdigest()[:8]}"


def content_digest(tables: Mapping[str, str], films: Iterable[tuple[str, int]], options: Mapping[str, object]) -> str:
    """Digest what defines a corpus that is read from files.

    Neither pixels (hashing half a terabyte to start a run helps nobody) nor folders above the root nor time stamps play
    a part, so two copies of the same data agree.

    Parameters
    ----------
    tables : mapping of str to str
        SHA-256 of each table or text archive by file name.
    films : iterable of (str, int)
        Name (relative to the root, or unique file name) and size in bytes of each film, in any order.
    options : mapping of str to object
        Options that change the content (section, label policy, seed); values that JSON can hold.

    Returns
    -------
    str
        64 hex digits.
    """
    recipe = {"tables": sorted(tables.items()), "films": sorted(films), "options": sorted(options.items())}
    return hashlib.sha256(json.dumps(recipe, separators=(",", ":")).encode()).hexdigest()


def _umask() -> int:
    """The process's umask, which can only be read by setting it."""
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


def _sync_folder(folder: Path) -> None:
    """Force a folder's entries to disk where the platform lets folders be opened (Windows does not)."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
