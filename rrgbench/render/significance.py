"""Superscripts that say whom a system is surely better than, as ranx prints them, from a run's resamples."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from rrgbench.render.table import Cell, Column, Row, Table
from rrgbench.runs.records import Identity
from rrgbench.stats.paired import bootstrap_p_value, holm

_ALPHA: Final = 0.05
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz"
_MODEL: Final = 1
"""Place of the model in a record's identity."""


def with_superscripts(table: Table, resamples: Mapping[Identity, NDArray[np.float64]]) -> Table:
    """A table whose rows have letters, and whose values have those of the rows that they are surely better than.

    Parameters
    ----------
    table : Table
        Of models below each other; another is returned as it is, and so is one without two values that can be tested.
    resamples : mapping
        By a record's identity: its value on each resample of the studies (r,).

    Notes
    -----
    Each two values of a column are tested by a paired bootstrap over the studies; p-values are Holm-corrected over the
    column.
    """
    if not 1 < len(table.rows) <= len(_LETTERS):
        return table
    columns = [
        _column([row.cells[place] for row in table.rows], column, resamples)
        for place, column in enumerate(table.columns)
    ]
    if not any(tested for _, tested in columns):
        return table
    rows = []
    for at, row in enumerate(table.rows):
        cells = []
        for cell, (better, _) in zip(row.cells, columns, strict=True):
            letters = ",".join(filter(None, (cell.superscript, *(_LETTERS[other] for other in better.get(at, ())))))
            cells.append(replace(cell, superscript=letters))
        rows.append(Row(row.label, tuple(cells), row.group, _LETTERS[at]))
    remark = "letters: surely better than these rows (paired bootstrap over the studies, Holm over the column, 5 %)"
    return replace(table, rows=tuple(rows), remarks=(*table.remarks, remark))


def _column(
    cells: list[Cell], column: Column, resamples: Mapping[Identity, NDArray[np.float64]]
) -> tuple[dict[int, list[int]], bool]:
    """By row, the rows that it is surely better than; and whether anything was tested."""
    rests = {(*cell.identity[:_MODEL], *cell.identity[_MODEL + 1 :]) for cell in cells if cell.identity}
    if not column.better or len(rests) != 1:
        return {}, False
    sign = -1.0 if column.better == "lower" else 1.0
    drawn = {
        row: (sign * float(cell.value), sign * resamples[cell.identity])
        for row, cell in enumerate(cells)
        if cell.identity in resamples and isinstance(cell.value, int | float)
    }
    pairs = [
        (one, other, drawn[one][0] - drawn[other][0], drawn[one][1] - drawn[other][1])
        for one in drawn
        for other in drawn
        if one < other and drawn[one][1].shape == drawn[other][1].shape
    ]
    if not pairs:
        return {}, False
    adjusted = holm(np.array([bootstrap_p_value(gap, differences) for *_, gap, differences in pairs]))
    better: dict[int, list[int]] = {}
    for (one, other, gap, _), p in zip(pairs, adjusted, strict=True):
        if p < _ALPHA and gap != 0:
            better.setdefault(one if gap > 0 else other, []).append(other if gap > 0 else one)
    return {row: sorted(found) for row, found in better.items()}, True
