"""`rrgbench runs`: which runs there are, and what one was made with."""

from pathlib import Path
from typing import Annotated

import typer

from rrgbench.cli.option_groups import Json

app = typer.Typer(help="Runs on this disk.", no_args_is_help=True)


@app.command("list")
def list_(
    folder: Annotated[Path, typer.Argument(help="Folder of run folders.")] = Path("runs"),
    json: Json = False,
) -> None:
    """List the runs of a folder.

    Example: rrgbench runs list
    """
    from dataclasses import asdict

    from rrgbench.cli.progress import say
    from rrgbench.render.json import json_text
    from rrgbench.render.table import plain_table
    from rrgbench.render.terminal import print_table
    from rrgbench.runs.listing import list_runs

    found = list_runs(folder)
    if json:
        typer.echo(json_text([asdict(run) for run in found]))
        return
    if not found:
        say(f"no runs in {folder.name}; rrgbench eval makes one")
        return
    rows = [
        (run.name, (", ".join(run.models), ", ".join(run.corpora), run.values, run.blanks, run.units, run.state))
        for run in found
    ]
    print_table(plain_table("", "run", ("models", "corpora", "values", "blanks", "units", "state"), rows))


@app.command("show")
def show(
    run: Annotated[Path, typer.Argument(help="Run folder.", show_default=False)],
    json: Json = False,
) -> None:
    """Show what a run was made with and what it holds.

    Example: rrgbench runs show runs/dcrrg-6d-full-phantom
    """
    from dataclasses import asdict
    from json import dumps

    from rrgbench.errors import InputError
    from rrgbench.render.json import json_text
    from rrgbench.runs.environment import environment_of
    from rrgbench.runs.listing import is_run, summary
    from rrgbench.terminal_text import one_line

    if not is_run(run):
        raise InputError(f"{run} is no run folder: it has neither results.json nor units/")
    known = summary(run)
    environment = environment_of(run)
    if json:
        typer.echo(json_text({"summary": asdict(known), "environment": environment}))
        return
    lines = {
        "run": f"{known.name} ({known.state})",
        "models": ", ".join(known.models) or "-",
        "corpora": ", ".join(known.corpora) or "-",
        "tasks": ", ".join(known.tasks) or "-",
        "records": f"{known.values} values, {known.blanks} blank; {known.units} finished units",
        **(environment or {"environment": "not recorded"}),
    }
    for name, content in lines.items():
        text = content if isinstance(content, str) else dumps(content, ensure_ascii=False, sort_keys=True)
        typer.echo(f"{name + ':':<9} {one_line(text)}")
