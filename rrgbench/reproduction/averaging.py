"""Which averagings could have made a printed precision, recall and F1.

Write P, R and F for the printed values and H(P, R) = 2 P R / (P + R). A micro F1 is H of the micro P and R. Macro,
weighted and per-report F1 are means of H(p, r) over observations or reports, with the weights of the means P and R. H
is concave on the unit square, and at least max(0, p + r - 1), hence by Jensen's inequality

    max(0, P + R - 1) <= F <= H(P, R),

with equality on the right only if p and r stand in one proportion everywhere. A printed figure stands for an interval
of half a unit of its last digit on both sides, and the tests are of intervals.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rrgbench.errors import InputError
from rrgbench.render.table import Cell, Column, Row, Table
from rrgbench.reproduction.figures import Figure
from rrgbench.reproduction.printed_table import named, read_printed_table

Verdict = Literal["micro", "averaged", "neither"]

MEANING: Mapping[Verdict, str] = {
    "micro": "the harmonic mean of the printed precision and recall: micro",
    "averaged": "below the harmonic mean: macro, weighted or per report, not micro",
    "neither": "outside what any averaging of one set of labels can give",
}


@dataclass(frozen=True)
class AveragingAudit:
    """What the printed F1 says of its averaging.

    Attributes
    ----------
    name : str
        The row.
    precision, recall, f1 : float
        As printed.
    harmonic_low, harmonic_high : float
        Bounds of the harmonic mean of precision and recall, given their rounding.
    verdict : {"micro", "averaged", "neither"}
        `MEANING` puts it in words.
    """

    name: str
    precision: float
    recall: float
    f1: float
    harmonic_low: float
    harmonic_high: float
    verdict: Verdict

    @property
    def distance(self) -> float:
        """How far F1 lies from the harmonic mean of the printed figures; negative below it."""
        return self.f1 - _harmonic(self.precision, self.recall)


def audit_averaging(name: str, precision: str, recall: str, f1: str) -> AveragingAudit:
    """Tell which averagings could have made three printed figures.

    Parameters
    ----------
    name : str
        Of the row, for messages.
    precision, recall, f1 : str
        As printed, e.g. `.276` or `27.6`: the number of digits says how they were rounded. All three as fractions, or
        all three in per cent (told by a value above 1).

    Raises
    ------
    InputError
        If a figure is no number from 0 to 1 (or to 100).

    Examples
    --------
    >>> audit_averaging("R2Gen", "0.333", "0.273", "0.276").verdict
    'averaged'
    >>> audit_averaging("M2TR", "0.240", "0.428", "0.308").verdict
    'micro'
    """
    printed = [Figure.of(text, name) for text in (precision, recall, f1)]
    scale = 100.0 if max(one.value for one in printed) > 1.0 else 1.0
    (p, dp), (r, dr), (f, df) = ((one.value / scale, one.half / scale) for one in printed)
    if max(p, r, f) > 1.0:
        raise InputError(f"{name}: {precision}, {recall}, {f1}; expected fractions up to 1 or per cent up to 100")
    low, high = _harmonic(p - dp, r - dr), _harmonic(min(p + dp, 1.0), min(r + dr, 1.0))
    # what is half a unit away was rounded here or there
    slack = 1e-12
    verdict: Verdict
    if f + df >= low - slack and f - df <= high + slack:
        verdict = "micro"
    elif f < low and f + df >= p - dp + r - dr - 1.0 - slack:
        verdict = "averaged"
    else:
        verdict = "neither"
    return AveragingAudit(name, p, r, f, low, high, verdict)


def audit_table(rows: Sequence[Mapping[str, str]], name: str, columns: Sequence[str]) -> Iterator[AveragingAudit]:
    """Audits of a table's rows that print all three figures.

    Parameters
    ----------
    rows : sequence of mappings
        Cells as text, by column.
    name : str
        The column of names.
    columns : sequence of three str
        The columns of precision, recall and F1.

    Raises
    ------
    InputError
        If the table lacks a column, or a row has another number of cells than the header.
    """
    for row in rows:
        lacking = [column for column in (name, *columns) if column not in row]
        if lacking:
            raise InputError(f"the table has no column {', '.join(lacking)}; it has {named(row)}")
        # csv's names for cells too many and too few
        if None in row or None in row.values():
            raise InputError(f"a row of the table has another number of cells than its header, which has {len(row)}")
        cells = [row[column].strip() for column in columns]
        if all(cells):
            yield audit_averaging(row[name], *cells)


def read_and_audit(path: str | Path, name: str, columns: Sequence[str]) -> list[AveragingAudit]:
    """Audits of a CSV's rows; an empty `name` is the first column.

    Raises
    ------
    InputError
        If the file can't be read, lacks a column, or no row prints all three figures.
    """
    path = Path(path)
    names, rows = read_printed_table(path)
    found = list(audit_table(rows, name or (names or [""])[0], columns))
    if not found:
        raise InputError(f"table {path.name}: no row has {', '.join(columns)}")
    return found


def audits_to_table(audits: Sequence[AveragingAudit]) -> Table:
    """A row an audit: printed figures, the harmonic mean that a micro F1 would be, and the verdict."""
    rows = []
    for one in audits:
        harmonic = _harmonic(one.precision, one.recall)
        figures = (one.precision, one.recall, one.f1, harmonic, one.distance)
        rows.append(Row(one.name, (*map(Cell, figures), Cell(one.verdict, notes=(MEANING[one.verdict],)))))
    titles = ("precision", "recall", "F1", "harmonic mean", "F1 minus it")
    columns = (*map(Column, titles), Column("averaging", text=True))
    return Table("Averaging read off printed figures", "row", columns, tuple(rows))


def _harmonic(precision: float, recall: float) -> float:
    p, r = max(precision, 0.0), max(recall, 0.0)
    return 2.0 * p * r / (p + r) if p + r > 0.0 else 0.0
