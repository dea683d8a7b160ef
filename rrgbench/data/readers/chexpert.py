"""CheXpert (Irvin et al., AAAI 2019): 224,316 films with labels, no reports.

Read in its official layout: `train.csv` and `valid.csv` or `val_labels.csv` (or `.csv.gz`), whose `Path` column names
films like `CheXpert-v1.0-small/train/patient00001/study1/view1_frontal.jpg`; `test.csv` or the official
`test_labels.csv` where it is there.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np

from rrgbench.data.corpus import Corpus
from rrgbench.data.films.check import check_films
from rrgbench.data.films.images import FilmFile, view_name
from rrgbench.data.priors import with_priors
from rrgbench.data.readers.absent import say_what_is_absent
from rrgbench.data.readers.label_policy import apply_policy, check_policy
from rrgbench.data.readers.label_tables import read_labels
from rrgbench.data.readers.patients import age_in_years, sex_of
from rrgbench.data.readers.tables import Table, existing_root, find_table, read_table, shown, without
from rrgbench.data.splitting import hashed_fraction
from rrgbench.data.study import LabelVector, Study
from rrgbench.errors import InputError, listed
from rrgbench.files import content_digest
from rrgbench.observations import NEGATIVE, OBSERVATIONS, POSITIVE, UNCERTAIN, UNMENTIONED

NAME: Final = "chexpert"
VIEWS: Final = ("frontal", "lateral", "all")
FILM_LABELS: Final = ("refuse", "first", "any-positive")
"""What becomes of a study whose films have different labels."""

LICENSE_NOTE: Final = (
    "CheXpert: Stanford University School of Medicine research use agreement; cite Irvin et al., AAAI 2019"
)

_PATH: Final = re.compile(
    r"(?:[^/]+/)?((train|valid|val|test)/(patient\d+)/(study\d+)/(view\d+_(frontal|lateral)\.[A-Za-z]+))"
)
_COLUMNS: Final = {name: name for name in OBSERVATIONS}
_TABLES: Final = {
    "train": ("train.csv",),
    "valid": ("valid.csv", "val_labels.csv"),
    "test": ("test.csv", "test_labels.csv"),
}
_PART: Final = {"val": "valid"}
_STRENGTH: Final = (UNMENTIONED, NEGATIVE, UNCERTAIN, POSITIVE)


def load(
    root: Path | str | None = None,
    *,
    views: str = "frontal",
    uncertain: str = "keep",
    film_labels: str = "refuse",
    validate_fraction: float = 0.02,
    seed: int = 0,
    skip_bad_images: bool = False,
    check_images: bool = True,
) -> Corpus:
    """Read CheXpert.

    Films of one study are one `Study`, frontal first; its prior is the patient's study of the next lower number. The
    splits: `valid.csv`, labelled by radiologists, is the test split unless there is a table of the test set, then
    it validates. Without one a share of the patients of `train.csv`, chosen by a seeded hash, validates.

    Parameters
    ----------
    root : path
        Folder with `train.csv` and `valid.csv` and the folders `train` and `valid`.
    views : str
        `frontal` (studies without a frontal film are not part of the corpus), `lateral`, or `all`.
    uncertain : str
        What an uncertain label becomes: `keep` (-1 stays), `u-ones`, `u-zeros` or `ignore` (unmentioned).
    film_labels : str
        The labels of a study whose films have different ones: `refuse` the corpus, those of the `first` film of the
        table, or `any-positive`: of each observation the strongest of positive, uncertain, negative, unmentioned.
    validate_fraction : float
        Share of training patients that validate where there is no table of the test set, 0 to below 1.
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
        disagree on its labels and `film_labels` is `refuse`, or an option is not allowed.
    """
    check_policy(uncertain, NAME)
    if views not in VIEWS:
        raise InputError(f"corpus {NAME}: views must be one of {', '.join(VIEWS)}; given: {views!r}")
    if film_labels not in FILM_LABELS:
        raise InputError(f"corpus {NAME}: film_labels must be one of {', '.join(FILM_LABELS)}; given: {film_labels!r}")
    if not 0 <= validate_fraction < 1:
        raise InputError(f"validate_fraction must be at least 0 and below 1; given: {validate_fraction}")
    folder = existing_root(root, NAME, "train.csv and valid.csv")
    tables = {part: _table(folder, part) for part in ("train", "valid")}
    if find_table(folder, *_TABLES["test"]):
        tables["test"] = _table(folder, "test")
    films: dict[str, list[FilmFile]] = {}
    labels: dict[str, LabelVector] = {}
    about: dict[str, Mapping[str, str]] = {}
    for table in tables.values():
        _collect(table, folder, film_labels, films, labels, about)
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
        {"views": views, "uncertain": uncertain, "validate_fraction": validate_fraction, "seed": seed}
        | ({} if film_labels == "refuse" else {"film_labels": film_labels}),
    )
    named = listed(table.name for table in tables.values())
    say_what_is_absent(NAME, studies, films=f"{'' if views == 'all' else views + ' '}films that {named} name")
    return Corpus(NAME + checked.suffix, digest, with_priors(studies), license_note=LICENSE_NOTE)


def _table(folder: Path, part: str) -> Table:
    path = find_table(folder, *_TABLES[part])
    if path is None:
        raise without(NAME, folder, *_TABLES[part])
    return read_table(path, ("Path", *OBSERVATIONS))


def _collect(
    table: Table,
    folder: Path,
    film_labels: str,
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
                f"{table.name} row {number}: expected a Path like train/patient00001/study1/view1_frontal.jpg; "
                f"given: {shown(row['Path'])}"
            )
        inside, part, side = match.group(1), match.group(2), match.group(6)
        study_id = f"{_PART.get(part, part)}/{match.group(3)}/{match.group(4)}"
        if inside in seen:
            raise InputError(f"{table.name} row {number}: the film {inside} occurs twice")
        seen.add(inside)
        vector = read_labels(row, _COLUMNS, f"{table.name} study {study_id}")
        first = labels.setdefault(study_id, vector)
        if (first != vector).any():
            if film_labels == "refuse":
                raise InputError(
                    f"{table.name}: the films of study {study_id} have different labels; choose with the option "
                    "film_labels=first or film_labels=any-positive"
                )
            if film_labels == "any-positive":
                labels[study_id] = _stronger(first, vector)
        direction = view_name(row.get("AP/PA", ""))
        # which film is lateral its name says; the table calls a few frontal ones LL or RL
        view = "LATERAL" if side == "lateral" else direction if direction != "LATERAL" else ""
        films.setdefault(study_id, []).append(FilmFile(_place(folder, inside, part), view, study_id))
        about.setdefault(study_id, row)


def _place(folder: Path, inside: str, part: str) -> Path:
    """Where a film lies; the validation set's folder is called `valid` or `val`, whatever its table says."""
    other = {"valid": "val", "val": "valid"}.get(part)
    if other and not (folder / part).is_dir() and (folder / other).is_dir():
        return folder / other / inside.split("/", 1)[1]
    return folder / inside


def _stronger(one: LabelVector, other: LabelVector) -> LabelVector:
    """Labels (14,), of each observation the stronger of two."""
    strength = np.array([_STRENGTH.index(value) for value in (*one.tolist(), *other.tolist())]).reshape(2, -1)
    stronger: LabelVector = np.array([_STRENGTH[place] for place in strength.max(axis=0).tolist()], dtype=np.int8)
    return stronger
