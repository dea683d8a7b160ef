"""Whether a claim holds: each of its tests on the measured variants, with the interval that decides it.

A test holds, is contradicted, or is not resolved: the interval leaves both open. Beside every verdict stands what the
design could have shown (`rrgbench.stats.power`), since "not resolved" says nothing of a difference smaller than that.

A difference needs at least three seeds that both variants were trained with. It is taken seed by seed and, for its
interval, study by study (`rrgbench.stats.seeds`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rrgbench.claims.claim import Claim, Correlated, Equivalent, Greater, Quantity, Test, TrainedShare
from rrgbench.claims.measurement import Measured
from rrgbench.stats.power import (
    Design,
    Spread,
    correlation_power,
    smallest_correlation,
    smallest_difference,
    smallest_margin,
)
from rrgbench.stats.seeds import SeedMean, correlation_over_seeds, mean_over_seeds

HOLDS, CONTRADICTED, UNRESOLVED, UNKNOWN = "holds", "contradicted", "not resolved", "not measured"
VERDICTS = (HOLDS, CONTRADICTED, UNRESOLVED, UNKNOWN)
FEWEST_SEEDS = 3

Floats = NDArray[np.float64]
Models = Mapping[str, Mapping[int, Measured]]
"""Measured models by variant and seed."""


@dataclass(frozen=True)
class Finding:
    """One test's outcome.

    Attributes
    ----------
    test : Test
        What was tested.
    verdict : str
        One of `VERDICTS`.
    ours : tuple of float
        Our values of the two variants (or of the one); empty where not measured.
    estimate : SeedMean or None
        Difference, correlation or share, with the interval that decided.
    seeds : tuple of int
        The seeds behind it.
    reason : str
        Why it was not measured, or what keeps it from holding.
    shown : float or None
        What this design shows with 80 % power: the smallest difference, the smallest margin of equality, the smallest
        correlation. None for a share, and where not even a perfect correlation would be shown.
    studies : int
        Number of studies that it was measured on.
    points : tuple of (str, float, float)
        Of a correlation: each variant with both values.
    contradicts : bool
        Whether it contradicts its claim: the verdict, corrected for the number of the claim's tests.
    """

    test: Test
    verdict: str
    ours: tuple[float, ...] = ()
    estimate: SeedMean | None = None
    seeds: tuple[int, ...] = ()
    reason: str = ""
    shown: float | None = None
    studies: int = 0
    points: tuple[tuple[str, float, float], ...] = ()
    contradicts: bool = False

    @property
    def spread(self) -> Spread | None:
        """What makes a difference uncertain, for other designs; None for anything else and where not measured."""
        if self.estimate is None or not isinstance(self.test, Greater | Equivalent):
            return None
        return Spread.of(self.estimate, self.studies)

    def to_json(self) -> dict[str, Any]:
        """Everything, for machines."""
        known = self.estimate
        return {
            "test": self.test.words,
            "kind": type(self.test).__name__.lower(),
            "variants": list(self.test.variants),
            "paper": list(self.test.paper) if isinstance(self.test.paper, tuple) else self.test.paper,
            "verdict": self.verdict,
            "ours": list(self.ours),
            "value": None if known is None else known.value,
            "low": None if known is None or np.isnan(known.low) else known.low,
            "high": None if known is None or np.isnan(known.high) else known.high,
            "seeds": list(self.seeds),
            "studies": self.studies or None,
            "shown_at_80_percent_power": self.shown,
            "variance_between_seeds": None if self.spread is None else self.spread.seed,
            "variance_of_a_study": None if self.spread is None else self.spread.study,
            "points": [dict(zip(("variant", "first", "second"), point, strict=True)) for point in self.points],
            "reason": self.reason,
            "contradicts_the_claim": self.contradicts,
        }


@dataclass(frozen=True)
class Judgement:
    """A claim with its tests' outcomes."""

    claim: Claim
    findings: tuple[Finding, ...]

    @property
    def verdict(self) -> str:
        """Contradicted if one test says so, corrected; holds if all do; else one was not measured or not resolved."""
        if any(finding.contradicts for finding in self.findings):
            return CONTRADICTED
        verdicts = {finding.verdict for finding in self.findings}
        if UNKNOWN in verdicts:
            return UNKNOWN
        return HOLDS if verdicts == {HOLDS} else UNRESOLVED

    def to_json(self) -> dict[str, Any]:
        """Everything, for machines."""
        return {
            "claim": self.claim.key,
            "statement": self.claim.statement,
            "source": self.claim.source,
            "verdict": self.verdict,
            "tests": [finding.to_json() for finding in self.findings],
        }


def judge(
    claim: Claim,
    models: Models,
    shares: Mapping[str, Sequence[float]],
    seed: int = 0,
    missing: Mapping[str, str] | None = None,
) -> Judgement:
    """Test a claim.

    Parameters
    ----------
    claim : Claim
        The claim.
    models : mapping
        Measured models by variant and seed.
    shares : mapping of str to sequence of float
        Share of the weights trained in the last stage, by variant.
    seed : int
        Of the bootstrap over seeds.
    missing : mapping of str to str, optional
        Why a rival could not be measured, by name.
    """
    context = _Context(models, shares, seed, missing or {}, len(claim.tests))
    return Judgement(claim, tuple(_tested(test, context) for test in claim.tests))


@dataclass(frozen=True)
class _Context:
    """What the tests of one claim are made of."""

    models: Models
    shares: Mapping[str, Sequence[float]]
    seed: int
    missing: Mapping[str, str]
    tests: int
    """Of the claim, for whose number a contradiction is corrected."""


def quantity_values(models: Mapping[int, Measured], quantity: Quantity) -> dict[int, tuple[float, Floats, int]]:
    """By seed: value, values on resamples (r,), and number of studies; seeds without a value are left out.

    A quantity over several observations leaves out of a model's mean those that have no value for it.
    """
    found = {}
    for seed, model in models.items():
        columns = [column for column in quantity.columns if column in model.values]
        if columns:
            value = float(np.mean([model.values[column] for column in columns]))
            replicates = np.mean([model.replicates[column] for column in columns], axis=0)
            found[seed] = (value, np.asarray(replicates), studies_of(model, columns[0]))
    return found


def studies_of(model: Measured, column: str) -> int:
    """Number of studies behind a column; for a single observation the record counts its positives alone."""
    record, whole = model.records[column], model.records.get(column.partition(":")[0])
    if record.observation is not None and whole is not None and whole.n:
        return whole.n
    return record.n or 1


def _tested(test: Test, context: _Context) -> Finding:
    if isinstance(test, TrainedShare):
        return _share(test, context.shares)
    models = context.models
    absent = [variant for variant in test.variants if not models.get(variant)]
    if absent:
        told = [f"{name}: {context.missing[name]}" for name in absent if name in context.missing]
        untrained = ", ".join(name for name in absent if name not in context.missing)
        return Finding(test, UNKNOWN, reason="; ".join([*([f"not trained: {untrained}"] if untrained else []), *told]))
    if isinstance(test, Correlated):
        return _correlated(test, context)
    both = tuple(zip(test.variants, test.quantities, strict=True))
    first, second = (quantity_values(models[variant], quantity) for variant, quantity in both)
    for (variant, quantity), values in zip(both, (first, second), strict=True):
        if not values:
            return Finding(test, UNKNOWN, reason=_blank(models[variant], quantity))
    seeds = sorted(set(first) & set(second))
    few = _too_few(test, seeds)
    if few is not None:
        return few
    ours = tuple(float(np.mean([values[seed][0] for seed in seeds])) for values in (first, second))
    differences = np.array([first[seed][0] - second[seed][0] for seed in seeds])
    resampled = np.stack([first[seed][1] - second[seed][1] for seed in seeds])
    error = 0.05 if isinstance(test, Greater) else 0.1
    studies = first[seeds[0]][2]
    found = mean_over_seeds(differences, resampled, studies, 1 - error)
    design, spread = Design(len(seeds), studies), Spread.of(found, studies)
    shown = (smallest_difference if isinstance(test, Greater) else smallest_margin)(spread, design, 1 - error)
    verdict = _decided(test, found)
    wider = mean_over_seeds(differences, resampled, studies, 1 - error / context.tests)
    return Finding(
        test,
        verdict,
        ours,
        found,
        tuple(seeds),
        _against(test, verdict),
        shown,
        studies,
        contradicts=_decided(test, wider) == CONTRADICTED,
    )


def _decided(test: Greater | Equivalent, found: SeedMean) -> str:
    """What an interval says of a difference."""
    if isinstance(test, Greater):
        return HOLDS if found.low > 0.0 else CONTRADICTED if found.high < 0.0 else UNRESOLVED
    if -test.margin < found.low and found.high < test.margin:
        return HOLDS
    return CONTRADICTED if found.low > test.margin or found.high < -test.margin else UNRESOLVED


def _against(test: Greater | Equivalent, verdict: str) -> str:
    """What contradicts a difference or leaves it open; empty if it is as claimed."""
    if isinstance(test, Greater):
        return f"{test.worse} is greater" if verdict == CONTRADICTED else ""
    both = "neither equality nor a difference beyond the margin shown"
    return {CONTRADICTED: "they differ by more than the margin", UNRESOLVED: both}.get(verdict, "")


def _share(test: TrainedShare, shares: Mapping[str, Sequence[float]]) -> Finding:
    untrained = [variant for variant in test.variants if not shares.get(variant)]
    if untrained:
        return Finding(test, UNKNOWN, reason=f"not trained: {', '.join(untrained)}")
    most = max(shares[test.variant]) / min(shares[test.of])
    holds = most <= test.at_most
    reason = "" if holds else f"{most:.2%} are trained"
    found = SeedMean(most, np.nan, np.nan, len(shares[test.variant]), np.nan, np.nan)
    return Finding(test, HOLDS if holds else CONTRADICTED, (most,), found, (), reason, contradicts=not holds)


def _correlated(test: Correlated, context: _Context) -> Finding:
    models, seed = context.models, context.seed
    firsts = [quantity_values(models[variant], test.first) for variant in test.variants]
    seconds = [quantity_values(models[variant], test.second) for variant in test.variants]
    for quantity, values in ((test.first, firsts), (test.second, seconds)):
        for variant, known in zip(test.variants, values, strict=True):
            if not known:
                return Finding(test, UNKNOWN, reason=_blank(models[variant], quantity))
    seeds = sorted(set.intersection(*(set(values) for values in (*firsts, *seconds))))
    few = _too_few(test, seeds)
    if few is not None:
        return few
    x, y = (np.array([[values[s][0] for s in seeds] for values in both]) for both in (firsts, seconds))
    rx, ry = (np.array([[values[s][1] for s in seeds] for values in both]) for both in (firsts, seconds))
    found = correlation_over_seeds(x, y, rx, ry, 0.95, seed)
    if np.isnan(found.value) or np.isnan(found.low):
        return Finding(test, UNKNOWN, seeds=tuple(seeds), reason="a value is the same for all variants")
    verdict = HOLDS if found.low > 0.0 else CONTRADICTED if found.high < 0.0 else UNRESOLVED
    reason = "one falls as the other rises" if verdict == CONTRADICTED else ""
    shown = smallest_correlation(x, y, rx, ry, seed)
    if shown is None and verdict == UNRESOLVED:
        perfect = correlation_power(1.0, x, y, rx, ry, seed)
        reason = f"even r = 1 would be shown in {perfect:.0%} of cases"
    studies = firsts[0][seeds[0]][2]
    means = zip(test.variants, x.mean(axis=1).tolist(), y.mean(axis=1).tolist(), strict=True)
    wider = correlation_over_seeds(x, y, rx, ry, 1 - 0.05 / context.tests, seed)
    return Finding(
        test, verdict, (), found, tuple(seeds), reason, shown, studies, tuple(means), contradicts=wider.high < 0.0
    )


def _too_few(test: Test, seeds: Sequence[int]) -> Finding | None:
    if len(seeds) >= FEWEST_SEEDS:
        return None
    return Finding(test, UNKNOWN, seeds=tuple(seeds), reason=f"{len(seeds)} seeds in common; {FEWEST_SEEDS} are needed")


def _blank(models: Mapping[int, Measured], quantity: Quantity) -> str:
    """Why a quantity has no value."""
    for model in models.values():
        for column in quantity.columns:
            record = model.records.get(column)
            if record is not None and record.reason:
                return f"{quantity.title}: {record.reason}"
    return f"{quantity.title} is not part of the suite"
