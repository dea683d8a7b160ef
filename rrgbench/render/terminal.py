"""Tables for a terminal, by rich: intervals dim below their values, wide tables cut into blocks."""

import os
import sys
from collections.abc import Iterable
from itertools import groupby

from rich import box
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from rrgbench.render.escaping import one_line
from rrgbench.render.table import Cell, Table, blocks, interval_text, value_text

_WORD = 12
"""Characters from which on a word may be folded, before a table is cut for its sake."""
_RAISED = str.maketrans("0123456789,", "⁰¹²³⁴⁵⁶⁷⁸⁹˒")
_MARKS = {"best": "bold", "second": "underline", "": ""}
_TONES = {"good": "green", "bad": "red", "open": "yellow", "": ""}


def output_console() -> Console:
    """Standard output; where it is no terminal and COLUMNS is not set, wide enough for most tables."""
    fixed = sys.stdout.isatty() or "COLUMNS" in os.environ
    return Console(file=sys.stdout, width=None if fixed else 140)


def print_tables(tables: Iterable[Table], console: Console | None = None, *, details: bool = False) -> None:
    """Print tables to standard output.

    Parameters
    ----------
    tables : iterable of Table
        What to print.
    console : rich.console.Console, optional
        Where to; default standard output.
    details : bool
        Whether tables marked as detail are printed too.
    """
    out = console or output_console()
    left_out = 0
    for table in tables:
        if table.detail and not details:
            left_out += 1
            continue
        print_table(table, out)
    if left_out:
        out.print(Text(f"{left_out} more tables in tables.md, tables.tex and report.html", style="dim"))


def print_table(table: Table, console: Console | None = None) -> None:
    """Print one table, its notes, remarks and signatures."""
    out = console or output_console()
    # each column takes two spaces beside its text, the table's edges two more
    widths = [_width(table, place) + 2 for place in range(len(table.columns))]
    label = max(len(one_line(text)) for text in (table.label, *(row.title for row in table.rows)))
    label = min(label, out.width // (3 if any(column.text for column in table.columns) else 2))
    cut = blocks(table, widths, max(out.width - label - 4, 12))
    for number, block in enumerate(cut, 1):
        if table.title:
            part = f" ({number}/{len(cut)})" if len(cut) > 1 else ""
            out.print(_text(table.title, "bold").append(part))
        for name, places in groupby(range(len(table.rows)), lambda place: table.rows[place].group):
            if name in table.headings:
                out.print(_text(f"\n{name}", f"bold {_TONES[table.headings[name]]}"))
                out.print(_rich(block, list(places), table.notes, label))
        if not table.headings:
            out.print(_rich(block, range(len(table.rows)), table.notes, label))
    for note, number in table.notes.items():
        out.print(_text(f"{str(number).translate(_RAISED)} {note}", "dim"))
    for remark in table.remarks:
        out.print(_text(remark, "dim"))
    for columns, signature in table.signatures:
        # soft wrap: a signature is there to be copied, so no line break is put into it
        out.print(_text(f"{columns or 'signature'}: {signature}", "dim"), soft_wrap=True)
    out.print()


def _text(words: str, style: str = "") -> Text:
    return Text(one_line(words), style=style)


def _width(table: Table, place: int) -> int:
    """Characters of a column's widest line, of words its longest; a group's name stands over its first column."""
    column = table.columns[place]
    leads = place == 0 or table.columns[place - 1].group != column.group
    cells = [row.cells[place] for row in table.rows]
    lines = [column.title, column.group if leads else "", *(text for cell in cells for text in _lines(cell, table))]
    return max(
        (min(len(word), _WORD) for line in lines for word in (line.split() if column.text else [line])), default=0
    )


def _lines(cell: Cell, table: Table) -> tuple[str, ...]:
    value = one_line(value_text(cell)) + _raised(cell, table.notes)
    interval = interval_text(cell)
    return (f"{value}  {interval}",) if table.beside else (value, interval)


def _raised(cell: Cell, numbers: dict[str, int]) -> str:
    letters = f" {cell.superscript}" if cell.superscript else ""
    return letters + ",".join(str(numbers[note]) for note in cell.notes).translate(_RAISED)


def _rich(table: Table, rows: Iterable[int], numbers: dict[str, int], label: int) -> RichTable:
    """The rich form of some rows of a table that fits; group names stand above their columns' titles."""
    shown = RichTable(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    shown.add_column(_text(table.label), vertical="top", max_width=label, overflow="fold")
    before = ""
    for place, column in enumerate(table.columns):
        group = column.group if column.group != before else ""
        before = column.group
        heading = Text(f"{one_line(group)}\n" if any(c.group for c in table.columns) else "", style="dim")
        heading.append(one_line(column.title), style="bold")
        spans = any(row.cells[place].low is not None for row in table.rows)
        left = column.text or (table.beside and spans)
        shown.add_column(heading, justify="left" if left else "right", no_wrap=not column.text, overflow="fold")
    for place in rows:
        row = table.rows[place]
        ends = place + 1 < len(table.rows) and table.rows[place + 1].group != row.group
        shown.add_row(_text(row.title), *(_cell(cell, table, numbers) for cell in row.cells), end_section=ends)
    return shown


def _cell(cell: Cell, table: Table, numbers: dict[str, int]) -> Text:
    text = _text(value_text(cell), f"{_MARKS[cell.mark]} {_TONES[cell.tone]}".strip())
    text.append(_raised(cell, numbers), style="dim not bold")
    if interval := interval_text(cell):
        text.append(f"{'  ' if table.beside else chr(10)}{interval}", style="dim not bold not underline")
    return text
