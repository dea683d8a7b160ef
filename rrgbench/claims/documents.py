"""Claims as text: one line a test, with the paper's figures beside ours, for terminal, Markdown and LaTeX."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from rich import box
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from rrgbench.claims.claim import Correlated, TrainedShare
from rrgbench.claims.verdict import FAILS, HOLDS, UNKNOWN, Finding, Judgement
from rrgbench.render.latex import escape_latex, latex_table
from rrgbench.render.markdown import escape_markdown, markdown_document
from rrgbench.render.table import Table
from rrgbench.render.terminal import print_table

COLUMNS = ("test", "paper", "ours", "difference", "verdict")
STYLES = {HOLDS: "green", FAILS: "red", UNKNOWN: "yellow"}


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
        """How many claims hold."""
        verdicts = [judgement.verdict for judgement in self.judgements]
        tests = [finding.verdict for judgement in self.judgements for finding in judgement.findings]
        return f"Of {len(verdicts)} claims {_counts(verdicts)}. Of their {len(tests)} tests {_counts(tests)}."

    def to_markdown(self) -> str:
        """A Markdown page."""
        lines = [f"# {escape_markdown(self.title)}", "", *(escape_markdown(line) for line in self.setting), ""]
        lines += [self.summary, "", f"| claim | {' | '.join(COLUMNS)} |", "|---" * (len(COLUMNS) + 1) + "|"]
        for judgement in self.judgements:
            for number, finding in enumerate(judgement.findings):
                claim = f"**{escape_markdown(heading(judgement))}**" if number == 0 else ""
                cells = [escape_markdown(cell) for cell in cells_of(finding)]
                lines.append(f"| {claim} | {' | '.join(cells)} |")
        return "\n".join(lines) + "\n\n" + markdown_document(self.tables, "Tables")

    def to_latex(self) -> str:
        """A standalone LaTeX document; needs booktabs and longtable."""
        lines = [
            r"\documentclass[a4paper]{article}",
            r"\usepackage[landscape,margin=15mm]{geometry}",
            r"\usepackage{booktabs,longtable}",
            r"\begin{document}",
            rf"\section*{{{escape_latex(self.title)}}}",
            *(escape_latex(line) + r"\par" for line in (*self.setting, self.summary)),
            r"\begin{longtable}{p{70mm}p{50mm}p{24mm}p{28mm}p{36mm}p{36mm}}",
            r"\toprule",
            " & ".join(["claim", *COLUMNS]) + r" \\",
            r"\midrule\endhead",
        ]
        for judgement in self.judgements:
            for number, finding in enumerate(judgement.findings):
                claim = rf"\textbf{{{escape_latex(heading(judgement))}}}" if number == 0 else ""
                lines.append(" & ".join([claim, *(escape_latex(cell) for cell in cells_of(finding))]) + r" \\")
            lines.append(r"\midrule")
        lines[-1] = r"\bottomrule"
        return "\n".join([*lines, r"\end{longtable}", *map(latex_table, self.tables), r"\end{document}", ""])

    def print_to(self, console: Console) -> None:
        """Print claims, then tables."""
        console.print(Text(self.title, style="bold"))
        for line in self.setting:
            console.print(Text(line, style="dim"))
        for judgement in self.judgements:
            console.print()
            style = f"bold {STYLES[judgement.verdict]}"
            console.print(
                Text(f"{judgement.verdict}: ", style=style).append(_claim(judgement), style="not bold default")
            )
            shown = RichTable(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
            for column in COLUMNS:
                shown.add_column(column)
            for finding in judgement.findings:
                *cells, verdict = cells_of(finding)
                shown.add_row(*map(Text, cells), Text(verdict, style=STYLES[finding.verdict]))
            console.print(shown)
        console.print(Text(self.summary, style="bold"))
        console.print()
        for table in self.tables:
            print_table(table, console)


def heading(judgement: Judgement) -> str:
    """A claim with its verdict."""
    return f"{_claim(judgement)}: {judgement.verdict}"


def cells_of(finding: Finding) -> Sequence[str]:
    """A test's cells under `COLUMNS`."""
    verdict = finding.verdict + (f" ({finding.reason})" if finding.reason else "")
    return (finding.test.words, _paper(finding), _ours(finding), _difference(finding), verdict)


def _claim(judgement: Judgement) -> str:
    return f"{judgement.claim.statement} ({judgement.claim.source})"


def _paper(finding: Finding) -> str:
    paper = finding.test.paper
    if paper is None:
        return "-"
    return paper if isinstance(paper, str) else " vs ".join(f"{value:.3f}" for value in paper)


def _ours(finding: Finding) -> str:
    if isinstance(finding.test, TrainedShare):
        return " ".join(f"{value:.1%}" for value in finding.ours) or "-"
    return " vs ".join(f"{value:.3f}" for value in finding.ours) or "-"


def _difference(finding: Finding) -> str:
    known = finding.estimate
    if known is None or isinstance(finding.test, TrainedShare):
        return "-"
    name = "r = " if isinstance(finding.test, Correlated) else ""
    interval = "" if np.isnan(known.low) else f" ({known.low:+.3f} to {known.high:+.3f})"
    return f"{name}{known.value:+.3f}{interval}"


def _counts(verdicts: Sequence[str]) -> str:
    words = {HOLDS: "hold", FAILS: "do not hold", UNKNOWN: "are not measured"}
    return ", ".join(f"{verdicts.count(verdict)} {words[verdict]}" for verdict in words)
