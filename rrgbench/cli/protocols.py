"""`rrgbench protocols`: what the protocols are, and how far they move one set of predictions."""

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
    SplitLabel,
    allowances,
    labeler_choice,
    metric_choice,
    only_one,
)


def protocols(
    predictions: Annotated[
        Path | None, typer.Option(help="Generated reports: .jsonl, .csv or .json.", show_default=False)
    ] = None,
    references: Annotated[
        Path | None, typer.Option(help="Reference reports in one of the same layouts.", show_default=False)
    ] = None,
    metrics: Metrics = "",
    metric_options: MetricOptions = None,
    labeler: LabelerName = "",
    labeler_options: LabelerOptions = None,
    efficacy_choices: Annotated[
        bool,
        typer.Option("--efficacy-choices", help="Rows are all clinical-efficacy choices instead of the protocols."),
    ] = False,
    corpus: CorpusLabel = "unnamed",
    split: SplitLabel = "unknown",
    json: Json = False,
    latex: Latex = False,
    markdown: Markdown = False,
    allow_missing: AllowMissing = False,
    allow_unknown: AllowUnknown = False,
    allow_empty: AllowEmpty = False,
    allow_duplicates: AllowDuplicates = False,
) -> None:
    """Score one set of predictions under every protocol; without files, say what the protocols are.

    \b
    Examples:
      rrgbench protocols
      rrgbench protocols --predictions preds.jsonl --references refs.jsonl --latex
    """
    only_one(json=json, latex=latex, markdown=markdown)
    if (predictions is None) != (references is None):
        raise typer.BadParameter("give both --predictions and --references, or neither")
    if predictions is None or references is None:
        _describe(json)
        return
    if efficacy_choices and metrics:
        raise typer.BadParameter("--efficacy-choices is about clinical efficacy only; leave --metrics out")

    from dataclasses import replace

    from rrgbench.cli.progress import status
    from rrgbench.render.terminal import print_table
    from rrgbench.scoring.report_files import pair_reports, read_reports
    from rrgbench.scoring.sensitivity import under_efficacy_choices, under_protocols

    allow = allowances(allow_missing, allow_unknown, allow_empty, allow_duplicates)
    with status("reading reports") as progress:
        pairs = pair_reports(
            read_reports(references, "references", allow), read_reports(predictions, "predictions", allow), allow
        )
        if efficacy_choices:
            found = under_efficacy_choices(
                pairs, labeler=labeler_choice(labeler, labeler_options), corpus=corpus, split=split
            )
        else:
            found = under_protocols(
                pairs,
                metrics=metric_choice(metrics, metric_options),
                labeler=labeler_choice(labeler, labeler_options),
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
        table = found.to_table()
        # the lowest and the highest can be seen
        table = replace(table, rows=(*table.rows[:-3], table.rows[-1]))
        # ten metrics don't fit beside each other on a terminal; the shorter side becomes the columns
        print_table(table.turned("metric") if len(table.columns) > len(table.rows) else table)


def _describe(json: bool) -> None:
    from rrgbench.scoring.protocols import PROTOCOLS

    if json:
        import json as json_module

        typer.echo(json_module.dumps([protocol.model_dump() for protocol in PROTOCOLS.values()], indent=2))
        return
    from rich.padding import Padding
    from rich.text import Text

    from rrgbench.render.escaping import one_line
    from rrgbench.render.terminal import output_console

    console = output_console()
    for protocol in PROTOCOLS.values():
        efficacy = f"{protocol.averaging}, {protocol.observations} observations, uncertain {protocol.uncertain}"
        choices = f"cleaning {protocol.cleaning}; section {protocol.section}; CE {efficacy}"
        console.print(Text(one_line(f"{protocol.identity}: {choices}")))
        console.print(Padding(Text(one_line(protocol.source)), (0, 0, 1, 4)))
