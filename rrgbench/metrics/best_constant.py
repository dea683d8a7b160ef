"""The best constant report: the value that one report, written for every study, can reach.

A metric that a constant wins says nothing about reading films, so its value stands beside every corpus value. For a
constant, sums over studies are sums over n-grams: how often a candidate's n-gram is matched depends on the candidate's
count alone, and a table of those sums, made once, gives BLEU and CIDEr of all candidates exactly. ROUGE-L's F is linear
in the length of the common subsequence, which is at most the number of shared words; that bound, summed in the same
way, tells which candidates' subsequences are worth finding. METEOR has no such sum: the candidates are ranked by
matched words and word pairs, the first of them scored on some references, the best of those on all.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from rrgbench.errors import InputError
from rrgbench.metrics.bleu import Bleu
from rrgbench.metrics.cider import SCALE, SIGMA, undefined_reason
from rrgbench.metrics.clinical_efficacy import ClinicalEfficacy, Known, Labels
from rrgbench.metrics.ngrams import LONGEST, DocumentNgrams, check_pairs, document_ngrams
from rrgbench.metrics.rouge import BETA

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_MOST_SUBSEQUENCES: Final = 600
"""Candidates whose subsequences ROUGE-L finds at the most, those of the highest bound first."""

_TRIED: Final = 8
_TRIED_ON: Final = 80
"""Candidates that METEOR scores, and on how many references, before one is scored on all."""


@dataclass(frozen=True)
class BestConstant:
    """The best candidate under one metric.

    Attributes
    ----------
    candidate : int
        Its row among the candidates; of equally good ones the first.
    value : float
        The corpus value if it is written for every study.
    exact : bool
        Whether no other candidate is better for certain; False where the best was searched for (METEOR, and ROUGE-L
        where its bound leaves too many): then the best constant is this good or better.
    """

    candidate: int
    value: float
    exact: bool = True


def best_constant_reports(
    references: Sequence[Sequence[str]], candidates: Sequence[str], keys: Sequence[str]
) -> dict[str, BestConstant]:
    """The best of some candidates under each text metric.

    Parameters
    ----------
    references : sequence of n sequences of str
        One or more references of each study, tokenized as they are scored.
    candidates : sequence of str
        Reports that may be written for all studies, tokenized alike.
    keys : sequence of str
        Of `bleu_1` to `bleu_4`, `meteor`, `rouge_l`, `cider`; other keys are left out of the answer.

    Returns
    -------
    dict of str to BestConstant
        CIDEr is left out where it is undefined.

    Raises
    ------
    InputError
        If there is no candidate or no reference.
    """
    if not len(candidates):
        raise InputError("there is no candidate for a constant report; give the training reports or the references")
    check_pairs(references, [""] * len(references))
    pool = _Pool(references, candidates)
    found: dict[str, BestConstant] = {}
    if any(key in Bleu.keys for key in keys):
        found |= {key: _best(values) for key, values in zip(Bleu.keys, pool.bleu().T, strict=True) if key in keys}
    if "rouge_l" in keys:
        found["rouge_l"] = pool.rouge_l()
    if "cider" in keys and not undefined_reason(len(references)):
        found["cider"] = _best(pool.cider())
    if "meteor" in keys:
        found["meteor"] = pool.meteor()
    return {key: BestConstant(pool.row[best.candidate], best.value, best.exact) for key, best in found.items()}


def best_constant_labels(
    metric: ClinicalEfficacy, references: Labels, candidates: Labels, known: Known | None = None
) -> dict[str, BestConstant]:
    """The best of some candidates' labels (c, 14) under clinical efficacy, written for n studies with labels (n, 14).

    All reports with the same labels are as good as each other; the first stands for them.
    """
    distinct, first = np.unique(candidates, axis=0, return_index=True)
    ones = np.ones((1, len(references)))
    values = np.stack(
        [
            metric.aggregate(metric.statistics(references, np.broadcast_to(row, references.shape), known), ones)[0]
            for row in distinct
        ]
    )
    best = values.max(axis=0)
    rows = [int(first[values[:, column] == best[column]].min()) for column in range(values.shape[1])]
    return {key: BestConstant(row, float(value)) for key, row, value in zip(metric.keys, rows, best, strict=True)}


def _best(values: Floats) -> BestConstant:
    return BestConstant(int(values.argmax()), float(values.max()))


class _Pool:
    """Distinct references with how often each occurs, and distinct candidates, counted together."""

    def __init__(self, references: Sequence[Sequence[str]], candidates: Sequence[str]) -> None:
        studies: dict[tuple[str, ...], int] = {}
        for study in references:
            studies[tuple(study)] = studies.get(tuple(study), 0) + 1
        rows: dict[str, int] = {}
        for row, candidate in enumerate(candidates):
            rows.setdefault(candidate, row)
        self.row, self.candidates = list(rows.values()), list(rows)
        self.references = list(studies)
        self.times = np.array(list(studies.values()), dtype=np.float64)
        self.studies = len(references)
        self.study = np.repeat(np.arange(len(studies)), [len(study) for study in studies])
        self.texts = [text for study in studies for text in study]
        self.lengths, self.orders = document_ngrams([*self.texts, *self.candidates])

    @property
    def single(self) -> bool:
        """Whether each study has one reference."""
        return len(self.texts) == len(self.references)

    @property
    def reference_length(self) -> Ints:
        return self.lengths[: len(self.texts)]

    @property
    def candidate_length(self) -> Ints:
        return self.lengths[len(self.texts) :]

    def split(self, order: DocumentNgrams) -> tuple[DocumentNgrams, DocumentNgrams]:
        """The references' rows, and the candidates'."""
        at = int(np.searchsorted(order.document, len(self.texts)))
        return order.rows(slice(0, at)), order.rows(slice(at, None), len(self.texts))

    def of_studies(self, side: DocumentNgrams) -> DocumentNgrams:
        """The rows of studies: of several references the largest count of each n-gram."""
        if self.single:
            return side
        keys, row = np.unique(self.study[side.document] * side.distinct + side.gram, return_inverse=True)
        count = np.zeros(len(keys), dtype=np.int64)
        np.maximum.at(count, row, side.count)
        return DocumentNgrams(side.distinct, *np.divmod(keys, side.distinct), count)

    @cached_property
    def matches(self) -> list[Floats]:
        """Clipped matches of each candidate (c,) in each order, summed over all studies."""
        found = []
        for order, shared in zip(self.orders, self.shared, strict=True):
            references, candidates = self.split(order)
            study = self.of_studies(references)
            sums = shared if self.single else _ClippedSums(study, candidates, len(self.candidates))
            found.append(sums.of(self.times[study.document]))
        return found

    @cached_property
    def shared(self) -> list["_ClippedSums"]:
        """Sums over the references' own rows, in each order."""
        return [_ClippedSums(*self.split(order), len(self.candidates)) for order in self.orders]

    def bleu(self) -> Floats:
        """BLEU of each candidate (c, 4)."""
        closest = (
            np.full(len(self.candidates), self.reference_length @ self.times)
            if self.single
            else _closest_lengths(self.reference_length, self.study, self.candidate_length) @ self.times
        )
        columns = [self.studies * self.candidate_length, closest]
        columns += self.matches
        columns += [self.studies * np.maximum(self.candidate_length - order, 0) for order in range(LONGEST)]
        return Bleu().per_study(np.stack(columns, axis=1).astype(np.float64))

    def cider(self) -> Floats:
        """CIDEr of each candidate (c,)."""
        several = np.bincount(self.study, minlength=len(self.references))
        weight = (self.times / several)[self.study] / self.studies
        shared: list[tuple[_ClippedSums, Ints, Floats, Floats]] = []
        for order, sums in zip(self.orders, self.shared, strict=True):
            references, candidates = self.split(order)
            study = self.of_studies(references)
            frequency = np.bincount(study.gram, weights=self.times[study.document], minlength=order.distinct)
            squared = (np.log(self.studies) - np.log(np.maximum(frequency, 1.0))) ** 2
            norms = [
                np.sqrt(np.bincount(side.document, side.count**2 * squared[side.gram], minlength=size))
                for side, size in ((references, len(self.texts)), (candidates, len(self.candidates)))
            ]
            inverse = [np.divide(1.0, norm, out=np.zeros_like(norm), where=norm > 0) for norm in norms]
            own = weight[references.document] * inverse[0][references.document] * references.count
            shared.append((sums, references.document, own * squared[references.gram], inverse[1]))
        bigrams = [np.maximum(length - 1, 0) for length in (self.reference_length, self.candidate_length)]
        values = np.full(len(self.candidates), -np.inf)
        # Without the penalty for length: an upper bound, by which the lengths are looked at.
        bound = np.zeros(len(values))
        for sums, _, own, norm in shared:
            bound += sums.of(own) * norm
        groups = [np.flatnonzero(bigrams[1] == length) for length in np.unique(bigrams[1])]
        for group in sorted(groups, key=lambda rows: -bound[rows].max()):
            if bound[group].max() < values.max():
                break
            penalty = np.exp(-((bigrams[1][group[0]] - bigrams[0]).astype(np.float64) ** 2) / (2.0 * SIGMA**2))
            total = np.zeros(len(group))
            for sums, document, own, norm in shared:
                total += sums.of(own * penalty[document], group) * norm[group]
            values[group] = total
        return np.asarray(SCALE * values / LONGEST)

    def rouge_l(self) -> BestConstant:
        """The best under ROUGE-L; single spaces separate words there, so that words are counted anew."""
        lists = [[text.split(" ") for text in side] for side in (self.texts, self.candidates)]
        numbers = {word: f"w{number}" for number, word in enumerate({w for side in lists for t in side for w in t})}
        lengths, orders = document_ngrams(
            [" ".join(numbers[word] for word in words) for side in lists for words in side]
        )
        references, candidates = self.split(orders[0])
        own, other = lengths[: len(self.texts)], lengths[len(self.texts) :]
        weight = self.times[self.study] / self.studies
        bound = np.zeros(len(other))
        sums = _ClippedSums(references, candidates, len(other))
        for length in np.unique(other):
            group = np.flatnonzero(other == length)
            scale = weight * (1.0 + BETA**2) / (length + BETA**2 * own)
            bound[group] = sums.of(scale[references.document], group)
        pattern = _Subsequences(lists[0])
        best, exact = BestConstant(-1, -1.0), False
        order = np.argsort(-bound, kind="stable").tolist()
        for row in order[:_MOST_SUBSEQUENCES]:
            # Bounds and values are sums of the same size in another order; of several references there is no bound.
            if bound[row] < best.value - 1e-9 and self.single:
                exact = True
                break
            common = pattern.lengths(lists[1][row]).astype(np.float64)
            precision, recall = (
                np.maximum.reduceat(common / size, np.searchsorted(self.study, np.arange(len(self.references))))
                for size in (other[row], own)
            )
            low = recall + BETA**2 * precision
            f = np.divide((1.0 + BETA**2) * precision * recall, low, out=np.zeros_like(low), where=low > 0)
            value = float(f @ self.times / self.studies)
            if value > best.value:
                best = BestConstant(row, value)
        return BestConstant(best.candidate, best.value, exact or len(order) <= _MOST_SUBSEQUENCES)

    def meteor(self) -> BestConstant:
        """A good candidate under METEOR, and its value."""
        from rrgbench.metrics.meteor import Meteor, scoring

        unigrams, bigrams = self.matches[:2]
        words = float(
            self.times
            @ np.maximum.reduceat(self.reference_length, np.searchsorted(self.study, np.arange(len(self.references))))
        )
        precision = unigrams / np.maximum(self.studies * self.candidate_length, 1)
        recall = unigrams / max(words, 1.0)
        low = scoring.ALPHA * precision + (1.0 - scoring.ALPHA) * recall
        mean = np.divide(precision * recall, low, out=np.zeros_like(low), where=low > 0)
        fragments = np.divide(unigrams - bigrams, unigrams, out=np.zeros_like(low), where=unigrams > 0)
        likely = np.argsort(-mean * (1.0 - scoring.GAMMA * np.maximum(fragments, 0.0) ** scoring.BETA), kind="stable")[
            :_TRIED
        ]
        metric = Meteor()

        def values(rows: Ints, candidates: Ints) -> Floats:
            texts = [self.candidates[candidate] for candidate in candidates]
            given = [list(self.references[row]) for row in rows]
            statistics = metric.statistics(given * len(texts), [text for text in texts for _ in given])
            times = np.kron(np.eye(len(texts)), self.times[rows]).astype(np.float64)
            return metric.aggregate(statistics, times)[:, 0]

        everywhere = np.arange(len(self.references))
        some = np.unique(np.linspace(0, len(everywhere) - 1, _TRIED_ON).astype(np.int64))
        best = likely[[int(values(some, likely).argmax())]]
        return BestConstant(int(best[0]), float(values(everywhere, best)[0]), exact=False)


class _ClippedSums:
    """For candidates c, sums over references r and n-grams g of weight[r, g] min(count_c[g], count_r[g]).

    min(c, r) counts the j from 1 to c that are at most r, so that a sum over references is needed for each (g, j) only.

    Parameters
    ----------
    references, candidates : DocumentNgrams
        One order of n-grams; rows of both are sorted by document.
    size : int
        How many candidates there are.
    """

    def __init__(self, references: DocumentNgrams, candidates: DocumentNgrams, size: int) -> None:
        most = int(max(references.count.max(initial=0), candidates.count.max(initial=0))) + 1
        self._row, step = _steps(references.count)
        keys, self._place = np.unique(references.gram[self._row] * most + step, return_inverse=True)
        self._keys = len(keys)
        row, step = _steps(candidates.count)
        wanted = candidates.gram[row] * most + step
        at = np.searchsorted(keys, wanted)
        hit = np.flatnonzero(keys[np.minimum(at, self._keys - 1)] == wanted) if self._keys else np.empty(0, np.int64)
        self._at = at[hit]
        self._offsets = np.searchsorted(candidates.document[row[hit]], np.arange(size + 1))

    def of(self, weight: Floats, group: Ints | None = None) -> Floats:
        """Sums of some candidates, or of all, for the weight of each row of the references."""
        table = np.bincount(self._place, weights=weight[self._row], minlength=self._keys)
        low, high = self._offsets[:-1], self._offsets[1:]
        if group is not None:
            low, high = low[group], high[group]
        row, step = _steps(high - low)
        return np.bincount(row, weights=table[self._at[low[row] + step - 1]], minlength=len(low)).astype(np.float64)


def _steps(counts: Ints) -> tuple[Ints, Ints]:
    """Rows and 1 .. count of each of them."""
    row = np.repeat(np.arange(len(counts)), counts)
    return row, np.arange(len(row)) - np.repeat(np.cumsum(counts) - counts, counts) + 1


def _closest_lengths(references: Ints, study: Ints, candidates: Ints) -> Floats:
    """BLEU's effective reference length of each study for each candidate (c, s)."""
    firsts = np.searchsorted(study, np.arange(int(study[-1]) + 1))
    found = np.empty((len(candidates), len(firsts)))
    for length in np.unique(candidates):
        # The closest, of two equally close the shorter.
        order = np.lexsort((references, np.abs(references - length), study))
        found[candidates == length] = references[order[firsts]]
    return found


class _Subsequences:
    """Longest common subsequences of one text with many, bit-parallel over all of them at once.

    The columns of all dynamic programmes stand in one integer (see `rrgbench.metrics.rouge`), a guard bit after each
    that takes up the carry.
    """

    def __init__(self, texts: Sequence[Sequence[str]]) -> None:
        self._starts = np.cumsum([0, *(len(words) + 1 for words in texts)])
        places: dict[str, list[int]] = {}
        for start, words in zip(self._starts.tolist(), texts, strict=False):
            for at, word in enumerate(words):
                places.setdefault(word, []).append(start + at)
        size = int(self._starts[-1])
        self._bytes = -(-size // 8)
        self._places = {word: self._integer(positions) for word, positions in places.items()}
        guards = np.zeros(size, dtype=np.bool_)
        guards[self._starts[1:] - 1] = True
        self._mask = self._integer(np.flatnonzero(~guards).tolist())

    def _integer(self, positions: list[int]) -> int:
        bits = np.zeros(8 * self._bytes, dtype=np.uint8)
        bits[positions] = 1
        return int.from_bytes(np.packbits(bits, bitorder="little").tobytes(), "little")

    def lengths(self, words: Sequence[str]) -> Ints:
        """Length of the longest common subsequence with each text."""
        column = self._mask
        for word in words:
            places = self._places.get(word)
            if places is not None:
                matches = column & places
                column = ((column + matches) | (column - matches)) & self._mask
        raw = np.frombuffer((column ^ self._mask).to_bytes(self._bytes, "little"), dtype=np.uint8)
        ones = np.unpackbits(raw, bitorder="little", count=int(self._starts[-1]))
        return np.add.reduceat(ones, self._starts[:-1], dtype=np.int64)
