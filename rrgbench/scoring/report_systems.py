"""Files that hold the reports of several systems, told by a field that names the system of each row."""

import csv
import io
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from rrgbench.errors import InputError, listed, meant
from rrgbench.files import read_regular
from rrgbench.scoring.report_shapes import shown

FIELDS: Final = ("system", "system_name", "model", "model_name")
"""Names of the field, whatever their case."""


def systems_of(path: Path) -> tuple[str, ...]:
    """Systems that a file names, in its order; empty where it has no field for them, or can't be read as such."""
    try:
        return tuple(by_system(path.name, read_regular(path).decode("utf-8-sig")))
    except (OSError, UnicodeDecodeError):
        return ()


def system_asked_for(label: str, path: Path) -> str:
    """The system that a file of several has under this label; empty where it is a name for the whole file."""
    named = systems_of(path)
    return label if len(named) > 1 and label in named else ""


def of_system(name: str, text: str, system: str) -> str:
    """The part of a file's text that is one system's, in the file's own shape.

    Raises
    ------
    InputError
        If the file names no system, or not this one.
    """
    parts = by_system(name, text)
    if not parts:
        raise InputError(f"{name} has no field {', '.join(FIELDS)}; it holds one system")
    if system not in parts:
        raise InputError(f"{name} has no system {shown(system)}; {meant(system, map(shown, parts))}")
    return parts[system]


def told_systems(name: str, text: str) -> str:
    """The systems of a file of several, for a message; empty where it holds one."""
    named = list(by_system(name, text))
    if len(named) < 2:
        return ""
    return (
        f"it holds the reports of {len(named)} systems ({listed(map(shown, named))}), told apart by its field "
        f"{_field(name, text)}"
    )


def by_system(name: str, text: str) -> Mapping[str, str]:
    """A file's text by system; empty where no field names one."""
    suffix = name.lower().rpartition(".")[2]
    if suffix in ("csv", "tsv"):
        return _of_table(text, "\t" if suffix == "tsv" else ",")
    if suffix in ("jsonl", "ndjson"):
        lines = [(line, _loaded(line)) for line in text.split("\n") if line.strip()]
        groups = _grouped([(line, record) for line, record in lines])
        return {system: "\n".join(rows) + "\n" for system, rows in groups.items()}
    if suffix == "json":
        content = _loaded(text)
        groups = _grouped([(record, record) for record in content]) if isinstance(content, list) else {}
        return {system: json.dumps(rows) for system, rows in groups.items()}
    return {}


def _field(name: str, text: str) -> str:
    """The field that names the systems, as the file spells it."""
    words = "|".join(FIELDS)
    table = name.lower().endswith((".csv", ".tsv"))
    found = re.search(rf"(?i)\b({words})\b" if table else rf"(?i)\"\s*({words})\s*\"\s*:", text)
    return found[1] if found else "system"


def _of_table(text: str, delimiter: str) -> Mapping[str, str]:
    try:
        header, *rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)) or [[]]
    except csv.Error:
        # whoever reads the file whole says where
        return {}
    places = [place for place, cell in enumerate(header) if cell.strip().lower() in FIELDS]
    if not places or any(len(row) not in (0, len(header)) for row in rows):
        return {}
    groups: dict[str, list[list[str]]] = {}
    for row in filter(None, rows):
        groups.setdefault(row[places[0]].strip(), []).append(row)
    found = {}
    for system, its in groups.items():
        buffer = io.StringIO(newline="")
        csv.writer(buffer, delimiter=delimiter).writerows([header, *its])
        found[system] = buffer.getvalue()
    return found


def _loaded(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _grouped(rows: list[tuple[Any, Any]]) -> dict[str, list[Any]]:
    """What stands for each record by the system that it names; empty if one names none."""
    groups: dict[str, list[Any]] = {}
    for part, record in rows:
        if not isinstance(record, dict):
            return {}
        names = [str(value).strip() for key, value in record.items() if key.strip().lower() in FIELDS]
        if not names:
            return {}
        groups.setdefault(names[0], []).append(part)
    return groups
