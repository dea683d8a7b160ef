"""MIMIC-CXR with MIMIC-CXR-JPG (Johnson et al., 2019): 227,827 studies with reports, films and labels.

Two layouts are read:

- the official one: `mimic-cxr-2.0.0-split.csv`, `-metadata.csv`, `-chexpert.csv` (or `-negbio.csv`; plain or gzipped,
  any version number), reports as `files/p10/p10000032/s50414267.txt` (or below `mimic-cxr-reports/`, or in a tree of
  their own, or as `mimic_cxr_sectioned.csv`), films as
  `files/p10/p10000032/s50414267/<dicom_id>.jpg` (or `.png`, `.dcm`);
- R2Gen's `annotation.json` with `images/p10/...`, where every film is an entry of its own.

A copy without any film serves as text only, one without reports as films only.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from rrgbench.data.corpus import Corpus
from rrgbench.data.films.check import check_films
from rrgbench.data.films.images import FilmFile, view_name
from rrgbench.data.priors import orders, with_priors
from rrgbench.data.readers.absent import say_what_is_absent
from rrgbench.data.readers.label_policy import apply_policy, check_policy
from rrgbench.data.readers.label_tables import read_labels
from rrgbench.data.readers.mimic_files import (
    FILMS_LOOKED_FOR,
    REPORTS_LOOKED_FOR,
    StudyKey,
    find_films,
    find_versioned,
    read_sections,
)
from rrgbench.data.readers.patients import iso_date
from rrgbench.data.readers.r2gen_annotation import read_annotation
from rrgbench.data.readers.tables import Table, existing_root, is_id, read_table, shown, without
from rrgbench.data.sections import check_section, other_sections, section_words, target_report
from rrgbench.data.study import LabelVector, Study
from rrgbench.errors import InputError, listed
from rrgbench.files import content_digest
from rrgbench.observations import OBSERVATIONS

NAME: Final = "mimic-cxr"
LABELS: Final = ("chexpert", "negbio", "none")
VIEWS: Final = ("all", "frontal")

LICENSE_NOTE: Final = (
    "MIMIC-CXR: PhysioNet credentialed health data licence 1.5.0; cite Johnson et al., Scientific Data 2019"
)

_COLUMNS: Final = {name: name for name in OBSERVATIONS}


def load(
    root: Path | str | None = None,
    *,
    section: str = "findings",
    labels: str = "chexpert",
    uncertain: str = "keep",
    views: str = "all",
    reports_folder: Path | str | None = None,
    skip_bad_images: bool = False,
    check_images: bool = True,
) -> Corpus:
    """Read MIMIC-CXR.

    Parameters
    ----------
    root : path
        Folder in one of the two layouts.
    section : str
        Target report: `findings`, `impression` or `both`. A study without that section stays, with report None.
        `annotation.json` holds findings only.
    labels : str
        `chexpert` or `negbio` (MIMIC-CXR-JPG's tables of the whole report's labels), or `none`. Studies the table
        lacks, and all of `annotation.json`, have no labels.
    uncertain : str
        What an uncertain label becomes: `keep`, `u-ones`, `u-zeros` or `ignore`.
    views : str
        `all`, frontal films first, or `frontal`: PA and AP only. Studies left without a film are text only, or are not
        part of the corpus if they have no report either.
    reports_folder : path, optional
        Where the reports lie if not below the root: a folder with `files/p10/...` or `p10/...` or
        `mimic_cxr_sectioned.csv`, or that table.
    skip_bad_images : bool
        Leave out films that are absent or can't be decoded; their number is appended to the corpus name.
    check_images : bool
        False does not look whether the films are there; whoever decodes an absent one meets the error.

    Returns
    -------
    Corpus
        Study ids like `s50414267`, subject ids like `p10000032`; a study's prior is the patient's last one before its
        (shifted) StudyDate and StudyTime, where the metadata hold them; from `annotation.json` the ids of its entries.

    Raises
    ------
    InputError
        If the folder has neither layout, holds neither reports nor films, a table or a column is missing, some of the
        films are absent, the films of a study are in two splits, or an option is not allowed.
    """
    check_section(section, NAME)
    check_policy(uncertain, NAME)
    for name, value, allowed in (("labels", labels, LABELS), ("views", views, VIEWS)):
        if value not in allowed:
            raise InputError(f"corpus {NAME}: {name} must be one of {', '.join(allowed)}; given: {value!r}")
    folder = existing_root(root, NAME, "mimic-cxr-2.0.0-split.csv, -metadata.csv and files, or annotation.json")
    if find_versioned(folder, "split") is None and (folder / "annotation.json").is_file():
        return _from_annotation(folder, section, skip_bad_images, check_images)
    tables = {part: _table(folder, part) for part in ("split", "metadata")}
    if labels != "none":
        tables[labels] = _table(folder, labels)
    splits = _study_splits(tables["split"])
    vectors = {} if labels == "none" else _labels(tables[labels])
    reports, reports_digest = read_sections(_reports_place(folder, reports_folder), list(splits))
    moments = _moments(tables["metadata"])
    order = orders({key: (key.subject, moment) for key, moment in moments.items()})
    listed_films = _films(tables["metadata"], splits)
    _check_complete(tables["split"], tables["metadata"])
    place = find_films(folder, ((key, dicom_id) for key, dicom_id, _ in listed_films))
    if place is None and not reports:
        raise InputError(
            f"corpus {NAME}: below the root there is neither a report nor a film in files/p10/p10.../s5...; reports in "
            "another tree are named with the option reports_folder"
        )
    base, suffix = place or (folder, "")
    films = [
        FilmFile(base / key.folder / f"{dicom_id}{suffix}", view, f"s{key.study}")
        for key, dicom_id, view in (listed_films if place else ())
        if views == "all" or view in ("PA", "AP")
    ]
    checked = check_films(NAME, films, skip_bad_images, check_images)
    good: dict[str, list[FilmFile]] = {}
    for film in checked.good:
        good.setdefault(film.study_id, []).append(film)
    studies = []
    for key, split in splits.items():
        films_of = good.get(f"s{key.study}", ())
        # a film of unknown view is frontal more often than not
        images = sorted(films_of, key=lambda film: (film.view == "LATERAL", film.view not in ("PA", "AP")))
        if not images and key not in reports:
            continue
        sections = reports.get(key, {})
        vector = vectors.get(key)
        studies.append(
            Study(
                study_id=f"s{key.study}",
                subject_id=f"p{key.subject}",
                split=split,
                images=tuple(images),
                report=target_report(sections, section),
                sections=other_sections(sections, section),
                labels=None if vector is None else apply_policy(vector, uncertain),
                labels_source="" if vector is None else labels,
                order=order.get(key),
                date=moments[key][0] if key in moments else "",
            )
        )
    digest = content_digest(
        {table.name: table.digest for table in tables.values()} | {"reports": reports_digest},
        checked.sizes,
        {"section": section, "labels": labels, "uncertain": uncertain, "views": views},
    )
    reports_text = f"{section} of {REPORTS_LOOKED_FOR}"
    say_what_is_absent(NAME, studies, films=FILMS_LOOKED_FOR, reports=reports_text)
    return Corpus(
        NAME + checked.suffix,
        digest,
        with_priors(studies),
        license_note=LICENSE_NOTE,
        section=section_words(section),
        other_ids=_names_of_unread_films(listed_films, studies),
    )


def _names_of_unread_films(
    listed_films: Sequence[tuple[StudyKey, str, str]], studies: Sequence[Study]
) -> dict[str, str]:
    """Studies by the films that the metadata list and the corpus is read without; others tell their study by name."""
    read = {film.path.stem for study in studies for film in study.images if isinstance(film, FilmFile)}
    kept = {study.study_id for study in studies}
    named = {dicom_id: f"s{key.study}" for key, dicom_id, _ in listed_films if dicom_id not in read}
    return {dicom_id: study for dicom_id, study in named.items() if study in kept}


def _reports_place(folder: Path, reports_folder: Path | str | None) -> Path:
    if reports_folder is None:
        return folder
    place = Path(reports_folder)
    if not place.exists():
        raise InputError(f"corpus {NAME}: there is nothing at reports_folder; given: {reports_folder}")
    return place


def _from_annotation(folder: Path, section: str, skip_bad_images: bool, check_images: bool) -> Corpus:
    """R2Gen's copy: one study per entry, that is per film, so that counts are those of papers that use it."""
    if section != "findings":
        raise InputError(f"corpus {NAME}: annotation.json holds findings only; use section 'findings'")
    entries, digest = read_annotation(folder / "annotation.json")
    unnamed = [entry.entry_id for entry in entries if not entry.subject_id]
    if unnamed:
        raise InputError(
            f"corpus {NAME}: {len(unnamed)} entries of annotation.json have no subject_id: {listed(unnamed)}; "
            "is it the file of another data set?"
        )
    images = folder / "images"
    films = {
        entry.entry_id: [FilmFile(images / path, "", entry.entry_id) for path in entry.image_paths]
        for entry in (entries if images.is_dir() else ())
    }
    checked = check_films(NAME, [film for group in films.values() for film in group], skip_bad_images, check_images)
    good = set(checked.good)
    studies = [
        Study(
            study_id=entry.entry_id,
            subject_id=f"p{entry.subject_id}",
            split=entry.split,
            images=tuple(film for film in films.get(entry.entry_id, ()) if film in good),
            report=entry.report.strip() or None,
        )
        for entry in entries
    ]
    digest = content_digest({"annotation.json": digest}, checked.sizes, {"section": section})
    say_what_is_absent(
        NAME, studies, films="image_path of annotation.json in images", reports="report of annotation.json"
    )
    return Corpus(NAME + checked.suffix, digest, studies, license_note=LICENSE_NOTE, section=section_words(section))


def _table(folder: Path, part: str) -> Table:
    path = find_versioned(folder, part)
    if path is None:
        raise without(NAME, folder, f"mimic-cxr-2.0.0-{part}.csv", advice="get it from MIMIC-CXR-JPG")
    columns = {"split": ("dicom_id", "split"), "metadata": ("dicom_id", "ViewPosition")}
    return read_table(path, ("subject_id", "study_id", *columns.get(part, OBSERVATIONS)))


def _key(row: dict[str, str], table: Table) -> StudyKey:
    """Key of a row, refused unless it is two numbers: it becomes part of a path."""
    subject, study = (row[column].removesuffix(".0") for column in ("subject_id", "study_id"))
    if not (subject.isdecimal() and study.isdecimal() and subject.isascii() and study.isascii()):
        given = listed(shown(row[column]) for column in ("subject_id", "study_id"))
        raise InputError(f"{table.name} has a subject_id or study_id that is not a number; given: {given}")
    return StudyKey(subject, study)


def _study_splits(table: Table) -> dict[StudyKey, str]:
    splits: dict[StudyKey, str] = {}
    crossing = []
    for row in table.rows:
        key = _key(row, table)
        if splits.setdefault(key, row["split"]) != row["split"]:
            crossing.append(f"s{key.study}")
    if crossing:
        raise InputError(f"{table.name}: the films of {len(crossing)} studies are in two splits: {listed(crossing)}")
    return splits


def _films(table: Table, splits: dict[StudyKey, str]) -> list[tuple[StudyKey, str, str]]:
    """Key, dicom id and view of each film, in the table's order."""
    films = []
    seen: set[str] = set()
    twice, unknown = [], []
    for row in table.rows:
        key, dicom_id = _key(row, table), row["dicom_id"]
        if not is_id(dicom_id) or "/" in dicom_id or "\\" in dicom_id or dicom_id in (".", ".."):
            given = shown(dicom_id)
            raise InputError(
                f"{table.name}: a film of study s{key.study} has a dicom_id that is no file name; given: {given}"
            )
        if dicom_id in seen:
            twice.append(dicom_id)
        seen.add(dicom_id)
        if key not in splits:
            unknown.append(f"s{key.study}")
        films.append((key, dicom_id, view_name(row["ViewPosition"])))
    if twice:
        raise InputError(f"{table.name}: {len(twice)} films occur twice: {listed(twice)}")
    if unknown:
        raise InputError(f"{table.name}: {len(unknown)} films belong to studies without a split: {listed(unknown)}")
    return films


def _check_complete(split: Table, metadata: Table) -> None:
    """Refuse a metadata table that was cut: studies would be lost without a word."""
    there = {row["dicom_id"] for row in metadata.rows}
    lost = [row for row in split.rows if row["dicom_id"] not in there]
    if lost:
        studies = dict.fromkeys(f"s{_key(row, split).study}" for row in lost)
        raise InputError(
            f"{metadata.name} lacks {len(lost)} films of {len(studies)} studies that {split.name} names: "
            f"{listed(studies)}; get the table again, or take the same films out of both"
        )


def _moments(table: Table) -> dict[StudyKey, tuple[str, float]]:
    """Date and time of day of each study's first film; without the studies whose date the table lacks."""
    found: dict[StudyKey, tuple[str, float]] = {}
    for row in table.rows:
        key = _key(row, table)
        day = iso_date(row.get("StudyDate", ""), f"{table.name}: StudyDate of study s{key.study}")
        time = row.get("StudyTime", "") or "0"
        if not re.fullmatch(r"\d{1,6}(?:\.\d*)?", time):
            raise InputError(
                f"{table.name}: StudyTime of study s{key.study} is not like 213014.531; given: {shown(time)}"
            )
        if day:
            found[key] = min(found.get(key, (day, float(time))), (day, float(time)))
    return found


def _labels(table: Table) -> dict[StudyKey, LabelVector]:
    vectors: dict[StudyKey, LabelVector] = {}
    for row in table.rows:
        key = _key(row, table)
        if key in vectors:
            raise InputError(f"{table.name}: study s{key.study} occurs twice")
        vectors[key] = read_labels(row, _COLUMNS, f"{table.name} study s{key.study}")
    return vectors
