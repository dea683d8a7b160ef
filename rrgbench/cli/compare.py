"""`rrgbench compare`: several systems' predictions on the same references, with paired tests."""

from pathlib import Path
from typing import Annotated

import typer

from rrgbench.cli.report_options import (
    AllowDuplicates,
    AllowEmpty,
    AllowMissing,
    AllowUnknown,
    CorpusLabel,
    Json,
    LabelerName,
    LabelerOptions,
    Latex,
    Markdown,
    MetricOptions,
    Metrics,
    ProtocolName,
    SplitLabel,
    allowances,
    labeler_choice,
    metric_choice,
    only_one,
)


def compare(
    predictions: Annotated[
        list[str], typer.Argument(help="Two or more files of generated reports, or NAME=FILE.", show_default=False)
    ],
    references: Annotated[Path, typer.Option(help="Reference reports.", show_default=False)],
    protocol: ProtocolName = "dcrrg",
    metrics: Metrics = "",
    metric_options: MetricOptions = None,
    labeler: LabelerName = "",
    labeler_options: LabelerOptions = None,
    test: Annotated[str, typer.Option(help="randomization or bootstrap.")] = "randomization",
    permutations: Annotated[int, typer.Option(help="Permutations (or resamples) of the test.")] = 10_000,
    level: Annotated[float, typer.Option(help="Significance level of the superscripts.")] = 0.05,
    intervals: Annotated[bool, typer.Option(help="Bootstrap intervals, in --json.")] = True,
    seed: Annotated[int, typer.Option(help="Seed of permutations and resamples.")] = 0,
    corpus: CorpusLabel = "unnamed",
    split: SplitLabel = "unknown",
    json: Json = False,
    latex: Latex = False,
    markdown: Markdown = False,
    common: Annotated[
        bool, typer.Option("--common", help="Compare on the studies that all systems have predictions for.")
    ] = False,
    allow_missing: AllowMissing = False,
    allow_unknown: AllowUnknown = False,
    allow_empty: AllowEmpty = False,
    allow_duplicates: AllowDuplicates = False,
) -> None:
    """Compare systems: a table with superscripts where a difference is significant (paired test, Holm-corrected).

    Systems are named after their files; numbers made on different studies are refused.

    \b
    Examples:
      rrgbench compare a.jsonl b.jsonl c.jsonl --references refs.jsonl
      rrgbench compare ours=run1/preds.jsonl theirs=run2/preds.jsonl --references refs.jsonl
    """
    only_one(json=json, latex=latex, markdown=markdown)
    if test not in ("randomization", "bootstrap"):
        raise typer.BadParameter(f"{test!r}; expected randomization or bootstrap", param_hint="--test")
    files: dict[str, Path] = {}
    for argument in predictions:
        name, equals, path = argument.rpartition("=")
        name = name if equals else Path(argument).stem
        if name in files:
            raise typer.BadParameter(f"two systems are called {name!r}; name them as NAME=FILE")
        files[name] = Path(path)
    if len(files) < 2:
        raise typer.BadParameter("give at least two files of predictions")

    from rrgbench.cli.progress import status
    from rrgbench.render.terminal import print_table
    from rrgbench.scoring.compare import compare_pairs
    from rrgbench.scoring.report_files import pair_reports, read_reports

    allow = allowances(allow_missing or common, allow_unknown, allow_empty, allow_duplicates)
    with status("reading reports") as progress:
        expected = read_reports(references, "references", allow)
        pairs = {
            name: pair_reports(expected, read_reports(path, "predictions", allow), allow)
            for name, path in files.items()
        }
        found = compare_pairs(
            pairs,
            protocol,
            metric_choice(metrics, metric_options),
            intervals,
            test="bootstrap" if test == "bootstrap" else "randomization",
            permutations=permutations,
            level=level,
            common=common,
            labeler=labeler_choice(labeler, labeler_options),
            seed=seed,
            corpus=corpus,
            split=split,
            progress=progress,
        )
    if json:
        typer.echo(found.to_json())
    elif latex:
        typer.echo(found.to_latex(), nl=False)
    elif markdown:
        typer.echo(found.to_markdown(), nl=False)
    else:
        # metrics below each other fit a terminal
        print_table(found.to_table().turned("metric"))
