"""The page of a run, `report.html`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rrgbench.findings.marked import SIGNS, WORDS
from rrgbench.render.drawing import HEIGHT, WIDTH, Drawing, drawing, span_of
from rrgbench.render.figures.style import PALETTE, RunFigure
from rrgbench.render.html import png_uri, rendered
from rrgbench.render.record_tables import CONSTANT_TITLE
from rrgbench.render.run_cases import Case
from rrgbench.render.table import Row, Table
from rrgbench.render.verdict import Verdict


@dataclass(frozen=True)
class PageParts:
    """What a page shows beside the headline numbers, the tables and the figures.

    Attributes
    ----------
    lines : tuple of str
        What the run is (`rrgbench.render.run_facts.fact_lines`), the most important first.
    command : str
        What made it.
    verdicts : tuple of Verdict
        A sentence a model.
    cases : tuple of Case
        Studies with film and both reports.
    patients : str
        The corpus whose patients the cases are; empty where they are synthetic.
    """

    lines: tuple[str, ...] = ()
    command: str = ""
    verdicts: tuple[Verdict, ...] = ()
    cases: tuple[Case, ...] = ()
    patients: str = ""


def run_page(
    summary: Table, tables: Sequence[Table], figures: Sequence[RunFigure], parts: PageParts | None = None
) -> str:
    """The page of a run: what it is and the headline numbers first, then figures with their tables folded below.

    Parameters
    ----------
    summary : Table
        Headline numbers (`rrgbench.render.run_summary`).
    tables : sequence of Table
        All others; one that no figure shows stands at the end.
    figures : sequence of RunFigure
        See `rrgbench.render.run_figures`.
    parts : PageParts, optional
        All else.
    """
    given = parts or PageParts()
    numbered = list(enumerate(tables, start=1))
    left = {number for number, _ in numbered}
    sections = []
    for figure in figures:
        own = [
            (number, table) for number, table in numbered if number in left and table.title.startswith(figure.tables)
        ]
        left -= {number for number, _ in own}
        further = [(f"{figure.key}-{number}", table) for number, table in enumerate(figure.own, start=1)]
        sections.append((figure, [*further, *own]))
    others = [(number, table) for number, table in numbered if number in left]
    known: dict[str, str] = {}

    def sign(signature: str) -> str:
        """The number of a signature in the page's list, from 1; none for an empty one."""
        return known.setdefault(signature, str(len(known) + 1)) if signature else ""

    one = bool(summary.columns) and len(summary.columns) > 1 and summary.beside
    content: dict[str, Any] = {
        "summary": summary,
        "headline": [(row, _drawn(row, summary)) for row in summary.rows] if one else None,
        "constant": any(column.title == CONSTANT_TITLE for column in summary.columns),
        "nothing_beside": summary.columns[0].title if len(summary.columns) == 1 and summary.beside else "",
        "sections": sections,
        "others": others,
        "lines": [line for line in given.lines if not (given.command and line.startswith("Command: "))],
        "command": given.command,
        "verdicts": given.verdicts,
        "cases": given.cases,
        "several": len({case.model for case in given.cases}) > 1,
        "patients": given.patients if given.cases else "",
        "found_words": WORDS,
        "found_signs": SIGNS,
        "png": png_uri,
        "palette": PALETTE,
        "width": WIDTH,
        "height": HEIGHT,
        "sign": sign,
    }
    # the list at the end of the page is filled while the page above it is written
    return rendered("run.html.j2", signatures=known, **content)


def _drawn(row: Row, summary: Table) -> Drawing | None:
    """The first cell of a row with its interval, beside the constant and the others."""
    numbers = [cell.value for cell in row.cells]
    own = row.cells[0]
    if isinstance(own.value, str) or own.value is None:
        return None
    by_title = dict(zip((column.title for column in summary.columns), numbers, strict=True))
    constant = by_title.get(CONSTANT_TITLE)
    others = [
        value
        for column, value in zip(summary.columns[1:], numbers[1:], strict=True)
        if column.title != CONSTANT_TITLE and isinstance(value, int | float)
    ]
    line = constant if isinstance(constant, int | float) else None
    if line is None and not others:
        return None
    span = span_of([own.value, own.low, own.high, line, *others])
    return drawing(own.value, own.low, own.high, line, span, others)
