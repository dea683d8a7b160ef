"""What a model reads of a study, and a study as it reads it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from rrgbench.data.study import ImageReference, Study
from rrgbench.errors import InputError

Views = Literal["frontal", "all", "none"]


@dataclass(frozen=True)
class Reads:
    """What a model asks for of each study; it gets that and nothing else.

    Attributes
    ----------
    size : int
        Side of the square films in pixels.
    views : str
        `frontal`: the study's first film, which is a frontal one wherever the study has one; `all`: every film; `none`:
        no film, so that studies without one can be asked about too.
    color : bool
        Films of three equal channels (size, size, 3) instead of grey ones (size, size).
    sections : tuple of str
        Sections of the report that are written before the film is read, e.g. `indication`, `technique`, `comparison`.
    prior : bool
        Whether the subject's previous examination is read, with its report.
    """

    size: int
    views: Views = "frontal"
    color: bool = False
    sections: tuple[str, ...] = ()
    prior: bool = False

    def __post_init__(self) -> None:
        """Refuse what would give the answer away or means nothing."""
        if self.size < 1 or self.views not in get_args(Views):
            raise InputError(
                f"a model that reads films of size {self.size} and views {self.views!r}; "
                "the size is at least 1 and views are 'frontal', 'all' or 'none'"
            )
        told = [name for name in self.sections if name in ("findings", "impression", "report")]
        if told:
            raise InputError(f"a model can't read {', '.join(told)}: that is what it is to write")

    @property
    def signature(self) -> str:
        """What a signature's field `reads` says: `frontal`, `all+indication+prior`."""
        return "+".join([self.views, *self.sections, *(["prior"] if self.prior else [])])

    def references(self, study: Study) -> tuple[ImageReference, ...]:
        """The films of a study, without those of its prior, that the model reads."""
        count = {"none": 0, "frontal": 1, "all": len(study.images)}[self.views]
        return study.images[:count]


@dataclass(frozen=True, eq=False)
class Film:
    """A decoded film: `pixels` uint8 (size, size) or (size, size, 3), bright bone on dark lung, and its view."""

    pixels: NDArray[np.uint8]
    view: str = ""


@dataclass(frozen=True, eq=False)
class Examination:
    """A study as a model reads it.

    Attributes
    ----------
    study_id : str
        The study.
    films : tuple of Film
        At least one, unless the model reads none; frontal films first.
    sections : mapping of str to str
        The sections that the model asked for and the study has.
    prior : Examination or None
        The subject's previous examination if the model asked for it and there is one; it has no prior of its own, and
        no film where the source has none.
    report : str or None
        Of a prior, its report; None for the examination that is to be reported.
    age : int or None
        In years.
    sex : str
        `F`, `M` or `` where unknown.
    """

    study_id: str
    films: tuple[Film, ...]
    sections: Mapping[str, str] = field(default_factory=dict)
    prior: "Examination | None" = None
    report: str | None = None
    age: int | None = None
    sex: str = ""


def examination(study: Study, reads: Reads, films: Sequence[NDArray[np.uint8]]) -> Examination:
    """A study as a model reads it.

    Parameters
    ----------
    study : Study
        With a film.
    reads : Reads
        What the model asks for.
    films : sequence of uint8 arrays (size, size)
        Pixels of `film_references(study, reads)`, in that order.
    """
    own = reads.references(study)
    prior = study.prior if reads.prior else None
    earlier = None
    if prior is not None:
        earlier = _as_read(prior, reads, reads.references(prior), films[len(own) :], prior.report)
    return _as_read(study, reads, own, films[: len(own)], None, earlier)


def film_references(study: Study, reads: Reads) -> tuple[ImageReference, ...]:
    """Every film that a model reads for a study: its own, then its prior's."""
    prior = reads.references(study.prior) if reads.prior and study.prior is not None else ()
    return (*reads.references(study), *prior)


def _as_read(
    study: Study,
    reads: Reads,
    references: Sequence[ImageReference],
    films: Sequence[NDArray[np.uint8]],
    report: str | None,
    prior: Examination | None = None,
) -> Examination:
    pixels = [np.repeat(film[..., None], 3, axis=2) if reads.color else film for film in films]
    return Examination(
        study_id=study.study_id,
        films=tuple(Film(film, reference.view) for film, reference in zip(pixels, references, strict=True)),
        sections={name: study.sections[name] for name in reads.sections if study.sections.get(name)},
        prior=prior,
        report=report,
        age=study.age,
        sex=study.sex,
    )
