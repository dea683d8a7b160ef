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
from rrgbench.metrics.ngrams import NgramTable, ngram_table

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
        """CIDEr of each study, with the document frequencies of the studies from `first` on."""
        counted = table.studies - first
        if undefined_reason(counted):
            return np.full((table.studies, 1), np.nan)
        rows = len(table.reference_study)
        similarity = np.zeros(rows)
        for counts in table.orders:
            study = table.reference_study[counts.reference_document]
            known = slice(int(np.searchsorted(study, first)), None)
            frequency = _document_frequency(
                study[known], counts.reference_gram[known], counts.distinct, rows > table.studies
            )
            weight = np.log(counted) - np.log(np.maximum(frequency, 1.0))
            squared = weight**2
            reference_norm = np.sqrt(
                _sums(counts.reference_document, counts.reference_count**2 * squared[counts.reference_gram], rows)
            )
            hypothesis_norm = np.sqrt(
                _sums(
                    counts.hypothesis_document,
                    counts.hypothesis_count**2 * squared[counts.hypothesis_gram],
                    table.studies,
                )
            )
            clipped = np.minimum(counts.reference_count, counts.matched_count) * counts.reference_count
            shared = _sums(counts.reference_document, clipped * squared[counts.reference_gram], rows)
            norms = reference_norm * hypothesis_norm[table.reference_study]
            # Where a norm is zero all weights on that side are zero, and so is `shared`.
            similarity += np.divide(shared, norms, out=np.zeros_like(shared), where=norms > 0.0)
        bigrams_reference = np.maximum(table.reference_length - 1, 0)
        bigrams_hypothesis = np.maximum(table.hypothesis_length - 1, 0)
        difference = bigrams_hypothesis[table.reference_study] - bigrams_reference
        similarity *= np.exp(-(difference.astype(np.float64) ** 2) / (2.0 * SIGMA**2)) / len(table.orders)
        references_of = np.bincount(table.reference_study, minlength=table.studies)
        sums = np.bincount(table.reference_study, weights=similarity, minlength=table.studies)
        return np.asarray(SCALE * sums / references_of)[:, None]

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


def _sums(group: NDArray[np.int64], weights: NDArray[np.float64], groups: int) -> NDArray[np.float64]:
    # bincount answers in integers where there is nothing to sum.
    return np.bincount(group, weights=weights, minlength=groups).astype(np.float64)


def _document_frequency(
    study: NDArray[np.int64], gram: NDArray[np.int64], distinct: int, several: bool
) -> NDArray[np.float64]:
    """In how many studies some reference has each n-gram (distinct,)."""
    if several:
        # A study counts once however many of its references have the n-gram.
        gram = np.unique(study * distinct + gram) % distinct
    return np.bincount(gram, minlength=distinct).astype(np.float64)
