"""Longest common subsequences of one text with many at once."""

from array import array
from collections.abc import Iterable, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray


class Subsequences:
    """Longest common subsequences of one text with many, bit-parallel over all of them at once.

    The columns of all dynamic programmes stand in one integer (see `rrgbench.metrics.rouge`), a guard bit after each
    that takes up the carry.
    """

    def __init__(self, texts: Iterable[Sequence[str]]) -> None:
        starts = [0]
        places: dict[str, array[int]] = {}
        for words in texts:
            for at, word in enumerate(words, starts[-1]):
                places.setdefault(word, array("i")).append(at)
            starts.append(starts[-1] + len(words) + 1)
        self._starts = np.array(starts)
        self._bytes = -(-starts[-1] // 8)
        self._places = places
        # few words of many texts are asked for, and each is as long as all texts
        self._of_word = lru_cache(maxsize=256)(lambda word: self._integer(np.frombuffer(places[word], dtype=np.int32)))
        guards = np.zeros(starts[-1], dtype=np.bool_)
        guards[self._starts[1:] - 1] = True
        self._mask = self._integer(np.flatnonzero(~guards))

    def _integer(self, positions: NDArray[np.integer]) -> int:
        bits = np.zeros(8 * self._bytes, dtype=np.uint8)
        bits[positions] = 1
        return int.from_bytes(np.packbits(bits, bitorder="little").tobytes(), "little")

    def lengths(self, words: Sequence[str]) -> NDArray[np.int64]:
        """Length of the longest common subsequence with each text."""
        column = self._mask
        for word in words:
            if word in self._places:
                matches = column & self._of_word(word)
                column = ((column + matches) | (column - matches)) & self._mask
        raw = np.frombuffer((column ^ self._mask).to_bytes(self._bytes, "little"), dtype=np.uint8)
        ones = np.unpackbits(raw, bitorder="little", count=int(self._starts[-1]))
        return np.add.reduceat(ones, self._starts[:-1], dtype=np.int64)
