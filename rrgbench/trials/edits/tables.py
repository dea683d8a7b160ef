"""What a trial of edits found, as tables, as JSON and as a heat map."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from rrgbench.render.heat_map import HeatMap, write_heat_map
from rrgbench.render.json import json_text
from rrgbench.render.latex import latex_tabular
from rrgbench.render.markdown import markdown_table
from rrgbench.render.table import Cell, Column, Row, Table, plain_table, ranked
from rrgbench.scoring.values import finite
from rrgbench.trials.edits.trial import ALL, KENDALL, MONOTONE, EditTrial, Rate

_LAST: Final = ((MONOTONE, "monotone"), (KENDALL, "Kendall"))


def _columns(trial: EditTrial) -> list[tuple[str, str]]:
    return [(ALL, "all"), *((edit.name, edit.title) for edit in trial.harmful), *_LAST]


def _cell(rate: Rate) -> Cell:
    return Cell(finite(rate.value), finite(rate.low), finite(rate.high), decimals=2)


def _ordered(trial: EditTrial) -> list[str]:
    """Metric keys, the best over all harmful edits first."""
    return sorted((one.key for one in trial.entries), key=lambda key: -trial.rates[key, ALL].value)


def rates_table(trial: EditTrial) -> Table:
    """A row a metric: how often each harmful edit scores below the harmless ones of its report."""
    titles = {one.key: one.title for one in trial.entries}
    rows = tuple(
        Row(
            titles[key],
            (
                *(_cell(trial.rates[key, name]) for name, _ in _columns(trial)),
                Cell(trial.ties[key], decimals=2),
            ),
        )
        for key in _ordered(trial)
    )
    last = {name for name, _ in _LAST}
    columns = (
        *(
            Column(title, "more damage lower" if name in last else "harmful below harmless", "higher")
            for name, title in _columns(trial)
        ),
        Column("ties"),
    )
    remarks = (
        "A harmful edit of a report is compared with its harmless edits: 1 means that it always scores below them, 0.5 "
        "that the metric sees no difference. Ties count half; their share is in the last column.",
        "monotone: how often one edit more scores lower, ties half. Kendall: tau-a between edits and falling score.",
        *(f"{key} was not run: {reason}" for key, reason in trial.absent.items()),
    )
    title = f"Edits of {len(trial.drafts)} reports, {trial.corpus}, {trial.split}"
    return ranked(Table(title, "metric", columns, rows, remarks, (("", trial.signature),)))


def edits_table(trial: EditTrial) -> Table:
    """A row an edit: harm, reports that it applies to, edited texts, and the reason."""
    rows = [
        (
            edit.name,
            [
                "harmful" if edit.harmful else "harmless",
                trial.studies_of(edit.name),
                sum(one.edit == edit.name for one in trial.variants),
                edit.reason,
            ],
        )
        for edit in trial.edits
    ]
    return plain_table("Edits", "edit", ["harm", "reports", "texts", "reason"], rows)


@dataclass(frozen=True)
class Result:
    """A trial as it is shown."""

    trial: EditTrial

    @property
    def tables(self) -> tuple[Table, Table]:
        """The rates, and what was edited."""
        return rates_table(self.trial), edits_table(self.trial)

    @property
    def best(self) -> str:
        """Key of the metric that sees most harm."""
        return _ordered(self.trial)[0]

    def to_json(self) -> str:
        """Everything but texts."""
        return trial_json(self.trial)

    def to_latex(self) -> str:
        """The rates, with rows and columns turned, as a booktabs table."""
        return latex_tabular(self.tables[0].turned("edit"))

    def to_markdown(self) -> str:
        """Both tables."""
        return "\n".join(map(markdown_table, self.tables))


def trial_json(trial: EditTrial) -> str:
    """Everything but texts."""
    rates = [
        {
            "metric": key,
            "edit": column,
            **{end: finite(getattr(rate, end)) for end in ("value", "low", "high")},
            "studies": rate.studies,
        }
        for (key, column), rate in trial.rates.items()
    ]
    edits = [
        {
            "name": edit.name,
            "harmful": edit.harmful,
            "reason": edit.reason,
            "reports": trial.studies_of(edit.name),
            "texts": sum(one.edit == edit.name for one in trial.variants),
        }
        for edit in trial.edits
    ]
    return json_text(
        {
            "corpus": trial.corpus,
            "split": trial.split,
            "reports": len(trial.drafts),
            "signature": trial.signature,
            "edits": edits,
            "rates": rates,
            "ties": trial.ties,
            "absent": trial.absent,
        }
    )


def write_figure(trial: EditTrial, path: Path) -> None:
    """The rates as a heat map of metrics by edits."""
    keys, columns = _ordered(trial), [column for column in _columns(trial) if column[0] != KENDALL]
    titles = {one.key: one.title for one in trial.entries}
    values = np.array([[trial.rates[key, name].value for name, _ in columns] for key in keys])
    write_heat_map(
        path,
        HeatMap(
            f"How often harmful edits score below harmless ones: {trial.corpus}, {len(trial.drafts)} reports",
            tuple(titles[key] for key in keys),
            tuple(title for _, title in columns),
            values,
            "0.5: blind; 1: always seen; below 0.5: misled",
            (1, 1 + len(trial.harmful)),
        ),
    )
