"""Printed figures: a number with the digits that it was printed with."""

import math
from dataclasses import dataclass

from rrgbench.errors import InputError


@dataclass(frozen=True)
class Figure:
    """A printed figure, which stands for an interval of half a unit of its last digit on both sides.

    Attributes
    ----------
    text : str
        As printed, e.g. `.276` or `27.6`.
    value : float
        The number.
    half : float
        Half a unit of the last digit.
    """

    text: str
    value: float
    half: float

    @classmethod
    def of(cls, text: str, name: str = "") -> "Figure":
        """The figure of a text; `name` says whose it is, for messages.

        Raises
        ------
        InputError
            If it is no number from 0 to 1 (or to 100).
        """
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not 0.0 <= value <= 100.0 or "e" in text.lower():
            whose = f"{name}: " if name else ""
            raise InputError(
                f"{whose}{text[:40]!r} is not a printed figure; expected a decimal number from 0 to 1, or to 100"
            )
        return cls(text.strip(), value, 0.5 * 10.0 ** -len(text.strip().partition(".")[2]))

    def of_percent(self) -> "Figure":
        """The fraction of a figure that was printed in per cent."""
        return Figure(self.text, self.value / 100.0, self.half / 100.0)

    def misses(self, value: float) -> float:
        """How many units of the last digit a value lies off, 0 where it rounds to the figure; NaN fits nothing."""
        if math.isnan(value):
            return math.inf
        off = abs(value - self.value)
        # what is half a unit away was rounded here or there
        return 0.0 if off <= self.half + 1e-12 else off / (2.0 * self.half)

    def fits(self, value: float) -> bool:
        """Whether a value rounds to the figure."""
        return self.misses(value) == 0.0
