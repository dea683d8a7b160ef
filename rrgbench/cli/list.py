"""`rrgbench list`: what can be named on the command line, ours and that of other packages."""

import sys
from collections.abc import Iterable
from shutil import get_terminal_size
from textwrap import wrap
from typing import TYPE_CHECKING, Any

import typer

from rrgbench.cli.options.printing import Json
from rrgbench.errors import RrgbenchError

if TYPE_CHECKING:
    from rrgbench.registry import Registry

_LEAST = 30
"""Columns beside the names below which nothing is wrapped."""

app = typer.Typer(
    help="List models, corpora, suites, metrics, protocols, tasks or labelers, and which package brings them.",
    no_args_is_help=True,
)


@app.command()
def models(json: Json = False) -> None:
    """Models that `eval --model` takes, and which of them `train --model` takes too. Example: rrgbench list models"""
    from rrgbench.checkpoints import default_name, shipped
    from rrgbench.models import MODELS
    from rrgbench.training.trainers import TRAINERS

    def about(name: str) -> str:
        weights = [f"{one} (loaded by default)" if one == default_name(name) else one for one in shipped(name)]
        parts = [MODELS.about(name), "trainable" if name in TRAINERS else ""]
        parts += [f"weights ship: {', '.join(weights)}"] if weights else ["no weights ship"] if parts[1] else []
        return "; ".join(filter(None, parts))

    _show(json, ((name, about(name), MODELS.foreign(name)) for name in MODELS.names()))


@app.command()
def corpora(json: Json = False) -> None:
    """Corpora that `--corpus` takes. Example: rrgbench list corpora"""
    from rrgbench.data.loading import CORPORA

    _names(json, CORPORA)


@app.command()
def suites(json: Json = False) -> None:
    """Suites that `eval --suite` takes. Example: rrgbench list suites"""
    from rrgbench.tasks.suite import about_suite, suite_names

    _show(json, ((name, about_suite(name), "") for name in suite_names()))


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
    _show(json, ((name, registry.about(name), registry.foreign(name)) for name in registry.names()))


def _show(json: bool, rows: Iterable[tuple[str, str, str]]) -> None:
    """Print names, what is to be said of each, and the package that brings it if that is not ours.

    On a terminal what is said is wrapped beside the names; elsewhere each name has one line.
    """
    from rrgbench.render.json import json_text
    from rrgbench.terminal_text import one_line

    found = list(rows)
    if json:
        typer.echo(json_text([name for name, _, _ in found]))
        return
    width = max((len(name) for name, _, _ in found), default=0) + 2
    room = get_terminal_size().columns - width if sys.stdout.isatty() else 0
    for name, about, origin in found:
        words = one_line("; ".join(filter(None, (about, f"from {origin}" if origin and origin not in about else ""))))
        lines = wrap(words, room, break_on_hyphens=False) if room > _LEAST else [words]
        for heading, line in zip((one_line(name), *[""] * len(lines)), lines or [""], strict=False):
            typer.echo((heading.ljust(width) + line).rstrip())
