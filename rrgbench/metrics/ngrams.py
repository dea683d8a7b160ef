"""Counts of word n-grams of many texts at once, as sorted integer arrays.

BLEU and CIDEr ask the same two questions of a text pair: how often does each n-gram occur on either side, and how many
occurrences do they share. Both are answered here with one sort an order instead of dictionaries, a block of studies at
a time, so that scoring 3,000 reports takes a fraction of a second and 230,000 no more memory than their words.
"""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from rrgbench.errors import InputError

Integers = NDArray[np.int64]
WholeNumbers = NDArray[np.integer[Any]]

LONGEST: Final = 4
"""BLEU and CIDEr both look at n-grams of one to four words."""

_WORDS_AT_ONCE: Final = 250_000
"""Words counted together (some 90 MB), unless one study has more."""


class Numbers(dict[str, int]):
    """Words numbered in the order of their first coming."""

    def __missing__(self, word: str) -> int:
        """The next number."""
        self[word] = number = len(self)
        return number


_SENTENCES: Final = 1 << 15
"""Sentences that are remembered while words are numbered."""


@dataclass(frozen=True)
class Words:
    """The words of some texts as integers, end to end: text d's are `codes[offsets[d]:offsets[d + 1]]`."""

    codes: NDArray[np.int32]
    offsets: Integers

    @classmethod
    def of(cls, texts: Iterable[str], numbers: Numbers) -> "Words":
        """Split texts at white space and number their words, going on from the words numbered so far."""
        codes = array("i")
        offsets = [0]
        # reports repeat sentences: a full stop that stands alone ends one
        read = lru_cache(_SENTENCES)(lambda piece: array("i", map(numbers.__getitem__, piece.split())))
        for text in texts:
            first, *others = text.split(" . ")
            codes.extend(read(first))
            for piece in others:
                codes.append(numbers["."])
                codes.extend(read(piece))
            offsets.append(len(codes))
        return cls(np.frombuffer(codes, dtype=np.int32) if codes else np.empty(0, np.int32), np.array(offsets))

    @property
    def lengths(self) -> Integers:
        """Numbers of words (d,)."""
        return np.diff(self.offsets)


@dataclass(frozen=True)
class Rows:
    """The n-grams of one order in some documents: a row for each distinct n-gram of a document.

    Attributes
    ----------
    distinct : int
        How many different n-grams there are; their numbers run from 0 to `distinct - 1` in the order of their words'
        numbers.
    gram, document, count : int64 arrays (a,)
        Which n-gram, in which document, how often; sorted by n-gram, then document.
    place : int64 array (distinct,)
        Where in the words an n-gram is found.
    """

    distinct: int
    gram: Integers
    document: Integers
    count: Integers
    place: Integers


def rows_of_orders(words: Integers, document: Integers, vocabulary: int) -> Iterator[Rows]:
    """The n-grams of 1 to `LONGEST` words of a running text (w,) whose words belong to ascending documents (w,)."""
    codes = words
    for order in range(LONGEST):
        # An n-gram is the n-gram one shorter plus one word; it must not run over the end of its document.
        start = np.flatnonzero(document[: max(len(words) - order, 0)] == document[order:])
        keys = codes[start] if order == 0 else codes[start] * vocabulary + words[start + order]
        keys, by = _sorted(keys)
        start = start[by]
        new = np.ones(len(keys), dtype=np.bool_)
        new[1:] = keys[1:] != keys[:-1]
        gram = np.cumsum(new) - 1
        owner = document[start]
        first_of_row = new.copy()
        first_of_row[1:] |= owner[1:] != owner[:-1]
        first = np.flatnonzero(first_of_row)
        count = np.diff(first, append=len(keys))
        yield Rows(int(new.sum()), gram[first], owner[first], count, start[new])
        codes = np.zeros(len(words), dtype=np.int64)
        codes[start] = gram


def _sorted(keys: Integers) -> tuple[Integers, Integers]:
    """Keys in ascending order, and where they stood; equal ones keep their order."""
    bits = len(keys).bit_length()
    if int(keys.max(initial=0)).bit_length() + bits > 63:
        by = np.argsort(keys, kind="stable")
        return keys[by], by
    # One sort of packed integers is several times quicker than a stable sort of their places.
    packed = (keys << bits) | np.arange(len(keys))
    packed.sort()
    return packed >> bits, packed & ((1 << bits) - 1)


@dataclass(frozen=True)
class NgramCounts:
    """The n-grams of one order in the references and hypotheses of some studies, sorted by n-gram, then document.

    Attributes
    ----------
    distinct : int
        How many different n-grams there are; their numbers run from 0 to `distinct - 1`.
    reference_document, reference_gram, reference_count : int64 arrays (a,)
        Which reference, which n-gram, how often.
    matched_count : int64 array (a,)
        For each reference row, how often the study's hypothesis has that n-gram.
    hypothesis_document, hypothesis_gram, hypothesis_count : int64 arrays (b,)
        The same of hypotheses; the document is the study.
    keys : array (distinct,)
        What tells an n-gram from all others of the whole table, ascending.
    """

    distinct: int
    reference_document: Integers
    reference_gram: Integers
    reference_count: Integers
    matched_count: Integers
    hypothesis_document: Integers
    hypothesis_gram: Integers
    hypothesis_count: Integers
    keys: NDArray[Any]


@dataclass(frozen=True)
class Block:
    """N-gram counts of adjacent studies; documents are numbered from the block's first.

    Attributes
    ----------
    studies, references : slice
        The block's studies, and its references, among those of the table.
    reference_study : int64 array
        The study each reference belongs to, from the block's first.
    orders : tuple of NgramCounts
        `orders[k]` counts n-grams of k + 1 words.
    """

    studies: slice
    references: slice
    reference_study: Integers
    orders: tuple[NgramCounts, ...]


@dataclass(frozen=True)
class DocumentFrequency:
    """In how many studies some reference has each n-gram of one order: ascending keys (k,), and numbers (k,)."""

    keys: NDArray[Any]
    studies: Integers

    def of(self, counts: NgramCounts) -> NDArray[np.float64]:
        """Numbers (distinct,) for the n-grams of a block; 0 where no study has one."""
        return self.at(counts.keys)

    def at(self, keys: NDArray[Any]) -> NDArray[np.float64]:
        """Numbers for any keys."""
        if not len(self.keys):
            return np.zeros(len(keys))
        place = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        return np.where(self.keys[place] == keys, self.studies[place], 0).astype(np.float64)


@dataclass(frozen=True)
class NgramTable:
    """N-grams of orders 1 to 4 of a set of studies, counted when they are asked for, a block of studies at a time.

    Attributes
    ----------
    reference_study : int64 array (R,)
        The study each reference belongs to; references of a study are adjacent.
    references, hypotheses : Words
        Of R references and n hypotheses.
    vocabulary : int
        How many words there are.
    """

    reference_study: Integers
    references: Words
    hypotheses: Words
    vocabulary: int
    _blocks: dict[int, Block] = field(default_factory=dict, repr=False)

    @property
    def studies(self) -> int:
        """Number of studies."""
        return len(self.hypothesis_length)

    @cached_property
    def reference_length(self) -> Integers:
        """Numbers of words (R,)."""
        return self.references.lengths

    @cached_property
    def hypothesis_length(self) -> Integers:
        """Numbers of words (n,)."""
        return self.hypotheses.lengths

    def blocks(self) -> Iterator[Block]:
        """All studies, in order; counted anew each time where there are several blocks."""
        per_study = np.bincount(self.reference_study, self.reference_length, self.studies) + self.hypothesis_length
        done = np.concatenate(([0], np.cumsum(per_study)))
        low = 0
        while low < self.studies:
            fitting = int(np.searchsorted(done, done[low] + _WORDS_AT_ONCE, side="right")) - 1
            high = min(max(fitting, low + 1), self.studies)
            if low == 0 and high == self.studies:
                if not self._blocks:
                    self._blocks[0] = self._block(low, high)
                yield self._blocks[0]
            else:
                yield self._block(low, high)
            low = high

    def document_frequencies(self, first: int = 0) -> tuple[DocumentFrequency, ...]:
        """In how many of the studies from `first` on each n-gram is, one entry an order."""
        gathered = [_Gathered() for _ in range(LONGEST)]
        for block in self.blocks():
            for counts, found in zip(block.orders, gathered, strict=True):
                study = block.reference_study[counts.reference_document]
                # A study counts once however many of its references have the n-gram.
                once = study + block.studies.start >= first
                once[1:] &= (study[1:] != study[:-1]) | (counts.reference_gram[1:] != counts.reference_gram[:-1])
                found.add(counts.keys, np.bincount(counts.reference_gram[once], minlength=counts.distinct))
        return tuple(found.frequency() for found in gathered)

    def _block(self, low: int, high: int) -> Block:
        first, last = np.searchsorted(self.reference_study, [low, high])
        study = self.reference_study[first:last] - low
        studies = high - low
        # A study's references and then its hypothesis, study by study, so that its rows of an n-gram are adjacent.
        owner = np.concatenate([study, np.arange(studies)])
        order = np.argsort(owner, kind="stable")
        starts = np.concatenate([self.references.offsets[first:last], self.hypotheses.offsets[low:high]])[order]
        lengths = np.concatenate([self.reference_length[first:last], self.hypothesis_length[low:high]])[order]
        is_hypothesis = order >= last - first
        codes = np.concatenate(
            [
                self.references.codes[self.references.offsets[first] : self.references.offsets[last]],
                self.hypotheses.codes[self.hypotheses.offsets[low] : self.hypotheses.offsets[high]],
            ]
        ).astype(np.int64)
        shift = np.where(
            is_hypothesis,
            self.references.offsets[last] - self.references.offsets[first] - self.hypotheses.offsets[low],
            -self.references.offsets[first],
        )
        document, words = runs(starts + shift, lengths)
        words = codes[words]
        number = np.where(is_hypothesis, order - (last - first), order)
        orders = tuple(
            _sides(rows, number, is_hypothesis, owner[order], _keys(words, rows.place, length, self.vocabulary))
            for length, rows in enumerate(rows_of_orders(words, document, self.vocabulary), 1)
        )
        return Block(slice(low, high), slice(int(first), int(last)), study, orders)


def runs(starts: Integers, lengths: Integers) -> tuple[Integers, Integers]:
    """For each element of some runs, the run it belongs to and its place: `starts[r]`, `starts[r] + 1`, ..."""
    run = np.repeat(np.arange(len(starts)), lengths)
    return run, np.arange(len(run)) + np.repeat(starts - (np.cumsum(lengths) - lengths), lengths)


def _keys(words: Integers, place: Integers, length: int, vocabulary: int) -> NDArray[Any]:
    """What tells n-grams apart: a number, or, of a vocabulary too large for that, the words' numbers as bytes."""
    if vocabulary**length < 1 << 63:
        keys = words[place]
        for step in range(1, length):
            keys = keys * vocabulary + words[place + step]
        return keys
    numbers = words[place[:, None] + np.arange(length)] + 1
    return np.ascontiguousarray(numbers.astype(">u4")).view(f"S{4 * length}")[:, 0]


def _sides(
    rows: Rows, number: Integers, is_hypothesis: NDArray[np.bool_], study: Integers, keys: NDArray[Any]
) -> NgramCounts:
    """Rows of documents split into references and hypotheses, those of an n-gram and a study joined."""
    hypothesis = is_hypothesis.take(rows.document)
    owner = study.take(rows.document)
    new = np.ones(len(owner), dtype=np.bool_)
    new[1:] = (owner[1:] != owner[:-1]) | (rows.gram[1:] != rows.gram[:-1])
    last = np.flatnonzero(np.append(new[1:], len(new) > 0))
    written = np.where(hypothesis.take(last), rows.count.take(last), 0)
    # places instead of masks: NumPy reads a mask anew for each column
    read, said = np.flatnonzero(~hypothesis), np.flatnonzero(hypothesis)
    return NgramCounts(
        distinct=rows.distinct,
        reference_document=number.take(rows.document.take(read)),
        reference_gram=rows.gram.take(read),
        reference_count=rows.count.take(read),
        matched_count=written.take((np.cumsum(new) - 1).take(read)),
        hypothesis_document=number.take(rows.document.take(said)),
        hypothesis_gram=rows.gram.take(said),
        hypothesis_count=rows.count.take(said),
        keys=keys,
    )


class _Gathered:
    """Numbers by key, added up as blocks come, merged when what waits is as much as what is there."""

    def __init__(self) -> None:
        self._keys: list[NDArray[Any]] = []
        self._numbers: list[Integers] = []

    def add(self, keys: NDArray[Any], numbers: Integers) -> None:
        """Take distinct ascending keys with their numbers."""
        some = numbers > 0
        self._keys.append(keys[some])
        self._numbers.append(numbers[some])
        if len(self._keys) > 1 and sum(map(len, self._keys[1:])) > len(self._keys[0]):
            self._merge()

    def _merge(self) -> None:
        keys, row = np.unique(np.concatenate(self._keys), return_inverse=True)
        # sums of whole numbers, exact in float64
        numbers = np.bincount(row.reshape(-1), np.concatenate(self._numbers), len(keys)).astype(np.int64)
        self._keys, self._numbers = [keys], [numbers]

    def frequency(self) -> DocumentFrequency:
        """All of it."""
        if len(self._keys) != 1:
            self._merge()
        return DocumentFrequency(self._keys[0], self._numbers[0])


def check_pairs(references: Sequence[Sequence[str]], hypotheses: Sequence[str]) -> None:
    """Refuse lists that cannot be scored against each other.

    Raises
    ------
    InputError
        If the lists differ in length, are empty, or a study has no reference; a bare string where a list of references
        is expected is refused too, because its characters would count as references.
    """
    if len(references) != len(hypotheses):
        raise InputError(
            f"{len(references)} references but {len(hypotheses)} hypotheses; give one hypothesis for each study"
        )
    if not len(hypotheses):
        raise InputError("nothing to score: 0 studies; give at least one reference and its hypothesis")
    for row, study in enumerate(references):
        if isinstance(study, str):
            raise InputError(f"the references of study {row} are one string; give a list of references for each study")
        if not len(study):
            raise InputError(f"study {row} has no reference; give at least one for each study")


def ngram_table(references: Sequence[Sequence[str]], hypotheses: Sequence[str]) -> NgramTable:
    """The n-grams (1 to 4 words, split at white space) of all references and hypotheses.

    Parameters
    ----------
    references : sequence of n sequences of str
        One or more references for each study.
    hypotheses : sequence of n str
        One hypothesis for each study.

    Returns
    -------
    NgramTable

    Raises
    ------
    InputError
        If the lists don't belong together (see `check_pairs`).
    """
    check_pairs(references, hypotheses)
    per_study = np.fromiter((len(study) for study in references), dtype=np.int64, count=len(references))
    numbers = Numbers()
    expected = Words.of((reference for study in references for reference in study), numbers)
    written = Words.of(hypotheses, numbers)
    return NgramTable(np.repeat(np.arange(len(references)), per_study), expected, written, max(len(numbers), 1))


@dataclass(frozen=True)
class DocumentNgrams:
    """The n-grams of one order in some documents: a row for each distinct n-gram of a document, sorted by both.

    Attributes
    ----------
    distinct : int
        How many different n-grams occur anywhere; codes run from 0 to `distinct - 1`.
    document, gram, count : integer arrays (a,)
        Which document, which n-gram, how often.
    keys : array (distinct,)
        What tells an n-gram from all others made of the same numbered words.
    """

    distinct: int
    document: WholeNumbers
    gram: WholeNumbers
    count: WholeNumbers
    keys: NDArray[Any]


def document_ngrams(words: Words, vocabulary: int) -> tuple[DocumentNgrams, ...]:
    """The n-grams of one to four words of some documents whose words are among `vocabulary` numbered ones."""
    document, _ = runs(words.offsets[:-1], words.lengths)
    codes = words.codes.astype(np.int64)
    orders = []
    for length, rows in enumerate(rows_of_orders(codes, document, vocabulary), 1):
        # by document; the n-grams of one keep their order
        _, by = _sorted(rows.document)
        owner, gram, count = (column[by].astype(np.int32) for column in (rows.document, rows.gram, rows.count))
        keys = _keys(codes, rows.place, length, vocabulary)
        orders.append(DocumentNgrams(max(rows.distinct, 1), owner, gram, count, keys))
    return tuple(orders)


def document_frequencies(words: Words, vocabulary: int) -> tuple[DocumentFrequency, ...]:
    """In how many of some documents each n-gram is, one entry an order; keys as of `document_ngrams`."""
    nothing = Words(np.empty(0, dtype=np.int32), np.zeros(len(words.offsets), dtype=np.int64))
    return NgramTable(np.arange(len(words.lengths)), words, nothing, vocabulary).document_frequencies()
