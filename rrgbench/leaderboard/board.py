"""A board: all entries of one corpus and protocol, with ranks that say how sure they are."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from rrgbench.errors import MissingPartError, UnknownNameError
from rrgbench.leaderboard.entry import Entry
from rrgbench.metrics.catalogue import constant_wins, in_order
from rrgbench.metrics.catalogue import entry as metric_entry
from rrgbench.render.record_tables import CONSTANT, SETTINGS, pooled_record
from rrgbench.runs.baseline import Side
from rrgbench.runs.records import Record
from rrgbench.scoring.protocols import load_protocol
from rrgbench.scoring.signature import OF_MODEL, parse
from rrgbench.stats.paired import bootstrap_p_value, holm

Resamples = Mapping[str, Mapping["ColumnKey", NDArray[np.float64]]]
"""By system, by column: the value on each resample of the studies (r,)."""

_LEADING: Final = ("ce_f1", "findings_f1", "cider", "bleu_4", "precision_at_k", "auroc")
"""What a board is sorted by: the first that it has."""
_ALPHA: Final = 0.05


@dataclass(frozen=True, order=True)
class ColumnKey:
    """Which value a column shows."""

    task: str
    metric: str
    setting: str = ""
    fraction: float = 0.0
    k: int = 0

    @classmethod
    def of(cls, record: Record) -> "ColumnKey":
        """The column of a record over all observations."""
        return cls(record.task, record.metric, record.setting or "", record.fraction or 0.0, record.k or 0)

    @property
    def title(self) -> str:
        """Its heading."""
        title = metric_entry(self.metric).title
        title = title.replace("@K", f"@{self.k}") if self.k else title
        words = [title, SETTINGS.get(self.setting, self.setting), f"{100 * self.fraction:g} %" if self.fraction else ""]
        return " ".join(filter(None, words))


@dataclass(frozen=True)
class Standing:
    """One system's value in a column.

    Attributes
    ----------
    record : Record
        The value.
    best, worst : int
        The ranks between which it lies for sure; 0 where the column has no better side or the value is blank.
    paired : bool
        Whether ranks come from paired tests on outputs rather than from intervals that do not meet.
    beaten : bool
        Whether one constant report is at least as good.
    unlike : tuple of str
        Systems whose value was made in another way, as signatures tell, so that neither is above the other.
    """

    record: Record
    best: int = 0
    worst: int = 0
    paired: bool = False
    beaten: bool = False
    unlike: tuple[str, ...] = ()


@dataclass(frozen=True)
class Board:
    """Entries of one corpus, split, protocol and number of studies.

    Attributes
    ----------
    corpus, split, protocol : str
        Identities.
    studies : int
        Evaluated: a system that answers for fewer stands on a board of its own.
    entries : tuple of Entry
        Systems, then trivial ones.
    resamples : mapping
        Of systems whose run folders are at hand.
    """

    corpus: str
    split: str
    protocol: str
    studies: int
    entries: tuple[Entry, ...]
    resamples: Resamples

    @property
    def title(self) -> str:
        """Corpus without its digest, and protocol."""
        corpus = self.corpus.partition("@")[0]
        return f"{corpus}, {self.split}, {self.studies:,} studies: {self.protocol or 'no protocol'}"

    @property
    def slug(self) -> str:
        """Name of its page; boards of another split than test say which."""
        split = "" if self.split == "test" else self.split
        words = f"{self.corpus} {split} {self.protocol} {self.studies}".lower()
        return re.sub(r"[^a-z0-9.]+", "-", words).strip("-.")

    @cached_property
    def values(self) -> dict[str, dict[ColumnKey, Record]]:
        """Each system's values over all observations, by column."""
        return {one.system: {ColumnKey.of(record): record for record in _shown(one)} for one in self.entries}

    @cached_property
    def columns(self) -> tuple[ColumnKey, ...]:
        """Values over all observations that any entry has: the leading one, then in the order of the catalogue."""
        found = {key for own in self.values.values() for key, record in own.items() if record.value is not None}
        order = {metric: at for at, metric in enumerate(in_order({key.metric for key in found}))}
        settings = {name: at for at, name in enumerate(SETTINGS)}
        ordered = sorted(
            found, key=lambda key: (order[key.metric], settings.get(key.setting, 99), key.fraction, key.k, key)
        )
        # what the board is sorted by stands first, clinical efficacy as the protocol averages it
        own = _averaging(self.protocol)
        first = [
            key
            for metric in _LEADING
            for key in sorted(ordered, key=lambda key: key.setting != own)
            if key.metric == metric
        ][:1]
        return (*first, *(key for key in ordered if key not in first))

    @cached_property
    def leading(self) -> ColumnKey | None:
        """The column that the board is sorted by."""
        return next((key for metric in _LEADING for key in self.columns if key.metric == metric), None)

    @cached_property
    def constants(self) -> dict[ColumnKey, float]:
        """The best constant report's value in each column that has one."""
        return {key: record.value for key, record in self.values.get(CONSTANT, {}).items() if record.value is not None}

    @cached_property
    def rows(self) -> tuple[tuple[Entry, dict[ColumnKey, Standing]], ...]:
        """Entries with their standings, best first, trivial systems below."""
        standings: dict[str, dict[ColumnKey, Standing]] = {one.system: {} for one in self.entries}
        for key in self.columns:
            for system, standing in self._column(key).items():
                standings[system][key] = standing
        sign = -1.0 if self.leading is None or metric_entry(self.leading.metric).better != "lower" else 1.0

        def place(one: Entry) -> tuple[bool, float, str]:
            found = standings[one.system].get(self.leading) if self.leading else None
            value = None if found is None else found.record.value
            return one.kind == "trivial", math.inf if value is None else sign * value, one.system

        return tuple((one, standings[one.system]) for one in sorted(self.entries, key=place))

    @property
    def losers(self) -> dict[str, list[str]]:
        """By column title, the systems (not the trivial ones) that one constant report equals or beats."""
        found: dict[str, list[str]] = {}
        for one, standings in self.rows:
            for key, standing in standings.items():
                if standing.beaten and one.kind == "system":
                    found.setdefault(key.title, []).append(one.system)
        return found

    def _column(self, key: ColumnKey) -> dict[str, Standing]:
        records = {system: found[key] for system, found in self.values.items() if key in found}
        better = metric_entry(key.metric).better
        constant = self.constants.get(key)
        known = {name: record for name, record in records.items() if record.value is not None}
        standings = {name: Standing(record) for name, record in records.items()}
        if not better or not known:
            return standings
        sign = -1.0 if better == "lower" else 1.0
        # the best constant is chosen anew for each metric: a line, not a rival
        rivals = {name: record for name, record in known.items() if name != CONSTANT}
        above, paired, unlike = self._resolved(key, rivals, sign)
        for name, record in rivals.items():
            lower = sum(above.get((other, name), False) for other in rivals)
            higher = sum(above.get((name, other), False) for other in rivals)
            beaten = constant_wins(key.metric, constant, record.value)
            others = tuple(other for other in rivals if {name, other} in unlike)
            standings[name] = Standing(record, 1 + lower, len(rivals) - higher, name in paired, beaten, others)
        return standings

    def _resolved(
        self, key: ColumnKey, known: Mapping[str, Record], sign: float
    ) -> tuple[dict[tuple[str, str], bool], set[str], list[set[str]]]:
        """Which systems are surely above which; which of them by paired resamples, where both have the same, else by
        intervals; and pairs whose values were made in different ways, of which neither is above the other."""
        names = list(known)
        unlike: list[set[str]] = []
        above: dict[tuple[str, str], bool] = {}
        tested: list[tuple[str, str, float, float]] = []
        for at, one in enumerate(names):
            for other in names[at + 1 :]:
                mine, theirs = (self.resamples.get(name, {}).get(key) for name in (one, other))
                gap = sign * ((known[one].value or 0.0) - (known[other].value or 0.0))
                otherwise = _made_otherwise(known[one], known[other])
                if otherwise - {"bootstrap"}:
                    unlike.append({one, other})
                elif mine is not None and theirs is not None and mine.shape == theirs.shape and not otherwise:
                    tested.append((one, other, gap, bootstrap_p_value(gap, mine - theirs)))
                else:
                    above[one, other] = _apart(known[one], known[other], sign)
                    above[other, one] = _apart(known[other], known[one], sign)
        adjusted = holm(np.array([p for *_, p in tested])) if tested else np.empty(0)
        for (one, other, gap, _), p in zip(tested, adjusted, strict=True):
            above[one, other], above[other, one] = bool(p < _ALPHA and gap > 0), bool(p < _ALPHA and gap < 0)
        return above, {name for one, other, *_ in tested for name in (one, other)}, unlike


def boards_of(entries: Iterable[Entry], runs: Sequence[Side] = ()) -> list[Board]:
    """Entries by corpus, split, protocol and number of studies, in that order.

    Parameters
    ----------
    entries : iterable of Entry
        All of them.
    runs : sequence of Side
        Run folders; where one holds the values of an entry, its resamples make ranks paired.
    """
    grouped: dict[tuple[str, str, str, int], list[Entry]] = {}
    for one in entries:
        grouped.setdefault((one.corpus, one.split, one.protocol, one.audit.studies), []).append(one)
    kept = [(side, side.resamples()) for side in runs]
    boards = []
    for key, group in sorted(grouped.items()):
        resamples = {one.system: _resamples_of(one, kept) for one in group}
        boards.append(Board(*key, tuple(group), resamples))
    return boards


def _resamples_of(entry: Entry, kept: Sequence[tuple[Side, Mapping[Any, Any]]]) -> dict[ColumnKey, NDArray[np.float64]]:
    """Resamples of the entry's own values; a run that says otherwise about a value gives none for it."""
    own = {record.identity: record for record in _shown(entry)}
    found: dict[ColumnKey, NDArray[np.float64]] = {}
    for side, resamples in kept:
        for record in side.records:
            if own.get(record.identity) == record and record.identity in resamples:
                found[ColumnKey.of(record)] = resamples[record.identity]
    return found


def _averaging(protocol: str) -> str:
    """How a protocol averages clinical efficacy, as records name it; empty where it is not at hand."""
    if not protocol:
        return ""
    try:
        return load_protocol(protocol).averaging
    except (UnknownNameError, MissingPartError):
        return ""


def _shown(entry: Entry) -> list[Record]:
    """Values over all observations, of several trainings their means with intervals over trainings and studies."""
    found: dict[ColumnKey, list[Record]] = {}
    for record in entry.records:
        if record.observation is None:
            found.setdefault(ColumnKey.of(record), []).append(record)
    return [pooled_record(records) for records in found.values()]


def _made_otherwise(one: Record, other: Record) -> set[str]:
    """Fields of signatures in which two values differ, those aside that are the system's own or the version's."""
    if one.signature is None or other.signature is None or one.signature == other.signature:
        return set()
    return set(parse(one.signature).differences(parse(other.signature), ignoring=(*OF_MODEL, "rrgbench")))


def _apart(one: Record, other: Record, sign: float) -> bool:
    """Whether the first's interval lies wholly on the better side of the second's."""
    if one.low is None or one.high is None or other.low is None or other.high is None:
        return False
    return one.low > other.high if sign > 0 else one.high < other.low
