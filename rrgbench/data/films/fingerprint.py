"""Finding the same film twice, also when one copy was scaled, re-compressed or stored in another format.

A film's fingerprint is a difference hash: the film is averaged to 17 columns by 16 rows and each bit says whether a
cell is brighter than its left neighbour. Copies differ in a few bits; different films of one patient, let alone of
two, differ in many. Measured on 1,888 real films (ChestX-ray14 at 256 and 64 px, the COVID collection): copies 0 to 6
bits of 256, everything else 16 or more.

Copies are found without comparing every film with every other. Two fingerprints that differ in at most m bits agree
entirely in one of m + 1 parts of them (pigeonhole; Manku, Jain and Das Sarma, WWW 2007), so only films that agree in
some part are compared: of real films 1 pair in 250. The outcome is that of all pairs.
"""

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

BITS: Final = 256
SAME_FILM: Final = 10
"""Most bits in which two copies of one film differ."""

SIZE: Final = 64
"""Side in pixels at which films are decoded to be compared."""

Fingerprint = NDArray[np.bool_]

_BLOCK: Final = 2048
"""Rows compared at once where every pair is."""

_EDGES: Final = 4_000_000
"""Pairs kept until they are reduced to the groups they make."""

_SET_BITS: Final = np.array([number.bit_count() for number in range(1 << 16)], dtype=np.uint8)

Pairs = tuple[NDArray[np.int64], NDArray[np.int64]]


def fingerprint(film: NDArray[np.uint8]) -> Fingerprint:
    """Difference hash of a grey film (height, width) as bits (256,); a narrow one is taken without its bars."""
    small = Image.fromarray(_unpadded(film)).resize((17, 16), Image.Resampling.BOX)
    return np.asarray(np.diff(np.asarray(small, dtype=np.int16), axis=1) > 0).ravel()


def _unpadded(film: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The film without bars of zeros on two opposite sides, where each is a sixth of the side or more.

    Films of 3:1 and narrower agreed in most bits otherwise, which were those of their bars. Thinner bars stay: whether
    the film's own edge is black enough to be taken for one would differ between its copies.
    """
    for axis in (0, 1):
        filled = np.flatnonzero(film.any(axis=1 - axis))
        if len(filled):
            first, last = int(filled[0]), int(filled[-1]) + 1
            if min(first, film.shape[axis] - last) * 6 >= film.shape[axis]:
                film = film[first:last] if axis == 0 else film[:, first:last]
    return np.ascontiguousarray(film)


def same_films(fingerprints: NDArray[np.bool_], most: int = SAME_FILM) -> list[tuple[int, int]]:
    """Pairs of rows whose fingerprints differ in at most `most` bits.

    Parameters
    ----------
    fingerprints : bool array (n, 256)
        One row a film.
    most : int
        Bits that may differ.

    Returns
    -------
    list of (int, int)
        Pairs (i, j) with i < j, in order. Films without any structure (all bits equal) are compared like any other, and
        of m equal films all m (m - 1) / 2 pairs are listed; `film_groups` needs no such room.
    """
    found = list(_near_pairs(fingerprints, most))
    if not found:
        return []
    low, high = (np.concatenate(side) for side in zip(*found, strict=True))
    coded = np.unique(low * len(fingerprints) + high)
    return [divmod(pair, len(fingerprints)) for pair in coded.tolist()]


def film_groups(fingerprints: NDArray[np.bool_], most: int = SAME_FILM) -> list[tuple[int, ...]]:
    """Groups of rows that are joined, directly or through others, by at most `most` differing bits.

    Parameters
    ----------
    fingerprints : bool array (n, 256)
        One row a film.
    most : int
        Bits that may differ.

    Returns
    -------
    list of tuple of int
        Groups of two rows or more, each in ascending order, ordered by their first row.
    """
    if not len(fingerprints):
        return []
    # Equal films are joined first: a thousand blank ones would be half a million pairs.
    words = _packed(fingerprints)
    _, first, which = np.unique(words, axis=0, return_index=True, return_inverse=True)
    kinds = len(first)
    joined = np.arange(kinds)
    waiting: list[Pairs] = []
    edges = 0
    for pairs in _near_pairs(fingerprints[first], most):
        waiting.append(pairs)
        edges += len(pairs[0])
        if edges > _EDGES:
            joined, waiting, edges = _join(joined, waiting), [], 0
    group = _join(joined, waiting)[which.ravel()]
    members = np.argsort(group, kind="stable")
    parts = np.split(members, np.flatnonzero(np.diff(group[members])) + 1)
    return sorted(tuple(part.tolist()) for part in parts if len(part) > 1)


def _join(group: NDArray[np.int64], pairs: list[Pairs]) -> NDArray[np.int64]:
    """Groups (n,) of rows after pairs of rows have been joined."""
    if not pairs:
        return group
    low, high = (group[np.concatenate(side)] for side in zip(*pairs, strict=True))
    graph = coo_array((np.ones(len(low), dtype=np.int8), (low, high)), shape=(len(group), len(group)))
    return np.asarray(connected_components(graph, directed=False)[1], dtype=np.int64)[group]


def _near_pairs(fingerprints: NDArray[np.bool_], most: int) -> Iterator[Pairs]:
    """Pairs of rows (i < j) within the distance, in parts; some may come more than once."""
    rows, bits = fingerprints.shape
    parts = most + 1
    if rows <= _BLOCK or parts > bits:
        yield from _all_pairs(fingerprints, most)
        return
    # Every parts-th bit: neighbouring bits lie on the same ribs and agree in half of all films.
    orders, starts = [], []
    candidates = 0
    for part in range(parts):
        key = _packed(fingerprints[:, part::parts])[:, 0]
        order = np.argsort(key, kind="stable")
        orders.append(order)
        starts.append(np.flatnonzero(np.diff(key[order], prepend=~key[order[:1]])))
        lengths = np.diff(starts[-1], append=rows)
        candidates += int((lengths * (lengths - 1) // 2).sum())
    if candidates > rows * (rows - 1) // 2:
        # parts that nearly all films share (blank areas) would have the same pair compared several times
        yield from _all_pairs(fingerprints, most)
        return
    words = _packed(fingerprints)
    for order, start in zip(orders, starts, strict=True):
        yield from _pairs_in_runs(np.ascontiguousarray(words[order].T), order, start, most)


def _pairs_in_runs(
    words: NDArray[np.uint64], order: NDArray[np.int64], starts: NDArray[np.int64], most: int
) -> Iterator[Pairs]:
    """Pairs within the distance, both of one run.

    Parameters
    ----------
    words : uint64 array (words, n)
        Packed fingerprints in sorted order.
    order : int array (n,)
        Row that each of them is.
    starts : int array
        Where runs of equal keys begin.
    most : int
        Bits that may differ.
    """
    end = np.repeat(np.append(starts[1:], len(order)), np.diff(starts, append=len(order)))
    # One step compares each film with the one `step` places further in its run, so memory stays that of the films.
    film = np.arange(len(order))
    step = 0
    while len(film):
        step += 1
        film = film[film + step < end[film]]
        near, distance = film, np.zeros(len(film), dtype=np.int64)
        for word in words:
            # the first 64 bits already tell nearly all different films apart
            distance = distance + _bit_count(word[near] ^ word[near + step])
            keep = distance <= most
            near, distance = near[keep], distance[keep]
        if len(near):
            yield _ordered(order[near], order[near + step])


def _all_pairs(fingerprints: NDArray[np.bool_], most: int) -> Iterator[Pairs]:
    # |a xor b| = |a| + |b| - 2 a.b: one matrix product a block; exact in float32, as counts stay below 2**24.
    counts = fingerprints.sum(axis=1, dtype=np.float32)
    for start in range(0, len(fingerprints), _BLOCK):
        rows = fingerprints[start : start + _BLOCK].astype(np.float32)
        for other in range(start, len(fingerprints), _BLOCK):
            columns = fingerprints[other : other + _BLOCK].astype(np.float32)
            distance = (
                counts[start : start + _BLOCK, None] + counts[None, other : other + _BLOCK] - 2 * rows @ columns.T
            )
            low, high = np.nonzero(distance <= most)
            low, high = low + start, high + other
            yield low[low < high], high[low < high]


def _ordered(one: NDArray[np.int64], other: NDArray[np.int64]) -> Pairs:
    return np.minimum(one, other), np.maximum(one, other)


def _packed(bits: NDArray[np.bool_]) -> NDArray[np.uint64]:
    """Bits (n, b) as words (n, ceil(b / 64)), the last filled up with zeros."""
    packed = np.packbits(bits, axis=1)
    return np.ascontiguousarray(np.pad(packed, ((0, 0), (0, -packed.shape[1] % 8)))).view(np.uint64)


def _count_by_table(words: NDArray[np.uint64]) -> NDArray[np.uint8]:
    counts: NDArray[np.uint8] = _SET_BITS[words.view(np.uint16).reshape(-1, 4)].sum(axis=1, dtype=np.uint8)
    return counts


_bit_count: Any = getattr(np, "bitwise_count", _count_by_table)
"""Set bits of each word; NumPy counts them itself since 2.0."""
