"""Asking a labeler, perhaps another package's, for labels: what it answers is looked at before anybody counts it."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rrgbench.errors import InputError, RrgbenchError
from rrgbench.observations import NEGATIVE, OBSERVATIONS, POSITIVE, UNCERTAIN, UNMENTIONED


class Labels(Protocol):
    """Whatever labels reports."""

    @property
    def identity(self) -> str:
        """As signatures show it."""
        ...

    def label(self, reports: Sequence[str]) -> ArrayLike:
        """Labels (n, 14) in CheXpert coding."""
        ...


def labels_of(labeler: Labels, reports: Sequence[str]) -> NDArray[np.int8]:
    """Labels (n, 14) of reports, as the labeler gives them.

    Raises
    ------
    InputError
        If the labeler fails, or gives something else than a label of CheXpert's coding for each report and observation;
        in words that hold nothing of a report.
    """
    try:
        given = labeler.label(reports)
    except (RrgbenchError, OSError, MemoryError):
        raise
    except Exception as error:
        # its words may hold a report's
        raise InputError(
            f"labeler {labeler.identity} failed in its own code ({type(error).__name__}); --verbose shows where"
        ) from error
    try:
        found = np.asarray(given)
    except ValueError:
        raise InputError(f"labeler {labeler.identity} gave rows of different lengths") from None
    expected = (len(reports), len(OBSERVATIONS))
    if found.shape != expected:
        raise InputError(f"labeler {labeler.identity} gave labels of shape {found.shape}; expected {expected}")
    if not np.isin(found, (POSITIVE, NEGATIVE, UNCERTAIN, UNMENTIONED)).all():
        raise InputError(
            f"labeler {labeler.identity} gave other values than {POSITIVE} (positive), {NEGATIVE} (negative), "
            f"{UNCERTAIN} (uncertain) and {UNMENTIONED} (not mentioned)"
        )
    return found.astype(np.int8, copy=False)
