"""Which statements of a report tell why the film was taken, or how, and not what it shows."""

import re
from collections.abc import Sequence
from typing import Final

from rrgbench.labelers.rules.statements import Statement

_HEAD = re.compile(r"[\s*#>(\d.]*([a-z][a-z /&()-]{2,45}?)\s*:", re.IGNORECASE)
_BACKGROUND = re.compile(
    r"(?:(?:clinical|brief|relevant|pertinent|patient|past|present|medical|provided|exam(?:ination)?)\s+)*"
    r"(?:indications?(?: for (?:the )?(?:exam(?:ination)?|study))?|history(?: of present illness)?"
    r"|hx|hpi|symptoms?|complaints?"
    r"|reason(?: for (?:the |this )?(?:exam(?:ination)?|study|test|visit|referral|request))?)"
    r"|clinical (?:information|data|details|question|statement|context|background|presentation)",
    re.IGNORECASE,
)
_TECHNICAL = re.compile(
    r"comparisons?|techniques?|procedures?|protocols?|views?|modality|(?:type of )?(?:exam(?:ination)?|study)(?: type)?"
    r"|prior (?:studies|exams?|study)",
    re.IGNORECASE,
)
_REPORT = re.compile(r"findings?|impressions?|conclusions?|findings (?:and|/|&) impressions?", re.IGNORECASE)
_FINDINGS = re.compile(r"findings?(?: (?:and|/|&) impressions?)?", re.IGNORECASE)
_ASKED = re.compile(
    r"[\s/?]*(?:please |to )?"
    r"(?:eval\w*|assess\w*|rule ?-?out|r ?/ ?o|exclude|question|query|concern|check|follow ?-?up|\?)",
    re.IGNORECASE,
)
"""How a sentence begins that asks and does not tell."""
_BLANK_LINE: Final = re.compile(r"\n[ \t\r]*\n")
_LINE_BREAK: Final = ("\n", "\r", "\\n", "<br")


def background(told: Sequence[Statement], report: str) -> list[bool]:
    """For each statement whether it belongs to a section that describes no finding of this film.

    Indication, history and reason do wherever they stand; comparison, technique and examination where findings or an
    impression follow under a head of their own (elsewhere a model may say under "Comparison:" that an effusion grew).
    Such a section ends at the next head. Before that, where findings follow under their head, it ends at a blank line;
    where none do, with its line and with the first sentence that doesn't ask ("Evaluate for pneumonia."), since what
    then follows may be the findings.

    Parameters
    ----------
    told : sequence of Statement
        The statements of the report, in order.
    report : str
        Which they were cut from.
    """
    heads = [match.group(1).strip() if (match := _HEAD.match(one.text)) else "" for one in told]
    last_report = max((i for i, head in enumerate(heads) if _REPORT.fullmatch(head)), default=-1)
    last_findings = max((i for i, head in enumerate(heads) if _FINDINGS.fullmatch(head)), default=-1)
    found, inside = [], False
    for i, head in enumerate(heads):
        if head:
            inside = _BACKGROUND.fullmatch(head) is not None or (
                i < last_report and _TECHNICAL.fullmatch(head) is not None
            )
        elif inside:
            between = report[told[i - 1].end : told[i].start].lower()
            if i < last_findings:
                inside = _BLANK_LINE.search(between) is None
            else:
                inside = not any(sign in between for sign in _LINE_BREAK) and _ASKED.match(told[i].text) is not None
        found.append(inside)
    return found
