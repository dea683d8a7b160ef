"""The page of a run, `report.html`."""

from collections.abc import Sequence

from rrgbench.render.html import rendered
from rrgbench.render.run_figures import RunFigure
from rrgbench.render.table import Table


def run_page(summary: Table, tables: Sequence[Table], figures: Sequence[RunFigure], lines: Sequence[str]) -> str:
    """The page of a run: what it is and the headline numbers first, then figures with their tables folded below.

    Parameters
    ----------
    summary : Table
        Headline numbers (`rrgbench.render.run_summary`).
    tables : sequence of Table
        All others; one that no figure shows stands at the end.
    figures : sequence of RunFigure
        See `rrgbench.render.run_figures`.
    lines : sequence of str
        What the run is (`rrgbench.render.run_facts.fact_lines`), the most important first.
    """
    numbered = list(enumerate(tables, start=1))
    left = {number for number, _ in numbered}
    sections = []
    for figure in figures:
        own = [(number, table) for number, table in numbered if table.title.startswith(figure.tables)]
        left -= {number for number, _ in own}
        sections.append((figure, own))
    others = [(number, table) for number, table in numbered if number in left]
    return rendered("run.html.j2", summary=summary, sections=sections, others=others, lines=lines)
