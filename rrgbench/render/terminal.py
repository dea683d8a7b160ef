"""Tables for a terminal, by rich: intervals dim below their values, wide tables cut into blocks."""

from collections.abc import Iterable

from rich import box
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from rrgbench.render.table import Table, blocks, interval_text, value_text

_SUPERSCRIPTS = str.maketrans("0123456789,", "⁰¹²³⁴⁵⁶⁷⁸⁹˒")


def print_tables(tables: Iterable[Table], console: Console | None = None, *, details: bool = False) -> None:
    """Print tables to standard output.

    Parameters
    ----------
    tables : iterable of Table
        What to print.
    console : rich.console.Console, optional
        Where to; default standard output, at least 80 columns wide.
    details : bool
        Whether tables marked as detail are printed too.
    """
    out = console or Console()
    left_out = 0
    for table in tables:
        if table.detail and not details:
            left_out += 1
            continue
        print_table(table, out)
    if left_out:
        out.print(Text(f"{left_out} more tables in tables.md, tables.tex and report.html", style="dim"))


def print_table(table: Table, console: Console) -> None:
    """Print one table, its notes and its signatures."""
    # each column takes two spaces beside its text, the table's edges two more
    widths = [_width(table, place) + 2 for place in range(len(table.columns))]
    label = max([len(table.label), *(len(row.label) for row in table.rows)]) + 4
    cut = blocks(table, widths, max(console.width - label, 12))
    for number, block in enumerate(cut, 1):
        title = f"{table.title} ({number}/{len(cut)})" if len(cut) > 1 else table.title
        console.print(Text(title, style="bold"))
        console.print(_rich(block))
    for number, note in enumerate(table.notes, 1):
        console.print(Text(f"{str(number).translate(_SUPERSCRIPTS)} {note}", style="dim"))
    for columns, signature in table.signatures:
        # soft wrap: a signature is there to be copied, so no line break is put into it
        console.print(Text(f"{columns}: {signature}", style="dim"), soft_wrap=True)
    console.print()


def _width(table: Table, place: int) -> int:
    """Characters of a column's widest line; a group's name stands over the first of its columns."""
    column = table.columns[place]
    leads = place == 0 or table.columns[place - 1].group != column.group
    lines = [column.title, column.group if leads else ""]
    for cell in (row.cells[place] for row in table.rows):
        lines += [value_text(cell, column) + _marks(cell.notes), interval_text(cell, column)]
    return max(map(len, lines))


def _marks(notes: tuple[int, ...]) -> str:
    return ",".join(map(str, notes)).translate(_SUPERSCRIPTS)


def _rich(table: Table) -> RichTable:
    """The rich form of a table that fits; group names stand above their columns' titles."""
    shown = RichTable(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    shown.add_column(Text(table.label), vertical="top", no_wrap=True)
    before = ""
    for column in table.columns:
        group = column.group if column.group != before else ""
        before = column.group
        heading = Text(f"{group}\n" if any(c.group for c in table.columns) else "", style="dim")
        shown.add_column(heading.append(column.title, style="bold"), justify="right", no_wrap=True)
    for number, row in enumerate(table.rows):
        ends = number + 1 < len(table.rows) and table.rows[number + 1].group != row.group
        cells = []
        for cell, column in zip(row.cells, table.columns, strict=True):
            text = Text(value_text(cell, column), style="bold" if cell.best else "")
            text.append(_marks(cell.notes), style="dim")
            if interval := interval_text(cell, column):
                text.append(f"\n{interval}", style="dim not bold")
            cells.append(text)
        shown.add_row(Text(row.label), *cells, end_section=ends)
    return shown
