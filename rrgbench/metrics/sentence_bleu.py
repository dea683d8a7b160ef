"""Mean over reports of sentence BLEU, as NLTK and fast_bleu compute it with NLTK's smoothing method 1.

ReXrank prints the one of order 2. Unlike `rrgbench.metrics.bleu`, whose corpus value is a function of sums, this is a
mean of each report's own value, and the two differ by several points on the same reports.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rrgbench.metrics.base import Statistics
from rrgbench.metrics.bleu import Bleu
from rrgbench.metrics.means import weighted_mean
from rrgbench.metrics.ngrams import LONGEST, NgramTable, ngram_table


class SentenceBleu:
    """Means of sentence BLEU of orders 1 to 4 with equal weights.

    Parameters
    ----------
    smoothing : float
        Matches that an order above the first takes where a report has none; 0 makes that report 0. Without a matched
        word a report is 0 in any case.

    Examples
    --------
    >>> metric = SentenceBleu()
    >>> metric.statistics([["the heart is normal"]], ["the lungs are normal"]).round(4).tolist()
    [[0.5, 0.1291, 0.0941, 0.0955]]
    """

    keys: tuple[str, ...] = tuple(f"bleu_{order}_mean" for order in range(1, LONGEST + 1))

    def __init__(self, smoothing: float = 0.1) -> None:
        self.smoothing = smoothing

    def statistics(self, references: Sequence[Sequence[str]], hypotheses: Sequence[str]) -> Statistics:
        """Sentence BLEU (n, 4) of each study, range 0 to 1.

        Raises
        ------
        InputError
            If the lists don't belong together.
        """
        return self.table_statistics(ngram_table(references, hypotheses))

    def table_statistics(self, table: NgramTable) -> Statistics:
        """Sentence BLEU (n, 4) from n-gram counts that another metric shares."""
        return self.of_counts(Bleu().table_statistics(table))

    def of_counts(self, counts: Statistics) -> Statistics:
        """Sentence BLEU (n, 4) from BLEU's statistics (n, 10)."""
        hypothesis, reference = counts[:, 0], counts[:, 1]
        matches, totals = counts[:, 2 : 2 + LONGEST], np.maximum(counts[:, 2 + LONGEST :], 1.0)
        precision = np.where(matches > 0, matches, self.smoothing) / totals
        possible = np.where(precision > 0, precision, 1.0)
        mean = np.exp(np.cumsum(np.log(possible), axis=1) / np.arange(1, LONGEST + 1))
        nothing = (matches[:, :1] == 0) | (np.cumsum(precision == 0, axis=1) > 0)
        short = (hypothesis > 0) & (hypothesis <= reference)
        ratio = np.divide(reference, hypothesis, out=np.ones_like(reference), where=short)
        return np.where(nothing, 0.0, mean * np.exp(1.0 - ratio)[:, None])

    def per_study(self, statistics: Statistics) -> NDArray[np.float64]:
        """Each study's own value (n, 4)."""
        return statistics

    def aggregate(self, statistics: Statistics, multiplicities: NDArray[np.float64]) -> NDArray[np.float64]:
        """Means (r, 4) where study i counts `multiplicities[:, i]` times."""
        return weighted_mean(statistics, multiplicities)
