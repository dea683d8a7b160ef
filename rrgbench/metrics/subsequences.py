"""Longest common subsequences of one text with many at once."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


class Subsequences:
    """Longest common subsequences of one text with many, bit-parallel over all of them at once.

    The columns of all dynamic programmes stand in one integer (see `rrgbench.metrics.rouge`), a guard bit after each
    that takes up the carry.
    """

    def __init__(self, texts: Sequence[Sequence[str]]) -> None:
        self._starts = np.cumsum([0, *(len(words) + 1 for words in texts)])
        places: dict[str, list[int]] = {}
        for start, words in zip(self._starts.tolist(), texts, strict=False):
            for at, word in enumerate(words):
                places.setdefault(word, []).append(start + at)
        size = int(self._starts[-1])
        self._bytes = -(-size // 8)
        self._places = {word: self._integer(positions) for word, positions in places.items()}
        guards = np.zeros(size, dtype=np.bool_)
        guards[self._starts[1:] - 1] = True
        self._mask = self._integer(np.flatnonzero(~guards).tolist())

    def _integer(self, positions: list[int]) -> int:
        bits = np.zeros(8 * self._bytes, dtype=np.uint8)
        bits[positions] = 1
        return int.from_bytes(np.packbits(bits, bitorder="little").tobytes(), "little")

    def lengths(self, words: Sequence[str]) -> NDArray[np.int64]:
        """Length of the longest common subsequence with each text."""
        column = self._mask
        for word in words:
            places = self._places.get(word)
            if places is not None:
                matches = column & places
                column = ((column + matches) | (column - matches)) & self._mask
        raw = np.frombuffer((column ^ self._mask).to_bytes(self._bytes, "little"), dtype=np.uint8)
        ones = np.unpackbits(raw, bitorder="little", count=int(self._starts[-1]))
        return np.add.reduceat(ones, self._starts[:-1], dtype=np.int64)
