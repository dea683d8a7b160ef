"""R2Gen's `annotation.json` (Chen et al., EMNLP 2020): the layout most report generators train from.

An object with `train`, `val` and `test`, each a list of entries with `id`, `report`, `image_path` (a list) and, for
MIMIC-CXR, `study_id` and `subject_id`. There an entry is one film and `id` is the film's, so a study with two films
stands there twice; for IU X-Ray an entry is a study with two films.
"""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final

from rrgbench.data.corpus import SharedSubjectsError
from rrgbench.data.readers.tables import decode_text, is_id, read_bytes, shown
from rrgbench.errors import InputError, listed
from rrgbench.json_text import read_json

SPLIT_OF_KEY: Final = {"train": "train", "val": "validate", "test": "test"}

_UID: Final = re.compile(r"CXR(\d+)_")


@dataclass(frozen=True)
class Entry:
    """One entry of an annotation file.

    Attributes
    ----------
    entry_id : str
        Its `id`.
    study_id, subject_id : str
        As given; empty where the file has none.
    split : str
        One of `rrgbench.data.study.SPLITS`.
    report : str
        The target report as the file holds it.
    image_paths : tuple of str
        Films relative to the images folder.
    """

    entry_id: str
    study_id: str
    subject_id: str
    split: str
    report: str
    image_paths: tuple[str, ...]


def read_annotation(path: Path) -> tuple[tuple[Entry, ...], str]:
    """Read an annotation file.

    Returns
    -------
    entries : tuple of Entry
        Train, then validate, then test, in the file's order.
    digest : str
        SHA-256 of the file.

    Raises
    ------
    InputError
        If the file is not JSON of that form, naming the split and the number of the entry.
    """
    document, digest = _read_object(path)
    entries = []
    for key, split in SPLIT_OF_KEY.items():
        for number, item in enumerate(document[key]):
            entries.append(_entry(item, split, f"{path.name}: entry {number} of {key}"))
    if not entries:
        raise InputError(f"{path.name} holds no studies")
    return tuple(entries), digest


def read_split(path: Path) -> tuple[dict[int, str], str]:
    """Read R2Gen's split of IU X-Ray: a file of ids by split (`CXR2384_IM-0942` ...), or its annotation file.

    Returns
    -------
    splits : dict of int to str
        Split of each IU X-Ray uid (2384 for that id).
    digest : str
        SHA-256 of the file.

    Raises
    ------
    InputError
        If the file is not of that form, or a uid is in two splits.
    """
    document, digest = _read_object(path)
    splits: dict[int, str] = {}
    crossing: list[str] = []
    for key, split in SPLIT_OF_KEY.items():
        for number, item in enumerate(document[key]):
            entry_id = item.get("id") if isinstance(item, dict) else item
            match = _UID.match(entry_id) if isinstance(entry_id, str) else None
            if match is None or len(match.group(1)) > 9:
                raise InputError(
                    f"{path.name}: id {number} of {key} is not like CXR2384_IM-0942; given: {shown(entry_id)}"
                )
            if splits.setdefault(int(match.group(1)), split) != split:
                crossing.append(match.string)
    if crossing:
        raise SharedSubjectsError(path.name, crossing, "{} uids")
    return splits, digest


def split_ids(path: Path) -> tuple[str, ...]:
    """All ids of such a file, as they stand there; what is no id is left to `read_split` to refuse."""
    document, _ = _read_object(path)
    entries = [item.get("id") if isinstance(item, dict) else item for key in SPLIT_OF_KEY for item in document[key]]
    return tuple(entry for entry in entries if isinstance(entry, str))


def uid_of(entry_id: str) -> int | None:
    """IU X-Ray uid in an R2Gen id; None where it has another form."""
    match = _UID.match(entry_id)
    return int(match.group(1)) if match and len(match.group(1)) <= 9 else None


def _read_object(path: Path) -> tuple[dict[str, list[Any]], str]:
    content = read_bytes(path)
    try:
        document = read_json(decode_text(content, path.name))
    except ValueError as error:
        raise InputError(f"{path.name} is not JSON ({error}); expected an object with train, val and test") from error
    if not isinstance(document, dict) or not all(isinstance(document.get(key), list) for key in SPLIT_OF_KEY):
        given = f"an object with {listed(map(shown, document))}" if isinstance(document, dict) else shown(document)
        raise InputError(f"{path.name}: expected an object with the lists train, val and test; given: {given}")
    return document, hashlib.sha256(content).hexdigest()


def _entry(item: Any, split: str, where: str) -> Entry:
    if not isinstance(item, dict):
        raise InputError(f"{where} is not an object with id, report and image_path; given: {shown(item)}")
    identity, report, images = item.get("id"), item.get("report"), item.get("image_path")
    if not isinstance(identity, str) or not is_id(identity) or not isinstance(report, str):
        given = "a text" if isinstance(report, str) else shown(report)
        raise InputError(f"{where} must have a text as id and as report; given: {shown(identity)} and {given}")
    paths = [images] if isinstance(images, str) else images
    if not isinstance(paths, list) or not all(isinstance(path, str) and is_inside(path) for path in paths):
        given = listed(map(shown, paths)) if isinstance(paths, list) and paths else shown(paths)
        raise InputError(f"{where} must have image_path, a list of paths inside the images folder; given: {given}")
    names = [item.get(key, "") for key in ("study_id", "subject_id")]
    if not all(
        isinstance(name, str | int) and not isinstance(name, bool) and str(name).isprintable() for name in names
    ):
        raise InputError(
            f"{where} has a study_id or subject_id that is neither text nor number: {listed(map(shown, names))}"
        )
    return Entry(identity, str(names[0]), str(names[1]), split, report, tuple(paths))


def is_inside(path: str) -> bool:
    """Whether a relative path names something inside the folder it is relative to."""
    parts = PurePosixPath(path)
    return bool(parts.name) and not parts.is_absolute() and ".." not in parts.parts and path.isprintable()
