"""One explained study, for a terminal and as a self-contained HTML page.

Key words carry the number of their observation and a sign (`+` positive, `-` negated, `?` uncertain), so that they can
be told apart without colour; the table's rows bear the same numbers.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from rrgbench.explain.explanation import LABEL_WORDS, Explanation, KeyWords, MarkedReport, ObservationView
from rrgbench.findings.marked import SIGNS as FINDING_SIGNS
from rrgbench.findings.marked import WORDS as FINDING_WORDS
from rrgbench.findings.marked import FindingsView, Status
from rrgbench.observations import NEGATIVE, OBSERVATIONS, POSITIVE, UNCERTAIN
from rrgbench.render.escaping import templates
from rrgbench.render.html import png_uri
from rrgbench.terminal_text import one_line, visible

SIGNS: Final = {POSITIVE: "+", NEGATIVE: "−", UNCERTAIN: "?"}
"""What follows the number of a mentioned observation."""

_FOUND: Final[Mapping[Status, str]] = {
    "agreed": "bold green",
    "wrong": "bold yellow",
    "missing": "bold red",
    "invented": "bold magenta",
    "normal": "underline",
}
_RAISED: Final = str.maketrans("0123456789+−", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻")
_STYLES: Final = {POSITIVE: "bold", NEGATIVE: "dim underline", UNCERTAIN: "italic underline"}
_COLOURS: Final = ("red", "yellow", "green", "cyan", "blue", "magenta")
_BAR: Final = 10
_WIDE: Final = 100
"""Columns of a terminal from which on descriptions stand in the table; else below it."""


@dataclass(frozen=True)
class Heading:
    """What stands above an explanation.

    Attributes
    ----------
    study : str
        Id of the study.
    facts : tuple of str
        Corpus, split, view, and whatever else places it.
    note : str
        What the source of the film asks for; may be empty.
    warning : str
        What readers must know before they believe any of it; may be empty.
    """

    study: str
    facts: tuple[str, ...]
    note: str = ""
    warning: str = ""


def print_explanation(explanation: Explanation, heading: Heading, console: Console) -> None:
    """Print reference, generated report and the table of 14 observations."""
    facts = one_line(" · ".join(heading.facts))
    console.print(Text(f"Study {one_line(heading.study)}", style="bold"), Text(facts, style="dim"))
    if heading.warning:
        console.print(Text(f"! {one_line(heading.warning)}", style="yellow"))
    for title, report, absent in _reports(explanation):
        console.print()
        console.print(Text(title, style="bold"))
        body = Text(absent, style="dim") if report is None else _marked(report)
        console.print(Padding(body, (0, 0, 0, 2)))
    console.print()
    wide = console.width >= _WIDE
    console.print(_table(explanation, described=wide))
    if not wide:
        console.print(Text("Descriptions", style="bold"))
    for row in () if wide else explanation.observations:
        name = f"{number(row.observation)} {row.observation}: "
        console.print(Padding(Text(name, style="dim").append(_description(row)), (0, 0, 0, 2)))
    if explanation.findings is not None:
        _print_findings(explanation.findings, console)
    legend = ", ".join(f"{SIGNS[value].translate(_RAISED)} {word}" for value, word in _legend())
    console.print(Text(f"raised: number of the observation, and {legend}", style="dim"))


def _print_findings(found: FindingsView, console: Console) -> None:
    """Print both reports with their findings marked, and the disagreements."""
    value = found.comparison
    numbers = f"F1 {value.f1:.2f}, precision {value.precision:.2f}, recall {value.recall:.2f}"
    console.print(Text("Findings", style="bold").append(f"  {numbers}", style="not bold"))
    for title, marked in (("reference", found.reference), ("generated", found.report)):
        body = Text(f"{title}: ", style="dim")
        for piece, mark in marked.pieces():
            body.append(visible(piece), style="not dim" if mark is None else f"not dim {_FOUND[mark.status]}")
            if mark is not None and mark.status != "normal":
                body.append(mark.sign, style=f"not dim {_FOUND[mark.status]}")
        console.print(Padding(body, (0, 0, 0, 2)))
    for line in found.lines or ["no disagreement"]:
        console.print(Padding(Text(visible(f"• {line}")), (0, 0, 0, 2)))
    signs = ", ".join(
        f"{FINDING_SIGNS[status]} {words}" for status, words in FINDING_WORDS.items() if status != "normal"
    )
    console.print(
        Padding(Text(f"numbers name pairs; {signs}; underlined: normal or denied", style="dim"), (0, 0, 1, 2))
    )


def explanation_page(explanation: Explanation, heading: Heading, film: NDArray[np.uint8]) -> str:
    """A page with the film embedded; no script, no font, no image from elsewhere. All text from data is escaped.

    Parameters
    ----------
    explanation : Explanation
        See `rrgbench.explain.explanation`.
    heading : Heading
        What stands above.
    film : uint8 array (s, s)
        As people look at it; the model may read a smaller one.
    """
    template = templates("rrgbench.explain").get_template("explanation.html.j2")
    return template.render(
        heading=heading,
        explanation=explanation,
        film=png_uri(film),
        side=film.shape[0],
        reports=_reports(explanation),
        words=LABEL_WORDS,
        signs=SIGNS,
        legend=_legend(),
        number=number,
        hue=hue,
        found_words=FINDING_WORDS,
        found_signs=FINDING_SIGNS,
        describe=describing,
    )


def number(observation: str) -> int:
    """The observation's row in the table, from 1."""
    return OBSERVATIONS.index(observation) + 1


def hue(observation: str) -> int:
    """Angle of the observation's colour; rows that follow each other lie far apart."""
    return (OBSERVATIONS.index(observation) * 5 % len(OBSERVATIONS)) * 360 // len(OBSERVATIONS)


def describing(words: Sequence[KeyWords]) -> str:
    """What some key words mention: `Edema: positive; Pneumonia: uncertain`."""
    return "; ".join(f"{mention.observation}: {LABEL_WORDS[mention.label]}" for mention in words)


def _reports(explanation: Explanation) -> list[tuple[str, MarkedReport | None, str]]:
    """Title, report, and what stands there if it is absent."""
    return [
        ("Reference report", explanation.reference, "no report belongs to this film"),
        ("Generated report", explanation.report, "not offered by this model"),
    ]


def _legend() -> list[tuple[int, str]]:
    return [(POSITIVE, "positive"), (NEGATIVE, "negated"), (UNCERTAIN, "uncertain")]


def _marked(report: MarkedReport) -> Text:
    shown = Text()
    for piece, words in report.pieces():
        clean = visible(piece)
        if not words:
            shown.append(clean)
            continue
        colour = _COLOURS[(number(words[0].observation) - 1) % len(_COLOURS)]
        shown.append(clean, style=f"{_STYLES[words[0].label]} {colour}")
        shown.append(" ".join(f"{number(w.observation)}{SIGNS[w.label]}" for w in words).translate(_RAISED), colour)
    return shown


def _table(explanation: Explanation, *, described: bool) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), title_justify="left")
    table.add_column("", justify="right", no_wrap=True, min_width=2)
    table.add_column("observation", no_wrap=True, min_width=max(map(len, OBSERVATIONS)))
    source = f"\n{one_line(explanation.labels_source)}" if explanation.labels_source else ""
    # on a narrow terminal headings are folded; words and bars are not
    table.add_column(Text("label").append(source, style="dim"), overflow="fold", min_width=len("unmentioned"))
    table.add_column("probability", no_wrap=True, min_width=_BAR + 5)
    table.add_column(
        Text("written").append("\nin the report", style="dim"), overflow="fold", min_width=len("unmentioned")
    )
    if described:
        table.add_column("description", overflow="fold", ratio=1)
    for row in explanation.observations:
        table.add_row(
            str(number(row.observation)),
            row.observation,
            _word(row.label, "unknown"),
            _bar(row),
            _word(row.written, "not offered"),
            *([_description(row)] if described else []),
        )
    return table


def _word(label: int | None, absent: str) -> Text:
    if label is None:
        return Text(absent, style="dim")
    style = {POSITIVE: "bold", UNCERTAIN: "italic", NEGATIVE: ""}.get(label, "dim")
    return Text(LABEL_WORDS[label], style=style)


def _bar(row: ObservationView) -> Text:
    if row.probability is None or not math.isfinite(row.probability):
        return Text("not offered" if row.probability is None else "not defined", style="dim")
    filled = round(_BAR * row.probability)
    return Text("█" * filled).append("·" * (_BAR - filled), style="dim").append(f" {row.probability:.2f}")


def _description(row: ObservationView) -> Text:
    if row.description is None:
        return Text("not offered", style="dim")
    return Text(visible(row.description)) if row.description else Text("not mentioned", style="dim")
