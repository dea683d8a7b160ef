"""Tables for a terminal, by rich: intervals dim below their values, wide tables cut into blocks."""

import os
import sys
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import NoReturn

from rich import box
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from rrgbench.render.table import Cell, Table, blocks, interval_text, value_text
from rrgbench.terminal_text import one_line

_WORD = 12
"""Characters from which on a word may be folded, before a table is cut for its sake."""
_GAP, _EDGE = 2, 2
"""Spaces beside the text of each column, and at the edges of a table."""
_RAISED = str.maketrans("0123456789,", "⁰¹²³⁴⁵⁶⁷⁸⁹˒")
_MARKS = {"best": "bold", "second": "underline", "": ""}
_TONES = {"good": "green", "bad": "red", "open": "yellow", "": ""}


class _Output(Console):
    """A console that leaves it to the command what becomes of it when nobody reads on; rich would end it with 1."""

    def on_broken_pipe(self) -> NoReturn:
        """Raise the `BrokenPipeError` that rich is handling."""
        raise


def output_console() -> Console:
    """Standard output; where it is no terminal and COLUMNS is not set, wide enough for most tables."""
    fixed = sys.stdout.isatty() or "COLUMNS" in os.environ
    return _Output(file=sys.stdout, width=None if fixed else 140)


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
    words = any(column.text for column in table.columns)
    label = max(len(one_line(text)) for text in (table.label, *(row.title for row in table.rows)))
    label = min(label, out.width // (3 if words else 2))
    room = max(out.width - label - _EDGE - _GAP, 12)
    cut = blocks(table, [least + _GAP for least, _ in _widths(table)], room)
    for number, block in enumerate(cut, 1):
        if table.title:
            part = f" ({number}/{len(cut)})" if len(cut) > 1 else ""
            out.print(_text(table.title, "bold").append(part))
        widths = [label, *_shares(block, room)]
        names = [row.group if table.headings else "" for row in table.rows]
        for name, places in groupby(range(len(names)), names.__getitem__):
            if name in table.headings:
                out.print(_text(f"\n{name}", f"bold {_TONES[table.headings[name]]}"))
            out.print(_rich(block, list(places), table.notes, widths))
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


def _widths(table: Table) -> list[tuple[int, int]]:
    """Characters that each column needs, at least (words: the longest one) and with none of its lines wrapped."""
    found = []
    numbers = table.notes
    before = ""
    for place, column in enumerate(table.columns):
        # a group's name stands over the first of its columns
        lines = [column.title, column.group if column.group != before else ""]
        before = column.group
        for cell in (row.cells[place] for row in table.rows):
            value = one_line(value_text(cell)) + _raised(cell, numbers)
            interval = interval_text(cell)
            lines += [f"{value}  {interval}"] if table.beside else [value, interval]
        widest = max(map(len, lines))
        longest = max((len(word) for line in lines for word in line.split()), default=1)
        found.append((min(longest, _WORD) if column.text else widest, widest))
    return found


def _shares(table: Table, room: int) -> list[int]:
    """The width of each column; words get what numbers leave, the narrowest first."""
    widths = _widths(table)
    given = [least for least, _ in widths]
    for _ in range(room - sum(given) - _GAP * len(given)):
        lacking = [place for place, (_, widest) in enumerate(widths) if given[place] < widest]
        if lacking:
            given[min(lacking, key=given.__getitem__)] += 1
    return given


def _raised(cell: Cell, numbers: dict[str, int]) -> str:
    letters = f" {cell.superscript}" if cell.superscript else ""
    return letters + ",".join(str(numbers[note]) for note in cell.notes).translate(_RAISED)


def _rich(table: Table, rows: Sequence[int], numbers: dict[str, int], widths: Sequence[int]) -> RichTable:
    """The rich form of some rows of a table that fits; group names stand above their columns' titles."""
    shown = RichTable(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    shown.add_column(_text(table.label), vertical="top", width=widths[0], overflow="fold")
    before = ""
    for place, column in enumerate(table.columns):
        group = column.group if column.group != before else ""
        before = column.group
        heading = Text(f"{one_line(group)}\n" if any(c.group for c in table.columns) else "", style="dim")
        heading.append(one_line(column.title), style="bold")
        spans = any(row.cells[place].low is not None for row in table.rows)
        left = column.text or (table.beside and spans)
        shown.add_column(heading, justify="left" if left else "right", width=widths[place + 1], overflow="fold")
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
