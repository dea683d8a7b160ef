"""Whether a claim holds: each of its tests on the measured variants, with the interval that decides it.

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
from rrgbench.stats.seeds import SeedMean, correlation_over_seeds, mean_over_seeds

HOLDS, FAILS, UNKNOWN = "holds", "does not hold", "not measured"
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
        `holds`, `does not hold` or `not measured`.
    ours : tuple of float
        Our values of the two variants (or of the one); empty where not measured.
    estimate : SeedMean or None
        Difference, correlation or share, with the interval that decided.
    seeds : tuple of int
        The seeds behind it.
    reason : str
        Why it was not measured, or what keeps it from holding.
    """

    test: Test
    verdict: str
    ours: tuple[float, ...] = ()
    estimate: SeedMean | None = None
    seeds: tuple[int, ...] = ()
    reason: str = ""

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
            "reason": self.reason,
        }


@dataclass(frozen=True)
class Judgement:
    """A claim with its tests' outcomes."""

    claim: Claim
    findings: tuple[Finding, ...]

    @property
    def verdict(self) -> str:
        """It fails if one test fails, holds if all hold, and else is not measured."""
        verdicts = {finding.verdict for finding in self.findings}
        return FAILS if FAILS in verdicts else UNKNOWN if UNKNOWN in verdicts else HOLDS

    def to_json(self) -> dict[str, Any]:
        """Everything, for machines."""
        return {
            "claim": self.claim.key,
            "statement": self.claim.statement,
            "source": self.claim.source,
            "verdict": self.verdict,
            "tests": [finding.to_json() for finding in self.findings],
        }


def judge(claim: Claim, models: Models, shares: Mapping[str, Sequence[float]], seed: int = 0) -> Judgement:
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
    """
    return Judgement(claim, tuple(_tested(test, models, shares, seed) for test in claim.tests))


def quantity_values(models: Mapping[int, Measured], quantity: Quantity) -> dict[int, tuple[float, Floats, int]]:
    """By seed: value, values on resamples (r,), and number of studies; seeds without a value are left out.

    A quantity over several observations leaves out of its mean those that have no value for any of these models.
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
    whole = column.partition(":")[0]
    return model.records[whole if whole in model.records else column].n or 1


def _tested(test: Test, models: Models, shares: Mapping[str, Sequence[float]], seed: int) -> Finding:
    if isinstance(test, TrainedShare):
        return _share(test, shares)
    untrained = [variant for variant in test.variants if not models.get(variant)]
    if untrained:
        return Finding(test, UNKNOWN, reason=f"not trained: {', '.join(untrained)}")
    if isinstance(test, Correlated):
        return _correlated(test, models, seed)
    first, second = (quantity_values(models[variant], test.quantity) for variant in test.variants)
    for variant, values in zip(test.variants, (first, second), strict=True):
        if not values:
            return Finding(test, UNKNOWN, reason=_blank(models[variant], test.quantity))
    seeds = sorted(set(first) & set(second))
    few = _too_few(test, seeds)
    if few is not None:
        return few
    ours = tuple(float(np.mean([values[seed][0] for seed in seeds])) for values in (first, second))
    differences = np.array([first[seed][0] - second[seed][0] for seed in seeds])
    resampled = np.stack([first[seed][1] - second[seed][1] for seed in seeds])
    level = 0.95 if isinstance(test, Greater) else 0.9
    found = mean_over_seeds(differences, resampled, first[seeds[0]][2], level)
    reason = _against(test, found)
    return Finding(test, FAILS if reason else HOLDS, ours, found, tuple(seeds), reason)


def _against(test: Greater | Equivalent, found: SeedMean) -> str:
    """What keeps a difference from being as claimed; empty if nothing does."""
    if isinstance(test, Greater):
        if found.low > 0.0:
            return ""
        return f"the other way round: {test.worse} is greater" if found.high < 0.0 else "no difference shown"
    if -test.margin < found.low and found.high < test.margin:
        return ""
    if found.low > test.margin or found.high < -test.margin:
        return "they differ by more than the margin"
    return "neither equality nor difference shown"


def _share(test: TrainedShare, shares: Mapping[str, Sequence[float]]) -> Finding:
    untrained = [variant for variant in test.variants if not shares.get(variant)]
    if untrained:
        return Finding(test, UNKNOWN, reason=f"not trained: {', '.join(untrained)}")
    most = max(shares[test.variant]) / min(shares[test.of])
    holds = most <= test.at_most
    reason = "" if holds else f"{most:.2%} are trained"
    found = SeedMean(most, np.nan, np.nan, len(shares[test.variant]), np.nan, np.nan)
    return Finding(test, HOLDS if holds else FAILS, (most,), found, (), reason)


def _correlated(test: Correlated, models: Models, seed: int) -> Finding:
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
    reason = "" if found.low > 0.0 else "no positive correlation shown"
    return Finding(test, FAILS if reason else HOLDS, (), found, tuple(seeds), reason)


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
