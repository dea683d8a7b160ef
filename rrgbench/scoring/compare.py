"""`rrgbench.compare`: several systems on the same studies, with paired tests."""

import json
import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from string import ascii_lowercase
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rrgbench.errors import InputError, NotComparableError, counted, listed, problems
from rrgbench.labelers.lookup import remembering
from rrgbench.metrics.catalogue import Entry, entry, in_order
from rrgbench.metrics.external.plug_in import ExternalMetric
from rrgbench.render.html import html_fragment
from rrgbench.render.json import json_text
from rrgbench.render.table import Cell, Column, Row, Table, Tone, ranked
from rrgbench.scoring.certificate import Certificate
from rrgbench.scoring.options import Scoring, known_options, scoring, subjects_of
from rrgbench.scoring.protocols import Protocol
from rrgbench.scoring.report_files import ReportPairs, allowed_field
from rrgbench.scoring.reports_in_memory import Reports, pair_in_memory
from rrgbench.scoring.score import Progress, score_pairs, wanted_metrics
from rrgbench.scoring.signature import Signature
from rrgbench.scoring.study_order import in_order_of_ids
from rrgbench.scoring.values import Scores, finite
from rrgbench.stats.paired import PairedTest, Test, approximate_randomization, holm, paired_bootstrap

if TYPE_CHECKING:
    import pandas as pd

_TESTS: Final = {"randomization": approximate_randomization, "bootstrap": paired_bootstrap}


@dataclass(frozen=True)
class Difference:
    """One pair of systems in one metric.

    Attributes
    ----------
    metric : str
        Metric key.
    first, second : str
        System names.
    difference : float
        First minus second.
    p_value, adjusted : float
        Two-sided p-value, and Holm's over all pairs of systems in that metric.
    """

    metric: str
    first: str
    second: str
    difference: float
    p_value: float
    adjusted: float


@dataclass(frozen=True, repr=False)
class Comparison:
    """Scores of several systems and the tests between them.

    Attributes
    ----------
    scores : mapping of str to Scores
        By system, in the order given.
    differences : tuple of Difference
        Every pair in every metric.
    level : float
        Significance level of the superscripts.
    signature : Signature
        Of every number in the table, with the test that was made.
    """

    scores: Mapping[str, Scores]
    differences: tuple[Difference, ...]
    level: float
    signature: Signature
    _letters: Mapping[str, str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Give each system its letter."""
        object.__setattr__(self, "_letters", dict(zip(self.scores, ascii_lowercase, strict=False)))

    def __repr__(self) -> str:
        """Systems and what was tested: `Comparison(a, b: 10 metrics, 3 significant differences, n=590)`."""
        significant = sum(row.adjusted <= self.level for row in self.differences)
        return (
            f"Comparison({', '.join(self.scores)}: {counted(len(self.metrics), 'metric')}, {significant} of "
            f"{len(self.differences)} differences significant, n={self.signature.n})"
        )

    def _repr_html_(self) -> str:
        """Both tables, for a notebook."""
        return html_fragment([self.to_table(), self.differences_to_table()])

    @property
    def metrics(self) -> list[str]:
        """Metric keys in the order of tables."""
        return in_order(list(dict.fromkeys(key for scores in self.scores.values() for key in scores)))

    def entry(self, metric: str) -> Entry:
        """The catalogue's entry of a metric, or that of a plug-in which was given loaded."""
        families = [family.metric for scores in self.scores.values() for family in scores.families]
        given = [one for metric in families if isinstance(metric, ExternalMetric) for one in metric.entries]
        return next((one for one in given if one.key == metric), entry(metric))

    def beaten(self, system: str, metric: str) -> str:
        """Letters of the systems that this one is significantly better than; none of a metric that has no better."""
        if not self.entry(metric).better:
            return ""
        letters = [
            self._letters[other]
            for row in self.differences
            for other, lead in ((row.second, row.difference), (row.first, -row.difference))
            if row.metric == metric and system in (row.first, row.second) and other != system
            if row.adjusted <= self.level and (lead < 0 if self.entry(metric).better == "lower" else lead > 0)
        ]
        return "".join(sorted(letters))

    def interval(self, row: Difference) -> tuple[float, float]:
        """The paired bootstrap's 95 % interval of a difference; NaN where no intervals were asked for."""
        first, second = (self.scores[name].replicates.get(row.metric) for name in (row.first, row.second))
        if first is None or second is None or np.isnan(drawn := first - second).all():
            return math.nan, math.nan
        low, high = np.nanquantile(drawn, (0.025, 0.975))
        return float(low), float(high)

    def differences_to_table(self) -> Table:
        """A row a pair and metric: the difference with its interval, and both p-values."""
        rows = []
        # pair by pair: what is asked is whether one system is better than another
        for row in sorted(self.differences, key=lambda row: (self._letters[row.first], self._letters[row.second])):
            low, high = self.interval(row)
            cells = (
                Cell(finite(row.difference), finite(low), finite(high)),
                Cell(finite(row.p_value), decimals=4),
                Cell(finite(row.adjusted), decimals=4),
            )
            rows.append(Row(self.entry(row.metric).title, cells, f"{row.first} minus {row.second}"))
        spans = any(row.cells[0].low is not None for row in rows)
        columns = (Column(f"difference{' (95 % interval)' * spans}"), Column("p"), Column("p (Holm)"))
        remark = "p: two-sided; Holm: corrected over the pairs of each metric"
        drawn = "subjects" if "-subjects" in dict(self.signature.extras).get("test", "") else "studies"
        remark += f"; interval: paired bootstrap over {drawn}" * spans
        headings: dict[str, Tone] = {row.group: "" for row in rows}
        return Table("Differences", "metric", columns, tuple(rows), (remark,), beside=True, headings=headings)

    def to_frame(self) -> "pd.DataFrame":
        """Every pair in every metric: columns as `Difference`."""
        import pandas as pd

        return pd.DataFrame([vars(row) for row in self.differences])

    def to_json(self) -> str:
        """Scores of every system and all differences, NaN as null."""
        content: dict[str, Any] = {
            "signature": str(self.signature),
            "level": self.level,
            "systems": {name: json.loads(scores.to_json()) for name, scores in self.scores.items()},
            "differences": [
                {
                    **{key: finite(cell) if isinstance(cell, float) else cell for key, cell in vars(row).items()},
                    **dict(zip(("low", "high"), map(finite, self.interval(row)), strict=True)),
                }
                for row in self.differences
            ],
        }
        return json_text(content)

    def to_table(self, intervals: bool = False) -> Table:
        """A row a system: letters behind a value name the systems that it is significantly better than.

        With `intervals`, each value has its own.
        """
        entries = [self.entry(key) for key in self.metrics]
        columns = tuple(Column(entry.title, better=entry.better) for entry in entries)
        certificate = next(iter(self.scores.values())).certificate
        if certificate is not None:
            columns += (Column("distinct"),)
        rows, remarks = [], list[str]()
        for name, scores in self.scores.items():
            values = {key: scores[key].cell if key in scores else Cell() for key in self.metrics}
            if not intervals:
                values = {key: replace(cell, low=None, high=None) for key, cell in values.items()}
            lost = self._lost(name)
            cells = [
                replace(cell, superscript=self.beaten(name, key) + "!" * (key in lost)) for key, cell in values.items()
            ]
            if scores.certificate is not None:
                few = "!" if scores.certificate.few else ""
                cells.append(Cell(scores.certificate.distinct, decimals=0, superscript=few))
                remarks += [f"! {name}: {text}" for text in scores.certificate.warnings(scores)]
            rows.append(Row(name, tuple(cells), letter=self._letters[name]))
        remark = (
            f"superscripts: significantly better than the systems of those letters (p <= {self.level:g}, two-sided, "
            "Holm-corrected over the pairs of each metric)"
        )
        signatures = (("", str(self.signature)),)
        found = ranked(Table("Comparison", "system", columns, tuple(rows), (remark, *remarks), signatures))
        if certificate is None:
            return found
        # below the systems, and no rival of theirs
        constant = Row("best constant", (*map(certificate.cell, self.metrics), Cell(1, decimals=0)), "constant")
        return replace(found, rows=(*found.rows, constant))

    def _lost(self, system: str) -> list[str]:
        """Metrics in which a constant report is at least as good as a system."""
        scores = self.scores[system]
        return [] if scores.certificate is None else scores.certificate.beaten(scores)

    def to_markdown(self) -> str:
        """A table of systems and metrics with superscripts."""
        from rrgbench.render.markdown import markdown_table

        return markdown_table(self.to_table())

    def to_latex(self) -> str:
        """A booktabs table with superscripts; the best value of each metric is bold, the second underlined."""
        from rrgbench.render.latex import latex_tabular

        return latex_tabular(self.to_table())


class Testing(BaseModel):
    """How differences are tested.

    Attributes
    ----------
    test : {"randomization", "bootstrap"}
        Approximate randomization or paired bootstrap (`rrgbench.stats.paired`).
    permutations : int
        Number of permutations or resamples.
    level : float
        Significance level.
    common : bool
        Compare on the studies that all systems have, instead of refusing systems that lack some; counted in the
        signature.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    test: Test = "randomization"
    permutations: int = Field(default=10_000, ge=1)
    level: float = Field(default=0.05, gt=0, lt=1)
    common: bool = False


def compare(
    systems: Mapping[str, Sequence[str] | Mapping[str, str]],
    references: Reports,
    protocol: "str | Path | Protocol" = "dcrrg",
    metrics: Iterable[str | ExternalMetric] | None = None,
    intervals: bool = True,
    **options: Any,
) -> Comparison:
    """Compare systems on the same studies.

    Parameters
    ----------
    systems : mapping of str to reports
        Hypotheses by system name, each as in `rrgbench.score`.
    references, protocol, metrics, intervals
        As in `rrgbench.score`.
    **options
        `test`, `permutations`, `level`, `common` as in `Testing`; the others as in `rrgbench.score`, but for
        `reference_labels`.

    Returns
    -------
    Comparison

    Raises
    ------
    NotComparableError
        If the systems' numbers would be made on different studies.
    InputError
        If there are fewer than two systems or reports don't fit the references.
    """
    known_options([*Scoring.model_fields, *Testing.model_fields, "progress"], options)
    progress = options.pop("progress", None)
    if not isinstance(systems, Mapping):
        raise InputError(f"systems are of type {type(systems).__name__}; give a mapping of names to reports")
    testing = tests({name: options.pop(name) for name in Testing.model_fields if name in options})
    chosen = scoring(protocol, metrics=metrics, intervals=intervals, **options)
    allowances = {*chosen.allow, "missing"} if testing.common else chosen.allow
    pairs = {name: pair_in_memory(references, reports, allowances) for name, reports in systems.items()}
    return compare_pairs(pairs, chosen, testing, progress)


def tests(given: Mapping[str, Any]) -> Testing:
    """A validated `Testing`.

    Raises
    ------
    InputError
        If a value is out of its range, naming it.
    """
    try:
        return Testing(**given)
    except ValidationError as error:
        raise InputError(f"test option {problems(error)}") from None


def compare_pairs(
    systems: Mapping[str, ReportPairs],
    options: Scoring,
    testing: Testing,
    progress: Progress | None = None,
) -> Comparison:
    """Compare systems whose reports are paired with the references already; otherwise as `compare`."""
    if not 2 <= len(systems) <= len(ascii_lowercase):
        raise InputError(f"{counted(len(systems), 'system')} to compare; expected 2 to {len(ascii_lowercase)}")
    # Weights of other packages' metrics are loaded once, and references labelled once, for all systems.
    keys, external = wanted_metrics(options)
    chosen = options.but(metrics=(*keys, *external), labeler=remembering(options.tool))
    scores: dict[str, Scores] = {}
    # the studies are the same, and so are the constants
    certificate: Certificate | None = None
    for name, given in _same_studies(systems, testing.common).items():
        pairs, _ = in_order_of_ids(given)
        if progress:
            progress(f"scoring {name}")
        scores[name] = score_pairs(pairs, chosen)
        if certificate is None:
            certificate = scores[name].certificate
            chosen = chosen.but(certificate=False)
        else:
            scores[name] = replace(scores[name], certificate=certificate.of_other(pairs.hypotheses))
    signature = _one_signature(scores)
    if progress:
        progress("testing differences")
    differences = _differences(scores, testing, options)
    whose = "" if options.subjects is None else "-subjects"
    test = f"{testing.test}-{testing.permutations}-seed{options.seed}{whose}+holm"
    return Comparison(scores, differences, testing.level, signature.with_extras(test=test))


def _same_studies(systems: Mapping[str, ReportPairs], common: bool) -> dict[str, ReportPairs]:
    sets = [set(pairs.study_ids) for pairs in systems.values()]
    shared = set.intersection(*sets)
    if all(studies == shared for studies in sets):
        return dict(systems)
    if not common:
        counts = [f"{name} {len(pairs.study_ids)}" for name, pairs in systems.items()]
        raise NotComparableError(
            f"the systems have predictions for different studies ({listed(counts)}; {len(shared)} common to all); "
            "complete them, or compare on the common studies (common=True, --common)"
        )
    if not shared:
        raise NotComparableError("the systems have no study in common; nothing to compare")
    return {name: _restricted(pairs, shared) for name, pairs in systems.items()}


def _restricted(pairs: ReportPairs, studies: Collection[str]) -> ReportPairs:
    rows = [row for row, study in enumerate(pairs.study_ids) if study in studies]
    hypotheses = tuple(pairs.hypotheses[row] for row in rows)
    empty = sum(not text.strip() for text in hypotheses)
    # what else was allowed when the files were read; which studies are left says `common`
    kept = [part for part in pairs.allowed.split("+") if part and part.partition("=")[0] not in ("empty", "missing")]
    return replace(
        pairs,
        study_ids=tuple(pairs.study_ids[row] for row in rows),
        references=tuple(pairs.references[row] for row in rows),
        hypotheses=hypotheses,
        allowed="+".join(filter(None, ("common", *kept, allowed_field({"empty": empty})))),
    )


def _one_signature(scores: Mapping[str, Scores]) -> Signature:
    """That of all systems; what was allowed them, the studies being the same, is each one's own and said by letter."""
    (first_name, first), *rest = scores.items()
    for name, other in rest:
        differing = first.signature.differences(other.signature, ignoring=("allowed",))
        if differing:
            shown = [f"{key} {left} / {right}" for key, (left, right) in differing.items()]
            raise NotComparableError(f"{first_name} and {name} have different signatures: {listed(shown)}")
    allowed = [dict(one.signature.extras).get("allowed", "-") for one in scores.values()]
    if len(set(allowed)) == 1:
        return first.signature
    return first.signature.with_extras(
        allowed=",".join(f"{letter}:{what}" for letter, what in zip(ascii_lowercase, allowed, strict=False))
    )


def _differences(scores: Mapping[str, Scores], testing: Testing, options: Scoring) -> tuple[Difference, ...]:
    names = list(scores)
    subjects = subjects_of(scores[names[0]].study_ids, options.subjects)
    pairs = [(a, b) for row, a in enumerate(names) for b in names[row + 1 :]]
    found: dict[str, list[Difference]] = {}
    for position, family in enumerate(scores[names[0]].families):
        results: list[PairedTest] = [
            _TESTS[testing.test](
                family.metric.aggregate,
                scores[a].families[position].statistics,
                scores[b].families[position].statistics,
                testing.permutations,
                options.seed,
                subjects,
            )
            for a, b in pairs
        ]
        for column, key in enumerate(family.keys):
            if key not in scores[names[0]]:
                continue
            adjusted = holm(np.array([result.p_value[column] for result in results]))
            found[key] = [
                Difference(key, a, b, float(result.difference[column]), float(result.p_value[column]), float(corrected))
                for (a, b), result, corrected in zip(pairs, results, adjusted, strict=True)
            ]
    return tuple(row for key in in_order(list(found)) for row in found[key])
