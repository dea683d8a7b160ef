"""What a film looks like that should be an upright frontal chest film: blank, inverted, turned, lateral.

Three numbers, of the film cut to what is lit and averaged to 32 x 32:

- its mirror symmetry: correlation with itself mirrored left to right, at the best of 13 axes. Frontal chests have it;
- the same top to bottom, which upright frontal chests lack, films lying on their side have, and laterals half have;
- the midline less the mean of both lung fields, in standard deviations: below 0 where bone is dark.

They are hints for somebody who looks, not verdicts; `docs/data.md` says how often they are wrong.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

BLANK: Final = "blank"
NEAR_BLANK: Final = "nearly blank"

_SIDE: Final = 32
_LIT: Final = 12
_NEAR_BLANK: Final = 12.0
"""Grey levels, of 255, between the 2nd and the 98th percentile below which nothing can be seen."""
_TURNED: Final = -0.2
_ALIKE: Final = 0.15
_LATERAL: Final = (0.55, 0.9, 0.65)
"""Of a lateral: least symmetry top to bottom, most left to right, most contrast of the midline."""
_INVERTED: Final = -0.4


def odd_look(film: NDArray[np.uint8], view: str = "") -> str:
    """How a film looks odd, in a few words; empty where it does not.

    Parameters
    ----------
    film : uint8 array (height, width)
        Decoded; 64 pixels a side are enough.
    view : str
        What it is called; of a `LATERAL` film only blankness is told.
    """
    low, high = np.percentile(film, (2, 98))
    if film.max() == film.min():
        return BLANK
    if high - low < _NEAR_BLANK:
        return NEAR_BLANK
    if view == "LATERAL":
        return ""
    small = _small(film)
    sideways, upright = _symmetry(small.T), _symmetry(small)
    if upright - sideways < _TURNED:
        return "looks turned by 90 degrees"
    grey = (small - small.mean()) / max(float(small.std()), 1e-9)
    middle, left, right = (grey[8:24, start : start + 6].mean() for start in (13, 5, 21))
    contrast = float(middle - (left + right) / 2)
    if contrast < _INVERTED:
        return "looks inverted"
    least, most, flat = _LATERAL
    if upright - sideways < _ALIKE and sideways > least and upright < most and contrast < flat:
        return "looks lateral and is called frontal" if view else "looks lateral; its view is not known"
    return ""


def _small(film: NDArray[np.uint8]) -> NDArray[np.float64]:
    """The lit part of a film as (32, 32), its darkest and brightest 2 % clipped."""
    rows, columns = (np.flatnonzero((film > _LIT).mean(axis=axis) > 0.05) for axis in (1, 0))
    if len(rows) > 3 and len(columns) > 3:
        film = film[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    small = np.asarray(Image.fromarray(film).resize((_SIDE, _SIDE), Image.Resampling.BOX), dtype=np.float64)
    return np.clip(small, *np.percentile(small, (2, 98)))


def _symmetry(small: NDArray[np.float64]) -> float:
    """Greatest correlation with itself mirrored left to right, of axes up to a tenth off the middle."""
    found = []
    for shift in range(-6, 7):
        part = small[:, max(0, shift) : _SIDE + min(0, shift)]
        centred = part - part.mean()
        found.append(float((centred * centred[:, ::-1]).sum() / max(float((centred**2).sum()), 1e-9)))
    return max(found)
