"""Protocols and labelers by name, and every model by one."""

from typing import Annotated

import typer

from rrgbench.cli import completion

ALL_MODELS = "all"


ProtocolName = Annotated[
    str,
    typer.Option(
        "--protocol",
        help="A protocol by name, as name@version, or a YAML file (rrgbench list protocols).",
        autocompletion=completion.protocols,
    ),
]


LabelerName = Annotated[
    str,
    typer.Option("--labeler", help="A labeler (rrgbench list labelers).", autocompletion=completion.labelers),
]
