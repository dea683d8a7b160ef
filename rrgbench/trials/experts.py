"""The trial by experts: how far each metric agrees with radiologists, with intervals, and which metric is better."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import Final

import numpy as np
from numpy.typing import NDArray

from rrgbench.errors import InputError
from rrgbench.metrics.catalogue import TEXT_GROUPS, Entry, entry
from rrgbench.metrics.external.plug_in import ExternalMetric
from rrgbench.scoring.options import Scoring
from rrgbench.scoring.report_files import ReportPairs
from rrgbench.scoring.score import score_pairs, wanted_metrics
from rrgbench.stats.bootstrap import multiplicity_chunks
from rrgbench.stats.paired import holm
from rrgbench.stats.rank_agreement import TIE, kendall_tau_b, pair_agreement, spearman_rho
from rrgbench.trials.judgements import Judgements, OrderingTest
from rrgbench.trials.judgements.judgements import STATED, TARGETS

Floats = NDArray[np.float64]

TAU: Final = "tau-b"
RHO: Final = "Spearman"
PREFERENCE: Final = "preference"
EQUAL: Final = 0.05
"""Candidates that must be equal may differ by this share of a metric's range over the tests."""


@dataclass(frozen=True)
class Estimate:
    """A value with its interval; NaN where undefined."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Difference:
    """Two metrics' agreement compared on the same resamples; `adjusted` is Holm's p over all pairs of metrics."""

    first: str
    second: str
    difference: Estimate
    p_value: float
    adjusted: float


@dataclass(frozen=True, eq=False)
class Scored:
    """Metrics on texts: values (n, m), oriented so that the higher is the better, and seconds for 1,000 reports."""

    entries: tuple[Entry, ...]
    values: Floats
    seconds: dict[str, float]
    absent: dict[str, str]
    signature: str


@dataclass(frozen=True, eq=False)
class ExpertTrial:
    """What the trial found.

    Attributes
    ----------
    judgements : Judgements
        What radiologists said.
    scored : Scored
        What metrics gave.
    replicates, seed : int
        Of the bootstrap, which draws studies: the candidates of one study stay together.
    """

    judgements: Judgements
    scored: Scored
    replicates: int = 1000
    seed: int = 0

    @property
    def targets(self) -> tuple[str, ...]:
        """What the radiologists gave; the first is what metrics are ranked by."""
        stated = () if self.judgements.preferences is None else (STATED,)
        return (*(target for target in TARGETS if target in self.judgements.values), *stated)

    @property
    def leading(self) -> tuple[str, str]:
        """Target and measure that metrics are ranked and compared by."""
        return self.targets[0], PREFERENCE if self.targets[0] == STATED else TAU

    @cached_property
    def _drawn(self) -> Floats:
        """All studies once, then resamples of them (1 + replicates, studies)."""
        n = len(self.judgements.studies)
        return np.concatenate([np.ones((1, n)), *multiplicity_chunks(n, self.replicates, self.seed)])

    def _agreement(self, values: Floats, expected: Floats) -> dict[str, Floats]:
        """Tau-b, Spearman and preference accuracy on all studies and on each resample."""
        known = ~np.isnan(values) & ~np.isnan(expected)
        rows = self.judgements.rows[known]
        counts = self._drawn[:, rows]
        return {
            TAU: kendall_tau_b(values[known], expected[known], counts),
            RHO: spearman_rho(values[known], expected[known], counts),
            PREFERENCE: pair_agreement(values[known], expected[known], rows, self._drawn),
        }

    def _stated(self, gaps: Floats, expected: Floats) -> dict[str, Floats]:
        """How often gaps (p,) of compared pairs have the sign that is expected; there is nothing to correlate."""
        pairs = self.judgements.preferences
        assert pairs is not None
        known = ~np.isnan(gaps) & ~np.isnan(expected)
        studies = self.judgements.rows[pairs.first[known]]
        values, order = (np.stack([one[known], np.zeros(known.sum())], axis=1).ravel() for one in (gaps, expected))
        found = pair_agreement(values, order, np.repeat(np.arange(known.sum()), 2), self._drawn[:, studies])
        blank = np.full(len(self._drawn), np.nan)
        return {TAU: blank, RHO: blank, PREFERENCE: found}

    def _of_metric(self, values: Floats, target: str) -> dict[str, Floats]:
        """A metric's agreement with what the raters say on average."""
        if len(self.judgements.studies) < 2:
            return dict.fromkeys((TAU, RHO, PREFERENCE), np.full(len(self._drawn), np.nan))
        pairs = self.judgements.preferences
        if target != STATED or pairs is None:
            return self._agreement(values, self.judgements.mean(target))
        return self._stated(values[pairs.first] - values[pairs.second], _mean(pairs.values))

    def _of_raters(self, target: str) -> list[dict[str, Floats]]:
        """Each rater's agreement with the mean of the others; of raters who say nothing of the target none."""
        pairs = self.judgements.preferences
        stated = target == STATED and pairs is not None
        values = pairs.values if stated and pairs is not None else self.judgements.values[target]
        values = values[:, ~np.isnan(values).all(axis=0)]
        if values.shape[1] < 2 or len(self.judgements.studies) < 2:
            return []
        agree = self._stated if stated else self._agreement
        return [agree(values[:, at], _mean(np.delete(values, at, axis=1))) for at in range(values.shape[1])]

    @cached_property
    def samples(self) -> dict[tuple[str, str, str], Floats]:
        """By metric, target and measure: the value on all studies, then on each resample."""
        return {
            (one.key, target, measure): found
            for at, one in enumerate(self.scored.entries)
            for target in self.targets
            for measure, found in self._of_metric(self.scored.values[:, at], target).items()
        }

    @cached_property
    def agreement(self) -> dict[tuple[str, str, str], Estimate]:
        """By metric, target and measure."""
        return {key: _estimate(found) for key, found in self.samples.items()}

    @cached_property
    def ceiling(self) -> dict[tuple[str, str], Estimate]:
        """By target and measure: a rater's agreement with the mean of the others, averaged over raters; none of one."""
        found: dict[tuple[str, str], Estimate] = {}
        for target in self.targets:
            each = self._of_raters(target)
            for measure in (TAU, RHO, PREFERENCE) if each else ():
                found[target, measure] = _estimate(np.mean([one[measure] for one in each], axis=0))
        return found

    @cached_property
    def ranked(self) -> tuple[str, ...]:
        """Metric keys, the one that agrees best (`leading`) first."""
        values = {one.key: self.agreement[(one.key, *self.leading)].value for one in self.scored.entries}
        return tuple(sorted(values, key=lambda key: (np.isnan(values[key]), -values[key])))

    @cached_property
    def differences(self) -> tuple[Difference, ...]:
        """All pairs of metrics, by `leading`; paired bootstrap, two-sided and centred."""
        pairs = list(combinations(self.ranked, 2))
        drawn = [
            self.samples[(first, *self.leading)] - self.samples[(second, *self.leading)] for first, second in pairs
        ]
        p_values = np.array([_p_value(one) for one in drawn])
        return tuple(
            Difference(first, second, _estimate(one), float(p), float(adjusted))
            for (first, second), one, p, adjusted in zip(pairs, drawn, p_values, holm(p_values), strict=True)
        )

    def why_blank(self, target: str, measure: str, key: str = "") -> str:
        """Why a metric's agreement, or the raters' own, is blank.

        Parameters
        ----------
        target, measure : str
            Which agreement.
        key : str
            The metric; empty for the raters.
        """
        if len(self.judgements.studies) < 2:
            return "of one study: agreement is measured over studies, give at least two"
        if target == STATED and measure != PREFERENCE:
            return "preferences between two reports are no values to correlate with"
        pairs = self.judgements.preferences
        expected = _mean(pairs.values) if target == STATED and pairs else self.judgements.mean(target)
        if measure == PREFERENCE:
            if target == STATED:
                return "every preference is a tie"
            return "no study has two reports that the radiologists judge differently"
        if np.ptp(expected) < TIE:
            return f"all reports have the same {target}, so there is nothing to correlate with"
        if not key:
            return f"a radiologist gives all reports the same {target}"
        at = [one.key for one in self.scored.entries].index(key)
        values = self.scored.values[:, at]
        if np.isnan(values).any():
            return "the metric is undefined for some of these reports"
        return "the metric gives all reports the same value"


def _mean(values: Floats) -> Floats:
    known = (~np.isnan(values)).sum(axis=1)
    found: Floats = np.divide(np.nansum(values, axis=1), known, out=np.full(len(values), np.nan), where=known > 0)
    return found


def _estimate(found: Floats) -> Estimate:
    defined = found[1:][~np.isnan(found[1:])]
    if np.isnan(found[0]) or not len(defined):
        return Estimate(float(found[0]), np.nan, np.nan)
    low, high = np.quantile(defined, [0.025, 0.975])
    return Estimate(float(found[0]), float(low), float(high))


def _p_value(found: Floats) -> float:
    observed, drawn = found[0], found[1:][~np.isnan(found[1:])]
    if np.isnan(observed):
        return float("nan")
    extreme = np.sum(np.abs(drawn - observed) >= abs(observed) - 1e-12)
    return float((1 + extreme) / (1 + len(drawn)))


def run_expert_trial(
    judgements: Judgements,
    scoring: Scoring,
    absent: dict[str, str] | None = None,
    progress: Callable[[str], None] | None = None,
) -> ExpertTrial:
    """Score the judged reports with every metric and compare.

    Parameters
    ----------
    judgements : Judgements
        What radiologists said of which reports.
    scoring : Scoring
        Protocol, metrics, replicates and seed.
    absent : dict of str to str, optional
        Metrics that could not be loaded, for the record.
    progress : callable, optional
        Called with a line for each step.
    """
    scored = score_texts(judgements.references, judgements.reports, scoring, absent, progress)
    return ExpertTrial(judgements, scored, scoring.replicates, scoring.seed)


def score_texts(
    references: Sequence[str],
    reports: Sequence[str],
    scoring: Scoring,
    absent: dict[str, str] | None = None,
    progress: Callable[[str], None] | None = None,
) -> Scored:
    """Each report's own value under each metric, a metric at a time so that its time is known."""
    keys, external = wanted_metrics(scoring)
    pairs = ReportPairs(tuple(map(str, range(len(reports)))), tuple((one,) for one in references), tuple(reports))
    groups: list[str | ExternalMetric] = [
        *(name for name in ("bleu", "bleu_mean", "ce", "findings") if any(key in TEXT_GROUPS[name] for key in keys)),
        *(key for key in ("meteor", "rouge_l", "cider") if key in keys),
        *external,
    ]
    found: dict[str, Floats] = {}
    seconds: dict[str, float] = {}
    missing = dict(absent or {})
    signature = ""
    warm = ReportPairs(pairs.study_ids[:2], pairs.references[:2], pairs.hypotheses[:2])
    for group in groups:
        if progress is not None:
            progress(f"scoring by {group if isinstance(group, str) else group.name}")
        options = scoring.but(
            metrics=(group,), intervals=False, certificate=False, allow=tuple({*scoring.allow, "empty"})
        )
        score_pairs(warm, options)  # what is loaded once is no part of the time
        begin = time.perf_counter()
        scores = score_pairs(pairs, options)
        passed = 1000 * (time.perf_counter() - begin) / len(reports)
        missing |= scores.absent
        signature = signature or str(scores.signature.protocol)
        for family in scores.families:
            for key, column in zip(family.keys, family.values.T, strict=True):
                if key in keys or not isinstance(group, str):
                    found[key], seconds[key] = column, passed
    ordered = [key for key in (*keys, *(key for metric in external for key in metric.keys)) if key in found]
    if not ordered:
        raise InputError(f"no metric can be tried: {'; '.join(f'{key}: {why}' for key, why in missing.items())}")
    entries = tuple(entry(key) for key in ordered)
    signs = [-1.0 if one.better == "lower" else 1.0 for one in entries]
    values = np.stack([sign * found[key] for sign, key in zip(signs, ordered, strict=True)], axis=1)
    return Scored(entries, values, seconds, missing, signature)


@dataclass(frozen=True, eq=False)
class OrderingTrial:
    """Which ordering tests a metric passes.

    Attributes
    ----------
    tests : tuple of OrderingTest
        The tests.
    passed : mapping of str to tuple of bool
        By metric key, in the order of the tests.
    """

    tests: tuple[OrderingTest, ...]
    passed: dict[str, tuple[bool, ...]]

    def share(self, key: str, category: str | None = None) -> tuple[int, int]:
        """How many tests of a category (of all) are passed, and how many there are."""
        rows = [at for at, test in enumerate(self.tests) if category in (None, test.category)]
        return sum(self.passed[key][at] for at in rows), len(rows)


def run_ordering_tests(tests: Sequence[OrderingTest], scoring: Scoring) -> OrderingTrial:
    """Which tests each metric passes; candidates that must be equal may differ by `EQUAL` of its range."""
    places = [(at, name) for at, test in enumerate(tests) for name in test.candidates]
    scored = score_texts(
        [tests[at].reference for at, _ in places], [tests[at].candidates[name] for at, name in places], scoring
    )
    passed = {}
    for column, one in enumerate(scored.entries):
        values = dict(zip(places, scored.values[:, column].tolist(), strict=True))
        slack = EQUAL * float(np.ptp(scored.values[:, column]))
        passed[one.key] = tuple(
            all(
                abs(gap) <= slack + 1e-12 if sign == "=" else gap > 1e-12
                for first, sign, second in test.expected
                for gap in [values[at, first] - values[at, second]]
            )
            for at, test in enumerate(tests)
        )
    return OrderingTrial(tuple(tests), passed)
