"""Candidate reports with radiologists' ratings and error counts, as one table."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import inf, isfinite
from typing import Final

import numpy as np
from numpy.typing import NDArray

from rrgbench.errors import InputError, listed
from rrgbench.scoring.study_order import id_place

Floats = NDArray[np.float64]

RATING: Final = "rating"
ERRORS: Final = "errors"
SIGNIFICANT: Final = "significant errors"
TARGETS: Final = (RATING, SIGNIFICANT, ERRORS)
"""What radiologists say of a report; of errors fewer are better."""
STATED: Final = "stated preference"
"""What radiologists say of two reports."""


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


@dataclass(frozen=True)
class Choice:
    """Which of two candidates of a study a radiologist prefers.

    Attributes
    ----------
    study_id, first, second, rater : str
        Which candidates, and who judges.
    order : float
        1 if the first is better, -1 if the second is, 0 for a tie.
    """

    study_id: str
    first: str
    second: str
    rater: str
    order: float


@dataclass(frozen=True, eq=False)
class Preferences:
    """Pairs p of candidates compared by raters r.

    Attributes
    ----------
    first, second : int64 arrays (p,)
        Places of the candidates.
    values : float64 array (p, r)
        1 where a rater prefers the first, -1 the second, 0 for a tie; NaN where a rater says nothing.
    """

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    values: Floats


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
    preferences: Preferences | None = None
    notes: tuple[str, ...] = ()

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


def judgements_of(
    name: str,
    texts: Texts,
    judged: Sequence[Judgement],
    choices: Sequence[Choice] = (),
    notes: Sequence[str] = (),
) -> Judgements:
    """Judgements brought together, studies in the order of their ids and raters in that of their names.

    Order decides which studies a resample draws: one set of judgements must not have two intervals, however a file
    lists it. Raters who say nothing are left out, and a note names them.

    Raises
    ------
    InputError
        If a judged candidate has no text, a candidate nobody's judgement, or one rater judges one candidate twice; if a
        text is empty, a number is not finite, or errors are fewer than none.
    """
    texts = dict(sorted(texts.items(), key=lambda item: id_place(item[0][0])))
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
    there = {one.rater for one in judged} | {one.rater for one in choices}
    speaking = {one.rater for one in judged if (one.rating, one.errors, one.significant) != (None, None, None)}
    raters = tuple(sorted(speaking | {one.rater for one in choices}, key=id_place))
    if silent := sorted(there - set(raters)):
        notes = [*notes, f"raters who say nothing are left out: {listed(silent)}"]
        judged = [one for one in judged if one.rater in raters]
    row, column = {key: at for at, key in enumerate(texts)}, {rater: at for at, rater in enumerate(raters)}
    values = {target: np.full((len(texts), len(raters)), np.nan) for target in TARGETS}
    seen: set[tuple[str, str, str]] = set()
    for one in judged:
        key = (one.study_id, one.candidate, one.rater)
        if key in seen:
            raise InputError(
                f"{name}: {one.rater} judges {one.study_id}/{one.candidate} twice; keep one judgement"
                + ("" if len(raters) > 1 else ", or name the raters in a column rater")
            )
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
            raise InputError(
                f"{name}: {len(bare)} candidates without any {target}: {listed(bare)}; judge them, or leave them out"
            )
    preferences = _preferences(name, row, column, choices)
    if not given and preferences is None:
        raise InputError(f"{name}: no rating, no error count and no preference; give at least one of them")
    return Judgements(
        name,
        tuple(study for study, _ in texts),
        tuple(candidate for _, candidate in texts),
        tuple(reference for reference, _ in texts.values()),
        tuple(report for _, report in texts.values()),
        raters,
        given,
        preferences,
        (*notes, *_blanks(given, preferences)),
    )


def _preferences(
    name: str, row: dict[tuple[str, str], int], column: dict[str, int], choices: Sequence[Choice]
) -> Preferences | None:
    """Choices by pair; None if there are none."""
    said: dict[tuple[int, int], dict[int, float]] = {}
    for one in choices:
        at, other = row[one.study_id, one.first], row[one.study_id, one.second]
        if at == other:
            raise InputError(f"{name}: {one.rater} compares {one.study_id}/{one.first} with itself; remove the row")
        # the same two reports may stand the other way round for another rater
        pair, order = ((at, other), one.order) if at < other else ((other, at), -one.order)
        if column[one.rater] in said.setdefault(pair, {}):
            raise InputError(
                f"{name}: {one.rater} compares {one.study_id}/{one.first} and {one.study_id}/{one.second} twice; keep "
                "one comparison, or name the raters in a column rater"
            )
        said[pair][column[one.rater]] = order
    if not said:
        return None
    pairs = sorted(said)
    values = np.full((len(pairs), len(column)), np.nan)
    for at, pair in enumerate(pairs):
        for rater, order in said[pair].items():
            values[at, rater] = order
    first, second = np.array(pairs, dtype=np.int64).T
    return Preferences(first, second, values)


def _blanks(given: dict[str, Floats], preferences: Preferences | None) -> Iterator[str]:
    """How many of the judgements that could be there are not."""
    called = {RATING: "ratings", ERRORS: "counts of errors", SIGNIFICANT: "counts of significant errors"}
    all_values = {called[target]: found for target, found in given.items()}
    if preferences is not None:
        all_values["preferences"] = preferences.values
    for what, found in all_values.items():
        if blank := int(np.isnan(found).sum()):
            yield f"{blank:,} of {found.size:,} {what} are blank; means are over the raters who judged"
