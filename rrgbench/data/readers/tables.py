"""CSV tables as data sets ship them: plain or gzipped, read whole, checked, and digested in one pass."""

import csv
import hashlib
import io
import re
import zlib
from collections.abc import Iterable, Mapping, Sequence, Sized
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

from rrgbench.errors import InputError, listed
from rrgbench.files import read_regular, unpack_gzip

MAX_BYTES: Final = 2 * 1024**3
"""A table larger than this when unpacked is refused; MIMIC-CXR's largest has 60 MB."""


@dataclass(frozen=True)
class Table:
    """Rows of one CSV file.

    Attributes
    ----------
    name : str
        File name without folders and without `.gz`.
    columns : tuple of str
        The header, blanks around names removed.
    rows : sequence of dict
        Cell text by column, blanks around it removed.
    digest : str
        SHA-256 of the unpacked bytes, so that a table and its gzipped copy are the same.
    """

    name: str
    columns: tuple[str, ...]
    rows: Sequence[dict[str, str]]
    digest: str


def read_bytes(path: Path) -> bytes:
    """Read a file, unpacking it if its name ends in `.gz`.

    Raises
    ------
    InputError
        If it can't be read or unpacked, or is larger than `MAX_BYTES`, naming the file.
    """
    try:
        content = read_regular(path, MAX_BYTES + 1)
        if path.suffix == ".gz":
            content = unpack_gzip(content, path.name)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(
            f"{path.name} can't be read ({type(error).__name__}): check that the file is complete"
        ) from error
    if len(content) > MAX_BYTES:
        raise InputError(
            f"{path.name} unpacks to more than {MAX_BYTES:,} bytes; that is no table of a chest X-ray data set"
        )
    return content


def decode_text(content: bytes, name: str) -> str:
    """Decode UTF-8, with or without a byte-order mark.

    Raises
    ------
    InputError
        Naming the file and the line of the first byte that is not UTF-8.
    """
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InputError(f"{name} line {line} is not UTF-8; save the file as UTF-8") from error


def read_table(path: Path, required: Iterable[str], delimiter: str = ",", official: Iterable[str] = ()) -> Table:
    """Read a CSV or CSV.GZ file with a header.

    Parameters
    ----------
    path : Path
        The file.
    required : iterable of str
        Columns it must have.
    delimiter : str
        What separates cells.
    official : iterable of str
        Names of columns that copies spell otherwise: a column that has one of them but for case and marks between words
        is called so, and where the separator leaves required ones out, semicolons and tabs are tried.

    Returns
    -------
    Table
        Blank lines are left out; cells beyond the header are allowed only if empty (ChestX-ray14 ends its lines with a
        comma).

    Raises
    ------
    InputError
        Naming the file, and the column that is missing or twice there, or the line that is malformed.
    """
    content = read_bytes(path)
    name = path.name.removesuffix(".gz")
    text = decode_text(content, path.name)
    plain = {_plain(one): one for one in official}
    if plain:
        delimiter = _separator(text, required, plain, delimiter)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    rows: list[dict[str, str]] = []
    columns: tuple[str, ...] = ()
    try:
        columns = tuple(plain.get(_plain(cell), cell.strip()) for cell in next(reader, []))
        _check_columns(path.name, columns, required)
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) < len(columns) or any(cell.strip() for cell in cells[len(columns) :]):
                raise InputError(
                    f"{path.name} line {reader.line_num} has {len(cells)} cells where the header has {len(columns)}; "
                    f"check its {'commas' if delimiter == ',' else 'separators'} and quotes"
                )
            rows.append({column: cell.strip() for column, cell in zip(columns, cells, strict=False)})
    except csv.Error as error:
        raise InputError(f"{path.name} line {reader.line_num} is not CSV ({error})") from error
    return Table(name, columns, rows, hashlib.sha256(content).hexdigest())


def _separator(text: str, required: Iterable[str], plain: Mapping[str, str], usual: str) -> str:
    """What parts the header's cells so that all required columns are there; the usual mark where none does."""
    head = text.partition("\n")[0]
    for mark in (usual, ";", "\t"):
        named = {plain.get(_plain(cell.strip('"'))) for cell in head.rstrip("\r").split(mark)}
        if set(required) <= named:
            return mark
    return usual


def _plain(name: str) -> str:
    return re.sub(r"[\s_-]+", " ", name.strip().strip('"').lower())


def is_id(text: str) -> bool:
    """Whether a text can be an identifier: not blank, at most 200 characters, none of them a control character.

    Identifiers stand in error messages, file names and tables; a line break in one would break all three.
    """
    return bool(text.strip()) and len(text) <= 200 and text.isprintable()


def shown(value: object, words: int = 1) -> str:
    """A value as an error may show it: short and of few words, else only what it is, as it may be a report's text."""
    if isinstance(value, str):
        short = len(value) <= 60 and len(value.split()) <= words and value.isprintable()
        return repr(value) if short else f"a text of {len(value)} characters"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int | float):
        return f"{value:.6g}" if isinstance(value, float) else shown(str(value)).strip("'")
    return f"{'an object' if isinstance(value, Mapping) else 'a list'} of {len(cast(Sized, value))}"


def find_table(root: Path, *names: str) -> Path | None:
    """First of the names, or its `.gz`, that exists in a folder; None if none does."""
    for name in names:
        for path in (root / name, root / f"{name}.gz"):
            if path.is_file():
                return path
    return None


def existing_root(root: Path | str | None, corpus: str, expects: str) -> Path:
    """Return the folder a corpus is read from.

    Parameters
    ----------
    root : path or None
        What the caller gave.
    corpus, expects : str
        The corpus, and the files it looks for, for the message.

    Raises
    ------
    InputError
        If no root is given or it is not a folder.
    """
    if root is None:
        raise InputError(f"corpus {corpus} needs a root: the folder with {expects}")
    folder = Path(root)
    if not folder.is_dir():
        raise InputError(f"the root of corpus {corpus} is not a folder: {root}; give the folder with {expects}")
    return folder


def without(corpus: str, root: Path, *names: str, advice: str = "") -> InputError:
    """The error of a root that has none of some files, which says so of a folder nearby that has one.

    Parameters
    ----------
    corpus : str
        The corpus.
    root : Path
        The folder that was given: often the one around the corpus, or one inside of it.
    *names : str
        Files, or folders, one of which was looked for.
    advice : str
        What else is to be done where none is nearby.
    """
    lacks = f"none of {', '.join(names)}" if len(names) > 2 else f"no {' or '.join(names)}"
    said = f"corpus {corpus}: the root has {lacks}"
    inside = sorted(path for path in root.iterdir() if path.is_dir())
    for folder in (*inside, root.absolute().parent):
        if _holds_one(folder, names):
            return InputError(f"{said}; {_as_given(folder, root)} has one: give that folder as the root")
    return InputError(f"{said}; {advice}" if advice else said)


def _holds_one(folder: Path, names: Sequence[str]) -> bool:
    try:
        return find_table(folder, *names) is not None or any((folder / name).is_dir() for name in names)
    except OSError:
        # a folder nearby that may not be read holds nothing that could be
        return False


def _as_given(folder: Path, root: Path) -> str:
    """A folder in or around a root as a user would write it who wrote the root so."""
    return str(folder if folder.is_relative_to(root) else root / "..")


def _check_columns(name: str, columns: Sequence[str], required: Iterable[str]) -> None:
    # An open quote makes the header swallow the rows below it; they must not be printed.
    if any(column and not is_id(column) for column in columns):
        raise InputError(f"the header of {name} is malformed; check its quotes")
    needed = list(required)
    missing = [column for column in needed if column not in columns]
    if missing:
        # where the header is lost the first row is taken for it, reports and all
        given = listed((shown(column, 2).strip("'") for column in columns), 12)
        raise InputError(f"{name} lacks the columns {listed(missing)}; it has: {given or 'no header'}")
    twice = [column for column in needed if columns.count(column) > 1]
    if twice:
        raise InputError(f"{name} has the columns {listed(twice)} twice; keep one of each")
