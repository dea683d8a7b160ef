"""`rrgbench report`: a run's tables again, from its results alone."""

from pathlib import Path
from typing import Annotated

import typer


def report(
    run: Annotated[Path, typer.Argument(help="Run folder with results.json.", show_default=False)],
    details: Annotated[bool, typer.Option("--details", help="Also print the tables kept for the documents.")] = False,
    latex: Annotated[bool, typer.Option("--latex", help="Print the LaTeX document instead of tables.")] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print the Markdown page instead of tables.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the records as JSON instead of tables.")] = False,
) -> None:
    """Write tables.tex, tables.md and report.html of a run again and print its tables.

    \b
    Examples:
      rrgbench report runs/dcrrg-full-phantom
      rrgbench report runs/dcrrg-full-phantom --latex > tables.tex
    """
    chosen = [name for name, wanted in (("--latex", latex), ("--markdown", markdown), ("--json", json)) if wanted]
    if len(chosen) > 1:
        raise typer.BadParameter(f"{' and '.join(chosen)} exclude each other")

    from rrgbench.errors import InputError
    from rrgbench.render import write_run_documents
    from rrgbench.runs.records import dump_records
    from rrgbench.runs.store import read_results

    if not run.is_dir():
        raise InputError(f"run folder {run.name} is not there; rrgbench runs list shows the runs of a folder")
    records = read_results(run)
    documents = write_run_documents(run, records)
    if json:
        typer.echo(dump_records(records), nl=False)
    elif latex or markdown:
        wanted = "tables.tex" if latex else "tables.md"
        typer.echo((run / wanted).read_text(encoding="utf-8"), nl=False)
    else:
        documents.print_tables(details=details)
    typer.echo(f"Written: {', '.join(file.name for file in documents.files)}", err=True)
