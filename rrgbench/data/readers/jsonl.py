"""Your own corpus: a folder with `studies.jsonl`, one JSON object a line, and the films it names.

A line holds `study_id` and `subject_id`; and where there are any, `images` (paths relative to the folder, or one of
them alone), `view` (one name for all films, or a list, which may also be called `views`), `report`, `sections` (object
of texts), `split`, `labels` (object from observation name to 1, 0 or -1), `date` (`YYYY-MM-DD`), `age` (years), `sex`
(`F` or `M`), `prior` (the study_id of the subject's previous study) and `license`. Other keys are left alone.

A study's prior is the one that `prior` names; where no line has that key, the subject's last study of an earlier date.
"""

import hashlib
import logging
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path, PurePosixPath
from typing import Any, Final

from rrgbench.data.corpus import Corpus
from rrgbench.data.films.check import check_films
from rrgbench.data.films.images import FilmFile, is_known_view, view_name
from rrgbench.data.priors import orders, with_priors
from rrgbench.data.readers.absent import say_what_is_absent
from rrgbench.data.readers.patients import OLDEST, iso_date, sex_of
from rrgbench.data.readers.tables import decode_text, existing_root, is_id, read_bytes, shown, without
from rrgbench.data.splitting import split_subjects
from rrgbench.data.study import LabelVector, Study, blank_labels
from rrgbench.errors import InputError, listed
from rrgbench.files import content_digest
from rrgbench.json_text import read_json
from rrgbench.observations import NEGATIVE, OBSERVATIONS, POSITIVE, UNCERTAIN, observation_index

NAME: Final = "jsonl"
FILE: Final = "studies.jsonl"
SHARES: Final[Mapping[str, float]] = {"train": 0.7, "validate": 0.1, "test": 0.2}
"""Share of the subjects in each split where the file gives none; cut in this order."""

_KEYS: Final = (
    *("study_id", "subject_id", "images", "view", "views", "report", "sections"),
    *("split", "labels", "date", "age", "sex", "prior", "license"),
)
_SECTIONS: Final = ("findings", "impression", "indication", "comparison", "technique", "history")

_log = logging.getLogger(__name__)

_SPLIT_NAMES: Final = {"val": "validate", "valid": "validate", "validation": "validate", "dev": "validate"}


def load(
    root: Path | str | None = None,
    *,
    name: str = NAME,
    labels_source: str = "film",
    seed: int = 0,
    skip_bad_images: bool = False,
    check_images: bool = True,
) -> Corpus:
    """Read a folder with `studies.jsonl`.

    Parameters
    ----------
    root : path
        The folder.
    name : str
        Name the corpus goes by in signatures.
    labels_source : str
        Who made the labels, where there are any.
    seed : int
        Seed of the 70/10/20 split by subject that is made where no line gives a `split`.
    skip_bad_images : bool
        Leave out films that are absent or can't be decoded; their number is appended to the corpus name. A study that
        had films and loses all of them keeps its report as a text-only study if it has one, and is left out if not.
    check_images : bool
        False does not look whether the films are there; whoever decodes an absent one meets the error.

    Returns
    -------
    Corpus
        `labelled_observations` are those that some study has a label for; all 14 where no study has labels.

    Raises
    ------
    InputError
        If the folder, the file or a film is missing, a line is malformed (named by its number), ids occur twice, or
        some lines give a split and others don't.
    """
    folder = existing_root(root, NAME, FILE)
    if not (folder / FILE).is_file():
        raise without(NAME, folder, FILE, advice="docs/data.md says what it holds, a line a study")
    content = read_bytes(folder / FILE)
    entries = _parse(decode_text(content, FILE))
    _tell_unread(entries)
    splits = _splits(entries, seed)
    films = [film for entry in entries for film in _films(entry, folder)]
    checked = check_films(name, films, skip_bad_images, check_images)
    usable: dict[str, list[FilmFile]] = {}
    for film in checked.good:
        usable.setdefault(film.study_id, []).append(film)
    named = _named_priors(entries)
    moments = {entry["study_id"]: (entry["subject_id"], entry["date"]) for entry in entries if entry["date"]}
    order = orders(moments)
    given = [label for entry in entries for label in (entry.get("labels") or {}).items()]
    # a key that is null everywhere, as tables are written, says that there is no label, not that there is none found
    mentioned = {name for name, value in given if value is not None}
    studies = []
    for entry, split in zip(entries, splits, strict=True):
        images = tuple(usable.get(entry["study_id"], ()))
        if entry.get("images") and not images and entry.get("report") is None:
            continue
        labels = None if entry.get("labels") is None or (given and not mentioned) else _labels(entry)
        studies.append(
            Study(
                study_id=entry["study_id"],
                subject_id=entry["subject_id"],
                split=split,
                images=images,
                report=entry.get("report"),
                sections=entry.get("sections") or {},
                labels=labels,
                labels_source=labels_source if labels is not None else "",
                order=order.get(entry["study_id"]),
                date=entry["date"],
                age=entry.get("age"),
                sex=sex_of(entry.get("sex") or ""),
            )
        )
    digest = content_digest({FILE: hashlib.sha256(content).hexdigest()}, checked.sizes, {"seed": seed})
    say_what_is_absent(name, studies, films=f"images in {FILE}", reports=f"report in {FILE}")
    licenses = sorted({str(entry["license"]) for entry in entries if entry.get("license")})
    return Corpus(
        name=name + checked.suffix,
        digest=digest,
        studies=with_priors(studies, named),
        labelled_observations=tuple(label for label in OBSERVATIONS if label in mentioned) or OBSERVATIONS,
        license_note="; ".join(licenses),
    )


def _parse(text: str) -> list[dict[str, Any]]:
    entries = []
    # Not str.splitlines: it would also cut at U+2028 and its like, which JSON allows inside strings.
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            entry = read_json(line)
        except ValueError as error:
            whole = number == 1 and re.match(r"\s*\[\s*(\{|$)", line)
            given = "begins a JSON list" if whole else f"is not JSON ({error})"
            raise InputError(f"{FILE} line {number} {given}; expected one object a line") from error
        if not isinstance(entry, dict):
            raise InputError(f"{FILE} line {number} is not an object; expected study_id, subject_id, images, report")
        _check(entry, number)
        entries.append(entry)
    if not entries:
        raise InputError(f"{FILE} holds no studies")
    return entries


def _tell_unread(entries: Sequence[Mapping[str, Any]]) -> None:
    """Warn of keys that are left alone and look as if they were meant to be read."""
    hints = []
    for key in sorted({key for entry in entries for key in entry} - set(_KEYS)):
        if key.lower() in _SECTIONS:
            hints.append(f"{key} (a section: put it into sections)")
        elif near := get_close_matches(key.lower(), _KEYS, n=1, cutoff=0.75):
            hints.append(f"{key} (did you mean {near[0]}?)")
    if hints:
        _log.warning("%s has keys that are not read: %s", FILE, "; ".join(hints))
    views = Counter(view for entry in entries for view in _views(entry) if not is_known_view(view))
    if views:
        named = listed(f"{shown(view, 3)} ({count} films)" for view, count in views.items())
        _log.warning("%s has views that are not known and taken for frontal: %s", FILE, named)


def _check(entry: dict[str, Any], number: int) -> None:
    """Refuse an entry whose fields have the wrong type; make ids text."""

    def refuse(key: str, expected: str) -> InputError:
        given = shown(entry[key]) if key in entry else "nothing"
        return InputError(f"{FILE} line {number}: {key} must be {expected}; given: {given}")

    for key in ("study_id", "subject_id"):
        value = entry.get(key)
        if isinstance(value, bool) or not isinstance(value, str | int) or not is_id(str(value)):
            hint = " (the patient's; where each has one study, repeat study_id)" if key == "subject_id" else ""
            raise refuse(key, f"a text of 1 to 200 printable characters{hint}")
        entry[key] = str(value)
    for key in ("report", "split"):
        if not isinstance(entry.get(key), str | None):
            raise refuse(key, "a text or absent")
    if isinstance(entry.get("images"), str) and entry["images"]:
        entry["images"] = [entry["images"]]
    if not _is_texts(entry.get("images") or []):
        raise refuse("images", "a list of paths")
    for image in entry.get("images") or []:
        path = PurePosixPath(image)
        if path.is_absolute() or ".." in path.parts or "\0" in image or not path.name or not image.isprintable():
            raise InputError(
                f"{FILE} line {number}: images must be a list of paths inside the folder, told from there: copy or "
                f"link the films into it; given: {shown(image, 4)}"
            )
    if entry.get("view") is not None and entry.get("views") is not None:
        raise refuse("views", "absent where there is a view")
    view = entry.get("views") if entry.get("view") is None else entry["view"]
    if not (isinstance(view, str | None) or (_is_texts(view) and len(view) == len(entry.get("images") or []))):
        raise refuse("view", "a text, or a list with one text for each image")
    for key in ("sections", "labels"):
        if not isinstance(entry.get(key), dict | None):
            raise refuse(key, "an object")
    if not all(isinstance(text, str) for text in (entry.get("sections") or {}).values()):
        raise refuse("sections", "an object of texts")
    _check_history(entry, number, refuse)


def _check_history(entry: dict[str, Any], number: int, refuse: Callable[[str, str], InputError]) -> None:
    """The same for what is known of the patient and of time; makes `date` and `prior` text."""
    day, age, sex, prior = (entry.get(key) for key in ("date", "age", "sex", "prior"))
    if not isinstance(day, str | None):
        raise refuse("date", "a text like 2018-05-31")
    entry["date"] = iso_date(day or "", f"{FILE} line {number}: date")
    if age is not None:
        if isinstance(age, bool) or not isinstance(age, int | float) or not 0 <= age <= OLDEST or age != int(age):
            raise refuse("age", f"a whole number of years from 0 to {OLDEST}")
        entry["age"] = int(age)
    if not isinstance(sex, str | None) or (sex and not sex_of(sex)):
        raise refuse("sex", "F or M")
    if isinstance(prior, bool) or not isinstance(prior, str | int | None) or prior == "":
        raise refuse("prior", "the study_id of an earlier study of the subject, or null")
    if prior is not None:
        entry["prior"] = str(prior)


def _named_priors(entries: Sequence[Mapping[str, Any]]) -> dict[str, str] | None:
    """Each study's prior by id, None where no line has such a key; refuses priors that can't be."""
    if not any("prior" in entry for entry in entries):
        return None
    known = {entry["study_id"]: entry for entry in entries}
    named = {entry["study_id"]: entry["prior"] for entry in entries if entry.get("prior") is not None}
    for kind, wrong in (
        ("are not in the file", lambda study, prior: prior not in known),
        ("are of another subject", lambda study, prior: known[prior]["subject_id"] != known[study]["subject_id"]),
        ("are not earlier", lambda study, prior: not _may_precede(known[prior]["date"], known[study]["date"])),
    ):
        bad = [study for study, prior in named.items() if wrong(study, prior)]
        if bad:
            raise InputError(f"{FILE}: the priors of {len(bad)} studies {kind}: studies {listed(bad)}")
    return named


def _may_precede(earlier: str, later: str) -> bool:
    return not (earlier and later) or earlier < later


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _films(entry: Mapping[str, Any], folder: Path) -> list[FilmFile]:
    """Films of one entry, frontal first."""
    images: Sequence[str] = entry.get("images") or []
    films = [
        FilmFile(folder / image, view_name(view), entry["study_id"])
        for image, view in zip(images, _views(entry), strict=True)
    ]
    return sorted(films, key=lambda film: film.view == "LATERAL")


def _views(entry: Mapping[str, Any]) -> Sequence[str]:
    """The view of each film as the file tells it; empty where it doesn't."""
    view = entry.get("views") if entry.get("view") is None else entry["view"]
    return view if isinstance(view, list) else [view or ""] * len(entry.get("images") or [])


def _splits(entries: Sequence[Mapping[str, Any]], seed: int) -> list[str]:
    given = [entry.get("split") for entry in entries]
    if all(split is None for split in given):
        dealt = split_subjects((entry["subject_id"] for entry in entries), SHARES, seed)
        return [dealt[entry["subject_id"]] for entry in entries]
    without = [entry["study_id"] for entry in entries if entry.get("split") is None]
    if without:
        raise InputError(f"{FILE}: {len(without)} studies have no split while others have: {listed(without)}")
    return [_SPLIT_NAMES.get(str(split).strip().lower(), str(split).strip().lower()) for split in given]


def _labels(entry: Mapping[str, Any]) -> LabelVector:
    labels = blank_labels()
    for observation, value in entry["labels"].items():
        if observation not in OBSERVATIONS:
            raise InputError(
                f"{FILE}: study {entry['study_id']} has a label that is not one of the 14 observations: "
                f"{shown(observation, 3)}; expected names like {OBSERVATIONS[2]!r}"
            )
        if value is None:
            continue
        if isinstance(value, bool) or value not in (POSITIVE, NEGATIVE, UNCERTAIN):
            raise InputError(
                f"{FILE}: study {entry['study_id']} has a label that is not 1, 0, -1 or null: {shown(value)}"
            )
        labels[observation_index(observation)] = int(value)
    return labels
