"""The phantom corpora: studies by index, drawn and written only when they are looked at."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path
from typing import Self, overload

import numpy as np
from numpy.typing import NDArray

from rrgbench.data.corpus import Corpus
from rrgbench.data.phantom.course import Courses, draw_courses
from rrgbench.data.phantom.film import PhantomFilm
from rrgbench.data.phantom.grammar import tell, write_report
from rrgbench.data.phantom.indication import write_indication
from rrgbench.data.phantom.labels import draw_labels
from rrgbench.data.phantom.population import (
    PHANTOM,
    PHANTOM_B,
    PHANTOM_FOLLOWUP,
    PHANTOM_HARD,
    POPULATIONS,
    Population,
)
from rrgbench.data.phantom.reading import read_case, read_labels
from rrgbench.data.phantom.told import Told
from rrgbench.data.phantom.visit import Visit
from rrgbench.data.study import SPLITS, LabelVector, Study
from rrgbench.errors import InputError

GENERATOR_VERSION = 3
"""Raised whenever a film, a label or a report of any (seed, index) changes; part of the digest."""

FOLLOWUP_VERSION = 1
"""The same for what only `phantom-followup` holds: changes, comparing reports, lateral films."""

HARD_VERSION = 1
"""The same for what only `phantom-hard` holds: readers' errors, omissions, words that labelers do not know."""

# The splits start at fixed indices, so that a larger test split doesn't change the training films.
_FIRST_INDEX = {"train": 0, "validate": 1_000_000, "test": 2_000_000, "retrieval": 3_000_000}
_MOST_STUDIES = 1_000_000
_CALENDAR = date(2015, 1, 1)
_LICENSE = "generated; no patient's data; Apache-2.0 like the package"


class PhantomStudy(Study):
    """A study whose report is written when it is first read."""

    @classmethod
    def at(cls, population: Population, seed: int, index: int, split: str, labels: LabelVector) -> "PhantomStudy":
        """The study at an index; `labels` are its truth, or what the first reader makes of it."""
        name = f"{population.name}-{seed}-{index:07d}"
        film = PhantomFilm(population.name, seed, index)
        source = "latent" if population.reading is None else "reader"
        study = cls(name, f"{name}-subject", split, (film,), labels=labels, labels_source=source)
        # Without a report of its own, reading `report` finds the property below, which fills it in.
        del study.__dict__["report"]
        return study

    @property
    def film(self) -> PhantomFilm:
        """The frontal film, which knows the truth."""
        film = self.images[0] if self.images else None
        if not isinstance(film, PhantomFilm):
            raise InputError(f"study {self.study_id} has lost its phantom film, so its report can't be written")
        return film

    @cached_property
    def report(self) -> str:
        """The report of the film's case, or of what the second reader makes of it."""
        return write_report(self.reported(), POPULATIONS[self.film.population], self.film.seed)

    def told(self) -> list[Told]:
        """The sentences of the report, each with what it tells."""
        return tell(self.reported(), POPULATIONS[self.film.population], self.film.seed)

    def reported(self) -> Visit:
        """What the report is written of: the truth behind the film, or what the second reader makes of it."""
        film, population = self.film, POPULATIONS[self.film.population]
        if population.reading is None:
            return film.visit()
        return replace(film.visit(), case=read_case(population, film.seed, film.index))


class FollowUpStudy(PhantomStudy):
    """A study of a patient who may have come before; the prior study, too, is made when it is first read."""

    @classmethod
    def of(cls, population: Population, seed: int, index: int, split: str, courses: Courses, row: int) -> Self:
        """The study at an index, whose row in `courses` is `row`."""
        name, first = f"{population.name}-{seed}-{index:07d}", int(courses.first[row])
        views = (False, True) if courses.lateral[row] else (False,)
        study = cls(
            study_id=name,
            subject_id=f"{population.name}-{seed}-{first:07d}-subject",
            split=split,
            images=tuple(PhantomFilm(population.name, seed, index, lateral) for lateral in views),
            labels=courses.labels[row],
            labels_source="latent",
            order=index - first,
            date=str(_CALENDAR + timedelta(days=int(courses.start[row] + courses.since_first[row]))),
            age=int(courses.age[row]),
            sex="F" if courses.female[row] else "M",
        )
        # As with the report of a `PhantomStudy`; a patient's first study keeps None as its prior.
        for lazy in ("report", "sections", *(("prior",) if index > first else ())):
            del study.__dict__[lazy]
        return study

    @cached_property
    def prior(self) -> Study | None:
        """The patient's previous study."""
        film, population = self.film, POPULATIONS[self.film.population]
        index = film.index - 1
        courses = _courses(population, film.seed, np.array([index], dtype=np.int64))
        return FollowUpStudy.of(population, film.seed, index, self.split, courses, 0)

    @cached_property
    def sections(self) -> Mapping[str, str]:
        """What is written before the film is read: `indication` and `comparison`."""
        reason = write_indication(self.film.visit(), self.age or 0, POPULATIONS[self.film.population], self.film.seed)
        compared = f"chest radiograph of {self.prior.date}" if self.prior is not None else "none"
        return {"indication": reason, "comparison": compared}


def _courses(population: Population, seed: int, indices: NDArray[np.int64]) -> Courses:
    if population.course is None:
        raise InputError(f"corpus {population.name}: its patients have one study each")
    courses = draw_courses(population, population.course, seed, indices)
    courses.labels.flags.writeable = False
    return courses


def _labels(population: Population, seed: int, indices: NDArray[np.int64]) -> NDArray[np.int8]:
    if population.reading is None:
        return draw_labels(population, seed, indices)
    return read_labels(population, seed, indices, "labels")


class PhantomStudies(Sequence[Study]):
    """All studies of a phantom corpus, made on demand from labels that were drawn at once.

    Parameters
    ----------
    population : Population
        Whose chests.
    seed : int
        Seed of the corpus.
    sizes : dict of str to int
        Number of studies by split.
    reports : bool
        Whether studies have reports.
    """

    def __init__(self, population: Population, seed: int, sizes: dict[str, int], reports: bool) -> None:
        self._population = population
        self._seed = seed
        self._reports = reports
        self._splits = [split for split in SPLITS for _ in range(sizes.get(split, 0))]
        parts = [np.arange(sizes.get(split, 0), dtype=np.int64) + _FIRST_INDEX[split] for split in SPLITS]
        self._indices = np.concatenate(parts)
        self._courses = _courses(population, seed, self._indices) if population.course is not None else None
        self._labels = _labels(population, seed, self._indices) if self._courses is None else self._courses.labels
        self._labels.flags.writeable = False

    def __len__(self) -> int:
        """Number of studies in all splits."""
        return len(self._indices)

    @overload
    def __getitem__(self, key: int) -> Study: ...

    @overload
    def __getitem__(self, key: slice) -> Sequence[Study]: ...

    def __getitem__(self, key: int | slice) -> Study | Sequence[Study]:
        """The study at a position, or the studies of a slice."""
        if isinstance(key, slice):
            return [self[position] for position in range(len(self))[key]]
        position = range(len(self))[key]
        index, labels, split = int(self._indices[position]), self._labels[position], self._splits[position]
        if self._courses is not None:
            return FollowUpStudy.of(self._population, self._seed, index, split, self._courses, position)
        if self._reports:
            return PhantomStudy.at(self._population, self._seed, index, split, labels)
        name = f"{self._population.name}-{self._seed}-{index:07d}"
        film = PhantomFilm(self._population.name, self._seed, index)
        return Study(name, f"{name}-subject", split, (film,), labels=labels, labels_source="latent")

    def __iter__(self) -> Iterator[Study]:
        """Studies in the order train, validate, test, retrieval."""
        return (self[position] for position in range(len(self)))


def load(
    root: Path | None = None,
    *,
    seed: int = 0,
    train: int = 6000,
    validate: int = 500,
    test: int = 1000,
    retrieval: int = 40_000,
) -> Corpus:
    """The phantom corpus: films, reports and their truth, from nothing but a seed.

    Parameters
    ----------
    root : None
        The phantom is generated and takes no folder.
    seed : int
        Another seed gives other patients.
    train, validate, test, retrieval : int
        Studies by split, each 0 to 1,000,000. Study i of a split is the same whatever the sizes. The default retrieval
        pool holds at least 200 studies that are positive for exactly one of the five competition observations, for each
        of them (5x200).

    Returns
    -------
    Corpus
        Named `phantom`.

    Raises
    ------
    InputError
        If a root is given or a size is out of range.
    """
    sizes = {"train": train, "validate": validate, "test": test, "retrieval": retrieval}
    return _load(PHANTOM, root, seed, sizes, reports=True)


def load_b(
    root: Path | None = None,
    *,
    seed: int = 0,
    train: int = 6000,
    validate: int = 500,
    test: int = 1000,
    retrieval: int = 0,
) -> Corpus:
    """The second phantom, `phantom-b`: other prevalence, exposure and noise, labels but no reports.

    Parameters and errors as for `load`.
    """
    sizes = {"train": train, "validate": validate, "test": test, "retrieval": retrieval}
    return _load(PHANTOM_B, root, seed, sizes, reports=False)


def load_followup(
    root: Path | None = None,
    *,
    seed: int = 0,
    train: int = 6000,
    validate: int = 500,
    test: int = 1000,
    retrieval: int = 0,
) -> Corpus:
    """The phantom over time, `phantom-followup`: patients with one to five studies, lateral films, comparing reports.

    Prevalences are those of `phantom`. About 60 % of the studies have a prior study of the same patient and split;
    `study.film.visit()` is the truth of a study, of the one before it, and of what has changed.

    Parameters and errors as for `load`.
    """
    sizes = {"train": train, "validate": validate, "test": test, "retrieval": retrieval}
    return _load(PHANTOM_FOLLOWUP, root, seed, sizes, reports=True)


def load_hard(
    root: Path | None = None,
    *,
    seed: int = 0,
    train: int = 6000,
    validate: int = 500,
    test: int = 1000,
    retrieval: int = 40_000,
) -> Corpus:
    """The phantom as two readers see it, `phantom-hard`: labels of one, reports of the other, and neither is the truth.

    Films and prevalences are those of `phantom`. The readers agree as published kappas say; the second omits findings
    and says some in words that rule-based labelers do not know. `study.film.case()` is the truth behind a film, and
    `rrgbench.data.phantom.ceiling` says how high AUROC and F1 can go for who knows it.

    Parameters and errors as for `load`.
    """
    sizes = {"train": train, "validate": validate, "test": test, "retrieval": retrieval}
    return _load(PHANTOM_HARD, root, seed, sizes, reports=True)


def _load(population: Population, root: Path | None, seed: int, sizes: dict[str, int], *, reports: bool) -> Corpus:
    if root is not None:
        raise InputError(f"corpus {population.name} is generated and reads no folder; leave out the root")
    if seed < 0:
        raise InputError(f"corpus {population.name}: seed is {seed}; expected 0 or more")
    for split, size in sizes.items():
        if not 0 <= size <= _MOST_STUDIES:
            raise InputError(f"corpus {population.name}: {split}={size}; expected 0 to {_MOST_STUDIES}")
    version = str(GENERATOR_VERSION)
    if population.course is not None:
        version += f".{FOLLOWUP_VERSION}"
    if population.reading is not None:
        version += f".{HARD_VERSION}"
    content = f"{population.name} version={version} seed={seed} " + " ".join(f"{k}={v}" for k, v in sizes.items())
    return Corpus(
        name=population.name,
        digest=hashlib.sha256(content.encode()).hexdigest(),
        studies=PhantomStudies(population, seed, sizes, reports),
        license_note=_LICENSE,
        synthetic=True,
    )
