"""A labeler: an observation is positive where its name stands in the report."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rrgbench.observations import OBSERVATIONS, POSITIVE, UNMENTIONED


class KeywordLabeler:
    """Reads names of observations; a negation is beyond it."""

    name = "keywords"
    version = "1"
    identity = "keywords@1"

    def label(self, reports: Sequence[str]) -> NDArray[np.int8]:
        """Labels (n, 14)."""
        labels = np.full((len(reports), len(OBSERVATIONS)), UNMENTIONED, dtype=np.int8)
        for row, report in enumerate(reports):
            labels[row, [name.lower() in report.lower() for name in OBSERVATIONS]] = POSITIVE
        return labels
