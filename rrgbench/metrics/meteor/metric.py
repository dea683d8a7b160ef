"""METEOR as a metric: reports in, match statistics out."""

import itertools
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from rrgbench.errors import InputError, listed
from rrgbench.metrics.base import Statistics
from rrgbench.metrics.meteor import scoring
from rrgbench.metrics.meteor.alignment import best_alignment
from rrgbench.metrics.meteor.keys import UInt64, phrase_keys
from rrgbench.metrics.meteor.lexicon import Ints, Lexicon, Lists, describe
from rrgbench.metrics.meteor.long_texts import align_long_pair
from rrgbench.metrics.meteor.matching import Matches, Phrases, Side, find_matches, find_phrases
from rrgbench.metrics.meteor.normalizer import Normalizer, Remembered
from rrgbench.metrics.meteor.resources import Resources, load_resources

_PAIRS_AT_ONCE: Final = 1024
_WORD_PAIRS_AT_ONCE: Final = 4_000_000
"""Pairs of reports, and of their words, matched and aligned together; bounds the memory."""

_LONG: Final = 1_000_000
"""Hypothesis words times reference words above which a pair is aligned by itself, without listing all its matches."""


class Meteor:
    """METEOR 1.5 for English, equal to pycocoevalcap's `Meteor` (its jar with `-l en -norm`).

    Of several references the one with the highest score counts. The corpus score is that of the summed statistics,
    not the mean of the studies' scores.

    Texts may hold anything: a line break counts as a space and `|||` as nothing (pycocoevalcap's pipe breaks on the
    first and takes the second for another reference); an empty hypothesis or reference scores 0.

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
        corpus = _Corpus(resources)
        counts = np.array([len(texts) for texts in references], dtype=np.int64)
        lines1 = np.array([corpus.add(text) for text in hypotheses], dtype=np.int64).repeat(counts)
        lines2 = np.array([corpus.add(text) for texts in references for text in texts], dtype=np.int64)
        # Constant reports and normal films make the same pair many times over.
        distinct, back = np.unique(lines1 * corpus.size + lines2, return_inverse=True)
        rows = corpus.compare(*np.divmod(distinct, max(corpus.size, 1)))
        scores = scoring.score(rows)[back]
        study = np.arange(len(counts)).repeat(counts)
        # The first of equally good references wins.
        order = np.lexsort((np.arange(len(scores)), -scores, study))
        firsts = np.cumsum(counts) - counts
        best: Statistics = rows[back[order[firsts]]]
        return best

    def per_study(self, statistics: Statistics) -> NDArray[np.float64]:
        """Each study's score (n, 1), in [0, 1]."""
        return scoring.score(statistics)[:, np.newaxis]

    def aggregate(self, statistics: Statistics, multiplicities: NDArray[np.float64]) -> NDArray[np.float64]:
        """Corpus scores (r, 1) of summed statistics, study i counting `multiplicities[:, i]` times."""
        return scoring.score(scoring.pooled(statistics, multiplicities))[:, np.newaxis]


class _Corpus:
    """The distinct token sequences of all texts, end to end."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self._normalizer = Normalizer(resources.prefixes)
        self._by_text: dict[str, int] = {}
        self._by_tokens: dict[tuple[int, ...], int] = {}
        self._numbers: Remembered[str, int] = Remembered(lambda _: len(self._numbers))

    @property
    def size(self) -> int:
        """How many distinct token sequences there are."""
        return len(self._by_tokens)

    def add(self, text: str) -> int:
        """The number of a text's token sequence."""
        line = self._by_text.get(text)
        if line is None:
            numbers = self._numbers
            tokens = tuple([numbers[token] for token in self._normalizer.tokens(text)])
            line = self._by_text[text] = self._by_tokens.setdefault(tokens, len(self._by_tokens))
        return line

    def compare(self, lines1: Ints, lines2: Ints) -> Statistics:
        """Statistics (p, 21) of pairs of lines."""
        lexicon = describe(list(self._numbers), self._resources)
        lengths = np.array([len(tokens) for tokens in self._by_tokens], dtype=np.int64)
        offsets = np.concatenate(([0], np.cumsum(lengths)))
        tokens = np.array(list(itertools.chain.from_iterable(self._by_tokens)), dtype=np.int64)
        sameness = _line_keys(lexicon.exact[tokens], offsets)
        phrases, paraphrases = find_phrases(tokens, offsets, lexicon, self._resources)
        rows = np.zeros((len(lines1), scoring.COLUMNS))
        for part in _parts(lengths[lines1] * lengths[lines2]):
            part1, part2 = lines1[part], lines2[part]
            side1 = _side(part1, tokens, offsets, phrases)
            side2 = _side(part2, tokens, offsets, phrases)
            equal = sameness[part1] == sameness[part2]
            if len(part) == 1 and len(side1.tokens) * len(side2.tokens) > _LONG:
                best = align_long_pair(side1, side2, lexicon, paraphrases, bool(equal[0]))
            else:
                matches = find_matches(side1, side2, lexicon, paraphrases, equal)
                chosen = np.flatnonzero(best_alignment(matches, side1, side2))
                best = Matches(*(column[chosen] for column in vars(matches).values()))
            rows[part] = _statistics(side1, side2, best, lexicon)
        return rows


def _parts(work: Ints) -> Iterator[Ints]:
    """Indices of the pairs to align together, given the product of their words; long ones come alone."""
    yield from np.flatnonzero(work > _LONG)[:, np.newaxis]
    rest = np.flatnonzero(work <= _LONG)
    done = np.concatenate(([0], np.cumsum(work[rest])))
    low = 0
    while low < len(rest):
        fitting = int(np.searchsorted(done, done[low] + _WORD_PAIRS_AT_ONCE, side="right")) - 1
        high = min(fitting, low + _PAIRS_AT_ONCE)
        yield rest[low:high]
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
            np.add.at(out, (pair, scoring.FIRST_STAGE + 4 * best.stage + kind + column), count)
    # A chunk goes on while matches follow one another without a gap on both sides.
    goes_on = np.zeros(len(pair), dtype=np.bool_)
    goes_on[1:] = (
        (pair[1:] == pair[:-1])
        & (best.start2[1:] == (best.start2 + best.length2)[:-1])
        & (best.start1[1:] == (best.start1 + best.length1)[:-1])
    )
    out[:, scoring.CHUNKS] = np.bincount(pair[~goes_on], minlength=pairs)
    return out
