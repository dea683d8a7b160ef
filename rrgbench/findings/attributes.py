"""Which finding an attribute belongs to: side, zone, degree, change, size, place of the tip.

An attribute stands before its finding ("small left effusion") or behind it ("effusion on the left"). Between two
findings the last separator decides: what stands before it belongs to the first, what follows it to the second. A
finding that is joined to another by "and" and has no place of its own shares the other's.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from rrgbench.findings.lexicon import finding_lexicon
from rrgbench.labelers.rules.lexicon import Event, Kind

_SEPARATORS: Final = (Kind.COMMA, Kind.AND, Kind.WITH, Kind.BOUNDARY, Kind.ASIDE, Kind.ALTERNATIVE)
_PREPOSITION: Final = re.compile(
    r"\b(?:in|at|of|on|within|over|along|involving|throughout|to|near|is|are|was|were|has|have|remains?|appears?|"
    r"measur\w+|above|from|projects?|overl\w+|terminat\w+|ends?)\b"
)
_NUMBERS: Final = dict(
    zip(
        ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"],
        range(1, 13),
        strict=True,
    )
)
_MEASURE: Final = re.compile(
    rf"\b(\d+(?:\.\d+)?|{'|'.join(_NUMBERS)})(?:\s*x\s*\d+(?:\.\d+)?)*\s*-?\s*(mm|cm|millimet\w+|centimet\w+)\b"
)
_JOINED: Final = re.compile(r"\s*(?:,|and|or|and/or|/|with|,\s*(?:and|or)|with associated|and associated)\s*")
_WITH: Final = re.compile(r"\bwith\b(?!.*,)")
_NONE: Final = frozenset[str]()
_PLACES: Final = ("side", "zone")


@dataclass(slots=True)
class Attributes:
    """What is said of one finding: values by attribute, the measurement, and where its places stand."""

    values: dict[str, list[str]] = field(default_factory=dict)
    millimetres: float | None = None
    places_before: bool = False
    places_behind: bool = False

    def first(self, attribute: str) -> str:
        """The first value; empty if there is none."""
        return self.values[attribute][0] if attribute in self.values else ""

    def all(self, attribute: str) -> frozenset[str]:
        """All values."""
        return frozenset(self.values[attribute]) if attribute in self.values else _NONE


def attributes_of(text: str, events: Sequence[Event], mentions: Sequence[Event]) -> list[Attributes]:
    """The attributes of each mention.

    Parameters
    ----------
    text : str
        The normalised statement.
    events : sequence of Event
        Everything recognised in it.
    mentions : sequence of Event
        Those that name findings, in order; at least one.
    """
    found = [Attributes() for _ in mentions]
    spans = [(event.start, event.end) for event in mentions]
    cuts = [_cut(events, one.end, other.start) for one, other in pairwise(mentions)]
    lexicon = finding_lexicon()
    for word in lexicon.attributes.read(text):
        if word.observation < 0:  # punctuation
            continue
        owner = _owner(text, spans, cuts, word.start, word.end)
        for attribute, value in lexicon.attribute_values[word.observation]:
            found[owner].values.setdefault(attribute, []).append(value)
            found[owner].places_behind |= attribute in _PLACES and word.start >= spans[owner][1]
            found[owner].places_before |= attribute in _PLACES and word.end <= spans[owner][0]
    if "mm" in text or "cm" in text or "met" in text:
        for measure in _MEASURE.finditer(text):
            owner = _owner(text, spans, cuts, measure.start(), measure.end())
            if found[owner].millimetres is None:
                number = float(_NUMBERS.get(measure[1]) or measure[1])
                found[owner].millimetres = number * (10 if measure[2][0] == "c" else 1)
    _share(text, spans, found)
    return found


def _cut(events: Sequence[Event], start: int, end: int) -> int:
    """Where the last separator between two places begins; -1 without one."""
    return max((one.start for one in events if start <= one.start < end and one.kind in _SEPARATORS), default=-1)


def _owner(text: str, spans: Sequence[tuple[int, int]], cuts: Sequence[int], start: int, end: int) -> int:
    """The mention that words at [start, end) belong to."""
    following = next((k for k, (_, mention_end) in enumerate(spans) if mention_end >= end), len(spans))
    if following == len(spans):
        return len(spans) - 1
    if following == 0 or spans[following][0] <= start:  # nothing before, or inside the mention
        return following
    cut = cuts[following - 1]
    if cut >= 0:
        return following - 1 if start < cut else following
    behind = _PREPOSITION.search(text, spans[following - 1][1], start) is not None
    return following - 1 if behind else following


def _share(text: str, spans: Sequence[tuple[int, int]], found: Sequence[Attributes]) -> None:
    """Give findings without a place that of the finding they are joined to."""
    for k in range(len(found) - 1):
        here, there = found[k], found[k + 1]
        bare_here = not any(name in here.values for name in _PLACES)
        bare_there = not any(name in there.values for name in _PLACES)
        if bare_here == bare_there:
            continue
        between = text[spans[k][1] : spans[k + 1][0]]
        giver, taker = (there, here) if bare_here else (here, there)
        if bare_here and not giver.places_behind:
            continue
        if _JOINED.fullmatch(between) or (bare_there and giver.places_behind and _WITH.search(between)):
            for name in _PLACES:
                if name in giver.values:
                    taker.values[name] = list(giver.values[name])
