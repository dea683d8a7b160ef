"""The lexicon of findings, compiled with the labeler's cues of negation and doubt."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Final

from rrgbench.errors import InputError
from rrgbench.labelers.rules.lexicon import Edition, Event, Kind, Lexicon, compiled, content, entries_of
from rrgbench.observations import OBSERVATIONS, observation_index
from rrgbench.yaml_text import read_yaml

PACKAGE: Final = "rrgbench.findings"
CUES: Final = Edition(version=3)
"""The edition of the labeler's lexicon whose cues we read by; a later one is another version of ours."""
_DEVICES: Final = observation_index("Support Devices")
"""How the labeler's grammar of scopes knows a device."""
_FIRST: Final = len(OBSERVATIONS) + 1
"""Findings are numbered from here, so that none is taken for one of the 14."""
_MENTIONS: Final = (Kind.FINDING, Kind.SUGGESTIVE, Kind.HEART, Kind.HEART_CONTOUR, Kind.MEDIASTINUM, Kind.IGNORED)


@dataclass(frozen=True)
class Name:
    """What is known of a finding, device or structure.

    Attributes
    ----------
    name : str
        Its name.
    structure : str
        Whose normality denies it; of devices `devices`.
    significance : str
        `urgent` to `technical`; empty for structures.
    covers : frozenset of str
        Of a structure: those that are normal with it.
    abnormal : tuple of (pattern, str)
        Of a structure: words of its state, and the finding that they mean.
    right : frozenset of str
        Of a device: places where its tip may lie.
    stands_for : frozenset of str
        Of a device: more special ones that its bare name may mean.
    coded : tuple of str
        How Open-i's hand-made structure names it.
    """

    name: str
    structure: str
    significance: str = ""
    covers: frozenset[str] = frozenset()
    abnormal: tuple[tuple[re.Pattern[str], str], ...] = ()
    right: frozenset[str] = frozenset()
    stands_for: frozenset[str] = frozenset()
    coded: tuple[str, ...] = ()

    def meaning(self, state: str) -> str:
        """The finding that a state of this structure means; empty if the word says nothing of it."""
        return next((finding for words, finding in self.abnormal if words.fullmatch(state)), "")


@dataclass(frozen=True)
class FindingLexicon:
    """Everything of `lexicon.yaml`, ready for use.

    Attributes
    ----------
    version : int
        Moves when an entry does.
    events : Lexicon
        Mentions and cues of a statement.
    attributes : Lexicon
        Sides, zones, degrees and so on.
    names : tuple of Name
        By number; `attribute_values` by number of the attribute.
    attribute_values : tuple of tuples of (str, str)
        Attribute and value; "bibasilar" is a side and a zone.
    weights : mapping of str to float
        By significance.
    alike : mapping of (str, str) to float
        Similarity of two names, in either order.
    """

    version: int
    events: Lexicon
    attributes: Lexicon
    names: tuple[Name, ...]
    attribute_values: tuple[tuple[tuple[str, str], ...], ...]
    weights: Mapping[str, float]
    alike: Mapping[tuple[str, str], float]

    def number(self, name: str) -> int:
        """The number of a name."""
        return _numbers()[name]

    def __getitem__(self, name: str) -> Name:
        """What is known of a name."""
        return self.names[_numbers()[name]]

    def mentioned(self, event: Event) -> Name:
        """What an event of `events` names."""
        return self.names[event.observation - _FIRST]

    def scoped(self, event: Event) -> Event:
        """The event as the labeler's grammar of scopes takes it: a device is one of its Support Devices."""
        if event.kind is Kind.FINDING and self.mentioned(event).structure == "devices":
            return Event(event.kind, _DEVICES, event.start, event.end, event.trigger)
        return event


@cache
def _numbers() -> dict[str, int]:
    return {one.name: number for number, one in enumerate(finding_lexicon().names)}


@cache
def finding_lexicon() -> FindingLexicon:
    """The packaged lexicon, compiled once.

    Raises
    ------
    InputError
        If an entry names what the lexicon does not have, or is not a valid expression.
    """
    told = read_yaml((resources.files(PACKAGE) / "lexicon.yaml").read_text(encoding="utf-8"))
    cues = content(edition=CUES)
    blank = cues["blank"]
    names = tuple(_names(told))
    numbers = {one.name: number for number, one in enumerate(names)}
    groups = [(kind, value, terms) for kind, one in told["attributes"].items() for value, terms in one.items()]
    words = [(Kind.FINDING, number, term) for number, (_, _, terms) in enumerate(groups) for term in terms]
    # "bilateral lower" of the kind "side and zone" is a side and a zone
    values = [tuple(zip(kind.split(" and "), _values(kind, value), strict=True)) for kind, value, _ in groups]
    alike: dict[tuple[str, str], float] = {}
    for one, other, similarity in told["alike"]:
        unknown = [name for name in (one, other) if name not in numbers]
        if unknown:
            raise InputError(f"the lexicon of {PACKAGE} likens {unknown[0]!r}, which it does not have")
        alike[one, other] = alike[other, one] = float(similarity)
    return FindingLexicon(
        version=int(told["version"]),
        events=compiled(_entries(told, cues, numbers), cues["normality"], blank, PACKAGE),
        attributes=compiled(words, ("normal",), blank, PACKAGE),
        names=names,
        attribute_values=tuple(values),
        weights=told["significance"],
        alike=alike,
    )


def _values(kind: str, value: Any) -> list[str]:
    return str(value).split() if " and " in kind else [str(value)]


def _names(told: Mapping[str, Any]) -> Iterator[Name]:
    for name, one in told["findings"].items():
        yield Name(name, one["in"], one["as"], coded=tuple(one.get("coded", ())))
    for name, one in told["devices"].items():
        yield Name(
            name,
            "devices",
            one.get("as", "device"),
            right=frozenset(one["right"]),
            stands_for=frozenset(one.get("stands_for", ())),
            coded=tuple(one.get("coded", ())),
        )
    for name, one in told["structures"].items():
        abnormal = tuple(
            (re.compile(words.replace(" ?", r"[\s\-]*")), finding) for words, finding in one.get("abnormal", {}).items()
        )
        yield Name(name, name, covers=frozenset(one["covers"]), abnormal=abnormal)


def _entries(
    told: Mapping[str, Any], cues: Mapping[str, Any], numbers: Mapping[str, int]
) -> Iterator[tuple[Kind, int, str]]:
    """Our names, then the labeler's cues: its own mentions are left out."""
    for phrase in told["ignored"]:
        yield Kind.IGNORED, -1, phrase
    for name, one in (told["findings"] | told["devices"]).items():
        for term in one["terms"]:
            yield Kind.FINDING, _FIRST + numbers[name], term
    for name, one in told["structures"].items():
        for term in one["terms"]:
            yield Kind.MEDIASTINUM, _FIRST + numbers[name], term
    for cue, phrases in told["cues"].items():
        for phrase in phrases:
            yield Kind[cue.upper()], -1, phrase
    for phrase in told["states"]["normal"]:
        yield Kind.NORMAL, -1, phrase
    for kind, observation, phrase in entries_of(cues):
        if kind not in _MENTIONS:
            yield kind, observation, phrase
    for phrase in told["states"]["abnormal"]:
        yield Kind.ENLARGED, -1, phrase
