"""How far two label arrays agree: precision, recall and F1 per observation and pooled, for each class of label."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rrgbench.errors import InputError
from rrgbench.observations import NEGATIVE, OBSERVATIONS, POSITIVE, UNCERTAIN

CLASSES = {"positive": POSITIVE, "negative": NEGATIVE, "uncertain": UNCERTAIN}


@dataclass(frozen=True)
class Agreement:
    """Counts of one class of label, per observation (14,).

    Attributes
    ----------
    both, given, reference : int64 arrays (14,)
        Cells where both arrays have that class, where the given array has it, where the reference has it.
    """

    both: NDArray[np.int64]
    given: NDArray[np.int64]
    reference: NDArray[np.int64]

    @property
    def precision(self) -> NDArray[np.float64]:
        """Share of given cells that the reference has too (14,); NaN where nothing is given."""
        return _ratio(self.both, self.given)

    @property
    def recall(self) -> NDArray[np.float64]:
        """Share of reference cells that are given (14,); NaN where the reference has none."""
        return _ratio(self.both, self.reference)

    @property
    def f1(self) -> NDArray[np.float64]:
        """Harmonic mean of both (14,); NaN where neither array has the class."""
        return _ratio(2 * self.both, self.given + self.reference)

    @property
    def micro_f1(self) -> float:
        """F1 of the counts pooled over the observations; NaN where neither array has the class."""
        return float(_ratio(2 * self.both.sum(keepdims=True), (self.given + self.reference).sum(keepdims=True))[0])

    def to_frame(self) -> pd.DataFrame:
        """One row per observation and a pooled last row `micro`."""
        frame = pd.DataFrame(
            {
                "reference": self.reference,
                "given": self.given,
                "both": self.both,
                "precision": self.precision,
                "recall": self.recall,
                "f1": self.f1,
            },
            index=pd.Index(OBSERVATIONS, name="observation"),
        )
        both, given, reference = int(self.both.sum()), int(self.given.sum()), int(self.reference.sum())
        precision = both / given if given else float("nan")
        recall = both / reference if reference else float("nan")
        frame.loc["micro"] = [reference, given, both, precision, recall, self.micro_f1]
        return frame.astype({"reference": int, "given": int, "both": int})


def agreement(given: NDArray[np.int8], reference: NDArray[np.int8], label: int = POSITIVE) -> Agreement:
    """Compare two label arrays on one class of label.

    Parameters
    ----------
    given, reference : int8 arrays (n, 14)
        Labels in CheXpert coding, rows of the same reports.
    label : int
        The class compared: 1, 0 or -1.

    Returns
    -------
    Agreement

    Raises
    ------
    InputError
        If the shapes differ or are not (n, 14).
    """
    if given.shape != reference.shape or given.ndim != 2 or given.shape[1] != len(OBSERVATIONS):
        raise InputError(
            f"label arrays have shapes {given.shape} and {reference.shape}; expected twice (n, {len(OBSERVATIONS)})"
        )
    has, wants = given == label, reference == label
    return Agreement((has & wants).sum(axis=0), has.sum(axis=0), wants.sum(axis=0))


def _ratio(part: NDArray[np.int64], whole: NDArray[np.int64]) -> NDArray[np.float64]:
    """Element-wise quotient, NaN where the whole is empty."""
    result = np.full(whole.shape, np.nan)
    np.divide(part, whole, out=result, where=whole > 0)
    return result
