"""`rrgbench list`: what can be named on the command line, ours and that of other packages."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import typer

from rrgbench.cli.option_groups import Json
from rrgbench.errors import RrgbenchError

if TYPE_CHECKING:
    from rrgbench.registry import Registry

app = typer.Typer(
    help="List models, corpora, suites, metrics, protocols, tasks or labelers, and which package brings them.",
    no_args_is_help=True,
)


@app.command()
def models(json: Json = False) -> None:
    """Models that `eval --model` takes, and which of them `train --model` takes too. Example: rrgbench list models"""
    from rrgbench.models import MODELS
    from rrgbench.training.trainers import TRAINERS

    _show(json, ((name, "trainable" if name in TRAINERS else "", MODELS.foreign(name)) for name in MODELS.names()))


@app.command()
def corpora(json: Json = False) -> None:
    """Corpora that `--corpus` takes. Example: rrgbench list corpora"""
    from rrgbench.data.loading import CORPORA

    _names(json, CORPORA)


@app.command()
def suites(json: Json = False) -> None:
    """Suites that `eval --suite` takes. Example: rrgbench list suites"""
    from rrgbench.tasks.suite import suite_names

    _show(json, ((name, "", "") for name in suite_names()))


@app.command()
def metrics(json: Json = False) -> None:
    """Metrics with bounds and direction: those of `score --metrics` name their groups, others belong to tasks.

    Example: rrgbench list metrics
    """
    from rrgbench.metrics.catalogue import NATIVE, TEXT_GROUPS
    from rrgbench.metrics.external.loading import PLUG_INS, about_plug_in

    def place(name: str) -> str:
        groups = [group for group, keys in TEXT_GROUPS.items() if name in keys]
        return f"group {', '.join(groups)}" if groups else f"suites only: {NATIVE[name].group}"

    ours = ((name, f"{one.about}; {place(name)}", "") for name, one in NATIVE.items())
    _show(json, [*ours, *((name, about_plug_in(name), PLUG_INS.foreign(name)) for name in PLUG_INS.names())])


@app.command()
def protocols(json: Json = False) -> None:
    """Protocols that `--protocol` takes, with their sources. Example: rrgbench list protocols"""
    from rrgbench.scoring.protocols import PROTOCOLS, load_protocol, protocol_names

    if json:
        _show(json, ((name, "", "") for name in protocol_names()))
        return
    rows = []
    for name in protocol_names():
        try:
            found = load_protocol(name)
            rows.append((found.identity, found.source, PROTOCOLS.foreign(name)))
        except RrgbenchError as error:
            rows.append((name, str(error), PROTOCOLS.foreign(name)))
    _show(json, rows)


@app.command()
def tasks(json: Json = False) -> None:
    """Tasks that a suite may name. Example: rrgbench list tasks"""
    from rrgbench.tasks.base import TASKS

    _names(json, TASKS)


@app.command()
def labelers(json: Json = False) -> None:
    """Labelers that `--labeler` takes. Example: rrgbench list labelers"""
    from rrgbench.labelers import LABELERS

    _names(json, LABELERS)


def _names(json: bool, registry: "Registry[Any]") -> None:
    _show(json, ((name, "", registry.foreign(name)) for name in registry.names()))


def _show(json: bool, rows: Iterable[tuple[str, str, str]]) -> None:
    """Print names, what is to be said of each, and the package that brings it if that is not ours."""
    from rrgbench.render.json import json_text
    from rrgbench.terminal_text import one_line

    found = list(rows)
    if json:
        typer.echo(json_text([name for name, _, _ in found]))
        return
    width = max((len(name) for name, _, _ in found), default=0) + 2
    for name, about, origin in found:
        words = "; ".join(filter(None, (about, f"from {origin}" if origin and origin not in about else "")))
        typer.echo((one_line(name).ljust(width) + one_line(words)).rstrip())
