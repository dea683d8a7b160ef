"""A table ready to be shown: numbers with intervals, blanks with numbered notes, best values marked.

Every output format draws from this one object, so terminal, Markdown, LaTeX and HTML can't disagree.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace


@dataclass(frozen=True)
class Column:
    """A column of values.

    Attributes
    ----------
    title : str
        Its own heading, e.g. `BLEU-4`.
    group : str
        Heading over neighbouring columns; empty for none.
    decimals : int
        Digits after the point.
    ranked : bool
        Whether more is better, so that the best value is marked.
    """

    title: str
    group: str = ""
    decimals: int = 3
    ranked: bool = True

    @property
    def name(self) -> str:
        """Title with its group, for notes and formats without grouped headings."""
        return f"{self.group} {self.title}".strip()


@dataclass(frozen=True)
class Cell:
    """One value, its interval and the numbers of the notes that explain it; a None value is shown as `-`."""

    value: float | None = None
    low: float | None = None
    high: float | None = None
    notes: tuple[int, ...] = ()
    best: bool = False


@dataclass(frozen=True)
class Row:
    """One line of a table; `group` changes where a rule is drawn."""

    label: str
    cells: tuple[Cell, ...]
    group: str = ""


@dataclass(frozen=True)
class Table:
    """A table to be shown.

    Attributes
    ----------
    title : str
        What it shows, on which corpus and split.
    label : str
        Heading of the first column.
    columns : tuple of Column
        The value columns.
    rows : tuple of Row
        Each with one cell a column.
    notes : tuple of str
        Why cells are blank and what readers must know; note i+1 is `notes[i]`.
    signatures : tuple of (str, str)
        Which columns, and how their numbers were made.
    detail : bool
        Shown in documents, left out of the terminal's first view.
    """

    title: str
    label: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()
    signatures: tuple[tuple[str, str], ...] = ()
    detail: bool = False

    def __post_init__(self) -> None:
        """Refuse ragged rows, which would put numbers under wrong headings."""
        ragged = [row.label for row in self.rows if len(row.cells) != len(self.columns)]
        if ragged:
            raise ValueError(f"table {self.title!r}: the rows {ragged} don't have {len(self.columns)} cells")


@dataclass
class Notes:
    """Numbers notes in the order of their first use; the same text has the same number."""

    texts: list[str] = field(default_factory=list)

    def number(self, text: str) -> int:
        """Number of a note, from 1."""
        if text not in self.texts:
            self.texts.append(text)
        return self.texts.index(text) + 1


def mark_best(columns: Sequence[Column], rows: Sequence[Row], *, by_row: bool = False) -> tuple[Row, ...]:
    """Rows in which the highest value of each ranked column, or of each row, is marked.

    Values are compared as they are shown, so two that look equal are both marked. Where all are equal, or one stands
    alone, there is no best.
    """
    shown = [
        [
            round(cell.value, column.decimals) if cell.value is not None and column.ranked else None
            for cell, column in zip(row.cells, columns, strict=True)
        ]
        for row in rows
    ]
    rivals = shown if by_row else [[line[place] for line in shown] for place in range(len(columns))]
    tops = [max(known) if len(known := {v for v in line if v is not None}) > 1 else None for line in rivals]
    return tuple(
        replace(
            row,
            cells=tuple(
                replace(cell, best=value is not None and value == tops[index if by_row else place])
                for place, (cell, value) in enumerate(zip(row.cells, line, strict=True))
            ),
        )
        for index, (row, line) in enumerate(zip(rows, shown, strict=True))
    )


def value_text(cell: Cell, column: Column) -> str:
    """The value with the column's digits, `-` where blank; a rounded zero has no minus sign."""
    return "-" if cell.value is None else f"{round(cell.value, column.decimals) + 0.0:.{column.decimals}f}"


def interval_text(cell: Cell, column: Column) -> str:
    """The interval in short form, `.110–.140`, or empty; `to` stands between negative ends."""
    if cell.low is None or cell.high is None:
        return ""
    low, high = (_short(end, column.decimals) for end in (cell.low, cell.high))
    return f"{low} to {high}" if "-" in low + high else f"{low}–{high}"


def _short(number: float, decimals: int) -> str:
    """A number without the zero before its point."""
    text = f"{round(number, decimals) + 0.0:.{decimals}f}"
    sign, digits = ("-", text[1:]) if text.startswith("-") else ("", text)
    return sign + (digits[1:] if digits.startswith("0.") else digits)


def header_groups(columns: Sequence[Column]) -> list[tuple[str, int]]:
    """Neighbouring columns of one group as (group, number of columns)."""
    groups: list[tuple[str, int]] = []
    for column in columns:
        if groups and groups[-1][0] == column.group:
            groups[-1] = (column.group, groups[-1][1] + 1)
        else:
            groups.append((column.group, 1))
    return groups


def blocks(table: Table, widths: Sequence[int], room: int) -> list[Table]:
    """Cut a table that is too wide into tables of some of its columns, groups kept whole where they fit.

    Parameters
    ----------
    table : Table
        The table.
    widths : sequence of int
        Width of each column.
    room : int
        Width for all value columns of one block.

    Returns
    -------
    list of Table
        In column order; notes and signatures stay with the last.
    """
    runs: list[list[int]] = []
    place = 0
    for _, count in header_groups(table.columns):
        group = list(range(place, place + count))
        place += count
        while sum(widths[i] for i in group) > room and len(group) > 1:
            taken = 1
            while sum(widths[i] for i in group[: taken + 1]) <= room:
                taken += 1
            runs.append(group[:taken])
            group = group[taken:]
        runs.append(group)
    packed: list[list[int]] = []
    for run in runs:
        if packed and sum(widths[i] for i in packed[-1] + run) <= room:
            packed[-1] = packed[-1] + run
        else:
            packed.append(list(run))
    cut = [
        replace(
            table,
            columns=tuple(table.columns[i] for i in chosen),
            rows=tuple(replace(row, cells=tuple(row.cells[i] for i in chosen)) for row in table.rows),
            notes=(),
            signatures=(),
        )
        for chosen in packed
    ]
    if not cut:
        return [table]
    cut[-1] = replace(cut[-1], notes=table.notes, signatures=table.signatures)
    return cut
