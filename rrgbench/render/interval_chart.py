"""Values with intervals, one below the other, as a figure; a band shows what can be reached at all."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rrgbench.terminal_text import one_line

_COLOUR, _MARKED, _BAND = "#1f5f8b", "#b3541e", "#dfe7d8"


@dataclass(frozen=True)
class Bar:
    """One line: its name, value and interval, and whether it is to be seen first."""

    name: str
    value: float
    low: float
    high: float
    marked: bool = False


def write_interval_chart(
    path: Path, title: str, axis: str, bars: Sequence[Bar], band: Bar | None = None, note: str = ""
) -> None:
    """Draw values with their intervals in the order given, the first on top.

    Parameters
    ----------
    path : Path
        Ends in .svg, .png or .pdf.
    title, axis : str
        What stands above, and what the values are.
    bars : sequence of Bar
        The lines; values that are NaN are left out.
    band : Bar, optional
        A range that is shaded, with its name in the legend.
    note : str
        Small print.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    shown = [bar for bar in bars if bar.value == bar.value]
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "rrgbench", "text.parse_math": False, "font.size": 10}):
        figure = Figure(figsize=(7.6, 1.6 + 0.34 * len(shown)), layout="constrained")
        axes = figure.subplots()
        if band is not None:
            axes.axvspan(band.low, band.high, color=_BAND, label=band.name, zorder=0)
            axes.axvline(band.value, color="#7c9a63", linewidth=1, zorder=1)
        for row, bar in enumerate(shown):
            colour = _MARKED if bar.marked else _COLOUR
            axes.plot([bar.low, bar.high], [row, row], color=colour, linewidth=2, solid_capstyle="butt", zorder=2)
            axes.plot([bar.value], [row], "o", color=colour, markersize=6, zorder=3)
            axes.annotate(
                f"{bar.value:.2f}", (bar.value, row), xytext=(0, 6), textcoords="offset points", ha="center", fontsize=8
            )
        axes.set_yticks(range(len(shown)), [one_line(bar.name) for bar in shown])
        axes.set_ylim(len(shown) - 0.4, -0.8)
        axes.axvline(0, color="#bbbbbb", linewidth=0.8, zorder=0)
        axes.set_xlabel(axis)
        axes.grid(axis="x", color="#eeeeee", zorder=-1)
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.tick_params(axis="y", length=0)
        if band is not None:
            axes.legend(loc="lower left", bbox_to_anchor=(0, 1.0), frameon=False, fontsize=9)
        figure.suptitle(one_line(title), fontsize=11, x=0.01, ha="left")
        if note:
            figure.supxlabel(one_line(note), fontsize=8, color="#555555", x=0.01, ha="left")
        metadata = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}.get(path.suffix)
        figure.savefig(path, dpi=150, metadata=metadata)
