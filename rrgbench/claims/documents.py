"""Claims as text: one line a test, with the paper's figures beside ours, for terminal, Markdown and LaTeX."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from rich.console import Console
from rich.text import Text

from rrgbench.claims.claim import Correlated, Equivalent, TrainedShare
from rrgbench.claims.verdict import CONTRADICTED, HOLDS, UNKNOWN, UNRESOLVED, Finding, Judgement
from rrgbench.render.latex import latex_document
from rrgbench.render.markdown import markdown_document
from rrgbench.render.table import Cell, Column, Row, Table, Tone
from rrgbench.render.terminal import print_table

TONES: dict[str, Tone] = {HOLDS: "good", CONTRADICTED: "bad", UNRESOLVED: "open", UNKNOWN: "open"}

_POWER = (
    "shown: the smallest true difference that this design shows with 80 % power (for equality the smallest margin, for "
    "a correlation the smallest r), if seeds and studies vary as they did; a smaller one is likely not resolved"
)


@dataclass(frozen=True)
class ClaimDocument:
    """The outcome of all claims of a paper.

    Attributes
    ----------
    title : str
        Of the whole.
    setting : tuple of str
        Lines that say what was trained and measured.
    judgements : tuple of Judgement
        Claims.
    tables : tuple of Table
        The tables that they are read from.
    """

    title: str
    setting: tuple[str, ...]
    judgements: tuple[Judgement, ...]
    tables: tuple[Table, ...]

    @property
    def summary(self) -> str:
        """How many claims hold, are contradicted, are not resolved."""
        verdicts = [judgement.verdict for judgement in self.judgements]
        tests = [finding.verdict for judgement in self.judgements for finding in judgement.findings]
        return f"Of {len(verdicts)} claims {_counts(verdicts)}. Of their {len(tests)} tests {_counts(tests)}."

    @property
    def tests(self) -> Table:
        """Every test with the paper's figures beside ours, under its claim."""
        rows = [
            Row(
                finding.test.words,
                (
                    Cell(_paper(finding)),
                    Cell(_ours(finding)),
                    Cell(_difference(finding)),
                    Cell(_shown(finding)),
                    Cell(_verdict(finding), tone=TONES[finding.verdict]),
                ),
                _heading(judgement),
            )
            for judgement in self.judgements
            for finding in judgement.findings
        ]
        titles = ("paper", "ours", "difference", "shown", "verdict")
        columns = tuple(Column(title, text=True) for title in titles)
        headings = {_heading(judgement): TONES[judgement.verdict] for judgement in self.judgements}
        return Table("Claims", "test", columns, tuple(rows), (_POWER,), headings=headings)

    def to_markdown(self) -> str:
        """A Markdown page."""
        return markdown_document((self.tests, *self.tables), self.title, (*self.setting, self.summary))

    def to_latex(self) -> str:
        """A standalone LaTeX document; needs booktabs and longtable."""
        return latex_document((self.tests, *self.tables), self.title, (*self.setting, self.summary))

    def print_to(self, console: Console) -> None:
        """Print claims, then tables."""
        console.print(Text(self.title, style="bold"))
        for line in self.setting:
            console.print(Text(line, style="dim"))
        print_table(self.tests, console)
        console.print(Text(self.summary, style="bold"))
        console.print()
        for table in self.tables:
            print_table(table, console)


def _heading(judgement: Judgement) -> str:
    return f"{judgement.verdict}: {judgement.claim.statement} ({judgement.claim.source})"


def _verdict(finding: Finding) -> str:
    return finding.verdict + (f" ({finding.reason})" if finding.reason else "")


def _paper(finding: Finding) -> str | None:
    paper = finding.test.paper
    if paper is None or isinstance(paper, str):
        return paper
    return " vs ".join(f"{value:.3f}" for value in paper)


def _ours(finding: Finding) -> str | None:
    if isinstance(finding.test, TrainedShare):
        return " ".join(f"{value:.1%}" for value in finding.ours) or None
    return " vs ".join(f"{value:.3f}" for value in finding.ours) or None


def _difference(finding: Finding) -> str | None:
    known = finding.estimate
    if known is None or isinstance(finding.test, TrainedShare):
        return None
    name = "r = " if isinstance(finding.test, Correlated) else ""
    interval = "" if np.isnan(known.low) else f" ({known.low:+.3f} to {known.high:+.3f})"
    return f"{name}{known.value:+.3f}{interval}"


def _shown(finding: Finding) -> str | None:
    """What the design could have shown."""
    if finding.estimate is None or isinstance(finding.test, TrainedShare):
        return None
    if finding.shown is None:
        return "none"
    if isinstance(finding.test, Correlated):
        return f"r = {finding.shown:.2f}"
    return f"{'±' if isinstance(finding.test, Equivalent) else ''}{finding.shown:.3f}"


def _counts(verdicts: Sequence[str]) -> str:
    words = {
        HOLDS: "hold",
        CONTRADICTED: "are contradicted",
        UNRESOLVED: "are not resolved",
        UNKNOWN: "are not measured",
    }
    return ", ".join(f"{verdicts.count(verdict)} {words[verdict]}" for verdict in words)
