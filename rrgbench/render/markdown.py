"""Tables as GitHub-flavoured Markdown."""

from collections.abc import Iterable

from rrgbench.render.escaping import escape_markdown, markdown_code
from rrgbench.render.table import Cell, Table, interval_text, new_group, value_text

LEGEND = (
    "Brackets: 95 % intervals. Bold: best; italic: second best. "
    "A number in square brackets points to a note below its table."
)
_MARKS = {"best": "**", "second": "*", "": ""}


def markdown_document(tables: Iterable[Table], title: str, lines: Iterable[str] = ()) -> str:
    """A Markdown page: a title, some lines, tables under their titles."""
    head = [f"# {escape_markdown(title)}", *map(escape_markdown, lines)]
    head.append(LEGEND)
    parts = [f"## {escape_markdown(table.title)}\n\n{markdown_table(table)}" for table in tables]
    return "\n\n".join([*head, *(part.strip() for part in parts)]) + "\n"


def markdown_table(table: Table) -> str:
    """One table with its notes, remarks and signatures."""
    lines = [
        _line([escape_markdown(text) for text in (table.label, *(column.name for column in table.columns))]),
        _line(["---", *("---" if column.text else "---:" for column in table.columns)]),
    ]
    numbers = table.notes
    for index, row in enumerate(table.rows):
        if new_group(table, index) and row.group in table.headings:
            lines.append(_line([f"**{escape_markdown(row.group)}**", *[""] * len(table.columns)]))
        lines.append(_line([escape_markdown(row.title), *(_cell(cell, numbers) for cell in row.cells)]))
    for note, number in numbers.items():
        lines += ["", f"[{number}] {escape_markdown(note)}"]
    for remark in table.remarks:
        lines += ["", escape_markdown(remark)]
    for which, signature in table.signatures:
        lines += ["", f"{escape_markdown(which)}: {markdown_code(signature)}" if which else markdown_code(signature)]
    return "\n".join([*lines, ""])


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(cell: Cell, numbers: dict[str, int]) -> str:
    value = escape_markdown(cell.value) if isinstance(cell.value, str) else value_text(cell)
    interval = f" ({found})" if (found := interval_text(cell)) else ""
    raised = f"<sup>{escape_markdown(cell.superscript)}</sup>" if cell.superscript else ""
    notes = "".join(f" [{numbers[note]}]" for note in cell.notes)
    return f"{_MARKS[cell.mark]}{value}{_MARKS[cell.mark]}{raised}{interval}{notes}"
