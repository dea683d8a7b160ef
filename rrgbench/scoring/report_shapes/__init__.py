"""The shapes in which tools write files of reports, told from their content.

A shape is recognised by what it holds, since names say little: JSON Lines come as `.json`, tables with tabs or
semicolons as `.csv`, one study or one column as a JSON object. `docs/formats.md` shows each. Where more than one
reading is likely, the file is refused and the message says how to choose; where one is likely but not certain,
`Rows.understood` says in a line what was taken. No message holds report text: names of fields are shown only if they
look like names.
"""

from rrgbench.scoring.report_shapes.reading import read_rows
from rrgbench.scoring.report_shapes.rows import ANY_COLUMNS, Columns, Role, Row, Rows
from rrgbench.scoring.report_shapes.shown import shown, shown_id

__all__ = ["ANY_COLUMNS", "Columns", "Role", "Row", "Rows", "read_rows", "shown", "shown_id"]
