"""One study: its films, its report, its labels."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from rrgbench.errors import InputError, MissingPartError
from rrgbench.observations import OBSERVATIONS, POSITIVE, UNCERTAIN, UNMENTIONED

SPLITS = ("train", "validate", "test", "retrieval")
"""Split names; `retrieval` is a pool some corpora offer for 5x200 sampling, disjoint from the others."""

_SHOWN = 512
"""Side in pixels at which a notebook gets a film; it shows it at half of that."""

LabelVector = NDArray[np.int8]
Sex = Literal["F", "M", ""]


class ImageReference(Protocol):
    """A film that is decoded only when asked for."""

    @property
    def view(self) -> str:
        """`PA`, `AP`, `LATERAL` or `` where unknown."""
        ...

    def load(self, size: int) -> NDArray[np.uint8]:
        """Grey film, bright bone on dark lung, letter-boxed to (size, size)."""
        ...


@dataclass(frozen=True, eq=False, repr=False)
class Study:
    """One examination. Two are equal if all they hold is.

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
    prior : Study or None
        The subject's previous study, where the source tells the order (`rrgbench.data.priors`).
    order : int or None
        The study's place in time among those of its subject; larger is later.
    date : str
        `YYYY-MM-DD` as the source has it (shifted, where it shifts dates to hide them); empty where unknown.
    age : int or None
        The subject's age in years.
    sex : str
        `F`, `M` or `` where unknown.
    """

    study_id: str
    subject_id: str
    split: str
    images: tuple[ImageReference, ...] = ()
    report: str | None = None
    sections: Mapping[str, str] = field(default_factory=dict)
    labels: LabelVector | None = None
    labels_source: str = ""
    prior: "Study | None" = field(default=None, repr=False)
    order: int | None = None
    date: str = ""
    age: int | None = None
    sex: Sex = ""

    def __repr__(self) -> str:
        """What it holds, without the text of its report."""
        report = "no report" if self.report is None else f"report of {len(self.report.split())} words"
        labels = "no labels" if self.labels is None else f"positive: {', '.join(self.positive) or 'none'}"
        return f"Study({self.study_id!r}: {self.split}, {self._films}, {report}, {labels})"

    def _repr_html_(self) -> str:
        """The first film and the report side by side, for a notebook; a film that can't be read says so."""
        from rrgbench.render.html import film_fragment

        source = f" · labels: {self.labels_source}" if self.labels_source else ""
        lines = [] if self.labels is None else [f"positive: {', '.join(self.positive) or 'none'}{source}"]
        lines += [f"uncertain: {', '.join(self.uncertain)}"] if self.uncertain else []
        film = None
        try:
            film = self.images[0].load(_SHOWN) if self.images else None
        except (InputError, MissingPartError) as error:
            lines.append(str(error))
        return film_fragment(film, self.report, f"{self.study_id} · {self.split} · {self._films}", lines)

    @property
    def _films(self) -> str:
        count = "no film" if not self.images else "1 film" if len(self.images) == 1 else f"{len(self.images)} films"
        views = ", ".join(filter(None, (film.view for film in self.images)))
        return f"{count} ({views})" if views else count

    @property
    def positive(self) -> tuple[str, ...]:
        """Observations that are positive."""
        return self._labelled(POSITIVE)

    @property
    def uncertain(self) -> tuple[str, ...]:
        """Observations that are uncertain."""
        return self._labelled(UNCERTAIN)

    def _labelled(self, value: int) -> tuple[str, ...]:
        labels = [] if self.labels is None else self.labels.tolist()
        return tuple(name for name, label in zip(OBSERVATIONS, labels, strict=False) if label == value)

    def __eq__(self, other: object) -> bool:
        """Whether all fields agree, the labels element by element."""
        if not isinstance(other, Study):
            return NotImplemented
        names = [part.name for part in fields(Study) if part.name != "labels"]
        alike = self.labels is None if other.labels is None else np.array_equal(self.labels, other.labels)  # type: ignore[arg-type]
        return bool(alike) and all(getattr(self, name) == getattr(other, name) for name in names)

    def __hash__(self) -> int:
        """Of the identifiers, which a corpus holds once."""
        return hash((self.study_id, self.subject_id, self.split))


def blank_labels() -> LabelVector:
    """A label vector (14,) in which every observation is unmentioned."""
    return np.full(len(OBSERVATIONS), UNMENTIONED, dtype=np.int8)
