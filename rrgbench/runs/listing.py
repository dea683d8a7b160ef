"""What runs a folder holds."""

from dataclasses import dataclass
from pathlib import Path

from rrgbench.errors import InputError
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
    """

    name: str
    models: tuple[str, ...]
    corpora: tuple[str, ...]
    tasks: tuple[str, ...]
    values: int
    blanks: int
    units: int
    state: str


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
    state = "unfinished"
    if (path / "results.json").exists():
        try:
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
    )
