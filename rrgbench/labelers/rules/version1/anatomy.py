"""Heart and mediastinum: labelled by the state the report gives them, not by being named.

Normal is a negative mention, enlarged a positive one. "Heart size is stable" says neither, which is CheXpert's own
example of an uncertain label (Irvin et al. 2019, section on uncertainty labels). No state at all is no mention.
"""

from collections.abc import Sequence

from rrgbench.labelers.rules.lexicon import Event, Kind
from rrgbench.observations import NEGATIVE, POSITIVE, UNCERTAIN

ANATOMY = (Kind.HEART, Kind.HEART_CONTOUR, Kind.MEDIASTINUM)
_STATES = (Kind.BORDERLINE_NORMAL, Kind.NORMAL, Kind.ENLARGED, Kind.STABLE)
_STOPS = (Kind.COMMA, Kind.BOUNDARY)


def state_label(sentence: str, events: Sequence[Event], position: int) -> int | None:
    """Label of the anatomy `events[position]` by its state, or None where the sentence gives none.

    The state is looked for right before the anatomy ("normal heart size"), then after it in the same clause, then
    before it, then in the clauses after it ("the heart, vessels and mediastinum are normal"), then in those before.
    """
    clause = [event.kind in _STOPS for event in events]
    first = max((i + 1 for i in range(position) if clause[i]), default=0)
    last = next((i for i in range(position + 1, len(events)) if clause[i]), len(events))
    adjacent = _adjacent(sentence, events, position, first)
    following = [i for i in range(position + 1, last) if events[i].kind in _STATES]
    preceding = [i for i in range(position - 1, first - 1, -1) if events[i].kind in _STATES]
    later = [i for i in range(last, len(events)) if events[i].kind in _STATES]
    earlier = [i for i in range(first - 1, -1, -1) if events[i].kind in _STATES]
    if adjacent is not None:  # "normal and stable contours": what only says unchanged does not hide the rest
        candidates = [adjacent, *following, *preceding]
    elif following or preceding:
        candidates = following or preceding
    else:
        boundary = next((i for i in range(last, len(events)) if events[i].kind is Kind.BOUNDARY), len(events))
        candidates = [i for i in later if i < boundary] or earlier[:1]
    return _first_telling(events, candidates)


def _adjacent(sentence: str, events: Sequence[Event], position: int, first: int) -> int | None:
    """The state that directly precedes the anatomy, with at most a word between."""
    if position - 1 >= first and events[position - 1].kind in _STATES:
        between = sentence[events[position - 1].end : events[position].start].split()
        if len(between) <= 1 and "and" not in between:
            return position - 1
    return None


def _first_telling(events: Sequence[Event], candidates: Sequence[int]) -> int | None:
    """Label of the first state that says more than that nothing changed, else uncertain, else None."""
    label: int | None = None
    for i in candidates:
        kind = events[i].kind
        if kind in (Kind.NORMAL, Kind.BORDERLINE_NORMAL):
            return NEGATIVE
        if kind is Kind.ENLARGED:
            return NEGATIVE if _negated(events, i) else POSITIVE
        label = UNCERTAIN
    return label


def _negated(events: Sequence[Event], position: int) -> bool:
    """Whether a negation stands before a state in the same clause."""
    for event in reversed(events[:position]):
        if event.kind in _STOPS:
            return False
        if event.kind is Kind.NEGATION_BEFORE:
            return True
    return False
