"""A lexicon, compiled: a statement in, its events (mentions, cues, boundaries) out."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from importlib import resources
from typing import Any, Final

from rrgbench.errors import InputError
from rrgbench.labelers.rules.dispatch import first_letters
from rrgbench.observations import OBSERVATIONS
from rrgbench.yaml_text import read_yaml

PACKAGE: Final = "rrgbench.labelers.rules"
"""Where the lexicon of versions 2 and later stands."""
OTHER_FINDING: Final = len(OBSERVATIONS)
"""Pseudo-observation of findings outside the 14: no column of its own, but it excludes No Finding."""


class Kind(IntEnum):
    """What a piece of a sentence does."""

    IGNORED = 0
    FINDING = 1
    SUGGESTIVE = 2
    HEART = 3
    HEART_CONTOUR = 4
    MEDIASTINUM = 5
    BORDERLINE_NORMAL = 6
    NORMAL = 7
    ENLARGED = 8
    STABLE = 9
    NEGATION_BEFORE = 10
    NEGATION_AFTER = 11
    UNCERTAIN_BEFORE = 12
    UNCERTAIN_AFTER = 13
    BOUNDARY = 14
    COMMA = 15
    ALTERNATIVE = 16
    PRESENT_BEFORE = 17
    PRESENT_AFTER = 18
    HISTORY = 19
    NOTHING_NEW = 20
    SHOWN = 21
    PREDICATE = 22
    AND = 23
    WITH = 24
    ASIDE = 25


@dataclass(frozen=True, slots=True)
class Edition:
    """Which entries of a lexicon count.

    Attributes
    ----------
    version : int
        Entries may say `since` and `until` which version of the labeler they stand.
    convention : str
        Entries may say which conventions alone have them (`only`), or which don't (`never`).
    """

    version: int = 4
    convention: str = "plain"

    def of(self, told: Any) -> Any:
        """What a lexicon file says, without the entries that don't count, each entry as its phrase."""
        if isinstance(told, Mapping):
            return {name: self.of(part) for name, part in told.items()}
        if isinstance(told, list):
            return [
                one if isinstance(one, str) else one["phrase"] for one in told if isinstance(one, str) or self._has(one)
            ]
        return told

    def _has(self, entry: Mapping[str, Any]) -> bool:
        return (
            entry.get("since", self.version) <= self.version <= entry.get("until", self.version)
            and self.convention in entry.get("only", (self.convention,))
            and self.convention not in entry.get("never", ())
        )


NEWEST: Final = Edition()


@dataclass(frozen=True, slots=True)
class Event:
    """One recognised piece of a sentence: what it does, for which observation (-1 where none), and where."""

    kind: Kind
    observation: int
    start: int
    end: int
    trigger: str


@dataclass(frozen=True)
class Lexicon:
    """The compiled lexicon: for each first letter the one expression of all entries that can begin with it."""

    by_letter: Mapping[str, re.Pattern[str]]
    meanings: Mapping[str, tuple[tuple[Kind, int], ...]]
    normality: re.Pattern[str]

    def read(self, sentence: str) -> Iterator[Event]:
        """Events of a normalised sentence (see `normalise`), left to right, without overlap."""
        reached = 0
        for start in _STARTS.finditer(sentence):
            at = start.start()
            letter = sentence[at]
            expression = self.by_letter.get(letter)
            if at < reached or expression is None:
                continue
            match = expression.match(sentence, at)
            if match is None or match.lastindex is None:
                continue
            kind, observation = self.meanings[letter][match.lastindex - 1]
            reached = match.end()
            if kind is not Kind.IGNORED:
                yield Event(kind, observation, at, reached, match.group())


_STARTS = re.compile(r"(?<![a-z0-9_])[a-z0-9_]|[,;:/?()]|(?<=\s)-+(?=\s)")
_PUNCTUATION = {",": Kind.COMMA, ";": Kind.BOUNDARY, ":": Kind.BOUNDARY, "/": Kind.ALTERNATIVE}
MOST_MODIFIERS: Final = 16
"""Words before a finding's name, more than any report has."""
_MASK = re.compile(r"x{3,}|_{2,}")


def normalise(text: str) -> str:
    """Lower-case text with de-identification masks as runs of `_`, of the same length as the text."""
    lowered = text.lower()
    if len(lowered) != len(text):  # a few letters grow when lower-cased; offsets must not move
        lowered = "".join(low if len(low := character.lower()) == 1 else character for character in text)
    return _MASK.sub(lambda mask: "_" * len(mask.group()), lowered)


def _expression(phrase: str, blank: str) -> str:
    """A lexicon entry as a regular expression: ` ?` matches also nothing or a slash, `_` a whole mask.

    Words that may be repeated are repeated a few times at most, lest a long run is read again from each of them.
    """
    fewest = {"*": 0, "+": 1}
    bounded = re.sub(r"(?<!\\)\)([*+])", lambda sign: f"){{{fewest[sign[1]]},{MOST_MODIFIERS}}}", phrase)
    return re.sub(r"(?<!\\)_", "_+", bounded).replace(" ?", r"[\s\-/]*").replace(" ", blank)


def entries_of(told: Mapping[str, Any]) -> Iterator[tuple[Kind, int, str]]:
    """Entries of a lexicon file, as kind, observation (-1 where none) and phrase, in order of precedence."""
    for phrase in told["ignored"]:
        yield Kind.IGNORED, -1, phrase
    for phrase in told.get("other_phrases", ()):
        yield Kind.FINDING, OTHER_FINDING, phrase
    yield from _cues(told, "present_before", "present_after", "negation_after")
    for phrase in told["uncertainty"]["after"]:
        yield Kind.UNCERTAIN_AFTER, -1, phrase
    for phrase in told["uncertainty"]["before"]:
        yield Kind.UNCERTAIN_BEFORE, -1, phrase
    yield from _cues(told, "history", "nothing_new", "shown")
    for group, kind in (("borderline_normal", Kind.BORDERLINE_NORMAL), ("normal", Kind.NORMAL)):
        for phrase in told["states"][group]:
            yield kind, -1, phrase
    for name, phrases in told["observations"].items():
        for phrase in phrases:
            yield Kind.FINDING, OBSERVATIONS.index(name), phrase
    for name, phrases in told["suggestive"].items():
        for phrase in phrases:
            yield Kind.SUGGESTIVE, OBSERVATIONS.index(name), phrase
    for group in ("heart_contour", "heart", "mediastinum"):
        for phrase in told["anatomy"][group]:
            yield Kind[group.upper()], -1, phrase
    for group in ("enlarged", "stable"):
        for phrase in told["states"][group]:
            yield Kind[group.upper()], -1, phrase
    for phrase in told["negation"]["before"]:
        yield Kind.NEGATION_BEFORE, -1, phrase
    for phrase in told["negation"]["after"]:
        yield Kind.NEGATION_AFTER, -1, phrase
    for phrase in told["boundary"]:
        yield Kind.BOUNDARY, -1, phrase
    for phrase in told["other_findings"]:
        yield Kind.FINDING, OTHER_FINDING, phrase
    yield from _cues(told, "alternative", "predicate", "and", "with", "aside")
    yield Kind.ALTERNATIVE, -1, "or|versus|vs"


def _cues(content: Mapping[str, Any], *groups: str) -> Iterator[tuple[Kind, int, str]]:
    """Entries of the groups that are called like their kind, where a lexicon has them."""
    for group in groups:
        for phrase in content.get(group, ()):
            yield Kind[group.upper()], -1, phrase


@cache
def content(package: str = PACKAGE, edition: Edition = NEWEST) -> Mapping[str, Any]:
    """What an edition of the `lexicon.yaml` of a package says."""
    told = read_yaml((resources.files(package) / "lexicon.yaml").read_text(encoding="utf-8"))
    found: Mapping[str, Any] = edition.of(told)
    return found


def compiled(entries: Iterable[tuple[Kind, int, str]], normality: Iterable[str], blank: str, package: str) -> Lexicon:
    """A lexicon of entries in order of precedence.

    Parameters
    ----------
    entries : iterable of (Kind, int, str)
        Kind, observation and phrase.
    normality : iterable of str
        Phrases that call the whole film normal.
    blank : str
        What a blank of a phrase matches.
    package : str
        Where they stand, for the error.

    Raises
    ------
    InputError
        If an entry is not a valid regular expression.
    """
    expressions: dict[str, list[str]] = {}
    meanings: dict[str, list[tuple[Kind, int]]] = {}
    for kind, observation, phrase in entries:
        for letter in first_letters(phrase):
            expressions.setdefault(letter, []).append(f"({_expression(phrase, blank)})")
            meanings.setdefault(letter, []).append((kind, observation))
    for sign, kind in _PUNCTUATION.items():
        expressions.setdefault(sign, []).append(f"({sign})")
        meanings.setdefault(sign, []).append((kind, -1))
    try:
        by_letter = {
            letter: re.compile(f"(?:{'|'.join(group)}){'(?![a-z0-9_])' if letter.isalnum() or letter == '_' else ''}")
            for letter, group in sorted(expressions.items())
        }
        normal = re.compile("|".join(_expression(phrase, blank) for phrase in normality))
    except re.error as error:
        raise InputError(f"the lexicon of {package} has an invalid expression: {error}") from error
    return Lexicon(by_letter, {letter: tuple(group) for letter, group in meanings.items()}, normal)


@cache
def lexicon(package: str = PACKAGE, edition: Edition = NEWEST) -> Lexicon:
    """An edition of a packaged lexicon, compiled once.

    Parameters
    ----------
    package : str
        Which holds `lexicon.yaml`.
    edition : Edition
        Which of its entries count.

    Raises
    ------
    InputError
        If an entry is not a valid regular expression.
    """
    told = content(package, edition)
    return compiled(entries_of(told), told["normality"], told.get("blank", r"[\s\-]+"), package)
