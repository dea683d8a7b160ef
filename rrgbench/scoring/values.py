"""What scoring gives: values with intervals and signatures, and the tables made from them."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rrgbench.errors import UnknownNameError
from rrgbench.metrics.base import Statistics, TextMetric
from rrgbench.metrics.catalogue import entry, in_order
from rrgbench.metrics.clinical_efficacy import ClinicalEfficacy
from rrgbench.registry import lookup
from rrgbench.render.html import html_fragment
from rrgbench.render.json import json_text
from rrgbench.render.table import Cell, Column, Row, Table
from rrgbench.scoring.certificate import Certificate
from rrgbench.scoring.signature import Signature

if TYPE_CHECKING:
    import pandas as pd


_NAMED = ("ce_f1", "bleu_4", "cider")
"""Values that the short form of scores names, where it has them."""


@dataclass(frozen=True)
class Value:
    """One number.

    Attributes
    ----------
    value, low, high : float
        Estimate and interval; NaN where undefined or where no interval was asked for.
    n : int
        Number of studies.
    signature : Signature
        How it was made; `str()` gives the line.
    reason : str
        Why there is no value, or no interval; empty where there is.
    """

    value: float
    low: float
    high: float
    n: int
    signature: Signature
    reason: str = ""

    def __float__(self) -> float:
        """The estimate."""
        return self.value

    @property
    def cell(self) -> Cell:
        """The value as a table shows it."""
        notes = (self.reason,) if self.reason else ()
        return Cell(finite(self.value), finite(self.low), finite(self.high), notes=notes)

    def __str__(self) -> str:
        """`0.608 [0.598, 0.618]`, without the interval where there is none, or `undefined`."""
        if math.isnan(self.value):
            return "undefined"
        return f"{self.value:.3f}" + ("" if math.isnan(self.low) else f" [{self.low:.3f}, {self.high:.3f}]")


@dataclass(frozen=True)
class ObservationScore:
    """Precision, recall and F1 of one observation, and how many references have it."""

    observation: str
    precision: Value
    recall: Value
    f1: Value
    support: int


@dataclass(frozen=True)
class Family:
    """A metric with one system's statistics, kept for tables by study and for paired tests.

    Attributes
    ----------
    metric : TextMetric or ClinicalEfficacy
        Gives values from statistics.
    statistics : float64 array (n, s)
        One row a study.
    """

    metric: TextMetric | ClinicalEfficacy
    statistics: Statistics

    @property
    def keys(self) -> tuple[str, ...]:
        """Names of the metric's values, in their columns' order."""
        return tuple(self.metric.keys)

    @property
    def values(self) -> NDArray[np.float64]:
        """Each study's own values (n, m)."""
        return self.metric.per_study(self.statistics)


@dataclass(frozen=True, repr=False)
class Scores(Mapping[str, Value]):
    """Scores of one system: a mapping from metric key to `Value`, in the order of tables.

    Attributes
    ----------
    values_by_key : mapping of str to Value
        The mapping itself.
    absent : mapping of str to str
        Metrics that were asked for and not computed, with the reason.
    observations : tuple of ObservationScore
        Clinical efficacy of each observation; empty where it was not computed.
    study_ids : tuple of str
        Row names of `per_study`.
    families : tuple of Family
        Statistics, for paired tests.
    signature : Signature
        Of the whole: what every value's signature has in common with clinical efficacy's choices where computed.
    certificate : Certificate or None
        The best constant report beside each value, and the number of distinct reports; None where not asked for.
    replicates : mapping of str to float64 array (r,)
        The values on the resamples that intervals come from, by metric key (`ce_f1:Edema` of one observation).
    """

    values_by_key: Mapping[str, Value]
    absent: Mapping[str, str]
    observations: tuple[ObservationScore, ...]
    study_ids: tuple[str, ...]
    families: tuple[Family, ...] = field(repr=False)
    signature: Signature
    certificate: Certificate | None = None
    replicates: Mapping[str, NDArray[np.float64]] = field(default_factory=dict, repr=False)

    def __repr__(self) -> str:
        """A few values, and how many there are: `Scores(CE F1 0.820 [0.782, 0.855], ..., 8 more, n=200, ...)`."""
        named = [key for key in _NAMED if key in self.values_by_key] or list(self.values_by_key)[: len(_NAMED)]
        shown = [f"{entry(key).title} {self.values_by_key[key]}" for key in named]
        rest = len(self.values_by_key) - len(shown)
        shown += [f"{rest} more"] if rest > 0 else []
        return f"Scores({', '.join([*shown, f'n={self.signature.n}', f'protocol={self.signature.protocol}'])})"

    def _repr_html_(self) -> str:
        """The table, for a notebook."""
        return html_fragment([self.to_table()])

    def __getitem__(self, key: str) -> Value:
        """The value of a metric.

        Raises
        ------
        UnknownNameError
            A `KeyError` that says why it was not computed, or which metric was perhaps meant.
        """
        if key in self.absent:
            raise UnknownNameError(f"{key} was not computed: {self.absent[key]}")
        return self.values_by_key[lookup("metric", key, self.values_by_key)]

    def __iter__(self) -> Iterator[str]:
        """Metric keys in the order of tables."""
        return iter(self.values_by_key)

    def __len__(self) -> int:
        """Number of metrics computed."""
        return len(self.values_by_key)

    @property
    def per_study(self) -> "pd.DataFrame":
        """Each study's own values: rows studies, columns metric keys."""
        import pandas as pd

        columns = {
            key: column
            for family in self.families
            for key, column in zip(family.keys, family.values.T, strict=True)
            if key in self.values_by_key
        }
        frame = pd.DataFrame(columns, index=pd.Index(self.study_ids, name="study_id"))
        return frame[[key for key in self.values_by_key if key in frame]]

    def to_records(self) -> list[dict[str, Any]]:
        """One flat record for each value, observations included; NaN as None."""
        records = [_record(key, None, value) for key, value in self.values_by_key.items()]
        for row in self.observations:
            for key, value in (("ce_precision", row.precision), ("ce_recall", row.recall), ("ce_f1", row.f1)):
                records.append({**_record(key, row.observation, value), "support": row.support})
        return records

    def to_frame(self) -> "pd.DataFrame":
        """The records as a pandas frame."""
        import pandas as pd

        return pd.DataFrame(self.to_records())

    def to_json(self) -> str:
        """Everything but the per-study values, as JSON with null for what is undefined."""
        content = {
            "signature": str(self.signature),
            "values": self.to_records(),
            "absent": dict(self.absent),
            "certificate": None if self.certificate is None else self.certificate.to_json(self),
        }
        return json_text(content)

    def to_table(self) -> Table:
        """A row a metric: value with interval, the best constant report's value, and n; what is absent says why."""
        rows = []
        lost = set() if self.certificate is None else set(self.certificate.beaten(self))
        for key in in_order([*self.values_by_key, *self.absent]):
            value = self.values_by_key.get(key)
            shown = Cell(notes=(self.absent[key],)) if value is None else value.cell
            cells = [shown, Cell(None if value is None else value.n, decimals=0)]
            if self.certificate is not None:
                cells.insert(1, Cell() if value is None else self.certificate.cell(key, lost))
            rows.append(Row(entry(key).title, tuple(cells)))
        columns = [Column(f"value ({self.interval_title})"), Column("n")]
        if self.certificate is not None:
            columns.insert(1, Column("best constant"))
        remarks = () if self.certificate is None else tuple(f"! {text}" for text in self.certificate.warnings(self))
        signatures = (("", str(self.signature)),)
        return Table("Scores", "metric", tuple(columns), tuple(rows), remarks, signatures, beside=True)

    def observations_to_table(self) -> Table:
        """Clinical efficacy of each observation, and how many references have it."""
        columns = (Column("precision"), Column("recall"), Column("F1"), Column("support"))
        rows = tuple(
            Row(row.observation, (row.precision.cell, row.recall.cell, row.f1.cell, Cell(row.support, decimals=0)))
            for row in self.observations
        )
        return Table("Clinical efficacy by observation", "observation", columns, rows)

    def to_markdown(self) -> str:
        """A table of metrics, with signature and notes below."""
        from rrgbench.render.markdown import markdown_table

        return markdown_table(self.to_table())

    def to_latex(self) -> str:
        """A booktabs table; needs `\\usepackage{booktabs}`."""
        from rrgbench.render.latex import latex_tabular

        return latex_tabular(self.to_table())

    def notes(self) -> dict[str, str]:
        """Why values are undefined or absent, by metric key."""
        undefined = {key: value.reason for key, value in self.values_by_key.items() if value.reason}
        return {**undefined, **self.absent}

    @property
    def interval_title(self) -> str:
        """Heading of the intervals' column, e.g. `95 % interval`."""
        bootstrap = dict(self.signature.extras).get("bootstrap", "")
        return f"{bootstrap.split('-')[2]} % interval" if bootstrap else "no interval"


def finite(value: float) -> float | None:
    """A number, or None for NaN."""
    return None if math.isnan(value) else float(value)


def _record(key: str, observation: str | None, value: Value) -> dict[str, Any]:
    return {
        "metric": key,
        "observation": observation,
        "value": finite(value.value),
        "low": finite(value.low),
        "high": finite(value.high),
        "n": value.n,
        "signature": str(value.signature),
        "reason": value.reason or None,
    }
