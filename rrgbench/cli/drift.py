"""`rrgbench drift`: did the numbers of a run move against a baseline?"""

import os
from pathlib import Path
from typing import Annotated

import typer

from rrgbench.cli.options.printing import Json


def drift(
    run: Annotated[Path, typer.Argument(help="Run folder or results.json.", show_default=False)],
    against: Annotated[
        Path, typer.Option("--against", help="Baseline file, run folder or results.json.", show_default=False)
    ],
    tolerance: Annotated[
        list[str] | None,
        typer.Option("--tolerance", "-t", help="metric=0.01 or task/metric=0.01, * allowed; repeatable."),
    ] = None,
    tolerances: Annotated[
        Path | None, typer.Option("--tolerances", help="A YAML file of tolerances, one metric: NUMBER a line.")
    ] = None,
    allow_signature: Annotated[
        list[str] | None,
        typer.Option("--allow-signature", help="A signature field that may differ, or all; repeatable."),
    ] = None,
    allow_extra: Annotated[
        bool, typer.Option("--allow-extra", help="Values that only RUN has are listed but don't matter.")
    ] = False,
    fail_on: Annotated[
        str,
        typer.Option(
            "--fail-on",
            help="any: whatever is not identical; tolerance: beyond its tolerance; noise: beyond tolerance and noise.",
        ),
    ] = "tolerance",
    update: Annotated[bool, typer.Option("--update", help="Write RUN as the new baseline; needs --reason.")] = False,
    reason: Annotated[str, typer.Option("--reason", help="Why the numbers may move; kept in the baseline.")] = "",
    junit: Annotated[Path | None, typer.Option("--junit", help="Write JUnit XML here.")] = None,
    markdown: Annotated[Path | None, typer.Option("--markdown", help="Write the tables as Markdown here.")] = None,
    github: Annotated[
        bool, typer.Option("--github", help="Print GitHub annotations and add the tables to the job's summary.")
    ] = False,
    json: Json = False,
) -> None:
    """Compare a run with a baseline, value by value: what changed, by how much, and most likely why.

    Where both are run folders, values beyond their tolerance are tested by a paired bootstrap over the studies
    (Holm-corrected): those that it can't tell from 0 are within noise.

    Exit codes: 0 nothing moved; 1 a value moved or became blank; 4 not comparable (signatures differ, values are
    missing). --update ends with 0.

    \b
    Examples:
      rrgbench drift runs/today --against leaderboards/baselines/quick-phantom.json
      rrgbench drift runs/today --against runs/before --tolerance 'bleu_*=0.005' --fail-on noise
      rrgbench drift runs/today --against baseline.json --update --reason "labeler rules@3"
    """
    from rrgbench.errors import InputError
    from rrgbench.files import check_writable, write_text
    from rrgbench.render.drift_documents import (
        drift_junit,
        drift_markdown,
        drift_summary,
        drift_tables,
        github_annotations,
    )
    from rrgbench.render.json import json_text
    from rrgbench.render.terminal import print_tables
    from rrgbench.runs.baseline import Side, read_side, write_baseline
    from rrgbench.runs.drift import parse_tolerances, read_tolerances
    from rrgbench.runs.drift_check import check_drift
    from rrgbench.scoring.signature import FIELDS

    if junit is not None:
        check_writable(junit)
    if reason and not update:
        raise InputError("--reason goes with --update")
    first = update and not against.exists()
    ours = read_side(run)
    theirs = Side(()) if first else read_side(against)
    # what is said on the command line comes before the file, in order and in number
    said = parse_tolerances(tolerance or ())
    chosen = said | (read_tolerances(tolerances) if tolerances else {}) | said
    found = check_drift(
        ours,
        theirs,
        tolerances=chosen,
        allowed=allow_signature or (),
        known_fields=FIELDS,
        allow_extra=allow_extra,
        fail_on=fail_on,
    )
    if junit is not None:
        write_text(junit, drift_junit(found))
    if markdown is not None:
        write_text(markdown, drift_markdown(found))
    if json:
        typer.echo(json_text(found.to_json()))
    elif not first:
        print_tables(drift_tables(found))
        typer.echo(drift_summary(found))
    if github:
        for line in github_annotations(found):
            typer.echo(line, err=json)
        if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
            with Path(summary).open("a", encoding="utf-8") as file:
                file.write(drift_markdown(found))
    if update:
        write_baseline(ours, against, reason, theirs.renewals)
        typer.echo(f"baseline written: {against} ({len(ours.records):,} values)", err=True)
        return
    raise typer.Exit(int(found.verdict))
