"""The tables of a run, one function a table: records of one corpus and split in, a `Table` or None out."""

from collections.abc import Sequence

from rrgbench.observations import OBSERVATIONS
from rrgbench.render.assembly import assemble, model_order
from rrgbench.render.table import Column, Table
from rrgbench.runs.records import Record

NLG = {
    "bleu_1": "BLEU-1",
    "bleu_2": "BLEU-2",
    "bleu_3": "BLEU-3",
    "bleu_4": "BLEU-4",
    "meteor": "METEOR",
    "rouge_l": "ROUGE-L",
    "cider": "CIDEr",
}
EFFICACY = {"ce_precision": "P", "ce_recall": "R", "ce_f1": "F1"}
CORRELATIONS = {"pearson": "Pearson", "spearman": "Spearman", "kendall": "Kendall"}
SETTINGS = {
    "own": "own",
    "linear": "linear probe",
    "finetune": "fine-tuned",
    "observations": "over observations",
    "studies": "over studies",
}
_AVERAGINGS = ("micro", "macro", "weighted", "per-report")


def tables(records: Sequence[Record]) -> list[Table]:
    """Every table that the records fill, corpus by corpus; a record that fits none stands in a last one.

    Raises
    ------
    InputError
        If two records claim the same cell.
    """
    found: list[Table] = []
    for corpus, split in sorted({(record.corpus, record.split) for record in records}):
        here = [record for record in records if (record.corpus, record.split) == (corpus, split)]
        where = f"{corpus}, {split}"
        made = (
            report_generation(here, where),
            efficacy_averagings(here, where),
            *(efficacy_per_observation(here, where, metric) for metric in ("ce_f1", "ce_precision", "ce_recall")),
            retrieval(here, where),
            classification(here, where),
            *(auroc_per_observation(here, where, setting) for setting in _settings(here, "auroc")),
            error_correlation(here, where),
            other_values(here, where),
        )
        found += [table for table in made if table is not None]
    return found


def report_generation(records: Sequence[Record], where: str) -> Table | None:
    """NLG metrics, micro clinical efficacy and the number of distinct reports, a row a model (the paper's Table 1)."""
    averaging = _main(records)
    efficacy = f"CE ({averaging})" if averaging else "CE"
    metrics = {
        **{Column(title): (metric, None) for metric, title in NLG.items()},
        **{Column(title, efficacy): (metric, averaging) for metric, title in EFFICACY.items()},
        Column("distinct", decimals=0, ranked=False): ("distinct_reports", None),
    }
    here = [r for r in records if r.observation is None and (r.metric, r.setting) in metrics.values()]
    if not here:
        return None
    present = {(r.metric, r.setting) for r in here}
    columns = [column for column, key in metrics.items() if key in present]

    def pick(model: str, column: Column) -> list[Record]:
        return [r for r in here if r.model == model and (r.metric, r.setting) == metrics[column]]

    return assemble(f"Report generation on {where}", "model", model_order(here), columns, pick)


def efficacy_averagings(records: Sequence[Record], where: str) -> Table | None:
    """Clinical efficacy under each averaging: the same reports, other numbers."""
    here = [r for r in records if r.metric in EFFICACY and r.observation is None]
    settings = _settings(here)
    if len(settings) < 2:
        return None
    columns = {Column(title, s or ""): (metric, s) for s in settings for metric, title in EFFICACY.items()}

    def pick(model: str, column: Column) -> list[Record]:
        return [r for r in here if r.model == model and (r.metric, r.setting) == columns[column]]

    return assemble(
        f"Clinical efficacy by averaging on {where}", "model", model_order(here), list(columns), pick, detail=True
    )


def efficacy_per_observation(records: Sequence[Record], where: str, metric: str) -> Table | None:
    """One clinical-efficacy metric for each observation, a column a model, and the number of positives."""
    name = {"ce_precision": "Precision", "ce_recall": "Recall", "ce_f1": "F1"}[metric]
    here = [r for r in records if r.metric == metric and r.observation is not None]
    return _per_observation(here, f"{name} per observation on {where}", detail=metric != "ce_f1")


def retrieval(records: Sequence[Record], where: str) -> Table | None:
    """Precision@K beside chance (the paper's Table 2)."""
    here = [r for r in records if r.metric in ("precision_at_k", "chance_precision")]
    if not here:
        return None
    columns: dict[Column, tuple[str, int | None]] = {
        Column(f"P@{k}"): ("precision_at_k", k)
        for k in sorted({r.k for r in here if r.metric == "precision_at_k" and r.k is not None})
    }
    if any(r.metric == "chance_precision" for r in here):
        columns[Column("chance", ranked=False)] = ("chance_precision", None)
    models = model_order(here)
    blank = _offering_nothing(here, models)

    def pick(model: str, column: Column) -> list[Record]:
        metric, k = columns[column]
        found = [r for r in here if r.model == model and r.metric == metric and (k is None or r.k == k)]
        # a model that retrieves nothing has no chance level of its own; its one reason stands there too
        return found or ([r for r in here if r.model == model][:1] if model in blank else [])

    return assemble(f"Image-text retrieval on {where}", "model", models, list(columns), pick)


def classification(records: Sequence[Record], where: str) -> Table | None:
    """Mean AUROC by setting and share of the training data (the paper's Table 3)."""
    here = [r for r in records if r.metric == "auroc" and r.observation is None]
    if not here:
        return None
    keys = [
        (setting, fraction)
        for setting in _settings(here)
        for fraction in sorted(
            {r.fraction for r in here if r.setting == setting}, key=lambda f: -1.0 if f is None else f
        )
    ]
    columns = {_auroc_column(setting, fraction): (setting, fraction) for setting, fraction in keys}

    def pick(model: str, column: Column) -> list[Record]:
        return [r for r in here if r.model == model and (r.setting, r.fraction) == columns[column]]

    return assemble(
        f"Classification (mean AUROC) on {where}",
        "model",
        model_order(here),
        list(columns),
        pick,
    )


def auroc_per_observation(records: Sequence[Record], where: str, setting: str | None) -> Table | None:
    """AUROC of each observation in one setting (the paper's Table 6 for `own`)."""
    here = [r for r in records if r.metric == "auroc" and r.observation is not None and r.setting == setting]
    title = f"AUROC per observation on {where}: {SETTINGS.get(setting or '', setting or 'all')}"
    return _per_observation(here, title, detail=setting != "own")


def error_correlation(records: Sequence[Record], where: str) -> Table | None:
    """How classifier errors go with report errors (the paper's Appendix C)."""
    here = [r for r in records if r.metric in CORRELATIONS]
    if not here:
        return None
    columns = {
        Column(title, SETTINGS.get(s or "", s or ""), ranked=False): (metric, s)
        for s in _settings(here)
        for metric, title in CORRELATIONS.items()
    }

    def pick(model: str, column: Column) -> list[Record]:
        return [r for r in here if r.model == model and (r.metric, r.setting) == columns[column]]

    return assemble(f"Pipeline error correlation on {where}", "model", model_order(here), list(columns), pick)


def other_values(records: Sequence[Record], where: str) -> Table | None:
    """Values that have no table of their own, such as a plug-in's metrics."""
    owned = {*NLG, *EFFICACY, *CORRELATIONS, "auroc", "precision_at_k", "chance_precision", "distinct_reports"}
    here = [r for r in records if r.metric not in owned]
    if not here:
        return None

    def key(r: Record) -> Column:
        extras = (r.setting, None if r.fraction is None else percent(r.fraction), None if r.k is None else f"k={r.k}")
        return Column(" ".join([r.metric, *(e for e in extras if e), *filter(None, [r.observation])]), ranked=False)

    columns = list(dict.fromkeys(key(r) for r in here))
    by_column = {column: [r for r in here if key(r) == column] for column in columns}

    def pick(model: str, column: Column) -> list[Record]:
        return [r for r in by_column[column] if r.model == model]

    return assemble(f"Other metrics on {where}", "model", model_order(here), columns, pick)


def percent(fraction: float) -> str:
    """A share as people write it: `1%`, `0.1%`."""
    return f"{100 * fraction:g}%"


def _per_observation(here: Sequence[Record], title: str, *, detail: bool) -> Table | None:
    """Rows in the house order of observations, a column a model (and share), and the positives behind them."""
    if not here:
        return None
    fractions = sorted({r.fraction for r in here}, key=lambda f: -1.0 if f is None else f)
    columns: dict[Column, tuple[str, float | None]] = {}
    for model in model_order(here):
        for fraction in fractions:
            if any((r.model, r.fraction) == (model, fraction) for r in here):
                column = Column(model, "") if fraction is None else Column(percent(fraction), model)
                columns[column] = (model, fraction)
    supports = {name: {r.n for r in here if r.observation == name and r.n is not None} for name in OBSERVATIONS}
    # one number of positives an observation, unless models were scored on different studies
    shared = all(len(found) <= 1 for found in supports.values()) and any(supports.values())
    labels = {_labelled(name, supports[name]) if shared else name: name for name in OBSERVATIONS}

    def pick(label: str, column: Column) -> list[Record]:
        model, fraction = columns[column]
        return [r for r in here if (r.observation, r.model, r.fraction) == (labels[label], model, fraction)]

    heading = "observation (positives)" if shared else "observation"
    return assemble(title, heading, list(labels), list(columns), pick, detail=detail, best_by_row=True)


def _labelled(name: str, support: set[int]) -> str:
    return f"{name} ({next(iter(support))})" if support else name


def _auroc_column(setting: str | None, fraction: float | None) -> Column:
    name = SETTINGS.get(setting or "", setting or "")
    return Column(name or "all") if fraction is None else Column(percent(fraction), name)


def _settings(records: Sequence[Record], metric: str | None = None) -> list[str | None]:
    """Settings in the order in which they are shown: known ones first, as listed above."""
    known = [None, *_AVERAGINGS, *SETTINGS]
    found = {r.setting for r in records if metric is None or r.metric == metric}
    return sorted(found, key=lambda s: (known.index(s) if s in known else len(known), s or ""))


def _main(records: Sequence[Record]) -> str | None:
    """The averaging of the main table: micro, as the paper's P, R and F1 are, else the first there is."""
    settings = _settings([r for r in records if r.metric in EFFICACY and r.observation is None])
    return "micro" if "micro" in settings or not settings else settings[0]


def _offering_nothing(records: Sequence[Record], models: Sequence[str]) -> set[str]:
    """Models all of whose values here are blank."""
    return {model for model in models if all(r.value is None for r in records if r.model == model)}
