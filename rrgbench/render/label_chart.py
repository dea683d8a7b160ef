"""The label distribution of a corpus as a figure: the right half of the paper's Figure 1."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rrgbench.observations import OBSERVATIONS
from rrgbench.terminal_text import one_line

FORMATS = (".svg", ".png", ".pdf")
"""File types of the figure."""

_POSITIVE, _UNCERTAIN = "#1f5f8b", "#a9c9de"


def write_label_chart(
    path: Path, title: str, counts: NDArray[np.int64], labelled: tuple[str, ...], studies: int
) -> None:
    """Draw positives and uncertain mentions per observation as horizontal bars.

    Parameters
    ----------
    path : Path
        Ends in one of `FORMATS`.
    title : str
        What stands above.
    counts : int array (14, 4)
        Studies per observation that are positive, uncertain, negative, unmentioned (`rrgbench.data.validate.VALUES`).
    labelled : tuple of str
        Observations the labels speak about; the others are drawn as "not labelled".
    studies : int
        Labelled studies: the whole that percentages refer to.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    # text stays text in an SVG, so that it can be searched and restyled; no date, so that equal data give equal files
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "rrgbench", "text.parse_math": False, "font.size": 10}):
        figure = Figure(figsize=(8.4, 4.6), layout="constrained")
        axes = figure.subplots()
        rows = np.arange(len(OBSERVATIONS))
        known = np.array([name in labelled for name in OBSERVATIONS])
        positive, uncertain = np.where(known, counts[:, 0], 0), np.where(known, counts[:, 1], 0)
        axes.barh(rows, positive, color=_POSITIVE, label="positive")
        axes.barh(rows, uncertain, left=positive, color=_UNCERTAIN, label="uncertain")
        longest = max(1, int((positive + uncertain).max()))
        for row, said in enumerate(known):
            text = _figures(counts[row], studies) if said else "not labelled"
            colour = "black" if said else "#777777"
            axes.text(float(positive[row] + uncertain[row]) + longest / 80, row, text, va="center", color=colour)
        axes.set_yticks(rows, OBSERVATIONS)
        axes.invert_yaxis()
        axes.set_xlim(0, 1.3 * longest)
        axes.set_xlabel("studies")
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(loc="lower right", frameon=False)
        figure.suptitle(one_line(title), fontsize=11, x=0.01, ha="left")
        metadata = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}.get(path.suffix)
        figure.savefig(path, dpi=150, metadata=metadata)


def label_lines(counts: NDArray[np.int64], labelled: tuple[str, ...], width: int = 39) -> Mapping[str, str]:
    """The same bars as text, by observation: `#` for each share of positives, `~` of uncertain mentions."""
    longest = max(1, int(counts[:, :2].sum(axis=1).max()))
    lines = {}
    for observation, row in zip(OBSERVATIONS, counts.tolist(), strict=True):
        if observation in labelled:
            lines[observation] = "#" * round(width * row[0] / longest) + "~" * round(width * row[1] / longest)
        else:
            lines[observation] = "not labelled"
    return lines


def _figures(row: NDArray[np.int64], studies: int) -> str:
    positive, uncertain = row[:2].tolist()
    share = 100 * positive / studies if studies else 0.0
    return f"{positive:,} ({share:.1f} %)" + (f" + {uncertain:,}" if uncertain else "")
