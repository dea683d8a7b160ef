"""A value with its interval as a small drawing in a cell, beside the line of a constant and others' values."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

WIDTH: Final = 96
HEIGHT: Final = 14
"""In pixels."""
_MARGIN: Final = 4


@dataclass(frozen=True)
class Drawing:
    """Where things lie in the drawing, in pixels from the left.

    Attributes
    ----------
    value : float
        The dot.
    low, high : float or None
        The ends of its interval.
    constant : float or None
        The dashed line.
    others : tuple of float
        Hollow dots.
    """

    value: float
    low: float | None
    high: float | None
    constant: float | None
    others: tuple[float, ...] = ()


def span_of(numbers: Iterable[float | None]) -> tuple[float, float]:
    """Least and greatest of the numbers that are there; 0 and 1 if there is none."""
    known = [number for number in numbers if number is not None]
    return min(known, default=0.0), max(known, default=1.0)


def drawing(
    value: float,
    low: float | None,
    high: float | None,
    constant: float | None,
    span: tuple[float, float],
    others: Sequence[float] = (),
) -> Drawing:
    """Place numbers on the width of a drawing.

    Parameters
    ----------
    value, low, high, constant : float
        What is drawn; all but the value may be None.
    span : (float, float)
        What the ends of the drawing stand for.
    others : sequence of float
        Further values.
    """
    start, end = span

    def place(number: float) -> float:
        share = (number - start) / (end - start) if end > start else 0.5
        return round(_MARGIN + (WIDTH - 2 * _MARGIN) * share, 1)

    return Drawing(
        place(value),
        None if low is None else place(low),
        None if high is None else place(high),
        None if constant is None else place(constant),
        tuple(map(place, others)),
    )
