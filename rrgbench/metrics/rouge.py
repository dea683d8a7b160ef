"""ROUGE-L (Lin, 2004), the value pycocoevalcap gives.

Parity fixes three choices: beta is 1.2, the best precision and the best recall are taken over references separately,
and text is split at single spaces, so that two adjacent spaces make an empty word.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rrgbench.metrics.base import Statistics
from rrgbench.metrics.means import weighted_mean
from rrgbench.metrics.ngrams import check_pairs

try:
    from rrgbench.metrics._subsequence import length as compiled
except ImportError:
    compiled = None  # type: ignore[assignment]

BETA = 1.2


class RougeL:
    """F-measure of the longest common subsequence of words; the corpus value is the mean over studies.

    Examples
    --------
    >>> rouge = RougeL()
    >>> rouge.statistics([["the heart is normal ."]], ["the heart is large ."]).round(4).tolist()
    [[0.8]]
    """

    keys: tuple[str, ...] = ("rouge_l",)

    def statistics(self, references: Sequence[Sequence[str]], hypotheses: Sequence[str]) -> Statistics:
        """ROUGE-L of each study (n, 1), range 0 to 1.

        Raises
        ------
        InputError
            If the lists don't belong together.
        """
        check_pairs(references, hypotheses)
        scores = [_rouge_l(study, hypothesis) for study, hypothesis in zip(references, hypotheses, strict=True)]
        return np.array(scores, dtype=np.float64)[:, None]

    def per_study(self, statistics: Statistics) -> NDArray[np.float64]:
        """Each study's own value (n, 1)."""
        return statistics

    def aggregate(self, statistics: Statistics, multiplicities: NDArray[np.float64]) -> NDArray[np.float64]:
        """Means (r, 1) where study i counts `multiplicities[:, i]` times."""
        return weighted_mean(statistics, multiplicities)


def longest_common_subsequence(first: list[str], second: list[str]) -> int:
    """Length of the longest common subsequence; in C (`_subsequence.c`), or in Python where no compiler was there."""
    return in_python(first, second) if compiled is None else compiled(first, second)


def in_python(first: list[str], second: list[str]) -> int:
    """Length of the longest common subsequence, bit-parallel.

    One column of the dynamic programme is a bit vector held in a Python integer; one word of `second` costs a handful
    of big-integer operations (Hyyro, 2004, "Bit-parallel LCS-length computation revisited").
    """
    positions: dict[str, int] = {}
    bit = 1
    for word in first:
        positions[word] = positions.get(word, 0) | bit
        bit <<= 1
    mask = bit - 1
    column = mask
    for word in second:
        places = positions.get(word)
        if places is not None:
            matches = column & places
            column = ((column + matches) | (column - matches)) & mask
    return len(first) - column.bit_count()


def _rouge_l(references: Sequence[str], hypothesis: str) -> float:
    words = hypothesis.split(" ")
    precision = recall = 0.0
    for reference in references:
        expected = reference.split(" ")
        common = longest_common_subsequence(expected, words)
        precision = max(precision, common / len(words))
        recall = max(recall, common / len(expected))
    if precision == 0.0 or recall == 0.0:
        return 0.0
    return (1.0 + BETA**2) * precision * recall / (recall + BETA**2 * precision)
