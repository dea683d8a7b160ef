"""What METEOR knows about the words of a set of texts: equality, stems, synonyms, function words."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from rrgbench.metrics.meteor.keys import UInt64, java_hashes, word_keys
from rrgbench.metrics.meteor.resources import Resources
from rrgbench.metrics.meteor.stems import stem_hashes

Ints = NDArray[np.int64]

# WordNet's rules of detachment in the jar's order: nouns, verbs, adjectives. The first that gives a word of WordNet
# wins.
_ENDINGS: Final = (
    ("s", ""), ("ses", "s"), ("xes", "x"), ("zes", "z"), ("ches", "ch"), ("shes", "sh"), ("men", "man"), ("ies", "y"),
    ("s", ""), ("ies", "y"), ("es", "e"), ("es", ""), ("ed", "e"), ("ed", ""), ("ing", "e"), ("ing", ""),
    ("er", ""), ("est", ""), ("er", "e"), ("est", "e"),
)  # fmt: skip
_MAY_DETACH: Final = ("s", "men", "ed", "ing", "er", "est")


@dataclass(frozen=True)
class Lists:
    """A list of whole numbers for each of n things, end to end: entry i is `values[offsets[i]:offsets[i + 1]]`."""

    offsets: Ints
    values: Ints

    def expand(self, index: Ints) -> tuple[Ints, Ints]:
        """The lists of several things: for each value, the position in `index` it belongs to, and the value."""
        starts = self.offsets[index]
        counts = self.offsets[index + 1] - starts
        source = np.repeat(np.arange(len(index)), counts)
        firsts = np.cumsum(counts) - counts
        return source, self.values[np.arange(len(source)) + np.repeat(starts - firsts, counts)]


@dataclass(frozen=True)
class Lexicon:
    """Properties of the v distinct tokens of a set of texts.

    Attributes
    ----------
    keys : uint64 array (v,)
        64-bit keys, see `rrgbench.metrics.meteor.keys`.
    exact, stem : int64 array (v,)
        Tokens with the same number are the same word, or have the same stem.
    function : bool array (v,)
        Function words.
    synonyms : Lists
        For each token, the other tokens that share a synonym set with it.
    """

    keys: UInt64
    exact: Ints
    stem: Ints
    function: NDArray[np.bool_]
    synonyms: Lists


def describe(words: Sequence[str], resources: Resources) -> Lexicon:
    """Look up all that the matchers need to know of each distinct token.

    Raises
    ------
    MissingPartError
        If the installed snowballstemmer stems otherwise than METEOR 1.5 does.
    """
    hashes = java_hashes(words)
    exact = _dense(hashes)
    keys = word_keys(words)
    return Lexicon(
        keys=keys,
        exact=exact,
        stem=_dense(stem_hashes(words, keys)),
        function=np.array([word in resources.function_words for word in words], dtype=np.bool_),
        synonyms=_synonyms(words, keys, exact, resources),
    )


def lookup(table: NDArray[Any], keys: NDArray[Any]) -> tuple[Ints, Ints]:
    """Which keys are in a sorted table: their positions in `keys` and in the table."""
    if not len(table):
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    place = np.minimum(np.searchsorted(table, keys), len(table) - 1)
    found = np.flatnonzero(table[place] == keys)
    return found, place[found]


def _dense(values: NDArray[np.uint32]) -> Ints:
    return np.unique(values, return_inverse=True)[1].astype(np.int64).reshape(-1)


def _base_forms(words: Sequence[str], keys: UInt64, resources: Resources) -> tuple[Ints, UInt64]:
    """Base forms of words: for each, the word's number and the base form's key.

    An irregular form has the bases of WordNet's exception list; any other word the first form that detaching an ending
    turns into a word of WordNet.
    """
    irregular, entries = lookup(resources.exception_keys, keys)
    source, bases = Lists(resources.exception_offsets, np.arange(len(resources.exception_bases))).expand(entries)
    owners, forms = [irregular[source]], [resources.exception_bases[bases]]

    is_irregular = np.zeros(len(words), dtype=np.bool_)
    is_irregular[irregular] = True
    numbers: list[int] = []
    candidates: list[str] = []
    for number, word in enumerate(words):
        if not word.endswith(_MAY_DETACH) or word.endswith("ss") or len(word) <= 2 or is_irregular[number]:
            continue
        for ending, replacement in _ENDINGS:
            if word.endswith(ending):
                numbers.append(number)
                candidates.append(word[: len(word) - len(ending)] + replacement)
    candidate_keys = word_keys(candidates)
    known, _ = lookup(resources.synset_keys, candidate_keys)
    owner, first = np.unique(np.array(numbers, dtype=np.int64)[known], return_index=True)
    return np.concatenate([*owners, owner]), np.concatenate([*forms, candidate_keys[known[first]]])


def _synonyms(words: Sequence[str], keys: UInt64, exact: Ints, resources: Resources) -> Lists:
    """Pairs of different words of which one synonym set holds both, directly or as base forms."""
    owners, forms = _base_forms(words, keys, resources)
    owners = np.concatenate([np.arange(len(words)), owners])
    found, entries = lookup(resources.synset_keys, np.concatenate([keys, forms]))
    source, synsets = Lists(resources.synset_offsets, resources.synsets.astype(np.int64)).expand(entries)
    word = owners[found[source]]
    order = np.argsort(synsets, kind="stable")
    word = word[order]
    _, starts, counts = np.unique(synsets[order], return_index=True, return_counts=True)
    # Every member of a set against every member of it.
    members = Lists(np.append(starts, len(word)), word)
    set_of_word = np.repeat(np.arange(len(starts)), counts)
    source, other = members.expand(set_of_word)
    left = word[source]
    different = exact[left] != exact[other]
    # asked for the distinct alone, NumPy loads its masked arrays first: a hundredth of a second of a cold process
    pairs, _ = np.unique(left[different] * len(words) + other[different], return_index=True)
    left, other = np.divmod(pairs, max(len(words), 1))
    return Lists(np.searchsorted(left, np.arange(len(words) + 1)), other)
