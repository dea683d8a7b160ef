"""What a trial by experts found, as tables, as JSON and as a figure."""

from dataclasses import dataclass
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

_SHORT: Final = {"rating": "rating", "significant errors": "significant errors", "errors": "all errors"}
RATERS: Final = "one rater against the others"


def _cell(one: Estimate) -> Cell:
    return Cell(finite(one.value), finite(one.low), finite(one.high))


@dataclass(frozen=True)
class ExpertResult:
    """A trial as it is shown, with the ordering tests where there are any."""

    trial: ExpertTrial
    ordering: OrderingTrial | None = None

    @property
    def tables(self) -> tuple[Table, ...]:
        """Agreement, differences to the best metric, ordering tests."""
        tables = (self.agreement, self.differences)
        return tables if self.ordering is None else (*tables, self.orders(self.ordering))

    @property
    def agreement(self) -> Table:
        """A row a metric, the best first, and the raters' own agreement below."""
        trial = self.trial
        measures = [(target, measure) for measure in (TAU, RHO) for target in trial.targets]
        measures.append((trial.targets[0], PREFERENCE))
        columns = tuple(
            Column("accuracy" if measure == PREFERENCE else _SHORT[target], measure, "higher")
            for target, measure in measures
        )
        rows = [
            Row(
                entry(key).title,
                (
                    *(_cell(trial.agreement[key, target, measure]) for target, measure in measures),
                    Cell(trial.scored.seconds[key], decimals=2),
                ),
            )
            for key in trial.ranked
        ]
        table = ranked(Table("", "metric", (*columns, Column("s per 1,000")), tuple(rows)))
        ceiling = [trial.ceiling.get(place) for place in measures]
        rows = [*table.rows]
        if any(one is not None for one in ceiling):
            cells = (*(Cell() if one is None else _cell(one) for one in ceiling), Cell())
            rows.append(Row(RATERS, cells, "ceiling"))
        judged = trial.judgements
        remarks = (
            "Of errors fewer are better: a positive correlation is agreement. Intervals are 95 % percentile bootstrap "
            "over studies; the candidates of a study are drawn together.",
            "preference: of two candidates of a study that the radiologists rate differently, how often the metric "
            "puts the better one first; its ties count half.",
            f"{RATERS}: mean over {len(judged.raters)} raters, each against the mean of the others. The metrics are "
            "compared with the mean of all raters, which is steadier than one rater, so they can exceed it.",
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
                (_cell(one.difference), Cell(finite(one.p_value), decimals=4), Cell(finite(one.adjusted), decimals=4)),
            )
            for one in self.trial.differences
            if one.first == best
        )
        columns = (Column("difference"), Column("p"), Column("p (Holm)"))
        remark = (
            f"tau-b with {_SHORT[self.trial.targets[0]]}, paired bootstrap over studies, two-sided; Holm over all "
            f"{len(self.trial.differences)} pairs of metrics, which --json lists."
        )
        return Table(f"{entry(best).title} minus the other metrics", "metric", columns, rows, (remark,))

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
            "protocol": trial.scored.signature,
            "agreement": [
                {"metric": key, "target": target, "measure": measure, **_plain(one)}
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
        """Tau-b with the first target, sorted, the raters' own agreement shaded."""
        trial, target = self.trial, self.trial.targets[0]
        found = {key: trial.agreement[key, target, TAU] for key in trial.ranked}
        bars = [
            Bar(entry(key).title, one.value, one.low, one.high, key.startswith("findings"))
            for key, one in found.items()
        ]
        band = trial.ceiling.get((target, TAU))
        judged = trial.judgements
        write_interval_chart(
            path,
            f"Metrics and {counted(len(judged.raters), 'radiologist')}: {judged.name}, "
            f"{counted(len(judged.reports), 'report')}",
            f"Kendall's tau-b with {_SHORT[target]}, 95 % interval over studies",
            bars,
            None if band is None else Bar(RATERS, band.value, band.low, band.high),
        )


def _plain(one: Estimate) -> dict[str, float | None]:
    return {end: finite(getattr(one, end)) for end in ("value", "low", "high")}
