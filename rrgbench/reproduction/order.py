"""Whether a run puts systems in the order in which a printed table puts them.

The agreement is Kendall's tau-b of the printed and the measured values of each metric, over the systems that both have.
Its interval is that of our measurement: each measured value is drawn anew from a normal distribution as wide as its own
interval, each by itself, which is a little too wide where systems were measured on the same studies. Printed values
are taken as they stand.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from rrgbench.errors import InputError, listed
from rrgbench.render.json import json_text
from rrgbench.render.latex import latex_table
from rrgbench.render.markdown import markdown_table
from rrgbench.render.record_tables import pooled
from rrgbench.render.table import Cell, Column, Row, Table
from rrgbench.reproduction.printed_table import named, read_printed_table
from rrgbench.runs.records import Record
from rrgbench.scoring.values import finite

FEWEST: Final = 3
"""Systems without which there is no order to speak of."""

DRAWS: Final = 2000
_NORMAL: Final = 1.959964
"""Half the width of a 95 % interval in standard deviations."""

Measured = Mapping[str, tuple[float, float]]
"""Value and standard error by system."""


@dataclass(frozen=True)
class OrderAgreement:
    """How a run orders systems by one metric, beside a printed table.

    Attributes
    ----------
    metric : str
        The table's column.
    systems : tuple of str
        Those that both have, as printed, by falling printed value.
    tau, low, high : float
        Kendall's tau-b with its 95 % interval; NaN where all values are equal on one side.
    """

    metric: str
    systems: tuple[str, ...]
    tau: float
    low: float
    high: float

    @property
    def cells(self) -> tuple[Cell, ...]:
        """As shown in a row."""
        tau = Cell(self.tau, self.low, self.high, decimals=2)
        if not np.isfinite((self.tau, self.low, self.high)).all():
            tau = Cell(notes=("all systems have one value",))
        return Cell(float(len(self.systems)), decimals=0), tau, Cell(", ".join(self.systems))


@dataclass(frozen=True)
class OrderTable:
    """Agreements of several metrics, ready to be printed."""

    title: str
    agreements: tuple[OrderAgreement, ...]

    def to_table(self) -> Table:
        """A row a metric: how many systems, tau with its interval, and the systems as printed, the best first."""
        columns = (Column("systems"), Column("Kendall's tau"), Column("as printed, best first", text=True))
        remark = (
            f"Intervals redraw the measured values, each within its own interval, {DRAWS:,} times; printed ones are "
            "taken as they stand. Where 0 lies within, the two orders may have nothing in common."
        )
        rows = tuple(Row(one.metric, one.cells) for one in self.agreements)
        return Table(self.title, "metric", columns, rows, remarks=(remark,), beside=True)

    def to_json(self) -> str:
        """JSON; a tau that is not defined is null."""
        return json_text(
            [
                {**vars(one), "tau": finite(one.tau), "low": finite(one.low), "high": finite(one.high)}
                for one in self.agreements
            ]
        )

    def to_latex(self) -> str:
        """A booktabs table."""
        return latex_table(self.to_table())

    def to_markdown(self) -> str:
        """A Markdown table."""
        return markdown_table(self.to_table())


def order_agreement(metric: str, printed: Mapping[str, float], measured: Measured, seed: int = 0) -> OrderAgreement:
    """Kendall's tau-b of printed and measured values, over the systems (`simple_name`) that both have.

    Parameters
    ----------
    metric : str
        What they are values of.
    printed : mapping of str to float
        By system.
    measured : mapping of str to (float, float)
        Value and standard error by system.
    seed : int
        Of the draws.

    Raises
    ------
    InputError
        If fewer than `FEWEST` systems are in both, or names differ in nothing but marks and none is the other's own.

    Examples
    --------
    >>> found = order_agreement("ce_f1", {"A": 0.1, "B": 0.2, "C": 0.3}, {name: (0.1, 0.0) for name in "abd"})
    Traceback (most recent call last):
        ...
    rrgbench.errors.InputError: ce_f1: 2 systems are printed and measured; an order needs 3
    >>> measured = {"a": (0.1, 0.0), "b": (0.4, 0.0), "c": (0.3, 0.0)}
    >>> round(order_agreement("ce_f1", {"A": 0.1, "B": 0.2, "C": 0.3}, measured).tau, 3)
    0.333
    """
    from scipy.stats import kendalltau

    ours = _same_systems(printed, measured)
    systems = sorted(ours, key=lambda name: -printed[name])
    if len(systems) < FEWEST:
        raise InputError(f"{metric}: {len(systems)} systems are printed and measured; an order needs {FEWEST}")
    theirs = np.array([printed[name] for name in systems])
    values, errors = np.array([measured[ours[name]] for name in systems]).T
    draws = values + errors * np.random.default_rng(seed).standard_normal((DRAWS, len(systems)))
    found = np.array([kendalltau(theirs, draw).statistic for draw in draws])
    low, high = np.quantile(found, (0.025, 0.975))
    tau = float(kendalltau(theirs, values).statistic)
    return OrderAgreement(metric, tuple(systems), tau, float(low), float(high))


def _same_systems(printed: Iterable[str], measured: Iterable[str]) -> dict[str, str]:
    """Each printed system's name in a run: the very same one, else the one that is the same but for case and marks.

    Tables print `R2Gen` beside `R2Gen*`, which is another one.
    """
    theirs, ours = _by_simple_name(printed), _by_simple_name(measured)
    found: dict[str, str] = {}
    for simple in theirs:
        if simple not in ours:
            continue
        exact = set(theirs[simple]) & set(ours[simple])
        if exact:
            found |= {name: name for name in theirs[simple] if name in exact}
        elif len(theirs[simple]) == len(ours[simple]) == 1:
            found[theirs[simple][0]] = ours[simple][0]
        else:
            raise InputError(
                f"printed are {listed(theirs[simple])}, measured {listed(ours[simple])}: which is which can't be told; "
                "say it with --system PRINTED=OURS"
            )
    return found


def _by_simple_name(names: Iterable[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name in names:
        found.setdefault(simple_name(name), []).append(name)
    return found


def simple_name(name: str) -> str:
    """A system's name without case, spaces and marks: `M2 Tr.` and `m2tr` are one, `S&T` and `s&t`."""
    return re.sub(r"[^a-z0-9]", "", name.casefold())


def column_of(record: Record, averaging: str = "micro") -> str | None:
    """The column of a printed table that a record belongs to; None for one of a single observation or another setting.

    A metric's own name; `p_at_1` ... of Precision@K, and `mean_auroc` of a model's own predictions.
    """
    if record.observation is not None:
        return None
    if record.metric == "precision_at_k":
        return f"p_at_{record.k}" if record.setting is None else None
    if record.metric == "auroc":
        return "mean_auroc" if record.setting == "own" else None
    return record.metric if record.setting in (None, averaging) else None


def measured_values(records: Iterable[Record], averaging: str = "micro") -> dict[str, dict[str, tuple[float, float]]]:
    """Values and standard errors of a run, or of runs that were joined over seeds, by column and model.

    Raises
    ------
    InputError
        If a model has several values of one column (several corpora or splits).
    """
    together: dict[str, dict[str, list[Record]]] = {}
    for record in records:
        column = column_of(record, averaging)
        if column is not None and record.value is not None:
            together.setdefault(column, {}).setdefault(record.model, []).append(record)
    cells = {
        column: {model: pooled(several) for model, several in models.items()} for column, models in together.items()
    }
    return {column: {model: _with_error(cell) for model, cell in models.items()} for column, models in cells.items()}


def _with_error(cell: Cell) -> tuple[float, float]:
    assert isinstance(cell.value, float)
    if cell.low is None or cell.high is None:
        return cell.value, 0.0
    return cell.value, (cell.high - cell.low) / (2 * _NORMAL)


def compare_orders(
    path: Path,
    records: Sequence[Record],
    name: str = "",
    averaging: str = "micro",
    systems: Mapping[str, str] | None = None,
) -> list[OrderAgreement]:
    """How a run orders systems beside each column of a CSV of printed figures, where both have enough systems.

    Parameters
    ----------
    path : Path
        The table; cells may be empty.
    records : sequence of Record
        The run's.
    name : str
        The column of systems; the first by default.
    averaging : str
        Which of our clinical-efficacy values are compared.
    systems : mapping of str to str, optional
        The run's names of printed systems that are called otherwise there.

    Raises
    ------
    InputError
        If the table can't be read or has no such column or system, or none of its columns can be compared.
    """
    names, rows = read_printed_table(path)
    first = name or (names or [""])[0]
    if first not in names:
        raise InputError(f"table {path.name} has no column {first!r}; it has {named(names)}")
    renamed = dict(systems or {})
    if alien := [system for system in renamed if system not in {row[first] for row in rows}]:
        raise InputError(f"table {path.name} has no system {listed(alien)}; it has {named(row[first] for row in rows)}")
    measured = measured_values(records, averaging)
    found = []
    for column in names:
        cells = ((renamed.get(row[first], row[first]), _number(row[column])) for row in rows)
        known = [(system, value) for system, value in cells if value is not None]
        printed = dict(known)
        if twice := sorted(system for system, count in Counter(system for system, _ in known).items() if count > 1):
            raise InputError(
                f"table {path.name} has several figures of {listed(twice)} in column {column!r}; give a file a corpus"
            )
        both = {simple_name(system) for system in printed} & {simple_name(one) for one in measured.get(column, {})}
        if column != first and len(both) >= FEWEST:
            found.append(order_agreement(column, printed, measured[column]))
    if not found:
        raise InputError(
            f"table {path.name}: no column has {FEWEST} systems that were measured too; it has {named(names, 20)}; "
            f"its systems: {named([row[first] for row in rows], 20)}; the run's metrics: "
            f"{listed(sorted(measured), 20)}; its systems: {listed(sorted({r.model for r in records}), 20)}"
        )
    return found


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    # as tables write what was not measured
    return value if np.isfinite(value) else None
