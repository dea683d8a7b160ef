"""`rrgbench protocols`: what the protocols are, and how far they move one set of predictions."""

import logging
from pathlib import Path
from typing import Annotated

import typer

from rrgbench.cli import completion
from rrgbench.cli.options.grouping import grouped, listed_option
from rrgbench.cli.options.metrics import MetricOptions
from rrgbench.cli.options.printing import OutputForm
from rrgbench.cli.options.reports import ReportOptions, SystemName

log = logging.getLogger(__name__)


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
    protocol: Annotated[
        list[str] | None,
        listed_option(
            "--protocol",
            "A protocol by name, as name@version, or a YAML file; repeatable; all without.",
            autocompletion=completion.protocols,
        ),
    ] = None,
    efficacy_choices: Annotated[
        bool,
        typer.Option("--efficacy-choices", help="Rows are all clinical-efficacy choices instead of the protocols."),
    ] = False,
    band: Annotated[
        str,
        typer.Option(
            "--labeler-band",
            help="Rows are these labelers (comma-separated) under each reading of uncertain instead of the protocols.",
            show_default=False,
        ),
    ] = "",
    system: SystemName = "",
) -> None:
    """Score one set of predictions under every protocol, or those named; without files, say what they are.

    \b
    Examples:
      rrgbench protocols
      rrgbench protocols --predictions preds.jsonl --references refs.jsonl --latex
      rrgbench protocols --predictions preds.jsonl --references refs.jsonl --protocol r2gen@1 --protocol mine.yaml
      rrgbench protocols --predictions preds.jsonl --references refs.jsonl --labeler-band rules@1,rules@2
    """
    if (predictions is None) != (references is None):
        raise typer.BadParameter("give both --predictions and --references, or neither")
    if predictions is None or references is None:
        _describe(protocol, form.json)
        return
    varied = [flag for flag, on in (("--efficacy-choices", efficacy_choices), ("--labeler-band", band)) if on]
    if len(varied) > 1:
        raise typer.BadParameter(f"{' and '.join(varied)} exclude each other")
    if varied and choices.metrics:
        raise typer.BadParameter(f"{varied[0]} is about clinical efficacy only; leave --metrics out")
    if varied and len(protocol or ()) > 1:
        raise typer.BadParameter(f"{varied[0]}: give --protocol once")
    if band and choices.labeler:
        raise typer.BadParameter("--labeler-band names the labelers; leave --labeler out")

    from dataclasses import replace

    from rrgbench.cli.progress import status
    from rrgbench.render.terminal import print_table
    from rrgbench.scoring.report_systems import ReportSource
    from rrgbench.scoring.sensitivity import labeler_band, under_efficacy_choices, under_protocols

    with status("reading reports") as progress:
        pairs = reading.read(references, {"": ReportSource(predictions)}, {"": system})[""]
        if efficacy_choices:
            found = under_efficacy_choices(pairs, choices.scoring(*protocol or (), intervals=False))
        elif band:
            labelers = [name.strip() for name in band.split(",")]
            found = labeler_band(pairs, labelers, choices.scoring(*protocol or (), intervals=False)).table
        else:
            found = under_protocols(pairs, protocol, choices.scoring(intervals=False), progress)
    if not form.printed(found):
        table = found.to_table()
        # the lowest and the highest can be seen
        table = replace(table, rows=(*table.rows[:-3], table.rows[-1]))
        # ten metrics don't fit beside each other on a terminal; the shorter side becomes the columns
        print_table(table.turned("metric") if len(table.columns) > len(table.rows) else table)


def _describe(chosen: list[str] | None, json: bool) -> None:
    from rrgbench.scoring.protocols import load_protocol, loadable_protocols

    if chosen:
        known = [load_protocol(name) for name in chosen]
    else:
        found, broken = loadable_protocols()
        known = list(found.values())
        for reason in broken.values():
            log.warning("%s", reason)

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
        texts = [f"cleaning {protocol.cleaning}"]
        if protocol.tokens != "all":
            texts.append(f"{protocol.tokens} words")
        if rule := protocol.vocabulary:
            texts.append(f"training vocabulary {rule.threshold}, cut {rule.cut or 'none'}")
        if protocol.bleu != "corpus":
            texts.append("mean of sentence BLEU")
        if protocol.cider_df != "test":
            texts.append(f"CIDEr's document frequencies from {protocol.cider_df}")
        choices = f"{'; '.join(texts)}; section {protocol.section}; CE {efficacy}"
        console.print(Text(one_line(f"{protocol.identity}: {choices}")))
        console.print(Padding(Text(one_line(protocol.source)), (0, 0, 1, 4)))
