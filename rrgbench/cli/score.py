"""`rrgbench score`: a file of predictions against a file of references."""

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


def score(
    predictions: Annotated[
        Path, typer.Option(help="Generated reports: .jsonl, .csv or .json (study_id, report).", show_default=False)
    ],
    references: Annotated[Path, typer.Option(help="Reference reports in one of the same layouts.", show_default=False)],
    protocol: ProtocolName = "dcrrg",
    metrics: Metrics = "",
    metric_options: MetricOptions = None,
    labeler: LabelerName = "",
    labeler_options: LabelerOptions = None,
    intervals: Annotated[bool, typer.Option(help="Bootstrap intervals.")] = True,
    replicates: Annotated[int, typer.Option(help="Bootstrap resamples.")] = 1000,
    method: Annotated[str, typer.Option(help="Interval method: percentile or bca.")] = "percentile",
    seed: Annotated[int, typer.Option(help="Seed of the resamples.")] = 0,
    corpus: CorpusLabel = "unnamed",
    split: SplitLabel = "unknown",
    json: Json = False,
    latex: Latex = False,
    markdown: Markdown = False,
    per_study: Annotated[
        Path | None, typer.Option(help="Also write each study's own values to this CSV.", show_default=False)
    ] = None,
    allow_missing: AllowMissing = False,
    allow_unknown: AllowUnknown = False,
    allow_empty: AllowEmpty = False,
    allow_duplicates: AllowDuplicates = False,
) -> None:
    """Score generated reports: BLEU, METEOR, ROUGE-L, CIDEr and clinical efficacy, with intervals and a signature.

    Whatever is allowed with --allow-... and happens is counted in the signature.

    \b
    Examples:
      rrgbench score --predictions preds.jsonl --references refs.jsonl
      rrgbench score --predictions preds.csv --references refs.csv --protocol r2gen --json
      rrgbench score --predictions preds.jsonl --references refs.jsonl --metrics nlg,bertscore
    """
    allow = allowances(allow_missing, allow_unknown, allow_empty, allow_duplicates)
    only_one(json=json, latex=latex, markdown=markdown)
    if method not in ("percentile", "bca"):
        raise typer.BadParameter(f"{method!r}; expected percentile or bca", param_hint="--method")

    from rrgbench.cli.progress import status
    from rrgbench.render.terminal import print_table
    from rrgbench.scoring.report_files import pair_reports, read_reports
    from rrgbench.scoring.score import score_pairs

    with status("reading reports") as progress:
        pairs = pair_reports(
            read_reports(references, "references", allow), read_reports(predictions, "predictions", allow), allow
        )
        scores = score_pairs(
            pairs,
            protocol=protocol,
            metrics=metric_choice(metrics, metric_options),
            intervals=intervals,
            labeler=labeler_choice(labeler, labeler_options),
            seed=seed,
            corpus=corpus,
            split=split,
            replicates=replicates,
            method="bca" if method == "bca" else "percentile",
            progress=progress,
        )
    if per_study is not None:
        scores.per_study.to_csv(per_study)
    if json:
        typer.echo(scores.to_json())
    elif latex:
        typer.echo(scores.to_latex(), nl=False)
    elif markdown:
        typer.echo(scores.to_markdown(), nl=False)
    else:
        print_table(scores.to_table())
        if scores.observations:
            print_table(scores.observations_to_table())
