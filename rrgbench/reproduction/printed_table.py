"""A CSV of printed figures: names and cells as text."""

import csv
import io
from collections.abc import Iterable
from pathlib import Path

from rrgbench.errors import InputError, listed
from rrgbench.files import read_regular

_LONGEST_NAME = 30
_MOST_WORDS = 3


def read_printed_table(path: Path) -> tuple[list[str], list[dict[str, str]]]:
    """Names of a table's columns, and its rows.

    Raises
    ------
    InputError
        If the file can't be read or is no CSV, or a row has more cells than the header; what a row lacks is blank.
    """
    try:
        text = read_regular(path).decode("utf-8-sig")
    except FileNotFoundError:
        raise InputError(f"table {path.name} is not there; give a CSV with a header") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"table {path.name} can't be read ({type(error).__name__})") from error
    reader = csv.DictReader(io.StringIO(text, newline=""), restval="")
    try:
        rows = list(reader)
    except csv.Error as error:
        raise InputError(f"table {path.name} is no CSV that can be read: {error}") from error
    names = list(reader.fieldnames or [])
    for row in rows:
        # csv's name for cells too many
        if None in row:
            raise InputError(f"a row of the table has another number of cells than its header, which has {len(names)}")
    return names, rows


def named(cells: Iterable[str | None], most: int = 5) -> str:
    """Columns or systems of a table, for an error; how many they are where one is too long for a name: a report."""
    given = [cell for cell in cells if cell is not None]
    if any(len(cell) > _LONGEST_NAME or len(cell.split()) > _MOST_WORDS for cell in given):
        return f"{len(given)}, whose texts are too long for names"
    return listed(given, most)
