"""Whether the numbers of a run moved against a baseline, value by value.

Values are paired by everything that says which value they are, and compared only where their signatures agree: a
difference between numbers made in two ways means nothing. Whatever could not be paired is listed, never passed over.
"""

import enum
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final

import numpy as np
import yaml

from rrgbench.errors import ExitCode, InputError, meant
from rrgbench.files import read_regular
from rrgbench.metrics.catalogue import NATIVE, entry
from rrgbench.runs.baseline import Side
from rrgbench.runs.records import Identity, Record, sort_records
from rrgbench.stats.paired import bootstrap_p_value, holm
from rrgbench.yaml_text import read_yaml

_ROUNDING = 1e-12
"""Room for the decimal text of numbers, so that a difference equal to the tolerance has not moved."""

_PLACES = tuple(index for index, name in enumerate(("task", "model", "corpus", "split")) if name in ("corpus", "split"))


class Verdict(enum.IntEnum):
    """The outcome, as the exit code of `rrgbench drift`."""

    SAME = ExitCode.DONE
    MOVED = ExitCode.MOVED
    NOT_COMPARABLE = ExitCode.NOT_COMPARABLE


class Change(enum.StrEnum):
    """What became of one value, from the least to the worst."""

    IDENTICAL = "identical"
    WITHIN_TOLERANCE = "within tolerance"
    WITHIN_NOISE = "within noise"
    DRIFTED = "drifted"
    NEW = "only in the run"
    MISSING = "missing"
    NOT_COMPARABLE = "not comparable"


STRICTNESS: Final = {
    "any": frozenset({Change.WITHIN_TOLERANCE, Change.WITHIN_NOISE, Change.DRIFTED}),
    "tolerance": frozenset({Change.WITHIN_NOISE, Change.DRIFTED}),
    "noise": frozenset({Change.DRIFTED}),
}
"""Which changes make a run fail: any at all, those beyond the tolerance, those beyond tolerance and noise."""


@dataclass(frozen=True)
class Pair:
    """One value in both runs.

    Attributes
    ----------
    run, baseline : Record
        The two records.
    tolerance : float
        Largest absolute difference that counts as unmoved.
    differences : tuple of (str, str, str)
        Signature fields that differ and are not allowed to: field, in the run, in the baseline.
    p_value : float or None
        Of the difference over resamples of the studies, Holm's over all values beyond their tolerance; None where a
        side has no resamples.
    """

    run: Record
    baseline: Record
    tolerance: float
    differences: tuple[tuple[str, str, str], ...] = ()
    p_value: float | None = None

    @property
    def difference(self) -> float | None:
        """Run minus baseline; None where either is blank."""
        if self.run.value is None or self.baseline.value is None:
            return None
        return self.run.value - self.baseline.value

    @property
    def moved(self) -> bool:
        """Whether the value moved by more than its tolerance, vanished or appeared."""
        if self.difference is None:
            return (self.run.value is None) != (self.baseline.value is None)
        return abs(self.difference) > self.tolerance + _ROUNDING

    @property
    def change(self) -> Change:
        """What became of the value."""
        if self.differences:
            return Change.NOT_COMPARABLE
        if self.moved:
            noise = self.difference is not None and self.p_value is not None and self.p_value > _ALPHA
            return Change.WITHIN_NOISE if noise else Change.DRIFTED
        same = self.difference is None or abs(self.difference) <= _ROUNDING * max(1.0, abs(self.baseline.value or 0.0))
        return Change.IDENTICAL if same else Change.WITHIN_TOLERANCE

    @property
    def what(self) -> str:
        """The change in words: by how much, or why a side is blank."""
        if self.difference is not None:
            return f"{self.difference:+.4f}" if abs(self.difference) >= 5e-5 else f"{self.difference:+.1e}"
        if self.moved:
            blank, side = (self.run, "became blank") if self.run.value is None else (self.baseline, "was blank")
            return f"{side}: {blank.reason}"
        return "blank in both"


_ALPHA = 0.05


@dataclass(frozen=True)
class Cause:
    """One thing that changed.

    Attributes
    ----------
    kind : str
        `corpus`, `labeler`, `protocol`, `seed`, `studies`, `rrgbench`, `choice`, `checkpoint`, `packages`, `reports`,
        `metric`, `answers` or `unknown`.
    text : str
        What changed, in one line; ids of studies at most, never a report.
    """

    kind: str
    text: str


@dataclass(frozen=True)
class Drift:
    """A run against a baseline.

    Attributes
    ----------
    pairs : tuple of Pair
        Values compared.
    refused : tuple of Pair
        Values whose signatures differ.
    only_run, only_baseline : tuple of Record
        Values that one side lacks.
    allow_extra : bool
        Whether values that only the run has are fine.
    fail_on : {"any", "tolerance", "noise"}
        Which changes fail (`STRICTNESS`).
    causes : tuple of Cause
        What most likely explains the changes, the surest first.
    """

    pairs: tuple[Pair, ...]
    refused: tuple[Pair, ...] = ()
    only_run: tuple[Record, ...] = ()
    only_baseline: tuple[Record, ...] = ()
    allow_extra: bool = False
    fail_on: str = "tolerance"
    causes: tuple[Cause, ...] = ()

    @property
    def changed(self) -> tuple[Pair, ...]:
        """Pairs that are not identical, the largest change in tolerances first, blanks before all."""
        found = [pair for pair in self.pairs if pair.change is not Change.IDENTICAL]
        return tuple(sorted(found, key=lambda pair: (-_severity(pair), pair.run.name)))

    @property
    def moved(self) -> tuple[Pair, ...]:
        """Changed pairs that make the run fail."""
        return tuple(pair for pair in self.changed if pair.change in STRICTNESS[self.fail_on])

    @property
    def counts(self) -> dict[Change, int]:
        """How many values became what, in the order of `Change`."""
        changes = [pair.change for pair in (*self.pairs, *self.refused)]
        counted = {change: changes.count(change) for change in Change}
        return {**counted, Change.NEW: len(self.only_run), Change.MISSING: len(self.only_baseline)}

    @property
    def verdict(self) -> Verdict:
        """Not comparable wins over moved: a partial comparison must not look like a whole one."""
        if self.refused or self.only_baseline or not self.pairs or (self.only_run and not self.allow_extra):
            return Verdict.NOT_COMPARABLE
        return Verdict.MOVED if self.moved else Verdict.SAME

    def to_json(self) -> dict[str, Any]:
        """Everything that the table shows, for machines."""
        return {
            "verdict": self.verdict.name.lower(),
            "exit_code": int(self.verdict),
            "compared": len(self.pairs),
            "counts": {str(change): count for change, count in self.counts.items()},
            "moved": [_pair_json(pair) for pair in self.moved],
            "changed": [_pair_json(pair) for pair in self.changed],
            "not_comparable": [_pair_json(pair) for pair in self.refused],
            "only_in_run": [record.to_json() for record in self.only_run],
            "only_in_baseline": [record.to_json() for record in self.only_baseline],
            "causes": [{"kind": cause.kind, "text": cause.text} for cause in self.causes],
        }


def drift_between(
    run: Iterable[Record],
    baseline: Iterable[Record],
    *,
    tolerances: Mapping[str, float] | None = None,
    allowed: Iterable[str] = (),
    allow_extra: bool = False,
    fail_on: str = "tolerance",
) -> Drift:
    """Compare the records of a run with those of a baseline.

    Parameters
    ----------
    run, baseline : iterable of Record
        Their records.
    tolerances : mapping of str to float, optional
        Absolute tolerances by `metric` or `task/metric`, `*` allowed; they come before the catalogue's.
    allowed : iterable of str
        Signature fields that may differ (`rrgbench`, `corpus`, `n`, `labeler` ...), or `all`.
    allow_extra : bool
        Whether values that only the run has are fine; they are listed all the same.
    fail_on : {"any", "tolerance", "noise"}
        Which changes fail (`STRICTNESS`).

    Raises
    ------
    InputError
        If a tolerance is not a number from 0 up, `fail_on` is none of the three, or a side has two records for a value.
    """
    chosen = tolerances or {}
    for pattern, limit in chosen.items():
        if not (math.isfinite(limit) and limit >= 0):
            raise InputError(f"tolerance {pattern}={limit}: expected a number from 0 up")
    if fail_on not in STRICTNESS:
        raise InputError(f"--fail-on {fail_on!r}: expected {', '.join(STRICTNESS)}; {meant(fail_on, STRICTNESS)}")
    fine = frozenset(allowed)
    paired, only_run, only_baseline = _paired(sort_records(run), sort_records(baseline))
    pairs: list[Pair] = []
    refused: list[Pair] = []
    for ours, theirs in paired:
        pair = Pair(ours, theirs, tolerance_of(ours, chosen), _differences(ours, theirs, fine))
        (refused if pair.differences else pairs).append(pair)
    return Drift(tuple(pairs), tuple(refused), tuple(only_run), tuple(only_baseline), allow_extra, fail_on)


def with_noise(drift: Drift, run: Side, baseline: Side) -> Drift:
    """The same with a paired test over the studies for each value beyond its tolerance.

    Both sides resample the studies by the same seed, so that the difference is taken resample by resample; the test is
    normal, with the paired bootstrap's standard error, and p-values are Holm's over all values tested. Where a side has
    no resamples, or not those of the same studies by the same seed (a difference that was allowed by name), a value
    keeps `p_value` None.
    """
    beyond = [pair for pair in drift.pairs if pair.moved and pair.difference is not None]
    if not beyond:
        return drift
    ours, theirs = run.resamples(), baseline.resamples()
    tested: list[tuple[Pair, float]] = []
    for pair in beyond:
        one, other = ours.get(pair.run.identity), theirs.get(pair.baseline.identity)
        if not _resampled_alike(pair):
            continue
        if one is not None and other is not None and one.shape == other.shape and not np.isnan(one - other).all():
            tested.append((pair, bootstrap_p_value(pair.difference or 0.0, one - other)))
    adjusted = dict(zip((id(pair) for pair, _ in tested), holm(np.array([p for _, p in tested])), strict=True))
    pairs = (replace(pair, p_value=float(adjusted[id(pair)])) if id(pair) in adjusted else pair for pair in drift.pairs)
    return replace(drift, pairs=tuple(pairs))


def _resampled_alike(pair: Pair) -> bool:
    """Whether the n-th resample of both sides draws the same studies."""
    told = (signature_fields(one) for one in (pair.run, pair.baseline))
    one, other = ([found.get(name) for name in ("bootstrap", "corpus", "split", "n")] for found in told)
    return one == other and (pair.run.corpus, pair.run.split) == (pair.baseline.corpus, pair.baseline.split)


def tolerance_of(record: Record, tolerances: Mapping[str, float]) -> float:
    """The tolerance of the first pattern that fits a record's `task/metric` or `metric`, else the catalogue's."""
    for pattern, limit in tolerances.items():
        if fnmatchcase(f"{record.task}/{record.metric}", pattern) or fnmatchcase(record.metric, pattern):
            return limit
    return entry(record.metric).drift_tolerance


def check_fields(names: Iterable[str], signatures: Iterable[str], records: Iterable[Record]) -> None:
    """Refuse names of signature fields that no signature has.

    Parameters
    ----------
    names : iterable of str
        Fields that may differ, or `all`.
    signatures : iterable of str
        Fields that signatures may have.
    records : iterable of Record
        Whose signatures may hold further ones.

    Raises
    ------
    InputError
        Naming the field and the nearest one.
    """
    known = {"all", *signatures, *(field for record in records for field in signature_fields(record))}
    for name in names:
        if name not in known:
            raise InputError(f"no field of signatures is called {name!r}; {meant(name, sorted(known))}")


def check_tolerances(patterns: Iterable[str], records: Iterable[Record]) -> None:
    """Refuse tolerances of metrics that there are not.

    Parameters
    ----------
    patterns : iterable of str
        `metric` or `task/metric`, `*` allowed. A metric that no record has may be named: a file of tolerances serves
        several suites.
    records : iterable of Record
        Whose metrics are known beside those of the catalogue.

    Raises
    ------
    InputError
        Naming the pattern and the nearest metric.
    """
    known = {*NATIVE, *(record.metric for record in records)}
    for pattern in patterns:
        metric = pattern.rpartition("/")[2]
        if not any(fnmatchcase(name, metric) for name in known) and not entry(metric).group:
            raise InputError(f"tolerance of {pattern!r}: there is no such metric; {meant(metric, sorted(known))}")


def read_tolerances(path: Path) -> dict[str, float]:
    """Tolerances of a YAML file: a mapping of metric, or task/metric, to a number.

    Raises
    ------
    InputError
        If the file can't be read or holds anything else.
    """
    try:
        content = read_yaml(read_regular(path).decode("utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError(f"tolerances {path.name} can't be read ({type(error).__name__})") from error
    if not isinstance(content, dict):
        raise InputError(f"tolerances {path.name}: expected lines like bleu_4: 0.002")
    return parse_tolerances(f"{pattern}={limit}" for pattern, limit in content.items())


def parse_tolerances(texts: Iterable[str]) -> dict[str, float]:
    """Read `metric=0.01` pairs as given on the command line.

    Raises
    ------
    InputError
        Naming the pair that is not one.
    """
    found: dict[str, float] = {}
    for text in texts:
        pattern, equals, number = text.rpartition("=")
        try:
            limit = float(number)
        except ValueError:
            limit = math.nan
        if not equals or not pattern or not (math.isfinite(limit) and limit >= 0):
            raise InputError(f"tolerance {text!r}: expected metric=NUMBER from 0 up, e.g. bleu_4=0.002")
        found[pattern] = limit
    return found


def _paired(
    run: Sequence[Record], baseline: Sequence[Record]
) -> tuple[list[tuple[Record, Record]], list[Record], list[Record]]:
    """Pairs by identity; what is left, by identity without corpus and split where that is unambiguous.

    The second step pairs values of two versions of a corpus, so that the refusal can say "corpus differs" instead of
    listing every value as missing on both sides.
    """
    theirs = {record.identity: record for record in baseline}
    pairs = [(record, theirs.pop(record.identity)) for record in run if record.identity in theirs]
    done = {record.identity for record, _ in pairs}
    left = [record for record in run if record.identity not in done]
    ours_by, theirs_by = _by_value(left), _by_value(theirs.values())
    only_run, only_baseline = [], []
    for key in {**ours_by, **theirs_by}:
        ours, others = ours_by.get(key, []), theirs_by.get(key, [])
        if len(ours) == len(others) == 1:
            pairs.append((ours[0], others[0]))
        else:
            only_run += ours
            only_baseline += others
    return pairs, only_run, only_baseline


def _by_value(records: Iterable[Record]) -> dict[Identity, list[Record]]:
    groups: dict[Identity, list[Record]] = {}
    for record in records:
        key = tuple(cell for place, cell in enumerate(record.identity) if place not in _PLACES)
        groups.setdefault(key, []).append(record)
    return groups


def _differences(run: Record, baseline: Record, allowed: frozenset[str]) -> tuple[tuple[str, str, str], ...]:
    """Signature fields, and the record's own corpus, split and n, that differ and may not."""
    if "all" in allowed:
        return ()
    # a blank has no signature of its own; that it became blank is the news
    if run.value is None or baseline.value is None:
        ours, theirs = {}, {}
    else:
        ours, theirs = signature_fields(run), signature_fields(baseline)
    ours |= {"corpus": run.corpus, "split": run.split}
    theirs |= {"corpus": baseline.corpus, "split": baseline.split}
    names = dict.fromkeys([*ours, *theirs])
    return tuple(
        (name, ours.get(name, "-"), theirs.get(name, "-"))
        for name in names
        if name not in allowed and ours.get(name) != theirs.get(name)
    )


def signature_fields(record: Record) -> dict[str, str]:
    """Fields of a record's signature by name; `n` is the record's own where the signature has none."""
    fields = {} if record.n is None else {"n": str(record.n)}
    for part in filter(None, (record.signature or "").split("|")):
        name, _, value = part.partition(":")
        fields[name] = value
    return fields


def _severity(pair: Pair) -> float:
    """How many tolerances a value moved; infinite for blanks and for a tolerance of zero."""
    if pair.difference is None or pair.tolerance == 0:
        return math.inf
    return abs(pair.difference) / pair.tolerance


def _pair_json(pair: Pair) -> dict[str, Any]:
    return {
        "run": pair.run.to_json(),
        "baseline": pair.baseline.to_json(),
        "verdict": str(pair.change),
        "change": pair.difference,
        "tolerance": pair.tolerance,
        "p_value": pair.p_value,
        "what": pair.what,
        "signature_differences": [list(difference) for difference in pair.differences],
    }
