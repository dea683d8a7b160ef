"""Findings that head what is said of them: "Effusion: small left effusion", "Pneumonia: unlikely"."""

from collections.abc import Sequence
from typing import Final

from rrgbench.labelers.rules.lexicon import Event, Kind
from rrgbench.observations import NEGATIVE, UNCERTAIN

_LABELS: Final = {
    Kind.NEGATION_BEFORE: NEGATIVE,
    Kind.NORMAL: NEGATIVE,
    Kind.UNCERTAIN_BEFORE: UNCERTAIN,
}
_VERDICTS: Final = {Kind.NEGATION_AFTER: NEGATIVE, Kind.UNCERTAIN_AFTER: UNCERTAIN}
"""Verdicts that since version 4 may stand alone behind a head and a colon: "Pneumonia: unlikely"."""


def headed(text: str, events: Sequence[Event]) -> dict[int, int | None]:
    """Labels of findings that only head what is said of them.

    "Effusion: small left effusion" has one mention, "Effusion: no evidence" a negative one. For each event in front of
    a colon its label, None where the finding is mentioned again behind it.
    """
    colon = next((i for i, event in enumerate(events) if event.trigger == ":"), 0)
    head = events[colon - 1]
    if not colon or head.kind is not Kind.FINDING or text[head.end : events[colon].start].strip():
        return {}
    behind = {event.observation for event in events[colon + 1 :] if event.kind is Kind.FINDING}
    told = _LABELS.get(events[colon + 1].kind) if colon + 1 < len(events) else None
    return {
        i: None if event.observation in behind else told
        for i, event in enumerate(events[:colon])
        if event.kind is Kind.FINDING and (event.observation in behind or told is not None)
    }


def headed_anywhere(text: str, events: Sequence[Event]) -> dict[int, int | None]:
    """As `headed`, at every colon and at a dash, also for verdicts, which stand alone: "Pneumonia: unlikely"."""
    found: dict[int, int | None] = {}
    last = {event.observation: i for i, event in enumerate(events) if event.kind is Kind.FINDING}
    opened = 0  # where the segment began
    for i, sign in enumerate(events):
        if sign.kind is not Kind.BOUNDARY:
            continue
        first, opened = opened, i + 1
        dash = sign.trigger.startswith("-")
        if not i or (sign.trigger != ":" and not dash):
            continue
        head = events[i - 1]
        if head.kind is not Kind.FINDING or text[head.end : sign.start].strip():
            continue
        after = events[i + 1] if i + 1 < len(events) else None
        adjacent = after is not None and not text[sign.end : after.start].strip()
        told = _VERDICTS.get(after.kind) if after is not None and adjacent else None
        if not dash and told is None and after is not None:
            told = _LABELS.get(after.kind)
        for j in range(first, i):
            again = not dash and last.get(events[j].observation, 0) > i
            if events[j].kind is Kind.FINDING and (again or told is not None):
                found[j] = None if again else told
    return found
