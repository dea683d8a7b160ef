"""The 5x200 sample: studies that show exactly one of the five competition observations (GLoRIA, ConVIRT).

Huang et al. (ICCV 2021) draw 200 frontal films for each of the five competition observations from CheXpert's training
split, each positive for that one and 0 for all 13 others (their code, marshuang80/gloria; BenchX likewise), where a
blank label is a 0 and an uncertain one is none: the default, `over="all"` with `frontal`. With `over="five"` only the
other four of the five must be absent, which leaves more candidates.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from rrgbench.data.corpus import label_matrix
from rrgbench.data.splitting import hashed_fraction
from rrgbench.data.study import Study
from rrgbench.errors import InputError, listed
from rrgbench.files import read_regular, write_text
from rrgbench.json_text import read_json
from rrgbench.observations import COMPETITION_OBSERVATIONS, OBSERVATIONS, POSITIVE, UNCERTAIN, observation_index

Over = Literal["all", "five"]
_COLUMNS = [observation_index(name) for name in COMPETITION_OBSERVATIONS]
"""Which other observations must be absent: all 13, as published, or the four others of the five."""


@dataclass(frozen=True)
class FiveBy200:
    """A sample for retrieval.

    Attributes
    ----------
    studies : tuple of Study
        The sample, class by class.
    classes : int array (n,)
        Position in `COMPETITION_OBSERVATIONS` of the one observation each study is positive for.
    per_class : int
        Studies in every class that was kept; 200 where the corpus is large enough.
    left_out : tuple of str
        Observations with fewer than two candidates.
    seed : int or None
        Seed it was drawn with; None where the list was imported.
    digest : str
        Digest of the imported list; empty where it was drawn.
    over : {"all", "five"}
        Which other observations are absent.
    frontal : bool
        Whether a study whose first film is known to be lateral is none of it.
    """

    studies: tuple[Study, ...]
    classes: NDArray[np.int64]
    per_class: int
    left_out: tuple[str, ...] = ()
    seed: int | None = 0
    digest: str = ""
    over: Over = "all"
    frontal: bool = True

    @property
    def size(self) -> str:
        """Classes and studies of each, with the observations left out: `5x200`, `5x37`, `4x12-Edema`."""
        count = len(COMPETITION_OBSERVATIONS) - len(self.left_out)
        return f"{count}x{self.per_class}" + "".join(f"-{name.replace(' ', '')}" for name in self.left_out)

    @property
    def rule(self) -> str:
        """How it was drawn, for signatures: `exclusive-of-13,frontal` as published, `exclusive-of-4`."""
        others = {"all": len(OBSERVATIONS), "five": len(COMPETITION_OBSERVATIONS)}[self.over] - 1
        return f"exclusive-of-{others}" + ",frontal" * self.frontal

    @property
    def signature(self) -> str:
        """Size and source: `5x200`, `5x200,seed3` where the seed is not 0, `5x200:list@1a2b3c4d` where imported."""
        if self.seed is None:
            return f"{self.size}:list@{self.digest[:8]}"
        return f"{self.size},seed{self.seed}" if self.seed else self.size


@dataclass(frozen=True)
class SampleList:
    """The ids of a sample, read from a file and checked in themselves, not yet against a corpus.

    Attributes
    ----------
    name : str
        File name, for messages.
    ids : mapping of str to tuple of str
        Study ids by competition observation, in the order of `COMPETITION_OBSERVATIONS`.
    digest : str
        Hex digest of the ids; how the file is written does not matter.
    """

    name: str
    ids: Mapping[str, tuple[str, ...]]
    digest: str

    @property
    def study_ids(self) -> tuple[str, ...]:
        """All ids, class by class."""
        return tuple(study_id for group in self.ids.values() for study_id in group)


def sample(
    studies: Sequence[Study],
    per_class: int = 200,
    seed: int = 0,
    usable: Callable[[Study], bool] | None = None,
    over: Over = "all",
    frontal: bool = True,
) -> FiveBy200:
    """Draw the sample from labelled studies.

    Candidates are taken in the order of a seeded hash of their id, so the sample does not depend on the order of the
    corpus, and a smaller one is part of a larger one. Where an observation has fewer candidates than `per_class`, every
    class shrinks to the smallest, so that chance level is one over the number of classes.

    Parameters
    ----------
    studies : sequence of Study
        Labelled studies of one split.
    per_class : int
        Studies wanted for each observation, at least 2.
    seed : int
        Another seed draws another sample.
    usable : callable, optional
        Candidates for which it is false are passed over, as if the corpus lacked them. It is asked only until a class
        is full, so it may cost something.
    over : {"all", "five"}
        Which other observations must be absent.
    frontal : bool
        Whether studies whose first film is known to be lateral are passed over.

    Returns
    -------
    FiveBy200

    Raises
    ------
    InputError
        If a study has no labels, `per_class` is below 2, or fewer than two observations have two candidates.
    """
    if per_class < 2:
        raise InputError(f"5x200 needs at least 2 studies per class; given: {per_class}")
    candidates = [
        list(islice(filter(usable or _any, sorted(group, key=lambda study: _drawing_order(study, seed))), per_class))
        for group in exclusive([study for study in studies if not frontal or _frontal(study)], over)
    ]
    kept = [position for position, group in enumerate(candidates) if len(group) >= 2]
    if len(kept) < 2:
        counts = ", ".join(
            f"{name} {len(group)}{' or more' if len(group) == per_class else ''}"
            for name, group in zip(COMPETITION_OBSERVATIONS, candidates, strict=True)
        )
        weaker = (
            "; over=five (--among-five of rrgbench data five-by-200) excludes the other four of the five alone"
            if over == "all"
            else ""
        )
        raise InputError(
            f"5x200 needs two observations with two exclusive studies each; this split has: {counts}{weaker}"
        )
    size = min(per_class, *(len(candidates[position]) for position in kept))
    return FiveBy200(
        studies=tuple(study for position in kept for study in candidates[position][:size]),
        classes=np.repeat(np.array(kept, dtype=np.int64), size),
        per_class=size,
        left_out=tuple(name for position, name in enumerate(COMPETITION_OBSERVATIONS) if position not in kept),
        seed=seed,
        over=over,
        frontal=frontal,
    )


def exclusive(studies: Sequence[Study], over: Over = "all") -> list[list[Study]]:
    """Candidates for each competition observation: positive for it, neither positive nor uncertain for the others.

    Raises
    ------
    InputError
        If a study has no labels.
    """
    if not studies:
        return [[] for _ in COMPETITION_OBSERVATIONS]
    kinds = only_observation(label_matrix(studies), over)
    return [[studies[row] for row in np.flatnonzero(kinds == column).tolist()] for column in _COLUMNS]


def only_observation(labels: NDArray[np.int8], over: Over = "all") -> NDArray[np.int64]:
    """The competition observation that each study is a candidate for.

    Parameters
    ----------
    labels : int8 array (n, 14)
        CheXpert coding.
    over : {"all", "five"}
        Which other observations a candidate has neither positive nor uncertain.

    Returns
    -------
    int64 array (n,)
        Its column, -1 for a study that is no candidate.
    """
    others = labels if over == "all" else labels[:, _COLUMNS]
    alone = ((others == POSITIVE) | (others == UNCERTAIN)).sum(axis=1) == 1
    kinds = np.full(len(labels), -1)
    for column in _COLUMNS:
        kinds[alone & (labels[:, column] == POSITIVE)] = column
    return kinds


def write_sample(drawn: FiveBy200, path: Path) -> SampleList:
    """Write the ids of a sample by observation as JSON, for others to import.

    Raises
    ------
    InputError
        If the file can't be written.
    """
    ids: dict[str, list[str]] = {}
    for study, position in zip(drawn.studies, drawn.classes, strict=True):
        ids.setdefault(COMPETITION_OBSERVATIONS[position], []).append(study.study_id)
    try:
        write_text(path, json.dumps(ids, indent=1) + "\n")
    except OSError as error:
        raise InputError(f"the 5x200 list {path.name} can't be written ({type(error).__name__})") from error
    return _sample_list(path.name, ids)


def read_list(path: Path) -> SampleList:
    """Read a list of ids that `write_sample` wrote, or that came with a paper.

    Parameters
    ----------
    path : Path
        JSON: an object from observation name to list of study ids, equally many for each.

    Raises
    ------
    InputError
        If the file is missing or not of that form, an id occurs twice, or the classes differ in size.
    """
    try:
        ids = read_json(read_regular(path).decode("utf-8"))
    except UnicodeDecodeError as error:
        raise InputError(f"the 5x200 list {path.name} is not UTF-8") from error
    except (OSError, ValueError) as error:
        raise InputError(f"the 5x200 list {path.name} can't be read as JSON ({error})") from error
    if not (
        isinstance(ids, dict)
        and all(name in COMPETITION_OBSERVATIONS for name in ids)
        and all(isinstance(group, list) and all(isinstance(item, str) for item in group) for group in ids.values())
    ):
        raise InputError(f"{path.name}: expected an object from {', '.join(COMPETITION_OBSERVATIONS)} to study ids")
    sizes = {len(group) for group in ids.values()}
    if len(ids) < 2 or len(sizes) != 1 or min(sizes) < 2:
        raise InputError(f"{path.name}: expected two observations or more with equally many studies, at least 2 each")
    counts = Counter(study_id for group in ids.values() for study_id in group)
    twice = sorted(study_id for study_id, count in counts.items() if count > 1)
    if twice:
        raise InputError(f"{path.name}: {len(twice)} studies are listed twice: {listed(twice)}")
    return _sample_list(path.name, ids)


def is_list(path: Path) -> bool:
    """Whether a file is a list of ids."""
    try:
        read_list(path)
    except InputError:
        return False
    return True


def find_listed(wanted: SampleList, studies: Sequence[Study]) -> FiveBy200:
    """The studies of a list.

    Parameters
    ----------
    wanted : SampleList
        What to look up.
    studies : sequence of Study
        Labelled studies among which it is looked up.

    Returns
    -------
    FiveBy200
        In the list's order, with `seed` None; `over` and `frontal` say what is true of all of it.

    Raises
    ------
    InputError
        If an id is unknown or, by its labels, not exclusive among the five for its observation.
    """
    position_of = {
        study.study_id: position for position, group in enumerate(exclusive(studies, "five")) for study in group
    }
    by_id = {study.study_id: study for study in studies}
    pairs = [
        (COMPETITION_OBSERVATIONS.index(name), study_id) for name, group in wanted.ids.items() for study_id in group
    ]
    unknown = [study_id for _, study_id in pairs if study_id not in by_id]
    if unknown:
        raise InputError(f"{wanted.name}: {len(unknown)} studies are not in this corpus: {listed(unknown)}")
    wrong = [study_id for position, study_id in pairs if position_of.get(study_id) != position]
    if wrong:
        raise InputError(
            f"{wanted.name}: {len(wrong)} studies are not exclusively positive for their observation: {listed(wrong)}"
        )
    found = tuple(by_id[study_id] for _, study_id in pairs)
    return FiveBy200(
        studies=found,
        classes=np.array([position for position, _ in pairs], dtype=np.int64),
        per_class=len(pairs) // len(wanted.ids),
        left_out=tuple(name for name in COMPETITION_OBSERVATIONS if name not in wanted.ids),
        seed=None,
        digest=wanted.digest,
        over="all" if sum(map(len, exclusive(found, "all"))) == len(found) else "five",
        frontal=all(map(_frontal, found)),
    )


def read_sample(path: Path, studies: Sequence[Study]) -> FiveBy200:
    """Import a list: `read_list` and `find_listed` in one."""
    return find_listed(read_list(path), studies)


def _drawing_order(study: Study, seed: int) -> tuple[float, str]:
    return hashed_fraction(study.study_id, seed), study.study_id


def _frontal(study: Study) -> bool:
    return not (study.images and study.images[0].view == "LATERAL")


def _any(study: Study) -> bool:
    return True


def _sample_list(name: str, ids: Mapping[str, Sequence[str]]) -> SampleList:
    ordered = {observation: tuple(ids[observation]) for observation in COMPETITION_OBSERVATIONS if observation in ids}
    return SampleList(name, ordered, hashlib.sha256(json.dumps(ordered).encode()).hexdigest())
