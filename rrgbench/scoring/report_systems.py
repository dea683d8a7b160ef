"""Files that hold the reports of several systems, told by a field that names the system of each row."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from rrgbench.errors import InputError, listed, meant
from rrgbench.scoring.report_shapes import Columns, Role, Rows, read_rows, shown
from rrgbench.scoring.report_shapes.documents import rows_of_document
from rrgbench.scoring.report_shapes.field_names import plain_name, study_field
from rrgbench.scoring.report_shapes.json_content import Twice, json_document, json_lines, key_of_records
from rrgbench.scoring.report_shapes.kinds import kind_of
from rrgbench.scoring.report_shapes.records import fields_of, rows_of_records
from rrgbench.scoring.report_shapes.separators import check_once, table_cells, table_of, table_rows
from rrgbench.scoring.report_text import read_text

FIELDS: Final = ("system", "system_name", "model", "model_name")
"""Names of the field, whatever their case."""


class ReportSource:
    """A file of reports, read and parted by system once, however many of its systems are asked for.

    Parameters
    ----------
    path : Path
        The file; nothing is read before it is needed.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @cached_property
    def _content(self) -> tuple[str, str]:
        return read_text(self.path)

    @cached_property
    def _parts(self) -> "_Parts | None":
        text, name = self._content
        return _by_system(name, text)

    @property
    def _told(self) -> "_Parts | None":
        """The parts where they are those of systems; None also where the file can't be read as such."""
        try:
            found = self._parts
        except (OSError, InputError):
            # whoever reads the file whole says what is wrong
            return None
        return found if found is not None and found.are_systems else None

    @property
    def systems(self) -> tuple[str, ...]:
        """Systems that the file names, in its order; empty where it has no field for them, or can't be read as such.

        A field that differs from row to row names systems only if a study stands under two of them: prompts and
        versions of an interface differ too.
        """
        return () if self._told is None else tuple(self._told.parts)

    def system_asked_for(self, label: str) -> str:
        """The system that a file of several has under this label; empty where it is a name for the whole file."""
        return label if len(self.systems) > 1 and label in self.systems else ""

    def rows(self, role: Role, columns: Columns, system: str = "") -> Rows:
        """The rows of one system, or of the whole file where none is named.

        Raises
        ------
        InputError
            If the file can't be read, or names no system, or not this one, or is malformed.
        """
        text, name = self._content
        if not system:
            return read_rows(name, text, role, columns)
        found = self._parts
        if found is None:
            raise InputError(f"{name} has no field {', '.join(FIELDS)}; it holds one system")
        if system not in found.parts:
            raise InputError(f"{name} has no system {shown(system)}; {meant(system, map(shown, found.parts))}")
        return found.read(found.parts[system], role, columns)

    def told_systems(self) -> str:
        """The systems of a file of several, for a message; empty where it holds one."""
        found = self._told
        if found is None or len(found.parts) < 2:
            return ""
        return (
            f"it holds the reports of {len(found.parts)} systems ({listed(map(shown, found.parts))}), told apart by "
            f"its field {found.field}"
        )


@dataclass(frozen=True)
class _Parts:
    """The rows of a file by what its field says.

    Attributes
    ----------
    field : str
        As the file spells it.
    parts : mapping of str to list
        Records with their places, or of a JSON document the items alone.
    are_systems : bool
        Whether a study stands under two of them, or there is one, or nothing tells studies.
    read : callable
        What reads such records as a file of one system's would be read.
    """

    field: str
    parts: Mapping[str, list[Any]]
    are_systems: bool
    read: "_Read"


_Read = Callable[[list[Any], Role, Columns], Rows]


def _by_system(name: str, text: str) -> _Parts | None:
    """A file's rows by system; None where no field names one. InputError if it is malformed."""
    kind = kind_of(name, text)
    if kind == "table":
        return _of_table(name, text)
    if kind == "json lines":
        lines = ((place, record, (place, record)) for place, record in json_lines(name, text))
        return _of_records(lines, lambda rows, role, columns: rows_of_records(name, rows, role, columns))
    if kind == "json":
        content = json_document(text, name)
        inside = key_of_records(content) if isinstance(content, dict) else None
        items = content if inside is None else content[inside]
        if not isinstance(items, list) or isinstance(items, Twice):
            return None
        records = ((f"{name} item {at}", item, item) for at, item in enumerate(items, start=1))

        def read(rows: list[Any], role: Role, columns: Columns) -> Rows:
            return rows_of_document(name, rows if inside is None else {**content, inside: rows}, role, columns)

        return _of_records(records, read)
    return None


def _of_table(name: str, text: str) -> _Parts | None:
    body, delimiter = table_of(name, text, FIELDS)
    lines = table_cells(name, body, delimiter)
    header = next(lines, (0, []))[1]
    names = [cell.strip() for cell in header]
    field = next((place for place, cell in enumerate(names) if plain_name(cell) in FIELDS), None)
    if field is None:
        return None
    check_once(name, names)
    study = study_field(names)
    at = None if study is None else names.index(study)
    rows: list[tuple[str, object, Any]] = [
        (
            cells[field].strip(),
            None if at is None else cells[at],
            (f"{name} line {number}", dict(zip(names, cells, strict=True))),
        )
        for number, cells in table_rows(name, lines, len(header), delimiter)
        # spreadsheets leave empty cells below their tables
        if any(cell.strip() for cell in cells)
    ]

    return _grouped(
        names[field], rows, lambda chosen, role, columns: rows_of_records(name, chosen, role, columns, names)
    )


def _of_records(records: Iterable[tuple[str, object, Any]], read: _Read) -> _Parts | None:
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
    return _grouped(field, rows, read) if rows else None


def _grouped(field: str, rows: list[tuple[str, object, Any]], read: _Read) -> _Parts:
    parts: dict[str, list[Any]] = {}
    owners: dict[str, str] = {}
    named = shared = False
    for system, study, kept in rows:
        parts.setdefault(system, []).append(kept)
        if study is not None:
            named = True
            shared = shared or owners.setdefault(str(study).strip(), system) != system
    return _Parts(field, parts, shared or len(parts) < 2 or not named, read)
