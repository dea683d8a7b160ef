"""The rows of a file of reports, whatever its shape."""

from rrgbench.errors import InputError
from rrgbench.scoring.report_shapes.documents import rows_of_document
from rrgbench.scoring.report_shapes.endings import ending_of
from rrgbench.scoring.report_shapes.json_content import json_document, json_lines
from rrgbench.scoring.report_shapes.kinds import begin_with_ids, kind_of
from rrgbench.scoring.report_shapes.records import rows_of_records
from rrgbench.scoring.report_shapes.rows import ANY_COLUMNS, Columns, Role, Rows, by_position
from rrgbench.scoring.report_shapes.tables import rows_of_table


def read_rows(name: str, text: str, role: Role, columns: Columns = ANY_COLUMNS) -> Rows:
    """Recognise a file's shape and read its rows.

    Parameters
    ----------
    name : str
        File name: its ending tells tables and lines of text from JSON.
    text : str
        Its content.
    role : {"predictions", "references", "training"}
        Which text to take where a file has both, and of a file of splits the test or the training split.
    columns : Columns
        Fields that are not to be guessed.

    Raises
    ------
    InputError
        If the shape is none of those known, or is one of several; with the place and what to do.
    """
    kind = kind_of(name, text)
    if kind is None:
        ending = ending_of(name)
        given = f".{ending}" if ending else "without an ending"
        raise InputError(f"{name}: unknown kind of file {given!r}; expected .jsonl, .json, .csv, .tsv or .txt")
    if kind == "json":
        return rows_of_document(name, json_document(text, name), role, columns)
    if kind == "json lines":
        return rows_of_records(name, json_lines(name, text), role, columns)
    if kind == "lines":
        lines = text.split("\n")
        lines = [line.removesuffix("\r") for line in (lines[:-1] if lines[-1] == "" else lines)]
        if begin_with_ids(lines):
            raise InputError(
                f"{name}: every line begins with what looks like a study id; part ids and reports by a tab, "
                "give a JSON list of texts, or number "
                "no lines"
            )
        return by_position([(f"{name} line {at}", line) for at, line in enumerate(lines, start=1)], name, "one a line")
    return rows_of_table(name, text, role, columns)
