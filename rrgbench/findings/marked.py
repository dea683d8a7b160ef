"""Findings of a study's report and of the generated one, as `findings_f1` reads and matches them, marked on texts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from rrgbench.findings.finding import Finding
from rrgbench.findings.matching import Comparison, compare_findings
from rrgbench.findings.reading import read_findings

Status = Literal["agreed", "wrong", "missing", "invented", "normal"]
SIGNS: Final[dict[Status, str]] = {"agreed": "=", "wrong": "≠", "missing": "−", "invented": "+", "normal": "·"}
"""What stands behind a marked finding, beside the number of its pair."""
WORDS: Final[dict[Status, str]] = {
    "agreed": "in both",
    "wrong": "in both, told differently",
    "missing": "only in the reference",
    "invented": "only in the generated report",
    "normal": "normal or denied",
}


@dataclass(frozen=True)
class MarkedFinding:
    """A finding where it stands in a text; `pair` is the number of its match, 0 without one."""

    finding: Finding
    status: Status
    pair: int = 0

    @property
    def sign(self) -> str:
        """Number and sign."""
        return f"{self.pair or ''}{SIGNS[self.status]}"


@dataclass(frozen=True)
class MarkedText:
    """A report with its findings in order of their places."""

    text: str
    marks: tuple[MarkedFinding, ...]

    def pieces(self) -> list[tuple[str, MarkedFinding | None]]:
        """The text cut into marked and plain runs; joined they give the text."""
        found: list[tuple[str, MarkedFinding | None]] = []
        reached = 0
        for mark in self.marks:
            start, end = mark.finding.start, mark.finding.end
            if start < reached:  # two findings in the same words
                continue
            found += [(self.text[reached:start], None), (self.text[start:end], mark)]
            reached = end
        return [piece for piece in (*found, (self.text[reached:], None)) if piece[0]]


@dataclass(frozen=True)
class FindingsView:
    """Both reports with their findings, and what they disagree about."""

    reference: MarkedText
    report: MarkedText
    comparison: Comparison

    @property
    def lines(self) -> list[str]:
        """The disagreements in words, the dearest first."""
        return [one.words for one in self.comparison.disagreements]

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "precision": self.comparison.precision,
            "recall": self.comparison.recall,
            "f1": self.comparison.f1,
            "reference": _marks_json(self.reference),
            "report": _marks_json(self.report),
            "disagreements": [
                {"kind": one.kind, "words": one.words, "differing": list(one.differing), "cost": one.cost}
                for one in self.comparison.disagreements
            ],
        }


def findings_view(reference: str, report: str) -> FindingsView:
    """Read and match the findings of two reports.

    Parameters
    ----------
    reference, report : str
        The study's own report and the generated one.
    """
    expected, written = read_findings(reference), read_findings(report)
    comparison = compare_findings(expected, written)
    wrong = {(one.reference, one.hypothesis) for one in comparison.disagreements if one.kind == "wrong"}
    pairs: tuple[dict[int, tuple[Status, int]], dict[int, tuple[Status, int]]] = ({}, {})
    for number, (one, other, _) in enumerate(comparison.matches, start=1):
        status: Status = "wrong" if (one, other) in wrong else "agreed"
        # a bilateral finding that falls in two stands in one place
        pairs[0].setdefault(one.start, (status, number))
        pairs[1].setdefault(other.start, (status, number))
    return FindingsView(
        _marked(reference, expected, pairs[0], "missing"), _marked(report, written, pairs[1], "invented"), comparison
    )


def _marked(text: str, findings: Sequence[Finding], pairs: dict[int, tuple[Status, int]], alone: Status) -> MarkedText:
    marks = []
    for one in sorted(findings, key=lambda found: (found.start, -found.end)):
        status, number = pairs.get(one.start, (alone, 0)) if one.present else ("normal", 0)
        marks.append(MarkedFinding(one, status, number))
    return MarkedText(text, tuple(marks))


def _marks_json(marked: MarkedText) -> list[dict[str, Any]]:
    return [
        {
            "words": one.finding.words,
            "start": one.finding.start,
            "end": one.finding.end,
            "status": one.status,
            "pair": one.pair or None,
        }
        for one in marked.marks
    ]
