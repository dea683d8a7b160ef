"""`rrgbench runs`: which runs there are, and what one was made with."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Runs on this disk.", no_args_is_help=True)


@app.command("list")
def list_(
    folder: Annotated[Path, typer.Argument(help="Folder of run folders.")] = Path("runs"),
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the runs of a folder.

    Example: rrgbench runs list
    """
    from dataclasses import asdict
    from json import dumps

    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from rrgbench.runs.listing import list_runs

    found = list_runs(folder)
    if json:
        typer.echo(dumps([asdict(run) for run in found], indent=2, ensure_ascii=False))
        return
    if not found:
        typer.echo(f"no runs in {folder.name}; rrgbench eval makes one", err=True)
        return
    table = Table("run", "models", "corpora", "values", "blanks", "units", "state", box=SIMPLE_HEAD)
    for run in found:
        cells = (run.name, ", ".join(run.models), ", ".join(run.corpora))
        numbers = (run.values, run.blanks, run.units)
        table.add_row(*map(Text, cells), *map(str, numbers), Text(run.state))
    Console().print(table)


@app.command("show")
def show(
    run: Annotated[Path, typer.Argument(help="Run folder.", show_default=False)],
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show what a run was made with and what it holds.

    Example: rrgbench runs show runs/dcrrg-full-phantom
    """
    from dataclasses import asdict
    from json import dumps

    from rrgbench.errors import InputError
    from rrgbench.runs.listing import environment_of, is_run, summary

    if not is_run(run):
        raise InputError(f"{run.name} is no run folder: it has neither results.json nor units/")
    known = summary(run)
    environment = environment_of(run)
    if json:
        typer.echo(dumps({"summary": asdict(known), "environment": environment}, indent=2, ensure_ascii=False))
        return
    typer.echo(f"run:      {known.name} ({known.state})")
    typer.echo(f"models:   {', '.join(known.models) or '-'}")
    typer.echo(f"corpora:  {', '.join(known.corpora) or '-'}")
    typer.echo(f"tasks:    {', '.join(known.tasks) or '-'}")
    typer.echo(f"records:  {known.values} values, {known.blanks} blank; {known.units} finished units")
    if not environment:
        typer.echo("environment: not recorded")
        return
    for name, content in environment.items():
        text = content if isinstance(content, str) else dumps(content, ensure_ascii=False, sort_keys=True)
        typer.echo(f"{name + ':':<9} {text}")
