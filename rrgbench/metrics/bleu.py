"""BLEU-1 to BLEU-4 (Papineni et al., ACL 2002), the values pycocoevalcap gives.

Parity fixes three choices: the effective reference length is the one closest to the hypothesis's (the shorter of two
equally close), counts are clipped by the largest count in any reference, and 1e-15 is added to matches and 1e-9 to
totals instead of smoothing, so that an empty hypothesis scores (almost) zero rather than dividing by zero.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rrgbench.metrics.base import Statistics
from rrgbench.metrics.ngrams import LONGEST, Block, NgramCounts, NgramTable, ngram_table

_TINY = 1e-15
_SMALL = 1e-9


class Bleu:
    """Corpus BLEU of orders 1 to 4.

    Statistics per study (10 columns): hypothesis length, effective reference length, clipped matches of orders 1 to 4,
    n-grams in the hypothesis of orders 1 to 4. Corpus values are computed from their sums, so BLEU is not a mean over
    studies.

    Examples
    --------
    >>> bleu = Bleu()
    >>> rows = bleu.statistics([["the heart is normal ."]], ["the heart is large ."])
    >>> bleu.per_study(rows).round(4).tolist()
    [[0.8, 0.6325, 0.5109, 0.0001]]
    """

    keys: tuple[str, ...] = ("bleu_1", "bleu_2", "bleu_3", "bleu_4")

    def statistics(self, references: Sequence[Sequence[str]], hypotheses: Sequence[str]) -> Statistics:
        """Sufficient statistics (n, 10) of n studies.

        Raises
        ------
        InputError
            If the lists don't belong together.
        """
        return self.table_statistics(ngram_table(references, hypotheses))

    def table_statistics(self, table: NgramTable) -> Statistics:
        """Sufficient statistics (n, 10) from n-gram counts that another metric shares."""
        rows = np.empty((table.studies, 2 + 2 * LONGEST))
        rows[:, 0], rows[:, 1] = table.hypothesis_length, _closest_length(table)
        for block in table.blocks():
            for order, counts in enumerate(block.orders):
                rows[block.studies, 2 + order] = _clipped_matches(counts, block)
        for order in range(LONGEST):
            rows[:, 2 + LONGEST + order] = np.maximum(table.hypothesis_length - order, 0)
        return rows

    def per_study(self, statistics: Statistics) -> NDArray[np.float64]:
        """Sentence BLEU (n, 4) of each study, range 0 to 1."""
        return _bleu(statistics)

    def aggregate(self, statistics: Statistics, multiplicities: NDArray[np.float64]) -> NDArray[np.float64]:
        """Corpus BLEU (r, 4) where study i counts `multiplicities[:, i]` times."""
        return _bleu(multiplicities @ statistics)


def _closest_length(table: NgramTable) -> NDArray[np.int64]:
    difference = np.abs(table.reference_length - table.hypothesis_length[table.reference_study])
    order = np.lexsort((table.reference_length, difference, table.reference_study))
    _, first = np.unique(table.reference_study[order], return_index=True)
    return table.reference_length[order[first]]


def _clipped_matches(counts: NgramCounts, block: Block) -> NDArray[np.float64]:
    """How many n-grams each study's hypothesis shares with its references."""
    study = block.reference_study[counts.reference_document]
    shared = np.minimum(counts.reference_count, counts.matched_count)
    if len(block.reference_study) > block.studies.stop - block.studies.start and len(study):
        # min(h, max over references of r) is the maximum over references of min(h, r).
        new = np.ones(len(study), dtype=np.bool_)
        new[1:] = (study[1:] != study[:-1]) | (counts.reference_gram[1:] != counts.reference_gram[:-1])
        first = np.flatnonzero(new)
        study, shared = study[first], np.maximum.reduceat(shared, first)
    return np.bincount(study, weights=shared, minlength=block.studies.stop - block.studies.start).astype(np.float64)


def _bleu(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    hypothesis, reference = sums[:, 0], sums[:, 1]
    matches, totals = sums[:, 2 : 2 + LONGEST], sums[:, 2 + LONGEST :]
    product = np.cumprod((matches + _TINY) / (totals + _SMALL), axis=1)
    mean = product ** (1.0 / np.arange(1, LONGEST + 1))
    ratio = (hypothesis + _TINY) / (reference + _SMALL)
    penalty = np.exp(np.minimum(1.0 - 1.0 / ratio, 0.0))
    return np.asarray(mean * penalty[:, None], dtype=np.float64)
