"""Tables of judgements: a row a rater and report, a column a rater, or two reports a row and a preference."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from rrgbench.data.readers.tables import is_id
from rrgbench.errors import InputError
from rrgbench.scoring.report_shapes import shown
from rrgbench.scoring.report_shapes.whole_records import Records, read_records
from rrgbench.scoring.report_text import read_text
from rrgbench.trials.judgements import names
from rrgbench.trials.judgements.choices import read_choices
from rrgbench.trials.judgements.judgements import Choice, Judgement, Judgements, Texts, judgements_of
from rrgbench.trials.judgements.layout import Layout, known, tell_layout
from rrgbench.trials.judgements.named_columns import ADVICE, FLAG, Named
from rrgbench.trials.judgements.nested import flat
from rrgbench.trials.judgements.numbers import Written, read_numbers

LAYOUT: Final = (
    "a table (.csv, .tsv, .txt, .jsonl, .json, also .gz) with study_id, reference, report, perhaps candidate and "
    "rater, and rating, errors or significant_errors, or with report_a, report_b and preference"
)
_ENDINGS: Final = (".csv", ".tsv", ".txt", ".jsonl", ".ndjson", ".json")
_ONE: Final = "rater"
"""Who judges where the file names nobody."""


def fits(path: Path) -> bool:
    """Whether the path has this layout."""
    return path.is_file() and path.name.lower().removesuffix(".gz").endswith(_ENDINGS)


def read(path: Path, named: Named | None = None) -> Judgements:
    """Judgements of a file.

    Without names of candidates each different report of a study is one; without raters all rows are one rater's.

    Parameters
    ----------
    path : Path
        The file.
    named : mapping, optional
        Columns that are not to be guessed (`rrgbench.trials.judgements.layout`).

    Raises
    ------
    InputError
        If a column is missing or may be one of several, a cell is no number, two rows give one candidate different
        texts, or what is said in nested JSON stands around several candidates or raters.
    """
    text, name = read_text(path)
    nested = flat(name, read_records(name, text, known), named or {})
    records = nested.records
    if not records.names:
        raise InputError(f"{path.name} holds nothing; expected {LAYOUT}")
    cells = {column: [str(row[column]) for _, row in records.rows] for column in records.names}
    layout = tell_layout(path.name, records.names, named or {}, cells)
    for column in (column for one in layout.sources for column in one.columns if column in nested.around):
        raise InputError(
            f"{name}, {nested.around[column]}, and of which of them it is said can't be told; write it into the "
            f"objects of the list, leave it out, or where another field holds the judged report {ADVICE} report=COLUMN"
        )
    if not records.rows:
        raise InputError(f"{path.name} has no row of judgements; expected at least one")
    return _Reading(path.name, records, layout).judgements(path.stem.removesuffix(".csv"))


class _Reading:
    """A table whose columns are told."""

    def __init__(self, name: str, records: Records, layout: Layout) -> None:
        self.name, self.records, self.layout = name, records, layout
        self.places = [place for place, _ in records.rows]
        self.rows: list[dict[str, str]] = [row for _, row in records.rows]
        self.notes = [*([records.understood] if records.understood else []), *layout.notes]

    def judgements(self, stem: str) -> Judgements:
        called = self._called()
        texts: Texts = {}
        for place, row, names_of in zip(self.places, self.rows, called, strict=True):
            for side, column in self.layout.reports.items():
                key, pair = (row[self.layout.study], names_of[side]), (row[self.layout.reference], row[column])
                if texts.setdefault(key, pair) != pair:
                    raise InputError(
                        f"{self.name}: {'/'.join(key)} has another text in {place} than before; give each "
                        "candidate a name of its own in a column candidate, and a study one reference"
                    )
        judged = self._judged(called)
        choices = self._choices(called)
        return judgements_of(stem, texts, judged, choices, self.notes)

    def _called(self) -> list[dict[str, str]]:
        """By row and side the name of a candidate."""
        layout = self.layout
        for place, row in zip(self.places, self.rows, strict=True):
            if not _is_name(row[layout.study]):
                raise InputError(f"{self.name}, {place}: {shown(layout.study)} is no study id; expected a short text")
            for column in (*filter(None, (layout.rater,)), *layout.candidates.values()):
                if row[column] and not _is_name(row[column]):
                    raise InputError(
                        f"{self.name}, {place}: {shown(column)} is a text of {len(row[column])} characters; expected a "
                        f"name; where it holds reports: {FLAG} report={column}"
                    )
        if layout.candidates:
            bare = [
                place
                for place, row in zip(self.places, self.rows, strict=True)
                for column in layout.candidates.values()
                if not row[column]
            ]
            if not bare:
                return [{side: row[column] for side, column in layout.candidates.items()} for row in self.rows]
            if len(bare) < len(self.rows) * len(layout.candidates):
                raise InputError(f"{self.name}, {bare[0]}: no candidate is named, and others are; name all or none")
        by_side: dict[tuple[str, str], set[str]] = {}
        for row in self.rows:
            for side, column in layout.reports.items():
                by_side.setdefault((row[layout.study], side), set()).add(row[column])
        if len(layout.reports) > 1 and all(len(found) == 1 for found in by_side.values()):
            return [{side: side for side in layout.reports} for _ in self.rows]
        named: dict[str, dict[str, str]] = {}
        found = []
        for row in self.rows:
            mine = named.setdefault(row[layout.study], {})
            found.append(
                {
                    side: mine.setdefault(row[column], f"candidate {len(mine) + 1}")
                    for side, column in layout.reports.items()
                }
            )
        return found

    def _rater(self, place: str, row: Mapping[str, str], said: str) -> str:
        if not self.layout.rater:
            return said or _ONE
        if not row[self.layout.rater]:
            if any(one[self.layout.rater] for one in self.rows):
                raise InputError(f"{self.name}, {place}: no rater is named, and others are; name all or none")
            return _ONE
        return row[self.layout.rater]

    def _numbers(self, columns: Sequence[str], field: str) -> dict[str, list[float | None]]:
        """Numbers of a field by column; its columns are of one form."""
        cells = [
            Written(place, shown(column), row[column])
            for column in columns
            for place, row in zip(self.places, self.rows, strict=True)
        ]
        values = read_numbers(self.name, field.replace("_", " "), cells, self.records.delimiter)
        size = len(self.rows)
        return {column: values[at * size : (at + 1) * size] for at, column in enumerate(columns)}

    def _judged(self, called: Sequence[Mapping[str, str]]) -> list[Judgement]:
        sources = [one for one in self.layout.sources if one.field != names.PREFERENCE_COLUMN]
        counts = tuple(names.JUDGED[1:3])
        numbers: dict[str, list[float | None]] = {}
        for fields in ((names.RATING_COLUMN,), counts):
            columns = dict.fromkeys(column for one in sources if one.field in fields for column in one.columns)
            numbers |= self._numbers(list(columns), fields[0])
        self._count_blanks([one.columns for one in sources if len(one.columns) > 1], numbers)
        groups: dict[tuple[str, str], dict[str, Sequence[str]]] = {}
        for one in sources:
            groups.setdefault((one.rater, one.side), {})[one.field] = one.columns
        found = []
        for (rater, side), said in groups.items():
            for at, (place, row) in enumerate(zip(self.places, self.rows, strict=True)):
                who = self._rater(place, row, rater)
                values = [_sum([numbers[column][at] for column in said.get(field, ())]) for field in names.JUDGED[:3]]
                found.append(Judgement(row[self.layout.study], called[at][side], who, *values))
        return self._over_categories(found) if self.layout.category else found

    def _over_categories(self, judged: Sequence[Judgement]) -> list[Judgement]:
        """Counts of one category a row as counts of all, and of those that are significant where a column says so."""
        sums: dict[tuple[str, str, str], list[float]] = {}
        seen: set[tuple[str, ...]] = set()
        for place, row, one in zip(self.places, self.rows, judged, strict=True):
            key = (one.study_id, one.candidate, one.rater)
            weight = row[self.layout.weight].lower() if self.layout.weight else "no"
            if weight not in names.WEIGHTS:
                raise InputError(
                    f"{self.name}, {place}: {shown(self.layout.weight)} is neither True nor False; write one of them"
                )
            part = (*key, row[self.layout.category], str(names.WEIGHTS[weight]))
            if part in seen:
                raise InputError(
                    f"{self.name}, {place}: {one.rater} counts one category of {one.study_id}/{one.candidate} twice; "
                    "keep one row"
                )
            seen.add(part)
            both = sums.setdefault(key, [0.0, 0.0])
            both[0] += one.errors or 0.0
            both[1] += (one.errors or 0.0) * names.WEIGHTS[weight]
        said = f", and those that are {shown(self.layout.weight)} by themselves" if self.layout.weight else ""
        self.notes.append(f"errors are summed over {shown(self.layout.category)}{said}")
        if blank := sum(one.errors is None for one in judged):
            self.notes.append(f"{blank:,} of {len(judged):,} counts of a category are blank and count as no error")
        return [
            Judgement(*key, None, total, heavy if self.layout.weight else None) for key, (total, heavy) in sums.items()
        ]

    def _count_blanks(self, summed: Sequence[Sequence[str]], numbers: Mapping[str, Sequence[float | None]]) -> None:
        """Note how many cells of categories are blank where others of the row are not."""
        blank = cells = 0
        for columns in {tuple(one) for one in summed}:
            for row in zip(*(numbers[column] for column in columns), strict=True):
                if any(one is not None for one in row):
                    blank += sum(one is None for one in row)
                    cells += len(row)
        if blank:
            self.notes.append(f"{blank:,} of {cells:,} cells of error categories are blank and count as no error")

    def _choices(self, called: Sequence[Mapping[str, str]]) -> list[Choice]:
        found = []
        for one in self.layout.sources:
            if one.field != names.PREFERENCE_COLUMN:
                continue
            first, second = self.layout.reports
            column = one.columns[0]
            cells = [
                Written(place, shown(column), row[column]) for place, row in zip(self.places, self.rows, strict=True)
            ]
            systems = [
                (row[self.layout.candidates[first]], row[self.layout.candidates[second]])
                if self.layout.candidates
                else ("", "")
                for row in self.rows
            ]
            orders = read_choices(self.name, cells, (first, second), systems)
            for place, row, mine, order in zip(self.places, self.rows, called, orders, strict=True):
                rater = self._rater(place, row, one.rater)
                if order is not None:
                    found.append(Choice(row[self.layout.study], mine[first], mine[second], rater, order))
            if blank := sum(order is None for order in orders):
                self.notes.append(f"{blank:,} of {len(orders):,} cells of {shown(column)} are blank")
        return found


def _sum(values: Sequence[float | None]) -> float | None:
    given = [one for one in values if one is not None]
    return sum(given) if given else None


def _is_name(text: str) -> bool:
    """Whether a cell can name a study, a candidate or a rater, and be shown: a report is no name."""
    return is_id(text) and len(text) <= 100 and len(text.split()) <= 6
