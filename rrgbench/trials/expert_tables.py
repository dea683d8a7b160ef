"""What a trial by experts found, as tables, as JSON and as a figure."""

from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any, Final

from rrgbench.errors import counted
from rrgbench.metrics.catalogue import entry
from rrgbench.render.interval_chart import Bar, write_interval_chart
from rrgbench.render.json import json_text
from rrgbench.render.latex import latex_tabular
from rrgbench.render.markdown import markdown_table
from rrgbench.render.table import Cell, Column, Row, Table, ranked
from rrgbench.scoring.values import finite
from rrgbench.trials.experts import EQUAL, PREFERENCE, RHO, TAU, Estimate, ExpertTrial, OrderingTrial
from rrgbench.trials.judgements.judgements import STATED

_SHORT: Final = {
    "rating": "rating",
    "significant errors": "significant errors",
    "errors": "all errors",
    STATED: "preference",
}
_AXES: Final = {TAU: "Kendall's tau-b with", PREFERENCE: "accuracy of"}
RATERS: Final = "one rater against the others"


_NO_DIFFERENCE: Final = "one of the two has no value to compare"


def _p_cell(value: float) -> Cell:
    return Cell(finite(value), decimals=4, notes=() if isfinite(value) else (_NO_DIFFERENCE,))


def _cell(one: Estimate, why: str) -> Cell:
    value = finite(one.value)
    return Cell(value, finite(one.low), finite(one.high), notes=(why,) if value is None else ())


@dataclass(frozen=True)
class ExpertResult:
    """A trial as it is shown, with the ordering tests where there are any."""

    trial: ExpertTrial
    ordering: OrderingTrial | None = None

    @property
    def tables(self) -> tuple[Table, ...]:
        """Agreement, differences to the best metric, ordering tests."""
        tables = (self.agreement, *((self.differences,) if len(self.trial.ranked) > 1 else ()))
        return tables if self.ordering is None else (*tables, self.orders(self.ordering))

    @property
    def agreement(self) -> Table:
        """A row a metric, the best first, and the raters' own agreement below."""
        trial = self.trial
        values = [target for target in trial.targets if target != STATED] or [STATED]
        measures = [(target, measure) for measure in (TAU, RHO) for target in values]
        measures.append((values[0], PREFERENCE))
        if STATED in trial.targets and values != [STATED]:
            measures.append((STATED, PREFERENCE))
        columns = tuple(
            Column(_accuracy(target, values) if measure == PREFERENCE else _SHORT[target], measure, "higher")
            for target, measure in measures
        )
        rows = [
            Row(
                entry(key).title,
                (
                    *(
                        _cell(trial.agreement[key, target, measure], trial.why_blank(target, measure, key))
                        for target, measure in measures
                    ),
                    Cell(trial.scored.seconds[key], decimals=2),
                ),
            )
            for key in trial.ranked
        ]
        table = ranked(Table("", "metric", (*columns, Column("s per 1,000")), tuple(rows)))
        ceiling = [trial.ceiling.get(place) for place in measures]
        rows = [*table.rows]
        shared = any(one is not None for one in ceiling)
        if shared:
            alone = Cell(notes=("one radiologist alone says it",))
            own = zip(measures, ceiling, strict=True)
            cells = tuple(alone if one is None else _cell(one, trial.why_blank(*place)) for place, one in own)
            cells = (*cells, Cell())
            rows.append(Row(RATERS, cells, "ceiling"))
        judged = trial.judgements
        of_pairs = (
            "accuracy of stated preferences: of the pairs that the radiologists on average do not tie, how often the "
            "metric puts the preferred report first; its ties count half.",
        )
        counts_errors = any("errors" in target for target in values)
        of_values = (
            *(("Of errors fewer are better: a positive correlation is agreement.",) if counts_errors else ()),
            "preference: of two candidates of a study that the radiologists rate differently, how often the metric "
            "puts the better one first; its ties count half.",
        )
        of_raters = (
            f"{RATERS}: mean over {len(judged.raters)} raters, each against the mean of the others. The metrics are "
            "compared with the mean of all raters, which is steadier than one rater, so they can exceed it."
        )
        remarks = (
            *(of_values if values != [STATED] else ()),
            *(of_pairs if STATED in trial.targets else ()),
            "Intervals are 95 % percentile bootstrap over studies; the candidates of a study are drawn together.",
            *((of_raters,) if shared else ()),
            *judged.notes,
            *(f"{key} was not run: {reason}" for key, reason in trial.scored.absent.items()),
        )
        title = (
            f"Agreement with {counted(len(judged.raters), 'radiologist')}: {judged.name}, "
            f"{counted(len(judged.studies), 'study')}, {len(judged.reports)} reports"
        )
        signature = f"protocol:{trial.scored.signature}|bootstrap:studies-{trial.replicates}-95-seed{trial.seed}"
        return Table(title, "metric", table.columns, tuple(rows), remarks, (("", signature),))

    @property
    def differences(self) -> Table:
        """The best metric against each other one."""
        best = self.trial.ranked[0]
        rows = tuple(
            Row(
                entry(one.second).title,
                (
                    _cell(one.difference, _NO_DIFFERENCE),
                    _p_cell(one.p_value),
                    _p_cell(one.adjusted),
                ),
            )
            for one in self.trial.differences
            if one.first == best
        )
        columns = (Column("difference"), Column("p"), Column("p (Holm)"))
        remark = (
            f"{self._leading}, paired bootstrap over studies, two-sided; Holm over all "
            f"{len(self.trial.differences)} pairs of metrics, which --json lists."
        )
        return Table(f"{entry(best).title} minus the other metrics", "metric", columns, rows, (remark,))

    @property
    def _leading(self) -> str:
        """What metrics are ranked by, in words."""
        target, measure = self.trial.leading
        return "preference accuracy" if measure == PREFERENCE else f"tau-b with {_SHORT[target]}"

    def orders(self, ordering: OrderingTrial) -> Table:
        """Passed ordering tests by metric and category."""
        categories = list(dict.fromkeys(test.category for test in ordering.tests))
        keys = sorted(ordering.passed, key=lambda key: -ordering.share(key)[0])
        rows = tuple(
            Row(
                f"{category or 'all'} ({ordering.share(keys[0], category)[1]})",
                tuple(Cell(ordering.share(key, category)[0], decimals=0) for key in keys),
                "" if category else "all",
            )
            for category in (*categories, None)
        )
        remarks = (
            f"Tests passed. Candidates that must be equal may differ by {EQUAL:.0%} of a metric's range over all "
            "tests. No metric here reads the patient's context: tests whose candidates differ in that alone fail.",
        )
        columns = tuple(Column(entry(key).title, better="higher") for key in keys)
        return ranked(Table(f"{len(ordering.tests)} ordering tests", "tests", columns, rows, remarks), by_row=True)

    def to_json(self) -> str:
        """All numbers; no texts."""
        trial = self.trial
        content: dict[str, Any] = {
            "judgements": trial.judgements.name,
            "studies": len(trial.judgements.studies),
            "reports": len(trial.judgements.reports),
            "raters": list(trial.judgements.raters),
            "notes": list(trial.judgements.notes),
            "protocol": trial.scored.signature,
            "agreement": [
                {
                    **{"metric": key, "target": target, "measure": measure, **_plain(one)},
                    **({} if isfinite(one.value) else {"reason": trial.why_blank(target, measure, key)}),
                }
                for (key, target, measure), one in trial.agreement.items()
            ],
            "ceiling": [
                {"target": target, "measure": measure, **_plain(one)}
                for (target, measure), one in trial.ceiling.items()
            ],
            "differences": [
                {
                    "first": one.first,
                    "second": one.second,
                    **_plain(one.difference),
                    "p": finite(one.p_value),
                    "p_holm": finite(one.adjusted),
                }
                for one in trial.differences
            ],
            "seconds_per_1000": trial.scored.seconds,
            "absent": trial.scored.absent,
        }
        if self.ordering is not None:
            content["ordering"] = {
                key: {test.name: one for test, one in zip(self.ordering.tests, passed, strict=True)}
                for key, passed in self.ordering.passed.items()
            }
        return json_text(content)

    def to_latex(self) -> str:
        """The agreement as a booktabs table."""
        return latex_tabular(self.agreement)

    def to_markdown(self) -> str:
        """All tables."""
        return "\n".join(map(markdown_table, self.tables))

    def write_figure(self, path: Path) -> None:
        """Tau-b with the first target (of preferences accuracy), sorted, the raters' own agreement shaded."""
        trial = self.trial
        found = {key: trial.agreement[(key, *trial.leading)] for key in trial.ranked}
        bars = [
            Bar(entry(key).title, one.value, one.low, one.high, key.startswith("findings"))
            for key, one in found.items()
        ]
        band = trial.ceiling.get(trial.leading)
        judged = trial.judgements
        write_interval_chart(
            path,
            f"Metrics and {counted(len(judged.raters), 'radiologist')}: {judged.name}, "
            f"{counted(len(judged.reports), 'report')}",
            f"{_AXES[trial.leading[1]]} {_SHORT[trial.leading[0]]}, 95 % interval over studies",
            bars,
            None if band is None else Bar(RATERS, band.value, band.low, band.high),
        )


def _accuracy(target: str, values: list[str]) -> str:
    """How a column of preference accuracy is called; stated preferences say so beside others."""
    return "accuracy (stated)" if target == STATED and values != [STATED] else "accuracy"


def _plain(one: Estimate) -> dict[str, float | None]:
    return {end: finite(getattr(one, end)) for end in ("value", "low", "high")}
