"""Which mentions of a statement a negation or an expression of doubt reaches: a small grammar of chunks.

After NegBio's three stages (Peng et al. 2018) as CheXpert uses them (Irvin et al. 2019), without a parser. Commas,
"and", "with" and brackets cut a statement into chunks; a chunk is a finding with its side, degree and predicate. A cue
before reaches over the items of a list and ends at a chunk that opens anew: one with its own predicate, side, degree or
article. A verdict behind ("is not seen") reaches back over "and" and "or", not over a comma, and never past another
predicate. Two passes over the events, one in each direction, so time is linear in the length of the statement.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from rrgbench.labelers.rules.lexicon import Event, Kind
from rrgbench.observations import observation_index

NEGATION: Final = 1
DOUBT: Final = 2
HISTORY: Final = 4
NOTHING_NEW: Final = 8
UNCHANGED: Final = 16
"""What may reach a mention, as bits of one number: a finding may be both negated and doubted."""

MENTIONS: Final = (Kind.FINDING, Kind.SUGGESTIVE, Kind.HEART, Kind.HEART_CONTOUR, Kind.MEDIASTINUM)
_SEPARATORS: Final = (Kind.COMMA, Kind.AND, Kind.WITH, Kind.ASIDE)
_BEFORE: Final = {
    Kind.NEGATION_BEFORE: NEGATION,
    Kind.UNCERTAIN_BEFORE: DOUBT,
    Kind.HISTORY: HISTORY,
    Kind.NOTHING_NEW: NOTHING_NEW,
}
_VERDICTS: Final = {Kind.NEGATION_AFTER: NEGATION, Kind.UNCERTAIN_AFTER: DOUBT}
_OWN_PREDICATE: Final = (Kind.PREDICATE, Kind.PRESENT_AFTER, Kind.NEGATION_AFTER, Kind.UNCERTAIN_AFTER)
_STATES: Final = (Kind.STABLE, Kind.ENLARGED, Kind.SHOWN, *_OWN_PREDICATE)
_SUPPORT_DEVICES: Final = observation_index("Support Devices")

_ANEW = re.compile(
    r"[\s,;()-]*(?:(?:and|with|but|also|again|now|then)\s+)*"
    r"(?:there|the|this|these|it|which|a|an|some|his|her|may|status|lungs?|heart|cardiac|"
    r"left|right|bilateral|bibasilar|biapical|stable|unchanged|persist\w+|residual|continued|new|old|healed|remote|"
    r"chronic|mild\w*|minimal\w*|small|tiny|trace|moderate\w*|severe|possibl[ey]|probabl[ey]|likely|suspected|again|"
    r"associated|increas\w+|decreas\w+|worsen\w+|improv\w+|interval|(?:re ?)?accumulation|develop\w+|formation|"
    r"placement|insertion)\b"
)
"""How a chunk begins that is a statement of its own."""
_SIDE = re.compile(r"\s*(?:the )?(?:left|right|bilateral)\b")
_QUALIFIER = re.compile(
    r"\b(?:left|right|upper|lower|middle|small|large|mild|moderate|acute|chronic|focal|new|old|anterior|posterior)\s*$"
)
"""What before "and" shows that it joins qualifiers, not findings: "no left and right effusions"."""
_RUN_ON = re.compile(r"\s+(?:a|an|the|there|small|mild|moderate|left|right|stable|new|heart|lungs)\s+\w")
"""How a new statement follows a finding without any sign."""
_EXCLUDED = re.compile(r"exclu|ruled")
_LISTS = re.compile(r"differential|ddx|represent|reflect|(?:may|might|could) be\b")
"""What doubts a whole list, also one that ends with "and": "could reflect edema, hemorrhage and infection"."""
_FINITE = re.compile(r"(?:is|are|was|were)\b")
_SINGULAR = re.compile(r"(?:is|has|was)\b")
_ON_ITS_WAY = re.compile(r"\s*(?:to|for|of|in keeping)\b")
"""After "is seen": "is seen to suggest", "is seen for": the cue before still reaches."""
_FRONTED = re.compile(r"\s*(?:despite|with(?:out)?|although|though|while)\b")
"""How a clause begins that ends at its comma: "without effusion, atelectasis is present"."""
_LIST_FOLLOWS = re.compile(r"[ \t]*(?:(?:any|either|evidence|of|the|following|findings|abnormalities|conditions) *)*")
"""What may stand between a negation and the colon of the list that it denies."""
_FINITE_DOUBT = re.compile(r"(?:do|does|did|will|would|should|may|might) ?not\b")
_PART_BEFORE = re.compile(
    r"\b(?:tips?|side ?(?:ports?|holes?)|ends?|portion|segment|course|termination) of (?:the |an? )?(?:\w+ ){0,2}$"
)
_PART_BEHIND = re.compile(
    r"(?:'?s)? (?:(?:distal|proximal|inferior|catheter|tube) )*(?:tips?|side ?(?:ports?|holes?)|ends?|course)\b"
)
_BEYOND = re.compile(r"\s*(?:well )?(?:beyond|below|past|distal(?:ly)?|extending|to extend)\b")
_SIGHT = re.compile(r"seen|identified|visuali|demonstrated|evident|apparent|visible|shown|defined|delineated|obscured")
_NOT_WELL = re.compile(
    r"\b(?:well|adequately|optimally|fully|completely|clearly|poorly|incompletely|suboptimally|obscured)\b"
)
_OF_A_HEAD: Final = ":?-,("
"""How a verdict begins that is of what stands before it, and never of what follows."""
_REST = re.compile(r"[\s,;()-]*(?:(?:and|with|but)\s+)*(?:the\s+|all\s+)?(?:others?|remaining|rest|additional)\b")
"""How what stays begins behind what was removed."""
_VERDICT_WITHIN: Final = 12
"""How many events a verdict on a part of a device may stand behind it."""
_VERSUS: Final = ("versus", "vs")
_COMPARED: Final = re.compile(
    r"\.?\s*(?:(?:the|a|that|on|to)\s+)*(?:prior|previous|prev|yesterday|last|comparison|earlier|old|baseline|now|none|"
    r"no|not|absence|_|\d|(?:pleural )?thickening)"
)
"""What follows "versus" where a film is compared with another, or a finding with its absence.

Coders of IU X-Ray have an effusion where it is set against thickening.
"""
_RIVAL: Final = re.compile(r"\.?\s+(?:an?\s+|the\s+)?[a-z]{2,}")
"""That a rival follows "versus"."""
_NAMED: Final = re.compile(r"[a-z]{2,}\s*$")
"""That a rival stands before it."""
_GRADE: Final = re.compile(
    r"\b(?:left|right|upper|lower|middle|small|trace|tiny|mild|minimal|moderate|large|severe|acute|chronic|old|new)\s*$"
)
"""What before "versus" shows that sides or degrees of one finding are weighed."""
_DOUBT_REACH: Final = 80
"""How many characters an expression of doubt reaches forward."""
_NEAR: Final = 45
"""How many characters may lie between `or` and the mentions that it makes alternatives."""


@dataclass(frozen=True, slots=True)
class _Chunk:
    """What stands between two separators."""

    mentions: bool = False
    predicate: bool = False
    shown: bool = False
    devices: bool = False


def cues(statement: str, events: Sequence[Event], version: int, denied: bool = False) -> list[int]:
    """For each event what reaches it from before and behind; 0 for those that are no mention.

    Parameters
    ----------
    statement : str
        The normalised statement.
    events : sequence of Event
        Everything recognised in it, left to right.
    version : int
        Of the labeler. Before 3 a doubt doesn't reach over the commas of a list without "or" (`_LISTS`); before 4
        nothing reaches past a colon, and neither fronted clauses nor the parts of devices are known.
    denied : bool
        Whether the statement is an item of a list under a negation ("No evidence of:").
    """
    before, behind = _from_before(statement, events, version, denied), _from_behind(statement, events)
    if version >= 4:
        behind = [0 if cue and _of_a_part(statement, events, i) else cue for i, cue in enumerate(behind)]
    return [one | other for one, other in zip(before, behind, strict=True)]


def _of_a_part(statement: str, events: Sequence[Event], i: int) -> bool:
    """Whether a verdict behind the device `events[i]` is of a part of it: "the tip of the tube is not seen"."""
    event = events[i]
    if event.kind is not Kind.FINDING or event.observation != _SUPPORT_DEVICES:
        return False
    verdict = next(
        (one for one in events[i + 1 : i + 1 + _VERDICT_WITHIN] if one.kind in (*_VERDICTS, Kind.BOUNDARY)), None
    )
    if verdict is None or verdict.kind not in _VERDICTS or not _SIGHT.search(verdict.trigger):
        return False
    return (
        _PART_BEFORE.search(statement, max(0, event.start - 40), event.start) is not None
        or _PART_BEHIND.match(statement, event.end) is not None
        or _BEYOND.match(statement, verdict.end) is not None
        or _NOT_WELL.search(verdict.trigger) is not None
    )


def _chunks(events: Sequence[Event]) -> tuple[list[_Chunk], list[bool]]:
    """For each event the chunk that follows it, and whether `or` still follows in its segment."""
    chunks, goes_on = [_Chunk()] * len(events), [False] * len(events)
    chunk, more = _Chunk(), False
    for i in range(len(events) - 1, -1, -1):
        chunks[i], goes_on[i] = chunk, more
        event = events[i]
        if event.kind in _SEPARATORS or event.kind is Kind.ALTERNATIVE:
            chunk = _Chunk()
            more |= event.trigger.endswith("or")
        elif event.kind is Kind.BOUNDARY:
            chunk, more = _Chunk(), False
        elif event.kind in MENTIONS:
            devices = chunk.devices or event.observation == _SUPPORT_DEVICES
            chunk = _Chunk(True, chunk.predicate, chunk.shown, devices)
        elif event.kind in _OWN_PREDICATE or (event.kind is Kind.ENLARGED and not chunk.mentions):
            chunk = _Chunk(False, True, chunk.shown, chunk.devices)
        elif event.kind is Kind.SHOWN:
            chunk = _Chunk(False, chunk.predicate, True, chunk.devices)
    return chunks, goes_on


def _from_before(statement: str, events: Sequence[Event], version: int, denied: bool) -> list[int]:
    """Cues whose forward scope includes each event."""
    chunks, goes_on = _chunks(events)
    found = [0] * len(events)
    active, doubt_until = NEGATION if denied else 0, 0
    mentions = False  # whether a mention stands in the segment
    items = negations = 0  # mentions since the last cue; negations one behind the other
    taken = False  # whether the cue takes something away: "removal of"
    lists = False  # whether the doubt is of a whole list
    for i, event in enumerate(events):
        kind = event.kind
        if kind is Kind.ENLARGED:
            found[i] = active
        elif kind in MENTIONS:
            mentions = True
            items += 1
            found[i] = active if event.start < doubt_until else active & ~DOUBT
            if active & DOUBT and event.start < doubt_until:
                doubt_until = event.end + _DOUBT_REACH
            if active and not goes_on[i] and _RUN_ON.match(statement, event.end):
                active = 0
        elif kind in _BEFORE:
            active |= _BEFORE[kind]
            taken = event.trigger.endswith(" of")
            items = 0
            negations = negations + 1 if active & NEGATION else 0
            if kind is Kind.UNCERTAIN_BEFORE:
                doubt_until = event.end + _DOUBT_REACH
                lists = version >= 3 and _LISTS.search(event.trigger) is not None
                if version >= 4 and _FINITE_DOUBT.match(event.trigger):  # "no effusion does not exclude pneumonia"
                    active = DOUBT
        elif kind in _VERDICTS and not mentions and not (version >= 4 and event.trigger[0] in _OF_A_HEAD):
            # "no longer seen is the effusion"
            active, doubt_until, items = _VERDICTS[kind], event.end + _DOUBT_REACH, 0
        elif kind is Kind.PRESENT_BEFORE:
            active, items = UNCHANGED, 0
        elif version >= 4 and event.trigger == ":" and not mentions and _denies_list(statement, events, i):
            items = 0
        elif kind is Kind.BOUNDARY or kind in _VERDICTS or kind is Kind.PRESENT_AFTER:
            active = 0
            if kind is Kind.BOUNDARY:
                mentions, negations = False, 0
        elif kind is Kind.SHOWN:
            if items and not (_ON_ITS_WAY.match(statement, event.end) or _attributive(statement, events, i)):
                active = 0
        elif kind in _SEPARATORS and active:
            repeated = negations > 1 and items > 0 and kind is Kind.COMMA and not goes_on[i] and chunks[i].mentions
            fronted = version >= 4 and kind is Kind.COMMA and _FRONTED.match(statement) is not None
            stays = version >= 4 and taken and items > 0 and _REST.match(statement, event.end) is not None
            ends = fronted and items > 0 and chunks[i].mentions and (chunks[i].shown or chunks[i].predicate)
            if ends or stays or repeated or _opens_anew(statement, events, i, chunks[i], goes_on[i], taken, items):
                active, negations = 0, 0
            elif kind in (Kind.COMMA, Kind.ASIDE) and items:
                joined = i + 1 < len(events) and events[i + 1].kind is Kind.AND  # "A, B, and C"
                chunk = chunks[i + joined]
                next_item = chunk.mentions and not (chunk.predicate or chunk.shown)
                active &= ~HISTORY if goes_on[i] or (lists and next_item) else ~(DOUBT | HISTORY)
    return found


def _denies_list(statement: str, events: Sequence[Event], i: int) -> bool:
    """Whether the colon `events[i]` opens a list that the negation before it denies: "no evidence of:"."""
    cue = next((event for event in reversed(events[:i]) if event.kind is not Kind.COMMA), None)
    if cue is None or cue.kind not in (Kind.NEGATION_BEFORE, Kind.NEGATION_AFTER):
        return False
    return _LIST_FOLLOWS.fullmatch(statement, cue.end, events[i].start) is not None


def denied_list(statement: str, events: Sequence[Event]) -> bool:
    """Whether a statement has a negation and a colon in front of all that it mentions, as above a list."""
    first = next((i for i, event in enumerate(events) if event.kind in MENTIONS), len(events))
    return any(events[i].trigger == ":" and _denies_list(statement, events, i) for i in range(first))


def says_itself(events: Sequence[Event]) -> bool:
    """Whether a statement has a predicate of its own, so that no negation above it is meant: "- Heart is enlarged."."""
    return any(event.kind in (Kind.PREDICATE, Kind.SHOWN, Kind.PRESENT_AFTER) for event in events)


def _opens_anew(
    statement: str, events: Sequence[Event], i: int, chunk: _Chunk, goes_on: bool, taken: bool, items: int
) -> bool:
    """Whether the chunk after the separator `events[i]` is a new statement rather than the next item of a list."""
    separator = events[i]
    following = events[i + 1] if i + 1 < len(events) else None
    if following is not None and following.kind is Kind.ALTERNATIVE and following.start - separator.end <= 1:
        return False
    if chunk.mentions and chunk.predicate:
        return True
    anew = _ANEW.match(statement, separator.end) is not None
    apart = separator.kind is Kind.ASIDE or (
        separator.kind is Kind.AND and items == 1 and i > 0 and events[i - 1].kind is Kind.COMMA
    )
    if chunk.mentions and chunk.shown and (anew or apart):
        return True
    if goes_on:
        return False
    if separator.kind is Kind.WITH and chunk.devices:
        return True
    if separator.kind is Kind.AND:
        if not items:  # "probable left upper and left lower atelectasis"
            return False
        if taken and _SIDE.match(statement, separator.end):  # "removal of the tube and right catheter"
            return False
        if _QUALIFIER.search(statement, max(0, separator.start - 12), separator.start):
            return False
    return anew


def _attributive(statement: str, events: Sequence[Event], i: int) -> bool:
    """Whether a participle belongs to the finding after it: "an identified mass"."""
    following = events[i + 1] if i + 1 < len(events) else None
    return following is not None and following.kind in MENTIONS and statement[events[i].end : following.start] == " "


def _from_behind(statement: str, events: Sequence[Event]) -> list[int]:
    """Verdicts whose backward scope includes each event."""
    found = [0] * len(events)
    existential = _existential(events)
    active, verdict, crossed, listed, mentions, singular = 0, "", False, False, 0, False
    for i in range(len(events) - 1, -1, -1):
        event = events[i]
        kind = event.kind
        if kind in MENTIONS or kind is Kind.ENLARGED:
            found[i] = active
            mentions += kind is not Kind.ENLARGED
        elif kind in _VERDICTS:
            active, crossed, listed, mentions = _VERDICTS[kind], False, False, 0
            verdict = event.trigger
            singular = _SINGULAR.match(event.trigger) is not None
        elif not active:
            continue
        elif kind in _BEFORE and not mentions and not crossed:  # "may have resolved", "not clearly excluded"
            active = _qualified(kind, active, verdict)
        elif kind in (Kind.BOUNDARY, Kind.WITH) or kind in _BEFORE or kind is Kind.PRESENT_BEFORE:
            active = 0
        elif kind in _STATES:
            if crossed or kind is Kind.PRESENT_AFTER or (kind is Kind.SHOWN and _FINITE.match(event.trigger)):
                active = 0
        elif kind in (Kind.AND, Kind.ALTERNATIVE):
            bare = i > 0 and events[i - 1].kind in MENTIONS and not statement[events[i - 1].end : event.start].strip()
            if mentions and kind is Kind.AND and (existential[i] or (singular and not bare)):
                active = 0
            crossed = listed = True
        elif kind in (Kind.COMMA, Kind.ASIDE):
            if mentions and not listed:
                active = 0
            crossed = True
    return found


def _qualified(kind: Kind, active: int, verdict: str) -> int:
    """What remains of a verdict with a cue right before it."""
    if kind is Kind.UNCERTAIN_BEFORE:
        return DOUBT
    if kind is Kind.NEGATION_BEFORE and active == DOUBT:
        return NEGATION
    return DOUBT if _EXCLUDED.search(verdict) else 0


def _existential(events: Sequence[Event]) -> list[bool]:
    """For each event whether its segment began with "there is"."""
    found, state = [], False
    for event in events:
        if event.kind is Kind.BOUNDARY:
            state = event.trigger.startswith("there")
        found.append(state)
    return found


def within_reach(events: Sequence[Event], position: int, characters: int) -> tuple[int, int]:
    """First and last (exclusive) of the events that stand at most so many characters from `events[position]`."""
    centre = events[position]
    first, last = position, position + 1
    while first > 0 and centre.start - events[first - 1].end <= characters:
        first -= 1
    while last < len(events) and events[last].start - centre.end <= characters:
        last += 1
    return first, last


def is_alternative(events: Sequence[Event], position: int) -> bool:
    """Whether the mention is one side of "A or B", "A versus B", "A/B" with a finding on the other side."""
    mention = events[position]
    for step in (-1, 1):
        link_at = position + step
        if not 0 <= link_at < len(events) or events[link_at].kind is not Kind.ALTERNATIVE:
            continue
        other_at = link_at + step
        if not 0 <= other_at < len(events) or events[other_at].kind is not Kind.FINDING:
            continue
        link, other = events[link_at], events[other_at]
        gap = max(mention.start, link.start, other.start) - min(mention.end, link.end, other.end)
        if gap < _NEAR and other.observation != mention.observation:
            return True
    return False


def is_against(text: str, events: Sequence[Event], position: int) -> bool:
    """Whether a finding stands against a rival that no entry names: "pneumothorax versus skin fold"."""
    mention = events[position]
    behind = events[position + 1] if position + 1 < len(events) else None
    if behind is not None and behind.trigger in _VERSUS and not text[mention.end : behind.start].strip():
        return _RIVAL.match(text, behind.end) is not None and _COMPARED.match(text, behind.end) is None
    before = events[position - 1] if position else None
    if before is None or before.trigger not in _VERSUS or len(text[before.end : mention.start].split()) > 1:
        return False
    named = _NAMED.search(text, max(0, before.start - 20), before.start) is not None
    return named and _GRADE.search(text, max(0, before.start - 20), before.start) is None
