"""Columns that the user names by `--judgement-columns`, so that they are not to be guessed."""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from rrgbench.errors import InputError, listed
from rrgbench.scoring.report_shapes import shown
from rrgbench.trials.judgements import names

FLAG: Final = "--judgement-columns"
ADVICE: Final = f"name it with {FLAG}"
Named = Mapping[str, tuple[tuple[str, ...], ...]]
"""By field the columns that are not to be guessed: one for each rater, several of one rater being summed."""
_NEXT: Final = re.compile(rf",(?=\s*(?:{'|'.join(names.FIELDS).replace('_', '[_ -]?')})\s*=)", re.IGNORECASE)
"""The comma before the next field; another is of a column's name."""


def named_columns(given: Sequence[str]) -> Named:
    """Columns as `--judgement-columns` names them: `rating=overall,report=text`, `errors=a+b`, `rating=r1,rating=r2`.

    Raises
    ------
    InputError
        If one is not FIELD=COLUMN.
    """
    found: dict[str, tuple[tuple[str, ...], ...]] = {}
    for part in (part for one in given for part in _NEXT.split(one)):
        field, equals, columns = (text.strip() for text in part.partition("="))
        group = tuple(columns.split("+"))
        if not equals or not all(map(str.strip, group)):
            raise InputError(f"{FLAG} expects FIELD=COLUMN, such as rating=overall,report=text; given: {part!r}")
        found[names.plain(field)] = (*found.get(names.plain(field), ()), group)
    return found


def in_header(name: str, columns: Sequence[str], named: Named) -> dict[str, tuple[tuple[str, ...], ...]]:
    """Named columns as a header spells them; InputError where it lacks one, or has several of that name."""
    found = {}
    for field, given in named.items():
        if field not in names.FIELDS:
            raise InputError(f"{FLAG} {shown(field)}: no such field; expected one of {', '.join(names.FIELDS)}")
        # a plus may be part of a column's name
        groups = [(whole,) if (whole := "+".join(group).strip()) in columns else group for group in given]
        found[field] = tuple(tuple(_column(name, columns, one.strip(), field) for one in group) for group in groups)
        if field not in names.JUDGED and (len(groups) > 1 or len(groups[0]) > 1):
            raise InputError(f"{FLAG} names several columns for {field}; name one")
    return found


def _column(name: str, columns: Sequence[str], wanted: str, field: str) -> str:
    exact = [one for one in columns if one == wanted]
    alike = exact or [one for one in columns if names.plain(one) == names.plain(wanted)]
    if len(alike) != 1:
        has = "several columns" if alike else "no column"
        raise InputError(
            f"{FLAG} {field}={wanted}: {name} has {has} of that name; it has {listed(map(shown, columns), 12)}"
        )
    return alike[0]
