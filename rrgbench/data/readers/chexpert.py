"""CheXpert (Irvin et al., AAAI 2019): 224,316 films with labels, no reports.

Read in its official layout: `train.csv` and `valid.csv` (or `.csv.gz`), whose `Path` column names films like
`CheXpert-v1.0-small/train/patient00001/study1/view1_frontal.jpg`; `test.csv` where it is there.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from rrgbench.data.corpus import Corpus
from rrgbench.data.films.check import check_films
from rrgbench.data.films.images import FilmFile, view_name
from rrgbench.data.priors import with_priors
from rrgbench.data.readers.label_policy import apply_policy, check_policy
from rrgbench.data.readers.label_tables import read_labels
from rrgbench.data.readers.patients import age_in_years, sex_of
from rrgbench.data.readers.tables import Table, existing_root, find_table, read_table
from rrgbench.data.splitting import hashed_fraction
from rrgbench.data.study import LabelVector, Study
from rrgbench.errors import InputError
from rrgbench.files import content_digest
from rrgbench.observations import OBSERVATIONS

NAME: Final = "chexpert"
VIEWS: Final = ("frontal", "lateral", "all")

LICENSE_NOTE: Final = (
    "CheXpert: Stanford University School of Medicine research use agreement; cite Irvin et al., AAAI 2019"
)

_PATH: Final = re.compile(
    r"(?:[^/]+/)?((?:train|valid|test)/(patient\d+)/(study\d+)/(view\d+_(frontal|lateral)\.[A-Za-z]+))"
)
_COLUMNS: Final = {name: name for name in OBSERVATIONS}


def load(
    root: Path | str | None = None,
    *,
    views: str = "frontal",
    uncertain: str = "keep",
    validate_fraction: float = 0.02,
    seed: int = 0,
    skip_bad_images: bool = False,
    check_images: bool = True,
) -> Corpus:
    """Read CheXpert.

    Films of one study are one `Study`, frontal first; its prior is the patient's study of the next lower number. The
    splits: `valid.csv`, labelled by radiologists, is the test split unless `test.csv` is there, then it validates.
    Without `test.csv` a share of the patients of `train.csv`, chosen by a seeded hash, validates.

    Parameters
    ----------
    root : path
        Folder with `train.csv` and `valid.csv` and the folders `train` and `valid`.
    views : str
        `frontal` (studies without a frontal film are not part of the corpus), `lateral`, or `all`.
    uncertain : str
        What an uncertain label becomes: `keep` (-1 stays), `u-ones`, `u-zeros` or `ignore` (unmentioned).
    validate_fraction : float
        Share of training patients that validate where there is no `test.csv`, 0 to below 1.
    seed : int
        Seed of that choice.
    skip_bad_images : bool
        Leave out films that are absent or can't be decoded; their number is appended to the corpus name.
    check_images : bool
        False does not look whether the films are there; whoever decodes an absent one meets the error.

    Returns
    -------
    Corpus
        Study ids like `train/patient00001/study1`; a blank cell is unmentioned. `labels_source` is `chexpert` for
        `train.csv` and `film` for the others.

    Raises
    ------
    InputError
        If the folder, a table, a column or a film is missing, a path or a cell is malformed, the films of a study
        disagree on its labels, or an option is not allowed.
    """
    check_policy(uncertain, NAME)
    if views not in VIEWS:
        raise InputError(f"corpus {NAME}: views must be one of {', '.join(VIEWS)}; given: {views!r}")
    if not 0 <= validate_fraction < 1:
        raise InputError(f"validate_fraction must be at least 0 and below 1; given: {validate_fraction}")
    folder = existing_root(root, NAME, "train.csv and valid.csv")
    tables = {part: _table(folder, part) for part in ("train", "valid")}
    if find_table(folder, "test.csv"):
        tables["test"] = _table(folder, "test")
    films: dict[str, list[FilmFile]] = {}
    labels: dict[str, LabelVector] = {}
    about: dict[str, Mapping[str, str]] = {}
    for table in tables.values():
        _collect(table, folder, films, labels, about)
    wanted = [
        film
        for group in films.values()
        for film in group
        if views == "all" or (film.view == "LATERAL") == (views == "lateral")
    ]
    checked = check_films(NAME, wanted, skip_bad_images, check_images)
    good: dict[str, list[FilmFile]] = {}
    for film in checked.good:
        good.setdefault(film.study_id, []).append(film)
    studies = []
    for study_id, group in good.items():
        part, subject, number = study_id.split("/")
        split = {"train": "train", "valid": "validate" if "test" in tables else "test", "test": "test"}[part]
        if part == "train" and "test" not in tables and hashed_fraction(subject, seed) < validate_fraction:
            split = "validate"
        studies.append(
            Study(
                study_id=study_id,
                subject_id=subject,
                split=split,
                images=tuple(sorted(group, key=lambda film: film.view == "LATERAL")),
                labels=apply_policy(labels[study_id], uncertain),
                labels_source="chexpert" if part == "train" else "film",
                order=int(number.removeprefix("study")),
                age=age_in_years(about[study_id].get("Age", "")),
                sex=sex_of(about[study_id].get("Sex", "")),
            )
        )
    digest = content_digest(
        {table.name: table.digest for table in tables.values()},
        checked.sizes,
        {"views": views, "uncertain": uncertain, "validate_fraction": validate_fraction, "seed": seed},
    )
    return Corpus(NAME + checked.suffix, digest, with_priors(studies), license_note=LICENSE_NOTE)


def _table(folder: Path, part: str) -> Table:
    path = find_table(folder, f"{part}.csv")
    if path is None:
        raise InputError(f"corpus {NAME}: the root has no {part}.csv")
    return read_table(path, ("Path", *OBSERVATIONS))


def _collect(
    table: Table,
    folder: Path,
    films: dict[str, list[FilmFile]],
    labels: dict[str, LabelVector],
    about: dict[str, Mapping[str, str]],
) -> None:
    """Add the films, the labels and the first row of one table, by study."""
    seen: set[str] = set()
    for number, row in enumerate(table.rows, start=1):
        match = _PATH.fullmatch(row["Path"])
        if match is None:
            raise InputError(
                f"{table.name} row {number}: expected a Path like train/patient00001/study1/view1_frontal.jpg"
            )
        inside, side = match.group(1), match.group(5)
        study_id = inside.rsplit("/", 1)[0]
        if inside in seen:
            raise InputError(f"{table.name} row {number}: the film {inside} occurs twice")
        seen.add(inside)
        vector = read_labels(row, _COLUMNS, f"{table.name} study {study_id}")
        if (labels.setdefault(study_id, vector) != vector).any():
            raise InputError(f"{table.name}: the films of study {study_id} have different labels")
        view = "LATERAL" if side == "lateral" else view_name(row.get("AP/PA", ""))
        films.setdefault(study_id, []).append(FilmFile(folder / inside, view, study_id))
        about.setdefault(study_id, row)
