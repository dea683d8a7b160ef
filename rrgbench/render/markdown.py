"""Tables as GitHub-flavoured Markdown."""

import re
from collections.abc import Iterable, Sequence

from jinja2 import Environment, PackageLoader, StrictUndefined

from rrgbench.render.table import Cell, Column, Row, Table, interval_text, value_text


def markdown_document(tables: Sequence[Table], title: str) -> str:
    """A Markdown page of tables, each with its notes and signatures."""
    jinja = Environment(
        loader=PackageLoader("rrgbench.render"),
        undefined=StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
    jinja.filters |= {"text": escape_markdown, "shown": _shown, "code": _code}
    page = jinja.get_template("tables.md.j2").render(tables=tables, title=escape_markdown(title), cells=_cells)
    return re.sub(r"\n{3,}", "\n\n", page).strip() + "\n"


def escape_markdown(text: str) -> str:
    """Text that Markdown shows as it is, also inside a table."""
    return re.sub(r"([\\`*_\[\]<>|#~&])", r"\\\1", " ".join(text.split()))


def _cells(row: Row, table: Table) -> Iterable[tuple[Cell, Column]]:
    return zip(row.cells, table.columns, strict=True)


def _shown(cell: Cell, column: Column) -> str:
    value = value_text(cell, column)
    interval = interval_text(cell, column)
    marks = "".join(f" [{note}]" for note in cell.notes)
    return (f"**{value}**" if cell.best else value) + (f" ({interval})" if interval else "") + marks


def _code(text: str) -> str:
    """Text as code, fenced by more backticks than it holds."""
    fence = "`" * (max((len(run) for run in re.findall("`+", text)), default=0) + 1)
    space = " " if "`" in text else ""
    return f"{fence}{space}{text}{space}{fence}"
