"""What a run was made with: `run.json`.

Host names, user names, folders and dates stay out, so a run folder can be published as it is and a resumed run keeps
its bytes.
"""

import json
import os
import platform
import sys
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path, PurePath, PureWindowsPath
from typing import Any

from rrgbench.runs.store import JSON, RunFolder

PACKAGES = (
    "rrgbench",
    "accelerate",
    "numpy",
    "pandas",
    "pillow",
    "pycocoevalcap",
    "safetensors",
    "scikit-learn",
    "scipy",
    "snowballstemmer",
    "tokenizers",
    "torch",
    "torchvision",
    "transformers",
)


def environment(
    *, seeds: Sequence[int], command: Sequence[str] | None = None, details: Mapping[str, JSON] | None = None
) -> dict[str, Any]:
    """Describe interpreter, packages, machine and command.

    Parameters
    ----------
    seeds : sequence of int
        Every seed the run was given.
    command : sequence of str, optional
        The command line; default `sys.argv`. Absolute paths in it are cut to their last part.
    details : mapping, optional
        What else to keep: suite, corpus identity and licence note, checkpoint digests, device.
    """
    return {
        "command": [_without_folder(word) for word in (sys.argv if command is None else command)],
        "cpu": {"model": _cpu_model(), "count": os.cpu_count()},
        "details": dict(details or {}),
        "packages": installed_versions(),
        "platform": {"machine": platform.machine(), "release": platform.release(), "system": platform.system()},
        "python": platform.python_version(),
        "seeds": list(seeds),
    }


def write_environment(folder: RunFolder, record: Mapping[str, Any]) -> Path:
    """Write `run.json`."""
    return folder.write_artifact("run.json", json.dumps(record, indent=2, sort_keys=True, ensure_ascii=False) + "\n")


def installed_versions() -> dict[str, str]:
    """Versions of the packages whose own could change a number, where they are installed."""
    return {name: version for name in PACKAGES if (version := _version(name)) is not None}


def _version(package: str) -> str | None:
    """Installed version of a distribution, read from its metadata without importing it; None where absent."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _cpu_model() -> str:
    """Marketing name of the processor: Linux keeps it where `platform.processor` does not look."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _without_folder(word: str) -> str:
    """A command-line word whose path, if it has an absolute or home one, is cut to its last part."""
    option, equals, text = word.partition("=") if word.startswith("-") else ("", "", word)
    if text.startswith(("/", "~")):
        text = f".../{PurePath(text).name}"
    elif PureWindowsPath(text).drive:
        text = f".../{PureWindowsPath(text).name}"
    return f"{option}{equals}{text}"
