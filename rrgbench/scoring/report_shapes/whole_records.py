"""Rows with all their fields, for readers that look for more than an id and a report."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from rrgbench.errors import InputError
from rrgbench.scoring.report_shapes.endings import JSON_ENDINGS, ending_of
from rrgbench.scoring.report_shapes.json_content import is_json, json_document, json_lines, key_of_records
from rrgbench.scoring.report_shapes.records import fields_of
from rrgbench.scoring.report_shapes.separators import check_once, first_rows, table_cells, without_stated_separator
from rrgbench.scoring.report_shapes.shown import shown


@dataclass(frozen=True)
class Records:
    """Rows of a file with several fields that are more than an id and a report.

    Attributes
    ----------
    names : tuple of str
        Its fields, in order.
    rows : list of (str, mapping)
        Place for messages (`row 2`, the header being row 1; `line 2`; `item 2`), and cells by field. A table's cells
        are texts without blanks around them.
    delimiter : str
        What parts a table's cells; empty for JSON.
    understood : str
        What was taken where it is not certain; empty where it is.
    """

    names: tuple[str, ...]
    rows: list[tuple[str, dict[str, Any]]]
    delimiter: str = ""
    understood: str = ""


def read_records(name: str, text: str, known: Callable[[Sequence[str]], int]) -> Records:
    """Rows with all their fields: a table below its header, JSON Lines, or a JSON list of objects.

    Parameters
    ----------
    name : str
        File name: its ending tells tables from JSON, where the content does not.
    text : str
        Its content.
    known : callable
        How many of a row's cells are names of fields that the caller looks for; it decides about the separator.

    Raises
    ------
    InputError
        If it is none of these, a row has more or fewer cells than the header, or the header names a column twice.
    """
    if ending_of(name) in JSON_ENDINGS or is_json(text):
        return _json_records(name, text)
    text, delimiter = without_stated_separator(text)
    if not delimiter:
        heads = first_rows(name, text)
        delimiter = max(heads, key=lambda mark: (known(heads[mark]), len(heads[mark]) > 1))
    lines = table_cells(name, text, delimiter)
    names = [cell.strip() for cell in next(lines, (0, []))[1]]
    while names and not names[-1]:
        names.pop()  # spreadsheets end every line of a sheet with separators
    check_once(name, names)
    rows = []
    for at, (_, cells) in enumerate(lines, start=2):
        if len(cells) < len(names) or any(cell.strip() for cell in cells[len(names) :]):
            raise InputError(
                f"{name}, row {at}: {len(cells)} cells where the header has {len(names)}; quote texts that hold "
                f"{'commas' if delimiter == ',' else 'the separator'}"
            )
        if any(cell.strip() for cell in cells):
            rows.append((f"row {at}", {field: cell.strip() for field, cell in zip(names, cells, strict=False)}))
    return Records(tuple(names), rows, delimiter)


def _json_records(name: str, text: str) -> Records:
    lines = [line for line in text.split("\n") if line.strip()]
    note = ""
    by_line = all(re.fullmatch(r"\s*\{.*\}\s*", line) for line in lines)
    if by_line and (len(lines) > 1 or (name.lower().endswith(("jsonl", "ndjson")) and lines)):
        rows = [(place.removeprefix(f"{name} "), record) for place, record in json_lines(name, text)]
    else:
        content = json_document(text, name)
        if isinstance(content, dict):
            inside = key_of_records(content)
            if inside is not None:
                note = f"rows are read from its {shown(inside)}"
                content = content[inside]
            elif not any(isinstance(value, list | dict) for value in content.values()):
                content = [content]
        if not isinstance(content, list):
            raise InputError(f"{name}: expected a list of objects, one a row, or an object on each line")
        rows = [(f"item {at}", record) for at, record in enumerate(content, start=1)]
    given = [(place, fields_of(f"{name}, {place}", record)) for place, record in rows]
    names = tuple(dict.fromkeys(field for _, record in given for field in record))
    return Records(names, given, understood=note)
