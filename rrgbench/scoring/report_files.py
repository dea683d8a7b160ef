"""Files of reports: predictions of a system, or references.

Four layouts are read: JSON Lines `{"study_id": ..., "report": ...}`; CSV with those two columns; one JSON object from
id to text or list of texts (the `gts`/`res` of R2Gen and pycocoevalcap); ReXrank's submission JSON. Nothing is dropped
silently: what does not fit is an error that names the ids, unless allowed by name, and then it is counted in the
signature.
"""

import csv
import io
import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, get_args

from rrgbench.errors import InputError, listed

Allowance = Literal["missing", "unknown", "empty", "duplicates"]
Role = Literal["predictions", "references"]

_ID_KEYS: Final = ("study_id", "id", "image_id")
_TEXT_KEYS: Final = ("report", "reports", "caption")
_REXRANK_FINDINGS: Final = ("section_findings", "findings")
_REXRANK_IMPRESSION: Final = ("section_impression", "impression")


@dataclass(frozen=True)
class ReportFile:
    """Reports by study, as read.

    Attributes
    ----------
    name : str
        File name, for messages.
    texts : mapping of str to tuple of str
        One or more texts of each study, in the file's order.
    duplicates : int
        How many rows were left out because their study had one already (only where allowed).
    """

    name: str
    texts: Mapping[str, tuple[str, ...]]
    duplicates: int = 0


@dataclass(frozen=True)
class ReportPairs:
    """References and hypotheses of the same studies.

    Attributes
    ----------
    study_ids : tuple of str
        In the references' order.
    references : tuple of tuples of str
        One or more for each study.
    hypotheses : tuple of str
        One for each study.
    allowed : str
        What was allowed and happened, for the signature, e.g. `missing=3+empty=1`; empty if nothing did.
    """

    study_ids: tuple[str, ...]
    references: tuple[tuple[str, ...], ...]
    hypotheses: tuple[str, ...]
    allowed: str = ""


def read_reports(path: str | Path, role: Role = "predictions", allow: Collection[str] = ()) -> ReportFile:
    """Read a file of reports.

    Parameters
    ----------
    path : str or Path
        `.jsonl`, `.csv` or `.json`.
    role : {"predictions", "references"}
        Which text to take from a ReXrank file: the model's, or "Findings: ... Impression: ..." as ReXrank scores it.
        References may have several texts for a study.
    allow : collection of {"duplicates", ...}
        With `duplicates` the first report of a study counts and later ones are left out; other names have no effect
        here.

    Returns
    -------
    ReportFile

    Raises
    ------
    InputError
        If the file is missing, not UTF-8, not well-formed (with the line), lacks a field, or names a study twice.
    """
    path = Path(path)
    check_allowances(allow)
    text = _decoded(path)
    suffix = path.suffix.lower()
    if suffix in (".jsonl", ".ndjson"):
        rows = _json_lines(path.name, text)
    elif suffix == ".csv":
        rows = _csv_rows(path.name, text)
    elif suffix == ".json":
        rows = _json_rows(path.name, text, role)
    else:
        raise InputError(
            f"{path.name}: unknown kind of file {suffix or 'without suffix'!r}; expected .jsonl, .csv or .json"
        )
    texts: dict[str, tuple[str, ...]] = {}
    twice: list[str] = []
    for study_id, reports in rows:
        if study_id in texts:
            twice.append(study_id)
        else:
            texts[study_id] = reports
    if not texts:
        raise InputError(f"{path.name} holds no report; expected at least one")
    if twice and "duplicates" not in allow:
        raise InputError(
            f"{path.name}: {len(twice)} study ids occur more than once: {listed(twice)}; remove them or allow "
            "duplicates"
        )
    return ReportFile(path.name, texts, len(twice))


def pair_reports(references: ReportFile, predictions: ReportFile, allow: Collection[str] = ()) -> ReportPairs:
    """Bring references and predictions of the same studies together.

    Parameters
    ----------
    references, predictions : ReportFile
        As read.
    allow : collection of {"missing", "unknown", "empty", "duplicates"}
        `missing`: studies without a prediction are left out. `unknown`: predictions without a reference are left out.
        `empty`: empty reports are scored as they are.

    Returns
    -------
    ReportPairs

    Raises
    ------
    InputError
        Naming the first few ids that are missing, unknown, or empty where that is not allowed; or if a study has
        several predictions.
    """
    check_allowances(allow)
    missing = [study for study in references.texts if study not in predictions.texts]
    unknown = [study for study in predictions.texts if study not in references.texts]
    several = [study for study, texts in predictions.texts.items() if len(texts) != 1]
    if several:
        raise InputError(
            f"{predictions.name}: {len(several)} studies have not exactly one prediction: {listed(several)}"
        )
    if missing and "missing" not in allow:
        raise InputError(
            f"{predictions.name}: {len(missing)} of {len(references.texts)} studies of {references.name} have no "
            f"prediction: {listed(missing)}; add them or pass --allow-missing"
        )
    if unknown and "unknown" not in allow:
        raise InputError(
            f"{predictions.name}: {len(unknown)} study ids are not in {references.name}: {listed(unknown)}; "
            "remove them or pass --allow-unknown"
        )
    study_ids = tuple(study for study in references.texts if study in predictions.texts)
    if not study_ids:
        raise InputError(f"{predictions.name} and {references.name} have no study id in common; nothing to score")
    hypotheses = tuple(predictions.texts[study][0] for study in study_ids)
    expected = tuple(references.texts[study] for study in study_ids)
    empty = check_empty(study_ids, expected, hypotheses, allow)
    counts = {
        "missing": len(missing),
        "unknown": len(unknown),
        "empty": empty,
        "duplicates": references.duplicates + predictions.duplicates,
    }
    return ReportPairs(study_ids, expected, hypotheses, allowed_field(counts))


def allowed_field(counts: Mapping[str, int]) -> str:
    """What was allowed and happened, as the signature shows it: `missing=3+empty=1`."""
    return "+".join(f"{name}={count}" for name, count in counts.items() if count)


def check_allowances(allow: Collection[str]) -> None:
    """Refuse a bare string and names that are not allowances.

    Raises
    ------
    InputError
        Naming them.
    """
    known = get_args(Allowance)
    odd = [allow] if isinstance(allow, str) else [name for name in allow if name not in known]
    if odd:
        raise InputError(f"allow names {listed(odd)}; expected a list of: {', '.join(known)}")


def check_empty(
    study_ids: Sequence[str],
    references: Sequence[Sequence[str]],
    hypotheses: Sequence[str],
    allow: Collection[str],
) -> int:
    """Count studies with an empty reference or hypothesis.

    Raises
    ------
    InputError
        Naming them, where they are not allowed.
    """
    rows = zip(study_ids, references, hypotheses, strict=True)
    empty = [
        study for study, expected, given in rows if not given.strip() or not all(text.strip() for text in expected)
    ]
    if empty and "empty" not in allow:
        raise InputError(
            f"{len(empty)} studies have an empty reference or hypothesis: {listed(empty)}; "
            "fill them in or pass --allow-empty (allow=['empty']) to score them as they are"
        )
    return len(empty)


def _decoded(path: Path) -> str:
    if not path.is_file():
        raise InputError(f"{path} is not a file; give the path of a .jsonl, .csv or .json file")
    content = path.read_bytes()
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise InputError(f"{path.name} line {line}: not UTF-8 (byte {error.start}); save the file as UTF-8") from None


def _json_lines(name: str, text: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    # Only "\n" ends a line: JSON strings may hold the other line separators that str.splitlines knows.
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        place = f"{name} line {number}"
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise InputError(f"{place}: not JSON ({error.msg}, column {error.colno})") from None
        yield _record(place, row)


def _csv_rows(name: str, text: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        columns = reader.fieldnames or []
        for row in reader:
            place = f"{name} line {reader.line_num}"
            if None in row or None in row.values():
                raise InputError(f"{place}: not {len(columns)} fields as in the header; quote texts that hold commas")
            yield _record(place, row)
    except csv.Error as error:
        raise InputError(f"{name} line {reader.line_num}: not CSV ({error})") from None


def _json_rows(name: str, text: str, role: Role) -> Iterator[tuple[str, tuple[str, ...]]]:
    def unique(items: list[tuple[str, Any]]) -> list[tuple[str, Any]] | dict[str, Any]:
        # json keeps the last of equal keys; keep pairs instead, so that duplicates are seen.
        return dict(items) if len({key for key, _ in items}) == len(items) else items

    try:
        content = json.loads(text, object_pairs_hook=unique)
    except json.JSONDecodeError as error:
        raise InputError(f"{name} line {error.lineno}: not JSON ({error.msg}, column {error.colno})") from None
    if isinstance(content, dict):
        content = list(content.items())
    elif not isinstance(content, list):
        raise InputError(f"{name}: expected an object from study id to report, or a list of objects")
    for number, item in enumerate(content, start=1):
        if isinstance(item, tuple):
            study_id, value = item
            place = f"{name} study {study_id}"
            if isinstance(value, dict):
                yield study_id, (_rexrank_text(place, value, role),)
            else:
                yield study_id, _texts(place, value)
        else:
            yield _record(f"{name} item {number}", item)


def _record(place: str, row: object) -> tuple[str, tuple[str, ...]]:
    if not isinstance(row, dict):
        raise InputError(f"{place}: expected an object with study_id and report, got {type(row).__name__}")
    study_id = _first(row, _ID_KEYS)
    found = listed(row, most=8)
    if study_id is None:
        raise InputError(f"{place}: no study_id; fields are: {found}")
    if isinstance(study_id, bool) or not isinstance(study_id, str | int) or not str(study_id).strip():
        raise InputError(f"{place}: study_id must be text or a whole number that is not empty")
    key = next((key for key in _TEXT_KEYS if key in row), None)
    if key is None:
        raise InputError(f"{place}: no report; fields are: {found}")
    return str(study_id), _texts(place, row[key])


def _texts(place: str, value: object) -> tuple[str, ...]:
    if value is None:
        return ("",)
    if isinstance(value, str):
        return (value,)
    if isinstance(value, list) and value and all(isinstance(text, str) for text in value):
        return tuple(value)
    # R2Gen's and COCO's captions: a list of {"caption": ...}.
    if isinstance(value, list) and value and all(isinstance(text, dict) and "caption" in text for text in value):
        return tuple(text for item in value for text in _texts(place, item["caption"]))
    raise InputError(f"{place}: report must be text or a list of texts, got {type(value).__name__}")


def _rexrank_text(place: str, value: Mapping[str, object], role: Role) -> str:
    if role == "predictions":
        if "model_prediction" not in value:
            raise InputError(f"{place}: no model_prediction; fields are: {listed(value, most=8)}")
        return _texts(place, value["model_prediction"])[0]
    findings, impression = _first(value, _REXRANK_FINDINGS), _first(value, _REXRANK_IMPRESSION)
    if findings is None and impression is None:
        raise InputError(f"{place}: neither findings nor impression; fields are: {listed(value, most=8)}")
    parts = {"Findings": findings, "Impression": impression}
    return " ".join(f"{title}: {text}" for title, text in parts.items() if isinstance(text, str) and text.strip())


def _first(row: Mapping[str, object], keys: Iterable[str]) -> object:
    return next((row[key] for key in keys if row.get(key) is not None), None)
