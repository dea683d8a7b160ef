"""Which mentions of a sentence a negation or an expression of doubt reaches.

After NegBio's three stages (Peng et al. 2018) as CheXpert uses them (Irvin et al. 2019): doubt that is worded with a
negation ("cannot exclude") is recognised first, then negation, then other doubt. Scopes are found on the surface of the
sentence, without a parser: a cue reaches forward (or back) up to the next boundary.
"""

import re
from collections.abc import Sequence

from rrgbench.labelers.rules.lexicon import Event, Kind
from rrgbench.labelers.rules.scope import is_alternative, within_reach
from rrgbench.observations import NEGATIVE, POSITIVE, UNCERTAIN

# What after a comma begins a new statement rather than the next item of a negated list.
_NEW_STATEMENT = re.compile(
    r",\s*(?:and\s+)?(?:(?:there|the|stable|unchanged|mild|minimal|small|trace|moderate|persistent|new|with|which|a|an|"
    r"old|healed|remote|chronic|possibl[ey]|probabl[ey]|likely|suspected|may|some|mildly|again|lungs?|heart|cardiac)\b)"
)
_MORE_ITEMS = re.compile(r"\b(?:or|nor)\b")
_REACH = 400
"""How many characters away a cue may stand; keeps run-on text linear in its length."""
_DOUBT_REACH = 80
"""How many characters an expression of doubt reaches forward."""


def neighbourhood(events: Sequence[Event], position: int) -> tuple[Sequence[Event], int]:
    """The events within reach of `events[position]`, and its index among them."""
    first, last = within_reach(events, position, _REACH)
    return events[first:last], position - first


def polarity(sentence: str, events: Sequence[Event], position: int) -> int:
    """Label of the mention `events[position]`: `POSITIVE`, `NEGATIVE` or `UNCERTAIN`.

    Parameters
    ----------
    sentence : str
        The normalised sentence.
    events : sequence of Event
        Everything recognised in it, left to right.
    position : int
        Index of the mention.
    """
    before = _cues_before(sentence, events, position)
    after = _cues_after(events, position)
    if Kind.NEGATION_BEFORE in before or Kind.NEGATION_AFTER in after:
        return NEGATIVE
    if Kind.UNCERTAIN_BEFORE in before or Kind.UNCERTAIN_AFTER in after or is_alternative(events, position):
        return UNCERTAIN
    return POSITIVE


def _cues_before(sentence: str, events: Sequence[Event], position: int) -> set[Kind]:
    """Kinds of forward-reaching cues whose scope includes the mention."""
    found: set[Kind] = set()
    negation_reaches = doubt_reaches = True
    mention = events[position]
    for event in reversed(events[:position]):
        if event.kind is Kind.BOUNDARY or event.kind in (Kind.NEGATION_AFTER, Kind.UNCERTAIN_AFTER):
            break
        if event.kind is Kind.COMMA:
            if not _list_goes_on(sentence, events, position):
                doubt_reaches = False
                if _NEW_STATEMENT.match(sentence, event.start):
                    negation_reaches = False
        elif event.kind is Kind.NEGATION_BEFORE:
            found |= {event.kind} if negation_reaches else set()
        elif event.kind is Kind.UNCERTAIN_BEFORE and doubt_reaches and mention.start - event.end < _DOUBT_REACH:
            found.add(event.kind)
    return found


def _list_goes_on(sentence: str, events: Sequence[Event], position: int) -> bool:
    """Whether `or`/`nor` follows the mention before the next boundary: then it is an item of a negated list."""
    end = next((event.start for event in events[position + 1 :] if event.kind is Kind.BOUNDARY), events[-1].end)
    return _MORE_ITEMS.search(sentence, events[position].end, end) is not None


def _cues_after(events: Sequence[Event], position: int) -> set[Kind]:
    """Kinds of backward-reaching cues whose scope includes the mention."""
    found: set[Kind] = set()
    for event in events[position + 1 :]:
        if event.kind in (Kind.BOUNDARY, Kind.NEGATION_BEFORE, Kind.UNCERTAIN_BEFORE):
            break
        if event.kind in (Kind.NEGATION_AFTER, Kind.UNCERTAIN_AFTER):
            found.add(event.kind)
            break
    return found
