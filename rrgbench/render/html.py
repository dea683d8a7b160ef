"""Tables as one self-contained HTML page: no script, no font, no image from elsewhere."""

from collections.abc import Iterable, Sequence

from jinja2 import Environment, PackageLoader, StrictUndefined

from rrgbench.render.table import Cell, Column, Row, Table, header_groups, interval_text, value_text


def html_document(tables: Sequence[Table], title: str) -> str:
    """A page of tables, escaped, readable on a phone and in the dark."""
    jinja = Environment(
        loader=PackageLoader("rrgbench.render"),
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return jinja.get_template("report.html.j2").render(
        tables=tables,
        title=title,
        cells=_cells,
        groups=lambda table: header_groups(table.columns),
        value=value_text,
        interval=interval_text,
        rule=lambda table, index: index > 0 and table.rows[index - 1].group != table.rows[index].group,
    )


def _cells(row: Row, table: Table) -> Iterable[tuple[Cell, Column]]:
    return zip(row.cells, table.columns, strict=True)
