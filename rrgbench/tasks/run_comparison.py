"""Two finished runs compared value by value: nothing is scored again, since runs keep their values on the resamples.

Resamples are drawn by the run's seed over the same studies in the same order, so that the difference of two models is
taken resample by resample and its interval is that of a paired bootstrap.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rrgbench.errors import InputError, NotComparableError, listed
from rrgbench.metrics.catalogue import entry
from rrgbench.render.json import json_text
from rrgbench.render.table import Cell, Column, Row, Table
from rrgbench.runs.records import Record
from rrgbench.runs.store import RunFolder, read_results
from rrgbench.scoring.signature import OF_MODEL, parse
from rrgbench.stats.paired import bootstrap_p_value, holm

Floats = NDArray[np.float64]
Key = tuple[str | int | float | None, ...]


@dataclass(frozen=True)
class RunDifference:
    """One value of two runs.

    Attributes
    ----------
    first, second : Record
        The value in both.
    difference, low, high : float
        First minus second, with the paired bootstrap's 95 % interval.
    p_value, adjusted : float
        Two-sided, and Holm's over all values that are compared.
    """

    first: Record
    second: Record
    difference: float
    low: float
    high: float
    p_value: float
    adjusted: float


@dataclass(frozen=True)
class RunComparison:
    """All values that two runs share.

    Attributes
    ----------
    names : tuple of two str
        The runs, as they are called.
    differences : tuple of RunDifference
        In the order of results.json.
    left_out : mapping of str to str
        Values that can't be compared, with the reason.
    """

    names: tuple[str, str]
    differences: tuple[RunDifference, ...]
    left_out: Mapping[str, str]

    def to_table(self) -> Table:
        """A row a value."""
        rows = []
        for one in self.differences:
            cells = (
                Cell(one.first.value, decimals=entry(one.first.metric).decimals),
                Cell(one.second.value, decimals=entry(one.first.metric).decimals),
                Cell(one.difference, one.low, one.high),
                Cell(one.adjusted, notes=()),
            )
            rows.append(Row(_words(one.first), cells, one.first.task))
        columns = (Column(self.names[0]), Column(self.names[1]), Column("difference"), Column("p (Holm)"))
        remark = "paired bootstrap over studies; two-sided p, Holm-corrected over all rows"
        left = tuple(f"not compared: {name}: {reason}" for name, reason in self.left_out.items())
        return Table(
            f"{self.names[0]} and {self.names[1]}", "value", columns, tuple(rows), (remark, *left), beside=True
        )

    def to_json(self) -> str:
        """Every difference, for machines."""
        rows = [
            {
                "value": one.first.name,
                "first": one.first.value,
                "second": one.second.value,
                **{key: getattr(one, key) for key in ("difference", "low", "high", "p_value", "adjusted")},
            }
            for one in self.differences
        ]
        return json_text({"runs": list(self.names), "differences": rows, "left_out": dict(self.left_out)})

    def to_markdown(self) -> str:
        """The table as Markdown."""
        from rrgbench.render.markdown import markdown_table

        return markdown_table(self.to_table())

    def to_latex(self) -> str:
        """The table as LaTeX (booktabs)."""
        from rrgbench.render.latex import latex_tabular

        return latex_tabular(self.to_table())


def run_comparison(first: Path, second: Path, details: bool = False) -> RunComparison:
    """Compare the models of two runs.

    Parameters
    ----------
    first, second : Path
        Run folders of `rrgbench eval` on the same corpus, split, protocol and seed.
    details : bool
        Whether single observations are compared too.

    Returns
    -------
    RunComparison

    Raises
    ------
    InputError
        If a folder holds no run.
    NotComparableError
        If the runs share no value that was made in the same way.
    """
    names = (first.name, second.name) if first.name != second.name else (str(first), str(second))
    one, other = (_values(folder, details) for folder in (first, second))
    left_out = {
        **{_words(found[0]): f"only in {names[0]}" for key, found in one.items() if key not in other},
        **{_words(found[0]): f"only in {names[1]}" for key, found in other.items() if key not in one},
    }
    pairs: list[tuple[Record, Record, Floats]] = []
    for key in (key for key in one if key in other):
        (mine, my_values), (theirs, their_values) = one[key], other[key]
        # the studies are the same by corpus, split and n
        differing = parse(mine.signature or "").differences(parse(theirs.signature or ""), ignoring=OF_MODEL)
        if differing:
            shown = [f"{name} {left} / {right}" for name, (left, right) in differing.items()]
            left_out[_words(mine)] = f"made in different ways: {listed(shown)}"
        elif mine.reason != theirs.reason:
            left_out[_words(mine)] = f"over other observations: {mine.reason or 'all'} / {theirs.reason or 'all'}"
        elif np.isnan(my_values - their_values).all():
            left_out[_words(mine)] = "not defined on any resample"
        else:
            pairs.append((mine, theirs, my_values - their_values))
    if not pairs:
        reasons = listed(dict.fromkeys(left_out.values()), most=2)
        raise NotComparableError(f"{names[0]} and {names[1]} share no value that was made in the same way ({reasons})")
    p_values = np.array(
        [bootstrap_p_value((mine.value or 0.0) - (theirs.value or 0.0), drawn) for mine, theirs, drawn in pairs]
    )
    differences = [
        RunDifference(
            mine, theirs, (mine.value or 0.0) - (theirs.value or 0.0), *_interval(drawn), float(p), float(adjusted)
        )
        for (mine, theirs, drawn), p, adjusted in zip(pairs, p_values, holm(p_values), strict=True)
    ]
    return RunComparison(names, tuple(differences), left_out)


def _values(folder: Path, details: bool) -> dict[Key, tuple[Record, Floats]]:
    """The main model's values with their resamples, by all that says which value it is but for model and corpus."""
    if not (folder / "run.json").is_file():
        raise InputError(f"{folder} holds no finished run (run.json); rrgbench runs list shows those of a folder")
    store = RunFolder(folder)
    model = store.main_model()
    # a folder may also hold units of an earlier checkpoint or parameter
    results = {record.identity: record for record in read_results(folder)}
    found: dict[Key, tuple[Record, Floats]] = {}
    for unit in store.units():
        kept = store.get(unit)
        for place, record in enumerate(kept[0] if kept is not None else ()):
            replicates = kept[1].get(place) if kept is not None else None
            if record.model != model or replicates is None or results.get(record.identity) != record:
                continue
            if record.observation is not None and not details:
                continue
            found[(record.task, *record.identity[4:])] = record, np.asarray(replicates)
    return found


def _interval(drawn: Floats) -> tuple[float, float]:
    low, high = np.nanquantile(drawn, [0.025, 0.975])
    return float(low), float(high)


def _words(record: Record) -> str:
    """A value's name without model and corpus."""
    title = entry(record.metric).title.replace("@K", f"@{record.k}")
    parts: Sequence[str | None] = (
        title,
        record.observation,
        record.setting,
        None if record.fraction is None else f"{100 * record.fraction:g}%",
    )
    return " ".join(part for part in parts if part)
