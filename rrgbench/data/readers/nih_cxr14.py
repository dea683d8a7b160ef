"""ChestX-ray14 (Wang et al., CVPR 2017): 112,120 frontal films with 14 findings mined from reports that stay private.

Read in its official layout: `Data_Entry_2017_v2020.csv` (or the older `Data_Entry_2017.csv`), `train_val_list.txt`,
`test_list.txt`, films in `images/` or in `images_001/images/` to `images_012/images/`.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from rrgbench.data.corpus import Corpus
from rrgbench.data.films.check import check_films
from rrgbench.data.films.images import FilmFile, view_name
from rrgbench.data.priors import with_priors
from rrgbench.data.readers.absent import say_what_is_absent
from rrgbench.data.readers.patients import age_in_years, sex_of
from rrgbench.data.readers.tables import (
    Table,
    decode_text,
    existing_root,
    find_table,
    is_id,
    read_bytes,
    read_table,
    shown,
    without,
)
from rrgbench.data.splitting import hashed_fraction
from rrgbench.data.study import LabelVector, Study, blank_labels
from rrgbench.errors import InputError, listed
from rrgbench.files import content_digest
from rrgbench.observations import NEGATIVE, OBSERVATIONS, POSITIVE, observation_index

NAME: Final = "nih-cxr14"

OBSERVATION_OF_FINDING: Final[Mapping[str, str | None]] = {
    "Atelectasis": "Atelectasis",
    "Cardiomegaly": "Cardiomegaly",
    "Consolidation": "Consolidation",
    "Edema": "Edema",
    "Effusion": "Pleural Effusion",
    "Emphysema": None,
    "Fibrosis": None,
    "Hernia": None,
    "Infiltration": "Lung Opacity",
    "Mass": "Lung Lesion",
    "No Finding": "No Finding",
    "Nodule": "Lung Lesion",
    "Pleural_Thickening": "Pleural Other",
    "Pneumonia": "Pneumonia",
    "Pneumothorax": "Pneumothorax",
}
"""CheXpert observation of each ChestX-ray14 finding; None where there is no counterpart."""

LABELLED: Final = tuple(name for name in OBSERVATIONS if name in OBSERVATION_OF_FINDING.values())
"""Observations the data set speaks about: all but Enlarged Cardiomediastinum, Fracture and Support Devices."""

LICENSE_NOTE: Final = (
    "NIH ChestX-ray14: free use; cite Wang et al., CVPR 2017, and acknowledge the NIH Clinical Center as provider"
)

_COLUMNS: Final = ("Image Index", "Finding Labels", "Patient ID", "View Position")
_FURTHER: Final = ("Follow-up #", "Patient Age", "Patient Gender")


def load(
    root: Path | str | None = None,
    *,
    validate_fraction: float = 0.1,
    seed: int = 0,
    skip_bad_images: bool = False,
    check_images: bool = True,
) -> Corpus:
    """Read ChestX-ray14.

    Each film is a study of its own; its prior is the patient's film of the next lower follow-up number. The official
    test list is the test split; of the official train-and-validate list, about `validate_fraction` of the patients,
    chosen by a seeded hash of the patient, are the validate split. There are no reports.

    Parameters
    ----------
    root : path
        Folder in the official layout.
    validate_fraction : float
        Share of train-and-validate patients that validate, 0 to below 1.
    seed : int
        Seed of that choice.
    skip_bad_images : bool
        Leave out films that are absent or can't be decoded; their number is appended to the corpus name.
    check_images : bool
        False does not look whether the films are there; whoever decodes an absent one meets the error.

    Returns
    -------
    Corpus
        Labels from the film (`labels_source` is `film`): 1 where listed, 0 where not, unmentioned for the three
        observations the data set does not label.

    Raises
    ------
    InputError
        If the folder, a table, a column or a film is missing, a film is in no list or in both, a finding is unknown, or
        an id occurs twice.
    """
    if not 0 <= validate_fraction < 1:
        raise InputError(f"validate_fraction must be at least 0 and below 1; given: {validate_fraction}")
    folder = existing_root(root, NAME, "Data_Entry_2017_v2020.csv, train_val_list.txt, test_list.txt and images")
    path = find_table(folder, "Data_Entry_2017_v2020.csv", "Data_Entry_2017.csv")
    if path is None:
        raise without(NAME, folder, "Data_Entry_2017_v2020.csv", "Data_Entry_2017.csv")
    table = read_table(path, _COLUMNS, official=(*_COLUMNS, *_FURTHER))
    official, list_digests = _official_split(folder, table)
    where = _film_paths(folder)
    films = [
        FilmFile(_place(name, where, folder), view_name(row["View Position"]), Path(name).stem)
        for row in table.rows
        for name in [row["Image Index"]]
    ]
    checked = check_films(NAME, films, skip_bad_images, check_images)
    usable = {film.study_id: film for film in checked.good}
    studies = []
    for row in table.rows:
        film = usable.get(Path(row["Image Index"]).stem)
        if film is None:
            continue
        subject = row["Patient ID"]
        split = official[row["Image Index"]]
        if split == "train" and hashed_fraction(subject, seed) < validate_fraction:
            split = "validate"
        labels = _labels(row["Finding Labels"], film.study_id, table.name)
        studies.append(
            Study(
                film.study_id,
                subject,
                split,
                (film,),
                labels=labels,
                labels_source="film",
                order=_order(row, table, film.study_id),
                age=age_in_years(row.get("Patient Age", "")),
                sex=sex_of(row.get("Patient Gender", "")),
            )
        )
    digest = content_digest(
        {table.name: table.digest, **list_digests},
        checked.sizes,
        {"validate_fraction": validate_fraction, "seed": seed},
    )
    say_what_is_absent(NAME, studies, films=f"those of {table.name} in images and images_0*")
    return Corpus(NAME + checked.suffix, digest, with_priors(studies), LABELLED, license_note=LICENSE_NOTE)


def _order(row: Mapping[str, str], table: Table, study_id: str) -> int | None:
    """The film's follow-up number; None where the table has no such column."""
    number = row.get("Follow-up #", "")
    if number and not (number.isdecimal() and number.isascii()):
        raise InputError(f"{table.name}: the Follow-up # of study {study_id} is not a number; given: {shown(number)}")
    return int(number) if number else None


def _official_split(folder: Path, table: Table) -> tuple[dict[str, str], dict[str, str]]:
    """Split of each film by file name (`train` stands for train-and-validate), and the digests of the lists."""
    split: dict[str, str] = {}
    digests: dict[str, str] = {}
    for name, part in (("train_val_list.txt", "train"), ("test_list.txt", "test")):
        if not (folder / name).is_file():
            raise InputError(f"corpus {NAME}: the root has no {name}; it ships beside the table of labels")
        content = read_bytes(folder / name)
        digests[name] = hashlib.sha256(content).hexdigest()
        listed_films = decode_text(content, name).split()
        both = [film for film in listed_films if split.get(film, part) != part]
        if both:
            raise InputError(f"corpus {NAME}: {len(both)} films are in both split lists: {listed(both)}")
        split.update(dict.fromkeys(listed_films, part))
    films = [row["Image Index"] for row in table.rows]
    for number, film in enumerate(films, start=1):
        if not is_id(film) or "/" in film or "\\" in film:
            raise InputError(
                f"{table.name} row {number}: expected an Image Index like 00000001_000.png; given: {shown(film)}"
            )
    unlisted = [film for film in films if film not in split]
    if unlisted:
        raise InputError(
            f"corpus {NAME}: {len(unlisted)} films of {table.name} are in no split list: {listed(unlisted)}; add them"
        )
    unknown = sorted(split.keys() - set(films))
    if unknown:
        raise InputError(
            f"corpus {NAME}: the split lists name {len(unknown)} films that {table.name} lacks: {listed(unknown)}; "
            "cut the lists to the table"
        )
    return split, digests


def _film_paths(folder: Path) -> dict[str, Path]:
    """Path of every file in the image folders by file name."""
    folders = [folder / "images", *sorted(folder.glob("images_0*/images")), *sorted(folder.glob("images_0*"))]
    present = [images for images in folders if images.is_dir()]
    if not present:
        raise InputError(f"corpus {NAME}: the root has no images folder (images, or images_001/images and on)")
    return {path.name: path for images in present for path in images.iterdir() if path.suffix}


def _place(name: str, where: Mapping[str, Path], folder: Path) -> Path:
    """Where a film lies, also where a copy keeps it in another format than the table says."""
    others = (Path(name).with_suffix(ending).name for ending in (".jpg", ".jpeg", ".png"))
    return next((where[one] for one in (name, *others) if one in where), folder / "images" / name)


def _labels(findings: str, study_id: str, table: str) -> LabelVector:
    """Map a cell like `Effusion|Mass` to the 14 observations."""
    labels = blank_labels()
    labels[[observation_index(name) for name in LABELLED]] = NEGATIVE
    for finding in findings.split("|"):
        if finding not in OBSERVATION_OF_FINDING:
            raise InputError(
                f"{table}: study {study_id} has a finding that ChestX-ray14 does not know: {shown(finding, 4)}; "
                "expected names like 'Effusion|Pleural_Thickening'"
            )
        observation = OBSERVATION_OF_FINDING[finding]
        if observation is not None:
            labels[observation_index(observation)] = POSITIVE
    return labels
