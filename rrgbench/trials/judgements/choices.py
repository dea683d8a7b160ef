"""Which of two reports is preferred, as people write it: a, 1, left, a system's name, tie."""

import re
from collections.abc import Sequence
from typing import Final

from rrgbench.errors import InputError, listed
from rrgbench.scoring.report_shapes import shown
from rrgbench.trials.judgements.numbers import BLANKS, Written

_TIES: Final = frozenset(
    (
        *("tie", "tied", "ties", "equal", "equally", "equally good", "same", "both", "draw", "no preference", "="),
        *("neither", "similar", "indifferent", "equivalent"),
        *("about the same", "about equal", "tie (bothbad)", "tie (both bad)", "bothbad", "both bad", "both good"),
    )
)
_FIRST: Final = frozenset(("a", "1", "left", "l", "first", "c1"))
_SECOND: Final = frozenset(("b", "2", "right", "r", "second", "c2"))
_AROUND: Final = re.compile(
    r"^(?:prefers?|choose|report|candidate|system|model|text|option)\s+"
    r"|\s+(?:is )?(?:(?:much|far|clearly|slightly|somewhat|a bit) )?(?:better|preferred|wins|report)$"
)

_COMPARED: Final = re.compile(r"(.+?)\s*(>+|<+|=+)\s*(.+)")
"""`A>B`, `A=B`"""


def read_choices(
    name: str, cells: Sequence[Written], sides: tuple[str, str], systems: Sequence[tuple[str, str]]
) -> list[float | None]:
    """Preferences: 1 for the row's first report, -1 for the second, 0 for a tie, None where blank.

    Parameters
    ----------
    name : str
        The file, for messages.
    cells : sequence of Written
        What stands there.
    sides : tuple of str
        What the columns with reports call the two.
    systems : sequence of (str, str)
        For each cell the names of the two reports' systems; empty texts where the file has none.

    Raises
    ------
    InputError
        If a cell names none of the two, or one that may be either.
    """
    wanted = [_plain(one.text) for one in cells]
    digits = {one for one in wanted if one in ("-1", "0", "1", "2")}
    # where no 2 is there 0 may be the first of two, or a tie, and 1 then the second or the first
    only = not set(wanted) - digits - _TIES - BLANKS
    unclear = only and "0" in digits and "2" not in digits and "0" not in sides
    if "-1" in digits or unclear:
        raise InputError(
            f"{name}: {cells[0].column} holds {listed(sorted(digits))}, and which report these are can't be told; "
            f"write {sides[0]}, {sides[1]} or tie"
        )
    usual = (sides[0] in _FIRST and sides[1] in _SECOND) or not set(sides) & (_FIRST | _SECOND)

    def told(text: str, called: tuple[str, str]) -> set[float]:
        """1 and -1 for the reports that a text may mean."""
        both = ((1.0, sides[0], called[0], _FIRST), (-1.0, sides[1], called[1], _SECOND))
        readings = {sign for sign, side, system, _ in both if text in (_plain(side), _plain(system)) and text}
        # a and 1 are the first report unless the columns call the second one so
        return readings or {sign for sign, _, _, words in both if usual and text in words}

    found: list[float | None] = []
    for cell, text, called in zip(cells, wanted, systems, strict=True):
        if cell.text.strip().lower() in BLANKS:
            found.append(None)
            continue
        readings = told(text, called)
        if match := _COMPARED.fullmatch(text):
            sign = {">": 1.0, "<": -1.0, "=": 0.0}[match[2][0]]
            other = told(_bare(match[3]), called)
            readings |= {sign * one + 0.0 for one in told(_bare(match[1]), called) if -one in other}
        if text in _TIES or (text == "0" and "0" not in sides):
            readings.add(0.0)
        if len(readings) != 1:
            either = "may be either report" if readings else f"is {cell.shown}"
            raise InputError(
                f"{name}, {cell.place}: {cell.column} {either}; expected {shown(sides[0])}, {shown(sides[1])}, "
                "tie or the name of a system"
            )
        found.append(readings.pop())
    return found


def _plain(text: str) -> str:
    said = " ".join(re.sub(r"[_\s]+", " ", text.strip().lower()).split()) if text.strip() != "-" else ""
    # 1.0 is the 1 of a column that has blanks
    return _bare(re.sub(r"^(-?\d+)\.0+$", r"\1", said))


def _bare(text: str) -> str:
    return _AROUND.sub("", _AROUND.sub("", text))
