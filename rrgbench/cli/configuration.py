"""`--config FILE`: options of `eval` in a file; the command line wins over it, and every run keeps its own."""

from pathlib import Path
from typing import Annotated, Any, Final

import typer

ASIDE: Final = frozenset({"config", "json", "tables", "dry_run", "help"})
"""Options that say what is shown, not what is run."""


def _named(context: typer.Context) -> dict[str, str]:
    """Parameters of the command by the names of their options, dashes as underscores."""
    found = {}
    for parameter in context.command.params:
        long = next((name for name in parameter.opts if name.startswith("--")), "")
        found[long.lstrip("-").replace("-", "_")] = str(parameter.name)
    return found


def _read(context: typer.Context, path: Path | None) -> Path | None:
    """Take what a file says for the defaults of the command's options."""
    if path is None:
        return None
    from rrgbench.tasks.configuration import read_configuration

    names = _named(context)
    given = read_configuration(path).given()
    context.default_map = {**(context.default_map or {}), **{names[key]: value for key, value in given.items()}}
    return path


ConfigFile = Annotated[
    Path | None,
    typer.Option(
        "--config",
        help="Options in a YAML file, such as a run's own config.yaml; the command line wins over it.",
        callback=_read,
        is_eager=True,
    ),
]


def configuration_of(context: typer.Context) -> dict[str, Any]:
    """Every option of a command that decides its run, as given, by default or by file."""
    return {
        name: context.params[parameter]
        for name, parameter in sorted(_named(context).items())
        if name not in ASIDE and parameter in context.params
    }
