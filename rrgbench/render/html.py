"""Tables as one self-contained HTML page: no script, no font, no image from elsewhere."""

from collections.abc import Sequence

from rrgbench.render.escaping import templates
from rrgbench.render.table import Table, header_groups, interval_text, new_group, value_text


def html_document(tables: Sequence[Table], title: str, lines: Sequence[str] = ()) -> str:
    """A page of tables, escaped, readable on a phone and in the dark."""
    return (
        templates("rrgbench.render")
        .get_template("report.html.j2")
        .render(
            tables=tables,
            title=title,
            lines=lines,
            groups=lambda table: header_groups(table.columns),
            value=value_text,
            interval=interval_text,
            new_group=new_group,
        )
    )
