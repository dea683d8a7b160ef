"""What is left of a finding that is denied with an exception: "no consolidation except in the left base"."""

import re
from collections.abc import Sequence
from typing import Final

from rrgbench.labelers.rules.lexicon import Event, Kind
from rrgbench.labelers.rules.scope import MENTIONS, NEGATION
from rrgbench.observations import POSITIVE, UNCERTAIN

_EXCEPTION: Final = re.compile(
    r"except|aside from|apart from|other than|besides|save for|barring|with the exception of"
)
_RESIDUE: Final = re.compile(
    r"[^,.;]*?\b(?:(?:in|at|on|over|along|within) the|component|trace|tiny|small|minimal|mild|residual|faint|some|"
    r"left|right|apical|basilar|lingula|bases?|apex|apices)\b"
)
"""What is left of a finding that was denied: "no consolidation except in the left base"."""


def left_over(text: str, events: Sequence[Event], reached: Sequence[int]) -> dict[int, int]:
    """Labels of findings that are denied but for a rest that isn't called by their name.

    "No consolidation except in the left base" has some, "no pneumothorax except possibly a tiny apical one" perhaps.
    """
    found = {}
    for i, event in enumerate(events):
        if event.kind is not Kind.BOUNDARY or not _EXCEPTION.match(event.trigger) or not i:
            continue
        end = next((j for j in range(i + 1, len(events)) if events[j].kind in (Kind.COMMA, Kind.BOUNDARY)), len(events))
        denied = next(
            (j for j in range(i - 1, -1, -1) if events[j].kind in MENTIONS or events[j].kind is Kind.BOUNDARY), i
        )
        named = any(events[j].kind in MENTIONS for j in range(i + 1, end))
        if events[denied].kind is not Kind.FINDING or not reached[denied] & NEGATION or named:
            continue
        if _RESIDUE.match(text, event.end):
            doubted = any(events[j].kind is Kind.UNCERTAIN_BEFORE for j in range(i + 1, end))
            found[denied] = UNCERTAIN if doubted else POSITIVE
    return found
