"""Folders of trained models, looked at without loading them: where they lie, what they are, what they learned from."""

import hashlib
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from rrgbench.errors import InputError, message
from rrgbench.json_text import read_object
from rrgbench.registry import Registry

WEIGHTS: Final = "model.safetensors"
"""Where a saved model's weights lie in its folder."""

RECORD: Final = "training.json"
"""What training leaves beside them: corpus, settings, seed."""

HUB: Final = "hf:"
"""Stands before a hub id that the hub may be asked for."""

_NOT_ANSWERING: Final = (RECORD, "README.md")
_OF_TRAINING: Final = ("stages", "evaluations", "final.part")

SHIPPED: Final[Registry[Any]] = Registry("model with checkpoints", "rrgbench.checkpoints")
"""Models whose packages ship checkpoints. An entry point `MODEL = "package.folder"` says where they lie, a folder each;
it is read, not imported. The file `default` there names the one that is loaded where none is named."""


def shipped(model: str) -> dict[str, Path]:
    """Checkpoints that ship with a model's package, by name; empty where none does."""
    found = [path for place in _places(model) for path in sorted(place.glob("*")) if (path / WEIGHTS).is_file()]
    return {path.name: path for path in found}


def default_name(model: str) -> str:
    """The shipped checkpoint that is loaded where none is named; empty where none ships."""
    files = [place / "default" for place in _places(model)]
    return next((file.read_text(encoding="utf-8").strip() for file in files if file.is_file()), "")


def _places(model: str) -> list[Path]:
    if model not in SHIPPED:
        return []
    package, *folders = SHIPPED.module(model).split(".")
    spec = find_spec(package)
    return [Path(place, *folders) for place in (spec.submodule_search_locations if spec is not None else None) or ()]


def folder_of(model: str, checkpoint: str | Path | None) -> Path | None:
    """The folder of a model's checkpoint: given itself, or shipped under the name; None if neither.

    A folder comes before a name.
    """
    if checkpoint is not None and (Path(checkpoint) / WEIGHTS).is_file():
        return Path(checkpoint)
    return shipped(model).get(default_name(model) if checkpoint is None else str(checkpoint))


def place_of(checkpoint: str | Path) -> tuple[str | Path, dict[str, bool]]:
    """Where a checkpoint lies, and what `from_pretrained` is told of that.

    A folder that exists, else a hub id: of the local cache, since a mistyped folder must not be looked up elsewhere; of
    the hub itself only where `hf:` stands before it.
    """
    folder = Path(checkpoint)
    if folder.exists():
        return folder, {"local_files_only": True}
    given = str(checkpoint)
    return given.removeprefix(HUB), {"local_files_only": not given.startswith(HUB)}


def absent(checkpoint: str | Path, error: OSError) -> str:
    """What is wrong with a checkpoint that is not there or can't be read, for a message."""
    if Path(checkpoint).is_dir():
        return f"the folder is there and can't be read ({message(error).splitlines()[0]})"
    if str(checkpoint).startswith(HUB):
        return f"the hub has none called {str(checkpoint).removeprefix(HUB)}, or can't be reached"
    asked = f"; to take it from the hub write {HUB}{checkpoint}" if str(checkpoint).count("/") == 1 else ""
    return f"there is no such folder{asked}"


def check_files(checkpoint: str | Path) -> None:
    """Refuse a folder whose files are damaged before the libraries that would read them are imported, for seconds.

    Looked at are its JSON files and the table of its weights; what the values mean is for its model to say.

    Parameters
    ----------
    checkpoint : str or Path
        What is no folder with weights passes.

    Raises
    ------
    InputError
        If a file is damaged, naming it.
    """
    from safetensors import SafetensorError, safe_open

    folder = Path(checkpoint)
    if not (folder / WEIGHTS).is_file():
        return
    for path in sorted(folder.glob("*.json")):
        if path.name not in _NOT_ANSWERING:
            read_object(path, f"checkpoint {folder}: {path.name}")
    try:
        with safe_open(folder / WEIGHTS, framework="np"):
            pass
    except SafetensorError as error:
        reason = " ".join(str(error).split())
        raise InputError(
            f"checkpoint {folder}: {WEIGHTS} is damaged ({reason[:100]}); take the folder from where it came from, or "
            "train it again"
        ) from error


def digest(folder: Path) -> str:
    """First 12 digits of the SHA-256 of everything in a checkpoint that decides an answer.

    That is every file but its card and the record of its training: weights, configuration, tokenizers, processors.
    """
    content = hashlib.sha256()
    for path in sorted(_deciding(folder), key=lambda path: path.relative_to(folder).as_posix()):
        with path.open("rb") as file:
            content.update(path.relative_to(folder).as_posix().encode() + b"\0")
            content.update(hashlib.file_digest(file, "sha256").digest())
    return content.hexdigest()[:12]


def _deciding(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*"):
        parts = path.relative_to(folder).parts
        aside = parts[0] in _OF_TRAINING or any(part.startswith((".", "checkpoint-")) for part in parts)
        if path.is_file() and not aside and parts[-1] not in _NOT_ANSWERING:
            yield path


def trained_on(folder: Path) -> str:
    """`name@digest` of the corpus that a checkpoint learned from; empty where it doesn't say."""
    try:
        corpus = read_object(folder / RECORD).get("corpus")
    except InputError:
        return ""
    return corpus if isinstance(corpus, str) else ""


def label(checkpoint: str | Path) -> str:
    """What a checkpoint is called in tables and folders: its folder's name, or that of a hub id without its owner."""
    path = Path(checkpoint)
    return path.resolve().name if path.exists() else str(checkpoint).rpartition("/")[2]
