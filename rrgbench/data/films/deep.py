"""Films of more than 8 bits: the range that they use, shown as 0 to 255."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rrgbench.data.films.large import strips


def stretch(values: NDArray[Any]) -> NDArray[np.uint8]:
    """Map the range of an array to 0..255; a constant array becomes 0.

    Deep PNGs of films (PadChest, VinDr) hold 10 to 16 used bits in 16 without saying how many, so the range in use is
    the only one known; a few values far outside it do not set it. Values that are not finite become 0.
    """
    whole = np.asarray(values)
    rows = whole.reshape(len(whole), -1) if whole.size else whole.reshape(0, 1)
    height, width = rows.shape
    return stretched(lambda: (rows[strip] for strip in strips(height, width)), height, width).reshape(whole.shape)


def stretched(parts: Callable[[], Iterator[NDArray[Any]]], height: int, width: int) -> NDArray[np.uint8]:
    """What `stretch` makes of a film (height, width) whose rows come some at a time, as often as they are asked for."""
    grey = np.zeros((height, width), dtype=np.uint8)
    if not grey.size:
        return grey
    counts, least = _counts(parts)
    low, high = range_in_use(*(_counted(counts, least) if len(counts) else _ranked(parts, grey.size)))
    if high <= low:
        return grey

    def shown(numbers: NDArray[Any]) -> NDArray[np.uint8]:
        exact = np.asarray(numbers, dtype=np.float64)
        exact = np.where(np.isfinite(exact), exact, low)
        return np.rint(np.clip((exact - low) * (255.0 / (high - low)), 0.0, 255.0)).astype(np.uint8)

    # what is shown for a value is worked out once where there are few
    table = shown(np.arange(len(counts)) + least)
    top = 0
    for part in parts():
        grey[top : top + len(part)] = table[_places(part, least)] if len(counts) else shown(part)
        top += len(part)
    return grey


def _places(part: NDArray[Any], least: int) -> NDArray[np.intp]:
    return part.astype(np.intp) - least


def _counts(parts: Callable[[], Iterator[NDArray[Any]]]) -> tuple[NDArray[np.int64], int]:
    """How often each value of a type of at most 16 bits occurs, and the least of them; no counts for other types."""
    kind = next(parts()).dtype
    if kind.kind not in "iu" or kind.itemsize > 2:
        return np.zeros(0, dtype=np.int64), 0
    least, most = np.iinfo(kind).min, np.iinfo(kind).max
    counts = np.zeros(most - least + 1, dtype=np.int64)
    for part in parts():
        counts += np.bincount(_places(part, least).ravel(), minlength=len(counts))
    return counts, int(least)


def _counted(counts: NDArray[np.int64], least: int) -> tuple[int, Callable[[list[int]], NDArray[Any]]]:
    """How many values there are, and what gives those at some ranks of their ascending order."""
    ends = np.cumsum(counts)
    return int(ends[-1]), lambda ranks: np.searchsorted(ends, ranks, side="right") + least


def _ranked(parts: Callable[[], Iterator[NDArray[Any]]], size: int) -> tuple[int, Callable[[list[int]], NDArray[Any]]]:
    """As `_counted`, of the finite values of any type."""
    kind = next(parts()).dtype
    kept = np.empty(size, dtype=kind if kind.kind in "iuf" and kind.itemsize <= 8 else np.float64)
    count = 0
    for part in parts():
        numbers = part.astype(kept.dtype, copy=False)
        finite = numbers[np.isfinite(numbers)]
        kept[count : count + len(finite)] = finite
        count += len(finite)

    def at(ranks: list[int]) -> NDArray[Any]:
        # in its place: a film of many pixels is not to be held once more
        kept[:count].partition(sorted(set(ranks)))
        return kept[ranks]

    return count, at


def range_in_use(count: int, at: Callable[[list[int]], NDArray[Any]]) -> tuple[float, float]:
    """Least and greatest value, but for a few that lie far off: letters burned in at 65535 would make a film black.

    Far off is further from the 0.5th (99.5th) percentile than the two percentiles are from each other; then the
    percentile is the end. Other films, whose ends are no further off, keep their full range.

    Parameters
    ----------
    count : int
        Values there are.
    at : callable
        Those at some ranks of their ascending order.
    """
    if not count:
        return 0.0, 0.0
    # NumPy's percentile: between the two values next to a rank
    ranks = np.array([0.005, 0.995]) * (count - 1)
    below = np.floor(ranks).astype(np.int64)
    above = np.minimum(below + 1, count - 1)
    found = np.asarray(at([0, count - 1, *below.tolist(), *above.tolist()]), dtype=np.float64)
    low, high = float(found[0]), float(found[1])
    few, most = (
        float(np.quantile(found[[2 + end, 4 + end]], ranks[end] - below[end], method="linear")) for end in (0, 1)
    )
    bulk = most - few
    if bulk <= 0:
        return low, high
    return few if few - low > bulk else low, most if high - most > bulk else high
