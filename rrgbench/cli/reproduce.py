"""`rrgbench reproduce`: printed figures recomputed from published outputs, and averagings read off printed figures."""

from pathlib import Path
from typing import Annotated

import typer

from rrgbench.cli import completion
from rrgbench.cli.options.corpora import CorpusOptions
from rrgbench.cli.options.grouping import grouped, listed_option
from rrgbench.cli.options.names import ProtocolName
from rrgbench.cli.options.printing import Json, OutputForm

app = typer.Typer()


@app.callback(invoke_without_command=True)
@grouped
def figures(
    context: typer.Context,
    outputs: Annotated[
        Path | None, typer.Option(help="Folder with the published outputs; they don't come with rrgbench.")
    ] = None,
    references: Annotated[
        Path | None, typer.Option(help="The corpus's references, e.g. R2Gen's annotation.json.")
    ] = None,
    training_reports: Annotated[
        Path | None, typer.Option("--training-reports", help="The training reports, where they aren't in --references.")
    ] = None,
    corpus: Annotated[
        str | None,
        typer.Option(help="Take references and training reports from this corpus.", autocompletion=completion.corpora),
    ] = None,
    root: Annotated[Path | None, typer.Option(help="The corpus's folder.")] = None,
    registry: Annotated[
        Path | None, typer.Option(help="Folder of the registry.", show_default="the one that comes with rrgbench")
    ] = None,
    only: Annotated[str, typer.Option(help="Only systems whose name holds this.")] = "",
    labelers: Annotated[
        list[str] | None,
        listed_option("--labeler", "A further labeler that the search tries, e.g. lookup:FILE; repeatable."),
    ] = None,
    search: Annotated[bool, typer.Option(help="Try other choices where the stated protocol doesn't fit.")] = True,
    *,
    form: OutputForm,
) -> None:
    """Recompute the registry's printed figures: printed, ours, difference, and whether they are reproduced.

    \b
    Examples:
      rrgbench reproduce --outputs published --references annotation.json
      rrgbench reproduce --outputs published --corpus iu-xray --root iu_xray --only CvT2
      rrgbench reproduce averaging table.csv
    """
    if context.invoked_subcommand is not None:
        return
    from dataclasses import replace

    from rrgbench.cli.progress import bars
    from rrgbench.errors import InputError
    from rrgbench.render.terminal import print_table
    from rrgbench.reproduction.recompute import Material, reproduce
    from rrgbench.reproduction.registry import PUBLISHED, load_published

    if corpus is not None and references is not None:
        raise typer.BadParameter("give --references or --corpus, not both")
    if corpus is None and root is not None:
        raise typer.BadParameter("--root is a corpus's folder; name the corpus too, with --corpus")
    if corpus is not None and training_reports is not None:
        raise typer.BadParameter("--corpus brings its own training reports; leave --training-reports out")
    if outputs is not None and not outputs.is_dir():
        raise InputError(f"there is no folder {outputs} of published outputs")
    systems = [one for one in load_published(registry or PUBLISHED) if only.lower() in one.system.lower()]
    if not systems:
        raise InputError(f"the registry has no system whose name holds {only!r}")
    if corpus is None:
        material = Material.of_file(outputs, references, training_reports)
    else:
        material = Material.of_corpus(outputs, CorpusOptions(corpus, root).open(to_look=True))
    material = replace(material, labelers=tuple(labelers or ()))
    with bars("printed figures") as shown:
        found = reproduce(systems, material, search, shown.overall)
    if not form.printed(found):
        print_table(found.to_table())


@app.command("constants")
@grouped
def constants(
    outputs: Annotated[Path | None, typer.Option(help="Folder with the registry's published outputs.")] = None,
    references: Annotated[Path | None, typer.Option(help="The corpus's references, e.g. annotation.json.")] = None,
    systems: Annotated[
        list[Path] | None,
        listed_option("--systems", "A file with a system, a reference and a report in each row; repeatable."),
    ] = None,
    protocol: ProtocolName = "raw",
    out: Annotated[Path | None, typer.Option("--out", help="Markdown file to write.")] = None,
    *,
    form: OutputForm,
) -> None:
    """Tell which published systems lose to one constant report, written for every study, and on which metric.

    --protocol is that of the --systems files; the registry's outputs are scored under their own.

    Example: rrgbench reproduce constants --outputs published --references annotation.json --systems pairs.csv
    """
    from rrgbench.cli.progress import bars, say
    from rrgbench.files import check_writable, write_text
    from rrgbench.render.markdown import markdown_document
    from rrgbench.render.terminal import print_table
    from rrgbench.reproduction.constants import certified
    from rrgbench.reproduction.recompute import Material
    from rrgbench.reproduction.registry import load_published

    if out is not None:
        check_writable(out)
    registered = load_published() if outputs is not None else []
    files = [(path, protocol) for path in systems or []]
    with bars("constants") as shown:
        found = certified(registered, Material.of_file(outputs, references), files, shown.overall)
    if out is not None:
        write_text(out, markdown_document([found.to_table()], "Published systems and the best constant report"))
        say(f"Written: {out}")
    if not form.printed(found):
        print_table(found.to_table())


@app.command("averaging")
def averaging(
    table: Annotated[Path, typer.Argument(help="A CSV of printed figures.")],
    name: Annotated[str, typer.Option(help="Column of names.", show_default="the first")] = "",
    precision: Annotated[str, typer.Option(help="Column of precision.")] = "ce_precision",
    recall: Annotated[str, typer.Option(help="Column of recall.")] = "ce_recall",
    f1: Annotated[str, typer.Option("--f1", help="Column of F1.")] = "ce_f1",
    json: Json = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print a Markdown table.")] = False,
) -> None:
    """Tell, from printed precision, recall and F1, which averaging each row of a table can have used.

    Example: rrgbench reproduce averaging leaderboards/paper/table1_report_generation.csv
    """
    from rrgbench.render.json import json_text
    from rrgbench.render.markdown import markdown_table
    from rrgbench.render.terminal import print_table
    from rrgbench.reproduction.averaging import MEANING, audits_to_table, read_and_audit

    found = read_and_audit(table, name, (precision, recall, f1))
    if json:
        typer.echo(json_text([{**vars(one), "meaning": MEANING[one.verdict]} for one in found]))
    elif markdown:
        typer.echo(markdown_table(audits_to_table(found)), nl=False)
    else:
        print_table(audits_to_table(found))


@app.command("order")
@grouped
def order(
    table: Annotated[Path, typer.Argument(help="A CSV of printed figures, a row a system.", show_default=False)],
    run: Annotated[
        list[Path],
        typer.Argument(help="Run folder; several if they differ in the training seed.", show_default=False),
    ],
    name: Annotated[str, typer.Option(help="Column of systems.", show_default="the first")] = "",
    averaging: Annotated[str, typer.Option(help="Which clinical efficacy of the run: micro, macro ...")] = "micro",
    systems: Annotated[
        list[str] | None,
        listed_option("--system", "PRINTED=OURS, where the run calls a system otherwise; repeatable."),
    ] = None,
    *,
    form: OutputForm,
) -> None:
    """Tell whether a run puts systems in the order of a printed table: Kendall's tau with its interval.

    Columns are told by their names: those of metrics (rrgbench list metrics), p_at_1 ... and mean_auroc.

    \b
    Examples:
      rrgbench reproduce order leaderboards/paper/table1_report_generation.csv runs/all
      rrgbench reproduce order leaderboards/paper/table2_retrieval.csv runs/all --system DCCLIP=dcrrg
    """
    from rrgbench.render.terminal import print_table
    from rrgbench.reproduction.order import OrderTable, compare_orders
    from rrgbench.runs.seeds import read_trainings

    records, _ = read_trainings(run)
    renamed = {}
    for given in systems or []:
        printed, equals, ours = given.rpartition("=")
        if not (printed and equals and ours):
            raise typer.BadParameter(f"{given!r}; expected PRINTED=OURS, such as DCCLIP=dcrrg", param_hint="--system")
        renamed[printed] = ours
    found = compare_orders(table, records, name, averaging, renamed)
    title = f"Order of systems: {table.name} beside {', '.join(folder.resolve().name for folder in run)}"
    shown = OrderTable(title, tuple(found))
    if not form.printed(shown):
        print_table(shown.to_table())
