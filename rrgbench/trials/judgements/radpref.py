"""RadPref's layout: `studies.json` with two candidates a study, and a JSON file for each radiologist.

A radiologist rates each candidate from 1 to 5, marks findings of the reference that are missing and findings of the
candidate that are false or have a wrong attribute. An error is significant where it is called urgent or actionable, or
where a wrong attribute is called significant.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from rrgbench.errors import InputError
from rrgbench.trials.judgements.judgements import Judgement, Judgements, judgements_of

LAYOUT: Final = "a folder with studies.json and a JSON file for each rater"
_SIGNIFICANT: Final = ("urgent", "actionable_not_urgent")
_CANDIDATES: Final = ("C1", "C2")


def fits(path: Path) -> bool:
    """Whether the path has this layout."""
    return path.is_dir() and (path / "studies.json").is_file()


def rater_files(path: Path) -> list[Path]:
    """Files of raters in a folder."""
    return [file for file in sorted(path.glob("*.json")) if file.name not in ("studies.json", "ordering_tests.json")]


def read(path: Path) -> Judgements:
    """Judgements of a folder.

    Raises
    ------
    InputError
        If a file can't be read or lacks a field, naming it.
    """
    texts = {
        (str(_field(study, "id", path / "studies.json")), candidate): (
            _text(study, "ground_truth_report", path / "studies.json"),
            _text(study, f"{candidate}_report", path / "studies.json"),
        )
        for study in _list(path / "studies.json")
        for candidate in _CANDIDATES
    }
    files = rater_files(path)
    if not files:
        raise InputError(f"{path} has no rater's file beside studies.json; expected for instance radiologist_1.json")
    return judgements_of(path.name, texts, [one for file in files for one in _of_rater(file)])


def _of_rater(file: Path) -> Iterator[Judgement]:
    for study in _list(file):
        for candidate in _CANDIDATES:
            study_id, said = str(_field(study, "id", file)), _field(study, candidate, file)
            place = f"{file}: study {study_id}, {candidate}"
            if not isinstance(said, dict):
                raise InputError(f"{place}: expected an object with a rating and errors, got {type(said).__name__}")
            errors = [*_errors(said, "missing_findings", place), *_errors(said, "finding_errors", place)]
            rating = said.get("rating")
            if rating is not None and (isinstance(rating, bool) or not isinstance(rating, int | float)):
                raise InputError(f"{place}: rating is no number")
            yield Judgement(
                study_id,
                candidate,
                file.stem,
                None if rating is None else float(rating),
                len(errors),
                sum(map(_significant, errors)),
            )


def _errors(said: Mapping[str, Any], kind: str, place: str) -> list[Mapping[str, Any]]:
    """Errors of a kind, by finding in the file; none where the kind is absent or empty."""
    given = said.get(kind) or {}
    if not isinstance(given, dict) or not all(isinstance(one, dict) for one in given.values()):
        raise InputError(f"{place}: {kind} is no object from finding to what is wrong with it")
    return list(given.values())


def _significant(error: Mapping[str, Any]) -> bool:
    attributes = error.get("attributes") or {}
    wrong = attributes.values() if isinstance(attributes, dict) else ()
    return error.get("clinical_significance") in _SIGNIFICANT or "significant" in wrong


def _list(file: Path) -> list[Any]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{file} can't be read as JSON ({type(error).__name__})") from error
    if not isinstance(content, list) or not all(isinstance(one, dict) for one in content):
        raise InputError(f"{file}: expected a list of objects, one a study")
    return content


def _text(study: Mapping[str, Any], name: str, file: Path) -> str:
    text = _field(study, name, file)
    if not isinstance(text, str):
        raise InputError(f"{file}: {name} of study {study.get('id', 'without id')} is no text")
    return text


def _field(study: Mapping[str, Any], name: str, file: Path) -> Any:
    if name not in study:
        raise InputError(f"{file}: a study ({study.get('id', 'without id')}) has no field {name!r}")
    return study[name]
