"""From records to the cells of a table: pooling seeds, numbering reasons, gathering signatures."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from rrgbench.errors import InputError
from rrgbench.render.table import Cell, Column, Notes, Row, Table, mark_best
from rrgbench.runs.records import Record
from rrgbench.stats.seeds import mean_of_intervals
from rrgbench.stats.value_bounds import within_bounds

TRIVIAL = ("most-frequent", "fixed-template", "nearest-neighbour", "random-report")
"""The trivial systems: below a rule, in every table."""

Pick = Callable[[str, Column], Sequence[Record]]
"""The records of the cell in the row of that label and that column."""


def model_order(records: Iterable[Record]) -> list[str]:
    """Models in the order of rows: by name, the trivial systems last."""
    names = {record.model for record in records}
    return sorted(names - set(TRIVIAL), key=lambda name: (name.casefold(), name)) + [
        name for name in TRIVIAL if name in names
    ]


def assemble(
    title: str,
    label: str,
    rows: Sequence[str],
    columns: Sequence[Column],
    pick: Pick,
    *,
    detail: bool = False,
    best_by_row: bool = False,
) -> Table:
    """Fill a table.

    Parameters
    ----------
    title, label : str
        See `Table`.
    rows : sequence of str
        Row labels.
    columns : sequence of Column
        Columns.
    pick : callable
        Gives the records of a cell: none, one, or one a seed.
    detail : bool
        See `Table`.
    best_by_row : bool
        Whether the rivals stand beside each other in a row; else below each other in a column.
    """
    notes = Notes()
    used: dict[Column, list[Record]] = {column: [] for column in columns}
    filled = []
    for name in rows:
        cells = []
        for column in columns:
            found = list(pick(name, column))
            used[column] += found
            cells.append(pooled(found, notes))
        filled.append(Row(name, tuple(cells), "trivial" if name in TRIVIAL else ""))
    return Table(
        title,
        label,
        tuple(columns),
        mark_best(columns, filled, by_row=best_by_row),
        tuple(notes.texts),
        merged_signatures(used),
        detail,
    )


def pooled(records: Sequence[Record], notes: Notes) -> Cell:
    """One cell from the records of one value.

    Repetitions over seeds give their mean, and an interval over seeds and studies (`mean_of_intervals`); a note says
    so. No record at all is a blank too, with its own note.

    Raises
    ------
    InputError
        If several records differ in more than their seed.
    """
    if not records:
        return Cell(notes=(notes.number("not part of this run"),))
    if len({record.seed for record in records}) != len(records):
        raise InputError(f"{len(records)} records claim the same cell: {records[0].name}")
    reasons = tuple(dict.fromkeys(notes.number(record.reason) for record in records if record.reason))
    known = [record.value for record in records if record.value is not None]
    if len(records) == 1:
        return Cell(records[0].value, records[0].low, records[0].high, reasons)
    if not known:
        return Cell(notes=reasons)
    text = f"mean over {len(known)} seed{'s' * (len(known) > 1)}"
    spans = [(r.low, r.high) for r in records if r.value is not None and r.low is not None and r.high is not None]
    found = mean_of_intervals(known, spans, max(record.n or 1 for record in records))
    text += "; the interval covers seeds and studies" if spans else "; the interval covers seeds alone"
    if len(known) < len(records):
        text += f"; {len(records) - len(known)} seeds are blank"
    return Cell(found.value, *within_bounds(records[0].metric, found.low, found.high), (*reasons, notes.number(text)))


def merged_signatures(used: Mapping[Column, Sequence[Record]]) -> tuple[tuple[str, str], ...]:
    """Signatures under a table, those made of the same fields on one line.

    Fields in which they differ show all values in braces, e.g. `k:{1,5,10}`; `results.json` has each in full.
    """
    lines: dict[tuple[str, ...], tuple[list[Column], dict[str, list[str]]]] = {}
    for column, records in used.items():
        for signature in dict.fromkeys(record.signature for record in records if record.signature):
            fields = dict(_field(part) for part in signature.split("|"))
            columns, values = lines.setdefault(tuple(fields), ([], {name: [] for name in fields}))
            if column not in columns:
                columns.append(column)
            for name, value in fields.items():
                if value not in values[name]:
                    values[name].append(value)
    return tuple(
        (
            "all columns" if len(columns) == len(used) else _column_names(columns),
            "|".join(f"{name}:{found[0] if len(found) == 1 else _braces(found)}" for name, found in values.items()),
        )
        for columns, values in lines.values()
    )


def _column_names(columns: Sequence[Column]) -> str:
    """Names of columns, the group said once: `CE (micro) P, R, F1`."""
    names = []
    for before, column in zip([None, *columns], columns, strict=False):
        names.append(column.title if before is not None and before.group == column.group else column.name)
    return ", ".join(names)


def _braces(values: Sequence[str]) -> str:
    return "{" + ",".join(values) + "}"


def _field(part: str) -> tuple[str, str]:
    name, _, value = part.partition(":")
    return name, value
