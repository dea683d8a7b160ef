"""`rrgbench score`: a file of predictions against a file of references."""

from pathlib import Path
from typing import Annotated

import typer

from rrgbench.cli.options.grouping import grouped
from rrgbench.cli.options.metrics import MetricOptions
from rrgbench.cli.options.names import ProtocolName
from rrgbench.cli.options.printing import OutputForm
from rrgbench.cli.options.reports import ReportOptions, SystemName


@grouped
def score(
    predictions: Annotated[
        Path, typer.Option(help="Generated reports: .jsonl, .csv or .json (study_id, report).", show_default=False)
    ],
    references: Annotated[Path, typer.Option(help="Reference reports in one of the same layouts.", show_default=False)],
    choices: MetricOptions,
    reading: ReportOptions,
    form: OutputForm,
    system: SystemName = "",
    protocol: ProtocolName = "dcrrg",
    intervals: Annotated[bool, typer.Option(help="Bootstrap intervals.")] = True,
    replicates: Annotated[int, typer.Option(help="Bootstrap resamples.", min=2)] = 1000,
    method: Annotated[str, typer.Option(help="Interval method: percentile or bca.")] = "percentile",
    seed: Annotated[int, typer.Option(help="Seed of the resamples.", min=0)] = 0,
    per_study: Annotated[
        Path | None, typer.Option(help="Also write each study's own values to this CSV.", show_default=False)
    ] = None,
) -> None:
    """Score generated reports: BLEU, METEOR, ROUGE-L, CIDEr and clinical efficacy, with intervals and a signature.

    Whatever is allowed with --allow-... and happens is counted in the signature.

    \b
    Examples:
      rrgbench score --predictions preds.jsonl --references refs.jsonl
      rrgbench score --predictions preds.csv --references refs.csv --protocol r2gen --json
      rrgbench score --predictions preds.jsonl --references refs.jsonl --metrics nlg,bertscore
    """
    if method not in ("percentile", "bca"):
        raise typer.BadParameter(f"{method!r}; expected percentile or bca", param_hint="--method")
    if per_study is not None:
        from rrgbench.files import check_writable

        check_writable(per_study, (predictions, references))

    from rrgbench.cli.progress import status
    from rrgbench.render.escaping import spreadsheet_cell
    from rrgbench.render.terminal import print_table
    from rrgbench.scoring.report_systems import ReportSource
    from rrgbench.scoring.score import score_pairs

    with status("reading reports") as progress:
        options = choices.scoring(protocol, intervals=intervals, replicates=replicates, method=method, seed=seed)
        pairs = reading.read(references, {"": ReportSource(predictions)}, {"": system})[""]
        scores = score_pairs(pairs, options, progress=progress)
    if not form.printed(scores):
        print_table(scores.to_table())
        if scores.observations:
            print_table(scores.observations_to_table())
    # last, so that a disk that refuses it loses no scores
    if per_study is not None:
        scores.per_study.rename(index=spreadsheet_cell).to_csv(per_study)
