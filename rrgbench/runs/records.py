"""One measured value with everything that identifies it: the row of the tidy table `results.json`.

The field names are promised to users (`pandas.DataFrame(json)` is the tidy table), so they don't change without a
deprecation. A value that could not be measured is kept as a *blank*: `value` is None and `reason` says why. Blanks are
rows like any other, so that a table can show "-" with its reason and a drift check can see a value vanish.
"""

import itertools
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Self

from rrgbench.errors import InputError, listed
from rrgbench.json_text import read_json

IDENTITY = ("task", "model", "corpus", "split", "metric", "observation", "fraction", "setting", "k", "seed")
"""The fields that say which value a record is; no two records of a run share all of them."""

_TEXT = ("task", "model", "corpus", "split", "metric", "observation", "setting", "signature", "reason")
_WHOLE = ("k", "seed", "n")
_NUMBER = ("fraction", "value", "low", "high")
_REQUIRED = ("task", "model", "corpus", "split", "metric")

Identity = tuple[str | int | float | None, ...]


@dataclass(frozen=True)
class Record:
    """One value of one metric, or the reason why it is blank.

    Attributes
    ----------
    task, model, corpus, split, metric : str
        What was measured, on whom, on what. `metric` is the public name: `bleu_4`, `ce_f1`, `auroc`,
        `precision_at_k` ...
    observation : str or None
        One of the 14 observations for a per-observation row; None for a value over all of them.
    fraction : float or None
        Share of the training data a classifier saw, in (0, 1].
    setting : str or None
        Variant of the task, e.g. `linear` or `fine-tune`.
    k : int or None
        The K of Precision@K.
    seed : int or None
        Seed of this repetition where a unit is repeated over seeds.
    value, low, high : float or None
        The value and the ends of its interval, all finite; None where blank or where no interval was asked for.
    n : int or None
        Number of studies (or queries, or positives for a per-observation row) behind the value.
    signature : str or None
        How the number was made.
    reason : str or None
        Why the value is blank; beside a value, what a reader must know of it (`mean leaves out: ...`).

    Raises
    ------
    InputError
        If a number is not finite, a blank has no reason, or an interval has one end.
    """

    task: str
    model: str
    corpus: str
    split: str
    metric: str
    observation: str | None = None
    fraction: float | None = None
    setting: str | None = None
    k: int | None = None
    seed: int | None = None
    value: float | None = None
    low: float | None = None
    high: float | None = None
    n: int | None = None
    signature: str | None = None
    reason: str | None = None

    def __post_init__(self) -> None:
        """Refuse a record that says nothing or two things at once."""
        for name in _NUMBER:
            number = getattr(self, name)
            if number is not None and not math.isfinite(number):
                raise InputError(f"{self.name}: {name} is {number}; give None and a reason for an undefined value")
        if self.value is None and not self.reason:
            raise InputError(f"{self.name}: a blank value needs a reason")
        if (self.low is None) != (self.high is None):
            raise InputError(f"{self.name}: an interval needs both ends, got low={self.low} and high={self.high}")
        if self.low is not None and self.high is not None and self.low > self.high:
            raise InputError(f"{self.name}: an interval ends before it begins: low={self.low}, high={self.high}")

    @property
    def identity(self) -> Identity:
        """The fields of `IDENTITY`, in that order."""
        return tuple(getattr(self, name) for name in IDENTITY)

    @property
    def name(self) -> str:
        """The identity for a person to read, e.g. `classification/dcrrg/phantom/test/auroc fraction=0.01`."""
        extras = [
            f"{name}={getattr(self, name)}"
            for name in ("observation", "fraction", "setting", "k", "seed")
            if getattr(self, name) is not None
        ]
        return " ".join(["/".join((self.task, self.model, self.corpus, self.split, self.metric)), *extras])

    def to_json(self) -> dict[str, Any]:
        """All fields by name, absent ones as None, numbers as plain Python numbers."""
        row: dict[str, Any] = {field.name: getattr(self, field.name) for field in fields(self)}
        for name in _WHOLE:
            row[name] = None if row[name] is None else int(row[name])
        for name in _NUMBER:
            row[name] = None if row[name] is None else float(row[name])
        return row

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> Self:
        """Read one row of `results.json`.

        A NaN or infinite value, which other tools write, becomes a blank whose reason says so.

        Parameters
        ----------
        row : mapping of str to JSON
            A record's fields; optional ones may be absent.

        Raises
        ------
        InputError
            If a required field is absent, a field is unknown or of the wrong type.
        """
        known = {field.name for field in fields(cls)}
        if unknown := sorted(set(row) - known):
            raise InputError(f"a record has unknown fields: {listed(unknown)}; expected: {', '.join(sorted(known))}")
        if absent := [name for name in _REQUIRED if row.get(name) is None]:
            raise InputError(f"a record lacks {', '.join(absent)}")
        cells = {name: _checked(name, row.get(name)) for name in known}
        if cells["value"] is not None and not math.isfinite(cells["value"]):
            cells.update(reason=f"the value is {cells['value']}", value=None)
        if any(cells[name] is not None and not math.isfinite(cells[name]) for name in ("low", "high")):
            cells.update(low=None, high=None)
        if cells["value"] is None and not cells["reason"]:
            cells["reason"] = "no reason was recorded"
        return cls(**cells)


def _checked(name: str, cell: Any) -> Any:
    """One field of a JSON row, refused unless it has the field's type (a bool is not a number)."""
    kinds: tuple[type, ...] = (str,) if name in _TEXT else (int,) if name in _WHOLE else (int, float)
    if cell is None:
        return None
    if isinstance(cell, bool) or not isinstance(cell, kinds):
        raise InputError(f"a record's {name} is {cell!r}; expected {kinds[-1].__name__} or null")
    number: Any = cell
    try:
        return float(number) if name in _NUMBER else number
    except OverflowError:
        raise InputError(f"a record's {name} is beyond every float") from None


def sort_records(records: Iterable[Record]) -> list[Record]:
    """Records in the order of `results.json`: by identity, blanks of a field first.

    Raises
    ------
    InputError
        If two records share an identity, naming them.
    """
    ordered = sorted(records, key=lambda record: [(cell is not None, cell or 0) for cell in record.identity])
    twice = [record.name for record, after in itertools.pairwise(ordered) if record.identity == after.identity]
    if twice:
        raise InputError(f"{len(twice)} records occur twice: {listed(twice)}")
    return ordered


def dump_records(records: Iterable[Record]) -> str:
    """Text of `results.json`: one flat sorted list, one record a line, the same bytes for the same records."""
    rows = [json.dumps(record.to_json(), ensure_ascii=False, allow_nan=False) for record in sort_records(records)]
    return "[\n" + ",\n".join(rows) + "\n]\n" if rows else "[]\n"


def parse_records(text: str, source: str) -> list[Record]:
    """Read the text of a `results.json`.

    Parameters
    ----------
    text : str
        A JSON list of records.
    source : str
        Name of the file, for errors.

    Raises
    ------
    InputError
        If it is no such list, naming the file and the first bad record by position.
    """
    try:
        rows = read_json(text)
    except ValueError as error:
        raise InputError(f"{source} is not JSON: {error}") from None
    if not isinstance(rows, Sequence) or isinstance(rows, str):
        raise InputError(f"{source} holds a {type(rows).__name__}; expected a list of records")
    records = []
    for position, row in enumerate(rows):
        if not isinstance(row, Mapping):
            raise InputError(f"{source}: record {position} is a {type(row).__name__}; expected an object")
        try:
            records.append(Record.from_json(row))
        except InputError as error:
            raise InputError(f"{source}: record {position}: {error}") from None
    return sort_records(records)
