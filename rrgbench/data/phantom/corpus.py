"""The phantom corpora: studies by index, drawn and written only when they are looked at."""

import hashlib
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import overload

import numpy as np

from rrgbench.data.corpus import Corpus
from rrgbench.data.phantom.film import PhantomFilm
from rrgbench.data.phantom.grammar import write_report
from rrgbench.data.phantom.labels import draw_labels
from rrgbench.data.phantom.population import PHANTOM, PHANTOM_B, POPULATIONS, Population
from rrgbench.data.study import SPLITS, LabelVector, Study
from rrgbench.errors import InputError

GENERATOR_VERSION = 3
"""Raised whenever a film, a label or a report of any (seed, index) changes; part of the digest."""

# The splits start at fixed indices, so that a larger test split doesn't change the training films.
_FIRST_INDEX = {"train": 0, "validate": 1_000_000, "test": 2_000_000, "retrieval": 3_000_000}
_MOST_STUDIES = 1_000_000
_LICENSE = "generated; no patient's data; Apache-2.0 like the package"


class PhantomStudy(Study):
    """A study whose report is written when it is first read."""

    @classmethod
    def at(cls, population: Population, seed: int, index: int, split: str, labels: LabelVector) -> "PhantomStudy":
        """The study at an index; `labels` are those that `draw_labels` gives for it."""
        name = f"{population.name}-{seed}-{index:07d}"
        film = PhantomFilm(population.name, seed, index)
        study = cls(name, f"{name}-subject", split, (film,), labels=labels, labels_source="latent")
        # Without a report of its own, reading `report` finds the property below, which fills it in.
        del study.__dict__["report"]
        return study

    @cached_property
    def report(self) -> str:
        """The report of the film's case."""
        film = self.images[0]
        if not isinstance(film, PhantomFilm):
            raise InputError(f"study {self.study_id} has lost its phantom film, so its report can't be written")
        return write_report(film.case(), POPULATIONS[film.population], film.seed, film.index)


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
        self._labels = draw_labels(population, seed, self._indices)
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
        index, labels = int(self._indices[position]), self._labels[position]
        if self._reports:
            return PhantomStudy.at(self._population, self._seed, index, self._splits[position], labels)
        name = f"{self._population.name}-{self._seed}-{index:07d}"
        film = PhantomFilm(self._population.name, self._seed, index)
        return Study(name, f"{name}-subject", self._splits[position], (film,), labels=labels, labels_source="latent")

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


def _load(population: Population, root: Path | None, seed: int, sizes: dict[str, int], *, reports: bool) -> Corpus:
    if root is not None:
        raise InputError(f"corpus {population.name} is generated and reads no folder; leave out the root")
    if seed < 0:
        raise InputError(f"corpus {population.name}: seed is {seed}; expected 0 or more")
    for split, size in sizes.items():
        if not 0 <= size <= _MOST_STUDIES:
            raise InputError(f"corpus {population.name}: {split}={size}; expected 0 to {_MOST_STUDIES}")
    content = f"{population.name} version={GENERATOR_VERSION} seed={seed} " + " ".join(
        f"{k}={v}" for k, v in sizes.items()
    )
    return Corpus(
        name=population.name,
        digest=hashlib.sha256(content.encode()).hexdigest(),
        studies=PhantomStudies(population, seed, sizes, reports),
        license_note=_LICENSE,
    )
