"""How long reports are beside their references, and how many studies share one report."""

from collections.abc import Sequence

import numpy as np

from rrgbench.render.figures.arrays import RunArrays
from rrgbench.render.figures.style import COLOURS, QUIET, Canvas, RunFigure
from rrgbench.render.table import Cell, Column, Row, Table
from rrgbench.terminal_text import one_line


def lengths(names: Sequence[str], arrays: RunArrays) -> RunFigure | None:
    """Two panels: words of the reports; studies that the k commonest reports cover."""
    found = {name: kept for name in names if "words" in (kept := arrays.get(("report_generation", name), {}))}
    if not found:
        return None
    references = next((kept["reference_words"] for kept in found.values() if len(kept["reference_words"])), None)

    def draw(canvas: Canvas) -> None:
        left, right = canvas.figure.subplots(1, 2)
        every = [*(kept["words"] for kept in found.values()), *([references] if references is not None else [])]
        most = int(np.quantile(np.concatenate(every), 0.995)) + 1
        edges = np.linspace(0, max(most, 10), 31)
        if references is not None:
            shares = np.histogram(references, edges)[0] / len(references)
            left.stairs(shares, edges, fill=True, color=QUIET, alpha=0.3, label="references")
        for at, (name, kept) in enumerate(found.items()):
            shares = np.histogram(np.minimum(kept["words"], edges[-1]), edges)[0] / len(kept["words"])
            gid = canvas.mark(f"{name}: {kept['words'].mean():.1f} words on average")
            left.stairs(shares, edges, color=COLOURS[at], linewidth=1.4, label=one_line(name), gid=gid)
            covered = np.concatenate([[0.0], np.cumsum(kept["copies"]) / kept["copies"].sum()])
            gid = canvas.mark(f"{name}: {len(kept['copies']):,} distinct reports of {len(kept['words']):,} studies")
            share = np.arange(len(covered)) / len(kept["words"])
            right.plot(share, covered, color=COLOURS[at], linewidth=1.4, gid=gid)
        right.plot([0, 1], [0, 1], color=QUIET, linestyle=":", linewidth=0.8)
        left.set_xlabel("words")
        left.set_ylabel("share of the reports")
        left.legend(loc="lower left", bbox_to_anchor=(-0.1, 1.0), fontsize=8)
        right.set_xlabel("distinct reports, commonest first,\nas a share of the studies")
        right.set_ylabel("studies that have them")
        right.set_xlim(0, 1)
        right.set_ylim(0, 1.02)

    rows = []
    for name, kept in found.items():
        words, copies = kept["words"], kept["copies"]
        cells = (
            len(words),
            float(words.mean()),
            float(np.median(words)),
            len(copies),
            float(100 * copies[0] / len(words)),
        )
        rows.append(Row(name, tuple(Cell(one, decimals=int(isinstance(one, float))) for one in cells)))
    if references is not None:
        figures = (len(references), float(references.mean()), float(np.median(references)))
        told = (*(Cell(one, decimals=int(isinstance(one, float))) for one in figures), Cell(), Cell())
        rows.append(Row("references", told, "references"))
    titles = ("studies", "mean words", "median words", "distinct reports", "commonest report, %")
    table = Table("Length and distinctness", "", tuple(Column(title) for title in titles), tuple(rows))
    caption = (
        "Left: words of the reports beside those of the references (grey). Right: the share of studies that the "
        "commonest reports cover; a system that writes a new report for every study follows the dotted line."
    )
    title = "Length and distinctness of the reports"
    return RunFigure("report-lengths", title, caption, ("Length of reports",), draw, 3.1, (table,))
