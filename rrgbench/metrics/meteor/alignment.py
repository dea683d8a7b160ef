"""METEOR's search for the best alignment, for many pairs in step.

Reference words are taken from left to right. A partial alignment may take any match that starts at the current word
and whose hypothesis words are free, or skip the word; the 40 best partial alignments survive each word. Better means:
more matched words (a match that is not exact counts half, rounded down), then fewer chunks, then smaller distance,
then earlier found. Three habits of the jar decide ties and are therefore kept (class Aligner, method resolve):

- A match alone on all its words is fixed beforehand, and stays out of the search.
- The distance of a taken match is added to the partial alignment it was taken from, not to the new one; siblings
  found later and the skip carry it.
- The order of equals is that of their finding; sorting is stable.

What the jar does word by word and pair by pair is done here for all pairs at once, and stretches of words on which
nothing branches count as one step: they change all partial alignments of a pair alike, except at their first word.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from rrgbench.metrics.meteor.lexicon import Ints
from rrgbench.metrics.meteor.matching import EXACT, Matches, Side

BEAM: Final = 40
_NONE: Final = -1
_NEVER: Final = -2
_WORD_BITS: Final = 63


@dataclass(frozen=True)
class Steps:
    """What the search does, step by step; the steps of pair k are `offsets[k]:offsets[k + 1]`. Arrays (s,) otherwise.

    Attributes
    ----------
    position : int64 array
        Reference word (counted over all pairs) of the step.
    first, branches : int64 array
        The matches that may be taken here: `first`, `first + 1`, ...; `branches` of them.
    entry : int64 array
        The hypothesis position at which going on without taking a match continues a chunk; `_NEVER` for a skipped word.
    leave : int64 array
        The hypothesis position at which the next match would continue the chunk after the step; `_NONE` after a skip.
    """

    offsets: Ints
    position: Ints
    first: Ints
    branches: Ints
    entry: Ints
    leave: Ints


def best_alignment(matches: Matches, side1: Side, side2: Side) -> NDArray[np.bool_]:
    """Which matches the best alignment of each pair takes.

    Parameters
    ----------
    matches : Matches
        All m matches of p pairs.
    side1, side2 : Side
        Hypotheses and references.

    Returns
    -------
    bool array (m,)
    """
    cover1 = _coverage(matches.start1, matches.length1, len(side1.tokens))
    cover2 = _coverage(matches.start2, matches.length2, len(side2.tokens))
    contested1 = np.concatenate(([0], np.cumsum(cover1 != 1)))
    contested2 = np.concatenate(([0], np.cumsum(cover2 != 1)))
    fixed = (contested1[matches.start1 + matches.length1] == contested1[matches.start1]) & (
        contested2[matches.start2 + matches.length2] == contested2[matches.start2]
    )
    chosen = np.asarray(fixed).copy()
    steps = _steps(matches, fixed, side2)
    open_matches = np.flatnonzero(~fixed)
    bits = _bits(matches, open_matches, side1)
    counts = np.diff(steps.offsets)
    reach = np.bincount(side1.pair[matches.start1[open_matches]], minlength=len(counts))
    # Pairs of similar size go together, the longest first, so that the pairs still searching are always the first ones.
    order = np.lexsort((reach, counts))[::-1]
    order = order[(counts[order] > 0) & (reach[order] > 0)]
    search = _Search(matches, steps, bits, side1, side2)
    for low in range(0, len(order), _BATCH):
        chosen[search.run(order[low : low + _BATCH])] = True
    return chosen


_BATCH: Final = 384


def _coverage(starts: Ints, lengths: Ints, size: int) -> Ints:
    """How many spans cover each of `size` positions."""
    change = np.bincount(starts, minlength=size + 1) - np.bincount(starts + lengths, minlength=size + 1)
    return np.cumsum(change[:size])


def _steps(matches: Matches, fixed: NDArray[np.bool_], side2: Side) -> Steps:
    """Cut each reference into steps: a word that an open match covers, or a whole stretch of words without one."""
    size = len(side2.tokens)
    free = ~fixed
    branching = _coverage(matches.start2[free], matches.length2[free], size) > 0
    # The fixed match over each word, if any.
    over = np.full(size, _NONE)
    rows = np.flatnonzero(fixed)
    spread = np.repeat(rows, matches.length2[rows])
    within = np.arange(len(spread)) - np.repeat(
        np.cumsum(matches.length2[rows]) - matches.length2[rows], matches.length2[rows]
    )
    over[matches.start2[spread] + within] = spread

    begins = branching.copy()
    begins[1:] |= branching[:-1]
    begins[side2.offsets[:-1][np.diff(side2.offsets) > 0]] = True
    position = np.flatnonzero(begins)
    last = np.append(position[1:], size)[: len(position)] - 1
    plain = ~branching[position]

    entry, leave = np.full(len(position), _NEVER), np.full(len(position), _NONE)
    at = np.flatnonzero(plain & (over[position] >= 0))
    entry[at] = matches.start1[over[position[at]]]
    at = np.flatnonzero(plain & (over[last] >= 0))
    leave[at] = (matches.start1 + matches.length1)[over[last[at]]]

    first = np.searchsorted(matches.start2, position)
    branches = np.where(plain, 0, np.searchsorted(matches.start2, position, side="right") - first)
    return Steps(np.searchsorted(position, side2.offsets), position, first, branches, entry, leave)


def _bits(matches: Matches, rows: Ints, side1: Side) -> list[Ints]:
    """The hypothesis words of each open match as bits of one or more integers, for a quick test of what is free.

    Only words that an open match covers get a bit, numbered within the pair.
    """
    size = len(side1.tokens)
    used = _coverage(matches.start1[rows], matches.length1[rows], size) > 0
    rank = np.concatenate(([0], np.cumsum(used)))
    number = rank[:-1] - rank[side1.offsets[side1.pair]]
    most = int(number[used].max(initial=-1)) + 1
    out = []
    for low in range(0, most, _WORD_BITS):
        values = np.zeros(len(matches.start1), dtype=np.int64)
        for step in range(int(matches.length1[rows].max(initial=0))):
            at = rows[matches.length1[rows] > step]
            place = number[matches.start1[at] + step] - low
            inside = (place >= 0) & (place < _WORD_BITS)
            values[at[inside]] |= np.int64(1) << place[inside]
        out.append(values)
    return out


class _Search:
    """The beam search over batches of pairs.

    The partial alignments of a batch are rows of parallel arrays, ordered by pair, then rank. `cost` orders matched
    words and chunks; `distance` breaks its ties.
    """

    def __init__(self, matches: Matches, steps: Steps, bits: list[Ints], side1: Side, side2: Side) -> None:
        self._steps = steps
        self._bits = bits
        self._start1 = matches.start1
        self._end1 = matches.start1 + matches.length1
        self._end2 = matches.start2 + matches.length2
        exact = matches.stage == EXACT
        self._gain = np.where(exact, matches.length1 + matches.length2, matches.length1 // 2 + matches.length2 // 2)
        pair = side2.pair[matches.start2]
        place2 = matches.start2 - side2.offsets[pair]
        self._distance = np.abs(place2 - (matches.start1 - side1.offsets[pair]))
        self._words = np.diff(side1.offsets) + np.diff(side2.offsets)
        self._farthest = np.bincount(pair, weights=self._distance, minlength=len(self._words))

    def run(self, pairs: Ints) -> Ints:
        """The matches taken by the best alignments of some pairs, which are ordered by falling number of steps."""
        steps = self._steps
        base = steps.offsets[pairs]
        counts = steps.offsets[pairs + 1] - base
        words = int(self._words[pairs].max())
        chunk_bits = words.bit_length() + 1
        widths = (2 * words).bit_length() + chunk_bits, int(self._farthest[pairs].max()).bit_length() + 1
        width_bits = self._widest(pairs)

        row = np.arange(len(pairs))
        cost = np.full(len(pairs), words << chunk_bits)
        distance = np.zeros(len(pairs), dtype=np.int64)
        open_end = np.full(len(pairs), _NONE)
        busy_until = np.zeros(len(pairs), dtype=np.int64)
        used = [np.zeros(len(pairs), dtype=np.int64) for _ in range(width_bits)]
        parents: list[Ints] = []
        taken: list[Ints] = []
        final = np.empty(len(pairs), dtype=np.int64)
        for step in range(int(counts[0]) + 1):
            running = int(np.searchsorted(-counts, -step, side="left"))
            alive = int(np.searchsorted(row, running))
            if alive < len(row):
                # Some pairs are complete: their open chunks are closed, and the best alignment is the first of them.
                closed = cost[alive:] + (open_end[alive:] != _NONE)
                order = _ranked(row[alive:], closed, distance[alive:], np.arange(len(closed)), widths, len(pairs))
                done, first = np.unique(row[alive:][order], return_index=True)
                final[done] = alive + order[first]
                row, cost, distance, open_end = row[:alive], cost[:alive], distance[:alive], open_end[:alive]
                busy_until, used = busy_until[:alive], [part[:alive] for part in used]
            if not alive:
                break
            at = base[row] + step
            busy = busy_until > steps.position[at]
            branches = np.where(busy, 0, steps.branches[at])

            # Children: one for each match that may be taken.
            ends = np.cumsum(branches)
            source = np.repeat(np.arange(alive), branches)
            match = np.arange(len(source)) + np.repeat(steps.first[at] - (ends - branches), branches)
            clash = np.zeros(len(source), dtype=np.int64)
            for part, bits in zip(used, self._bits, strict=False):
                clash |= part[source] & bits[match]
            usable = clash == 0
            passed = np.concatenate(([0], np.cumsum(self._distance[match] * usable)))
            order_of_child = np.flatnonzero(usable)
            source, match = source[order_of_child], match[order_of_child]
            before = passed[order_of_child] - passed[(ends - branches)[source]]
            breaks = (open_end[source] != _NONE) & (self._start1[match] != open_end[source])
            child_cost = cost[source] - (self._gain[match] << chunk_bits) + breaks

            # The partial alignment itself goes on without a match at this word, after its children.
            breaks = (open_end != _NONE) & (steps.entry[at] != open_end) & ~busy
            source = np.concatenate([source, np.arange(alive)])
            match = np.concatenate([match, np.full(alive, _NONE)])
            new_cost = np.concatenate([child_cost, cost + breaks])
            children = len(child_cost)
            new_distance = np.concatenate(
                [distance[source[:children]] + before, distance + passed[ends] - passed[ends - branches]]
            )
            # Children of one parent come in the order of their matches, then the parent.
            found = np.concatenate([order_of_child + source[:children], ends + np.arange(alive)])
            order = _ranked(row[source], new_cost, new_distance, found, widths, len(pairs))
            order = order[_among_first(row[source[order]])]

            source, match = source[order], match[order]
            parents.append(source)
            taken.append(match)
            row, cost, distance = row[source], new_cost[order], new_distance[order]
            took = match != _NONE
            stays = np.where(busy, open_end, steps.leave[at])
            open_end = np.where(took, self._end1[match], stays[source])
            busy_until = np.where(took, self._end2[match], busy_until[source])
            used = [part[source] | np.where(took, bits[match], 0) for part, bits in zip(used, self._bits, strict=False)]
        return _trace(final, counts, parents, taken)

    def _widest(self, pairs: Ints) -> int:
        """How many integers of bits the hypotheses of these pairs need."""
        return min(len(self._bits), int(self._words[pairs].max()) // _WORD_BITS + 1)


def _ranked(row: Ints, cost: Ints, distance: Ints, found: Ints, widths: tuple[int, int], rows: int) -> Ints:
    """Order by row, cost, distance, then order of finding."""
    cost_bits, distance_bits = widths
    found_bits = int(found.max(initial=0)).bit_length()
    if rows.bit_length() + cost_bits + distance_bits + found_bits > 63:
        return np.lexsort((found, distance, cost, row))
    # One sort of packed integers is several times quicker than four stable ones.
    packed = (((row << cost_bits) + cost << distance_bits) + distance << found_bits) + found
    return np.argsort(packed)


def _among_first(row: Ints) -> NDArray[np.bool_]:
    """Which rows of an ordered array are among the first `BEAM` of their pair."""
    out = np.ones(len(row), dtype=np.bool_)
    out[BEAM:] = row[BEAM:] != row[:-BEAM]
    return out


def _trace(final: Ints, counts: Ints, parents: list[Ints], taken: list[Ints]) -> Ints:
    """Follow the best partial alignments back to their beginnings and collect the matches they took."""
    current = np.empty(0, dtype=np.int64)
    out = []
    for step in range(len(parents) - 1, -1, -1):
        running = int(np.searchsorted(-counts, -step, side="left"))
        current = np.concatenate([current, final[len(current) : running]])
        match = taken[step][current]
        out.append(match[match != _NONE])
        current = parents[step][current]
    return np.concatenate(out) if out else np.empty(0, dtype=np.int64)
