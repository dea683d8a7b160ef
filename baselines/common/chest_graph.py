"""What stands where in a chest film: the base graph of 28 nodes, and the triplets that a report adds to it.

The nodes are those of Li et al. (2023), in the line of Zhang et al. (2020). A node is joined to those of its organ, the
organs to one another, the first node to all.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from rrgbench.errors import InputError
from rrgbench.findings.finding import severity_words
from rrgbench.findings.lexicon import finding_lexicon
from rrgbench.findings.reading import read_findings

Triplet = tuple[str, str, str]
"""Subject, relation (`located_at`, `suggestive_of`, `modify`) and object, as RadGraph has them."""

WHOLE: Final = "whole film"

_BY_ORGAN: Final[Mapping[str, tuple[str, ...]]] = {
    "heart": ("cardiomegaly",),
    "spine": ("scoliosis",),
    "pleural": ("effusion", "thickening", "pneumothorax"),
    "bone": ("bone fractures",),
    "lung": ("emphysema", "pneumonia", "edema", "atelectasis", "cicatrix", "opacity", "lesion"),
    "mediastinum": ("hernia", "calcinosis"),
    "airspace": ("airspace disease", "hypoinflation"),
}
_APART: Final = ("normal", "other finding", "foreign object")

NODES: Final = (WHOLE, *_APART, *(name for organ, own in _BY_ORGAN.items() for name in (organ, *own)))
"""The 28 nodes, the one that is joined to all first."""

ORGANS: Final[Mapping[str, str]] = {
    "heart": "heart",
    "spine": "spine",
    "pleura": "pleural",
    "bones": "bone",
    "lungs": "lung",
    "mediastinum": "mediastinum",
}
"""Structures of the lexicon of findings that are nodes."""

_NAMED: Final[Mapping[str, str]] = {
    "pleural effusion": "effusion",
    "pleural thickening": "thickening",
    "fracture": "bone fractures",
    "compression fracture": "bone fractures",
    "scarring": "cicatrix",
    "fibrosis": "cicatrix",
    "airspace opacity": "opacity",
    "ground glass opacity": "opacity",
    "interstitial opacity": "opacity",
    "calcification": "calcinosis",
    "mass": "lesion",
    "nodule": "lesion",
    "hiatal hernia": "hernia",
    "granuloma": "calcinosis",
    "foreign body": "foreign object",
    "consolidation": "airspace disease",
    "low lung volumes": "hypoinflation",
}
"""Findings of the lexicon whose node has another name."""


def base_edges() -> NDArray[np.bool_]:
    """Which of the 28 nodes are joined (28, 28), each to itself too."""
    group = {name: organ for organ, own in _BY_ORGAN.items() for name in (organ, *own)}
    organs = np.array([group.get(name, name) for name in NODES])
    is_organ = np.array([name in _BY_ORGAN for name in NODES])
    joined = (organs[:, None] == organs) | (is_organ[:, None] & is_organ)
    joined[0, :] = joined[:, 0] = True
    return np.asarray(joined)


def triplets_of(report: str) -> list[Triplet]:
    """What the findings of a report add: where each present one is, what it suggests, and how it is described."""
    found: list[Triplet] = []
    before = ""
    for one in read_findings(report, places=False):
        if one.kind == "structure" or not one.present:
            continue
        node = "foreign object" if one.kind == "device" else _NAMED.get(one.name, one.name)
        if one.kind == "device":
            found.append((one.name, "modify", node))
        elif (organ := ORGANS.get(finding_lexicon()[one.name].structure)) is not None:
            found.append((node, "located_at", organ))
        found += [(node, "located_at", f"{zone} zone") for zone in sorted(one.zones)]
        found += [(side, "modify", node) for side in sorted(one.sides)]
        if one.severity is not None:
            found.append((severity_words(one.severity), "modify", node))
        if one.inferred and before:
            found.append((before, "suggestive_of", node))
        before = node
    return list(dict.fromkeys(found))


def read_triplets(path: Path, study_ids: Iterable[str]) -> list[list[Triplet]]:
    """Triplets of studies from a file of JSON Lines, `{"study_id": ..., "triplets": [[subject, relation, object]]}`.

    Raises
    ------
    InputError
        If there is no such file, a line is none of these, or a study is missing.
    """
    if not path.is_file():
        raise InputError(f"no file of triplets at {path}")
    found: dict[str, list[Triplet]] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            told = json.loads(line)
            found[str(told["study_id"])] = [(str(s), str(r), str(o)) for s, r, o in told["triplets"]]
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(
                f'{path}, line {number}: expected {{"study_id": ..., "triplets": [[subject, relation, object]]}}'
            ) from error
    wanted = list(study_ids)
    missing = [one for one in wanted if one not in found]
    if missing:
        raise InputError(f"{path} has no triplets of {len(missing)} of {len(wanted)} studies, the first {missing[0]}")
    return [found[one] for one in wanted]


def named_nodes(triplets: Sequence[Sequence[Triplet]], most: int) -> list[str]:
    """The base nodes, then the most frequent further names of triplets, of equals the first by alphabet."""
    counts: dict[str, int] = {}
    for subject, _, other in (one for several in triplets for one in several):
        for name in {subject, other} - set(NODES):
            counts[name] = counts.get(name, 0) + 1
    further = sorted(counts, key=lambda name: (-counts[name], name))
    return [*NODES, *further[:most]]
