"""Judgements in nested JSON as a table of texts: lists of candidates and of raters' judgements are rows."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

from rrgbench.errors import InputError, counted, listed
from rrgbench.scoring.report_shapes import shown
from rrgbench.scoring.report_shapes.cells import is_missing
from rrgbench.scoring.report_shapes.field_names import plain_name
from rrgbench.scoring.report_shapes.whole_records import Records
from rrgbench.trials.judgements import names

_OWN: Final = ("id", "name")
"""Fields of an object in a list that tell it from the others of its study."""
_EARLIER: Final = frozenset(("prior", "priors", "previous", "history", "earlier"))
"""Words in the name of a list whose reports nobody judges."""
_JUDGED_WORDS: Final = (
    names.RATING_WORDS | names.SCORE_WORDS | names.ERROR_WORDS | names.SIGNIFICANT_WORDS | names.PREFERENCE_WORDS
)


_Row = tuple[str, dict[str, Any]]


def flat(name: str, records: Records) -> Records:
    """Records of JSON as a table of texts: `{"rating": {"r1": 4}}` and `{"rating": [4, 5]}` are columns.

    A study whose candidates stand in a list has a row for each, and so has a report whose raters' judgements do.

    Raises
    ------
    InputError
        If a record has several such lists, or one says otherwise what the record around it says too.
    """
    if records.delimiter:
        return records
    opened: dict[str, None] = {}
    single = [row for place, record in records.rows for row in _rows(name, place, record, opened)]
    rows = [(place, dict(_cells(record))) for place, record in single]
    columns = tuple(dict.fromkeys(column for _, row in rows for column in row))
    twice = [one for one, count in Counter(map(plain_name, columns)).items() if count > 1]
    if twice:
        raise InputError(
            f"{name}: {counted(len(twice), 'field')} in two spellings: {listed(map(shown, twice))}; keep one"
        )
    filled = [(place, {column: row.get(column, "") for column in columns}) for place, row in rows]
    lists = f"each of {listed(map(shown, opened))} is a row" if opened else ""
    return Records(columns, filled, "", "; ".join(filter(None, (records.understood, lists))))


def _rows(name: str, place: str, record: Mapping[str, Any], opened: dict[str, None]) -> list[_Row]:
    """A record as rows, and in `opened` the lists of which they were made."""
    lists = [key for key, value in record.items() if _are_candidates(key, value) or _are_judgements(value)]
    if _has(record, names.REPORT):
        # reports beside the one that is judged are others'
        lists = [key for key in lists if _are_judgements(record[key])]
    if not lists:
        return [(place, dict(record))]
    if len(lists) > 1:
        raise InputError(
            f"{name}, {place}: {listed(map(shown, lists))} are lists of judgements, and which belong together can't be "
            "told; write what is said of a report into the object with the report"
        )
    key = lists[0]
    opened[key] = None
    around = {field: value for field, value in record.items() if field != key}
    whose = "candidate" if _are_candidates(key, record[key]) else "judgement"
    found = []
    for at, one in enumerate(record[key], start=1):
        here = f"{place}, {shown(key)} {at}"
        inside = {f"{whose}_{field}" if plain_name(field) in _OWN else field: value for field, value in one.items()}
        if other := [field for field, value in inside.items() if field in around and around[field] != value]:
            raise InputError(
                f"{name}, {here}: {listed(map(shown, other))} stands there and around it, and says something else; "
                "call one of them otherwise"
            )
        found += _rows(name, here, {**around, **inside}, opened)
    return found


def _objects(value: object) -> Sequence[Mapping[str, Any]]:
    """The objects of a list of nothing else; none where it is no such list."""
    return value if isinstance(value, list) and all(isinstance(one, Mapping) for one in value) else ()


def _has(record: Mapping[str, Any], field: str) -> bool:
    usual = {names.plain(one) for tier in names.USUAL[field] for one in tier}
    return any(names.plain(key) in usual for key in record)


def _says(record: Mapping[str, Any]) -> bool:
    """Whether an object says something of a report: in numbers, or under a name of judgements."""
    return any(
        (isinstance(value, int | float) and not isinstance(value, bool))
        or _are_judgements(value)
        or bool({word.lower() for word in names.words(key)} & _JUDGED_WORDS)
        for key, value in record.items()
    )


def _are_candidates(key: str, value: object) -> bool:
    """Whether a field holds a list of reports with what is said of each."""
    found = _objects(value)
    earlier = {word.lower() for word in names.words(key)} & _EARLIER
    return bool(found) and not earlier and all(_has(one, names.REPORT) and _says(one) for one in found)


def _are_judgements(value: object) -> bool:
    """Whether it is a list of what raters say of one report."""
    found = _objects(value)
    return bool(found) and all(_has(one, names.RATER) and not _has(one, names.REPORT) and _says(one) for one in found)


def _cells(record: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for key, value in record.items():
        column = f"{prefix}_{key}" if prefix else str(key)
        if isinstance(value, Mapping):
            found += _cells(value, column)
        elif isinstance(value, list) and len(value) == 1 and isinstance(value[0], str):
            found.append((column, value[0].strip()))
        elif isinstance(value, list) and all(isinstance(one, int | float | None) for one in value):
            found += [(f"{column}_{at}", _cell(one)) for at, one in enumerate(value, start=1)]
        elif isinstance(value, list):
            # lists of words, such as findings, are no judgement; where one is needed it is refused by name
            found.append((column, f"a list of {len(value)}"))
        else:
            found.append((column, _cell(value)))
    return found


def _cell(value: object) -> str:
    if is_missing(value):
        return ""
    return value.strip() if isinstance(value, str) else str(value)
