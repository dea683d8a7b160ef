"""An entry of a leaderboard: one system's numbers on one corpus under one protocol, one YAML file.

It carries every value with interval and signature, a digest of the outputs and what an audit of them found; outputs
themselves are not part of it.
"""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from math import isfinite
from pathlib import Path
from statistics import fmean
from typing import Any, Final, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rrgbench.errors import InputError, MissingPartError, UnknownNameError, listed, problems
from rrgbench.files import read_regular, write_text
from rrgbench.metrics.catalogue import FEW_DISTINCT, constant_wins
from rrgbench.metrics.catalogue import entry as metric_entry
from rrgbench.render.record_tables import CONSTANT, TRIVIAL
from rrgbench.runs.baseline import Side, written_reports
from rrgbench.runs.records import Record, sort_records
from rrgbench.scoring.protocols import load_protocol
from rrgbench.scoring.signature import parse
from rrgbench.yaml_text import read_yaml

FORMAT: Final = "rrgbench-entry@1"
_COPIED: Final = "% of the reports are the reference word for word"
_OWN: Final = ("model", "corpus", "split", "signature")
"""Fields of a record that the entry says once."""


class Audit(BaseModel):
    """What was found about the outputs.

    Attributes
    ----------
    studies : int
        Whose reports were scored; of a system without reports, those evaluated.
    distinct_reports : int or None
        How many reports differ, of several trainings the fewest; None where the system writes none.
    loses_to_constant : tuple of str
        Metrics in which one constant report, written for every study, is at least as good.
    copied : float or None
        Share of the reports that are their study's reference word for word; None where it was not looked at.
    warnings : tuple of str
        In words.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    studies: int = Field(ge=0)
    distinct_reports: int | None = None
    loses_to_constant: tuple[str, ...] = ()
    copied: float | None = Field(default=None, ge=0, le=1)
    warnings: tuple[str, ...] = ()


class Entry(BaseModel):
    """One system on one board.

    Attributes
    ----------
    system : str
        Its name, as tables show it.
    kind : {"system", "trivial"}
        Trivial systems and the best constant stand below a rule.
    description, source : str
        In words; where the system or its outputs come from.
    model, corpus, split, protocol : str
        Identities, with digests; those of several trainings side by side.
    trainings : int
        How many times the system was trained and measured, each time with another seed. Where there are several, values
        are of each, and boards show their means.
    reports_sha256 : str
        Of the digests of all reports by study; empty where the system writes none.
    date, rrgbench : str
        When and with which version it was measured.
    audit : Audit
    signatures : mapping of str to str
        By short name, how values were made.
    values : tuple of mapping
        Records without what the entry says once; `signature` is a short name.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    format: Literal["rrgbench-entry@1"] = FORMAT
    system: str = Field(min_length=1)
    kind: Literal["system", "trivial"] = "system"
    description: str = ""
    source: str = ""
    model: str
    corpus: str
    split: str
    protocol: str
    trainings: int = Field(default=1, ge=1)
    reports_sha256: str = Field(default="", pattern=r"^([0-9a-f]{64})?$")
    date: str
    rrgbench: str
    audit: Audit
    signatures: Mapping[str, str]
    values: tuple[Mapping[str, Any], ...] = Field(min_length=1)

    @property
    def slug(self) -> str:
        """The system in plain letters, for names of files."""
        # so that names that differ in other signs alone don't share a file
        odd = "" if re.fullmatch(r"[a-z0-9.]+(-[a-z0-9.]+)*", self.system.lower()) else _sha256(self.system)[:6]
        return "-".join(filter(None, (_plain(self.system), odd)))

    @property
    def file_name(self) -> str:
        """Name of its file: corpus, split unless it is test, protocol, number of studies and system."""
        split = "" if self.split == "test" else self.split
        words = (self.corpus.partition("@")[0], split, self.protocol, str(self.audit.studies))
        return "-".join([*map(_plain, filter(None, words)), self.slug]) + ".yaml"

    @property
    def records(self) -> tuple[Record, ...]:
        """Its values as records."""
        shared = {"model": self.system, "corpus": self.corpus, "split": self.split}
        return tuple(
            Record.from_json({**row, **shared, "signature": self.signatures.get(row.get("signature", ""))})
            for row in self.values
        )


def entries_of(run: Side, models: Sequence[str] = (), *, description: str = "", source: str = "") -> list[Entry]:
    """An entry a model of a run.

    Parameters
    ----------
    run : Side
        A run folder as `rrgbench.runs.baseline.read_side` gives it, or several that differ in the training seed
        (`rrgbench.runs.seeds.read_trainings_side`).
    models : sequence of str
        Which; all if empty.
    description, source : str
        Of systems, not of trivial ones.

    Raises
    ------
    InputError
        If the run has no such model, or no value of one, or its run.json does not say what it was made with.
    """
    by_model: dict[str, list[Record]] = {}
    for record in run.records:
        by_model.setdefault(record.model, []).append(record)
    if absent := [name for name in models if name not in by_model]:
        raise InputError(f"the run holds no {listed(absent)}; it holds {listed(by_model, most=12)}")
    measured = {name for name, records in by_model.items() if any(record.value is not None for record in records)}
    if unmeasured := [name for name in models or (() if measured else by_model) if name not in measured]:
        reason = next((record.reason for record in by_model[unmeasured[0]] if record.reason), "no reason is given")
        raise InputError(f"the run holds no value of {listed(unmeasured)}, so there is nothing to enter ({reason})")
    details, packages = run.environment.get("details", {}), run.environment.get("packages", {})
    if not details or not packages:
        raise InputError("the run has no run.json that says what it was made with; run it again")
    constants = _values(by_model.get(CONSTANT, ()))
    identities = _identities(run.environment)
    found = []
    for name in models or (one for one in by_model if one in measured):
        records = sort_records(by_model[name])
        trivial = name in TRIVIAL
        signatures = {
            text: f"s{at}" for at, text in enumerate(dict.fromkeys(r.signature for r in records if r.signature), 1)
        }
        found.append(
            Entry(
                system=name,
                kind="trivial" if trivial else "system",
                description="" if trivial else description,
                source="" if trivial else source,
                model=identities.get(name, name),
                corpus=records[0].corpus,
                split=records[0].split,
                trainings=max(Counter(replace(record, seed=None).identity for record in records).values()),
                protocol=_protocol(records) or _versioned(str(details.get("protocol", ""))),
                reports_sha256=_reports_digest(run.reports.get(name, {})),
                date=f"{datetime.now(UTC):%Y-%m-%d}",
                rrgbench=str(packages.get("rrgbench", "")),
                audit=_audit(records, {} if name == CONSTANT else constants, trivial),
                signatures={short: text for text, short in signatures.items()},
                values=tuple(_row(record, signatures) for record in records),
            )
        )
    return found


def check_free(entry: Entry, folder: Path) -> None:
    """Refuse to take the place of an entry that was made of other outputs or of another model.

    Raises
    ------
    InputError
        Naming the file, and what differs; also if what is there can't be read.
    """
    path = folder / entry.file_name
    if not path.exists():
        return
    there = read_entry(path)
    other = [
        f"{what} {_short(before)}, not {_short(now)}"
        for what, before, now in (
            ("reports with the digest", there.reports_sha256, entry.reports_sha256),
            ("the model", there.model, entry.model),
        )
        if before != now
    ]
    if other:
        raise InputError(
            f"{path} is an entry of {there.system} already, of {' and '.join(other)}; give another name or another "
            "--out, or --replace to replace it"
        )


def write_entry(entry: Entry, folder: Path, *, replace: bool = False) -> Path:
    """Write an entry into a folder and give its file.

    Parameters
    ----------
    entry : Entry
        What is written.
    folder : Path
        Where.
    replace : bool
        Whether it may take the place of an entry of other outputs (`check_free`).

    Raises
    ------
    InputError
        If it may not, and one is there.
    """
    path = folder / entry.file_name
    if not replace:
        check_free(entry, folder)
    text = yaml.safe_dump(
        json.loads(entry.model_dump_json(exclude_defaults=True) or "{}") | {"format": entry.format},
        sort_keys=False,
        allow_unicode=True,
        width=1000,
        default_flow_style=None,
    )
    write_text(path, text)
    return path


def read_entry(path: Path) -> Entry:
    """An entry from its file.

    Raises
    ------
    InputError
        If it can't be read or is not an entry, naming the field.
    """
    try:
        content = read_yaml(read_regular(path).decode("utf-8"))
        if not isinstance(content, dict):
            raise InputError("it is no mapping of fields; rrgbench leaderboard submit writes entries")
        found = Entry.model_validate(content)
        if odd := [one for row in found.values for one in row.values() if isinstance(one, float) and not isfinite(one)]:
            raise InputError(f"{len(odd)} of its numbers are not finite ({listed(map(str, odd), 3)})")
        _ = found.records
    except FileNotFoundError:
        raise InputError(f"entry {path.name} is not there; rrgbench leaderboard submit writes one") from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError) as error:
        raise InputError(f"entry {path.name} can't be read ({type(error).__name__})") from error
    except ValidationError as error:
        raise InputError(f"entry {path.name}: {problems(error)}") from None
    except InputError as error:
        raise InputError(f"entry {path.name}: {error}") from None
    return found


def read_entries(folder: Path) -> list[Entry]:
    """All entries of a folder, by file name.

    Raises
    ------
    InputError
        If there is no such folder, an entry is damaged, or two files are of one system on one board.
    """
    if not folder.is_dir():
        raise InputError(f"there is no folder {folder} of entries; rrgbench leaderboard submit writes them")
    found: dict[tuple[str | int, ...], tuple[str, Entry]] = {}
    for path in sorted(folder.glob("*.yaml")):
        one = read_entry(path)
        key = (one.corpus, one.split, one.protocol, one.audit.studies, one.system)
        if key in found:
            raise InputError(f"{found[key][0]} and {path.name} are both of {one.system} on {one.corpus}; remove one")
        found[key] = path.name, one
    return [one for _, one in found.values()]


def with_copied(entry: Entry, share: float) -> Entry:
    """The same, telling how many reports are their study's reference word for word."""
    warnings = entry.audit.warnings
    if share > 0.5:
        warnings += (f"{100 * share:.0f} {_COPIED}",)
    return entry.model_copy(update={"audit": entry.audit.model_copy(update={"copied": share, "warnings": warnings})})


def copied_share(folder: Path, system: str, references: Mapping[str, str | None]) -> float:
    """Share of a system's reports in a run folder that are their study's reference, but for case and blanks."""
    reports = written_reports(folder).get(system, {})
    known = [(text, reference) for study, text in reports.items() if (reference := references.get(study)) is not None]
    same = sum(text.lower().split() == reference.lower().split() for text, reference in known)
    return same / len(known) if known else 0.0


def differences(said: Entry, again: Entry) -> list[str]:
    """What two entries of one system say otherwise, beside values: where it was measured and how, outputs and audit."""
    found = [
        f"{name}: {getattr(said, name)} in the entry, {getattr(again, name)} recomputed"
        for name in ("corpus", "split", "protocol", "kind", "trainings", "reports_sha256")
        if getattr(said, name) != getattr(again, name)
    ]
    for name in Audit.model_fields:
        before, now = getattr(said.audit, name), getattr(again.audit, name)
        if name == "warnings" and None in (said.audit.copied, again.audit.copied):
            # where one was not asked whether reports are copies, what the other says of that is no difference
            before, now = (tuple(text for text in one if not text.endswith(_COPIED)) for one in (before, now))
        if before != now and not (name == "copied" and (before is None or now is None)):
            lists = isinstance(before, tuple) and isinstance(now, tuple)
            words = _came_and_went(before, now) if lists else f"{before} in the entry, {now} recomputed"
            found.append(f"audit, {name}: {words}")
    return found


def _came_and_went(before: Sequence[str], now: Sequence[str]) -> str:
    """How two lists differ: what the second has besides, and what it lacks."""
    came, went = [one for one in now if one not in before], [one for one in before if one not in now]
    parts = [f"recomputed also: {', '.join(came)}"] * bool(came) + [f"no longer: {', '.join(went)}"] * bool(went)
    return "; ".join(parts) or "the same in another order"


def _audit(records: Sequence[Record], constants: Mapping[tuple[Any, ...], float], trivial: bool) -> Audit:
    own = _values(records)
    # a record's own n may count cells of studies, and tasks on films may have other limits than reports
    signed = [parse(record.signature) for record in records if record.signature]
    scored = [one for one in signed if one.protocol is not None]
    studies = max((one.n for one in scored or signed), default=0)
    counts = [int(r.value) for r in records if r.metric == "distinct_reports" and r.value is not None]
    distinct = min(counts, default=None)
    loses = [key for key in constants if constant_wins(str(key[0]), constants[key], own.get(key))]
    names = tuple(dict.fromkeys(_words(key) for key in loses))
    warnings = []
    if names and not trivial:
        warnings.append(f"one constant report, written for every study, is at least as good in {', '.join(names)}")
    if distinct is not None and studies > 1 and distinct < FEW_DISTINCT * studies and not trivial:
        warnings.append(f"{distinct} distinct reports for {studies} studies")
    return Audit(studies=studies, distinct_reports=distinct, loses_to_constant=names, warnings=tuple(warnings))


def _values(records: Iterable[Record]) -> dict[tuple[Any, ...], float]:
    """Values over all observations by metric, setting, fraction and K, of metrics that have a better side; of several
    trainings their means."""
    found: dict[tuple[Any, ...], list[float]] = {}
    for record in records:
        if record.observation is None and record.value is not None and metric_entry(record.metric).better:
            key = record.metric, record.setting, record.fraction, record.k
            found.setdefault(key, []).append(record.value)
    return {key: fmean(values) for key, values in found.items()}


def _words(key: tuple[Any, ...]) -> str:
    metric, setting, *_ = key
    return " ".join(filter(None, (metric_entry(metric).title, setting)))


def _row(record: Record, signatures: Mapping[str, str]) -> dict[str, Any]:
    row = {name: cell for name, cell in record.to_json().items() if cell is not None and name not in _OWN}
    return row | ({"signature": signatures[record.signature]} if record.signature else {})


def _identities(environment: Mapping[str, Any]) -> dict[str, str]:
    """Identities of the models of a run by name, with their checkpoints' digests."""
    found: dict[str, dict[str, None]] = {}
    for one in environment.get("models") or ():
        found.setdefault(str(one["name"]), {})[str(one["identity"])] = None
    main = str(environment.get("details", {}).get("model", ""))
    return {main.partition("@")[0]: main, **{name: ", ".join(known) for name, known in found.items()}}


def _protocol(records: Iterable[Record]) -> str:
    for record in records:
        for part in (record.signature or "").split("|"):
            if part.startswith("protocol:"):
                return part.removeprefix("protocol:")
    return ""


def _versioned(protocol: str) -> str:
    """A run's protocol with its version, for a system that writes no reports: none of its values depends on it, and it
    stands on the board of those that do."""
    try:
        return load_protocol(protocol).identity if protocol else ""
    except (UnknownNameError, MissingPartError):
        return protocol


def _short(identity: str) -> str:
    return identity[:12] + "..." if re.fullmatch(r"[0-9a-f]{64}", identity) else identity or "(none)"


def _reports_digest(reports: Mapping[str, str]) -> str:
    return _sha256(json.dumps(dict(sorted(reports.items())))) if reports else ""


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def _plain(word: str) -> str:
    return re.sub(r"[^a-z0-9.]+", "-", word.lower().replace("@", "-")).strip("-.")
