"""What a run was made with: `run.json`.

Host names, user names and folders stay out, so a run folder can be published as it is. What a resumed run keeps byte
for byte are its results and tables; when it ran, and for how long, stands here and on its page.
"""

import json
import logging
import os
import platform
import re
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from importlib import metadata
from pathlib import Path, PurePath, PureWindowsPath
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rrgbench.errors import InputError, problems
from rrgbench.json_text import read_object
from rrgbench.runs.store import JSON, RunFolder

_log = logging.getLogger(__name__)

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
    *,
    seeds: Sequence[int],
    command: Sequence[str] | None = None,
    details: Mapping[str, JSON] | None = None,
    facts: Mapping[str, JSON] | None = None,
) -> dict[str, Any]:
    """Describe interpreter, packages, machine and command.

    Parameters
    ----------
    seeds : sequence of int
        Every seed the run was given.
    command : sequence of str, optional
        The command line; default `sys.argv`. Absolute paths in it are cut to their last part.
    details : mapping, optional
        What else to keep: suite, corpus identity, protocol.
    facts : mapping, optional
        Further fields: `models`, `synthetic`, `warnings`.
    """
    return {
        **(facts or {}),
        "command": [_without_folder(word) for word in (sys.argv if command is None else command)],
        "cpu": {"model": _cpu_model(), "count": os.cpu_count()},
        "details": dict(details or {}),
        "packages": installed_versions(),
        "platform": {"machine": platform.machine(), "release": platform.release(), "system": platform.system()},
        "python": platform.python_version(),
        "seeds": list(seeds),
    }


class Clock:
    """When a run began and ended, and how long its commands took together.

    Parameters
    ----------
    folder : RunFolder
        The run's; a damaged `run.json` in it is removed.

    Raises
    ------
    InputError
        If a folder stands where `run.json` belongs.
    """

    def __init__(self, folder: RunFolder) -> None:
        self.folder, self._began, self._at = folder, _now(), time.monotonic()
        file = folder.path / "run.json"
        try:
            environment_of(folder.path)
        except InputError as error:
            if not file.is_file():
                raise
            # numbers don't rest on it, and the run that goes on writes it again
            _log.warning("%s; it is written again", error)
            file.unlink()

    def begin(self, record: Mapping[str, Any]) -> None:
        """Write `run.json` of a run that has none yet, so that a killed one is known too."""
        if not (self.folder.path / "run.json").exists():
            write_environment(self.folder, {**record, "started": self._began, "finished": None, "seconds": 0})

    def end(self, record: Mapping[str, Any]) -> None:
        """Write `run.json` of a finished run; a resumed one keeps its beginning and adds its time."""
        earlier = environment_of(self.folder.path)
        before = earlier.get("seconds")
        spent = time.monotonic() - self._at + (before if isinstance(before, int | float) else 0)
        started = earlier.get("started") or self._began
        write_environment(self.folder, {**record, "started": started, "finished": _now(), "seconds": round(spent, 3)})


class _Model(BaseModel):
    model_config = ConfigDict(strict=True, extra="allow")

    name: str
    identity: str
    checkpoint: str | None = None


class _Said(BaseModel):
    """The types of what is read again of a `run.json`; anything may be missing."""

    model_config = ConfigDict(strict=True, extra="allow")

    command: list[str] | None = None
    cpu: dict[str, Any] | None = None
    details: dict[str, Any] | None = None
    started: str | None = None
    finished: str | None = None
    models: list[_Model] | None = None
    packages: dict[str, Any] | None = None
    platform: dict[str, Any] | None = None
    python: str | None = None
    seconds: Annotated[float, Field(ge=0, le=1e12)] | None = None
    seeds: list[int] | None = None
    synthetic: bool | None = None
    warnings: list[str] | None = None


def environment_of(path: Path) -> Mapping[str, Any]:
    """A run folder's `run.json`; empty where it has none.

    Raises
    ------
    InputError
        If it can't be read, or says something of another type.
    """
    file = path / "run.json"
    if not file.exists():
        return {}
    found = read_object(file)
    try:
        _Said.model_validate(found)
    except ValidationError as error:
        raise InputError(f"{path.resolve().name}/run.json is damaged: {problems(error)}") from error
    return found


def pooled(runs: Sequence[Mapping[str, Any]], names: Sequence[str]) -> dict[str, Any]:
    """`run.json` of several runs together: what the first says, with the models and warnings of all."""
    together = {
        "models": [model for run in runs for model in run.get("models") or ()],
        "warnings": list(dict.fromkeys(words for run in runs for words in run.get("warnings") or ())),
        "synthetic": any(run.get("synthetic") for run in runs),
        "seconds": sum(run.get("seconds") or 0 for run in runs),
        "pooled": list(names),
    }
    return {**(runs[0] if runs else {}), **together}


def _now() -> str:
    return datetime.now().astimezone().isoformat(timespec="seconds")


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
    """A command-line word whose path, if it has an absolute or home one, is cut to its last part.

    The path may stand behind an option (`--root=/data`), a name (`mine=/data/a.csv`, `hf:/models/x`) or alone. Of an
    address what may be a password goes: user, query and fragment.
    """
    if (address := re.fullmatch(r"(.*?)(https?://)(?:[^/@]*@)?([^/?#]*)([^?#]*).*", word)) is not None:
        return "".join(address.groups())
    before, mark, text = "", "", word
    if not PureWindowsPath(word).drive and (found := re.match(r"([\w.&+-]+)([=:])", word)):
        before, mark, text = found[1], found[2], word[found.end() :]
    if text.startswith(("/", "~")):
        text = f".../{PurePath(text).name}"
    elif PureWindowsPath(text).drive:
        text = f".../{PureWindowsPath(text).name}"
    return f"{before}{mark}{text}"
