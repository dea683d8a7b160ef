"""Heart and mediastinum: labelled by the state the report gives them, not by being named.

Normal is a negative mention, enlarged a positive one. "Heart size is stable" says neither, which is CheXpert's own
example of an uncertain label (Irvin et al. 2019, section on uncertainty labels). No state at all is no mention.
"""

from collections.abc import Sequence

from rrgbench.labelers.rules.lexicon import Event, Kind
from rrgbench.labelers.rules.scope import NEGATION, NOTHING_NEW, within_reach
from rrgbench.observations import NEGATIVE, POSITIVE, UNCERTAIN

ANATOMY = (Kind.HEART, Kind.HEART_CONTOUR, Kind.MEDIASTINUM)
_STATES = (Kind.BORDERLINE_NORMAL, Kind.NORMAL, Kind.ENLARGED, Kind.STABLE, Kind.UNCERTAIN_AFTER)
_STOPS = (Kind.COMMA, Kind.BOUNDARY, Kind.ASIDE)
_RELATIVE = ("that", "which")
_CONCESSIONS = ("but", "although", "though", "albeit", "while", "however", "yet", "otherwise")
_REACH = 300
"""How many characters away a state may stand; keeps run-on text linear in its length."""


def state_label(
    statement: str, events: Sequence[Event], reached: Sequence[int], position: int, version: int
) -> int | None:
    """Label of the anatomy `events[position]` by its state, or None where the statement gives none.

    `reached` tells what cues reach each event (`rrgbench.labelers.rules.scope.cues`). Before version 4 the state of
    another anatomy counted for one that has its own: "a stable mediastinum with a normal heart".
    """
    states = states_of(statement, events, position)
    if version < 4:
        return _first_telling(events, reached, states)
    own = _own(statement, events, states, position) or _conceded(events, position)
    return _first_telling(events, reached, own)


def _conceded(events: Sequence[Event], position: int) -> list[int]:
    """States behind a concession with nothing else in between: "smaller than before but still enlarged"."""
    found: list[int] = []
    conceded = False
    for i in range(position + 1, within_reach(events, position, _REACH)[1]):
        if events[i].kind in (*ANATOMY, Kind.FINDING, Kind.SUGGESTIVE):
            break
        conceded |= events[i].trigger in _CONCESSIONS
        if events[i].kind is Kind.BOUNDARY and not conceded:
            break
        if conceded and events[i].kind in _STATES:
            found.append(i)
    return found


def _own(statement: str, events: Sequence[Event], states: list[int], position: int) -> list[int]:
    """Those of the states that are not said of another anatomy; all where none remains."""
    kind = events[position].kind
    near = range(position + 1, within_reach(events, position, _REACH)[1])
    other = next((i for i in near if events[i].kind in ANATOMY and events[i].kind != kind), 0)
    told = [i for i in states if i < position or (i < other and not _adjacent(statement, events, other, i))]
    return told if other and any(i < other for i in told) else states


def states_of(statement: str, events: Sequence[Event], position: int) -> list[int]:
    """Events that may tell the state of the anatomy `events[position]`, the likeliest first.

    The state is looked for right before the anatomy ("normal heart size"), then after it in the same clause, then
    before it, then in the clauses after it ("the heart, vessels and mediastinum are normal"), then in those before.
    """
    near = range(*within_reach(events, position, _REACH))
    following_sign = events[position + 1].trigger if position + 1 < near.stop else ""
    headed = following_sign == ":" or (following_sign == "-" and position == 0)  # "heart: enlarged"
    first = max((i + 1 for i in near if i < position and _stops(events, i)), default=near.start)
    last = next((i for i in near if i > position + headed and _stops(events, i)), near.stop)
    states = [i for i in near if events[i].kind in _STATES]
    following = [i for i in states if position < i < last]
    preceding = [i for i in reversed(states) if first <= i < position]
    if _adjacent(statement, events, position, first):  # "normal and stable contours": unchanged does not hide the rest
        return [position - 1, *following, *preceding]
    if following or preceding:
        return following or preceding
    boundary = next((i for i in near if i >= last and events[i].kind is Kind.BOUNDARY), near.stop)
    earlier = [i for i in states if i < first - 1]
    return [i for i in states if last <= i < boundary] or earlier[-1:]


def _adjacent(statement: str, events: Sequence[Event], position: int, first: int) -> bool:
    """Whether a state directly precedes the anatomy, with at most a word between."""
    if position - 1 < first or events[position - 1].kind not in _STATES:
        return False
    between = statement[events[position - 1].end : events[position].start].split()
    return len(between) <= 1 and "and" not in between


def _first_telling(events: Sequence[Event], reached: Sequence[int], candidates: Sequence[int]) -> int | None:
    """Label of the first state that says more than that nothing changed, else uncertain, else None."""
    label: int | None = None
    for i in candidates:
        kind = events[i].kind
        if kind in (Kind.NORMAL, Kind.BORDERLINE_NORMAL):
            return NEGATIVE
        if kind is Kind.ENLARGED:
            return NEGATIVE if reached[i] & (NEGATION | NOTHING_NEW) else POSITIVE
        label = UNCERTAIN
    return label


def _stops(events: Sequence[Event], i: int) -> bool:
    """Whether a clause ends here; "a heart(,) that is enlarged" goes on."""
    if events[i].kind is Kind.COMMA and i + 1 < len(events):
        return events[i + 1].trigger not in _RELATIVE
    return events[i].kind in _STOPS and events[i].trigger not in _RELATIVE
