"""The label distribution of a corpus as a figure (SVG, no plotting library): the right half of the paper's Figure 1."""

from collections.abc import Mapping
from xml.sax.saxutils import escape

import numpy as np
from numpy.typing import NDArray

from rrgbench.observations import OBSERVATIONS

_ROW, _TOP, _LEFT, _BAR, _RIGHT = 26, 64, 220, 440, 170
_POSITIVE, _UNCERTAIN = "#1f5f8b", "#a9c9de"


def label_chart(title: str, counts: NDArray[np.int64], labelled: tuple[str, ...], studies: int) -> str:
    """Draw positives and uncertain mentions per observation as horizontal bars.

    Parameters
    ----------
    title : str
        What stands above.
    counts : int array (14, 4)
        Studies per observation that are positive, uncertain, negative, unmentioned (`rrgbench.data.validate.VALUES`).
    labelled : tuple of str
        Observations the labels speak about; the others are drawn as "not labelled".
    studies : int
        Labelled studies: the whole that percentages refer to.

    Returns
    -------
    str
        A standalone SVG document.
    """
    height = _TOP + _ROW * len(OBSERVATIONS) + 20
    longest = max(1, int(counts[:, :2].sum(axis=1).max()))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_LEFT + _BAR + _RIGHT}" height="{height}" '
        'font-family="Helvetica, Arial, sans-serif" font-size="13">',
        '<rect width="100%" height="100%" fill="white"/>',
        f'<text x="16" y="26" font-size="16" font-weight="bold">{escape(title)}</text>',
        *_legend(),
    ]
    for row, observation in enumerate(OBSERVATIONS):
        y = _TOP + _ROW * row
        parts.append(f'<text x="{_LEFT - 10}" y="{y + 14}" text-anchor="end">{escape(observation)}</text>')
        if observation not in labelled:
            parts.append(f'<text x="{_LEFT}" y="{y + 14}" fill="#777777">not labelled</text>')
            continue
        x = float(_LEFT)
        for count, colour in zip(counts[row, :2].tolist(), (_POSITIVE, _UNCERTAIN), strict=True):
            width = _BAR * count / longest
            parts.append(f'<rect x="{x:.1f}" y="{y + 2}" width="{width:.1f}" height="16" fill="{colour}"/>')
            x += width
        parts.append(f'<text x="{x + 6:.1f}" y="{y + 14}">{_figures(counts[row], studies)}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def label_lines(counts: NDArray[np.int64], labelled: tuple[str, ...], width: int = 40) -> Mapping[str, str]:
    """The same bars as text, by observation: `#` for each share of positives, `~` of uncertain mentions."""
    longest = max(1, int(counts[:, :2].sum(axis=1).max()))
    lines = {}
    for observation, row in zip(OBSERVATIONS, counts.tolist(), strict=True):
        if observation in labelled:
            lines[observation] = "#" * round(width * row[0] / longest) + "~" * round(width * row[1] / longest)
        else:
            lines[observation] = "not labelled"
    return lines


def _legend() -> list[str]:
    parts = []
    for x, colour, name in ((_LEFT, _POSITIVE, "positive"), (_LEFT + 100, _UNCERTAIN, "uncertain")):
        parts.append(f'<rect x="{x}" y="38" width="12" height="12" fill="{colour}"/>')
        parts.append(f'<text x="{x + 18}" y="49">{name}</text>')
    return parts


def _figures(row: NDArray[np.int64], studies: int) -> str:
    positive, uncertain = row[:2].tolist()
    share = 100 * positive / studies if studies else 0.0
    return f"{positive:,} ({share:.1f} %)" + (f" + {uncertain:,}" if uncertain else "")
