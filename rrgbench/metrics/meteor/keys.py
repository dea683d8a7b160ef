"""64-bit keys of words and phrases, computed for whole arrays of text at once.

The paraphrase table names 2.6 million distinct phrases; holding them as strings would cost hundreds of megabytes and
seconds at every start. A phrase is held as one 64-bit number instead. The chance that any two of n phrases share a
key is about n^2 / 2^65: 2e-7 for the whole table.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

UInt64 = NDArray[np.uint64]

SPACE: Final = 32
NEWLINE: Final = 10

_BYTE_BASE: Final = 0x9E3779B97F4A7C15
_WORD_BASE: Final = 0xD1342543DE82EF95
_MODULUS: Final = 1 << 64


def powers(count: int) -> UInt64:
    """What the words of a phrase are multiplied with: the first `count` of them."""
    return _powers(_WORD_BASE, count)


def _powers(base: int, count: int) -> UInt64:
    value, out = 1, np.empty(count, dtype=np.uint64)
    for index in range(count):
        out[index] = value
        value = value * base % _MODULUS
    return out


def _scramble(values: UInt64) -> UInt64:
    """The finalizer of splitmix64: every input bit reaches every output bit."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def keys_of_spans(text: NDArray[np.uint8], ends: NDArray[np.int64]) -> UInt64:
    """Key of each word of a byte buffer.

    Parameters
    ----------
    text : uint8 array (b,)
        UTF-8 bytes; every word is followed by one separator byte, the last one too.
    ends : int64 array (w,)
        Positions of the separators, ascending.

    Returns
    -------
    uint64 array (w,)
        One key a word, which may be empty.
    """
    if not len(ends):
        return np.empty(0, dtype=np.uint64)
    starts = np.empty_like(ends)
    starts[0], starts[1:] = 0, ends[:-1] + 1
    lengths = ends - starts + 1
    size = int(ends[-1]) + 1
    values = text[:size].astype(np.uint64) + np.uint64(1)
    # The separator counts as nothing, so that each span has at least one element to add up.
    values[ends] = 0
    places = np.arange(size, dtype=np.int64) - np.repeat(starts, lengths)
    values *= _powers(_BYTE_BASE, int(lengths.max()))[places]
    return _scramble(np.add.reduceat(values, starts))


def word_keys(words: Sequence[str]) -> UInt64:
    """Key of each word (n,); no word may hold a line feed."""
    data = np.frombuffer("".join(word + "\n" for word in words).encode("utf-8", "surrogatepass"), dtype=np.uint8)
    return keys_of_spans(data, np.flatnonzero(data == NEWLINE))


def phrase_keys(words: UInt64, starts: NDArray[np.int64], lengths: NDArray[np.int64]) -> UInt64:
    """Key of each phrase, a run of consecutive words.

    Parameters
    ----------
    words : uint64 array (w,)
        Word keys; the runs follow one another without a gap and end with the array.
    starts, lengths : int64 array (p,)
        Where each run begins and how many words (at least one) it has.

    Returns
    -------
    uint64 array (p,)
    """
    if not len(starts):
        return np.empty(0, dtype=np.uint64)
    places = np.arange(len(words), dtype=np.int64) - np.repeat(starts, lengths)
    return _scramble(np.add.reduceat(words * powers(int(lengths.max()))[places], starts))


def ngram_keys(words: UInt64, most: int) -> list[UInt64]:
    """Keys of all n-grams of a running text: entry n-1 holds the keys (w - n + 1,) of the n-grams, n up to `most`.

    They equal `phrase_keys` of the same words.
    """
    out = []
    sums = words.copy()
    for length, power in enumerate(powers(most)):
        if length >= len(words):
            break
        if length:
            sums = sums[:-1] + words[length:] * power
        out.append(_scramble(sums))
    return out


def java_hashes(words: Sequence[str]) -> NDArray[np.uint32]:
    """What Java's `String.hashCode` gives for each word (n,), as unsigned 32-bit numbers.

    METEOR takes two words with the same hash code for the same word. That is no theory in radiology reports: "rt" and
    "t6", "at" and "c6", "as" and "c5" share theirs. Its values can only be met by doing the same.
    """
    if not words:
        return np.empty(0, dtype=np.uint32)
    units = np.frombuffer("".join(word + "\n" for word in words).encode("utf-16-le", "surrogatepass"), dtype="<u2")
    ends = np.flatnonzero(units == NEWLINE)
    starts = np.concatenate(([0], ends[:-1] + 1))
    lengths = ends - starts + 1
    values = units.astype(np.uint32)
    values[ends] = 0
    powers = np.array([pow(31, exponent, 1 << 32) for exponent in range(int(lengths.max()))], dtype=np.uint32)
    # The last character of a word has exponent 0; the separator after it counts as nothing.
    exponents = np.maximum(np.repeat(ends, lengths) - 1 - np.arange(len(units)), 0)
    return np.add.reduceat(values * powers[exponents], starts, dtype=np.uint32)
