"""Judgements in nested JSON as a table of texts: lists of candidates and of raters' judgements are rows."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from rrgbench.errors import InputError, counted, listed
from rrgbench.scoring.report_shapes import shown
from rrgbench.scoring.report_shapes.cells import is_missing
from rrgbench.scoring.report_shapes.field_names import plain_name
from rrgbench.scoring.report_shapes.whole_records import Records
from rrgbench.trials.judgements import names
from rrgbench.trials.judgements.named_columns import ADVICE, Named
from rrgbench.trials.judgements.sides import beside

_OWN: Final = ("id", "name")
"""Fields of an object in a list that tell it from the others of its study."""
_EARLIER: Final = frozenset(("prior", "priors", "previous", "history", "earlier"))
"""Words in the name of a list whose reports nobody judges."""
_FOUND: Final = frozenset(("retrieved", "similar", "neighbors", "neighbours", "nearest", "examples"))
"""Words in the name of a list whose reports may not be those that somebody judges around it."""
_JUDGED_WORDS: Final = (
    names.RATING_WORDS | names.SCORE_WORDS | names.ERROR_WORDS | names.SIGNIFICANT_WORDS | names.PREFERENCE_WORDS
)


_Row = tuple[str, dict[str, Any]]


@dataclass(frozen=True)
class Flat:
    """Records as a table of texts.

    Attributes
    ----------
    records : Records
        A row a report, or a row a rater and report.
    around : mapping of str to str
        Columns whose cells were given to several rows since they stand around a list: where the first such list is.
    """

    records: Records
    around: Mapping[str, str]


def flat(name: str, records: Records, named: Named) -> Flat:
    """Records of JSON as a table of texts: `{"rating": {"r1": 4}}` and `{"rating": [4, 5]}` are columns.

    A study whose candidates stand in a list has a row for each, and so has a report whose raters' judgements do. One
    whose list is empty has none.

    Raises
    ------
    InputError
        If a record has several such lists, or one says otherwise what the record around it says too, or nothing is
        said in them.
    """
    if records.delimiter:
        return Flat(records, {})
    lists = _Lists(name, named, [record for _, record in records.rows])
    single = [row for place, record in records.rows for row in lists.rows(place, record)]
    rows = [(place, dict(_cells(record))) for place, record in single]
    columns = tuple(dict.fromkeys(column for _, row in rows for column in row))
    twice = [one for one, count in Counter(map(plain_name, columns)).items() if count > 1]
    if twice:
        raise InputError(
            f"{name}: {counted(len(twice), 'field')} in two spellings: {listed(map(shown, twice))}; keep one"
        )
    filled = [(place, {column: row.get(column, "") for column in columns}) for place, row in rows]
    understood = "; ".join(filter(None, (records.understood, *lists.notes())))
    return Flat(Records(columns, filled, "", understood), lists.around)


class _Lists:
    """The lists of candidates and of judgements in a file's records.

    Attributes
    ----------
    around : dict of str to str
        As in `Flat`.
    """

    def __init__(self, name: str, named: Named, records: Sequence[Mapping[str, Any]]) -> None:
        self.name, self.named = name, named
        self.around: dict[str, str] = {}
        self._opened: dict[str, None] = {}
        self._empty = 0
        every = [one for record in records for one in _inside(record)]
        fields = [(key, value) for record in every for key, value in record.items()]
        # what one study says in a list, another may leave out in a list of that name
        self._candidates = {key for key, value in fields if self._are_reports(key, value) and self._any_says(value)}
        self._judgements = {key for key, value in fields if self._are_raters(value) and self._any_says(value)}
        silent = {key for key, value in fields if self._are_reports(key, value)}
        if silent and not self._candidates and not any(self._judges_own(record) for record in records):
            raise InputError(
                f"{name}: the reports in {listed(map(shown, sorted(silent)))} carry no judgement; write what is said "
                f"of each, such as its rating, beside it, or where the judged report is another field {ADVICE} "
                "report=COLUMN"
            )

    def notes(self) -> Iterator[str]:
        """What was made rows, and what was not."""
        if self._opened:
            yield f"each of {listed(map(shown, self._opened))} is a row"
        if self._empty:
            yield f"{counted(self._empty, 'study')} without candidates left out"

    def rows(self, place: str, record: Mapping[str, Any]) -> list[_Row]:
        """A record as rows."""
        lists = [key for key, value in record.items() if key in self._judgements and self._are_raters(value)]
        if not self._judges_own(record):
            # else reports in lists are others'
            lists += [key for key, value in record.items() if key in self._candidates and self._are_reports(key, value)]
            emptied = [key for key in record if key in self._candidates and _is_empty(record[key])]
            if not lists and emptied:
                self._empty += 1
                return []
        if not lists:
            self._need_judgement(place, record)
            return [(place, dict(record))]
        if len(lists) > 1:
            raise InputError(
                f"{self.name}, {place}: {listed(map(shown, lists))} are lists of judgements, and which belong together "
                "can't be told; write what is said of a report into the object with the report"
            )
        return self._opened_rows(place, record, lists[0])

    def _opened_rows(self, place: str, record: Mapping[str, Any], key: str) -> list[_Row]:
        self._opened[key] = None
        around = {field: value for field, value in record.items() if field != key}
        whose = "candidate" if self._are_reports(key, record[key]) else "judgement"
        found = []
        for at, one in enumerate(record[key], start=1):
            here = f"{place}, {shown(key)} {at}"
            inside = {f"{whose}_{field}" if plain_name(field) in _OWN else field: value for field, value in one.items()}
            if other := [field for field, value in inside.items() if field in around and around[field] != value]:
                raise InputError(
                    f"{self.name}, {here}: {listed(map(shown, other))} stands there and around it, and says something "
                    "else; call one of them otherwise"
                )
            if len(record[key]) > 1 or _words(key) & _FOUND:
                given = {field: value for field, value in around.items() if field not in inside}
                for column, cell in _cells(given):
                    if cell:
                        self.around.setdefault(
                            column, f"{place}: {shown(column)} stands around {shown(key)}, a list of {len(record[key])}"
                        )
            found += self.rows(here, {**around, **inside})
        return found

    def _need_judgement(self, place: str, record: Mapping[str, Any]) -> None:
        """Refuse a report whose list of judgements is empty, and a study without a report, where others' are not."""
        own = (key for key, value in record.items() if key not in self._judgements and not _is_empty(value))
        if self._judgements and not self._has(record, names.RATER) and not any(map(self._is_judged, own)):
            raise InputError(
                f"{self.name}, {place}: no judgement in {' or '.join(map(shown, sorted(self._judgements)))}, as others "
                "have; judge the report, or leave it out"
            )
        if self._candidates and not self._judges_own(record) and not _beside(record):
            raise InputError(
                f"{self.name}, {place}: no report, and no list of objects with one each in "
                f"{' or '.join(map(shown, sorted(self._candidates)))}, as others have; write it there, or [] where the "
                "study has none"
            )

    def _has(self, record: Mapping[str, Any], field: str) -> bool:
        if field in self.named:
            usual = _spelt(self.named[field])
            return any(names.plain(key) in usual for key in (*record, *(column for column, _ in _cells(record))))
        usual = {names.plain(one) for tier in names.USUAL[field] for one in tier}
        # a list of objects under the name of a report is one of reports
        return any(names.plain(key) in usual and not _objects(value) for key, value in record.items())

    def _judges_own(self, record: Mapping[str, Any]) -> bool:
        """Whether a record is itself about a report, or about reports beside each other of which something is said."""
        if self._has(record, names.REPORT):
            return True
        sides = _beside(record)
        if not sides:
            return False
        told = _spelt(group for field in names.JUDGED for group in self.named.get(field, ()))
        said = {key: value for key, value in record.items() if not self._are_reports(key, value)}
        columns = [column for one in _inside(said) for column, _ in _cells(one)]
        return any(
            names.plain(column) in told
            or (self._is_judged(column) and bool(_words(column) & (names.PREFERENCE_WORDS | sides)))
            for column in columns
        )

    def _is_judged(self, key: str) -> bool:
        """Whether a name is one of judgements, or is told to be."""
        told = {one for field in names.JUDGED for one in _spelt(self.named.get(field, ()))}
        said = [word.lower() for word in names.words(key)]
        return names.plain(key) in told or bool(set(said) & _JUDGED_WORDS or names.category_words(said, False)[0])

    def _any_says(self, found: object) -> bool:
        """Whether an object of a list says something of a report: in numbers, or under a name of judgements."""
        return any(
            (isinstance(value, int | float) and not isinstance(value, bool))
            or self._are_raters(value)
            or (self._is_judged(key) and not _is_empty(value))
            for one in _objects(found)
            for key, value in one.items()
        )

    def _are_reports(self, key: str, value: object) -> bool:
        """Whether a field holds a list of reports."""
        found = _objects(value)
        earlier = _words(key) & _EARLIER
        return bool(found) and not earlier and all(self._has(one, names.REPORT) for one in found)

    def _are_raters(self, value: object) -> bool:
        """Whether it is a list of what raters say of one report."""
        found = _objects(value)
        return bool(found) and all(self._has(one, names.RATER) and not self._has(one, names.REPORT) for one in found)


def _objects(value: object) -> Sequence[Mapping[str, Any]]:
    """The objects of a list of nothing else; none where it is no such list."""
    return value if isinstance(value, list) and all(isinstance(one, Mapping) for one in value) else ()


def _inside(record: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """A record and the objects in its lists, and in theirs."""
    yield record
    for value in record.values():
        for one in _objects(value):
            yield from _inside(one)


def _beside(record: Mapping[str, Any]) -> set[str]:
    """What reports beside each other in a record are told apart by; empty where there are none."""
    return beside([key for key, value in record.items() if isinstance(value, str)])


def _words(column: str) -> set[str]:
    return {word.lower() for word in names.words(column)}


def _is_empty(value: object) -> bool:
    return is_missing(value) or value in ("", [], {})


def _spelt(groups: Iterable[Sequence[str]]) -> set[str]:
    """Names of columns that a user gives a field."""
    return {names.plain(one) for group in groups for one in (*group, "+".join(group))}


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
