"""METEOR as a metric: reports in, match statistics out."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from rrgbench.errors import InputError, listed
from rrgbench.metrics.base import Statistics
from rrgbench.metrics.meteor import scoring
from rrgbench.metrics.meteor.alignment import begin_alignment
from rrgbench.metrics.meteor.keys import UInt64, phrase_keys
from rrgbench.metrics.meteor.lexicon import Ints, Lexicon, Lists, describe
from rrgbench.metrics.meteor.matching import Matches, Phrases, Side, find_matches, find_phrases
from rrgbench.metrics.meteor.normalizer import Normalizer, Remembered
from rrgbench.metrics.meteor.resources import Resources, load_resources

_STUDIES_AT_ONCE: Final = 4096
"""Studies whose words are looked up together."""

_PAIRS_AT_ONCE: Final = 1024
_WORD_PAIRS_AT_ONCE: Final = 4_000_000
"""Pairs of reports, and of their words, matched and aligned together; bounds the memory."""

LONGEST: Final = 1000
"""Words that are aligned at a time. No report is longer; of what is, equal stretches are aligned with each other, which
bounds time and memory: two texts of n words over few words have n * n matches."""


Item = TypeVar("Item")


class Meteor:
    """METEOR 1.5 for English, equal to pycocoevalcap's `Meteor` (its jar with `-l en -norm`).

    Of several references the one with the highest score counts. The corpus score is that of the summed statistics,
    not the mean of the studies' scores.

    Texts may hold anything: a line break counts as a space and `|||` as nothing (pycocoevalcap's pipe breaks on the
    first and takes the second for another reference); an empty hypothesis or reference scores 0. Texts of more than
    `LONGEST` words are aligned that many words at a time, and their statistics summed; there the values are ours.

    The first use on a machine reads METEOR's data from the installed pycocoevalcap into a cache (some seconds), see
    `rrgbench.metrics.meteor.resources`.

    References
    ----------
    M. Denkowski and A. Lavie, Meteor Universal: Language Specific Translation Evaluation for Any Target Language, 2014.

    Examples
    --------
    >>> metric = Meteor()
    >>> rows = metric.statistics([["the lungs are clear ."]], ["lungs are clear ."])
    >>> round(float(metric.per_study(rows)[0, 0]), 3)
    0.493
    """

    keys: tuple[str, ...] = ("meteor",)

    def statistics(self, references: Sequence[Sequence[str]], hypotheses: Sequence[str]) -> Statistics:
        """Match statistics (n, 21) of each study against its best reference; columns as in `scoring`.

        Raises
        ------
        InputError
            If the numbers of studies differ or a study has no reference.
        MissingPartError
            If METEOR's data or a fitting stemmer is not installed.
        """
        if len(references) != len(hypotheses):
            raise InputError(f"{len(hypotheses)} hypotheses for {len(references)} studies: give one a study")
        if lacking := [index for index, texts in enumerate(references) if not len(texts)]:
            raise InputError(f"no reference for the studies at {listed(lacking)} (from 0): give each at least one")
        resources = load_resources()
        normalizer = Normalizer(resources.prefixes)
        rows = np.empty((len(hypotheses), scoring.COLUMNS))
        for low in range(0, len(hypotheses), _STUDIES_AT_ONCE):
            some = slice(low, low + _STUDIES_AT_ONCE)
            rows[some] = _best_rows(references[some], hypotheses[some], _Corpus(resources, normalizer))
        return rows

    def per_study(self, statistics: Statistics) -> NDArray[np.float64]:
        """Each study's score (n, 1), in [0, 1]."""
        return scoring.score(statistics)[:, np.newaxis]

    def aggregate(self, statistics: Statistics, multiplicities: NDArray[np.float64]) -> NDArray[np.float64]:
        """Corpus scores (r, 1) of summed statistics, study i counting `multiplicities[:, i]` times."""
        return scoring.score(scoring.pooled(statistics, multiplicities))[:, np.newaxis]


def _best_rows(references: Sequence[Sequence[str]], hypotheses: Sequence[str], corpus: "_Corpus") -> Statistics:
    """Statistics (n, 21) of some studies, each against its best reference."""
    counts = np.array([len(texts) for texts in references], dtype=np.int64)
    texts1 = [corpus.add(text) for text, count in zip(hypotheses, counts, strict=True) for _ in range(count)]
    texts2 = [corpus.add(text) for texts in references for text in texts]
    stretches = [
        list(itertools.zip_longest(one, other, fillvalue=corpus.nothing))
        for one, other in zip(texts1, texts2, strict=True)
    ]
    lines = np.array(list(itertools.chain.from_iterable(stretches)), dtype=np.int64).reshape(-1, 2)
    # Constant reports and normal films make the same pair many times over.
    distinct, back = np.unique(lines @ [corpus.size, 1], return_inverse=True)
    compared = corpus.compare(*np.divmod(distinct, max(corpus.size, 1)))[back]
    lengths = np.array([len(pairs) for pairs in stretches], dtype=np.int64)
    rows = compared if (lengths == 1).all() else np.add.reduceat(compared, np.cumsum(lengths) - lengths)
    scores = scoring.score(rows)
    study = np.arange(len(counts)).repeat(counts)
    # The first of equally good references wins.
    order = np.lexsort((np.arange(len(scores)), -scores, study))
    firsts = np.cumsum(counts) - counts
    best: Statistics = rows[order[firsts]]
    return best


class _Corpus:
    """The distinct token sequences of all texts, end to end."""

    def __init__(self, resources: Resources, normalizer: Normalizer) -> None:
        self._resources = resources
        self._normalizer = normalizer
        self._by_text: dict[str, tuple[int, ...]] = {}
        self._by_tokens: dict[tuple[int, ...], int] = {}
        self._numbers: Remembered[str, int] = Remembered(lambda _: len(self._numbers))
        self._by_sentence: Remembered[str, list[int]] = Remembered(self._read)

    @property
    def size(self) -> int:
        """How many distinct token sequences there are."""
        return len(self._by_tokens)

    @property
    def nothing(self) -> int:
        """The number of the empty sequence."""
        return self._by_tokens.setdefault((), len(self._by_tokens))

    def add(self, text: str) -> tuple[int, ...]:
        """The numbers of a text's stretches of at most `LONGEST` tokens; nearly always one."""
        stretches = self._by_text.get(text)
        if stretches is None:
            sentences = self._by_sentence
            tokens = tuple([number for sentence in self._normalizer.sentences(text) for number in sentences[sentence]])
            parts = [tokens[start : start + LONGEST] for start in range(0, max(len(tokens), 1), LONGEST)]
            stretches = tuple([self._by_tokens.setdefault(part, len(self._by_tokens)) for part in parts])
            self._by_text[text] = stretches
        return stretches

    def _read(self, sentence: str) -> list[int]:
        numbers = self._numbers
        return [numbers[token] for token in self._normalizer.tokens(sentence)]

    def compare(self, lines1: Ints, lines2: Ints) -> Statistics:
        """Statistics (p, 21) of pairs of lines."""
        lexicon = describe(list(self._numbers), self._resources)
        lengths = np.array([len(tokens) for tokens in self._by_tokens], dtype=np.int64)
        offsets = np.concatenate(([0], np.cumsum(lengths)))
        tokens = np.array(list(itertools.chain.from_iterable(self._by_tokens)), dtype=np.int64)
        sameness = _line_keys(lexicon.exact[tokens], offsets)
        phrases, paraphrases = find_phrases(tokens, offsets, lexicon, self._resources)
        rows = np.zeros((len(lines1), scoring.COLUMNS))

        parts = list(_parts(lengths[lines1] * lengths[lines2]))
        with ThreadPoolExecutor(thread_name_prefix="meteor") as threads:
            # a thread, begun when it is first given work, costs more than a few reports do
            each = threads.map if len(parts) > 1 else map

            def begun(part: Ints) -> tuple[Ints, Side, Side, Matches, Callable[[], NDArray[np.bool_]]]:
                part1, part2 = lines1[part], lines2[part]
                side1 = _side(part1, tokens, offsets, phrases)
                side2 = _side(part2, tokens, offsets, phrases)
                equal = sameness[part1] == sameness[part2]
                matches = find_matches(side1, side2, lexicon, paraphrases, equal)
                return part, side1, side2, matches, begin_alignment(matches, side1, side2, each)

            for part, side1, side2, matches, alignment in _one_ahead(map(begun, parts)):
                chosen = np.flatnonzero(alignment())
                best = Matches(*(column[chosen] for column in vars(matches).values()))
                rows[part] = _statistics(side1, side2, best, lexicon)
        return rows


def _one_ahead(items: Iterator[Item]) -> Iterator[Item]:
    """Items, each when the next has been made: it is searched meanwhile."""
    waiting = list(itertools.islice(items, 1))
    for item in items:
        yield from waiting
        waiting = [item]
    yield from waiting


def _parts(work: Ints) -> Iterator[Ints]:
    """Indices of the pairs to align together, given the product of their words."""
    done = np.concatenate(([0], np.cumsum(work)))
    low = 0
    while low < len(work):
        fitting = int(np.searchsorted(done, done[low] + _WORD_PAIRS_AT_ONCE, side="right")) - 1
        high = min(max(fitting, low + 1), low + _PAIRS_AT_ONCE)
        yield np.arange(low, high)
        low = high


def _line_keys(words: Ints, offsets: Ints) -> UInt64:
    """A key of each line (l,) that says whether the jar takes two lines for equal."""
    lengths = np.diff(offsets)
    filled = lengths > 0
    out = np.zeros(len(lengths), dtype=np.uint64)
    out[filled] = phrase_keys(words.astype(np.uint64) + np.uint64(1), offsets[:-1][filled], lengths[filled])
    return out


def _side(lines: Ints, tokens: Ints, offsets: Ints, phrases: Phrases) -> Side:
    pair, own = Lists(offsets, tokens).expand(lines)
    starts = np.concatenate(([0], np.cumsum(np.diff(offsets)[lines])))
    return Side(starts, own, pair, phrases.of_lines(lines, len(offsets) - 1, offsets, starts))


def _statistics(side1: Side, side2: Side, best: Matches, lexicon: Lexicon) -> Statistics:
    """Statistics (p, 21) of p pairs from the matches of their best alignments."""
    pairs = len(side1.offsets) - 1
    out = np.zeros((pairs, scoring.COLUMNS))
    for column, side in ((0, side1), (1, side2)):
        out[:, column] = np.diff(side.offsets)
        out[:, 2 + column] = np.bincount(side.pair[lexicon.function[side.tokens]], minlength=pairs)
    pair = side2.pair[best.start2]
    for column, side, starts, lengths in (
        (0, side1, best.start1, best.length1),
        (1, side2, best.start2, best.length2),
    ):
        functions = np.concatenate(([0], np.cumsum(lexicon.function[side.tokens])))
        function = functions[starts + lengths] - functions[starts]
        for kind, count in ((0, lengths - function), (2, function)):
            cells = pair * scoring.COLUMNS + scoring.FIRST_STAGE + 4 * best.stage + kind + column
            out += np.bincount(cells, weights=count, minlength=out.size).reshape(out.shape)
    # A chunk goes on while matches follow one another without a gap on both sides.
    goes_on = np.zeros(len(pair), dtype=np.bool_)
    goes_on[1:] = (
        (pair[1:] == pair[:-1])
        & (best.start2[1:] == (best.start2 + best.length2)[:-1])
        & (best.start1[1:] == (best.start1 + best.length1)[:-1])
    )
    out[:, scoring.CHUNKS] = np.bincount(pair[~goes_on], minlength=pairs)
    return out
