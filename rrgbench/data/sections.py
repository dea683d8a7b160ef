"""Report sections: cut out of free text, and joined into the target report.

The rules are those of the MIMIC-CXR code base's section parser (Johnson et al., MIT-LCP), as it behaves:

- a heading stands at the start of a line, is in capitals and ends with a colon; running text is never a heading;
- a heading that names findings, impression (or conclusion), history, comparison or addendum anywhere is that section;
  one that describes the whole study (`CHEST, PA AND LATERAL:`, `PORTABLE FRONTAL VIEW:`) opens the findings;
- `FINDINGS AND IMPRESSION` is an impression; misspelt headings count as what they were meant to be;
- of a section that occurs twice the last one with text counts;
- a report with neither findings nor impression has a `last_paragraph`: what follows the first blank line of its last
  section.

Its hand-made list of single studies is not repeated here.
"""

import re
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Final

from rrgbench.errors import InputError

TARGETS: Final = ("findings", "impression", "both")
"""What a loader's `section` option may be."""

PREAMBLE: Final = "preamble"
LAST_PARAGRAPH: Final = "last_paragraph"

# Digits stay out, so that a time of day ("AT 9:45") cuts nothing.
_HEADING: Final = re.compile(r"^[ \t]*([A-Z(][A-Z ()/,\-]+):(?=\s|$)", re.MULTILINE)
_BLANK_LINE: Final = re.compile(r"\n[ \t]*\n")
_WHOLE_STUDY: Final = re.compile(
    r"\b(?:CHEST|PORTABLE|RIBS|BONE WINDOW|(?:TWO|ONE|FRONTAL|LATERAL|PA|AP) VIEWS?|FRONTAL AND"
    r"|FRONTAL (?:SEMI-)?UPRIGHT|(?:PA|AP) AND LAT\w*|LATERAL AND (?:PA|AP))\b"
)
# First match wins; IMPRESSION stands before FINDINGS because a joint section is an impression.
_EXACT: Final[Mapping[str, str]] = {
    "REASON FOR EXAMINATION": "indication",
    "REASON FOR EXAM": "indication",
    "CLINICAL INDICATION": "indication",
    "INDICATION": "indication",
    "CLINICAL INFORMATION": "history",
    "EXAMINATION": "examination",
    "EXAM": "examination",
    "TYPE OF EXAMINATION": "examination",
    "REFERENCE EXAM": "comparison",
    "TECHNIQUE": "technique",
    "RECOMMENDATION": "recommendation",
    "RECOMMENDATIONS": "recommendation",
    "RECOMMENDATION(S)": "recommendation",
    "NOTIFICATION": "notification",
    "WET READ": "wet_read",
    "WETREAD": "wet_read",
    "CONCLUSION": "impression",
}
_ANYWHERE: Final = ("IMPRESSION", "FINDINGS", "HISTORY", "COMPARISON", "ADDENDUM")
_MEANT: Final[Mapping[str, str]] = {
    "IMPRESSION": "impression",
    "CONCLUSION": "impression",
    "FINDINGS": "findings",
    "COMPARISON": "comparison",
    "INDICATION": "indication",
    "TECHNIQUE": "technique",
}


def cut_sections(text: str) -> dict[str, str]:
    """Cut a free-text report into its sections.

    Parameters
    ----------
    text : str
        The whole report as its file holds it.

    Returns
    -------
    dict of str to str
        Text by section, white space folded to single spaces; only sections with text. Known names are `findings`,
        `impression`, `last_paragraph`, `comparison`, `indication`, `history`, `technique`, `examination`,
        `recommendation`, `notification`, `addendum`, `wet_read` and `preamble` (what stands before the first heading);
        other headings appear in lower case with underscores.
    """
    text = text.replace("\r\n", "\n")
    headings = list(_HEADING.finditer(text))
    stops = [heading.start() for heading in headings[1:]] + [len(text)]
    parts = [(PREAMBLE, text[: headings[0].start()] if headings else text)]
    parts += [
        (section_name(heading.group(1)), text[heading.end() : stop])
        for heading, stop in zip(headings, stops, strict=False)
    ]
    if not any(name in ("findings", "impression") and body.strip() for name, body in parts):
        name, body = parts.pop()
        pieces = _BLANK_LINE.split(body.strip(), maxsplit=1)
        parts += [(name, pieces[0])] + [(LAST_PARAGRAPH, rest) for rest in pieces[1:]]
    return {name: fold(body) for name, body in parts if body.strip()}


def section_name(heading: str) -> str:
    """Name of the section that a heading in capitals opens."""
    plain = " ".join(heading.split())
    if plain in _EXACT:
        return _EXACT[plain]
    for word in _ANYWHERE:
        if word in plain:
            return word.lower()
    if _WHOLE_STUDY.search(plain):
        return "findings"
    meant = get_close_matches(plain, _MEANT, n=1, cutoff=0.85)
    if meant:
        return _MEANT[meant[0]]
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
    texts = [sections[name].strip() for name in _target_names(section) if sections.get(name, "").strip()]
    return " ".join(texts) or None


def section_words(section: str) -> str:
    """The target section as signatures and protocols call it."""
    return " and ".join(_target_names(section))


def other_sections(sections: Mapping[str, str], section: str) -> dict[str, str]:
    """Sections that are not part of the target and hold text."""
    return {name: text for name, text in sections.items() if name not in _target_names(section) and text.strip()}


def check_section(section: str, corpus: str) -> None:
    """Refuse a `section` option that is not in `TARGETS`.

    Raises
    ------
    InputError
        Naming the option's values.
    """
    if section not in TARGETS:
        raise InputError(f"corpus {corpus}: section must be one of {', '.join(TARGETS)}; given: {section!r}")


def fold(text: str) -> str:
    """Fold every run of white space to one space and cut it off at the ends."""
    return " ".join(text.split())


def _target_names(section: str) -> tuple[str, ...]:
    return ("findings", "impression") if section == "both" else (section,)
