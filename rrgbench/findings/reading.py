"""A report as findings: what each statement names, denies and calls normal, and what belongs together."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any, Final, Literal

from rrgbench.findings.attributes import Attributes, attributes_of
from rrgbench.findings.finding import Finding
from rrgbench.findings.lexicon import CUES, Name, finding_lexicon
from rrgbench.labelers.rules.anatomy import states_of
from rrgbench.labelers.rules.lexicon import Event, Kind, normalise
from rrgbench.labelers.rules.scope import DOUBT, HISTORY, NEGATION, NOTHING_NEW, UNCHANGED, cues, is_alternative
from rrgbench.labelers.rules.statements import Statement, statements

_SIDELESS: Final = frozenset({"heart", "aorta", "spine", "technique", "mediastinum", "airways"})
"""Structures whose findings have no side that matters."""
_CAUSE: Final = re.compile(
    r"\b(?:compatible|consistent|in keeping|concordant) with|\b(?:suggest\w*|represent\w*|reflect\w*|indicat\w+|"
    r"secondary to|due to|related to|likely|favou?r\w*|concern\w*|suspicious|from|may be|could be|such as)\b"
)
_ABNORMALITY: Final = re.compile(
    r"abnorm|disease|process|finding|injur|patholog|explanation|change|condition|trauma|infect"
)
"""What of a structure is denied where it is called normal: "no bony abnormality"."""
_NONE: Final = frozenset[str]()
_NAMING: Final = (Kind.FINDING, Kind.MEDIASTINUM)
_SIDES: Final = {"left": ("left",), "right": ("right",), "bilateral": ("left", "right")}


def read_findings(report: str, places: bool = True) -> tuple[Finding, ...]:
    """The findings of a report, in order of their first mention.

    Parameters
    ----------
    report : str
        Any layout, as the rules labeler reads it.
    places : bool
        Whether `start` and `end` are places in the report, which takes a third of the time; else in the statement.

    Returns
    -------
    tuple of Finding
        Mentions of one finding are one; what is denied in one place and stated in another is stated.

    Examples
    --------
    >>> [finding.words for finding in read_findings("Small left pleural effusion. No pneumothorax. Heart is normal.")]
    ['mild left pleural effusion', 'no pneumothorax', 'normal heart']
    """
    if not places:
        return _merged(found for told in statements(report) for found in read_statement(told.text))
    return _merged(found for told in statements(report) for found in _placed(told))


def _placed(told: Statement) -> Iterable[Finding]:
    """The statement's findings at their places in the report."""
    for one in read_statement(told.text):
        yield replace(one, start=told.place(one.start), end=told.place(one.end - 1) + 1)


@lru_cache(maxsize=200_000)
def read_statement(statement: str) -> tuple[Finding, ...]:
    """Findings of one statement, at their places in it; remembered, since reports repeat most of their sentences."""
    text = normalise(statement)
    lexicon = finding_lexicon()
    events = list(lexicon.events.read(text))
    if not any(event.kind in _NAMING for event in events):
        return ()
    reached = cues(text, [lexicon.scoped(event) for event in events], CUES.version)
    told: list[tuple[Event, Name, Finding]] = []
    for position, event in enumerate(events):
        if event.kind not in _NAMING:
            continue
        name = lexicon.mentioned(event)
        if event.kind is Kind.MEDIASTINUM:
            if found := _structure(text, events, reached, position, name):
                told.append((event, *found))
        elif not reached[position] & HISTORY or reached[position] & NEGATION:
            present = not reached[position] & (NEGATION | NOTHING_NEW)
            doubt = reached[position] & DOUBT or (
                not reached[position] & UNCHANGED and is_alternative(events, position) and name.structure != "devices"
            )
            before = [one for _, _, one in told if one.kind == "finding" and one.present]
            inferred = present and bool(before) and _CAUSE.search(text, before[-1].end, event.start) is not None
            told.append((event, name, _plain(name, event, present, certain=not doubt, inferred=inferred)))
    if not told:
        return ()
    if all(found.kind == "structure" for _, _, found in told):
        return tuple(found for _, _, found in told)
    said = attributes_of(text, events, [event for event, _, _ in told])
    read: list[Finding] = []
    for (_, name, plain), attributes in zip(told, said, strict=True):
        one = plain if plain.kind == "structure" else _described(plain, name, attributes)
        if one.inferred and not one.sides and not one.zones and name.structure not in _SIDELESS:
            seen = next(other for other in reversed(read) if other.present and not other.inferred)
            one = replace(one, sides=seen.sides, zones=seen.zones)  # a cause lies where what it explains lies
        read.append(one)
    return tuple(read)


def _plain(name: Name, event: Event, present: bool, certain: bool = True, inferred: bool = False) -> Finding:
    """A finding or device without its attributes."""
    kind: Literal["device", "finding"] = "device" if name.structure == "devices" else "finding"
    return Finding(name.name, kind, present, certain, inferred, start=event.start, end=event.end)


def _described(found: Finding, name: Name, said: Attributes) -> Finding:
    """A finding or device with its attributes."""
    device = found.kind == "device"
    sides = frozenset(side for value in said.all("side") for side in _SIDES[value])
    severity = said.first("severity") if found.severity is None and not device else ""
    change: Any = said.first("change")
    placed: Any = said.first("placed") if device else ""
    return Finding(  # a constructor call costs a third of a `replace`
        found.name,
        found.kind,
        found.present,
        found.certain,
        found.inferred,
        _NONE if name.structure in _SIDELESS else sides,
        _NONE if device else said.all("zone"),
        float(severity) if severity else found.severity,
        change,
        said.all("pattern"),
        said.millimetres,
        said.all("access") if device else _NONE,
        said.all("tip") if device else _NONE,
        placed,
        found.start,
        found.end,
    )


def _structure(
    text: str, events: Sequence[Event], reached: Sequence[int], position: int, name: Name
) -> tuple[Name, Finding] | None:
    """What is said of a structure: that it is normal, that it is as it was, or the finding that its state means."""
    event = events[position]
    normal = Finding(name.name, "structure", present=False, start=event.start, end=event.end)
    if reached[position] & (NEGATION | NOTHING_NEW) and _ABNORMALITY.search(event.trigger):
        return name, normal
    unchanged = False
    for i in states_of(text, events, position):
        kind = events[i].kind
        if kind in (Kind.NORMAL, Kind.BORDERLINE_NORMAL):
            return name, normal
        if kind is Kind.ENLARGED and (meant := name.meaning(events[i].trigger)):
            if reached[i] & (NEGATION | NOTHING_NEW):
                return name, normal
            doubt = reached[i] & DOUBT or reached[position] & DOUBT
            meaning = finding_lexicon()[meant]
            found = _plain(meaning, event, present=True, certain=not doubt)
            return meaning, replace(found, severity=0.5) if events[i].trigger == "borderline" else found
        unchanged |= kind is Kind.STABLE
    return (name, replace(normal, certain=False, change="same")) if unchanged else None


def _merged(found: Iterable[Finding]) -> tuple[Finding, ...]:
    """One finding for all mentions of it."""
    kept: list[Finding] = []
    for one in found:
        at = next((i for i in range(len(kept) - 1, -1, -1) if _same(kept[i], one)), None)
        if at is None:
            kept.append(one)
        else:
            kept[at] = _joined(kept[at], one)
    stated = {one.name for one in kept if one.present}
    return tuple(one for one in kept if one.present or one.kind == "structure" or one.name not in stated or one.sides)


def _same(earlier: Finding, later: Finding) -> bool:
    """Whether a later mention is of the same finding."""
    if earlier.kind != later.kind or earlier.present != later.present:
        return False
    if earlier.name != later.name:
        lexicon = finding_lexicon()
        if later.kind != "device" or earlier.name not in lexicon[later.name].stands_for:
            return False
    if earlier.sides and later.sides and earlier.sides != later.sides:
        return False
    if earlier.access and later.access and earlier.access != later.access:
        return False
    return not (earlier.zones and later.zones and earlier.zones.isdisjoint(later.zones))


def _joined(first: Finding, second: Finding) -> Finding:
    """Both mentions as one, with what either says."""
    return replace(
        first,
        certain=first.certain or second.certain,
        inferred=first.inferred and second.inferred,
        sides=first.sides or second.sides,
        zones=first.zones | second.zones,
        severity=second.severity if first.severity is None else first.severity,
        change=first.change or second.change,
        patterns=first.patterns | second.patterns,
        millimetres=second.millimetres if first.millimetres is None else first.millimetres,
        access=first.access | second.access,
        tips=first.tips | second.tips,
        placed="badly" if "badly" in (first.placed, second.placed) else first.placed or second.placed,
    )
