"""The 5x200 sample: studies that show exactly one of the five competition observations (GLoRIA, ConVIRT).

Huang et al. (ICCV 2021) draw 200 studies for each of the five competition observations of CheXpert, each positive for
that one and for none of the other four. Here a study whose label for another of the five is uncertain is no candidate.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rrgbench.data.corpus import label_matrix
from rrgbench.data.splitting import hashed_fraction
from rrgbench.data.study import Study
from rrgbench.errors import InputError, listed
from rrgbench.observations import COMPETITION_OBSERVATIONS, POSITIVE, UNCERTAIN, observation_index


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
    """

    studies: tuple[Study, ...]
    classes: NDArray[np.int64]
    per_class: int
    left_out: tuple[str, ...] = ()
    seed: int | None = 0

    @property
    def signature(self) -> str:
        """How the sample stands in a signature: `5x200`, `5x37`, `4x12-Edema`, with the seed where it is not 0."""
        count = len(COMPETITION_OBSERVATIONS) - len(self.left_out)
        without = "".join(f"-{name.replace(' ', '')}" for name in self.left_out)
        source = {None: ",list", 0: ""}.get(self.seed, f",seed{self.seed}")
        return f"{count}x{self.per_class}{without}{source}"


def sample(studies: Sequence[Study], per_class: int = 200, seed: int = 0) -> FiveBy200:
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
        sorted(group, key=lambda study: (hashed_fraction(study.study_id, seed), study.study_id))
        for group in exclusive(studies)
    ]
    kept = [position for position, group in enumerate(candidates) if len(group) >= 2]
    if len(kept) < 2:
        counts = ", ".join(
            f"{name} {len(group)}" for name, group in zip(COMPETITION_OBSERVATIONS, candidates, strict=True)
        )
        raise InputError(f"5x200 needs two observations with two exclusive studies each; this split has: {counts}")
    size = min(per_class, *(len(candidates[position]) for position in kept))
    return FiveBy200(
        studies=tuple(study for position in kept for study in candidates[position][:size]),
        classes=np.repeat(np.array(kept, dtype=np.int64), size),
        per_class=size,
        left_out=tuple(name for position, name in enumerate(COMPETITION_OBSERVATIONS) if position not in kept),
        seed=seed,
    )


def exclusive(studies: Sequence[Study]) -> list[list[Study]]:
    """Candidates for each competition observation: positive for it, neither positive nor uncertain for the others.

    Raises
    ------
    InputError
        If a study has no labels.
    """
    if not studies:
        return [[] for _ in COMPETITION_OBSERVATIONS]
    labels = label_matrix(studies)[:, [observation_index(name) for name in COMPETITION_OBSERVATIONS]]
    alone = ((labels == POSITIVE) | (labels == UNCERTAIN)).sum(axis=1) == 1
    return [
        [studies[row] for row in np.flatnonzero(alone & (labels[:, column] == POSITIVE)).tolist()]
        for column in range(len(COMPETITION_OBSERVATIONS))
    ]


def write_sample(drawn: FiveBy200, path: Path) -> None:
    """Write the ids of a sample by observation as JSON, for others to import."""
    ids: dict[str, list[str]] = {}
    for study, position in zip(drawn.studies, drawn.classes, strict=True):
        ids.setdefault(COMPETITION_OBSERVATIONS[position], []).append(study.study_id)
    path.write_text(json.dumps(ids, indent=1) + "\n", encoding="utf-8")


def read_sample(path: Path, studies: Sequence[Study]) -> FiveBy200:
    """Import a list of ids that `write_sample` wrote, or that came with a paper.

    Parameters
    ----------
    path : Path
        JSON: an object from observation name to list of study ids, equally many for each.
    studies : sequence of Study
        Labelled studies among which the ids are looked up.

    Returns
    -------
    FiveBy200
        With `seed` None.

    Raises
    ------
    InputError
        If the file is not of that form, an id is unknown, occurs twice or is not exclusive for its observation by its
        labels, or the classes differ in size.
    """
    ids = _read_ids(path)
    position_of = {study.study_id: position for position, group in enumerate(exclusive(studies)) for study in group}
    by_id = {study.study_id: study for study in studies}
    kept = [position for position, name in enumerate(COMPETITION_OBSERVATIONS) if name in ids]
    pairs = [(position, study_id) for position in kept for study_id in ids[COMPETITION_OBSERVATIONS[position]]]
    unknown = [study_id for _, study_id in pairs if study_id not in by_id]
    if unknown:
        raise InputError(f"{path.name}: {len(unknown)} studies are not in this split: {listed(unknown)}")
    wrong = [study_id for position, study_id in pairs if position_of.get(study_id) != position]
    if wrong:
        raise InputError(
            f"{path.name}: {len(wrong)} studies are not exclusively positive for their observation: {listed(wrong)}"
        )
    return FiveBy200(
        studies=tuple(by_id[study_id] for _, study_id in pairs),
        classes=np.array([position for position, _ in pairs], dtype=np.int64),
        per_class=len(pairs) // len(kept),
        left_out=tuple(name for name in COMPETITION_OBSERVATIONS if name not in ids),
        seed=None,
    )


def _read_ids(path: Path) -> dict[str, list[str]]:
    try:
        ids = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"the 5x200 list {path.name} can't be read as JSON ({type(error).__name__})") from error
    if not (
        isinstance(ids, dict)
        and all(name in COMPETITION_OBSERVATIONS for name in ids)
        and all(isinstance(group, list) and all(isinstance(item, str) for item in group) for group in ids.values())
    ):
        raise InputError(f"{path.name}: expected an object from {', '.join(COMPETITION_OBSERVATIONS)} to study ids")
    sizes = {len(group) for group in ids.values()}
    if len(ids) < 2 or len(sizes) != 1 or min(sizes) < 2:
        raise InputError(f"{path.name}: expected two observations or more with equally many studies, at least 2 each")
    flat = [study_id for group in ids.values() for study_id in group]
    twice = sorted({study_id for study_id in flat if flat.count(study_id) > 1})
    if twice:
        raise InputError(f"{path.name}: {len(twice)} studies are listed twice: {listed(twice)}")
    return ids
