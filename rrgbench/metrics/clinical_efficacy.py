"""Clinical efficacy: precision, recall and F1 between the observations of two sets of reports.

Published figures differ by a factor of two for the same reports because papers choose differently among the options
below and rarely say so. Here each choice is a field, and each is part of a number's signature.
"""

from dataclasses import dataclass
from typing import Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from rrgbench.errors import InputError, listed
from rrgbench.metrics.base import Statistics
from rrgbench.metrics.means import weighted_mean
from rrgbench.observations import (
    COMPETITION_OBSERVATIONS,
    NEGATIVE,
    OBSERVATIONS,
    POSITIVE,
    UNCERTAIN,
    UNMENTIONED,
    observation_index,
)

Averaging = Literal["micro", "macro", "weighted", "per-report"]
Uncertainty = Literal["positive", "negative", "ignored"]
Target = Literal["positive", "negative", "uncertain", "unmentioned", "mentioned"]
Labels = NDArray[np.int8]
Known = NDArray[np.bool_]

_CODES: Final = (POSITIVE, NEGATIVE, UNCERTAIN, UNMENTIONED)
_QUANTITIES: Final = ("precision", "recall", "F1")


@dataclass(frozen=True)
class ClinicalEfficacy:
    """Agreement of hypothesis labels with reference labels.

    Attributes
    ----------
    averaging : {"micro", "macro", "weighted", "per-report"}
        Over all cells; the mean over observations; the mean weighted by support; the mean over reports (scikit-learn's
        `samples`).
    observations : {14, 5}
        All of CheXpert's, or those of its competition.
    uncertain : {"positive", "negative", "ignored"}
        What an uncertain mention counts as; ignored leaves a cell out where either side is uncertain.
    target : {"positive", "negative", "uncertain", "unmentioned", "mentioned"}
        The mention class that counts as a hit. Anything but `positive` compares the mention classes as they are, and
        `uncertain` above has no effect.

    Notes
    -----
    A ratio without a denominator is taken as 0 inside averages, as scikit-learn does by default, and named by
    `undefined`; rows of single observations are NaN there. Observations that the reference labels never speak about
    (`known`) are in no average.

    Examples
    --------
    >>> metric = ClinicalEfficacy()
    >>> reference, hypothesis = np.full((2, 14), NEGATIVE), np.full((2, 14), NEGATIVE)
    >>> reference[0, 2] = reference[1, 5] = hypothesis[0, 2] = POSITIVE
    >>> metric.aggregate(metric.statistics(reference, hypothesis), np.ones((1, 2))).round(3).tolist()
    [[1.0, 0.5, 0.667]]
    """

    averaging: Averaging = "micro"
    observations: Literal[14, 5] = 14
    uncertain: Uncertainty = "positive"
    target: Target = "positive"

    def __post_init__(self) -> None:
        """Refuse choices that don't exist."""
        for field, given, expected in (
            ("averaging", self.averaging, get_args(Averaging)),
            ("observations", self.observations, (14, 5)),
            ("uncertain", self.uncertain, get_args(Uncertainty)),
            ("target", self.target, get_args(Target)),
        ):
            if given not in expected:
                choices = ", ".join(str(choice) for choice in expected)
                raise InputError(f"clinical efficacy: {field} is {given!r}; expected one of {choices}")

    @property
    def keys(self) -> tuple[str, ...]:
        """Names of the values `aggregate` gives."""
        return ("ce_precision", "ce_recall", "ce_f1")

    @property
    def names(self) -> tuple[str, ...]:
        """The observations compared, in CheXpert's order."""
        return (
            OBSERVATIONS if self.observations == 14 else tuple(sorted(COMPETITION_OBSERVATIONS, key=observation_index))
        )

    def statistics(self, references: Labels, hypotheses: Labels, known: Known | None = None) -> Statistics:
        """Per-study sufficient statistics.

        Parameters
        ----------
        references, hypotheses : int8 arrays (n, 14)
            Labels in CheXpert coding.
        known : bool array (14,) or (n, 14), optional
            Where the reference labels speak; elsewhere nothing is counted. All by default.

        Returns
        -------
        float64 array (n, 4 o + 3)
            For o observations: true positives, false positives, false negatives, whether the reference speaks; then
            the report's own precision, recall and F1 (0 where undefined).

        Raises
        ------
        InputError
            If shapes differ or a label is not in CheXpert coding.
        """
        columns = [observation_index(name) for name in self.names]
        expected = checked_labels(references, "reference")[:, columns]
        given = checked_labels(hypotheses, "hypothesis")[:, columns]
        if expected.shape != given.shape:
            raise InputError(
                f"labels of {len(expected)} references but {len(given)} hypotheses; give one for each study"
            )
        speaks = np.broadcast_to(True if known is None else known, (len(expected), len(OBSERVATIONS)))[:, columns]
        counted = speaks
        if self._ignores:
            # which observations an average is over must not depend on what a system doubts
            speaks = speaks & (expected != UNCERTAIN)
            counted = speaks & (given != UNCERTAIN)
        truth, found = self.hits(expected), self.hits(given)
        true_positive = truth & found & counted
        false_positive = ~truth & found & counted
        false_negative = truth & ~found & counted
        cells = np.concatenate([true_positive, false_positive, false_negative, speaks], axis=1).astype(np.float64)
        sums = np.stack([part.sum(axis=1) for part in (true_positive, false_positive, false_negative)], axis=1)
        return np.concatenate([cells, _zero_where_undefined(_ratios(sums.astype(np.float64)))], axis=1)

    def per_study(self, statistics: Statistics) -> NDArray[np.float64]:
        """Precision, recall and F1 of each report over its observations (n, 3), 0 where undefined."""
        return statistics[:, -len(_QUANTITIES) :]

    def aggregate(self, statistics: Statistics, multiplicities: NDArray[np.float64]) -> NDArray[np.float64]:
        """Precision, recall and F1 (r, 3) where study i counts `multiplicities[:, i]` times."""
        if self.averaging == "per-report":
            return weighted_mean(self.per_study(statistics), multiplicities)
        return self._averaged(self._counts(statistics, multiplicities), self._speaks(statistics)[None])

    def of_constants(self, references: Labels, constants: Labels, known: Known | None = None) -> NDArray[np.float64]:
        """Precision, recall and F1 (c, 3) of each of some label vectors (c, 14), given to all n references' studies.

        Parameters and errors as of `statistics`; equal to aggregating it for each constant, in one pass over studies.
        """
        columns = [observation_index(name) for name in self.names]
        expected, given = checked_labels(references, "reference"), checked_labels(constants, "constant")[:, columns]
        speaks = np.broadcast_to(True if known is None else known, expected.shape)
        # studies with the same labels count as one that occurs several times
        beside = np.concatenate([expected[:, columns], speaks[:, columns]], axis=1)
        rows, times = np.unique(beside, axis=0, return_counts=True)
        expected, counted = rows[:, : len(columns)], rows[:, len(columns) :] == 1
        used = np.ones(given.shape, dtype=np.bool_)
        if self._ignores:
            counted, used = counted & (expected != UNCERTAIN), given != UNCERTAIN
        truth, found = self.hits(expected), self.hits(given)
        there, absent = ((counted & side).astype(np.float64) for side in (truth, ~truth))
        said, unsaid = ((used & side).astype(np.float64) for side in (found, ~found))
        if self.averaging == "per-report":
            values = np.empty((len(given), len(_QUANTITIES)))
            for low in range(0, len(given), 256):
                block = slice(low, low + 256)
                sums = np.stack([said[block] @ there.T, said[block] @ absent.T, unsaid[block] @ there.T], axis=-1)
                values[block] = np.einsum("cmq,m->cq", _zero_where_undefined(_ratios(sums)), times) / times.sum()
            return values
        positives, negatives = times @ there, times @ absent
        counts = np.stack([said * positives, said * negatives, unsaid * positives], axis=-1)
        return self._averaged(counts, (times @ counted > 0)[None])

    def _averaged(self, counts: NDArray[np.float64], speaks: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Precision, recall and F1 (r, 3) from counts (r, o, 3), of observations that the labels speak about."""
        if self.averaging == "micro":
            return _zero_where_undefined(_ratios(counts.sum(axis=1)))
        rows = _zero_where_undefined(_ratios(counts))
        weights = np.broadcast_to(speaks.astype(np.float64), rows.shape[:2])
        if self.averaging == "weighted":
            weights = weights * (counts[:, :, 0] + counts[:, :, 2])
        totals = weights.sum(axis=1, keepdims=True)
        means = np.divide(
            np.einsum("ro,roq->rq", weights, rows),
            totals,
            out=np.zeros((len(rows), len(_QUANTITIES))),
            where=totals > 0,
        )
        return np.asarray(means, dtype=np.float64)

    def observation_rows(self, statistics: Statistics, multiplicities: NDArray[np.float64]) -> NDArray[np.float64]:
        """Precision, recall and F1 of each observation (r, o, 3); NaN where there is no denominator."""
        return _ratios(self._counts(statistics, multiplicities))

    def support(self, statistics: Statistics) -> NDArray[np.int64]:
        """How many references have each observation (o,)."""
        counts = self._counts(statistics, np.ones((1, len(statistics))))[0]
        return np.asarray(counts[:, 0] + counts[:, 2], dtype=np.int64)

    def undefined(self, statistics: Statistics) -> dict[str, str]:
        """Why an observation's values are undefined, by name; observations that have all three are left out."""
        counts = self._counts(statistics, np.ones((1, len(statistics))))[0]
        reasons: dict[str, str] = {}
        for name, (hits, extra, missed), speaks in zip(self.names, counts, self._speaks(statistics), strict=True):
            if not speaks:
                reasons[name] = "the reference labels don't speak about it"
            elif hits + extra + missed == 0:
                where = "nowhere that both sides are certain" if self._ignores else "in no reference and no hypothesis"
                reasons[name] = f"{self.target} {where}"
            elif hits + extra == 0:
                reasons[name] = f"{self.target} in no hypothesis: no precision"
            elif hits + missed == 0:
                reasons[name] = f"{self.target} in no reference: no recall"
        return reasons

    def hits(self, labels: Labels) -> NDArray[np.bool_]:
        """Where labels say the mention class that counts as a hit; an uncertain mention is read as the choices say."""
        if self.target == "mentioned":
            return np.asarray(labels != UNMENTIONED)
        if self.target != "positive":
            code = {"negative": NEGATIVE, "uncertain": UNCERTAIN, "unmentioned": UNMENTIONED}[self.target]
            return np.asarray(labels == code)
        also = UNCERTAIN if self.uncertain == "positive" else POSITIVE
        return np.asarray((labels == POSITIVE) | (labels == also))

    @property
    def _ignores(self) -> bool:
        return self.target == "positive" and self.uncertain == "ignored"

    def _counts(self, statistics: Statistics, multiplicities: NDArray[np.float64]) -> NDArray[np.float64]:
        """True positives, false positives, false negatives (r, o, 3)."""
        size = len(self.names)
        sums = multiplicities @ statistics[:, : 3 * size]
        return np.asarray(sums.reshape(-1, 3, size).transpose(0, 2, 1), dtype=np.float64)

    def _speaks(self, statistics: Statistics) -> NDArray[np.bool_]:
        size = len(self.names)
        return np.asarray(statistics[:, 3 * size : 4 * size].sum(axis=0) > 0)


def checked_labels(labels: NDArray[np.int8], whose: str) -> Labels:
    """Labels as int8 if they are (n, 14) in CheXpert coding.

    Raises
    ------
    InputError
        Otherwise, saying what was found.
    """
    values = np.asarray(labels)
    if values.ndim != 2 or values.shape[1] != len(OBSERVATIONS) or not len(values):
        raise InputError(f"{whose} labels have shape {values.shape}; expected (studies, {len(OBSERVATIONS)})")
    odd = ~np.isin(values, _CODES)
    if odd.any():
        found = listed(sorted({str(value) for value in values[odd]}))
        raise InputError(
            f"{whose} labels hold {found}; expected {POSITIVE} positive, {NEGATIVE} negative, {UNCERTAIN} uncertain, "
            f"{UNMENTIONED} unmentioned"
        )
    return values.astype(np.int8)


def _ratios(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Precision, recall, F1 from (true positives, false positives, false negatives) in the last axis."""
    hits, extra, missed = counts[..., 0], counts[..., 1], counts[..., 2]
    numerators = np.stack([hits, hits, 2.0 * hits], axis=-1)
    denominators = np.stack([hits + extra, hits + missed, 2.0 * hits + extra + missed], axis=-1)
    undefined = np.full(numerators.shape, np.nan)
    return np.asarray(np.divide(numerators, denominators, out=undefined, where=denominators > 0))


def _zero_where_undefined(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(np.isnan(values), 0.0, values)
