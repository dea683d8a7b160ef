"""`rrgbench trials`: what metrics see, and how far they agree with people."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rrgbench.cli import completion
from rrgbench.cli.options.corpora import CorpusOptions
from rrgbench.cli.options.grouping import grouped, listed_option
from rrgbench.cli.options.metrics import MetricOptions
from rrgbench.cli.options.names import ProtocolName
from rrgbench.cli.options.printing import OutputForm

if TYPE_CHECKING:
    from rrgbench.scoring.options import Scoring

app = typer.Typer(
    help="Try metrics: against radiologists' judgements, and on known-answer edits of reports.", no_args_is_help=True
)


TriedMetricOptions = Annotated[
    list[str] | None,
    listed_option("--metric-option", "An option of a plug-in metric, e.g. bertscore.model=FOLDER; repeatable."),
]
TriedMetrics = Annotated[
    str | None,
    typer.Option(
        "--metrics",
        "--metric",
        help="Comma-separated keys, groups or plug-ins; judges only by name.",
        show_default="all that run here",
        autocompletion=completion.metrics,
    ),
]


def _check_figure(figure: Path | None) -> None:
    """Refuse a figure that can't be drawn, before anything is computed."""
    from rrgbench.files import check_writable
    from rrgbench.render.label_chart import FORMATS

    if figure is not None:
        if figure.suffix not in FORMATS:
            raise typer.BadParameter(f"{figure}; expected a file ending in {', '.join(FORMATS)}", param_hint="--figure")
        check_writable(figure)


def _tried(
    metrics: str | None, metric_options: list[str] | None, protocol: str, replicates: int, seed: int
) -> "tuple[Scoring, dict[str, str]]":
    """How metrics are run: those named, or all that run here; and why the others don't."""
    import os

    # metrics that nobody named must not fetch weights
    if metrics is None:
        os.environ.setdefault("HF_HUB_OFFLINE", "1")

    from rrgbench.trials.metrics import every_metric

    options = MetricOptions(metrics=metrics, metric_options=metric_options).scoring(
        protocol, replicates=replicates, seed=seed
    )
    if options.lacking:
        raise typer.BadParameter(
            f"{options.protocol.identity} takes references through the vocabulary of training reports, and a trial has "
            "none; choose another, such as raw",
            param_hint="--protocol",
        )
    if metrics is not None:
        return options, {}
    found, absent = every_metric()
    return options.but(metrics=found), absent


@app.command("edits")
@grouped
def edits(
    films: CorpusOptions,
    split: Annotated[str, typer.Option("--split", help="Which split's reports are edited.")] = "test",
    studies: Annotated[int, typer.Option(help="Most reports that are edited.", min=2)] = 200,
    edit: Annotated[list[str] | None, listed_option("--edit", "Only this edit; repeatable, with both kinds.")] = None,
    metrics: TriedMetrics = None,
    metric_options: TriedMetricOptions = None,
    protocol: ProtocolName = "raw",
    examples: Annotated[
        int,
        typer.Option(help="Show this many reports of the corpus, edited, that the metric gets most wrong.", min=0),
    ] = 0,
    of: Annotated[str, typer.Option("--examples-of", help="Whose examples.", show_default="the best metric's")] = "",
    figure: Annotated[
        Path | None, typer.Option(help="Draw the heat map into this .png, .svg or .pdf.", show_default=False)
    ] = None,
    page: Annotated[
        Path | None, typer.Option("--html", help="Also write tables and examples to this page.", show_default=False)
    ] = None,
    replicates: Annotated[int, typer.Option(help="Bootstrap resamples.", min=2)] = 1000,
    seed: Annotated[int, typer.Option(help="Seed of edits and resamples.", min=0)] = 0,
    *,
    form: OutputForm,
) -> None:
    """Edit reports in known ways, harmless and harmful, and tell which metrics see the harm.

    Each harmful edit (a negation flipped, a side swapped ...) is compared with the harmless ones of the same report
    (other words, another order ...): a metric should score it below them. Reports of the corpus are shown only with
    --examples.

    \b
    Examples:
      rrgbench trials edits
      rrgbench trials edits --studies 500 --figure edits.svg --examples 3
      rrgbench trials edits --corpus iu-xray --root iu_xray --metrics nlg,ce --markdown
    """
    from rrgbench.files import check_writable

    _check_figure(figure)
    if page is not None:
        check_writable(page)

    from rrgbench.cli.progress import status
    from rrgbench.files import write_text
    from rrgbench.render.html import html_document
    from rrgbench.render.terminal import print_tables
    from rrgbench.trials.edits.edit import EDITS, every_edit
    from rrgbench.trials.edits.examples import examples_table
    from rrgbench.trials.edits.tables import Result, write_figure
    from rrgbench.trials.edits.trial import run_trial

    if examples and page is None and any(vars(form).values()):
        raise typer.BadParameter("examples are printed as tables or written with --html; leave --json, --latex out")
    chosen = [EDITS.load(name) for name in edit] if edit else every_edit()
    with status("loading metrics") as say:
        options, absent = _tried(metrics, metric_options, protocol, replicates, seed)
        trial = run_trial(films.open(to_look=True), chosen, options, split, studies, absent, say)
        result = Result(trial)
        shown = [*result.tables, *([examples_table(trial, of or result.best, examples)] if examples else [])]
    if figure is not None:
        write_figure(trial, figure)
    if page is not None:
        write_text(page, html_document(shown, "Trial of metrics: known-answer edits of reports"))
    if not form.printed(result):
        print_tables(shown, details=True)


@app.command("experts")
@grouped
def experts(
    judgements: Annotated[
        Path, typer.Option(help="RadPref's or ReXVal's folder, or a table of judgements.", show_default=False)
    ],
    judgement_columns: Annotated[
        list[str] | None,
        listed_option(
            "--judgement-columns",
            "Columns of a table that are not told by their names: rating=overall,report=text; repeatable. "
            "errors=a+b sums columns, rating=a,rating=b are two raters'.",
        ),
    ] = None,
    metrics: TriedMetrics = None,
    metric_options: TriedMetricOptions = None,
    protocol: ProtocolName = "raw",
    figure: Annotated[
        Path | None, typer.Option(help="Draw the intervals into this .png, .svg or .pdf.", show_default=False)
    ] = None,
    replicates: Annotated[int, typer.Option(help="Bootstrap resamples.", min=2)] = 5000,
    seed: Annotated[int, typer.Option(help="Seed of the resamples.", min=0)] = 0,
    *,
    form: OutputForm,
) -> None:
    """Tell how far each metric agrees with radiologists' ratings, error counts and preferences.

    Where the folder has an ordering_tests.json its tests make a further table. Reports are never shown.

    \b
    Examples:
      rrgbench trials experts --judgements RadPref --figure experts.svg
      rrgbench trials experts --judgements rexval --metrics findings,ce,rouge_l,meteor --latex
      rrgbench trials experts --judgements reader_study.tsv --judgement-columns rating=overall,report=text
    """
    from rrgbench.cli.progress import status
    from rrgbench.render.terminal import print_tables
    from rrgbench.trials.expert_tables import ExpertResult
    from rrgbench.trials.experts import run_expert_trial, run_ordering_tests
    from rrgbench.trials.judgements import judgement_folder, named_columns, read_judgements, read_ordering_tests

    _check_figure(figure)
    judged = read_judgements(judgements, named_columns(judgement_columns or []))
    orders = judgement_folder(judgements) / "ordering_tests.json"
    with status("loading metrics") as say:
        options, absent = _tried(metrics, metric_options, protocol, replicates, seed)
        trial = run_expert_trial(judged, options, absent, say)
        say("ordering tests")
        found = run_ordering_tests(read_ordering_tests(orders), options) if orders.is_file() else None
        result = ExpertResult(trial, found)
    if figure is not None:
        result.write_figure(figure)
    if not form.printed(result):
        print_tables(result.tables, details=True)


@app.command("structure")
@grouped
def structure(
    structured: Annotated[
        Path, typer.Option(help="Rad-ReStruct's findings as JSON Lines: report, positive.", show_default=False)
    ],
    reports: Annotated[Path, typer.Option(help="Open-i's reports: uid, findings, impression.", show_default=False)],
    modulo: Annotated[int, typer.Option(help="With --remainder: only some uids, e.g. to tune on others.", min=1)] = 1,
    remainder: Annotated[int, typer.Option(help="Only uids that leave this when divided by --modulo.", min=0)] = 0,
    *,
    form: OutputForm,
) -> None:
    """Compare the findings, places and degrees that findings_f1 reads with the hand-made structure of reports.

    Example: rrgbench trials structure --structured structured_reports.jsonl --reports openi_reports.csv
    """
    from rrgbench.render.terminal import print_tables
    from rrgbench.trials.structure import read_structure

    if remainder >= modulo:
        raise typer.BadParameter(f"{remainder} is no remainder of --modulo {modulo}", param_hint="--remainder")
    found = read_structure(structured, reports, modulo, remainder)
    if not form.printed(found):
        print_tables(found.tables, details=True)
