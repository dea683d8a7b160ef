"""A heat map of shares: rows by columns, each cell with its number."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rrgbench.terminal_text import one_line


@dataclass(frozen=True, eq=False)
class HeatMap:
    """What is drawn.

    Attributes
    ----------
    title : str
        What stands above.
    rows, columns : tuple of str
        Labels.
    values : float64 array (rows, columns)
        Shares from 0 to 1; NaN is left white.
    meaning : str
        What the colours mean, beside their scale.
    gaps : tuple of int
        Columns that a gap stands before.
    """

    title: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    values: NDArray[np.float64]
    meaning: str
    gaps: tuple[int, ...] = ()


def write_heat_map(path: Path, shown: HeatMap) -> None:
    """Draw a heat map; the path ends in one of `rrgbench.render.label_chart.FORMATS`."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    # text stays text in an SVG; no date, so that equal data give equal files
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "rrgbench", "text.parse_math": False, "font.size": 9}):
        size = (2.6 + 0.68 * len(shown.columns), 1.6 + 0.34 * len(shown.rows))
        figure = Figure(figsize=size, layout="constrained")
        axes = figure.subplots()
        # red to blue over white keeps its order for readers who don't tell red from green
        image = axes.imshow(shown.values, cmap="RdBu", vmin=0.0, vmax=1.0, aspect="auto")
        for (row, column), value in np.ndenumerate(shown.values):
            if not np.isnan(value):
                colour = "white" if abs(value - 0.5) > 0.35 else "black"
                axes.text(column, row, f"{value:.2f}", ha="center", va="center", color=colour, fontsize=8)
        axes.set_xticks(range(len(shown.columns)), list(map(one_line, shown.columns)), rotation=40, ha="left")
        axes.set_yticks(range(len(shown.rows)), list(map(one_line, shown.rows)))
        axes.tick_params(length=0, top=False, bottom=False, labeltop=True, labelbottom=False)
        axes.spines[:].set_visible(False)
        for column in shown.gaps:
            axes.axvline(column - 0.5, color="white", linewidth=5)
        scale = figure.colorbar(image, ax=axes, shrink=0.9, pad=0.02)
        scale.set_label(one_line(shown.meaning))
        scale.outline.set_visible(False)
        figure.suptitle(one_line(shown.title), fontsize=11, x=0.01, ha="left")
        metadata = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}.get(path.suffix)
        figure.savefig(path, dpi=150, metadata=metadata)
