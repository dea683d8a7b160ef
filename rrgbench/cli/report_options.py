"""The options that `score`, `compare` and `protocols` share."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rrgbench.labelers import Labeler
    from rrgbench.metrics.external.plug_in import ExternalMetric
    from rrgbench.scoring.report_files import Allowance

ProtocolName = Annotated[str, typer.Option(help="raw, coco, dcrrg, r2gen, radeval or rexrank.")]
Metrics = Annotated[
    str,
    typer.Option(
        "--metrics",
        "--metric",
        help="Comma-separated keys, groups or plug-ins (`rrgbench list metrics`), e.g. bleu_4,cider or nlg,bertscore.",
        show_default="all of our own",
    ),
]
MetricOptions = Annotated[
    list[str] | None,
    typer.Option(
        "--metric-option",
        help="An option of a plug-in metric, e.g. bertscore.model=FOLDER; may be repeated.",
        show_default=False,
    ),
]
LabelerName = Annotated[
    str, typer.Option("--labeler", help="Labeler for clinical efficacy.", show_default="the protocol's")
]
LabelerOptions = Annotated[
    list[str] | None,
    typer.Option(
        "--labeler-option",
        help="An option of the --labeler, e.g. weights=chexbert.pth, vocabulary=vocab.txt or cache=labels.sqlite; "
        "may be repeated.",
        show_default=False,
    ),
]
CorpusLabel = Annotated[str, typer.Option(help="Corpus name for signatures; the references' digest is added.")]
SplitLabel = Annotated[str, typer.Option(help="Split name for signatures.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Latex = Annotated[bool, typer.Option("--latex", help="Print a LaTeX table (booktabs).")]
Markdown = Annotated[bool, typer.Option("--markdown", help="Print a Markdown table.")]
AllowMissing = Annotated[bool, typer.Option("--allow-missing", help="Leave out studies without a prediction.")]
AllowUnknown = Annotated[bool, typer.Option("--allow-unknown", help="Leave out predictions without a reference.")]
AllowEmpty = Annotated[bool, typer.Option("--allow-empty", help="Score empty reports as they are.")]
AllowDuplicates = Annotated[bool, typer.Option("--allow-duplicates", help="Use the first of several rows of a study.")]


def allowances(missing: bool, unknown: bool, empty: bool, duplicates: bool) -> "list[Allowance]":
    """Names of the allowances that are switched on."""
    given: list[tuple[Allowance, bool]] = [
        ("missing", missing),
        ("unknown", unknown),
        ("empty", empty),
        ("duplicates", duplicates),
    ]
    return [name for name, wanted in given if wanted]


def metric_choice(names: str, options: list[str] | None) -> "list[str | ExternalMetric] | None":
    """The metrics that `--metrics` names, plug-ins with `--metric-option`s loaded; None for all of our own."""
    chosen: list[str | ExternalMetric] = [name.strip() for name in names.split(",")] if names else []
    by_metric: dict[str, dict[str, str]] = {}
    for given in options or []:
        target, equals, value = given.partition("=")
        metric, _, option = target.partition(".")
        if not equals or not option:
            raise typer.BadParameter(f"{given!r}; expected METRIC.OPTION=VALUE", param_hint="--metric-option")
        if metric not in chosen:
            raise typer.BadParameter(f"{given!r}, but {metric!r} is not among --metrics", param_hint="--metric-option")
        by_metric.setdefault(metric, {})[option] = value
    if by_metric:
        from rrgbench.metrics.external.loading import load_metric

        loaded = {name: load_metric(name, **its_options) for name, its_options in by_metric.items()}
        chosen = [loaded.get(name, name) if isinstance(name, str) else name for name in chosen]
    return chosen or None


def labeler_choice(name: str, options: list[str] | None) -> "str | Labeler | None":
    """The labeler that `--labeler` names, loaded with its `--labeler-option`s; None for the protocol's."""
    chosen: dict[str, str] = {}
    for given in options or []:
        option, equals, value = given.partition("=")
        if not equals or not value:
            raise typer.BadParameter(f"{given!r}; expected OPTION=VALUE", param_hint="--labeler-option")
        chosen[option] = value
    if not chosen:
        return name or None
    if not name:
        raise typer.BadParameter("says nothing without --labeler", param_hint="--labeler-option")
    from rrgbench.errors import InputError
    from rrgbench.labelers import load

    words: dict[str, Any] = dict(chosen)
    if "batch_tokens" in chosen:
        if not chosen["batch_tokens"].isdecimal():
            raise InputError(f"batch_tokens is {chosen['batch_tokens']!r}; expected a whole number")
        words["batch_tokens"] = int(chosen["batch_tokens"])
    return load(name, **words)


def only_one(**forms: bool) -> None:
    """Refuse two output forms at once."""
    chosen = [f"--{name}" for name, wanted in forms.items() if wanted]
    if len(chosen) > 1:
        raise typer.BadParameter(f"{' and '.join(chosen)} exclude each other")
