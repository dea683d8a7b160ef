"""Whether a run has been finished by the same request: told from options and files alone, before anything is loaded.

What decides the numbers for good is each unit's id (`rrgbench.runs.store`), which needs the corpus and the models; this
mark only spares a finished run that wait. It knows options, the sizes and times of files that they name, and the code;
where any of it differs, the run goes its usual way and finds its units.
"""

import hashlib
import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from yaml import YAMLError

from rrgbench.errors import InputError
from rrgbench.files import write_text
from rrgbench.json_text import read_object
from rrgbench.own_code import own_code, split_behind
from rrgbench.runs.environment import environment_of, installed_versions
from rrgbench.yaml_text import read_yaml

MARK: Final = "finished.json"

_MOST_FILES: Final = 20_000
"""Files under a folder that are looked at; a run on more is never taken for finished."""


def request_digest(options: Mapping[str, Any]) -> str | None:
    """Digest of what was asked for: options, the files that they name, code and packages.

    Parameters
    ----------
    options : mapping of str to any
        Options of the command that can change a number, as given.

    Returns
    -------
    str or None
        None where too many files are named to look at, or some can't be.
    """
    try:
        files = {word: _state(word) for word in sorted({*_words(options.values()), *_words_within(options.values())})}
        code = {name: _state(place) for name, place in _code()}
    # what can't be looked at is no reason not to run: the run says what is wrong with it, if it needs it
    except (_TooManyFilesError, OSError, RuntimeError, UnicodeDecodeError, YAMLError):
        return None
    asked = {name: value if isinstance(value, bool | int | float) else str(value) for name, value in options.items()}
    packages = {**installed_versions(), "all": _installed()}
    content = {"options": asked, "files": files, "code": code, "packages": packages}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode("utf-8", "surrogatepass")).hexdigest()


def mark_finished(folder: Path, request: str | None, models: Sequence[str]) -> None:
    """Note beside a run's results which request made them, and of which models."""
    if request is not None:
        content = {"request": request, "models": [*models], "results": _digest(folder / "results.json")}
        write_text(folder / MARK, json.dumps(content, indent=1, sort_keys=True) + "\n")


def finished_by(folders: Iterable[Path], request: str | None) -> tuple[Path, list[str]] | None:
    """The first of some folders that holds the whole results of a request, and its models; None if none does."""
    for folder in folders if request is not None else ():
        try:
            mark = read_object(folder / MARK)
            whole = all((folder / name).is_file() for name in ("report.html", "tables.md", "tables.tex"))
            if (
                whole
                and environment_of(folder)
                and (mark["request"], mark["results"]) == (request, _digest(folder / "results.json"))
            ):
                return folder, [str(name) for name in mark["models"]]
        # a folder that says nothing readable is not known to be finished; the usual way says what is wrong with it
        except (OSError, InputError, LookupError, TypeError):
            continue
    return None


class _TooManyFilesError(Exception):
    pass


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _words(values: Iterable[Any]) -> Iterator[str]:
    """Words of options that may name a file: whole, behind `=`, behind `:`, and several divided by commas."""
    for value in values:
        if isinstance(value, list | tuple):
            yield from _words(value)
        elif isinstance(value, str | Path):
            for text in {str(value), *str(value).split(",")}:
                parts = (text, text.partition("=")[2], text.partition(":")[2], text.rpartition(":")[2])
                yield from {part for part in parts if part.strip("/")}
                if (own := own_code((split_behind(text) or (text,))[0])) is not None and own.path.is_file():
                    yield from map(str, own.files)


def _words_within(values: Iterable[Any]) -> Iterator[str]:
    """Words of YAML files that options name, suites say, which may name files themselves: from here or beside them."""
    for word in _words(values):
        path = Path(word).expanduser()
        if path.suffix in (".yaml", ".yml") and path.is_file():
            for inner in _words(_leaves(read_yaml(path.read_text(encoding="utf-8")))):
                yield from (inner, str(path.parent / inner))


def _leaves(content: Any) -> Iterator[Any]:
    if isinstance(content, Mapping):
        for value in content.values():
            yield from _leaves(value)
    elif isinstance(content, list | tuple):
        for value in content:
            yield from _leaves(value)
    else:
        yield content


def _installed() -> list[str]:
    """Every installed package and its version, by the names of their folders alone: a plug-in's own may be any."""
    places = [Path(place) for place in sys.path if Path(place).is_dir()]
    return sorted({found.name for place in places for found in place.glob("*.dist-info")})


def _state(place: str) -> list[Any]:
    """Path, size and time of every file at a place, the place itself first; nothing where there is none."""
    path = Path(place).expanduser()
    if not os.path.lexists(path):
        return []
    found: list[Any] = [str(path.resolve())]
    for file in [path] if path.is_file() else _files(path):
        status = file.stat() if file.exists() else file.lstat()
        found.append([str(file), status.st_size, status.st_mtime_ns])
        if len(found) > _MOST_FILES:
            raise _TooManyFilesError
    return found


def _files(folder: Path) -> Iterator[Path]:
    """Files below a folder, those behind links to folders too; of one that is linked twice, once."""
    seen = {os.path.realpath(folder)}
    for place, folders, names in os.walk(folder, followlinks=True):
        inside = {name: os.path.realpath(Path(place, name)) for name in sorted(folders) if name != "__pycache__"}
        folders[:] = [name for name, real in inside.items() if real not in seen]
        seen.update(inside.values())
        yield from (Path(place, name) for name in sorted(names))


def _code() -> Iterator[tuple[str, str]]:
    """The packages that take part, with their folders: this one, and those that registered something."""
    points = entry_points()
    groups = [group for group in points.groups if group.startswith("rrgbench.")]
    names = {"rrgbench", *(point.module.partition(".")[0] for group in groups for point in points.select(group=group))}
    for name in sorted(names):
        spec = find_spec(name)
        for place in (spec.submodule_search_locations or [spec.origin or ""]) if spec is not None else ():
            yield name, place
