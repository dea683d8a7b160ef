"""One study: its films, its report, its labels."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from rrgbench.observations import OBSERVATIONS, UNMENTIONED

SPLITS = ("train", "validate", "test", "retrieval")
"""Split names; `retrieval` is a pool some corpora offer for 5x200 sampling, disjoint from the others."""

LabelVector = NDArray[np.int8]


class ImageReference(Protocol):
    """A film that is decoded only when asked for."""

    @property
    def view(self) -> str:
        """`PA`, `AP`, `LATERAL` or `` where unknown."""
        ...

    def load(self, size: int) -> NDArray[np.uint8]:
        """Grey film, bright bone on dark lung, letter-boxed to (size, size)."""
        ...


@dataclass(frozen=True)
class Study:
    """One examination.

    Attributes
    ----------
    study_id, subject_id : str
        Identifiers; a subject never crosses splits.
    split : str
        One of `SPLITS`.
    images : tuple of ImageReference
        The films, frontal first; empty for text-only corpora.
    report : str or None
        Text of the target section; None where the corpus has no report for it.
    sections : mapping of str to str
        Every other section of the report by name.
    labels : int8 array (14,) or None
        Observations in CheXpert coding (`rrgbench.observations`); None where unlabelled.
    labels_source : str
        Who made the labels: `film` (readers of the film), a labeler's name, `latent` (the phantom's truth).
    """

    study_id: str
    subject_id: str
    split: str
    images: tuple[ImageReference, ...] = ()
    report: str | None = None
    sections: Mapping[str, str] = field(default_factory=dict)
    labels: LabelVector | None = None
    labels_source: str = ""


def blank_labels() -> LabelVector:
    """A label vector (14,) in which every observation is unmentioned."""
    return np.full(len(OBSERVATIONS), UNMENTIONED, dtype=np.int8)
