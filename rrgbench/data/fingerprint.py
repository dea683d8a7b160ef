"""Finding the same film twice, also when one copy was scaled, re-compressed or stored in another format.

A film's fingerprint is a difference hash: the film is averaged to 17 columns by 16 rows and each bit says whether a
cell is brighter than its left neighbour. Copies differ in a few bits; different films of one patient, let alone of
two, differ in many. Measured on 1,888 real films (ChestX-ray14 at 256 and 64 px, the COVID collection): copies 0 to 6
bits of 256, everything else 16 or more.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

BITS: Final = 256
SAME_FILM: Final = 10
"""Most bits in which two copies of one film differ."""

SIZE: Final = 64
"""Side in pixels at which films are decoded to be compared."""

Fingerprint = NDArray[np.bool_]

_CHUNK: Final = 2048


def fingerprint(film: NDArray[np.uint8]) -> Fingerprint:
    """Difference hash of a grey film (height, width) as bits (256,)."""
    small = Image.fromarray(film).resize((17, 16), Image.Resampling.BOX)
    return np.asarray(np.diff(np.asarray(small, dtype=np.int16), axis=1) > 0).ravel()


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
        Pairs (i, j) with i < j, in order. Films without any structure (all bits equal) are compared like any other.
    """
    # |a xor b| = |a| + |b| - 2 a.b: one matrix product a chunk; exact in float32, as counts stay below 2**24.
    bits = fingerprints.astype(np.float32)
    counts = bits.sum(axis=1)
    pairs: list[tuple[int, int]] = []
    for start in range(0, len(bits), _CHUNK):
        rows = bits[start : start + _CHUNK]
        for other in range(start, len(bits), _CHUNK):
            columns = bits[other : other + _CHUNK]
            distance = (
                counts[start : start + _CHUNK, None] + counts[None, other : other + _CHUNK] - 2 * rows @ columns.T
            )
            for i, j in np.argwhere(distance <= most).tolist():
                if start + i < other + j:
                    pairs.append((start + i, other + j))
    return sorted(pairs)


def groups_of(pairs: Sequence[tuple[int, int]]) -> list[tuple[int, ...]]:
    """Join pairs that share a member into groups, each in ascending order, ordered by their first member."""
    leader: dict[int, int] = {}

    def find(item: int) -> int:
        while leader.setdefault(item, item) != item:
            item = leader[item]
        return item

    for first, second in pairs:
        low, high = sorted((find(first), find(second)))
        leader[high] = low
    groups: dict[int, list[int]] = {}
    for item in sorted(leader):
        groups.setdefault(find(item), []).append(item)
    return [tuple(group) for group in groups.values()]
