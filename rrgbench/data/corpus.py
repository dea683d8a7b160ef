"""A corpus: named, digested, split without shared subjects."""

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from functools import cached_property
from shlex import quote
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from rrgbench.data.study import SPLITS, Study
from rrgbench.errors import InputError, UnknownNameError, listed
from rrgbench.observations import OBSERVATIONS, UNCERTAIN
from rrgbench.registry import lookup


def command_words(
    name: str, reports: str | None, options: Mapping[str, Any], reports_options: Mapping[str, Any] | None = None
) -> tuple[str, ...]:
    """The command line's words for a registered corpus, the one its reports come from, and their readers' options."""
    words = [f"--corpus {name}", *([f"--reports {reports}"] if reports else [])]
    for flag, of in (("option", options), ("reports-option", reports_options or {})):
        for key, value in of.items():
            if key == "reports_folder":  # a folder of this machine, as the root
                continue
            # true, false and numbers as the command line reads them
            text = json.dumps(value) if isinstance(value, bool | int | float) else str(value)
            skips = flag == "option" and key == "skip_bad_images" and value is True
            words.append("--skip-bad-images" if skips else f"--{flag} {quote(f'{key}={text}')}")
    return tuple(words)


class SharedSubjectsError(InputError):
    """Subjects of a corpus are in two splits; `studies` are those whose subject was in another split before."""

    def __init__(self, source: str, studies: Sequence[str], whose: str = "the subjects of {} studies") -> None:
        self.source, self.studies = source, tuple(studies)
        super().__init__(f"{source}: {whose.format(len(studies))} are in two splits: {listed(studies)}")


@dataclass(frozen=True, repr=False)
class Corpus:
    """Studies of one or more sources, in a fixed order.

    Attributes
    ----------
    name : str
        The name it is registered under.
    digest : str
        Hex digest of everything that defines its content; the first four digits stand in signatures.
    studies : sequence of Study
        All studies; films are decoded only when asked for.
    labelled_observations : tuple of str
        Observations that its labels speak about; the others are unknown, not negative.
    text_studies : sequence of Study
        For unpaired corpora the studies that carry reports (the films' studies have none); empty otherwise.
    license_note : str
        What its source asks for, for the run record.
    source : tuple of str
        The command line's words for it, without folders, where it was loaded by name.
    names : tuple of str
        The names that it, and for unpaired corpora then the source of its reports, is registered under; the name that
        signatures show may say more (how many films were left out).
    section : str
        Which part of a report its reports are: `findings`, `impression`, `findings and impression`; empty if unknown.
    other_ids : mapping of str to str
        Further ids of studies, by which files of predictions may call them, to the study's own.
    synthetic : bool
        Whether films or reports are generated, and none a patient's.
    """

    name: str
    digest: str
    studies: Sequence[Study]
    labelled_observations: tuple[str, ...] = OBSERVATIONS
    text_studies: Sequence[Study] = ()
    license_note: str = ""
    source: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    section: str = ""
    other_ids: Mapping[str, str] = field(default_factory=dict, repr=False)
    synthetic: bool = False

    def __post_init__(self) -> None:
        if not self.names:
            object.__setattr__(self, "names", (self.name,))
        for studies in (self.studies, self.text_studies):
            check_studies(self.name, studies)

    @cached_property
    def _by_split(self) -> dict[str, tuple[Study, ...]]:
        return group_by_split(self.studies)

    @cached_property
    def _text_by_split(self) -> dict[str, tuple[Study, ...]]:
        return group_by_split(self.text_studies)

    def loaded_by(self, names: tuple[str, ...], source: tuple[str, ...]) -> Self:
        """The same with its registered names and the command line's words; its studies are not checked once more."""
        found = copy(self)
        object.__setattr__(found, "names", names)
        object.__setattr__(found, "source", source)
        return found

    @property
    def flags(self) -> tuple[str, ...]:
        """The command line's words for it, without folders."""
        return self.source or command_words(self.names[0], None if self.paired else self.names[-1], {})

    @property
    def identity(self) -> str:
        """Name and the first four digits of the digest, as signatures show it."""
        return f"{self.name}@{self.digest[:4]}"

    @property
    def paired(self) -> bool:
        """Whether films and reports belong to the same studies."""
        return not self.text_studies

    @property
    def splits(self) -> tuple[str, ...]:
        """The splits that hold at least one study with a film."""
        return tuple(split for split in SPLITS if self._by_split.get(split))

    def split(self, name: str) -> tuple[Study, ...]:
        """Studies of one split.

        Raises
        ------
        UnknownNameError
            If no split is called so.
        InputError
            If the corpus has no study in that split.
        """
        studies = self._by_split.get(lookup("split", name, SPLITS), ())
        if not studies:
            raise InputError(f"corpus {self.name} has no {name!r} split; it has: {', '.join(self.splits) or 'nothing'}")
        return studies

    @cached_property
    def has_films(self) -> bool:
        """Whether any study has a film; else only its reports can be evaluated on."""
        return any(study.images for study in self.studies)

    def evaluated(self, split: str) -> tuple[Study, ...]:
        """Studies of a split that are evaluated: those with a film; where none has any, those with a report.

        Raises
        ------
        InputError
            As `split`.
        """
        studies = self.split(split)
        return tuple(study for study in studies if (study.images if self.has_films else (study.report or "").strip()))

    def narrowed(self, split: str, study_ids: Collection[str]) -> Self:
        """The same with only those studies in a split; its digest says that it is not the whole."""
        return self._resplit(split, [s for s in self.studies if s.split != split or s.study_id in study_ids])

    def regrouped(self, split: str, study_ids: Collection[str]) -> Self:
        """The same with those studies, of whatever split, as a split; nothing else of their subjects stays."""
        subjects = {study.subject_id for study in self.studies if study.study_id in study_ids}
        moved = [replace(study, split=split) for study in self.studies if study.study_id in study_ids]
        rest = [s for s in self.studies if s.split != split and s.subject_id not in subjects]
        return self._resplit(split, [*rest, *moved])

    def _resplit(self, split: str, studies: Sequence[Study]) -> Self:
        named = sorted(study.study_id for study in studies if study.split == split)
        digest = hashlib.sha256(json.dumps([self.digest, split, named]).encode()).hexdigest()
        return replace(self, studies=tuple(studies), digest=digest)

    def reports(self, split: str) -> tuple[Study, ...]:
        """Studies of one split whose report is not blank: those of the films if paired, else the text source's."""
        source = self._by_split if self.paired else self._text_by_split
        return tuple(study for study in source.get(split, ()) if (study.report or "").strip())

    def texts(self, split: str) -> list[str]:
        """The reports of `reports`, as texts."""
        return [study.report or "" for study in self.reports(split)]

    def selected(self, split: str | None, *, texts: bool = False) -> tuple[Study, ...]:
        """Studies of a split or of all; if `texts` is set, those that carry the reports of an unpaired corpus."""
        if texts and not self.paired:
            return tuple(study for study in self.text_studies if split in (None, study.split))
        return tuple(self.studies) if split is None else self.split(split)

    def __getitem__(self, study: str | int) -> Study:
        """A study by its id, or by its place.

        Raises
        ------
        UnknownNameError
            A `KeyError` with the nearest ids of the test split.
        """
        if isinstance(study, int):
            return self.studies[study]
        found = next((one for one in self.studies if one.study_id == study), None)
        if found is not None:
            return found
        usual = "test" if "test" in self.splits else next(iter(self.splits), "")
        ids = [one.study_id for one in self._by_split.get(usual, ())]
        near = get_close_matches(study, ids, n=3) or ids[:3]
        instances = f"; the {usual} split has for instance {listed(near)}" if near else ""
        raise UnknownNameError(f"corpus {self.name} has no study {study!r}{instances}")

    def __repr__(self) -> str:
        """Which corpus it is and the sizes of its splits: `Corpus(phantom@3be6: train 6,000, test 1,000)`."""
        sizes = ", ".join(f"{name} {len(self._by_split[name]):,}" for name in self.splits) or "no studies"
        return f"Corpus({self.identity}: {sizes}{'' if self.paired else '; reports unpaired'})"

    def _repr_html_(self) -> str:
        """Its splits as a table, and what it is, for a notebook."""
        from rrgbench.render.html import html_fragment
        from rrgbench.render.table import plain_table

        rows = []
        for name in self.splits:
            studies = self._by_split[name]
            subjects = len({study.subject_id for study in studies})
            rows.append((name, (len(studies), subjects, sum(len(study.images) for study in studies))))
        lines = [] if self.paired else [f"reports: {len(self.text_studies):,}, of other studies than the films"]
        lines += [f"reports are: {self.section}"] if self.section else []
        if self.labelled_observations != OBSERVATIONS:
            lines.append(f"labels speak about: {', '.join(self.labelled_observations) or 'nothing'}")
        lines += [self.license_note] if self.license_note else []
        return html_fragment(
            [plain_table("", "split", ("studies", "subjects", "films"), rows)], f"corpus {self.identity}", lines
        )

    def __len__(self) -> int:
        return len(self.studies)

    def __iter__(self) -> Iterator[Study]:
        return iter(self.studies)


def of_one_data_set(one: Corpus, other: Corpus) -> bool:
    """Whether equal subjects of two corpora are one person, both being copies or parts of one data set.

    Lines of one's own are `jsonl` whatever they hold, and number subjects by themselves: those are one only where they
    hold the same.
    """
    return one.names[0] == other.names[0] and (one.names[0] != "jsonl" or one.digest == other.digest)


def group_by_split(studies: Iterable[Study]) -> dict[str, tuple[Study, ...]]:
    """Studies by split, in their given order."""
    groups: dict[str, list[Study]] = {}
    for study in studies:
        groups.setdefault(study.split, []).append(study)
    return {name: tuple(group) for name, group in groups.items()}


def check_studies(corpus: str, studies: Iterable[Study]) -> None:
    """Refuse duplicate ids, unknown splits and subjects that cross splits.

    Raises
    ------
    InputError
        Naming the first few offending ids.
    """
    seen: set[str] = set()
    duplicates: list[str] = []
    subjects: dict[str, str] = {}
    crossing: list[str] = []
    for study in studies:
        if study.split not in SPLITS:
            raise InputError(
                f"corpus {corpus}: study {study.study_id} is in split {study.split!r}; "
                f"expected one of {', '.join(SPLITS)}"
            )
        if study.study_id in seen:
            duplicates.append(study.study_id)
        seen.add(study.study_id)
        if subjects.setdefault(study.subject_id, study.split) != study.split:
            crossing.append(study.study_id)
    if duplicates:
        raise InputError(f"corpus {corpus}: {len(duplicates)} study ids occur twice: {listed(duplicates)}")
    if crossing:
        raise SharedSubjectsError(f"corpus {corpus}", crossing)


def label_matrix(studies: Sequence[Study]) -> NDArray[np.int8]:
    """Labels of studies as one array (n, 14) in CheXpert coding.

    Raises
    ------
    InputError
        If a study has no labels, naming it.
    """
    missing = [study.study_id for study in studies if study.labels is None]
    if missing:
        raise InputError(f"{len(missing)} studies have no labels: {listed(missing)}")
    return np.stack([study.labels for study in studies if study.labels is not None]).astype(np.int8)


def training_items(labels: NDArray[np.int8], labelled: tuple[str, ...] = OBSERVATIONS) -> NDArray[np.bool_]:
    """Which (study, observation) pairs of labels (n, 14) a classifier learns from: not uncertain, and labelled at all.

    Unmentioned counts as negative, as in the paper.
    """
    speaks = np.array([name in labelled for name in OBSERVATIONS])
    return np.asarray((labels != UNCERTAIN) & speaks)
