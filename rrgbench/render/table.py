"""A table ready to be shown: numbers with intervals, or words; blanks with the reason; best values marked.

Everything that is shown as a table is one of these objects, so terminal, Markdown, LaTeX, HTML and JSON can't disagree.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any, Literal

Tone = Literal["good", "bad", "open", ""]


@dataclass(frozen=True)
class Column:
    """A column.

    Attributes
    ----------
    title : str
        Its own heading, e.g. `BLEU-4`.
    group : str
        Heading over neighbouring columns; empty for none.
    better : {"higher", "lower", ""}
        Which of its values is the best one; none is where empty.
    text : bool
        Whether it holds words: set at the left and wrapped where there is little room.
    """

    title: str
    group: str = ""
    better: Literal["higher", "lower", ""] = ""
    text: bool = False

    @property
    def name(self) -> str:
        """Title with its group, for notes and formats without grouped headings."""
        return f"{self.group} {self.title}".strip()


@dataclass(frozen=True)
class Cell:
    """One value.

    Attributes
    ----------
    value : float, str or None
        A number, words, or None for a blank, shown as `-`.
    low, high : float or None
        The ends of its interval.
    decimals : int
        Digits after the point, of value and interval.
    superscript : str
        Letters that are raised behind the value.
    notes : tuple of str
        Why it is blank, or what readers must know of it; shown once below the table, by number.
    mark : {"best", "second", ""}
        Rank among its rivals.
    tone : {"good", "bad", "open", ""}
        What words say, for formats that have colours.
    signature : str
        How the value was made, for formats that can show it at the value.
    identity : tuple
        Of the record that it shows, where it is one; empty else.
    """

    value: float | str | None = None
    low: float | None = None
    high: float | None = None
    decimals: int = 3
    superscript: str = ""
    notes: tuple[str, ...] = ()
    mark: Literal["best", "second", ""] = ""
    tone: Tone = ""
    signature: str = field(default="", compare=False)
    identity: tuple[Any, ...] = field(default=(), compare=False)


@dataclass(frozen=True)
class Row:
    """One line of a table; where `group` changes a rule is drawn. Superscripts call the row by its `letter`."""

    label: str
    cells: tuple[Cell, ...]
    group: str = ""
    letter: str = ""

    @property
    def title(self) -> str:
        """The label behind its letter."""
        return f"({self.letter}) {self.label}" if self.letter else self.label


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
        The others.
    rows : tuple of Row
        Each with one cell a column.
    remarks : tuple of str
        What readers must know of the whole.
    signatures : tuple of (str, str)
        Which columns (or rows), and how their numbers were made.
    detail : bool
        Shown in documents, left out of the terminal's first view.
    beside : bool
        Whether intervals stand beside their values instead of below.
    headings : mapping of str to str
        Groups of rows whose names stand above them, each with the tone of what it says.
    """

    title: str
    label: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    remarks: tuple[str, ...] = ()
    signatures: tuple[tuple[str, str], ...] = ()
    detail: bool = False
    beside: bool = False
    headings: Mapping[str, Tone] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse ragged rows, which would put numbers under wrong headings."""
        ragged = [row.label for row in self.rows if len(row.cells) != len(self.columns)]
        if ragged:
            raise ValueError(f"table {self.title!r}: the rows {ragged} don't have {len(self.columns)} cells")

    @property
    def notes(self) -> dict[str, int]:
        """The notes of all cells with their numbers, from 1, in reading order."""
        texts = dict.fromkeys(note for row in self.rows for cell in row.cells for note in cell.notes)
        return {text: number for number, text in enumerate(texts, 1)}

    def turned(self, label: str) -> "Table":
        """The same cells with rows as columns; a row that has a letter becomes a column of that name."""
        columns = tuple(
            Column(row.letter or row.label, text=all(isinstance(cell.value, str) for cell in row.cells))
            for row in self.rows
        )
        rows = tuple(
            Row(column.name, tuple(row.cells[place] for row in self.rows), column.group)
            for place, column in enumerate(self.columns)
        )
        letters = tuple(f"{row.letter} = {row.label}" for row in self.rows if row.letter not in ("", row.label))
        return replace(self, label=label, columns=columns, rows=rows, remarks=(*letters, *self.remarks))


def plain_table(
    title: str, label: str, columns: Sequence[str], rows: Iterable[tuple[str, Sequence[Cell | float | str | None]]]
) -> Table:
    """A table of words, of whole numbers and of others with one digit.

    Parameters
    ----------
    title, label : str
        As in `Table`.
    columns : sequence of str
        Headings; a column without numbers is set as words.
    rows : iterable of (str, sequence)
        Each label with a cell for every column.
    """
    shown = tuple(
        Row(
            name,
            tuple(
                cell if isinstance(cell, Cell) else Cell(cell, decimals=int(isinstance(cell, float))) for cell in cells
            ),
        )
        for name, cells in rows
    )
    words = [not any(isinstance(row.cells[place].value, int | float) for row in shown) for place in range(len(columns))]
    heads = tuple(Column(column, text=text) for column, text in zip(columns, words, strict=True))
    return Table(title, label, heads, shown)


def ranked(table: Table, *, by_row: bool = False) -> Table:
    """The table with the best and the second best value of each ranked column, or of each row, marked.

    Values are compared as they are shown, so two that look equal are marked alike. Where all are equal, or one stands
    alone, there is no best; the last place of two is no second.
    """
    shown = [
        [
            round(-cell.value if column.better == "lower" else cell.value, cell.decimals)
            if column.better and cell.value is not None and not isinstance(cell.value, str)
            else None
            for cell, column in zip(row.cells, table.columns, strict=True)
        ]
        for row in table.rows
    ]
    rivals = shown if by_row else [list(column) for column in zip(*shown, strict=True)]
    marks = [_marks({value for value in line if value is not None}) for line in rivals]
    return replace(
        table,
        rows=tuple(
            replace(
                row,
                cells=tuple(
                    replace(cell, mark=marks[index if by_row else place].get(value, ""))
                    for place, (cell, value) in enumerate(zip(row.cells, line, strict=True))
                ),
            )
            for index, (row, line) in enumerate(zip(table.rows, shown, strict=True))
        ),
    )


def _marks(values: set[float]) -> Mapping[float | None, Literal["best", "second"]]:
    best, second, *_ = [*sorted(values, reverse=True), None, None]
    return {} if len(values) < 2 else {best: "best"} if len(values) == 2 else {best: "best", second: "second"}


def value_text(cell: Cell) -> str:
    """The value with its digits, `-` where blank; a rounded zero has no minus sign, whole numbers have separators."""
    if cell.value is None or isinstance(cell.value, str):
        return "-" if cell.value is None else cell.value
    separated = "," if not cell.decimals else ""
    return f"{round(cell.value, cell.decimals) + 0.0:{separated}.{cell.decimals}f}"


def interval_text(cell: Cell) -> str:
    """The interval in short form, `.110–.140`, or empty; `to` stands between negative ends."""
    if cell.low is None or cell.high is None:
        return ""
    low, high = (_short(end, cell.decimals) for end in (cell.low, cell.high))
    return f"{low} to {high}" if "-" in low + high else f"{low}–{high}"


def _short(number: float, decimals: int) -> str:
    """A number without the zero before its point."""
    text = f"{round(number, decimals) + 0.0:.{decimals}f}"
    sign, digits = ("-", text[1:]) if text.startswith("-") else ("", text)
    return sign + (digits[1:] if digits.startswith("0.") else digits)


def header_groups(columns: Sequence[Column]) -> list[tuple[str, int]]:
    """Neighbouring columns of one group as (group, number of columns)."""
    return [(group, len(list(found))) for group, found in groupby(columns, key=lambda column: column.group)]


def new_group(table: Table, index: int) -> bool:
    """Whether a row begins a group."""
    return table.rows[index].group != (table.rows[index - 1].group if index else "")


def blocks(table: Table, widths: Sequence[int], room: int) -> list[Table]:
    """Cut a table that is too wide into tables of some of its columns, groups kept whole where they fit.

    Parameters
    ----------
    table : Table
        The table.
    widths : sequence of int
        Width of each column.
    room : int
        Width for all columns of one block but the first, which each block repeats.

    Returns
    -------
    list of Table
        In column order: as few as fit, none much narrower than the others.
    """
    runs = _runs(table, widths, room)
    while len(runs) > 1 and room > max(widths):
        room -= 1
        if len(narrower := _runs(table, widths, room)) > len(runs):
            break
        runs = narrower
    if len(runs) < 2:
        return [table]
    return [
        replace(
            table,
            columns=tuple(table.columns[i] for i in chosen),
            rows=tuple(replace(row, cells=tuple(row.cells[i] for i in chosen)) for row in table.rows),
        )
        for chosen in runs
    ]


def _runs(table: Table, widths: Sequence[int], room: int) -> list[list[int]]:
    """Which columns stand in each block."""
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
    return packed
