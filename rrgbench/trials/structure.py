"""What `findings_f1` reads in reports against their hand-made structure (Pellegrini et al. 2023).

Rad-ReStruct codes Open-i's reports by hand: each positive finding with its path, regions, sides, attributes and
degrees. Codes belong to names of ours by the lexicon's `coded` entries, the most special one first.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from rrgbench.data.readers.tables import read_table
from rrgbench.errors import InputError
from rrgbench.findings.finding import Finding
from rrgbench.findings.lexicon import finding_lexicon
from rrgbench.findings.reading import read_findings
from rrgbench.render.json import json_text
from rrgbench.render.latex import latex_tabular
from rrgbench.render.markdown import markdown_table
from rrgbench.render.table import Cell, Column, Row, Table

_SIDES: Final = {"left": {"left"}, "right": {"right"}, "bilateral": {"left", "right"}}
_ZONES: Final = {"upper lobe": "upper", "apex": "upper", "middle lobe": "mid", "lower lobe": "lower"}
_DEGREES: Final = {"mild": 1.0, "moderate": 2.0, "severe": 3.0, "small": 1.0, "large": 3.0, "borderline": 0.5}
_LIKE: Final = 0.6
"""Names at least so alike count as the same in the lenient columns."""


@dataclass(frozen=True)
class Coded:
    """A finding of the structure: the names of ours that it may be, and what is coded with it."""

    names: frozenset[str]
    sides: frozenset[str]
    zones: frozenset[str]
    degree: float | None


@dataclass(frozen=True)
class Reading:
    """One report: what is coded, and what we read."""

    coded: tuple[Coded, ...]
    found: tuple[Finding, ...]


@dataclass(frozen=True)
class StructureTrial:
    """All readings; `unnamed` counts codes that no name of ours has."""

    readings: tuple[Reading, ...]
    unnamed: Mapping[str, int]

    @property
    def names(self) -> tuple[str, ...]:
        """Names that are coded at all, the most frequent first; a code of several names goes by the first of them."""
        counts = Counter(_first(one) for reading in self.readings for one in reading.coded)
        return tuple(name for name, _ in counts.most_common())

    def to_table(self) -> Table:
        """Precision and recall by name and over all, exact and with similar names."""
        rows = [self._row(name, {name}) for name in self.names]
        rows.append(self._row("all", set(self.names), "all"))
        columns = (
            Column("coded"),
            Column("recall"),
            Column("read"),
            Column("precision"),
            Column("recall", "similar names"),
            Column("precision", "similar names"),
        )
        lost = ", ".join(
            f"{code} ({count})" for code, count in sorted(self.unnamed.items(), key=lambda one: -one[1])[:8]
        )
        remarks = (
            f"{len(self.readings)} reports. A finding counts once a report. Similar names: likeness {_LIKE:g} or more.",
            "Coders leave out some of what reports state, mostly what is old: precision is a lower bound.",
            *((f"codes without a name of ours, most frequent first: {lost}",) if lost else ()),
        )
        return Table("Findings against hand-made structure", "finding", columns, tuple(rows), remarks)

    @property
    def tables(self) -> tuple[Table, Table]:
        """Findings, then places and degrees."""
        return self.to_table(), self.places()

    def to_json(self) -> str:
        """Both tables, a row an object."""
        return json_text(
            {
                table.title: [
                    {table.label: row.label}
                    | {column.name: cell.value for column, cell in zip(table.columns, row.cells, strict=True)}
                    for row in table.rows
                ]
                for table in self.tables
            }
        )

    def to_latex(self) -> str:
        """Both tables (booktabs)."""
        return "\n".join(map(latex_tabular, self.tables))

    def to_markdown(self) -> str:
        """Both tables."""
        return "\n".join(map(markdown_table, self.tables))

    def _row(self, label: str, names: set[str], group: str = "") -> Row:
        known = set(self.names)
        coded = hit = near = read = right = rightly = 0
        for reading in self.readings:
            found = {one.name for one in reading.found}
            gold = {one.names for one in reading.coded}
            every = frozenset().union(*gold)
            for options in gold:
                if _first_of(options) in names:
                    coded += 1
                    hit += bool(options & found)
                    near += any(_alike(one, other) for one in options for other in found)
            for name in found & known:
                if name in names:
                    read += 1
                    right += name in every
                    rightly += any(_alike(name, other) for other in every)
        shares = (Cell(coded, decimals=0), _share(hit, coded), Cell(read, decimals=0), _share(right, read))
        return Row(label, (*shares, _share(near, coded), _share(rightly, read)), group)

    def places(self) -> Table:
        """Sides, zones and degrees of the findings that both have."""
        sums = {kind: [0, 0, 0] for kind in ("side", "zone", "degree")}
        for reading in self.readings:
            for names in {one.names for one in reading.coded}:
                coded = [one for one in reading.coded if one.names == names]
                found = [one for one in reading.found if one.name in names]
                if not found:
                    continue
                for kind, place in (("side", "sides"), ("zone", "zones")):
                    gold, read = ({value for one in side for value in getattr(one, place)} for side in (coded, found))
                    read &= {"left", "right", *_ZONES.values()}
                    sums[kind][0] += len(gold & read)
                    sums[kind][1] += len(gold)
                    sums[kind][2] += len(read)
                degrees = [one.severity for one in found if one.severity is not None]
                for degree in {one.degree for one in coded if one.degree is not None}:
                    sums["degree"][0] += any(abs(degree - other) <= 0.5 for other in degrees)
                    sums["degree"][1] += 1
                    sums["degree"][2] += bool(degrees)
        rows = tuple(
            Row(kind, (Cell(coded, decimals=0), _share(both, coded), Cell(read, decimals=0), _share(both, read)))
            for kind, (both, coded, read) in sums.items()
        )
        columns = (Column("coded"), Column("recall"), Column("read"), Column("precision"))
        remarks = (
            "Of findings that both have. Sides and zones are counted each; a degree is right within half a step; it is "
            "counted as read only where one is coded, for coders seldom give small or minimal.",
        )
        return Table("Places and degrees against hand-made structure", "attribute", columns, rows, remarks)


def _share(part: int, whole: int) -> Cell:
    return Cell(part / whole, decimals=2) if whole else Cell()


def _alike(one: str, other: str) -> bool:
    return one == other or finding_lexicon().alike.get((one, other), 0.0) >= _LIKE


def _first_of(names: frozenset[str]) -> str:
    return next(one.name for one in finding_lexicon().names if one.name in names)


def _first(one: Coded) -> str:
    return _first_of(one.names)


def read_structure(structured: Path, reports: Path, modulo: int = 1, remainder: int = 0) -> StructureTrial:
    """Read reports and compare with their structure.

    Parameters
    ----------
    structured : Path
        JSON Lines with `report` (the uid) and `positive` (items by path).
    reports : Path
        CSV with `uid`, `findings`, `impression`.
    modulo, remainder : int
        Only uids that leave this remainder.

    Raises
    ------
    InputError
        If a file is not so, or no report of one is in the other.
    """
    texts = {
        row["uid"]: f"{row['findings']} {row['impression']}"
        for row in read_table(reports, ("uid", "findings", "impression")).rows
    }
    readings: list[Reading] = []
    unnamed: Counter[str] = Counter()
    for number, line in enumerate(structured.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            told = json.loads(line)
            uid, positive = str(told["report"]), dict(told["positive"])
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(
                f"{structured.name}, line {number}: {type(error).__name__}; expected report and positive"
            ) from None
        if uid not in texts or not uid.isdigit() or int(uid) % modulo != remainder:
            continue
        coded = []
        for path, items in positive.items():
            for item in items:
                found = coded_finding(path, item)
                if found is None:
                    unnamed[path.rpartition("/")[2]] += 1
                else:
                    coded.append(found)
        present = tuple(one for one in read_findings(texts[uid]) if one.present)
        readings.append(Reading(tuple(coded), present))
    if not readings:
        raise InputError(f"no report of {structured.name} is in {reports.name}; check their uids")
    return StructureTrial(tuple(readings), dict(unnamed))


def coded_finding(path: str, item: Mapping[str, Sequence[Any]]) -> Coded | None:
    """A coded item as names, places and degree; None if it is none of ours."""
    values = [str(value) for values in item.values() for value in values]
    words = {*path.split("/"), *values}
    best, names = 0, set[str]()
    for one in finding_lexicon().names:
        for code in one.coded:
            parts = code.split("/")
            if words.issuperset(parts):
                if len(parts) > best:
                    best, names = len(parts), set()
                if len(parts) == best:
                    names.add(one.name)
    if not names:
        return None
    sides = {side for value in values for word, both in _SIDES.items() if value.split()[0] == word for side in both}
    zones = {zone for value in values for word, zone in _ZONES.items() if word in value}
    if zones == set(_ZONES.values()):  # all lobes: the whole lung, no place
        sides, zones = set(), set()
    degree = next((_DEGREES[value] for value in values if value in _DEGREES), None)
    return Coded(frozenset(names), frozenset(sides), frozenset(zones), degree)
