"""`rrgbench protocols`: what the protocols are, and how far they move one set of predictions."""

from pathlib import Path
from typing import Annotated

import typer

from rrgbench.cli.option_groups import MetricOptions, OutputForm, ReportOptions, grouped


@grouped
def protocols(
    predictions: Annotated[
        Path | None, typer.Option(help="Generated reports: .jsonl, .csv or .json.", show_default=False)
    ] = None,
    references: Annotated[
        Path | None, typer.Option(help="Reference reports in one of the same layouts.", show_default=False)
    ] = None,
    *,
    choices: MetricOptions,
    reading: ReportOptions,
    form: OutputForm,
    efficacy_choices: Annotated[
        bool,
        typer.Option("--efficacy-choices", help="Rows are all clinical-efficacy choices instead of the protocols."),
    ] = False,
) -> None:
    """Score one set of predictions under every protocol; without files, say what the protocols are.

    \b
    Examples:
      rrgbench protocols
      rrgbench protocols --predictions preds.jsonl --references refs.jsonl --latex
    """
    if (predictions is None) != (references is None):
        raise typer.BadParameter("give both --predictions and --references, or neither")
    if predictions is None or references is None:
        _describe(form.json)
        return
    if efficacy_choices and choices.metrics:
        raise typer.BadParameter("--efficacy-choices is about clinical efficacy only; leave --metrics out")

    from dataclasses import replace

    from rrgbench.cli.progress import status
    from rrgbench.render.terminal import print_table
    from rrgbench.scoring.sensitivity import under_efficacy_choices, under_protocols

    with status("reading reports") as progress:
        pairs = reading.read(references, {"": predictions})[""]
        options = choices.scoring(intervals=False)
        if efficacy_choices:
            found = under_efficacy_choices(pairs, options)
        else:
            found = under_protocols(pairs, options=options, progress=progress)
    if not form.printed(found):
        table = found.to_table()
        # the lowest and the highest can be seen
        table = replace(table, rows=(*table.rows[:-3], table.rows[-1]))
        # ten metrics don't fit beside each other on a terminal; the shorter side becomes the columns
        print_table(table.turned("metric") if len(table.columns) > len(table.rows) else table)


def _describe(json: bool) -> None:
    from rrgbench.scoring.protocols import load_protocol, protocol_names

    known = [load_protocol(name) for name in protocol_names()]

    if json:
        import json as json_module

        typer.echo(json_module.dumps([protocol.model_dump() for protocol in known], indent=2))
        return
    from rich.padding import Padding
    from rich.text import Text

    from rrgbench.render.terminal import output_console
    from rrgbench.terminal_text import one_line

    console = output_console()
    for protocol in known:
        efficacy = f"{protocol.averaging}, {protocol.observations} observations, uncertain {protocol.uncertain}"
        choices = f"cleaning {protocol.cleaning}; section {protocol.section}; CE {efficacy}"
        console.print(Text(one_line(f"{protocol.identity}: {choices}")))
        console.print(Padding(Text(one_line(protocol.source)), (0, 0, 1, 4)))
