"""The lexicon as one compiled expression: a sentence in, its events (mentions, cues, boundaries) out."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from importlib import resources
from typing import Any, Final

import yaml

from rrgbench.errors import InputError
from rrgbench.observations import OBSERVATIONS

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
    """The compiled lexicon."""

    events: re.Pattern[str]
    meanings: tuple[tuple[Kind, int], ...]
    normality: re.Pattern[str]

    def read(self, sentence: str) -> Iterator[Event]:
        """Events of a normalised sentence (see `normalise`), left to right, without overlap."""
        for match in self.events.finditer(sentence):
            assert match.lastindex is not None, "every alternative of the lexicon is a group"
            kind, observation = self.meanings[match.lastindex - 1]
            if kind is not Kind.IGNORED:
                yield Event(kind, observation, match.start(), match.end(), match.group())


_MASK = re.compile(r"x{3,}|_{2,}")


def normalise(text: str) -> str:
    """Lower-case text with de-identification masks as runs of `_`, of the same length as the text."""
    lowered = text.lower()
    if len(lowered) != len(text):  # a few letters grow when lower-cased; offsets must not move
        lowered = "".join(low if len(low := character.lower()) == 1 else character for character in text)
    return _MASK.sub(lambda mask: "_" * len(mask.group()), lowered)


def _expression(phrase: str) -> str:
    """A lexicon entry as a regular expression: blanks match white space or hyphens, `_` a whole mask."""
    return re.sub(r"(?<!\\)_", "_+", phrase).replace(" ?", r"[\s\-/]*").replace(" ", r"[\s\-]+")


def _entries(content: Mapping[str, Any]) -> Iterator[tuple[Kind, int, str]]:
    """Entries of the lexicon file in order of precedence."""
    for phrase in content["ignored"]:
        yield Kind.IGNORED, -1, phrase
    for phrase in content["uncertainty"]["after"]:
        yield Kind.UNCERTAIN_AFTER, -1, phrase
    for phrase in content["uncertainty"]["before"]:
        yield Kind.UNCERTAIN_BEFORE, -1, phrase
    for group, kind in (("borderline_normal", Kind.BORDERLINE_NORMAL), ("normal", Kind.NORMAL)):
        for phrase in content["states"][group]:
            yield kind, -1, phrase
    for name, phrases in content["observations"].items():
        for phrase in phrases:
            yield Kind.FINDING, OBSERVATIONS.index(name), phrase
    for name, phrases in content["suggestive"].items():
        for phrase in phrases:
            yield Kind.SUGGESTIVE, OBSERVATIONS.index(name), phrase
    for group in ("heart_contour", "heart", "mediastinum"):
        for phrase in content["anatomy"][group]:
            yield Kind[group.upper()], -1, phrase
    for group in ("enlarged", "stable"):
        for phrase in content["states"][group]:
            yield Kind[group.upper()], -1, phrase
    for phrase in content["negation"]["before"]:
        yield Kind.NEGATION_BEFORE, -1, phrase
    for phrase in content["negation"]["after"]:
        yield Kind.NEGATION_AFTER, -1, phrase
    for phrase in content["boundary"]:
        yield Kind.BOUNDARY, -1, phrase
    for phrase in content["other_findings"]:
        yield Kind.FINDING, OTHER_FINDING, phrase
    yield Kind.ALTERNATIVE, -1, "and/or|or|versus|vs"


@cache
def lexicon() -> Lexicon:
    """The packaged lexicon, compiled once.

    Raises
    ------
    InputError
        If an entry is not a valid regular expression.
    """
    path = resources.files("rrgbench.labelers.rules") / "lexicon.yaml"
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    meanings: list[tuple[Kind, int]] = []
    alternatives: list[str] = []
    for kind, observation, phrase in _entries(content):
        meanings.append((kind, observation))
        alternatives.append(f"({_expression(phrase)})")
    meanings += [(Kind.COMMA, -1), (Kind.BOUNDARY, -1), (Kind.ALTERNATIVE, -1)]
    words = "|".join(alternatives)
    try:
        events = re.compile(rf"(?<![a-z0-9_])(?:{words})(?![a-z0-9_])|(,)|([;:])|(/)")
        normality = re.compile("|".join(_expression(phrase) for phrase in content["normality"]))
    except re.error as error:
        raise InputError(f"the lexicon has an invalid expression: {error}") from error
    return Lexicon(events, tuple(meanings), normality)
