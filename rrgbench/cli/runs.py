"""`rrgbench runs`: which runs there are, and what one was made with."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rrgbench.cli.options.printing import Json

if TYPE_CHECKING:
    from rrgbench.runs.listing import RunSummary

app = typer.Typer(help="Runs on this disk.", no_args_is_help=True)


@app.command("list")
def list_(
    folder: Annotated[Path, typer.Argument(help="Folder of run folders.")] = Path("runs"),
    json: Json = False,
) -> None:
    """List the runs of a folder: when, which models on which corpus, and the first headline number.

    Example: rrgbench runs list
    """
    from rrgbench.cli.progress import say
    from rrgbench.render.json import json_text
    from rrgbench.render.run_summary import runs_table
    from rrgbench.render.terminal import print_table
    from rrgbench.runs.listing import list_runs
    from rrgbench.tasks.base import table_descriptions

    found = list_runs(folder)
    if json:
        typer.echo(json_text([_content(run) for run in found]))
    elif not found:
        say(f"no runs in {folder.resolve().name}; rrgbench eval makes one")
    else:
        print_table(runs_table(found, table_descriptions()))


@app.command("show")
def show(
    run: Annotated[Path, typer.Argument(help="Run folder, or the name of one in runs/.", show_default=False)],
    json: Json = False,
) -> None:
    """Show what a run was made with and what came out, in short.

    \b
    Examples:
      rrgbench runs show dcrrg-6d-full-phantom
      rrgbench runs show elsewhere/mine --json
    """
    from rrgbench.render.json import json_text
    from rrgbench.render.run_facts import fact_lines, row_titles, titled
    from rrgbench.render.run_summary import main_models, run_summary
    from rrgbench.render.terminal import print_table
    from rrgbench.runs.environment import environment_of
    from rrgbench.runs.listing import find_run, summary
    from rrgbench.tasks.base import table_descriptions
    from rrgbench.terminal_text import one_line

    folder = find_run(run)
    known = summary(folder)
    environment = environment_of(folder)
    if json:
        typer.echo(json_text({"summary": _content(known), "environment": environment}))
        return
    packages = ", ".join(f"{name} {version}" for name, version in (environment.get("packages") or {}).items())
    lines = [
        f"{known.name} ({known.state}, {known.date})",
        f"{known.values} values, {known.blanks} blank; {known.units} finished units: {', '.join(known.tasks) or '-'}",
        *fact_lines(environment),
        f"Packages: {packages}." if packages else "What it was made with is not recorded.",
        f"Files: {', '.join(sorted(path.name for path in folder.iterdir()))}",
    ]
    for line in lines:
        typer.echo(one_line(line))
    if known.records:
        typer.echo()
        names = row_titles(environment)
        models = [names.get(name, name) for name in main_models(known)]
        print_table(run_summary(titled(known.records, environment), table_descriptions(), models))


def _content(run: "RunSummary") -> dict[str, Any]:
    """A run in one line, for machines."""
    from rrgbench.render.run_summary import headline_text, main_models
    from rrgbench.tasks.base import table_descriptions

    models = main_models(run)
    headline = headline_text(run.records, table_descriptions(), models[0]) if models else ""
    return {**{name: value for name, value in vars(run).items() if name != "records"}, "headline": headline}
