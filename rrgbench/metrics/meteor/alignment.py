"""METEOR's search for the best alignment, for many pairs in step.

Reference words are taken from left to right. A partial alignment may take any match that starts at the current word
and whose hypothesis words are free, or skip the word; the 40 best partial alignments survive each word. Better means:
more matched words (a match that is not exact counts half, rounded down), then fewer chunks, then smaller distance,
then earlier found. Three habits of the jar decide ties and are therefore kept (class Aligner, method resolve):

- A match alone on all its words is fixed beforehand, and stays out of the search.
- The distance of a taken match is added to the partial alignment it was taken from, not to the new one; siblings
  found later and the skip carry it.
- The order of equals is that of their finding; sorting is stable.

Stretches of words on which nothing branches count as one step: they change all partial alignments of a pair alike,
except at their first word. The search over steps is done twice: pair by pair in C (`_beam.c`, five times as fast), and
for all pairs at once in NumPy, where no compiler was there at installation. Both compare the same integers.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from rrgbench.metrics.meteor.lexicon import Ints
from rrgbench.metrics.meteor.matching import EXACT, Matches, Side

try:
    from rrgbench.metrics.meteor._beam import search as compiled
except ImportError:
    compiled = None  # type: ignore[assignment]

BEAM: Final = 40
_NONE: Final = -1
_NEVER: Final = -2
_WORD_BITS: Final = 63


@dataclass(frozen=True)
class Steps:
    """What the search does: a step at each reference word that an open match covers; what lies between has one outcome.

    The steps of pair k are `offsets[k]:offsets[k + 1]`. Arrays (s,) unless said otherwise.

    Attributes
    ----------
    position : int64 array
        Reference word of the step, counted over all pairs.
    first, branches : int64 array
        The matches that may be taken here: `first`, `first + 1`, ...; `branches` of them.
    stretch : bool array
        Whether words without an open match follow.
    enter : int64 array
        Where in the hypothesis the fixed match on the first word of that stretch starts; `_NEVER` if there is none.
    leave : int64 array
        The hypothesis word at which the next match would continue the chunk after the stretch; `_NONE` if none would.
    begin : int64 array (p,)
        The same at the first step of each pair.
    """

    offsets: Ints
    position: Ints
    first: Ints
    branches: Ints
    stretch: NDArray[np.bool_]
    enter: Ints
    leave: Ints
    begin: Ints


def begin_alignment(
    matches: Matches, side1: Side, side2: Side, each: Callable[..., Iterator[Ints]] = map
) -> Callable[[], NDArray[np.bool_]]:
    """Begin to look which matches the best alignment of each pair takes.

    Parameters
    ----------
    matches : Matches
        All m matches of p pairs.
    side1, side2 : Side
        Hypotheses and references.
    each : callable
        `map`, or that of an executor, whose threads search batches of pairs: the C code lets go of Python's lock.

    Returns
    -------
    callable
        Waits for the search and gives a bool array (m,).
    """
    cover1 = coverage(matches.start1, matches.length1, len(side1.tokens))
    cover2 = coverage(matches.start2, matches.length2, len(side2.tokens))
    contested1 = np.concatenate(([0], np.cumsum(cover1 != 1)))
    contested2 = np.concatenate(([0], np.cumsum(cover2 != 1)))
    fixed = (contested1[matches.start1 + matches.length1] == contested1[matches.start1]) & (
        contested2[matches.start2 + matches.length2] == contested2[matches.start2]
    )
    steps = _steps(matches, fixed, side2)
    open_matches = np.flatnonzero(~fixed)
    bits, contested = _bits(matches, open_matches, side1)
    counts = np.diff(steps.offsets)
    reach = np.bincount(side1.pair[matches.start1[open_matches]], minlength=len(counts))
    # Pairs of similar size go together, the longest first, so that the pairs still searching are always the first ones.
    order = np.lexsort((reach, counts))[::-1]
    order = order[(counts[order] > 0) & (reach[order] > 0)]
    search = _Search(matches, steps, bits, contested, side1, side2)
    batches = [search.batch(order[low : low + _BATCH]) for low in range(0, len(order), _BATCH)]
    found = each(search.in_numpy if compiled is None else search.compiled, batches)

    def chosen() -> NDArray[np.bool_]:
        taken = np.asarray(fixed).copy()
        for some in found:
            taken[some] = True
        return taken

    return chosen


_BATCH: Final = 256


def coverage(starts: Ints, lengths: Ints, size: int) -> Ints:
    """How many spans cover each of `size` positions."""
    change = np.bincount(starts, minlength=size + 1) - np.bincount(starts + lengths, minlength=size + 1)
    return np.cumsum(change[:size])


def _steps(matches: Matches, fixed: NDArray[np.bool_], side2: Side) -> Steps:
    """Cut each reference into words that an open match covers and stretches of words without one."""
    size = len(side2.tokens)
    free = ~fixed
    branching = coverage(matches.start2[free], matches.length2[free], size) > 0
    # The fixed match that covers each word, if any.
    over = np.full(size, _NONE)
    rows = np.flatnonzero(fixed)
    for step in range(int(matches.length2[rows].max(initial=0))):
        at = rows[matches.length2[rows] > step]
        over[matches.start2[at] + step] = at

    is_first = np.zeros(size, dtype=np.bool_)
    is_first[side2.offsets[:-1][np.diff(side2.offsets) > 0]] = True
    stretch_starts = ~branching & is_first
    stretch_starts[1:] |= ~branching[1:] & branching[:-1]
    starts = np.flatnonzero(stretch_starts)
    is_last = np.ones(size, dtype=np.bool_)
    is_last[:-1] = is_first[1:] | branching[1:]
    ends = np.flatnonzero(is_last & ~branching)
    enter = np.where(over[starts] >= 0, _at(matches.start1, over[starts]), _NEVER)
    leave = np.where(over[ends] >= 0, _at(matches.start1 + matches.length1, over[ends]), _NONE)

    position = np.flatnonzero(branching)
    place, number = np.zeros(size + 1, dtype=np.int64), np.zeros(size + 1, dtype=np.bool_)
    place[starts], number[starts] = np.arange(len(starts)), True
    number[:size] &= ~is_first
    after = number[position + 1]
    entering, leaving = np.full(len(position), _NEVER), np.full(len(position), _NONE)
    entering[after], leaving[after] = enter[place[position[after] + 1]], leave[place[position[after] + 1]]
    begin = np.full(len(side2.offsets) - 1, _NONE)
    at_first = np.flatnonzero(is_first[starts])
    begin[side2.pair[starts[at_first]]] = leave[at_first]
    first = np.searchsorted(matches.start2, position)
    branches = np.searchsorted(matches.start2, position, side="right") - first
    return Steps(np.searchsorted(position, side2.offsets), position, first, branches, after, entering, leaving, begin)


def _at(values: Ints, index: Ints) -> Ints:
    """Values at an index that may be `_NONE`, where any value will do."""
    return values[index] if len(values) else np.full(len(index), _NONE)


def _bits(matches: Matches, rows: Ints, side1: Side) -> tuple[list[Ints], Ints]:
    """The hypothesis words of each open match as bits of one or more integers, for a quick test of what is free.

    Only words that an open match covers get a bit, numbered within the pair; how many these are comes second (p,).
    """
    size = len(side1.tokens)
    used = coverage(matches.start1[rows], matches.length1[rows], size) > 0
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
    return out, np.diff(rank[side1.offsets])


@dataclass(frozen=True)
class _Batch:
    """Pairs searched together, ordered by falling number of steps, and how their ranks are packed.

    What ranks partial alignments is packed into one integer, from the top: words not matched, chunks, distance.

    Attributes
    ----------
    pairs, base, counts : int64 arrays (b,)
        The pairs, their first steps and how many they have.
    start, chunk, row_shift : int
        The rank of an empty alignment, a chunk in it, and how many bits a rank has.
    gains, distances : int64 arrays (m,)
        What a match takes off the rank, and adds to that of its siblings.
    integers : int
        How many integers of bits the hypotheses of these pairs need.
    """

    pairs: Ints
    base: Ints
    counts: Ints
    start: int
    chunk: int
    row_shift: int
    gains: Ints
    distances: Ints
    integers: int


class _Search:
    """The beam search over batches of pairs."""

    def __init__(
        self, matches: Matches, steps: Steps, bits: list[Ints], contested: Ints, side1: Side, side2: Side
    ) -> None:
        self._steps = steps
        self._bits = bits
        self._contested = contested
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

    def batch(self, pairs: Ints) -> _Batch:
        """Some pairs, which are ordered by falling number of steps."""
        base = self._steps.offsets[pairs]
        words = int(self._words[pairs].max())
        word_bits = words.bit_length()
        distance_bits = int(self._farthest[pairs].max()).bit_length()
        # Only texts of many thousand words outgrow 63 bits; their distances, which come last, are compared coarsely.
        excess = max(len(pairs).bit_length() + 2 * word_bits + distance_bits - 63, 0)
        distance_bits -= excess
        return _Batch(
            pairs=pairs,
            base=base,
            counts=self._steps.offsets[pairs + 1] - base,
            start=words << (word_bits + distance_bits),
            chunk=1 << distance_bits,
            row_shift=2 * word_bits + distance_bits,
            gains=self._gain << (word_bits + distance_bits),
            distances=self._distance >> excess,
            integers=max(-(-int(self._contested[pairs].max()) // _WORD_BITS), 1),
        )

    def compiled(self, batch: _Batch) -> Ints:
        """The matches taken by the best alignments of a batch, pair by pair."""
        steps, chosen = self._steps, np.zeros(len(self._start1), dtype=np.uint8)
        bits = self._bits[0] if batch.integers == 1 else np.concatenate(self._bits[: batch.integers])
        begin, rank = steps.begin[batch.pairs], np.full(len(batch.pairs), batch.start)
        of_steps = (steps.position, steps.first, steps.branches, steps.stretch, steps.enter, steps.leave)
        of_matches = (self._start1, self._end1, self._end2, batch.gains, batch.distances, bits)
        arrays = (batch.base, batch.counts, begin, rank, *of_steps, *of_matches, chosen)
        compiled(*map(np.ascontiguousarray, arrays), BEAM, batch.chunk, _NONE)
        return np.flatnonzero(chosen)

    def in_numpy(self, batch: _Batch) -> Ints:
        """The same for all pairs at once.

        The partial alignments of a batch are rows of parallel arrays, ordered by pair, then rank; the pair's number in
        the batch stands above its rank in the same integer.
        """
        steps, pairs, base, counts = self._steps, batch.pairs, batch.base, batch.counts
        chunk, row_shift, gains, distances = batch.chunk, batch.row_shift, batch.gains, batch.distances

        rank = (np.arange(len(pairs)) << row_shift) + batch.start
        open_end = steps.begin[pairs]
        busy_until = np.zeros(len(pairs), dtype=np.int64)
        used = [np.zeros(len(pairs), dtype=np.int64) for _ in range(batch.integers)]
        parents: list[Ints] = []
        taken: list[Ints] = []
        final = np.empty(len(pairs), dtype=np.int64)
        for step in range(int(counts[0]) + 1):
            running = _running(counts, step)
            row = rank >> row_shift
            alive = int(np.searchsorted(row, running))
            if alive < len(row):
                # Some pairs are complete: their open chunks are closed, and the first in rank is the best.
                order = _ranked(rank[alive:] + chunk * (open_end[alive:] != _NONE), np.arange(len(row) - alive))
                done, first = np.unique(row[alive:][order], return_index=True)
                final[done] = alive + order[first]
                row, rank, open_end, busy_until = row[:alive], rank[:alive], open_end[:alive], busy_until[:alive]
                used = [part[:alive] for part in used]
            if not alive:
                break
            at = base[row] + step
            busy = busy_until > steps.position[at]
            branches = np.where(busy, 0, steps.branches[at])

            # Children: one for each match whose hypothesis words are free.
            ends = np.cumsum(branches)
            source = np.repeat(np.arange(alive), branches)
            match = np.arange(len(source)) + np.repeat(steps.first[at] - (ends - branches), branches)
            clash = used[0].take(source) & self._bits[0].take(match)
            for part, bits in zip(used[1:], self._bits[1:], strict=False):
                clash |= part.take(source) & bits.take(match)
            usable = clash == 0
            passed = np.concatenate(([0], np.cumsum(distances.take(match) * usable)))
            order_of_child = np.flatnonzero(usable)
            source, match = source.take(order_of_child), match.take(order_of_child)
            earlier = ends - branches
            before = passed[earlier]
            ending = open_end.take(source)
            breaks = (ending != _NONE) & (self._start1.take(match) != ending)
            child_rank = (rank - before).take(source) + passed.take(order_of_child) - gains.take(match) + chunk * breaks

            # The partial alignment itself goes on without a match at this word, after its children.
            skip_rank = rank + (passed[ends] - before) + chunk * ((open_end != _NONE) & ~busy)
            found = np.concatenate([order_of_child + source, ends + np.arange(alive)])
            source = np.concatenate([source, np.arange(alive)])
            match = np.concatenate([match, np.full(alive, _NONE)])
            new_rank = np.concatenate([child_rank, skip_rank])
            order = _ranked(new_rank, found)
            order = order[_among_first(new_rank.take(order) >> row_shift)]
            source, match, rank = source.take(order), match.take(order), new_rank.take(order)

            took = match != _NONE
            open_end = np.where(took, self._end1[match], np.where(busy, open_end, _NONE)[source])
            # A stretch without open matches changes the order once, at its first word.
            at = at[source]
            stretch = steps.stretch[at]
            rank = rank + chunk * (stretch & (open_end != _NONE) & (steps.enter[at] != open_end))
            open_end = np.where(stretch, steps.leave[at], open_end)
            order = np.argsort(rank, kind="stable")
            source, match, rank, open_end = source[order], match[order], rank[order], open_end[order]
            took = match != _NONE
            busy_until = np.where(took, self._end2[match], busy_until[source])
            used = [part[source] | np.where(took, bits[match], 0) for part, bits in zip(used, self._bits, strict=False)]
            parents.append(source)
            taken.append(match)
        return _trace(final, counts, parents, taken)


def _running(counts: Ints, step: int) -> int:
    """How many pairs have a step of this number; `counts` falls."""
    return int(np.searchsorted(-counts, -step, side="left"))


def _ranked(rank: Ints, found: Ints) -> Ints:
    """Order by rank, then by order of finding, a permutation of small numbers."""
    bits = int(found.max(initial=0)).bit_length()
    if int(rank.max(initial=0)).bit_length() + bits > 63:
        return np.lexsort((found, rank))
    # One sort of packed integers is several times quicker than two stable ones.
    place = np.empty(1 << bits, dtype=np.int64)
    place[found] = np.arange(len(found))
    return place.take(np.sort((rank << bits) + found) & ((1 << bits) - 1))


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
        running = _running(counts, step)
        current = np.concatenate([current, final[len(current) : running]])
        match = taken[step][current]
        out.append(match[match != _NONE])
        current = parents[step][current]
    return np.concatenate(out) if out else np.empty(0, dtype=np.int64)
