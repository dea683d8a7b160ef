"""CRIMSON over an endpoint (arXiv 2603.06183): findings weighed by clinical significance, partial credit for matches.

The prompt is ours, so values are comparable among themselves and not with those of the authors' own model and prompt.
"""

from typing import Final, Literal

import numpy as np
from numpy.typing import ArrayLike
from pydantic import model_validator

from rrgbench.judges.judge import Judge, Shape, judge_plug_in
from rrgbench.judges.prompt import load_prompt
from rrgbench.metrics.catalogue import Entry

_WEIGHTS: Final = {"urgent": 1.0, "actionable": 0.5, "not_actionable": 0.25, "benign": 0.0}
_SIGNIFICANT_ERROR: Final = 0.5


class Finding(Shape):
    """An abnormal finding of a report."""

    id: str
    significance: Literal["urgent", "actionable", "not_actionable", "benign"]


class Fault(Shape):
    """What is wrong with a match."""

    kind: str
    significant: bool


class Match(Shape):
    """A candidate's finding that describes one of the reference."""

    reference: str
    predicted: str
    errors: tuple[Fault, ...] = ()


class Comparison(Shape):
    """The judge's answer; what is in no match is missing or false."""

    reference_findings: tuple[Finding, ...]
    predicted_findings: tuple[Finding, ...]
    matched: tuple[Match, ...]

    @model_validator(mode="after")
    def _known(self) -> "Comparison":
        for findings, ids in (
            (self.reference_findings, [one.reference for one in self.matched]),
            (self.predicted_findings, [one.predicted for one in self.matched]),
        ):
            known = [one.id for one in findings]
            if len(set(known)) != len(known) or len(set(ids)) != len(ids) or not set(ids) <= set(known):
                raise ValueError("findings are numbered twice, matched twice, or matched without being listed")
        return self


def value(read: Comparison) -> float:
    """CRIMSON of one comparison, above -1 and at most 1.

    A reference finding of weight w counts w where it is matched, w * w / (w + e) where the match has errors of weight e
    in sum. With C their sum, N the weight of all reference findings and E that of false ones the score is (C - E) / N,
    and where that is negative -(E - C) / (1 + E - C), so that it has a bound. A reference without weight scores 1 if
    nothing is false.
    """
    weights = {one.id: _WEIGHTS[one.significance] for one in read.reference_findings}
    matched = {one.predicted for one in read.matched}
    false = sum(_WEIGHTS[one.significance] for one in read.predicted_findings if one.id not in matched)
    correct = 0.0
    for one in read.matched:
        weight = weights[one.reference]
        errors = _SIGNIFICANT_ERROR * sum(fault.significant for fault in one.errors)
        correct += weight * weight / (weight + errors) if weight else 0.0
    total, excess = sum(weights.values()), false - correct
    if total and excess <= 0:
        return -excess / total
    return 1.0 if not total and not false else -excess / (1.0 + excess)


def _score(judge: Judge, references: list[str], reports: list[str]) -> ArrayLike:
    texts = [{"reference": reference, "report": report} for reference, report in zip(references, reports, strict=True)]
    found = judge.ask(load_prompt("crimson"), texts, Comparison)
    return [np.nan if one is None else value(one) for one in found]


CRIMSON: Final = judge_plug_in(
    "crimson", (Entry("crimson", "CRIMSON", "plug-in", -1.0, drift_tolerance=5e-3),), ("crimson",), _score
)
