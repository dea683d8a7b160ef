"""Files that hold the reports of several systems, told by a field that names the system of each row."""

import csv
import io
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from rrgbench.errors import InputError, listed, meant
from rrgbench.scoring.report_shapes import shown
from rrgbench.scoring.report_shapes.field_names import plain_name, study_field
from rrgbench.scoring.report_shapes.json_content import Twice, json_document, json_lines, key_of_records
from rrgbench.scoring.report_shapes.kinds import kind_of
from rrgbench.scoring.report_shapes.records import fields_of
from rrgbench.scoring.report_shapes.separators import table_cells, table_of, table_rows
from rrgbench.scoring.report_text import read_text

FIELDS: Final = ("system", "system_name", "model", "model_name")
"""Names of the field, whatever their case."""


def systems_of(path: Path) -> tuple[str, ...]:
    """Systems that a file names, in its order; empty where it has no field for them, or can't be read as such.

    A field that differs from row to row names systems only if a study stands under two of them: prompts and versions
    of an interface differ too.
    """
    try:
        text, name = read_text(path)
        found = _by_system(name, text)
    except (OSError, InputError):
        # whoever reads the file whole says what is wrong
        return ()
    return () if found is None or not found.are_systems else tuple(found.parts)


def system_asked_for(label: str, path: Path) -> str:
    """The system that a file of several has under this label; empty where it is a name for the whole file."""
    named = systems_of(path)
    return label if len(named) > 1 and label in named else ""


def of_system(name: str, text: str, system: str) -> str:
    """The part of a file's text that is one system's, in the file's own shape.

    Raises
    ------
    InputError
        If the file names no system, or not this one, or is malformed.
    """
    found = _by_system(name, text)
    if found is None:
        raise InputError(f"{name} has no field {', '.join(FIELDS)}; it holds one system")
    if system not in found.parts:
        raise InputError(f"{name} has no system {shown(system)}; {meant(system, map(shown, found.parts))}")
    return found.written(found.parts[system])


def told_systems(name: str, text: str) -> str:
    """The systems of a file of several, for a message; empty where it holds one."""
    try:
        found = _by_system(name, text)
    except InputError:
        return ""
    if found is None or not found.are_systems or len(found.parts) < 2:
        return ""
    return (
        f"it holds the reports of {len(found.parts)} systems ({listed(map(shown, found.parts))}), told apart by its "
        f"field {found.field}"
    )


@dataclass(frozen=True)
class _Parts:
    """The rows of a file by what its field says.

    Attributes
    ----------
    field : str
        As the file spells it.
    parts : mapping of str to list
        Cells of a table's rows, lines of JSON Lines, or objects.
    are_systems : bool
        Whether a study stands under two of them, or there is one, or nothing tells studies.
    written : callable
        Rows in the file's own shape.
    """

    field: str
    parts: Mapping[str, list[Any]]
    are_systems: bool
    written: Callable[[list[Any]], str]


def _by_system(name: str, text: str) -> _Parts | None:
    """A file's rows by system; None where no field names one. InputError if it is malformed."""
    kind = kind_of(name, text)
    if kind == "table":
        return _of_table(name, text)
    if kind == "json lines":
        lines = [line for line in text.split("\n") if line.strip()]
        # the lines themselves are kept, so that what is odd in one is found when it is read
        records = ((*row, line) for row, line in zip(json_lines(name, text), lines, strict=True))
        return _of_records(records, lambda rows: "\n".join(rows) + "\n")
    if kind == "json":
        content = json_document(text, name)
        inside = key_of_records(content) if isinstance(content, dict) else None
        items = content if inside is None else content[inside]
        if not isinstance(items, list) or isinstance(items, Twice):
            return None
        records = ((f"{name} item {at}", item, item) for at, item in enumerate(items, start=1))
        return _of_records(records, lambda rows: json.dumps(rows if inside is None else {**content, inside: rows}))
    return None


def _of_table(name: str, text: str) -> _Parts | None:
    body, delimiter = table_of(name, text, FIELDS)
    stated = "" if body is text else f"sep={delimiter}\n"
    lines = table_cells(name, body, delimiter)
    header = next(lines, (0, []))[1]
    names = [cell.strip() for cell in header]
    field = next((place for place, cell in enumerate(names) if plain_name(cell) in FIELDS), None)
    if field is None:
        return None
    study = study_field(names)
    at = None if study is None else names.index(study)
    rows: list[tuple[str, object, Any]] = [
        (cells[field].strip(), None if at is None else cells[at], cells)
        for _, cells in table_rows(name, lines, len(header), delimiter)
        # spreadsheets leave empty cells below their tables
        if any(cell.strip() for cell in cells)
    ]

    def written(chosen: list[Any]) -> str:
        buffer = io.StringIO(newline="")
        csv.writer(buffer, delimiter=delimiter).writerows([header, *chosen])
        return stated + buffer.getvalue()

    return _grouped(names[field], rows, written)


def _of_records(records: Iterable[tuple[str, object, Any]], written: Callable[[list[Any]], str]) -> _Parts | None:
    """Of records with their places and what is kept of each."""
    known: dict[tuple[str, ...], tuple[str | None, str | None]] = {}
    rows: list[tuple[str, object, Any]] = []
    field, without = "", ""
    for place, record, kept in records:
        if not isinstance(record, dict | Twice):
            return None
        cells = fields_of(place, record)
        names = tuple(cells)
        if names not in known:
            fields = [one for one in names if plain_name(one) in FIELDS]
            known[names] = (fields[0] if fields else None, study_field(names))
        names_system, study = known[names]
        if names_system is None:
            without = without or place
            continue
        field = field or names_system
        rows.append((str(cells[names_system]).strip(), None if study is None else cells[study], kept))
    if without and rows:
        raise InputError(f"{without}: no {shown(field)}, which other rows have")
    return _grouped(field, rows, written) if rows else None


def _grouped(field: str, rows: list[tuple[str, object, Any]], written: Callable[[list[Any]], str]) -> _Parts:
    parts: dict[str, list[Any]] = {}
    owners: dict[str, str] = {}
    named = shared = False
    for system, study, kept in rows:
        parts.setdefault(system, []).append(kept)
        if study is not None:
            named = True
            shared = shared or owners.setdefault(str(study).strip(), system) != system
    return _Parts(field, parts, shared or len(parts) < 2 or not named, written)
