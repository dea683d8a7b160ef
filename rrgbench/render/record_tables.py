"""From the records of a run to its tables: what each table shows is data, and one function fills it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean
from typing import Any, Final, Literal

from rrgbench.errors import InputError
from rrgbench.metrics.catalogue import FEW_DISTINCT, constant_wins, entry, within_bounds
from rrgbench.observations import OBSERVATIONS
from rrgbench.render.table import Cell, Column, Row, Table, ranked
from rrgbench.runs.records import Identity, Record
from rrgbench.stats.seeds import mean_of_intervals

CONSTANT: Final = "best-constant"
CONSTANT_TITLE: Final = "best constant"
"""What it is called where there is room for few words."""
TRIVIAL: Final = (
    "most-frequent",
    "fixed-template",
    "nearest-neighbour",
    "random-report",
    "classifier-template",
    CONSTANT,
)
"""The trivial systems: below a rule, in every table; the best constant report is chosen anew for each metric."""

SETTINGS: Final = {
    "micro": "micro",
    "macro": "macro",
    "weighted": "weighted",
    "per-report": "per-report",
    "own": "own",
    "linear": "linear probe",
    "finetune": "fine-tuned",
    "observations": "over observations",
    "studies": "over studies",
    "classifier-wrong": "classifier wrong",
    "classifier-right": "classifier right",
    "difference": "difference",
}
"""Settings of a task in the order in which they are shown, with the words that tables print; others follow."""

Aspect = Literal["metric", "setting", "fraction", "k"]
_ASPECTS: Final[tuple[Aspect, ...]] = ("metric", "setting", "fraction", "k")


@dataclass(frozen=True)
class Headline:
    """A number that stands for a task where there is room for few.

    Attributes
    ----------
    metric : str
        Its key.
    setting, fraction, k : str, float, int or None
        Which of the metric's values; where it is None, or the run has none such: the first setting, the largest share
        of the data, the smallest K.
    words : str
        What it is called; by default the metric's title with setting, share of data and K.
    """

    metric: str
    setting: str | None = None
    fraction: float | None = None
    k: int | None = None
    words: str = ""


@dataclass(frozen=True)
class TableDescription:
    """What a table shows of a run's records, for one corpus and split.

    Attributes
    ----------
    title : str
        What it shows; corpus and split are added.
    metrics : tuple of str
        Keys of the metrics, in the order of columns. With rows of observations, each metric has its own table.
    rows : {"model", "observation"}
        What stands below each other: models with their values over all observations, or observations with a column a
        model.
    apart : tuple of {"metric", "setting", "fraction", "k"}
        What tells the columns of models' tables apart; columns are sorted by the first, then the second ... The last is
        their title, those before it stand above.
    settings : {"all", "first", "several"}
        Which settings of a metric are shown: all, the first in `SETTINGS`, or all if there are several. Of observations
        each setting has its own table.
    above : mapping of str to str
        Heading over the columns of a group of the catalogue, whose metrics have their short titles there; `{setting}`
        stands for the setting's words.
    detail : bool
        Shown in documents, left out of the terminal's first view, as observations in a further setting are.
    headline : tuple of Headline, optional
        What of it stands in a run's summary; by default the first metric of models' tables that are no detail.
    """

    title: str
    metrics: tuple[str, ...]
    rows: Literal["model", "observation"] = "model"
    apart: tuple[Aspect, ...] = ("metric",)
    settings: Literal["all", "first", "several"] = "all"
    above: Mapping[str, str] = field(default_factory=dict)
    detail: bool = False
    headline: tuple[Headline, ...] | None = None

    @property
    def headlines(self) -> tuple[Headline, ...]:
        """What of it stands in a run's summary."""
        if self.headline is not None:
            return self.headline
        return () if self.detail or self.rows != "model" else (Headline(self.metrics[0]),)


def tables(records: Sequence[Record], descriptions: Sequence[TableDescription]) -> list[Table]:
    """Every table that the records fill, corpus by corpus; records that none shows stand in the last ones.

    Raises
    ------
    InputError
        If two records claim the same cell.
    """
    found: list[Table] = []
    for corpus, split in sorted({(record.corpus, record.split) for record in records}):
        here = [record for record in records if (record.corpus, record.split) == (corpus, split)]
        shown: set[int] = set()
        for description in descriptions:
            for chosen, detail in _chosen(description, here):
                found.append(_filled(description, chosen, f"{corpus}, {split}", detail))
                shown |= set(map(id, chosen))
        left = [record for record in here if id(record) not in shown]
        keys = tuple(dict.fromkeys(record.metric for record in left))
        for description in (
            TableDescription("Other metrics", keys, apart=_ASPECTS),
            *(TableDescription(f"{entry(key).title} per observation", (key,), "observation") for key in keys),
        ):
            found += [_filled(description, one, f"{corpus}, {split}", more) for one, more in _chosen(description, left)]
    return found


def model_order(records: Iterable[Record]) -> list[str]:
    """Models in the order of rows: by name, the trivial systems last."""
    names = {record.model for record in records}
    return sorted(names - set(TRIVIAL), key=lambda name: (name.casefold(), name)) + [
        name for name in TRIVIAL if name in names
    ]


def pooled(records: Sequence[Record]) -> Cell:
    """One cell from the records of one value.

    Repetitions over seeds give their mean, and an interval over seeds and studies (`mean_of_intervals`), of ranges over
    choices the means of their ends; a note says so. No record at all is a blank too, with its own note.

    Raises
    ------
    InputError
        If several records differ in more than their seed.
    """
    if not records:
        return Cell(notes=("not part of this run",))
    decimals = entry(records[0].metric).decimals
    if len({record.seed for record in records}) != len(records):
        raise InputError(f"{len(records)} records claim the same cell: {records[0].name}")
    reasons = tuple(dict.fromkeys(record.reason for record in records if record.reason))
    known = [record.value for record in records if record.value is not None]
    made = "\n".join(
        dict.fromkeys(record.signature for record in records if record.signature and record.value is not None)
    )
    if len(records) == 1:
        (one,) = records
        return Cell(one.value, one.low, one.high, decimals, notes=reasons, signature=made, identity=one.identity)
    if not known:
        return Cell(notes=reasons)
    text = f"mean over {len(known)} seed{'s' * (len(known) > 1)}"
    spans = [(r.low, r.high) for r in records if r.value is not None and r.low is not None and r.high is not None]
    blank = len(records) - len(known)
    missing = f"; {blank} seed{'s are' if blank > 1 else ' is'} blank" if blank else ""
    if spans and entry(records[0].metric).group == "band":
        # a range is no interval that could be pooled: its ends are values, of which means are taken too
        low, high = (fmean(ends) for ends in zip(*spans, strict=True))
        return Cell(fmean(known), low, high, decimals, notes=(*reasons, text + missing), signature=made)
    if len(known) == 1:
        own = Cell(known[0], decimals=decimals, notes=(*reasons, text + missing), signature=made)
        notes = (*reasons, f"{text}; the interval covers studies alone{missing}")
        return replace(own, low=spans[0][0], high=spans[0][1], notes=notes) if spans else own
    found = mean_of_intervals(known, spans, max(record.n or 1 for record in records))
    text += "; the interval covers seeds and studies" if spans else "; the interval covers seeds alone"
    low, high = within_bounds(records[0].metric, found.value, found.low, found.high)
    return Cell(found.value, low, high, decimals, notes=(*reasons, text + missing), signature=made)


def pooled_record(records: Sequence[Record]) -> Record:
    """One record of those that differ in their seed alone: `pooled` as a record."""
    if len(records) == 1:
        return records[0]
    cell = pooled(records)
    assert cell.value is None or isinstance(cell.value, float)
    known = next((record for record in records if record.value is not None), records[0])
    return replace(
        known, seed=None, value=cell.value, low=cell.low, high=cell.high, reason="; ".join(cell.notes) or None
    )


def pooled_records(records: Iterable[Record]) -> list[Record]:
    """Records of which those that differ in their seed alone are one, in the order in which they first come."""
    found: dict[Identity, list[Record]] = {}
    for record in records:
        found.setdefault(replace(record, seed=None).identity, []).append(record)
    return [pooled_record(several) for several in found.values()]


def merged_signatures(used: Mapping[Column, Iterable[Record]]) -> tuple[tuple[str, str], ...]:
    """Signatures under a table, those made of the same fields on one line.

    Fields in which they differ show all values in braces, e.g. `k:{1,5,10}`; `results.json` has each in full.
    """
    lines: dict[tuple[str, ...], tuple[list[Column], dict[str, list[str]], list[str]]] = {}
    for column, records in used.items():
        for record in records:
            if not record.signature:
                continue
            fields = dict(part.partition(":")[::2] for part in record.signature.split("|"))
            columns, values, models = lines.setdefault(tuple(fields), ([], {name: [] for name in fields}, []))
            if column not in columns:
                columns.append(column)
            if record.model not in models:
                models.append(record.model)
            for name, value in fields.items():
                if value not in values[name]:
                    values[name].append(value)
    names = ["all columns" if len(columns) == len(used) else _column_names(columns) for columns, _, _ in lines.values()]
    most = max((len(models) for _, _, models in lines.values()), default=0)
    return tuple(
        (
            # lines of the same columns are told apart by the few models that they are of
            f"{', '.join(models)}, {name}" if names.count(name) > 1 and len(models) < most else name,
            "|".join(f"{field}:{_one_or_all(found)}" for field, found in values.items()),
        )
        for name, (_, values, models) in zip(names, lines.values(), strict=True)
    )


def _one_or_all(values: Sequence[str]) -> str:
    return values[0] if len(values) == 1 else f"{{{','.join(values)}}}"


def _column_names(columns: Sequence[Column]) -> str:
    """Names of columns, the group said once: `CE (micro) P, R, F1`."""
    names = []
    for before, column in zip([None, *columns], columns, strict=False):
        names.append(column.title if before is not None and before.group == column.group else column.name)
    return ", ".join(names)


def _chosen(description: TableDescription, records: Sequence[Record]) -> Iterable[tuple[list[Record], bool]]:
    """The records of each table that a description makes, and whether it is a detail."""
    here = [r for r in records if r.metric in description.metrics]
    here = [r for r in here if (r.observation is not None) == (description.rows == "observation")]
    settings = {
        key: sorted({r.setting for r in here if r.metric == key}, key=place_of_setting) for key in description.metrics
    }
    if description.rows == "observation":
        for key in description.metrics:
            for number, setting in enumerate(settings[key]):
                chosen = [r for r in here if (r.metric, r.setting) == (key, setting)]
                yield chosen, description.detail or number > 0
        return
    if description.settings == "first":
        here = [r for r in here if r.setting == settings[r.metric][0]]
    if here and (description.settings != "several" or max(map(len, settings.values())) > 1):
        yield here, description.detail


def _filled(description: TableDescription, records: Sequence[Record], where: str, detail: bool) -> Table:
    """A table of records that all stand in it."""
    title = f"{description.title} on {where}"
    if description.rows == "model":
        apart = (*description.apart, *(a for a in _ASPECTS if a not in description.apart and _varies(a, records)))
        keys = sorted({_key(r) for r in records}, key=lambda key: [_rank(description, key, aspect) for aspect in apart])
        columns = {key: _column(description, apart, key) for key in keys}
        names = {model: model for model in model_order(records)}
        cells = [(r.model, columns[_key(r)], r) for r in records]
        return _table(title, "model", names, list(columns.values()), cells, detail=detail)
    metric, setting = records[0].metric, records[0].setting
    fractions = sorted({r.fraction for r in records}, key=lambda f: -1.0 if f is None else f)
    better = entry(metric).better
    by_model = {
        (model, fraction): Column(model, "", better) if fraction is None else Column(percent(fraction), model, better)
        for model in model_order(records)
        for fraction in fractions
        if any((r.model, r.fraction) == (model, fraction) for r in records)
    }
    seen = dict.fromkeys((*OBSERVATIONS, *(r.observation or "" for r in records)))
    supports = {name: {r.n for r in records if r.observation == name and r.n is not None} for name in seen}
    # one number of positives an observation, unless models were scored on different studies
    shared = all(len(found) <= 1 for found in supports.values()) and any(supports.values())
    names = {name: f"{name} ({min(found)})" if shared and found else name for name, found in supports.items()}
    cells = [(r.observation or "", by_model[r.model, r.fraction], r) for r in records]
    counted = "cases" if entry(metric).group == "propagation" else "positives"
    heading = f"observation ({counted})" if shared else "observation"
    title += f": {SETTINGS.get(setting, setting)}" if setting else ""
    return _table(title, heading, names, list(by_model.values()), cells, detail=detail, by_row=True)


def _table(
    title: str,
    label: str,
    rows: Mapping[str, str],
    columns: Sequence[Column],
    cells: Iterable[tuple[str, Column, Record]],
    *,
    detail: bool,
    by_row: bool = False,
) -> Table:
    """Records in their places; what a model that offers nothing here has no record of is blank for the same reason."""
    placed: dict[tuple[str, Column], list[Record]] = {(row, column): [] for row in rows for column in columns}
    for row, column, record in cells:
        placed[row, column].append(record)
    filled = []
    remarks: list[str] = []
    for row, name in rows.items():
        own = [record for column in columns for record in placed[row, column]]
        rest = own[:1] if not by_row and all(record.value is None for record in own) else []
        found = [pooled(placed[row, column] or rest) for column in columns]
        for place, column in enumerate(columns):
            if warning := "" if by_row else _warning(placed[row, column], placed.get((CONSTANT, column), ())):
                found[place] = replace(found[place], superscript="!")
                remarks.append(f"! {warning}")
        filled.append(Row(name, tuple(found), "trivial" if row in TRIVIAL else ""))
    used = {column: [record for row in rows for record in placed[row, column]] for column in columns}
    return ranked(
        Table(
            title,
            label,
            tuple(columns),
            tuple(filled),
            tuple(dict.fromkeys(remarks)),
            merged_signatures(used),
            detail,
        ),
        by_row=by_row,
    )


def _warning(records: Sequence[Record], constants: Sequence[Record]) -> str:
    """What a mark behind a value says: a constant report is as good, or few reports differ."""
    known = [record for record in records if record.model != CONSTANT and record.value is not None]
    if any(one.metric == "distinct_reports" and (one.value or 0) < FEW_DISTINCT * (one.n or 0) for one in known):
        return f"fewer than {FEW_DISTINCT:.0%} of the reports are distinct"
    # of several trainings it is their mean that stands there
    value = fmean(one.value for one in known if one.value is not None) if known else None
    if any(constant_wins(known[0].metric, one.value, value) for one in constants if known):
        return "one constant report, written for every study, is at least as good"
    return ""


def _key(record: Record) -> tuple[str, str | None, float | None, int | None]:
    return record.metric, record.setting, record.fraction, record.k


def _varies(aspect: Aspect, records: Sequence[Record]) -> bool:
    """Whether one metric has several values of an aspect, so that its columns must tell them apart."""
    found = {(record.metric, getattr(record, aspect)) for record in records}
    return len(found) > len({metric for metric, _ in found})


def _rank(description: TableDescription, key: tuple[Any, ...], aspect: Aspect) -> tuple[float, str]:
    value = key[_ASPECTS.index(aspect)]
    if aspect == "metric":
        return description.metrics.index(value), ""
    return place_of_setting(value) if aspect == "setting" else (-1.0 if value is None else value, "")


def place_of_setting(setting: str | None) -> tuple[float, str]:
    """Where a setting stands among others."""
    if setting is None:
        return -1, ""
    return list(SETTINGS).index(setting) if setting in SETTINGS else len(SETTINGS), setting


def _column(description: TableDescription, apart: Sequence[Aspect], key: tuple[Any, ...]) -> Column:
    metric, setting, fraction, k = key
    known = entry(metric)
    above = description.above.get(known.group)
    title = known.title if above is None else known.short or known.title
    words: dict[Aspect, str] = {
        "metric": title.replace("@K", f"@{k}"),
        "setting": SETTINGS.get(setting, setting or ""),
        "fraction": "" if fraction is None else percent(fraction),
        "k": "" if k is None or "@K" in title else f"k={k}",
    }
    *groups, last = [words[aspect] for aspect in apart if words[aspect]] or [title]
    return Column(last, " ".join(groups) or (above or "").format(setting=words["setting"]), known.better)


def percent(fraction: float) -> str:
    """A share as people write it: `1%`, `0.1%`."""
    return f"{100 * fraction:g}%"
