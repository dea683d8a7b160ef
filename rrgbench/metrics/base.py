"""What every metric offers: per-study statistics once, then any number of re-aggregations.

A metric maps inputs to an array with one row per study. The corpus value and every bootstrap replicate are then
functions of that array and of how often each study is counted, so 1,000 replicates are one matrix product, never a
rescoring.
"""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Statistics = NDArray[np.float64]


class TextMetric(Protocol):
    """A metric of generated text: `(references, hypotheses) -> statistics -> value`.

    `keys` names the values it gives (BLEU gives four). Shapes below: n studies, s statistics, r replicates, m keys.
    """

    keys: tuple[str, ...]

    def statistics(self, references: Sequence[Sequence[str]], hypotheses: Sequence[str]) -> Statistics:
        """Per-study sufficient statistics (n, s); `references[i]` holds one or more references of study i."""
        ...

    def per_study(self, statistics: Statistics) -> NDArray[np.float64]:
        """Each study's own value (n, m)."""
        ...

    def aggregate(self, statistics: Statistics, multiplicities: NDArray[np.float64]) -> NDArray[np.float64]:
        """Corpus values (r, m) where study i counts `multiplicities[:, i]` times; all ones give the corpus value."""
        ...
