"""Tables of reports: below a header, or without one where ids and reports are told all the same."""

import re
from collections.abc import Iterator, Sequence

from rrgbench.errors import InputError, listed
from rrgbench.scoring.report_shapes.field_names import IDS, matching, names_text
from rrgbench.scoring.report_shapes.records import rows_of_records
from rrgbench.scoring.report_shapes.rows import ANY_COLUMNS, Columns, Role, Rows, by_position
from rrgbench.scoring.report_shapes.separators import are_pairs, check_once, table_cells, table_of, table_rows
from rrgbench.scoring.report_shapes.shown import shown


def rows_of_table(name: str, text: str, role: Role, columns: Columns) -> Rows:
    """The reports of a table, with a header or without."""
    text, delimiter = table_of(name, text, [one for one in (columns.study_id, columns.report) if one])
    header = next(table_cells(name, text, delimiter), (0, []))[1]
    # where a place is all that tells studies apart, a blank line is a study's
    lines = table_cells(name, text, delimiter, blank_lines=len(header) == 1)
    if not names_text(header) and columns == ANY_COLUMNS:
        return _headerless(name, lines, len(header))
    names = [cell.strip() for cell in header]
    check_once(name, names)

    def records() -> Iterator[tuple[str, object]]:
        next(lines)
        for number, cells in table_rows(name, lines, len(names), delimiter):
            yield f"{name} line {number}", dict(zip(names, cells, strict=True))

    return rows_of_records(name, records(), role, columns, names)


def _headerless(name: str, lines: Iterator[tuple[int, list[str]]], width: int) -> Rows:
    rows = [(f"{name} line {number}", cells) for number, cells in lines]
    if not rows:
        return Rows([])
    if width == 2 and _is_header([cells for _, cells in rows]):
        (_, names), *body = rows
        id_field, text_field = (shown(cell.strip()) for cell in names)
        return Rows(
            [(place, cells[0].strip(), (cells[1],)) for place, cells in body],
            f"{name}: its first row is taken for names of columns: {id_field} for study ids, {text_field} for reports "
            "(--id-column and --report-column say otherwise)",
            tuple(cell.strip() for cell in names),
        )
    if ids := matching(rows[0][1], IDS):
        raise InputError(
            f"{name} line 1: of {width} columns, {listed(ids)} among them, none is called report, prediction, "
            "reference or the like; name the one with reports with --report-column"
        )
    if width == 1 and all(len(cells) == 1 for _, cells in rows):
        (first, *others) = (cells[0].strip() for _, cells in rows)
        if len(others) > 1 and re.fullmatch(r"[^\s.]+", first) and all(len(other.split()) > 1 for other in others):
            raise InputError(
                f"{name} line 1 may be a header or a report: one word above reports of several words; call the column "
                "report, or name it with --report-column"
            )
        return by_position([(place, cells[0]) for place, cells in rows], name, "one a row, without a header")
    if width == 2 and are_pairs((0, cells) for _, cells in rows):
        if _looks_like_a_header([cells for _, cells in rows]):
            raise InputError(
                f"{name} line 1 may be a header or a study: two words, above ids with digits and reports of several "
                "words; say which with --id-column and --report-column, or call the columns study_id and report"
            )
        return Rows(
            [(place, cells[0].strip(), (cells[1],)) for place, cells in rows],
            f"{name} has no header: its first column is taken for study ids, its second for reports; "
            "with a header study_id,report there is no doubt",
        )
    raise InputError(
        f"{name} line 1: no column is called report, prediction, reference or the like, and without a header only one "
        "column (reports) or two (ids, reports) can be read; add a header or name the columns (--id-column, "
        "--report-column)"
    )


def _is_header(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first row is two names as programs write them, above ids with digits and reports of several words."""
    written = all(re.fullmatch(r"\s*[A-Za-z]+(_[A-Za-z]+)+\s*", cell) for cell in rows[0])
    return written and all(len(cells) == 2 for cells in rows) and _looks_like_a_header(rows)


def _looks_like_a_header(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first row is two words, where the others are ids with digits and reports of several words."""
    (first, *others) = rows
    named = not any(sign.isdigit() for cell in first for sign in cell) and len(first[1].split()) == 1
    return (
        named
        and len(others) > 0
        and all(any(sign.isdigit() for sign in cells[0]) and len(cells[1].split()) > 1 for cells in others)
    )
