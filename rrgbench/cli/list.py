"""`rrgbench list`: what can be named on the command line."""

import json
from typing import Annotated

import typer

app = typer.Typer(help="List models, corpora, suites, metrics or protocols.", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="Print as JSON.")]


@app.command()
def models(json_output: Json = False) -> None:
    """Models that `eval --model` takes, and which of them `train --model` takes too. Example: rrgbench list models"""
    from rrgbench.models import MODELS
    from rrgbench.training.trainers import trainer_names

    names, trained = MODELS.names(), set(trainer_names())
    if json_output:
        _show(names, True)
        return
    for name in names:
        print(f"{name:<20}trainable" if name in trained else name)


@app.command()
def corpora(json_output: Json = False) -> None:
    """Corpora that `--corpus` takes. Example: rrgbench list corpora"""
    from rrgbench.data.loading import CORPORA

    _show(CORPORA.names(), json_output)


@app.command()
def suites(json_output: Json = False) -> None:
    """Suites that `eval --suite` takes. Example: rrgbench list suites"""
    from rrgbench.tasks.suite import suite_names

    _show(suite_names(), json_output)


@app.command()
def metrics(json_output: Json = False) -> None:
    """Metrics, and groups of them, that `score --metrics` takes. Example: rrgbench list metrics"""
    from rrgbench.metrics.catalogue import TEXT_GROUPS, TEXT_METRICS
    from rrgbench.metrics.external.loading import plug_in_metrics

    plug_ins = plug_in_metrics()
    if json_output:
        _show([*TEXT_METRICS, *plug_ins], True)
        return
    for name in TEXT_METRICS:
        print(f"{name:<14}group {', '.join(group for group, keys in TEXT_GROUPS.items() if name in keys)}")
    for name, plug_in in plug_ins.items():
        state = f"{plug_in.package} {plug_in.installed}" if plug_in.installed else f"not installed: {plug_in.get}"
        print(f"{name:<14}{state}" + (f"; weights: {plug_in.weights}" if plug_in.weights else ""))


@app.command()
def protocols(json_output: Json = False) -> None:
    """Protocols that `--protocol` takes, with their sources. Example: rrgbench list protocols"""
    from rrgbench.scoring.protocols import load_protocol, protocol_names

    if json_output:
        _show(protocol_names(), True)
        return
    for protocol in map(load_protocol, protocol_names()):
        print(f"{protocol.identity:<12}{protocol.source}")


def _show(names: list[str], json_output: bool) -> None:
    print(json.dumps(names) if json_output else "\n".join(names))
