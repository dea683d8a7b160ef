"""Where the parts of a MIMIC-CXR copy lie, and its reports read from disk."""

import hashlib
import re
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from os import cpu_count
from pathlib import Path
from typing import Final

from rrgbench.data.films.images import file_size
from rrgbench.data.readers.tables import find_table, read_table, shown
from rrgbench.data.sections import cut_sections, fold
from rrgbench.errors import InputError
from rrgbench.files import read_regular

FILM_SUFFIXES: Final = (".jpg", ".png", ".dcm")

_REPORT_FOLDERS: Final = ("files", "mimic-cxr-reports/files", "mimic-cxr-reports", "reports")
_FILM_FOLDERS: Final = ("files", "images", "mimic-cxr-jpg/files")
_MAX_REPORT_BYTES: Final = 1_000_000
_SECTIONED: Final = "mimic_cxr_sectioned.csv"
_SECTIONS: Final = ("findings", "impression", "last_paragraph", "comparison")
REPORTS_LOOKED_FOR: Final = f"p10/p10.../s5....txt below {', '.join(_REPORT_FOLDERS)}, and {_SECTIONED}"
FILMS_LOOKED_FOR: Final = f"p10/p10.../s5.../*{', *'.join(FILM_SUFFIXES)} below {', '.join(_FILM_FOLDERS)}"


@dataclass(frozen=True)
class StudyKey:
    """Numbers of one study, as the tables hold them: `10000032` and `50414267`."""

    subject: str
    study: str

    @property
    def folder(self) -> Path:
        """Its folder below `files`: `p10/p10000032/s50414267`."""
        return Path(f"p{self.subject[:2]}", f"p{self.subject}", f"s{self.study}")


def find_versioned(folder: Path, part: str) -> Path | None:
    """Newest `mimic-cxr-<version>-<part>.csv` or `.csv.gz` of a folder; None where there is none."""
    pattern = re.compile(rf"mimic-cxr-(\d+(?:\.\d+)*)-{re.escape(part)}\.csv(?:\.gz)?")
    found = [
        (tuple(int(number) for number in match.group(1).split(".")), path)
        for path in sorted(folder.iterdir())
        if (match := pattern.fullmatch(path.name)) and path.is_file()
    ]
    return max(found)[1] if found else None


def read_sections(place: Path, keys: Sequence[StudyKey]) -> tuple[dict[StudyKey, dict[str, str]], str]:
    """Read the report of every study that has one, cut into sections.

    Parameters
    ----------
    place : Path
        Folder with a tree of reports or, where it has none, with `mimic_cxr_sectioned.csv` (the table that the
        MIMIC-CXR code base's section parser writes); or that table itself.
    keys : sequence of StudyKey
        The studies.

    Returns
    -------
    sections : dict of StudyKey to dict
        Text by section; studies without a report are absent.
    digest : str
        SHA-256 over ids and texts.

    Raises
    ------
    InputError
        If a report is longer than any report is, or can't be read, naming its study, or the table is malformed.
    """
    if place.is_file():
        return _read_sectioned(place, keys)
    reports, digest = _read_tree(place, keys)
    table = find_table(place, _SECTIONED)
    if not reports and table is not None:
        return _read_sectioned(table, keys)
    return {key: cut_sections(text) for key, text in reports.items()}, digest


def _read_sectioned(path: Path, keys: Sequence[StudyKey]) -> tuple[dict[StudyKey, dict[str, str]], str]:
    table = read_table(path, ("study", "findings", "impression"))
    by_number = {key.study: key for key in keys}
    sections: dict[StudyKey, dict[str, str]] = {}
    for row in table.rows:
        number = row["study"].removeprefix("s")
        if not (number.isdecimal() and number.isascii()):
            raise InputError(f"{table.name} has a study that is not like s50414267; given: {shown(row['study'])}")
        key = by_number.get(number)
        if key in sections:
            raise InputError(f"{table.name}: study s{number} occurs twice")
        if key is not None:
            sections[key] = {name: fold(row[name]) for name in _SECTIONS if row.get(name, "").strip()}
    return sections, table.digest


def _read_tree(folder: Path, keys: Sequence[StudyKey]) -> tuple[dict[StudyKey, str], str]:
    """Whole text of each report that has a file, and SHA-256 over ids and texts."""
    base = next(
        (
            folder / name
            for name in (*_REPORT_FOLDERS, ".")
            if any(file_size((folder / name / key.folder).with_suffix(".txt")) is not None for key in keys)
        ),
        None,
    )
    if base is None:
        return {}, ""
    with ThreadPoolExecutor(max_workers=4 * (cpu_count() or 1)) as pool:
        texts = pool.map(lambda key: _read_report((base / key.folder).with_suffix(".txt")), keys)
        reports = {key: text for key, text in zip(keys, texts, strict=True) if text is not None}
    digest = hashlib.sha256()
    for key in sorted(reports, key=lambda key: key.study):
        digest.update(f"{key.study}\0{reports[key]}\0".encode())
    return reports, digest.hexdigest()


def find_films(folder: Path, films: Iterable[tuple[StudyKey, str]]) -> tuple[Path, str] | None:
    """Folder and suffix of a copy's films, told by the first film that is found; None if there is not one film."""
    bases = [folder / name for name in _FILM_FOLDERS if (folder / name).is_dir()]
    for key, dicom_id in films:
        for base in bases:
            for suffix in FILM_SUFFIXES:
                if file_size(base / key.folder / f"{dicom_id}{suffix}") is not None:
                    return base, suffix
    return None


def _read_report(path: Path) -> str | None:
    try:
        content = read_regular(path, _MAX_REPORT_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InputError(f"the report of study {path.stem} can't be read ({type(error).__name__})") from error
    if len(content) > _MAX_REPORT_BYTES:
        raise InputError(f"the report of study {path.stem} has more than {_MAX_REPORT_BYTES:,} bytes; it is no report")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"the report of study {path.stem} is not UTF-8; get the file again") from error
