"""METEOR's search for the best alignment of one pair of long texts, in little memory.

Two texts of n words over few words have about n * n matches, too many to list. But all places of the reference that
show the same word (and start the same phrases) have the same matches, so these are listed once for each such *kind* of
place. Of the matches that a partial alignment may take at one word, only few can survive: those of equal gain that all
break the chunk rank in the order of their listing, because the distance only grows along the list. The first `BEAM` of
each gain and those that continue the chunk are therefore all that is ranked. Both leave the outcome as it is in
`rrgbench.metrics.meteor.alignment`, whose description holds here too.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from rrgbench.metrics.meteor.alignment import BEAM, coverage
from rrgbench.metrics.meteor.lexicon import Ints, Lexicon, Lists
from rrgbench.metrics.meteor.matching import EXACT, Matches, Phrases, Side, find_matches

_NONE: Final = -1


def align_long_pair(side1: Side, side2: Side, lexicon: Lexicon, paraphrases: Lists, exact_only: bool) -> Matches:
    """The matches that the best alignment of one pair takes, by reference position.

    Parameters
    ----------
    side1, side2 : Side
        Hypothesis and reference, one line each.
    lexicon : Lexicon
        Properties of the tokens.
    paraphrases : Lists
        Paraphrases of each phrase number.
    exact_only : bool
        Whether the two lines are equal, so that they get exact matches only.
    """
    kinds, places = _kinds(side2)
    listed = find_matches(side1, places, lexicon, paraphrases, np.array([exact_only]))
    return best_of_kinds(kinds, listed, len(side1.tokens))


def _kinds(side: Side) -> tuple[Ints, Side]:
    """The kind of each word (t,), numbered by first appearance, and a line of one place of each kind."""
    phrases = side.phrases
    bounds = np.searchsorted(phrases.start, np.arange(len(side.tokens) + 1)).tolist()
    numbers: dict[tuple[int, ...], int] = {}
    starting = phrases.phrase.tolist()
    kinds = np.array(
        [
            numbers.setdefault((token, *starting[bounds[at] : bounds[at + 1]]), len(numbers))
            for at, token in enumerate(side.tokens.tolist())
        ],
        dtype=np.int64,
    )
    places = np.unique(kinds, return_index=True)[1]
    shown = np.isin(phrases.start, places)
    start = kinds[phrases.start[shown]]
    nothing = np.zeros(len(places), dtype=np.int64)
    return kinds, Side(
        offsets=np.array([0, len(places)]),
        tokens=side.tokens[places],
        pair=nothing,
        phrases=Phrases(start, phrases.length[shown], phrases.phrase[shown], np.zeros(len(start), dtype=np.int64)),
    )


def best_of_kinds(kinds: Ints, listed: Matches, words1: int) -> Matches:
    """The best alignment's matches from those of each kind of place.

    Parameters
    ----------
    kinds : int64 array (t,)
        The kind of each reference word.
    listed : Matches
        The matches of each kind, `start2` being the kind.
    words1 : int
        Words of the hypothesis.
    """
    bounds = np.searchsorted(listed.start2, np.arange(int(kinds.max(initial=-1)) + 2))
    fixed = _fixed(kinds, listed, words1)
    branches: dict[int, _Branches] = {}
    paths = _Paths.empty(words1, len(kinds))
    parents: list[Ints] = []
    taken: list[Ints] = []
    for at, kind in enumerate(kinds.tolist()):
        low, high = int(bounds[kind]), int(bounds[kind + 1])
        if low < high and not fixed[low]:
            if kind not in branches:
                branches[kind] = _Branches.of(listed, low, high)
            paths, source, match = paths.branch(at, branches[kind])
            match = np.where(match == _NONE, _NONE, match + low)
        else:
            paths, source = paths.go_on(at, None if low == high else _Branches.of(listed, low, low + 1))
            match = np.full(len(source), _NONE if low == high else low)
        parents.append(source)
        taken.append(match)
    current = paths.best()
    start2, chosen = [], []
    for at in range(len(kinds) - 1, -1, -1):
        if (match_taken := int(taken[at][current])) != _NONE:
            start2.append(at)
            chosen.append(match_taken)
        current = int(parents[at][current])
    rows = np.array(chosen[::-1], dtype=np.int64)
    return Matches(
        np.array(start2[::-1], dtype=np.int64),
        listed.length2[rows],
        listed.start1[rows],
        listed.length1[rows],
        listed.stage[rows],
    )


def _fixed(kinds: Ints, listed: Matches, words1: int) -> NDArray[np.bool_]:
    """Which matches are alone on all their words, hence on a kind with a single place."""
    places = np.bincount(kinds, minlength=int(listed.start2.max(initial=-1)) + 1)
    cover1 = coverage(listed.start1, listed.length1, words1, places[listed.start2])
    cover2 = np.zeros(len(kinds), dtype=np.int64)
    for length in np.unique(listed.length2).tolist():
        count = np.bincount(listed.start2[listed.length2 == length], minlength=len(places))[kinds]
        at = np.flatnonzero(count)
        cover2 += coverage(at, np.full(len(at), length), len(kinds), count[at])
    contested1 = np.concatenate(([0], np.cumsum(cover1 != 1)))
    contested2 = np.concatenate(([0], np.cumsum(cover2 != 1)))
    # The place of a kind that has only one.
    place = np.zeros(len(places), dtype=np.int64)
    place[kinds] = np.arange(len(kinds))
    start2 = place[listed.start2]
    alone1 = contested1[listed.start1 + listed.length1] == contested1[listed.start1]
    alone2 = contested2[start2 + listed.length2] == contested2[start2]
    return np.asarray(alone1 & alone2 & (places[listed.start2] == 1))


@dataclass(frozen=True)
class _Branches:
    """The matches of one kind, in their order.

    Arrays (b,): hypothesis position, words on both sides, matched words as ranked; `groups` are the columns of equal
    gain.
    """

    start1: Ints
    length1: Ints
    length2: Ints
    gain: Ints
    groups: list[Ints]

    @classmethod
    def of(cls, listed: Matches, low: int, high: int) -> "_Branches":
        length1, length2 = listed.length1[low:high], listed.length2[low:high]
        exact = listed.stage[low:high] == EXACT
        gain = np.where(exact, length1 + length2, length1 // 2 + length2 // 2)
        groups = [np.flatnonzero(gain == value) for value in np.unique(gain)]
        return cls(listed.start1[low:high], length1, length2, gain, groups)


@dataclass(frozen=True)
class _Paths:
    """The partial alignments, best first.

    Arrays (p,): `order` ranks by matched words, then chunks, `unit` being the weight of a word; `distance` breaks its
    ties; `end1` is the hypothesis word that would continue the open chunk (`_NONE` if no chunk is open); reference
    words before `until` are done with. `free` (p, w) says which hypothesis words are.
    """

    unit: int
    order: Ints
    distance: Ints
    end1: Ints
    until: Ints
    free: NDArray[np.bool_]

    @classmethod
    def empty(cls, words1: int, words2: int) -> "_Paths":
        zero = np.zeros(1, dtype=np.int64)
        # There are never more chunks than reference words.
        return cls(words2 + 2, zero, zero, np.full(1, _NONE), zero, np.ones((1, words1), dtype=np.bool_))

    def go_on(self, at: int, only: _Branches | None) -> tuple["_Paths", Ints]:
        """After a word where all take the same match or none: the paths and which one each comes from."""
        idle = self.until <= at
        opened = self.end1 != _NONE
        if only is None:
            order = self.order + (idle & opened)
            distance, end1, until = self.distance, np.where(idle, _NONE, self.end1), self.until
        else:
            start1, gain = int(only.start1[0]), int(only.gain[0])
            order = self.order + (opened & (self.end1 != start1)) - gain * self.unit
            distance = self.distance + abs(at - start1)
            end1 = np.full(len(order), start1 + int(only.length1[0]))
            until = np.full(len(order), at + int(only.length2[0]))
        source = np.lexsort((distance, order))
        # Most words leave the ranks as they are.
        free = self.free if (source[1:] > source[:-1]).all() else self.free[source]
        return _Paths(self.unit, order[source], distance[source], end1[source], until[source], free), source

    def branch(self, at: int, branches: _Branches) -> tuple["_Paths", Ints, Ints]:
        """After a word with open matches: the paths, which one each comes from and which match it took."""
        idle = np.flatnonzero(self.until <= at)
        busy = np.flatnonzero(self.until > at)
        away = np.abs(at - branches.start1)
        usable = self._usable(idle, branches)
        passed = np.cumsum(np.where(usable, away, 0), axis=1)
        ending = self.end1[idle]
        row, match = np.divmod(np.flatnonzero(_may_survive(usable, branches, ending)), usable.shape[1])
        breaks = (ending[row] != _NONE) & (branches.start1[match] != ending[row])

        # Children, skips and those that a longer match keeps busy, in the order of their finding.
        source = np.concatenate([idle[row], idle, busy])
        match = np.concatenate([match, np.full(len(idle) + len(busy), _NONE)])
        found = source * (len(away) + 1) + np.where(match == _NONE, len(away), match)
        taken = match[: len(row)]
        order = self.order[source]
        order[: len(row)] += breaks - branches.gain[taken] * self.unit
        order[len(row) : len(row) + len(idle)] += ending != _NONE
        distance = self.distance[source]
        distance[: len(row)] += passed[row, taken] - away[taken]
        distance[len(row) : len(row) + len(idle)] += passed[:, -1]

        chosen = np.arange(len(order))
        if len(order) > BEAM:
            chosen = np.flatnonzero(order <= np.partition(order, BEAM - 1)[BEAM - 1])
        chosen = chosen[np.lexsort((found[chosen], distance[chosen], order[chosen]))[:BEAM]]
        source, match, order, distance = source[chosen], match[chosen], order[chosen], distance[chosen]
        took = match != _NONE
        until = self.until[source]
        end1 = np.where(until > at, self.end1[source], _NONE)
        end1[took] = branches.start1[match[took]] + branches.length1[match[took]]
        until[took] = at + branches.length2[match[took]]
        free = self.free[source]
        rows = np.flatnonzero(took)
        for step in range(int(branches.length1.max())):
            rows = rows[branches.length1[match[rows]] > step]
            free[rows, branches.start1[match[rows]] + step] = False
        return _Paths(self.unit, order, distance, end1, until, free), source, match

    def best(self) -> int:
        """The best path once all words are done and open chunks are closed."""
        return int(np.lexsort((self.distance, self.order + (self.end1 != _NONE)))[0])

    def _usable(self, rows: Ints, branches: _Branches) -> NDArray[np.bool_]:
        """Whether all hypothesis words of each match are free (r, b)."""
        free = self.free if len(rows) == len(self.free) else self.free[rows]
        usable = free.take(branches.start1, axis=1)
        for step in range(1, int(branches.length1.max())):
            longer = np.flatnonzero(branches.length1 > step)
            usable[:, longer] &= free.take(branches.start1[longer] + step, axis=1)
        return usable


def _may_survive(usable: NDArray[np.bool_], branches: _Branches, ending: Ints) -> NDArray[np.bool_]:
    """Which children (r, b) can be among the best: the first `BEAM` of each gain, and those that continue a chunk."""
    if usable.shape[1] <= BEAM:
        return usable
    kept: NDArray[np.bool_] = usable & (branches.start1 == ending[:, np.newaxis])
    for group in branches.groups:
        part = usable if len(branches.groups) == 1 else usable[:, group]
        first = part & (np.cumsum(part, axis=1, dtype=np.int32) <= BEAM)
        kept[:, group] |= first
    return kept
