"""All matches METEOR's four matchers find between hypotheses and references.

Line 1 is the hypothesis, line 2 the reference, as in the jar. The order of the matches that start at one reference
word decides ties in the search, so it is kept: exact, stem and synonym matches by hypothesis position, then
paraphrases of reference phrases (by length of the phrase, then by the table's order), then paraphrases of hypothesis
phrases (by position). Everything here works on the tokens of many pairs at once.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from rrgbench.metrics.meteor.keys import UInt64, ngram_keys, powers
from rrgbench.metrics.meteor.lexicon import Ints, Lexicon, Lists, lookup
from rrgbench.metrics.meteor.resources import Resources

try:
    from rrgbench.metrics.meteor._phrases import find as compiled
except ImportError:
    compiled = None  # type: ignore[assignment]

EXACT: Final = 0
STEM: Final = 1
SYNONYM: Final = 2
PARAPHRASE: Final = 3


@dataclass(frozen=True)
class Side:
    """One line of each of p pairs, end to end.

    Attributes
    ----------
    offsets : int64 array (p + 1,)
        Pair k's tokens lie at `offsets[k]:offsets[k + 1]`.
    tokens : int64 array (t,)
        Numbers of the tokens in the lexicon.
    pair : int64 array (t,)
        The pair each token belongs to.
    phrases : Phrases
        Occurrences of phrases of the paraphrase table, `start` counting in `tokens`.
    """

    offsets: Ints
    tokens: Ints
    pair: Ints
    phrases: "Phrases"


@dataclass(frozen=True)
class Phrases:
    """Occurrences of phrases, ordered by start, then length.

    Arrays (o,): position of the first token, number of words, phrase number, line.
    """

    start: Ints
    length: Ints
    phrase: Ints
    line: Ints

    def of_lines(self, lines: Ints, count: int, old_offsets: Ints, new_offsets: Ints) -> "Phrases":
        """The occurrences in a sequence of the lines, moved to where those lines lie in it."""
        lists = Lists(np.searchsorted(self.line, np.arange(count + 1)), np.arange(len(self.line)))
        place, index = lists.expand(lines)
        shift = new_offsets[place] - old_offsets[lines[place]]
        return Phrases(self.start[index] + shift, self.length[index], self.phrase[index], place)


@dataclass(frozen=True)
class Matches:
    """Matches of p pairs, ordered by reference position and then as the jar lists them.

    Arrays (m,): `start2`, `start1` are positions in the sides' `tokens`, `length2`, `length1` words, `stage` one of
    `EXACT`, `STEM`, `SYNONYM`, `PARAPHRASE`.
    """

    start2: Ints
    length2: Ints
    start1: Ints
    length1: Ints
    stage: Ints


def find_phrases(tokens: Ints, offsets: Ints, lexicon: Lexicon, resources: Resources) -> tuple[Phrases, Lists]:
    """Phrases of the paraphrase table in a running text of many lines, and which of them paraphrase which.

    Parameters
    ----------
    tokens, offsets : int64 arrays
        Lines of tokens, end to end.
    lexicon, resources
        What is known of the tokens, and the table.

    Returns
    -------
    occurrences : Phrases
        Where phrases lie; those that have no paraphrase among the others are left out.
    paraphrases : Lists
        For each phrase number, the paraphrases of it that occur somewhere in the text, in the table's order.
    """
    words = lexicon.keys[tokens]
    left = np.repeat(offsets[1:], np.diff(offsets)) - np.arange(len(tokens))
    look = _possible_in_numpy if compiled is None else _possible
    start, length, keys = look(words, left, resources)
    distinct, phrase = np.unique(keys, return_inverse=True)
    found, entries = lookup(resources.paraphrase_keys, distinct)
    spans = resources.paraphrase_offsets
    counts = spans[entries + 1] - spans[entries]
    source = np.repeat(found, counts)
    wanted = np.arange(len(source)) + np.repeat(spans[entries] - (np.cumsum(counts) - counts), counts)
    kept, target = lookup(distinct, resources.paraphrase_targets[wanted])
    source = source[kept]

    # Only phrases that take part in a pair of paraphrases matter from here on.
    used = np.zeros(len(distinct), dtype=np.bool_)
    used[source] = used[target] = True
    number = np.cumsum(used) - 1
    paraphrases = Lists(np.searchsorted(number[source], np.arange(int(used.sum()) + 1)), number[target])
    chosen = np.flatnonzero(used[phrase])
    chosen = chosen[np.argsort(start[chosen] * (resources.longest_phrase + 1) + length[chosen])]
    start = start[chosen]
    line = np.searchsorted(offsets, start, side="right") - 1
    return Phrases(start, length[chosen], number[phrase[chosen]], line), paraphrases


def _possible(words: UInt64, left: Ints, resources: Resources) -> tuple[Ints, Ints, UInt64]:
    """Places, lengths and keys of the n-grams that may be phrases (`_phrases.c`).

    Parameters
    ----------
    words : uint64 array (w,)
        Keys of the words of a running text.
    left : int64 array (w,)
        Words from each to the end of its line, itself counted.
    resources : Resources
        The table.
    """
    assert compiled is not None
    given = (words, left, powers(resources.longest_phrase), resources.phrase_filter)
    # more than twice as many as are found in radiology reports
    room = 4 * len(words)
    while True:
        start, length, keys = np.empty(room, np.int64), np.empty(room, np.int64), np.empty(room, np.uint64)
        found = compiled(*map(np.ascontiguousarray, given), start, length, keys)
        if found <= room:
            return start[:found], length[:found], keys[:found]
        room = found


def _possible_in_numpy(words: UInt64, left: Ints, resources: Resources) -> tuple[Ints, Ints, UInt64]:
    """The same where no compiler was at hand, in another order."""
    starts, lengths, keys = [], [], []
    for index, grams in enumerate(ngram_keys(words, resources.longest_phrase)):
        start = np.flatnonzero(resources.maybe_phrases(grams) & (left[: len(grams)] > index))
        starts.append(start)
        lengths.append(np.full(len(start), index + 1))
        keys.append(grams[start])
    if not starts:
        nothing = np.empty(0, dtype=np.int64)
        return nothing, nothing, np.empty(0, dtype=np.uint64)
    return np.concatenate(starts), np.concatenate(lengths), np.concatenate(keys)


def find_matches(
    side1: Side, side2: Side, lexicon: Lexicon, paraphrases: Lists, exact_only: NDArray[np.bool_]
) -> Matches:
    """Matches of all pairs.

    Parameters
    ----------
    side1, side2 : Side
        Hypotheses and references of p pairs.
    lexicon : Lexicon
        Properties of the tokens.
    paraphrases : Lists
        Paraphrases of each phrase number.
    exact_only : bool array (p,)
        Pairs whose two lines are equal: they get exact matches only.
    """
    pairs = len(side1.offsets) - 1
    found: list[tuple[Ints, Ints, Ints, Ints, int]] = []

    def add_words(at2: Ints, at1: Ints, stage: int) -> None:
        one = np.ones(len(at2), dtype=np.int64)
        found.append((at2, one, at1, one, stage))

    words = len(lexicon.keys)
    exact1, exact2 = lexicon.exact[side1.tokens], lexicon.exact[side2.tokens]
    add_words(*_join(side2.pair * words + exact2, side1.pair * words + exact1), EXACT)

    open2 = np.flatnonzero(~exact_only[side2.pair])
    stem1, stem2 = lexicon.stem[side1.tokens], lexicon.stem[side2.tokens][open2]
    at2, at1 = _join(side2.pair[open2] * words + stem2, side1.pair * words + stem1)
    different = exact2[open2[at2]] != exact1[at1]
    add_words(open2[at2[different]], at1[different], STEM)

    at2, at1 = _related(
        side2.pair[open2], side2.tokens[open2], lexicon.synonyms, side1.pair, side1.tokens, (pairs, words)
    )
    order = np.argsort(at2 * (len(side1.tokens) + 1) + at1)
    add_words(open2[at2[order]], at1[order], SYNONYM)

    phrases1, phrases2 = side1.phrases, side2.phrases
    shape = (pairs, len(paraphrases.offsets) - 1)
    open2 = np.flatnonzero(~exact_only[phrases2.line])
    at2, at1 = _related(
        phrases2.line[open2], phrases2.phrase[open2], paraphrases, phrases1.line, phrases1.phrase, shape
    )
    at2 = open2[at2]
    found.append((phrases2.start[at2], phrases2.length[at2], phrases1.start[at1], phrases1.length[at1], PARAPHRASE))
    open1 = np.flatnonzero(~exact_only[phrases1.line])
    at1, at2 = _related(
        phrases1.line[open1], phrases1.phrase[open1], paraphrases, phrases2.line, phrases2.phrase, shape
    )
    at1 = open1[at1]
    found.append((phrases2.start[at2], phrases2.length[at2], phrases1.start[at1], phrases1.length[at1], PARAPHRASE))

    start2 = np.concatenate([entry[0] for entry in found])
    order = np.argsort(start2, kind="stable")
    stage = np.repeat([entry[4] for entry in found], [len(entry[0]) for entry in found])
    return Matches(
        start2=start2[order],
        length2=np.concatenate([entry[1] for entry in found])[order],
        start1=np.concatenate([entry[2] for entry in found])[order],
        length1=np.concatenate([entry[3] for entry in found])[order],
        stage=stage[order],
    )


def _join(left: Ints, right: Ints) -> tuple[Ints, Ints]:
    """All (i, j) with `left[i] == right[j]`, by i, then j."""
    order = np.argsort(right, kind="stable")
    ordered = right[order]
    low = np.searchsorted(ordered, left)
    counts = np.searchsorted(ordered, left, side="right") - low
    source = np.repeat(np.arange(len(left)), counts)
    return source, order[np.arange(len(source)) + np.repeat(low - (np.cumsum(counts) - counts), counts)]


def _related(
    pair_left: Ints, left: Ints, relation: Lists, pair_right: Ints, right: Ints, shape: tuple[int, int]
) -> tuple[Ints, Ints]:
    """All (i, j) of the same pair where `right[j]` is in the relation's list of `left[i]`, by i, then list, then j."""
    source, other = relation.expand(left)
    wanted = pair_left[source] * shape[1] + other
    # Most related words don't occur in the pair's other line: a table of those that do is quicker than a search.
    present = np.zeros(shape[0] * shape[1], dtype=np.bool_)
    offered = pair_right * shape[1] + right
    present[offered] = True
    kept = np.flatnonzero(present[wanted])
    at_left, at_right = _join(wanted[kept], offered)
    return source[kept[at_left]], at_right
