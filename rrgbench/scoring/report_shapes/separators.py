"""Lines parted by a mark: which mark parts them, and their cells."""

import csv
import io
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from rrgbench.errors import InputError, listed
from rrgbench.scoring.report_shapes.endings import ending_of
from rrgbench.scoring.report_shapes.field_names import names_text, plain_name
from rrgbench.scoring.report_shapes.shown import shown

DELIMITERS: Final = (",", ";", "\t", "|")


def table_of(name: str, text: str, named: Iterable[str]) -> tuple[str, str]:
    """A table's text from its header on, and its separator, which a line `sep=;` above may state.

    A row that has one of the names in `named` is a header, as one with usual names is.
    """
    text, stated = without_stated_separator(text)
    return text, stated or _separator(name, text, named)


def without_stated_separator(text: str) -> tuple[str, str]:
    """A table's text without the line `sep=;` that spreadsheets write above it, and what it states; else empty."""
    first, _, rest = text.partition("\n")
    stated = re.fullmatch(r"(?i)sep=(.)\r?", first)
    return (rest, stated[1]) if stated else (text, "")


def first_rows(name: str, text: str) -> dict[str, list[str]]:
    """A table's first row under each separator, the usual one for the file's ending first."""
    usual = "," if ending_of(name) == "csv" else "\t"
    return {mark: first_row(text, mark) for mark in (usual, *(one for one in DELIMITERS if one != usual))}


def _separator(name: str, text: str, headings: Iterable[str]) -> str:
    """The separator under which the first row is a header; else the one that parts every row into id and report."""
    heads = first_rows(name, text)
    named = set(map(plain_name, headings))
    found = [mark for mark, head in heads.items() if names_text(head) or named & set(map(plain_name, head))]
    found = found or [mark for mark in heads if are_pairs(table_cells("", text, mark))]
    return max(found, key=lambda mark: len(heads[mark]) > 1, default=next(iter(heads)))


def first_row(text: str, delimiter: str) -> list[str]:
    """The first row under a separator that may not be the right one; empty if it can't be read."""
    try:
        return next(table_cells("", text, delimiter), (0, []))[1]
    except InputError:
        return []


def are_pairs(rows: Iterable[tuple[int, Sequence[str]]]) -> bool:
    """Whether every row is an id and a text."""
    try:
        return all(len(row) == 2 and len(row[0].split()) == 1 for _, row in rows)
    except InputError:
        return False


def table_cells(name: str, text: str, delimiter: str, blank_lines: bool = False) -> Iterator[tuple[int, list[str]]]:
    """Line number and cells of each row that is not blank, or of blank ones between two others too."""
    blank: list[int] = []
    begun = False
    limit = csv.field_size_limit(sys.maxsize)
    try:
        spaced = f"{delimiter} " in text.partition("\n")[0]
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True, skipinitialspace=spaced)
        while True:
            csv.field_size_limit(sys.maxsize)
            try:
                row = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                raise InputError(f"{name} line {reader.line_num}: not CSV ({error})") from None
            if row:
                yield from ((number, [""]) for number in blank)
                yield reader.line_num, row
                begun, blank = True, []
            elif begun and blank_lines:
                blank.append(reader.line_num)
    finally:
        csv.field_size_limit(limit)


def table_rows(
    name: str, lines: Iterable[tuple[int, list[str]]], width: int, delimiter: str
) -> Iterator[tuple[int, list[str]]]:
    """Line number and cells of each row below the header; InputError where one has more or fewer cells than that."""
    for number, cells in lines:
        if len(cells) != width:
            raise InputError(
                f"{name} line {number}: {len(cells)} fields, not {width} fields as in the header; quote texts "
                f"that hold {'commas' if delimiter == ',' else 'the separator'}"
            )
        yield number, cells


def check_once(name: str, header: Sequence[str]) -> None:
    """Refuse a header that names a column twice (InputError)."""
    twice = sorted({cell for cell in header if cell and header.count(cell) > 1})
    if twice:
        raise InputError(f"{name}: the header names {listed(map(shown, twice))} twice; name each column once")
