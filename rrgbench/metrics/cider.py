"""CIDEr (Vedantam et al., CVPR 2015), the value pycocoevalcap gives.

What pycocoevalcap calls CIDEr is the paper's CIDEr-D without its stemming: counts of the hypothesis are clipped by the
reference's, a Gaussian penalty (sigma 6) punishes a difference in length, and the result is multiplied by 10. That
length counts the text's bigrams, not its words. Document frequencies come from the references being scored, or from
other reports that are given; under the bootstrap they stay those of the whole corpus, so an interval speaks about which
studies were drawn, not about re-estimated weights.

With one study every n-gram has document frequency one of one and hence weight zero: pycocoevalcap answers 0 whatever
the text. We call that undefined: the value is NaN and `undefined_reason` says why.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rrgbench.metrics.base import Statistics
from rrgbench.metrics.means import weighted_mean
from rrgbench.metrics.ngrams import Block, DocumentFrequency, NgramTable, ngram_table

SIGMA = 6.0
SCALE = 10.0


class Cider:
    """Consensus with the references: cosine of tf-idf weighted n-grams of one to four words, times 10.

    Parameters
    ----------
    frequency_reports : sequence of str
        Reports that document frequencies come from; the references scored if there are none.

    Examples
    --------
    >>> cider = Cider()
    >>> same = ["the heart is normal .", "no effusion is seen ."]
    >>> cider.statistics([[text] for text in same], same).round(4).tolist()
    [[10.0], [10.0]]
    """

    keys: tuple[str, ...] = ("cider",)

    def __init__(self, frequency_reports: Sequence[str] = ()) -> None:
        self.frequency_reports = frequency_reports

    def statistics(self, references: Sequence[Sequence[str]], hypotheses: Sequence[str]) -> Statistics:
        """CIDEr of each study (n, 1), range 0 to 10; NaN where there is only one study (`undefined_reason`).

        Raises
        ------
        InputError
            If the lists don't belong together.
        """
        others = self.frequency_reports
        if not others:
            return self.table_statistics(ngram_table(references, hypotheses))
        # studies without a hypothesis behind those scored, from which frequencies are taken
        table = ngram_table([*references, *([report] for report in others)], [*hypotheses, *([""] * len(others))])
        return self._statistics(table, len(hypotheses))[: len(hypotheses)]

    def table_statistics(self, table: NgramTable) -> Statistics:
        """CIDEr of each study (n, 1) from n-gram counts that another metric shares, its own references' frequencies."""
        return self._statistics(table, 0)

    def _statistics(self, table: NgramTable, first: int) -> Statistics:
        """CIDEr of each study, or of those before `first`, with the document frequencies of the studies from it on."""
        counted = table.studies - first
        if undefined_reason(counted):
            return np.full((table.studies, 1), np.nan)
        frequencies = table.document_frequencies(first)
        out = np.zeros((table.studies, 1))
        for block in table.blocks():
            if block.studies.start < first or not first:
                out[block.studies, 0] = _of_block(table, block, frequencies, counted)
        return out

    def per_study(self, statistics: Statistics) -> NDArray[np.float64]:
        """Each study's own value (n, 1)."""
        return statistics

    def aggregate(self, statistics: Statistics, multiplicities: NDArray[np.float64]) -> NDArray[np.float64]:
        """Means (r, 1) where study i counts `multiplicities[:, i]` times; document frequencies stay fixed."""
        return weighted_mean(statistics, multiplicities)


def undefined_reason(studies: int) -> str:
    """Why CIDEr has no value for so many studies; empty where it has one."""
    if studies > 1:
        return ""
    return "CIDEr takes document frequencies from the references scored, and one study gives every n-gram weight zero"


def _of_block(
    table: NgramTable, block: Block, frequencies: Sequence[DocumentFrequency], counted: int
) -> NDArray[np.float64]:
    """CIDEr of the studies of a block, with the frequencies of n-grams in so many studies."""
    lengths = table.reference_length[block.references], table.hypothesis_length[block.studies]
    rows, studies = (len(side) for side in lengths)
    similarity = np.zeros(rows)
    for counts, frequency in zip(block.orders, frequencies, strict=True):
        squared = (np.log(counted) - np.log(np.maximum(frequency.of(counts), 1.0))) ** 2
        by_reference = squared[counts.reference_gram]
        reference_norm = np.sqrt(_sums(counts.reference_document, counts.reference_count**2 * by_reference, rows))
        hypothesis_norm = np.sqrt(
            _sums(counts.hypothesis_document, counts.hypothesis_count**2 * squared[counts.hypothesis_gram], studies)
        )
        clipped = np.minimum(counts.reference_count, counts.matched_count) * counts.reference_count
        shared = _sums(counts.reference_document, clipped * by_reference, rows)
        norms = reference_norm * hypothesis_norm[block.reference_study]
        # Where a norm is zero all weights on that side are zero, and so is `shared`.
        similarity += np.divide(shared, norms, out=np.zeros_like(shared), where=norms > 0.0)
    bigrams_reference, bigrams_hypothesis = (np.maximum(side - 1, 0) for side in lengths)
    difference = bigrams_hypothesis[block.reference_study] - bigrams_reference
    similarity *= np.exp(-(difference.astype(np.float64) ** 2) / (2.0 * SIGMA**2)) / len(block.orders)
    references_of = np.bincount(block.reference_study, minlength=studies)
    sums = np.bincount(block.reference_study, weights=similarity, minlength=studies)
    return np.asarray(SCALE * sums / references_of)


def _sums(group: NDArray[np.int64], weights: NDArray[np.float64], groups: int) -> NDArray[np.float64]:
    # bincount answers in integers where there is nothing to sum.
    return np.bincount(group, weights=weights, minlength=groups).astype(np.float64)
