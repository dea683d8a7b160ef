"""Sums over references of n-grams that they share with each of many candidates."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rrgbench.metrics.ngrams import DocumentNgrams, Integers, WholeNumbers

Floats = NDArray[np.float64]


class ClippedSums:
    """For candidates c, sums over references r and n-grams g of weight[r, g] min(count_c[g], count_r[g]).

    min(c, r) counts the j from 1 to c that are at most r, so that a sum over references is needed for each (g, j) only,
    and all candidates read the same sums.

    Parameters
    ----------
    references, candidates : DocumentNgrams
        One order of n-grams; rows of both are sorted by document.
    size : int
        How many candidates there are.
    """

    def __init__(self, references: DocumentNgrams, candidates: DocumentNgrams, size: int) -> None:
        most = np.zeros(references.distinct, dtype=np.int64)
        np.maximum.at(most, references.gram, references.count)
        first = np.cumsum(most) - most
        self._places = int(most.sum())
        self._row, step = steps(references.count)
        self._place = first[references.gram[self._row]] + step - 1
        row, step = steps(np.minimum(candidates.count, most[candidates.gram]))
        self._at = first[candidates.gram[row]] + step - 1
        self._offsets = np.searchsorted(candidates.document[row], np.arange(size + 1))

    def of(self, weight: Floats, group: Integers | None = None) -> Floats:
        """Sums of some candidates, or of all, for the weight of each row of the references."""
        table = np.bincount(self._place, weights=weight[self._row], minlength=self._places)
        low, high = self._offsets[:-1], self._offsets[1:]
        if group is not None:
            low, high = low[group], high[group]
        row, step = steps(high - low)
        return np.bincount(row, weights=table[self._at[low[row] + step - 1]], minlength=len(low)).astype(np.float64)


def taken(documents: DocumentNgrams, chosen: Integers) -> DocumentNgrams:
    """The rows of chosen documents, numbered anew in the order given."""
    last = int(documents.document[-1]) + 1 if len(documents.document) else 0
    offsets = np.searchsorted(documents.document, np.arange(max(last, int(chosen.max(initial=-1)) + 1) + 1))
    low = offsets[chosen]
    row, step = steps(offsets[chosen + 1] - low)
    index = low[row] + step - 1
    return DocumentNgrams(documents.distinct, row, documents.gram[index], documents.count[index], documents.keys)


def steps(counts: WholeNumbers) -> tuple[Integers, Integers]:
    """Rows, each as often as its count says, and 1 .. count of each of them."""
    row = np.repeat(np.arange(len(counts)), counts)
    return row, np.arange(len(row)) - np.repeat(np.cumsum(counts) - counts, counts) + 1


def groups_by_length(lengths: Integers, most: int = 16) -> Sequence[tuple[Integers, int, int]]:
    """Candidates in at most so many groups of similar length: their rows, the shortest and the longest length."""
    distinct = np.unique(lengths)
    found = []
    for part in np.array_split(distinct, min(most, len(distinct))):
        rows = np.flatnonzero((lengths >= part[0]) & (lengths <= part[-1]))
        found.append((rows, int(part[0]), int(part[-1])))
    return found
