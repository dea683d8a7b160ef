"""What runs a folder holds."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from rrgbench.errors import InputError, UnknownNameError, meant
from rrgbench.runs.environment import environment_of
from rrgbench.runs.records import Record
from rrgbench.runs.store import RunFolder, read_results


@dataclass(frozen=True)
class RunSummary:
    """A run in one line.

    Attributes
    ----------
    name : str
        Its folder's name.
    models, corpora, tasks : tuple of str
        What it evaluated, sorted; empty where it has no results yet.
    values, blanks : int
        Records with and without a value.
    units : int
        Finished units of work.
    state : str
        `finished`, `unfinished` (units but no results) or why its results can't be read.
    date : str
        When it was finished or, of an unfinished one, begun: `2026-11-28 14:05`; what its files say where it doesn't.
    main : tuple of str
        The models that it is of, without the trivial systems, as `run.json` says; empty where it doesn't.
    records : tuple of Record
        Its results.
    """

    name: str
    models: tuple[str, ...]
    corpora: tuple[str, ...]
    tasks: tuple[str, ...]
    values: int
    blanks: int
    units: int
    state: str
    date: str = ""
    main: tuple[str, ...] = ()
    records: tuple[Record, ...] = field(default=(), repr=False)


def is_run(path: Path) -> bool:
    """Whether a folder is a run's: it has results or finished units."""
    return (path / "results.json").is_file() or (path / "units").is_dir()


def list_runs(root: Path) -> list[RunSummary]:
    """Summaries of the runs directly inside a folder, by name; the folder itself if it is a run.

    Raises
    ------
    InputError
        If there is no such folder.
    """
    if not root.is_dir():
        raise InputError(f"there is no folder {root.name}; runs are written to runs/ unless --out says otherwise")
    folders = [root] if is_run(root) else sorted(path for path in root.iterdir() if path.is_dir() and is_run(path))
    return [summary(path) for path in folders]


def summary(path: Path) -> RunSummary:
    """Summary of one run folder."""
    records: list[Record] = []
    about: Mapping[str, Any] = {}
    state = "unfinished"
    try:
        about = environment_of(path)
        if (path / "results.json").exists():
            records = read_results(path)
            state = "finished"
    except InputError as error:
        state = str(error)
    return RunSummary(
        path.resolve().name,
        tuple(sorted({record.model for record in records})),
        tuple(sorted({record.corpus for record in records})),
        tuple(sorted({record.task for record in records})),
        sum(record.value is not None for record in records),
        sum(record.value is None for record in records),
        len(RunFolder(path).units()),
        state,
        _date(path, about),
        tuple(dict.fromkeys(str(one["name"]) for one in about.get("models") or () if isinstance(one, dict))),
        tuple(records),
    )


def find_run(given: Path, usual: Path = Path("runs")) -> Path:
    """A run's folder by its path, or by its name among the runs of the usual folder.

    Raises
    ------
    UnknownNameError
        If neither is a run, with the run that was perhaps meant.
    """
    for place in (given, usual / given):
        if is_run(place):
            return place
    beside = usual if given.parent == Path() else given.parent
    names = [path.name for path in sorted(beside.glob("*")) if is_run(path)]
    raise UnknownNameError(
        f"{given} is no run folder (it has neither results.json nor units/); {meant(given.name, names)}"
    )


def _date(path: Path, about: Mapping[str, Any]) -> str:
    """To the minute; the time of the newest file that a run writes last where it doesn't say."""
    said = about.get("finished") or about.get("started")
    try:
        when = datetime.fromisoformat(str(said))
    except ValueError:
        files = [file for file in (path / "results.json", path / "units", path) if file.exists()]
        when = datetime.fromtimestamp(files[0].stat().st_mtime)
    return when.strftime("%Y-%m-%d %H:%M")
