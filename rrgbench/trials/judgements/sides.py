"""Reports side by side in a row: which columns hold them, and which of them a column is about."""

from collections.abc import Sequence
from typing import Final

from rrgbench.errors import InputError, listed
from rrgbench.scoring.report_shapes import shown
from rrgbench.trials.judgements import names
from rrgbench.trials.judgements.header import Header
from rrgbench.trials.judgements.named_columns import ADVICE

_REPORT_WORDS: Final = frozenset(
    ("report", "prediction", "pred", "hypothesis", "generated", "generation", "output", "response", "text")
)
_NAME_WORDS: Final = frozenset(("candidate", "system", "model", "name", "source"))
SIDE_WORDS: Final = frozenset(("report", "candidate", "system", "model", "prediction"))


def sides_of(header: Header) -> tuple[dict[str, str], dict[str, str]]:
    """Columns with reports and with their systems' names by side, in the header's order."""
    found: dict[str, str] = {}
    for wanted in (_REPORT_WORDS, frozenset({"candidate"})):
        found = {}
        for column in header.rest:
            side = _side(column, wanted, _REPORT_WORDS | {"candidate"})
            if side and found.setdefault(side, column) != column:
                raise InputError(
                    f"{header.name}: {shown(found[side])} and {shown(column)} may both be report {shown(side)}; "
                    "remove one"
                )
        if len(found) > 1:
            break
    if len(found) < 2:
        maybe = [*found.values(), *(one for one in header.rest if names.plain(one) in ("candidate", "system"))]
        only = f"; is it {shown(maybe[0])}? Then" if maybe else ";"
        has = listed((shown(one) for one in header.columns), 12)
        raise InputError(
            f"{header.name} has no column for the report, by any usual name; it has: {has}{only} {ADVICE} report=COLUMN"
        )
    header.taken.update(found.values())
    systems: dict[str, str] = {}
    for column in header.rest:
        side = _side(column, _NAME_WORDS, _NAME_WORDS)
        if side in found and systems.setdefault(side, column) != column:
            raise InputError(
                f"{header.name}: {shown(systems[side])} and {shown(column)} may both name the system of report "
                f"{shown(side)}; remove one"
            )
    if len(systems) != len(found):
        systems = {}
    header.taken.update(systems.values())
    return found, systems


def beside(columns: Sequence[str]) -> set[str]:
    """Words that tell columns apart which are called as reports beside each other, but for them alike."""
    for wanted in (_REPORT_WORDS, frozenset({"candidate"})):
        found: dict[tuple[str, ...], set[str]] = {}
        for column in columns:
            if side := _side(column, wanted, _REPORT_WORDS | {"candidate"}):
                said = (word.lower() for word in names.words(column))
                stem = tuple(sorted(word for word in said if word not in side.split("_")))
                found.setdefault(stem, set()).add(side)
        if several := [sides for sides in found.values() if len(sides) > 1]:
            return {word for sides in several for side in sides for word in side.split("_")}
    return set()


def _side(column: str, wanted: frozenset[str], without: frozenset[str]) -> str:
    """What a name such as report_a or C1_report says besides the words wanted; empty if it is no such name."""
    said = [word.lower() for word in names.words(column)]
    rest = [word for word in said if word not in without]
    judged = names.RATING_WORDS | names.ERROR_WORDS | names.PREFERENCE_WORDS | names.SCORE_WORDS | names.ASIDES
    judged |= {"prior", "previous"}
    if not set(said) & wanted or not 1 <= len(rest) <= 2 or set(rest) & judged or _usual_text(column):
        return ""
    return "_".join(rest)


def _usual_text(column: str) -> bool:
    usual = (one for field in (names.STUDY, names.REFERENCE) for tier in names.USUAL[field] for one in tier)
    return names.plain(column) in set(usual)


def without_side(
    header: Header, column: str, spelt: list[str], said: list[str], sides: list[str]
) -> tuple[str, list[str], list[str]]:
    """The side that a name says, and the words without it."""
    if sides == [""]:
        return "", spelt, said
    places = [
        (side, at, len(side.split("_")))
        for side in sides
        for at in range(len(said))
        if said[at : at + len(side.split("_"))] == side.split("_")
    ]
    if len(places) > 1:  # candidate_1_rating_2, 1_rating_reader_1
        places = [one for one in places if one[1] == 0 or not names.is_title(said[one[1] - 1])]
        behind = [one for one in places if one[1] > 0 and said[one[1] - 1] in SIDE_WORDS] or places
        if len(behind) != 1:
            raise InputError(
                f"{header.name}: {shown(column)} may be of report {listed(one[0] for one in places)}; call raters "
                "and reports differently, such as rating_a_reader_1"
            )
        places = behind
    if not places:
        return "", spelt, said
    side, at, length = places[0]
    return side, [*spelt[:at], *spelt[at + length :]], [*said[:at], *said[at + length :]]
