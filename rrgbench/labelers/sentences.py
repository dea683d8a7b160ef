"""Where the sentences of a report begin and end."""

import re

# A full stop ends a sentence unless it stands inside a number or after a list number ("1. Cardiomegaly"); a blank line
# always ends one, a single line break does not (reports are wrapped).
_END = re.compile(r"(?<!\d)[.!?]+(?!\d)(?=\s|$|[A-Z\"')])|(?<=\d)[.!?]+(?=\s+\D|\s*$|[A-Z])|\n\s*\n")
_LIST_NUMBER = re.compile(r"\s*\(?\d{1,2}\s*[.):]?\s*")


def sentence_spans(report: str) -> list[tuple[int, int]]:
    """Start and end of every sentence, without surrounding white space, in order.

    Works on raw text, on lower-cased tokenised text ("heart size is normal .") and on reports wrapped over lines.

    Parameters
    ----------
    report : str
        Any text; empty text has no sentence.

    Returns
    -------
    list of (int, int)
        Half-open character ranges in `report`; a sentence keeps its final stop.
    """
    spans: list[tuple[int, int]] = []
    start = 0
    for end in (*(match.end() for match in _END.finditer(report)), len(report)):
        stripped = report[start:end].strip()
        if _LIST_NUMBER.fullmatch(stripped):
            continue  # "1." belongs to the sentence that follows
        if any(character.isalnum() or character == "_" for character in stripped):
            first = report.index(stripped, start)
            spans.append((first, first + len(stripped)))
        start = end
    return spans
