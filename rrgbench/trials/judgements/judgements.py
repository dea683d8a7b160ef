"""Candidate reports with radiologists' ratings and error counts, as one table."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, isfinite
from typing import Final

import numpy as np
from numpy.typing import NDArray

from rrgbench.errors import InputError, listed

Floats = NDArray[np.float64]

RATING: Final = "rating"
ERRORS: Final = "errors"
SIGNIFICANT: Final = "significant errors"
TARGETS: Final = (RATING, SIGNIFICANT, ERRORS)
"""What radiologists say of a report; of errors fewer are better."""


@dataclass(frozen=True)
class Judgement:
    """What one radiologist says of one candidate; None where nothing.

    Attributes
    ----------
    study_id, candidate, rater : str
        Whose report, and who judges.
    rating : float or None
        The higher the better.
    errors, significant : float or None
        How many errors, and how many of them matter for the patient.
    """

    study_id: str
    candidate: str
    rater: str
    rating: float | None = None
    errors: float | None = None
    significant: float | None = None


@dataclass(frozen=True, eq=False)
class Judgements:
    """Candidates c judged by raters r.

    Attributes
    ----------
    name : str
        Where they come from.
    study_ids, candidates : tuple of str (c,)
        Which report of which study.
    references, reports : tuple of str (c,)
        The texts.
    raters : tuple of str (r,)
        Who judged.
    values : mapping of str to float64 array (c, r)
        By target (`TARGETS`), oriented so that the higher is the better: errors are negative. NaN where a rater says
        nothing; targets of which nobody says anything are left out.
    """

    name: str
    study_ids: tuple[str, ...]
    candidates: tuple[str, ...]
    references: tuple[str, ...]
    reports: tuple[str, ...]
    raters: tuple[str, ...]
    values: dict[str, Floats]

    @property
    def studies(self) -> tuple[str, ...]:
        """Study ids, each once, in order."""
        return tuple(dict.fromkeys(self.study_ids))

    @property
    def rows(self) -> NDArray[np.int64]:
        """For each candidate the place of its study."""
        place = {study: at for at, study in enumerate(self.studies)}
        return np.array([place[study] for study in self.study_ids], dtype=np.int64)

    def mean(self, target: str) -> Floats:
        """The raters' mean (c,)."""
        return np.asarray(np.nanmean(self.values[target], axis=1), dtype=np.float64)


Texts = dict[tuple[str, str], tuple[str, str]]
"""Reference and report by study and candidate, in order."""


def judgements_of(name: str, texts: Texts, judged: Sequence[Judgement]) -> Judgements:
    """Judgements brought together.

    Raises
    ------
    InputError
        If a judged candidate has no text, a candidate nobody's judgement, or one rater judges one candidate twice; if a
        text is empty, a number is not finite, or errors are fewer than none.
    """
    if blank := [f"{study}/{candidate}" for (study, candidate), both in texts.items() if not all(map(str.strip, both))]:
        raise InputError(f"{name}: {len(blank)} candidates with an empty report or reference: {listed(blank)}")
    for one in judged:
        for what, number, least in (
            (RATING, one.rating, -inf),
            (ERRORS, one.errors, 0),
            (SIGNIFICANT, one.significant, 0),
        ):
            if number is not None and not (isfinite(number) and number >= least):
                raise InputError(
                    f"{name}: {one.rater} gives {one.study_id}/{one.candidate} {number:g} as {what}; expected a finite "
                    f"number{'' if least else ' from 0'}"
                )
    unknown = [f"{one.study_id}/{one.candidate}" for one in judged if (one.study_id, one.candidate) not in texts]
    if unknown:
        raise InputError(f"{name}: {len(unknown)} judgements of reports that are not there: {listed(unknown)}")
    raters = tuple(dict.fromkeys(one.rater for one in judged))
    row, column = {key: at for at, key in enumerate(texts)}, {rater: at for at, rater in enumerate(raters)}
    values = {target: np.full((len(texts), len(raters)), np.nan) for target in TARGETS}
    seen: set[tuple[str, str, str]] = set()
    for one in judged:
        key = (one.study_id, one.candidate, one.rater)
        if key in seen:
            raise InputError(f"{name}: {one.rater} judges {one.study_id}/{one.candidate} twice; keep one judgement")
        seen.add(key)
        at = row[one.study_id, one.candidate], column[one.rater]
        for target, value, sign in (
            (RATING, one.rating, 1.0),
            (ERRORS, one.errors, -1.0),
            (SIGNIFICANT, one.significant, -1.0),
        ):
            if value is not None:
                values[target][at] = sign * value
    given = {target: found for target, found in values.items() if not np.isnan(found).all()}
    for target, found in given.items():
        rows = zip(texts, np.isnan(found).all(axis=1), strict=True)
        bare = [f"{study}/{candidate}" for (study, candidate), nothing in rows if nothing]
        if bare:
            raise InputError(f"{name}: {len(bare)} candidates without any {target}: {listed(bare)}; judge them")
    if not given:
        raise InputError(f"{name}: no rating and no error count; give at least one of them")
    return Judgements(
        name,
        tuple(study for study, _ in texts),
        tuple(candidate for _, candidate in texts),
        tuple(reference for reference, _ in texts.values()),
        tuple(report for _, report in texts.values()),
        raters,
        given,
    )
