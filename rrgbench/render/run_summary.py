"""A run in ten lines: the headline numbers beside the trivial systems' and the best constant report's, and warnings."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from math import inf
from statistics import fmean
from typing import Any, Final

from rrgbench.metrics.catalogue import FEW_DISTINCT, constant_wins, entry, in_order
from rrgbench.render.record_tables import (
    CONSTANT,
    CONSTANT_TITLE,
    SETTINGS,
    TRIVIAL,
    Headline,
    TableDescription,
    model_order,
    percent,
    place_of_setting,
    pooled,
)
from rrgbench.render.table import Cell, Column, Row, Table, plain_table, ranked, value_text
from rrgbench.runs.listing import RunSummary
from rrgbench.runs.records import Record

_NAMED: Final = 5
"""Models that a title names; of more it says how many they are."""


def run_summary(
    records: Sequence[Record],
    descriptions: Sequence[TableDescription],
    models: Sequence[str] = (),
    environment: Mapping[str, Any] | None = None,
) -> Table:
    """The headline numbers of a run, and below them what readers must know before they believe them.

    Parameters
    ----------
    records : sequence of Record
        The run's.
    descriptions : sequence of TableDescription
        Whose `headlines` say which numbers stand for a task (`rrgbench.tasks.base.table_descriptions`).
    models : sequence of str
        What was evaluated; all but the trivial systems if empty.
    environment : mapping, optional
        The run's `run.json`, which knows of synthetic data and of models that learned elsewhere.

    Returns
    -------
    Table
        Of one model: a row a number, the model's beside the best trivial system's and the best constant's. Of several:
        a row a model, the trivial systems below.
    """
    here = [record for record in records if record.observation is None]
    names = list(models) or [name for name in model_order(here) if name not in TRIVIAL] or model_order(here)
    chosen = _shown(here, headlines(descriptions))
    about = environment or {}
    told = [*(about.get("warnings") or ()), *(text for name in names for text in _warnings(here, name, len(names) > 1))]
    warnings = tuple(f"! {text}" for text in told)
    warnings += ("synthetic data: no film or report is a patient's",) if about.get("synthetic") else ()
    where = ", ".join(sorted({f"{record.corpus}, {record.split}" for record in here}))
    keys = {headline.metric for headline in chosen}
    first = [record for record in here if record.metric in keys]
    # of what is told per study: a retrieval's queries are a sample of their own
    told_of = [record for record in first if record.model in names and entry(record.metric).unit in ("study", "corpus")]
    # films may be classified of more studies than reports are scored of, by the protocol that stands beside
    told_of = [record for record in told_of if "|protocol:" in (record.signature or "")] or told_of
    studies = max((record.n or 0 for record in told_of), default=0)
    parts = [part for record in first for part in (record.signature or "").split("|") if part.startswith("protocol:")]
    facts = [f"{studies:,} studies"] if studies else []
    facts += [part.replace(":", " ", 1) for part in dict.fromkeys(parts)]
    whose = ", ".join(names) if len(names) <= _NAMED else f"{len(names)} models"
    title = f"{whose} on {where}" + (f": {', '.join(facts)}" if facts else "")
    if len(names) == 1:
        return _of_one(here, chosen, names[0], title, warnings)
    return _of_several(here, chosen, names, title, warnings)


def runs_table(runs: Sequence[RunSummary], descriptions: Sequence[TableDescription]) -> Table:
    """Runs below each other: date, models, corpus, first headline number, state."""
    rows = []
    for run in runs:
        models = main_models(run)
        headline = headline_text(run.records, descriptions, models[0]) if models else ""
        state = "" if run.state == "finished" else run.state
        rows.append((run.name, (run.date, ", ".join(models), ", ".join(run.corpora), headline or state)))
    return plain_table("", "run", ("date", "models", "corpus", "headline"), rows)


def main_models(run: RunSummary) -> list[str]:
    """The models that a run is of; all but the trivial systems where it doesn't say."""
    return list(run.main) or [name for name in run.models if name not in TRIVIAL] or list(run.models)


def headlines(descriptions: Iterable[TableDescription]) -> tuple[Headline, ...]:
    """The numbers that stand for the tasks, in their order."""
    return tuple(one for description in descriptions for one in description.headlines)


def headlines_of(records: Sequence[Record], descriptions: Sequence[TableDescription]) -> list[Headline]:
    """The headline numbers that a run has."""
    return _shown(records, headlines(descriptions))


def headline_text(records: Sequence[Record], descriptions: Sequence[TableDescription], model: str) -> str:
    """The first headline number that a model has, with its name: `BLEU-4 0.170`; empty where it has none."""
    here = [record for record in records if record.observation is None and record.model == model]
    for headline in _shown(here, headlines(descriptions)):
        cell = pooled(records_of(here, headline, model))
        if cell.value is not None:
            return f"{headline_title(headline)} {value_text(cell)}"
    return ""


def _of_one(
    records: Sequence[Record], chosen: Sequence[Headline], model: str, title: str, warnings: tuple[str, ...]
) -> Table:
    # what a model does not offer is said in words below
    chosen = [one for one in chosen if pooled(records_of(records, one, model)).value is not None] or chosen
    rivals = [name for name in model_order(records) if name in TRIVIAL and name not in (CONSTANT, model)]
    constants = any(record.model == CONSTANT for record in records)
    best = {headline: _best(records, headline, rivals) for headline in chosen}
    names = {name for name, _ in best.values() if name}
    rows = []
    for headline in chosen:
        own = pooled(records_of(records, headline, model))
        constant = pooled(records_of(records, headline, CONSTANT)) if constants else Cell()
        mark = "!" if constants and constant_wins(headline.metric, _number(constant), _number(own)) else ""
        cells = [replace(own, superscript=mark, notes=own.notes if own.value is None else ())]
        name, cell = best[headline]
        cells += [replace(cell, notes=(name,) if name and len(names) > 1 else ())] if rivals else []
        cells += [Cell(constant.value, decimals=constant.decimals, signature=constant.signature)] if constants else []
        rows.append(Row(headline_title(headline), tuple(cells)))
    columns = [Column(model)]
    columns += [Column(names.pop() if len(names) == 1 else "best trivial")] if rivals else []
    columns += [Column(CONSTANT_TITLE)] if constants else []
    return Table(title, "", tuple(columns), tuple(rows), warnings, beside=True)


def _of_several(
    records: Sequence[Record], chosen: Sequence[Headline], names: Sequence[str], title: str, warnings: tuple[str, ...]
) -> Table:
    # so many with their intervals fit a terminal of 80 columns
    shown = chosen[:5]
    columns = tuple(Column(*_column_words(headline), better=entry(headline.metric).better) for headline in shown)
    rest = [name for name in model_order(records) if name in TRIVIAL and name not in names]
    rows = [
        Row(
            name,
            tuple(replace(pooled(records_of(records, headline, name)), notes=()) for headline in shown),
            "trivial" if name in rest else "",
        )
        for name in (*names, *rest)
    ]
    return ranked(Table(title, "model", columns, tuple(rows), warnings))


def _number(cell: Cell) -> float | None:
    return cell.value if isinstance(cell.value, float) else None


def _shown(records: Sequence[Record], wanted: Sequence[Headline]) -> list[Headline]:
    """The headlines that the run has; one of another setting stands in where its metric would have none at all."""
    found = {headline: had for headline in wanted if (had := _nearest(records, headline)) is not None}
    met = {one.metric for one, had in found.items() if one.setting in (None, had.setting)}
    standing = [had for one, had in found.items() if one.setting in (None, had.setting) or one.metric not in met]
    return list(dict.fromkeys(standing))


def _nearest(records: Sequence[Record], headline: Headline) -> Headline | None:
    """The headline with the setting, share of data and K that the run has: those asked for, else the first."""
    found = [record for record in records if record.metric == headline.metric and record.model != CONSTANT]
    if not found:
        return None
    first = min(
        found,
        key=lambda record: (
            headline.setting is not None and record.setting != headline.setting,
            place_of_setting(record.setting),
            headline.fraction is not None and record.fraction != headline.fraction,
            -(record.fraction or 0.0),
            headline.k is not None and record.k != headline.k,
            record.k or 0,
        ),
    )
    return replace(headline, setting=first.setting, fraction=first.fraction, k=first.k)


def records_of(records: Sequence[Record], headline: Headline, model: str) -> list[Record]:
    """A model's records of a headline number."""
    wanted = (headline.metric, headline.setting, headline.fraction, headline.k, model)
    return [one for one in records if (one.metric, one.setting, one.fraction, one.k, one.model) == wanted]


def leading(
    records: Sequence[Record], descriptions: Sequence[TableDescription], models: Sequence[str], most: int
) -> list[str]:
    """Of more than `most` models those with the best first headline number, the best first; else all, as they stand."""
    here = [record for record in records if record.observation is None]
    first = next((one for one in headlines_of(here, descriptions) if entry(one.metric).better), None)
    if len(models) <= most or first is None:
        return list(models[:most])
    sign = -1.0 if entry(first.metric).better == "higher" else 1.0
    values = {name: pooled(records_of(here, first, name)).value for name in models}
    ranks = {name: sign * value if isinstance(value, float) else inf for name, value in values.items()}
    return sorted(models, key=ranks.__getitem__)[:most]


def _best(records: Sequence[Record], headline: Headline, rivals: Sequence[str]) -> tuple[str, Cell]:
    """The best of the trivial systems, and its value; blank for numbers of which none is the better one."""
    better = entry(headline.metric).better
    found = {name: replace(pooled(records_of(records, headline, name)), notes=()) for name in rivals}
    values = {name: cell.value for name, cell in found.items() if isinstance(cell.value, float)}
    if not values or not better:
        return "", Cell()
    name = (min if better == "lower" else max)(values, key=values.__getitem__)
    return name, found[name]


def _column_words(headline: Headline) -> tuple[str, str]:
    """A headline's title and what stands above it."""
    title = headline.words or entry(headline.metric).title.replace("@K", f"@{headline.k}")
    setting = headline.setting or ""
    if headline.fraction is None:
        last = SETTINGS.get(setting, setting)
    else:
        last = f"{setting} {percent(headline.fraction)}".strip()
    return (last, title) if last and not headline.words else (title, "")


def headline_title(headline: Headline) -> str:
    """What a headline number is called."""
    last, above = _column_words(headline)
    return f"{above} ({last})" if above else last


def _warnings(records: Sequence[Record], model: str, several: bool) -> list[str]:
    own = [record for record in records if record.model == model]
    found = _lost(own, {(r.metric, r.setting, r.k): r for r in records if r.model == CONSTANT})
    for record in own:
        if (
            record.metric == "distinct_reports"
            and record.value is not None
            and record.value < FEW_DISTINCT * (record.n or 0)
        ):
            reports = "report" if record.value == 1 else "distinct reports"
            found.append(f"{record.value:,.0f} {reports} for {record.n:,} studies")
    blank: dict[str, list[str]] = {}
    for task in dict.fromkeys(record.task for record in own):
        its = [record for record in own if record.task == task]
        if all(record.value is None for record in its):
            blank.setdefault(its[0].reason or "", []).append(task.replace("_", " "))
    found += [f"no {', no '.join(tasks)}: {reason}" for reason, tasks in blank.items()]
    return [f"{model}: {text}" for text in found] if several else found


def _lost(own: Sequence[Record], constants: Mapping[tuple[str, str | None, int | None], Record]) -> list[str]:
    """In what the best constant report is at least as good."""
    keys = []
    for key, rival in constants.items():
        # of several trainings the mean is shown
        values = [one.value for one in own if (one.metric, one.setting, one.k) == key and one.value is not None]
        if values and constant_wins(key[0], rival.value, fmean(values)):
            keys.append(key[:2])
    titles = [
        headline_title(Headline(key, setting))
        for metric in in_order([k for k, _ in keys])
        for key, setting in keys
        if key == metric
    ]
    return [f"one constant report is at least as good in {', '.join(dict.fromkeys(titles))}"] if titles else []
