"""Report sections: cut out of free text, and joined into the target report.

MIMIC-CXR's reports are plain text in which a section starts at the start of a line with a heading in capitals and a colon
(`FINDINGS:`). Headings are recognised there only.
"""

import re
from collections.abc import Mapping
from typing import Final

from rrgbench.errors import InputError

TARGETS: Final = ("findings", "impression", "both")
"""What a loader's `section` option may be."""

PREAMBLE: Final = "preamble"
LAST_PARAGRAPH: Final = "last_paragraph"

# A heading: capitals from the line's start to a colon, so that "Impression: see 1:30 film" in running text is none
# unless capitalised. Digits stay out, else "2:30 PM" would cut.
_HEADING: Final = re.compile(r"^[ \t]*([A-Z][A-Z ()/,\-&]{1,60}?)[ \t]*:", re.MULTILINE)
# FINDINGS and IMPRESSION alone also count in mixed case, at a line's start; some sites write them so.
_MIXED: Final = re.compile(r"^[ \t]*(Findings|Impression|Conclusion)[ \t]*:", re.MULTILINE)

_NAMES: Final[tuple[tuple[str, tuple[str, ...]], ...]] = (
    ("addendum", ("ADDENDUM", "ADDENDA")),
    ("wet_read", ("WET READ", "PRELIMINARY REPORT")),
    (
        "findings_impression",
        ("FINDINGS AND IMPRESSION", "FINDINGS/IMPRESSION", "IMPRESSION AND FINDINGS", "IMPRESSION/FINDINGS"),
    ),
    ("findings", ("FINDING", "OBSERVATION", "PA AND LATERAL VIEW", "PA AND LATERAL CHEST", "FRONTAL AND LATERAL")),
    ("impression", ("IMPRESSION", "IMPRESSON", "IMPRESION", "IMPRRESION", "CONCLUSION", "SUMMARY", "OPINION")),
    ("comparison", ("COMPARISON", "COMPARISION", "COMPARSION", "PRIOR STUD", "PRIOR EXAM")),
    ("indication", ("INDICATION", "REASON FOR EXAM", "CLINICAL INDICATION", "REASON")),
    ("history", ("HISTORY", "CLINICAL HISTORY", "CLINICAL INFORMATION", "PATIENT HISTORY")),
    ("technique", ("TECHNIQUE", "TECNIQUE")),
    ("examination", ("EXAM", "STUDY", "TYPE OF EXAM", "PROCEDURE")),
    ("recommendation", ("RECOMMENDATION",)),
    ("notification", ("NOTIFICATION",)),
)


def cut_sections(text: str) -> dict[str, str]:
    """Cut a free-text report into its sections.

    Parameters
    ----------
    text : str
        The whole report as its file holds it.

    Returns
    -------
    dict of str to str
        Text by section, white space folded to single spaces, in order of appearance; only sections with text. Known
        names are `findings`, `impression`, `comparison`, `indication`, `history`, `technique`, `examination`,
        `recommendation`, `notification`, `addendum`, `wet_read`, `preamble`; other headings appear in lower case with
        underscores. A joint `FINDINGS AND IMPRESSION` is given as both `findings` and `impression`. Where there is
        neither, `last_paragraph` holds what follows the last blank line of the last section.
    """
    headings = sorted(
        [(match.start(), match.end(), match.group(1)) for match in _HEADING.finditer(text)]
        + [(match.start(), match.end(), match.group(1).upper()) for match in _MIXED.finditer(text)]
    )
    parts: list[tuple[str, str]] = []
    starts = [start for start, _, _ in headings] + [len(text)]
    if text[: starts[0]].strip():
        parts.append((PREAMBLE, text[: starts[0]]))
    for (_, end, heading), stop in zip(headings, starts[1:], strict=True):
        parts.append((section_name(heading), text[end:stop]))
    sections: dict[str, str] = {}
    for name, body in parts:
        folded = fold(body)
        if folded:
            for one in ("findings", "impression") if name == "findings_impression" else (name,):
                sections[one] = f"{sections[one]} {folded}" if one in sections else folded
    if "findings" not in sections and "impression" not in sections and parts:
        last = re.split(r"\n[ \t]*\n", parts[-1][1].strip())[-1]
        if fold(last):
            sections[LAST_PARAGRAPH] = fold(last)
    return sections


def section_name(heading: str) -> str:
    """Name of the section that a heading (in capitals) opens."""
    plain = " ".join(heading.split())
    for name, starts in _NAMES:
        if any(plain.startswith(start) for start in starts):
            return name
    # "CLINICAL FINDINGS", "FRONTAL CHEST FINDINGS": a known word that closes the heading.
    for name, starts in _NAMES:
        if any(plain.endswith((start, f"{start}S")) for start in starts):
            return name
    return re.sub(r"[^a-z]+", "_", plain.lower()).strip("_")


def target_report(sections: Mapping[str, str], section: str) -> str | None:
    """Text of the target section.

    Parameters
    ----------
    sections : mapping of str to str
        Sections of one report.
    section : str
        `findings`, `impression`, or `both`: findings, then impression, whichever there are.

    Returns
    -------
    str or None
        None where the report has no such section, or nothing in it.
    """
    wanted = ("findings", "impression") if section == "both" else (section,)
    texts = [sections[name].strip() for name in wanted if sections.get(name, "").strip()]
    return " ".join(texts) or None


def other_sections(sections: Mapping[str, str], section: str) -> dict[str, str]:
    """Sections that are not part of the target and hold text."""
    target = ("findings", "impression") if section == "both" else (section,)
    return {name: text for name, text in sections.items() if name not in target and text.strip()}


def check_section(section: str, corpus: str) -> None:
    """Refuse a `section` option that is not in `TARGETS`.

    Raises
    ------
    InputError
    """
    if section not in TARGETS:
        raise InputError(f"corpus {corpus}: section must be one of {', '.join(TARGETS)}; given: {section!r}")


def fold(text: str) -> str:
    """Fold every run of white space to one space and cut it off at the ends."""
    return " ".join(text.split())
