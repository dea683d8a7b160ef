"""How a file is to be parsed: JSON, JSON Lines, a table, or lines of text."""

import re
from collections.abc import Sequence
from typing import Final, Literal

from rrgbench.scoring.report_shapes.endings import ENDINGS, JSON_ENDINGS, ending_of
from rrgbench.scoring.report_shapes.field_names import names_study, names_text
from rrgbench.scoring.report_shapes.json_content import is_json, is_one_document
from rrgbench.scoring.report_shapes.separators import DELIMITERS, are_pairs, first_row, table_cells

_FIRST_WORD: Final = re.compile(r"\s*([^\s,;:|]*\d[^\s,;:|]*)[\s,;:|]")
_COUNTED: Final = re.compile(r"\s*[<>~]?\d+(?:\.\d+)?\s*(?:-|x\s|[cm]m\b|views?\b|%|(?:st|nd|rd|th)\b)", re.IGNORECASE)
"""How a line begins that says how many or how large: "3 mm nodule", "2 views"."""
_SEVERAL: Final = 5
"""From how many lines on first words of several forms, each with a digit, are ids all the same."""


def kind_of(name: str, text: str) -> Literal["json", "json lines", "table", "lines"] | None:
    """How a file is to be parsed: by its content, and by its ending where that leaves a doubt; None if it has another.

    `lines` are lines of text, a report each.
    """
    ending = ending_of(name)
    if ending not in ENDINGS:
        return None
    if ending in JSON_ENDINGS or is_json(text):
        return "json" if is_one_document(text, lines=ending != "json") else "json lines"
    return "lines" if ending == "txt" and not _is_table(text) else "table"


def _is_table(text: str) -> bool:
    """Whether lines of text are rows: a header that names ids and reports, or ids and reports parted by one mark."""
    for mark in DELIMITERS:
        header = first_row(text, mark)
        if names_text(header) and names_study(header):
            return True
    if "\t" in text and are_pairs(table_cells("", text, "\t")):
        return True
    lines = [line for line in text.split("\n") if line.strip()]
    return begin_with_ids(lines) and any(are_pairs(table_cells("", text, mark)) for mark in DELIMITERS)


def begin_with_ids(lines: Sequence[str]) -> bool:
    """Whether each of several lines begins with a word of its own that has a digit, of one form, and counts nothing."""
    words = [_FIRST_WORD.match(line) for line in lines]
    found = {word[1] for word in words if word is not None}
    if len(lines) < 2 or len(found) != len(lines):
        return False
    counts = all(_COUNTED.match(line) for line in lines)
    return not counts and (len({re.sub(r"\d+", "0", word) for word in found}) == 1 or len(lines) >= _SEVERAL)
