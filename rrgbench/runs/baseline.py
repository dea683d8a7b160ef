"""The two sides of a drift check: a run folder, a baseline file, or a bare `results.json`.

A baseline file keeps beside the values what a later change is explained by: the environment, a digest of every report,
and why it was renewed each time. It holds no report.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from rrgbench.errors import InputError
from rrgbench.files import write_text
from rrgbench.json_text import read_json
from rrgbench.runs.environment import environment_of
from rrgbench.runs.records import Identity, Record, parse_records, sort_records
from rrgbench.runs.store import RunFolder, read_results

Reports = Mapping[str, Mapping[str, str]]
"""By model, by study id: the first digits of the report's SHA-256."""

_DIGITS = 12


class Renewal(BaseModel):
    """Why a baseline was written, and when."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    reason: str
    date: str
    rrgbench: str


class _File(BaseModel):
    """A baseline file as it lies on disk."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    format: Literal["rrgbench-baseline@1"]
    renewals: tuple[Renewal, ...]
    environment: dict[str, Any]
    reports: dict[str, dict[str, str]]
    results: list[dict[str, Any]]


@dataclass(frozen=True)
class Side:
    """One side of a drift check.

    Attributes
    ----------
    records : tuple of Record
        Its values.
    environment : mapping
        `run.json`; empty where there is none.
    reports : mapping of str to mapping
        Digests of its reports.
    renewals : tuple of Renewal
        Of a baseline file.
    folder : Path or None
        The run folder, which may hold values on resamples.
    reports_sha256 : mapping of str to str
        By model, a digest of all its reports, of a side that keeps no more of them.
    """

    records: tuple[Record, ...]
    environment: Mapping[str, Any] = field(default_factory=dict)
    reports: Reports = field(default_factory=dict)
    renewals: tuple[Renewal, ...] = ()
    folder: Path | None = None
    reports_sha256: Mapping[str, str] = field(default_factory=dict)

    def resamples(self) -> dict[Identity, NDArray[np.float64]]:
        """Values on resamples of the studies by identity; empty where the side is a file."""
        if self.folder is None:
            return {}
        current = {record.identity: record for record in self.records}
        store, found = RunFolder(self.folder), {}
        for unit in store.units():
            records, replicates = store.get(unit) or ([], {})
            for place, values in replicates.items():
                # a folder may also hold units of an earlier checkpoint or parameter
                if current.get(records[place].identity) == records[place]:
                    found[records[place].identity] = values
        return found


def read_side(path: Path) -> Side:
    """A run folder, a baseline file or a `results.json`.

    Raises
    ------
    InputError
        If there is nothing readable there.
    """
    if path.is_dir():
        return Side(tuple(read_results(path)), _environment(path / "run.json"), report_digests(path), folder=path)
    try:
        content = read_json(path.read_text(encoding="utf-8")) if path.is_file() else []
    except (OSError, ValueError):
        content = []  # read_results says what is wrong with it
    if not isinstance(content, dict):
        return Side(tuple(read_results(path)))
    try:
        kept = _File.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise InputError(f"{path.name} is no baseline file: {where}: {first['msg']}; write one with --update") from None
    records = parse_records(json.dumps(kept.results), path.name)
    return Side(tuple(records), kept.environment, kept.reports, kept.renewals)


def write_baseline(run: Side, path: Path, reason: str, before: Sequence[Renewal] = ()) -> None:
    """Write a run as the new baseline.

    Parameters
    ----------
    run : Side
        What is kept of it: values, environment, digests of reports.
    path : Path
        The baseline file.
    reason : str
        Why the numbers were allowed to move.
    before : sequence of Renewal
        The renewals of the baseline that it replaces.

    Raises
    ------
    InputError
        If no reason is given, or the path is a folder.
    """
    if not reason.strip():
        raise InputError("--update needs --reason: say why the numbers were allowed to move")
    if path.is_dir():
        raise InputError(f"{path} is a run folder; --update writes a file, e.g. leaderboards/baselines/NAME.json")
    version = str(run.environment.get("packages", {}).get("rrgbench", ""))
    renewal = Renewal(reason=" ".join(reason.split()), date=f"{datetime.now(UTC):%Y-%m-%d}", rrgbench=version)
    kept = _File(
        format="rrgbench-baseline@1",
        renewals=(*before, renewal),
        environment=dict(run.environment),
        reports={model: dict(digests) for model, digests in run.reports.items()},
        results=[record.to_json() for record in sort_records(run.records)],
    )
    write_text(path, json.dumps(kept.model_dump(), indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def _environment(path: Path) -> Mapping[str, Any]:
    """`run.json`, or nothing where it is absent or damaged: the values are compared all the same."""
    try:
        return environment_of(path.parent)
    except InputError:
        return {}


def written_reports(folder: Path) -> dict[str, dict[str, str]]:
    """The reports of every model of a run folder, by model and study id.

    Raises
    ------
    InputError
        If a line can't be read, naming the file.
    """
    # files are called MODEL-DIGEST.jsonl, and those of an earlier checkpoint may still lie there: the newest counts
    # of a model called org/name in a folder of its own
    place = folder / "predictions"
    files = sorted(place.rglob("*.jsonl"), key=lambda file: (file.stat().st_mtime_ns, file.name))
    named = ((file.relative_to(place).with_suffix("").as_posix(), file) for file in files if file.name[0] != ".")
    return {name.rpartition("-")[0] or name: dict(_lines(file)) for name, file in named}


def _lines(file: Path) -> Iterator[tuple[str, str]]:
    for number, line in enumerate(file.read_text(encoding="utf-8", errors="replace").rstrip("\n").split("\n"), start=1):
        try:
            row = read_json(line)
            yield str(row["study_id"]), str(row["report"])
        except (ValueError, KeyError, TypeError):
            raise InputError(
                f"predictions/{file.name}, line {number} can't be read; the evaluation that wrote it is to be run again"
            ) from None


def report_digests(folder: Path) -> Reports:
    """Digests of the reports of every model of a run."""
    return {
        model: {study: _digest(text) for study, text in sorted(reports.items())}
        for model, reports in written_reports(folder).items()
    }


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:_DIGITS]
