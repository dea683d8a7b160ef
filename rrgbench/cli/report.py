"""`rrgbench report`: a run's tables again, from its results alone."""

from pathlib import Path
from typing import Annotated

import typer

from rrgbench.cli.options.grouping import grouped
from rrgbench.cli.options.printing import OutputForm


@grouped
def report(
    run: Annotated[
        list[Path],
        typer.Argument(help="Run folder; several if they differ in the training seed.", show_default=False),
    ],
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder of the documents of several runs.", show_default=False)
    ] = None,
    figures: Annotated[
        bool, typer.Option("--figures", help="Also write each figure of the page to figures/ as SVG and PDF.")
    ] = False,
    paper: Annotated[
        bool,
        typer.Option(
            "--paper",
            help="Also write paper/: a .tex file a table, for your paper, and macros.tex with every number.",
        ),
    ] = False,
    siunitx: Annotated[bool, typer.Option("--siunitx", help="Numbers of --paper as \\num{}.")] = False,
    superscripts: Annotated[
        bool,
        typer.Option(
            "--superscripts", help="Letters in --paper say which rows a value is surely better than (paired bootstrap)."
        ),
    ] = False,
    paper_intervals: Annotated[
        bool, typer.Option("--paper-intervals/--no-paper-intervals", help="Whether tables of --paper show intervals.")
    ] = True,
    details: Annotated[bool, typer.Option("--details", help="Also print the tables kept for the documents.")] = False,
    *,
    form: OutputForm,
) -> None:
    """Write tables.tex, tables.md and report.html of a run again and print its tables.

    Of several runs whose models were trained with different seeds, the tables show the mean over seeds.

    \b
    Examples:
      rrgbench report runs/dcrrg-6d-full-phantom
      rrgbench report runs/dcrrg-6d-full-phantom --latex > tables.tex
      rrgbench report runs/dcrrg-6d-full-phantom --figures --paper
      rrgbench report runs/seed-0 runs/seed-1 runs/seed-2 --out runs/pooled
    """
    from rrgbench.cli.progress import say
    from rrgbench.errors import InputError, listed
    from rrgbench.render.run_documents import write_paper, write_run_documents, write_run_figures
    from rrgbench.runs.environment import write_environment
    from rrgbench.runs.listing import is_run
    from rrgbench.runs.records import dump_records
    from rrgbench.runs.seeds import read_trainings
    from rrgbench.runs.store import RunFolder
    from rrgbench.tasks.base import table_descriptions

    asked = {"--siunitx": siunitx, "--superscripts": superscripts, "--no-paper-intervals": not paper_intervals}
    if not paper and (unread := [flag for flag, wanted in asked.items() if wanted]):
        raise InputError(f"{listed(unread)} would change nothing without --paper")
    if paper and superscripts and out is not None:
        raise InputError("--superscripts are told by a run's own resamples, which --out has none of; leave one out")
    if len(run) > 1 and out is None:
        raise InputError("several runs have no folder of their own; give --out for their documents")
    if out is not None:
        inputs = [one.resolve() for one in run]
        if out.resolve() in inputs:
            raise InputError(f"--out {out} is one of the runs that are read, and its results would be replaced")
        # documents that this command wrote have no units, and may be written again
        if is_run(out) and (out / "units").is_dir():
            raise InputError(f"--out {out} holds a run, and its results would be replaced; give another folder")
    place = out or run[0]
    records, about = read_trainings(run)
    if out is not None:
        RunFolder(out).write_results(records)
        write_environment(RunFolder(out), about)
    documents = write_run_documents(place, records, table_descriptions())
    if paper:
        how = {"intervals": paper_intervals, "siunitx": siunitx, "superscripts": superscripts}
        written = write_paper(place, records, table_descriptions(), **how)
        say(f"For a paper: {len(written) - 1} tables and macros.tex in {place}/paper")
    if figures:
        drawn = write_run_figures(place, records)
        say(f"Figures: {', '.join(file.name for file in drawn)} in {place}/figures")
    if form.json:
        typer.echo(dump_records(records), nl=False)
    elif form.latex or form.markdown:
        wanted = "tables.tex" if form.latex else "tables.md"
        typer.echo((place / wanted).read_text(encoding="utf-8"), nl=False)
    else:
        documents.print_tables(details=details)
    say(f"Written: {', '.join(file.name for file in documents.files)}")
