"""CheXprompt and GREEN over an endpoint: a judge counts six kinds of errors, and findings that match.

CheXprompt (Zambrano Chaves et al., LLaVA-Rad, arXiv 2403.08002) is the number of errors; GREEN (Ostmeier et al., EMNLP
Findings 2024) is matches / (matches + significant errors). One prompt of ours asks for both, so the two cost one
question a study where transcripts are kept, and values are comparable among themselves only. The authors' GREEN, with
its own weights, is the plug-in `green`.
"""

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import ArrayLike
from pydantic import NonNegativeInt

from rrgbench.judges.judge import Judge, Score, Shape, judge_plug_in
from rrgbench.judges.prompt import load_prompt
from rrgbench.metrics.catalogue import Entry


class Kinds(Shape):
    """How many errors of each kind."""

    false_finding: NonNegativeInt
    missing_finding: NonNegativeInt
    wrong_location: NonNegativeInt
    wrong_severity: NonNegativeInt
    false_comparison: NonNegativeInt
    missing_comparison: NonNegativeInt

    @property
    def total(self) -> int:
        """Errors of all kinds."""
        return sum(self.model_dump().values())


class Counts(Shape):
    """The judge's answer."""

    significant: Kinds
    insignificant: Kinds
    matched_findings: NonNegativeInt


def errors(read: Counts) -> tuple[float, ...]:
    """All errors, and the significant ones."""
    return float(read.significant.total + read.insignificant.total), float(read.significant.total)


def green(read: Counts) -> tuple[float, ...]:
    """Matches among matches and significant errors; 0 without a match, as the authors' code has it."""
    found = read.matched_findings
    return (found / (found + read.significant.total) if found else 0.0,)


def _score(value: Callable[[Counts], tuple[float, ...]], width: int) -> Score:
    def score(judge: Judge, references: list[str], reports: list[str]) -> ArrayLike:
        pairs = zip(references, reports, strict=True)
        texts = [{"reference": reference, "report": report} for reference, report in pairs]
        found = judge.ask(load_prompt("errors"), texts, Counts)
        return [(np.nan,) * width if one is None else value(one) for one in found]

    return score


CHEXPROMPT: Final = judge_plug_in(
    "chexprompt",
    (
        Entry("chexprompt", "CheXprompt errors", "plug-in", 0.0, np.inf, "lower", 2, 0.05),
        Entry("chexprompt_significant", "CheXprompt significant errors", "plug-in", 0.0, np.inf, "lower", 2, 0.05),
    ),
    ("errors",),
    _score(errors, 2),
)
GREEN_JUDGE: Final = judge_plug_in(
    "green_judge",
    (Entry("green_judge", "GREEN (any judge)", "plug-in", drift_tolerance=5e-3),),
    ("errors",),
    _score(green, 1),
)
