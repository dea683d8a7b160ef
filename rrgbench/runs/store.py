"""The run folder: finished units of work, artifacts, results.

Layout::

    run.json                 versions, seeds, machine, command (`rrgbench.runs.environment`)
    units/<id>.json          records of one finished unit and the inputs that define it
    units/<id>.npz           the values of those records on the resamples of the studies; what figures need
    predictions/<model>.jsonl ...  artifacts
    results.json             all records, flat and sorted

A unit's id is the digest of its inputs, so a changed parameter, checkpoint, corpus or task version is another unit and
an interrupted run picks up exactly where it stopped. Every file is written atomically. One run owns a folder at a time;
its worker processes may write units at once.
"""

import hashlib
import io
import json
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any, Final

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from rrgbench.errors import InputError, listed
from rrgbench.files import read_regular, sweep, write_bytes, write_text
from rrgbench.json_text import read_object
from rrgbench.runs.records import Record, dump_records, parse_records, sort_records

Replicates = Mapping[int, NDArray[np.float64]]
"""By position among a unit's records: the value on each resample of the studies (r,)."""

JSON = None | bool | int | float | str | Sequence["JSON"] | Mapping[str, "JSON"]

_log = logging.getLogger(__name__)
_FORMAT = 1

LOCK: Final = ".lock"
"""Held by the evaluation that writes to the folder."""
_OWN = "own_"
"""Before the name of an array that is not about resamples."""


def canonical_json(content: JSON) -> str:
    """The one text of a JSON value: keys sorted, no spaces, no NaN.

    Raises
    ------
    InputError
        If the value is not JSON (a NaN, an object, a key that is no string).
    """
    _check_keys(content)
    try:
        return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise InputError(f"a unit's inputs must be JSON: {error}") from None


def _check_keys(content: Any) -> None:
    """Refuse keys that `json` would turn into strings, so that {1: x} and {"1": x} never share a digest."""
    if isinstance(content, Mapping):
        if odd := [key for key in content if not isinstance(key, str)]:
            raise InputError(f"a unit's inputs must be JSON: the keys {listed(odd)} are not strings")
        for cell in content.values():
            _check_keys(cell)
    elif isinstance(content, Sequence) and not isinstance(content, str):
        for cell in content:
            _check_keys(cell)


def unit_id(inputs: Mapping[str, JSON]) -> str:
    """Id of a unit of work: SHA-256 (64 hex digits) of the canonical JSON of its inputs.

    Parameters
    ----------
    inputs : mapping of str to JSON
        Everything that its result depends on: task, its code version, parameters, model, checkpoint digest, corpus
        digest, fraction, seed. Nothing that it does not depend on (folder, machine, date).
    """
    return hashlib.sha256(canonical_json(inputs).encode("utf-8")).hexdigest()


class RunFolder:
    """A run's folder on disk.

    Parameters
    ----------
    path : Path
        The folder; made at the first write.

    Raises
    ------
    InputError
        If the path is a file.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        if self.path.exists() and not self.path.is_dir():
            raise InputError(f"run folder {self.path.name} is a file; give a folder")

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep a second evaluation out of the folder; the lock goes with its process, so a killed one leaves none.

        Raises
        ------
        InputError
            If another evaluation writes to it.
        """
        lock = FileLock(self.path / LOCK)
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            lock.acquire(timeout=0)
        except Timeout as error:
            raise InputError(
                f"another evaluation writes to {self.path}; wait for its end or give another --out"
            ) from error
        except OSError as error:
            # what is finished can be read all the same, and writing says it
            _log.info("no lock in %s: %s", self.path, error.strerror)
        try:
            yield
        finally:
            lock.release()

    def get(self, unit: str) -> tuple[list[Record], Replicates] | None:
        """Records and replicates of a finished unit, or None where it is still to be computed.

        A damaged file counts as not computed: it is named in a warning and the next `put` replaces it.
        """
        path = self._unit_path(unit)
        if not path.exists():
            return None
        try:
            return self._whole_unit(path, unit)
        except InputError as error:
            _log.warning("%s; the unit will be computed again", error)
            return None

    def _whole_unit(self, path: Path, unit: str) -> tuple[list[Record], Replicates]:
        content = _unit_content(path, unit)
        records = parse_records(json.dumps(content["records"]), f"unit file units/{path.name}")
        expected = content.get("replicates")
        if expected is None:
            return records, {}
        arrays = path.with_suffix(".npz")
        try:
            packed = arrays.read_bytes()
        except OSError as error:
            raise InputError(f"unit file units/{arrays.name} can't be read ({type(error).__name__})") from error
        if hashlib.sha256(packed).hexdigest() != expected:
            raise InputError(f"unit file units/{arrays.name} is damaged (its content does not match its digest)")
        with np.load(io.BytesIO(packed), allow_pickle=False) as kept:
            return records, dict(zip(kept["rows"].tolist(), kept["values"], strict=True))

    def arrays(self, unit: str) -> dict[str, NDArray[Any]]:
        """What a kept unit's figures need, by name; empty where it keeps no such arrays or is not whole."""
        if self.get(unit) is None or not (path := self._unit_path(unit).with_suffix(".npz")).exists():
            return {}
        with np.load(path, allow_pickle=False) as kept:
            return {name.removeprefix(_OWN): kept[name] for name in kept.files if name.startswith(_OWN)}

    def put(
        self,
        unit: str,
        inputs: Mapping[str, JSON],
        records: Sequence[Record],
        replicates: Replicates | None = None,
        arrays: Mapping[str, NDArray[Any]] | None = None,
    ) -> None:
        """Keep a unit's records, their values on resamples by position, and arrays by name, all or nothing.

        Raises
        ------
        InputError
            If the id is not that of the inputs, or values on resamples are not equally many.
        """
        if unit != (expected := unit_id(inputs)):
            raise InputError(f"unit {unit[:12]} does not belong to its inputs, whose id is {expected[:12]}")
        # as a later run will read them, so that positions agree
        order = sort_records(records)
        body: dict[str, JSON] = {"inputs": inputs, "records": [record.to_json() for record in order]}
        content = {"format": _FORMAT, "unit": unit, "digest": _digest(body), **body}
        if replicates or arrays:
            given, further = replicates or {}, arrays or {}
            if given and (len(lengths := {np.shape(one) for one in given.values()}) > 1 or len(lengths.pop()) != 1):
                raise InputError(f"unit {unit[:12]}: values on resamples must be one list each, all of one length")
            if odd := [name for name, array in further.items() if array.dtype.hasobject]:
                raise InputError(f"unit {unit[:12]}: the arrays {listed(odd)} hold objects; give numbers or texts")
            place = {id(record): at for at, record in enumerate(order)}
            rows = np.array([place[id(records[row])] for row in given], dtype=np.int64)
            values = np.stack(list(given.values())) if given else np.empty((0, 0))
            named: dict[str, Any] = {f"{_OWN}{name}": array for name, array in further.items()}
            buffer = io.BytesIO()
            np.savez_compressed(buffer, rows=rows, values=values, **named)
            content["replicates"] = hashlib.sha256(buffer.getvalue()).hexdigest()
            write_bytes(self._unit_path(unit).with_suffix(".npz"), buffer.getvalue())
        write_text(self._unit_path(unit), json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False) + "\n")

    def units(self) -> list[str]:
        """Ids of all units that have a file, sorted; whole or damaged."""
        return sorted(path.stem for path in (self.path / "units").glob("*.json"))

    def inputs(self, unit: str) -> Mapping[str, JSON]:
        """The inputs that define a kept unit.

        Raises
        ------
        InputError
            If it has no file or a damaged one.
        """
        inputs: Mapping[str, JSON] = _unit_content(self._unit_path(unit), unit)["inputs"]
        return inputs

    def main_model(self) -> str:
        """Name of the model that the run is of, without its trivial systems.

        Raises
        ------
        InputError
            If run.json doesn't say.
        """
        try:
            told = read_object(self.path / "run.json")
            # by the name that its records have, which tells two checkpoints of one run apart
            named = [one["name"] for one in told.get("models") or () if one["identity"] == told["details"]["model"]]
            name = str(named[0] if named else told["details"]["model"].partition("@")[0])
        except (InputError, KeyError, TypeError, AttributeError) as error:
            place = f"{self.path.name}/run.json"
            raise InputError(f"{place} doesn't say of which model the run is; run it again") from error
        return name

    def artifact(self, name: str) -> Path:
        """Path of a file of the run, e.g. `predictions/dcrrg.jsonl`; its folder is made.

        Raises
        ------
        InputError
            If the name leads out of the run folder.
        """
        relative = PurePosixPath(name)
        if relative.is_absolute() or ".." in relative.parts or not relative.parts or "\\" in name or "\0" in name:
            raise InputError(f"artifact {name!r} must be a relative path inside the run folder")
        path = self.path.joinpath(*relative.parts)
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def write_artifact(self, name: str, content: str | bytes) -> Path:
        """Write an artifact atomically and give its path."""
        path = self.artifact(name)
        write_bytes(path, content.encode("utf-8") if isinstance(content, str) else content)
        return path

    def records(self, units: Iterable[str] | None = None) -> list[Record]:
        """Records of the given units, or of all.

        Raises
        ------
        InputError
            If a unit is absent or damaged, naming it.
        """
        wanted = self.units() if units is None else list(dict.fromkeys(units))
        found: list[Record] = []
        for unit in wanted:
            content = _unit_content(self._unit_path(unit), unit)
            found.extend(parse_records(json.dumps(content["records"]), f"unit file units/{unit}.json"))
        return found

    def write_results(self, records: Iterable[Record] | None = None) -> Path:
        """Write `results.json` and clear what killed processes left behind.

        Parameters
        ----------
        records : iterable of Record, optional
            The run's records. Default: those of all kept units; a folder may also hold units of earlier parameters.

        Returns
        -------
        Path
            The file: the same bytes for the same records, whether the run was interrupted or not.

        Raises
        ------
        InputError
            If a unit is damaged, or two records say the same.
        """
        text = dump_records(self.records() if records is None else records)
        if left := sweep(self.path):
            _log.info("removed %d unfinished files of an interrupted run", len(left))
        return self.write_artifact("results.json", text)

    def holds(self, records: Iterable[Record]) -> bool:
        """Whether `results.json` is there and says just this."""
        try:
            text = (self.path / "results.json").read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            return False
        return text == dump_records(records)

    def _unit_path(self, unit: str) -> Path:
        if len(unit) != 64 or not set(unit) <= set("0123456789abcdef"):
            raise InputError(f"{unit!r} is not a unit id; expected 64 hex digits")
        return self.path / "units" / f"{unit}.json"


def _digest(body: Mapping[str, Any]) -> str:
    """SHA-256 of a unit's body; unlike `canonical_json` it also takes the NaN that a damaged file may hold."""
    text = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _unit_content(path: Path, unit: str) -> dict[str, Any]:
    """What a unit file holds whose digest and id are right, else an InputError that names the file."""
    name = f"units/{path.name}"
    content = read_object(path, f"unit file {name}")
    if content.get("format") != _FORMAT:
        raise InputError(f"unit file {name} is damaged (not a unit of format {_FORMAT})")
    body = {"inputs": content.get("inputs"), "records": content.get("records")}
    if content.get("unit") != unit or content.get("digest") != _digest(body) or not isinstance(body["inputs"], dict):
        raise InputError(f"unit file {name} is damaged (its content does not match its digest)")
    if unit_id(body["inputs"]) != unit:
        raise InputError(f"unit file {name} is damaged (its inputs are those of another unit)")
    return content


def read_results(path: Path) -> list[Record]:
    """Records of a run folder or of a `results.json`.

    Raises
    ------
    InputError
        If there is nothing readable there.
    """
    file = path / "results.json" if path.is_dir() else path
    shown = f"{path.resolve().name}/{file.name}" if path.is_dir() else file.name
    try:
        text = read_regular(file).decode("utf-8")
    except FileNotFoundError:
        raise InputError(f"{shown} is not there; give a run folder with results.json, or such a file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{shown} can't be read ({type(error).__name__})") from error
    return parse_records(text, shown)
