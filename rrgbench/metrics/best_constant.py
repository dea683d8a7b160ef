"""The best constant report: the value that one report, written for every study, can reach.

A metric that a constant wins says nothing about reading films, so its value stands beside every corpus value. For a
constant, sums over studies are sums over n-grams (`rrgbench.metrics.clipped_sums`), which gives BLEU of all candidates
exactly, and CIDEr of all candidates of one length; an upper bound over lengths tells which lengths are worth it.
ROUGE-L's F is linear in the length of the common subsequence, which is at most the number of shared words, and the mean
of sentence BLEU is at most the geometric mean of its orders' means (Hoelder): the candidates of the highest bounds are
scored, all of them where that takes little, and the bound tells whether a better one can be left. METEOR has no such
bound: the candidates are ranked by matched words and word pairs, the first of them scored on some references, the best
of those on all.
"""

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import count
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from rrgbench.errors import InputError
from rrgbench.metrics.bleu import Bleu
from rrgbench.metrics.cider import SCALE, SIGMA, undefined_reason
from rrgbench.metrics.clinical_efficacy import ClinicalEfficacy, Known, Labels
from rrgbench.metrics.clipped_sums import ClippedSums, groups_by_length, taken
from rrgbench.metrics.ngrams import (
    LONGEST,
    DocumentNgrams,
    Numbers,
    WholeNumbers,
    Words,
    check_pairs,
    document_frequencies,
    document_ngrams,
)
from rrgbench.metrics.rouge import BETA
from rrgbench.metrics.sentence_bleu import SentenceBleu
from rrgbench.metrics.subsequences import Subsequences

Item = TypeVar("Item")
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_MOST: Final = 25_000
"""Different references, and candidates, that are counted, which bounds the memory; of more an even choice is."""

_PAIRS_SCORED: Final = 600 * 600
"""Candidates times references that are scored where a bound decides; below that all candidates are."""

_TRIED: Final = 5
_TRIED_ON: Final = 40
_METEOR_ON: Final = 1000
"""Candidates that METEOR scores and on how many references, before one is scored on so many, or on all if fewer.

A constant that METEOR likes is long, and takes twice as long to align as a system's reports.
"""


@dataclass(frozen=True)
class BestConstant:
    """The best candidate under one metric.

    Attributes
    ----------
    candidate : int
        Its row among the candidates.
    value : float
        The corpus value if it is written for every study.
    exact : bool
        Whether no other candidate is better for certain; False where the best was searched for (METEOR, ROUGE-L and
        means of sentence BLEU of many references, and all of very many): then the best constant is this good or better.
    estimated_on : int
        On how many different references the value was estimated; 0 where it is that of all of them.
    """

    candidate: int
    value: float
    exact: bool = True
    estimated_on: int = 0

    @property
    def note(self) -> str:
        """What readers must know of the value; empty if nothing."""
        on = f" (estimated on {self.estimated_on:,} different references)" if self.estimated_on else ""
        return "" if self.exact else f"found by search: the best constant is this good or better{on}"


@dataclass(frozen=True)
class TextChoices:
    """What a protocol fixes of the text metrics beside the texts.

    Attributes
    ----------
    frequency_reports : sequence of str
        Reports that CIDEr's document frequencies come from; the references if there are none.
    smoothing : float
        Of sentence BLEU.
    """

    frequency_reports: Sequence[str] = ()
    smoothing: float = 0.1


def best_constant_reports(
    references: Sequence[Sequence[str]],
    candidates: Sequence[str],
    keys: Sequence[str],
    choices: TextChoices = TextChoices(),
) -> dict[str, BestConstant]:
    """The best of some candidates under each text metric.

    Parameters
    ----------
    references : sequence of n sequences of str
        One or more references of each study, tokenized as they are scored.
    candidates : sequence of str
        Reports that may be written for all studies, tokenized alike.
    keys : sequence of str
        Of `bleu_1` to `bleu_4`, `bleu_1_mean` to `bleu_4_mean`, `meteor`, `rouge_l`, `cider`; other keys are left out
        of the answer.
    choices : TextChoices
        As the values were made.

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
    pool = _Pool(references, candidates, choices.frequency_reports)
    found: dict[str, BestConstant] = {}
    if any(key in Bleu.keys for key in keys):
        found |= {key: _best(values) for key, values in zip(Bleu.keys, pool.bleu().T, strict=True) if key in keys}
    if wanted := [key for key in SentenceBleu.keys if key in keys]:
        found |= pool.sentence_bleu(wanted, choices.smoothing)
    if "rouge_l" in keys:
        found["rouge_l"] = pool.rouge_l()
    if "cider" in keys and not undefined_reason(len(choices.frequency_reports) or len(references)):
        found["cider"] = pool.cider()
    if "meteor" in keys:
        found["meteor"] = pool.meteor()
    return {
        key: replace(
            best,
            candidate=pool.row[best.candidate],
            exact=best.exact and not pool.thinned,
            estimated_on=best.estimated_on or (len(pool.references) if pool.estimated else 0),
        )
        for key, best in found.items()
    }


def best_constant_labels(
    metric: ClinicalEfficacy, references: Labels, candidates: Labels, known: Known | None = None
) -> dict[str, BestConstant]:
    """The best of some candidates' labels (c, 14) under clinical efficacy, written for n studies with labels (n, 14).

    All reports with the same labels are as good as each other; the first stands for them.
    """
    distinct, first = np.unique(candidates, axis=0, return_index=True)
    values = metric.of_constants(references, distinct, known)
    best = values.max(axis=0)
    rows = [int(first[values[:, column] == best[column]].min()) for column in range(values.shape[1])]
    return {key: BestConstant(row, float(value)) for key, row, value in zip(metric.keys, rows, best, strict=True)}


def _best(values: Floats) -> BestConstant:
    return BestConstant(int(values.argmax()), float(values.max()))


def _highest(bounds: Floats, value: Callable[[int], float], most: int, certain: bool) -> BestConstant:
    """The best candidate by upper bounds: those of the highest are scored until none can be better, `most` at most.

    `certain` says whether the bounds are.
    """
    best = BestConstant(-1, -1.0)
    order = np.argsort(-bounds, kind="stable").tolist()
    for row in order[:most]:
        # bounds and values are sums of the same size in another order
        if certain and bounds[row] < best.value - 1e-9:
            return best
        found = value(row)
        if found > best.value:
            best = BestConstant(row, found)
    return BestConstant(best.candidate, best.value, exact=len(order) <= most)


def _evenly(items: list[Item], most: int) -> list[Item]:
    """As many of the items as may be, evenly chosen; all where they are no more."""
    if len(items) <= most:
        return items
    return [items[at] for at in np.linspace(0, len(items) - 1, most).astype(np.int64)]


class _Pool:
    """Distinct studies with how often each occurs, and distinct candidates, counted together."""

    def __init__(
        self,
        references: Sequence[Sequence[str]],
        candidates: Sequence[str],
        frequency_reports: Sequence[str],
    ) -> None:
        studies: dict[tuple[str, ...], int] = {}
        for study in references:
            studies[tuple(study)] = studies.get(tuple(study), 0) + 1
        rows: dict[str, int] = {}
        for row, candidate in enumerate(candidates):
            rows.setdefault(candidate, row)
        self.estimated = len(studies) > _MOST
        self.thinned = self.estimated or len(rows) > _MOST
        self.row, self.candidates = _evenly(list(rows.values()), _MOST), _evenly(list(rows), _MOST)
        self.references = _evenly(list(studies), _MOST)
        self.times = np.array(_evenly(list(studies.values()), _MOST), dtype=np.float64)
        self.studies = int(self.times.sum())
        self.study = np.repeat(np.arange(len(self.references)), [len(study) for study in self.references])
        self.texts = [text for study in self.references for text in study]
        self._frequency_reports = frequency_reports
        self._count()

    def _count(self) -> None:
        """Counts of references, candidates and reports for frequencies."""
        place = {text: at for at, text in enumerate(dict.fromkeys([*self.texts, *self.candidates]))}
        numbers = Numbers()
        words, others = Words.of(place, numbers), Words.of(self._frequency_reports, numbers)
        orders = document_ngrams(words, max(len(numbers), 1))
        own, other = (np.array([place[text] for text in side]) for side in (self.texts, self.candidates))
        self.lengths, self.candidate_lengths = words.lengths[own], words.lengths[other]
        self.orders = [(taken(one, own), taken(one, other)) for one in orders]
        self.frequencies = document_frequencies(others, max(len(numbers), 1)) if self._frequency_reports else ()

    @property
    def single(self) -> bool:
        """Whether each study has one reference."""
        return len(self.texts) == len(self.references)

    @property
    def most_scored(self) -> int:
        """How many candidates may be scored against all references."""
        return max(_PAIRS_SCORED // len(self.texts), 1)

    def of_studies(self, side: DocumentNgrams) -> DocumentNgrams:
        """The rows of studies: of several references the largest count of each n-gram."""
        if self.single:
            return side
        keys, row = np.unique(self.study[side.document] * side.distinct + side.gram, return_inverse=True)
        most = np.zeros(len(keys), dtype=np.int64)
        np.maximum.at(most, row, side.count)
        return DocumentNgrams(side.distinct, *np.divmod(keys, side.distinct), most, side.keys)

    def per_study(self, values: NDArray[np.float64]) -> Floats:
        """The largest value of each study's references."""
        return np.maximum.reduceat(values, np.searchsorted(self.study, np.arange(len(self.references))))

    @cached_property
    def shared(self) -> list[ClippedSums]:
        """Sums over the references' own rows, in each order."""
        return [ClippedSums(*sides, len(self.candidates)) for sides in self.orders]

    @cached_property
    def of_study(self) -> list[tuple[DocumentNgrams, ClippedSums]]:
        """Rows of studies, and sums over them, in each order."""
        if self.single:
            return [(sides[0], sums) for sides, sums in zip(self.orders, self.shared, strict=True)]
        merged = [self.of_studies(references) for references, _ in self.orders]
        return [
            (study, ClippedSums(study, sides[1], len(self.candidates)))
            for study, sides in zip(merged, self.orders, strict=True)
        ]

    @cached_property
    def matches(self) -> list[Floats]:
        """Clipped matches of each candidate (c,) in each order, summed over all studies."""
        return [sums.of(self.times[study.document]) for study, sums in self.of_study]

    def closest(self, lengths: Ints) -> Ints:
        """BLEU's effective reference length of each study for candidates of some lengths (c, s)."""
        if self.single:
            return np.broadcast_to(self.lengths, (len(lengths), len(self.lengths)))
        firsts = np.searchsorted(self.study, np.arange(len(self.references)))
        found = np.empty((len(lengths), len(firsts)), dtype=np.int64)
        for length in np.unique(lengths):
            # The closest, of two equally close the shorter.
            order = np.lexsort((self.lengths, np.abs(self.lengths - length), self.study))
            found[lengths == length] = self.lengths[order[firsts]]
        return found

    def bleu(self) -> Floats:
        """BLEU of each candidate (c, 4)."""
        if self.single:
            closest = np.full(len(self.candidates), self.lengths @ self.times)
        else:
            closest = self.closest(self.candidate_lengths) @ self.times
        columns = [self.studies * self.candidate_lengths, closest, *self.matches]
        columns += [self.studies * np.maximum(self.candidate_lengths - order, 0) for order in range(LONGEST)]
        return Bleu().per_study(np.stack(columns, axis=1).astype(np.float64))

    def sentence_bleu(self, keys: Sequence[str], smoothing: float) -> dict[str, BestConstant]:
        """The best under each mean of sentence BLEU."""
        metric = SentenceBleu(smoothing)
        means = np.zeros((len(self.candidates), LONGEST))
        for rows, shortest, longest in groups_by_length(self.candidate_lengths):
            # the longest is punished least for being short
            nearest = self.closest(np.arange(shortest, longest + 1)).min(axis=0)
            least = np.exp(np.minimum(1.0 - nearest / max(longest, 1), 0.0)) * self.times / self.studies
            for order, (study, sums) in enumerate(self.of_study):
                totals = np.maximum(self.candidate_lengths[rows] - order, 1)
                matched = sums.of(least[study.document], rows) + (smoothing * least.sum() if order else 0.0)
                means[rows, order] = matched / totals
        bounds = np.cumprod(means, axis=1) ** (1.0 / np.arange(1, LONGEST + 1))
        known: dict[int, Floats] = {}

        def values(row: int) -> Floats:
            if row not in known:
                length = int(self.candidate_lengths[row])
                columns = [np.full(len(self.references), length), self.closest(np.array([length]))[0]]
                columns += [self._matches_with(order, row) for order in range(LONGEST)]
                columns += [np.full(len(self.references), max(length - order, 0)) for order in range(LONGEST)]
                own = metric.of_counts(np.stack(columns, axis=1).astype(np.float64))
                known[row] = self.times @ own / self.studies
            return known[row]

        def best(column: int) -> BestConstant:
            return _highest(bounds[:, column], lambda row: float(values(row)[column]), self.most_scored, True)

        return {key: best(SentenceBleu.keys.index(key)) for key in keys}

    def _matches_with(self, order: int, row: int) -> Floats:
        """Clipped matches of one candidate with each study (s,)."""
        study, _ = self.of_study[order]
        one = taken(self.orders[order][1], np.array([row]))
        counts = np.zeros(one.distinct, dtype=np.int64)
        counts[one.gram] = one.count
        shared = np.minimum(study.count, counts[study.gram])
        sums = np.bincount(study.document, weights=shared, minlength=len(self.references))
        return sums.astype(np.float64)

    def cider(self) -> BestConstant:
        """The best under CIDEr."""
        several = np.bincount(self.study, minlength=len(self.references))
        weight = (self.times / several)[self.study] / self.studies
        parts: list[tuple[ClippedSums, WholeNumbers, Floats, Floats]] = []
        for order, (references, candidates) in enumerate(self.orders):
            squared = self._inverse_frequency(order) ** 2
            norms = [
                np.sqrt(np.bincount(side.document, side.count**2 * squared[side.gram], minlength=size))
                for side, size in ((references, len(self.texts)), (candidates, len(self.candidates)))
            ]
            inverse = [np.divide(1.0, norm, out=np.zeros_like(norm), where=norm > 0) for norm in norms]
            own = (weight * inverse[0])[references.document] * references.count * squared[references.gram]
            parts.append((self.shared[order], references.document, own, inverse[1]))
        bigrams = [np.maximum(length - 1, 0) for length in (self.lengths, self.candidate_lengths)]

        def bound(rows: Ints, shortest: int, longest: int) -> Floats:
            """Values of candidates of one length, and at least their values where lengths differ."""
            beyond = np.maximum(np.maximum(shortest - bigrams[0], bigrams[0] - longest), 0)
            penalty = np.exp(-(beyond.astype(np.float64) ** 2) / (2.0 * SIGMA**2))
            total = np.zeros(len(rows))
            for sums, document, own, norm in parts:
                total += sums.of(own * penalty[document], rows) * norm[rows]
            return total

        serial = count()
        heap: list[tuple[float, int, Ints, Floats]] = []

        def push(rows: Ints, shortest: int, longest: int) -> None:
            found = bound(rows, shortest, longest)
            heapq.heappush(heap, (-float(found.max()), next(serial), rows, found))

        for group in groups_by_length(bigrams[1], 8):
            push(*group)
        while True:
            _, _, rows, found = heapq.heappop(heap)
            lengths = bigrams[1][rows]
            if lengths.min() == lengths.max():
                at = int(found.argmax())
                return BestConstant(int(rows[at]), float(SCALE * found[at] / LONGEST))
            for part, shortest, longest in groups_by_length(lengths, 2):
                push(rows[part], shortest, longest)

    def _inverse_frequency(self, order: int) -> Floats:
        """Logarithm of documents by documents that have each n-gram."""
        if self.frequencies:
            found: Floats = self.frequencies[order].at(self.orders[order][0].keys)
            documents = len(self._frequency_reports)
        else:
            study = self.of_study[order][0]
            found = np.bincount(study.gram, self.times[study.document], study.distinct).astype(np.float64)
            documents = self.studies
        return np.asarray(np.log(documents) - np.log(np.maximum(found, 1.0)), dtype=np.float64)

    def rouge_l(self) -> BestConstant:
        """The best under ROUGE-L; single spaces separate words there."""
        own, other = (np.array([text.count(" ") + 1 for text in side]) for side in (self.texts, self.candidates))
        weight = self.times[self.study] / self.studies
        if np.array_equal(own, self.lengths) and np.array_equal(other, self.candidate_lengths):
            references, sums = self.orders[0][0], self.shared[0]
        else:
            # two spaces make a word without letters, which n-grams don't count
            lists = [[text.split(" ") for text in side] for side in (self.texts, self.candidates)]
            numbers = {word: f"w{number}" for number, word in enumerate({w for side in lists for t in side for w in t})}
            texts = (" ".join(numbers[word] for word in words) for side in lists for words in side)
            orders = document_ngrams(Words.of(texts, Numbers()), max(len(numbers), 1))
            references = taken(orders[0], np.arange(len(own)))
            sums = ClippedSums(references, taken(orders[0], len(own) + np.arange(len(other))), len(other))
        bounds = np.zeros(len(other))
        for rows, shortest, _ in groups_by_length(other):
            scale = weight * (1.0 + BETA**2) / (shortest + BETA**2 * own)
            bounds[rows] = sums.of(scale[references.document], rows)
        pattern = Subsequences(text.split(" ") for text in self.texts)

        def value(row: int) -> float:
            common = pattern.lengths(self.candidates[row].split(" ")).astype(np.float64)
            precision, recall = (self.per_study(common / size) for size in (other[row], own))
            low = recall + BETA**2 * precision
            f = np.divide((1.0 + BETA**2) * precision * recall, low, out=np.zeros_like(low), where=low > 0)
            return float(f @ self.times / self.studies)

        # of several references precision and recall are taken apart, and there is no bound
        return _highest(bounds, value, self.most_scored, self.single)

    def meteor(self) -> BestConstant:
        """A good candidate under METEOR, and its value."""
        from rrgbench.metrics.meteor import Meteor, scoring

        unigrams, bigrams = self.matches[:2]
        words = float(self.times @ self.per_study(self.lengths.astype(np.float64)))
        precision = unigrams / np.maximum(self.studies * self.candidate_lengths, 1)
        recall = unigrams / max(words, 1.0)
        low = scoring.ALPHA * precision + (1.0 - scoring.ALPHA) * recall
        mean = np.divide(precision * recall, low, out=np.zeros_like(low), where=low > 0)
        fragments = np.divide(unigrams - bigrams, unigrams, out=np.zeros_like(low), where=unigrams > 0)
        promise = mean * (1.0 - scoring.GAMMA * np.maximum(fragments, 0.0) ** scoring.BETA)
        likely = np.argsort(-promise, kind="stable")[:_TRIED]
        metric = Meteor()

        everyone = list(range(len(self.references)))

        def values(rows: Sequence[int], candidates: Ints) -> Floats:
            texts = [self.candidates[candidate] for candidate in candidates]
            given = [list(self.references[row]) for row in rows]
            statistics = metric.statistics(given * len(texts), [text for text in texts for _ in given])
            times = np.kron(np.eye(len(texts)), self.times[rows]).astype(np.float64)
            return metric.aggregate(statistics, times)[:, 0]

        best = likely[[int(values(_evenly(everyone, _TRIED_ON), likely).argmax())]]
        rows = _evenly(everyone, _METEOR_ON)
        estimated = len(rows) if len(rows) < len(self.references) else 0
        return BestConstant(int(best[0]), float(values(rows, best)[0]), False, estimated)
