"""Where the statements of a report begin and end, whatever its layout.

People write paragraphs, wrapped or not; chat models write bullets, numbers, bold heads, one statement a line, organ
lists; decoders write special tokens, escaped line breaks and words glued by a full stop. Each ends a statement where a
reader would end it.
"""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Final

_MARKUP = re.compile(
    r"</?(?:s|br|li|ul|ol|p|tr|td|div|h\d|bos|eos|sep|cls|pad|findings?|impressions?|report)\s*/?>"
    r"|\[/?(?:sep|cls|pad|findings?|impressions?)\]|\\[nr]|\"\s*,\s*(?=\")",
    re.IGNORECASE,
)
_INLINE_MARKUP = re.compile(
    r"</?(?:b|i|u|em|strong|span|unk)>|\[unk\]|\\t|(?<=\S)\*+|\*{2,}|^#{1,6} |`+|"
    r"(?<!_)__?(?=[A-Za-z])|(?<=[A-Za-z:.])__?(?!\w)",
    re.IGNORECASE | re.MULTILINE,
)
_READ_AS: Final = str.maketrans("|[]\v\f", ":()\n\n")
_HYPHEN = re.compile(r"(?<=\s)-(?=\s)")
_BULLETS: Final = "•‣▪●◦∙·○■□➢✓→⁃"
_SIGNS: Final = {
    **{"▁": " ", "…": ".", "\u2028": "\n", "\u2029": "\n"},
    **dict.fromkeys(_BULLETS, "\n"),
    **dict.fromkeys("—―", ";"),
    **dict.fromkeys("–‒‑‐−", "-"),
    **dict.fromkeys("’‘", "'"),
    **dict.fromkeys("“”", '"'),
}

_HEADS = (
    r"(?:(?:findings?|impressions?|conclusions?|indication|history|comparison|technique|recommendations?|"
    r"(?:lungs?|pleura|heart|mediastinum|cardiac|bones?|diaphragms?|hila|airways?|trachea|aorta|abdomen|vasculature)"
    r"(?: (?:and|&) \w+)?|(?:pleural|osseous|bony|soft|cardiac|cardiomediastinal|support|lines|tubes|other|upper)"
    r"(?: (?:and|&))? (?:spaces?|structures?|tissues?|silhouette|findings|devices|tubes|lines|abdomen))\s?:)"
)
_ABBREVIATED = r"(?<!\b[Vv][Ss])(?<!\b[Dd]r)(?<!\bMr)(?<!\bMs)(?<!e\.g)(?<!i\.e)(?<!\bapprox)"
_SIGN = re.compile(r"[.!?]+|\n\s*\n")
# A full stop ends a statement unless it stands in a number, after a list number ("1. Cardiomegaly") or an abbreviation;
# a question mark before a word ("? pneumonia") or an answer ("Effusion? No.") does not.
_END = re.compile(
    r"(?<=[^\s,(?])\?+(?=\s|$|[A-Z\"')])(?!\s*(?i:no|none|yes|absent|present)\b)"
    rf"|(?<!\d){_ABBREVIATED}[.!]+(?!\d)(?=\s|$|[A-Z\"')])"
    r"|(?<=\d)[.!]+(?=\s+\D|\s*$|[A-Z])|(?<=[a-z]{3})\.(?=[a-z]{3})"
)
_BEGIN = re.compile(rf"(?<=\s)(?=\(?(?:\d{{1,2}}|[b-h])\)\s+[A-Za-z])|(?<=\s)(?=(?i:{_HEADS})\s)")
"""List numbers and heads within a line."""
_PAIRS = re.compile(
    r"[:?]\s*(?:(?i:no|yes|none|absent|present|negative|positive|normal|n|y))\b[.,]?"
    r"(?=\s+[A-Z][a-z]+(?:[ /-][a-z]+){0,3}[:?](?:\s|$))"
    r"|:[^:.;\n]{2,60}?[a-z](?=\s+[A-Z][a-z]{3,}(?: [a-z]+){0,2}:(?:\s|$))"
)
"""Heads with what is said of them, one behind the other on a line: "Edema: no Effusion: small Pneumothorax: none"."""
_NEGATIVE = re.compile(r"\b(?:negative|absent)\s+\Z", re.IGNORECASE)
_CONTRACTION = re.compile(r"\b(ca|do|is|are|was|were|does|did|could|would|has|have|had)n'?t\b", re.IGNORECASE)
_LIST_NUMBER = re.compile(r"\s*\(?\d{1,2}\s*[.):]?\s*|\s*[a-h][.)]\s*")
_BULLET = re.compile(r"\s*(?:[-*+>]+\s+)+")
_INNER_BULLET = re.compile(r"\n[ \t]*[-*+>]+(?=\s)")
_ITEM = re.compile(r"[ \t]*(?:[-*+>]\s|\(?(?:\d{1,2}|[a-h]|[ivx]{1,4})[.)]\s|[A-Za-z][\w /,&-]{1,40}:(?:\s|$))")
_UNFINISHED = re.compile(
    r"(?:[,(/-]|\b(?:a|an|the|and|or|nor|no|not|without|with|of|in|at|to|for|from|by|on|is|are|was|were|has|have|been|be|"
    r"may|could|than|which|that|as|due|likely|mild|moderate|small|left|right|lower|upper|middle|pleural|focal))\s*$",
    re.IGNORECASE,
)
_STOP = re.compile(r"[.!?]\s+\S")
_NARROW = 45
"""Where no line is as long as this, lines are not taken for those of a wrapped paragraph."""
_TITLE_WORD = re.compile(r"\s*[A-Z][a-z]+\b")
_OPENING_WORD = re.compile(
    r"\s*(?:no|there|the|a|an|small|mild|moderate|large|new|stable|possible|probable|left|right|heart|lungs)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement: its text ready for the lexicon, and where it stands.

    Attributes
    ----------
    text : str
        Without markup and special characters; one character of it is one of the report unless `places` says otherwise.
    start, end : int
        Half-open character range in the report.
    places : tuple of int, optional
        For each character of the text, and for its end, the place in the report; None where they run alike.
    """

    text: str
    start: int
    end: int
    places: tuple[int, ...] | None = None

    def place(self, at: int) -> int:
        """Where a character of the text, or its end, stands in the report."""
        return self.start + at if self.places is None else self.places[at]


def statements(report: str, pairs: bool = False) -> list[Statement]:
    """The statements of a report in order.

    Parameters
    ----------
    report : str
        Any text; one without a word has no statement.
    pairs : bool
        Whether heads that follow one another on a line without a sign between them are cut apart (`_PAIRS`).
    """
    text, places = _plain(report)
    found = []
    for start, end in _spans(text, pairs):
        piece = text[start:end]
        if "\n" in piece:
            piece = _INNER_BULLET.sub(lambda sign: " " * len(sign.group()), piece)
        if places is None:
            found.append(Statement(piece, start, end))
        else:
            inside = (*places[start:end], places[end - 1] + 1)
            found.append(Statement(piece, inside[0], inside[-1], inside))
    return found


def _plain(report: str) -> tuple[str, list[int] | None]:
    """The report with plain characters only and markup as blanks, and the place of each character if they moved."""
    places: list[int] | None = None
    if not report.isascii():
        characters = [(plain, at) for at, sign in enumerate(report) for plain in _plain_sign(sign)]
        # a ligature falls apart where an invisible character vanishes, so equal lengths say nothing
        moved = [at for _, at in characters]
        places = moved if moved != list(range(len(report))) else None
        report = "".join(plain for plain, _ in characters)
    report, places = _spelled_out(report, places)
    if any(sign in report for sign in '<[\\"'):
        report = _MARKUP.sub(lambda tag: "\n\n".ljust(len(tag.group())), report)
    if " * " in report:
        report = report.replace(" * ", "\n\n ")
    if "*" in report or "#" in report or "`" in report or "<" in report or "_" in report or "[" in report:
        report = _INLINE_MARKUP.sub(lambda sign: " " * len(sign.group()), report)
    if " - " in report and " ." in report:  # tokenised text writes hyphens so
        report = _HYPHEN.sub(lambda sign: "-" if _OPENING_WORD.match(report, sign.end()) else " ", report)
    return report.translate(_READ_AS), places


def _spelled_out(text: str, places: list[int] | None) -> tuple[str, list[int] | None]:
    """Contractions with their `not`: "can't" as "can not", "isn't" as "is not"."""
    parts: list[str] = []
    moved: list[int] = []
    reached = 0
    for match in _CONTRACTION.finditer(text):
        at = match.end(1)
        parts += (text[reached:at], "n not" if match.group(1).lower() == "ca" else " not")
        moved += (*range(reached, at), *[at] * (len(parts[-1]) - 1), match.end() - 1)
        reached = match.end()
    if not parts:
        return text, places
    moved += range(reached, len(text))
    return "".join(parts) + text[reached:], moved if places is None else [places[at] for at in moved]


@lru_cache(maxsize=4096)
def _plain_sign(sign: str) -> str:
    """What stands for a character: ligatures fall apart, invisible ones vanish, dashes and bullets are unified."""
    if sign.isascii():
        return sign
    if sign in _SIGNS:
        return _SIGNS[sign]
    if unicodedata.category(sign) in ("Cf", "Mn"):
        return ""
    return unicodedata.normalize("NFKC", sign)


def _spans(text: str, pairs: bool) -> list[tuple[int, int]]:
    """Half-open ranges of the statements, without bullets and surrounding white space."""
    signs = _SIGN.finditer(text)
    ends = {sign.end() for sign in signs if sign.group()[0] == "\n" or _END.match(text, sign.start())}
    if ":" in text or ")" in text:
        begins = (match.start() for match in _BEGIN.finditer(text))
        ends.update(at for at in begins if not (pairs and _NEGATIVE.search(text, max(0, at - 24), at)))
    if pairs and text.count(":") + text.count("?") > 1:
        ends.update(match.end() for match in _PAIRS.finditer(text))
    if "\n" in text:
        ends.update(_line_ends(text))
    spans: list[tuple[int, int]] = []
    start = 0
    for end in (*sorted(ends), len(text)):
        piece = text[start:end]
        if _LIST_NUMBER.fullmatch(piece):
            continue  # "1." belongs to the statement that follows
        if any(character.isalnum() or character == "_" for character in piece):
            bullet = _BULLET.match(piece)
            first = start + (bullet.end() if bullet else len(piece) - len(piece.lstrip()))
            spans.append((first, start + len(piece.rstrip())))
        start = end
    return spans


def _line_ends(text: str) -> list[int]:
    """Line breaks that end a statement: all but those that wrap a paragraph."""
    lines = text.split("\n")
    width = max(map(len, lines))
    mixed = text.lower() != text and text.upper() != text
    prose = _STOP.search(text) is not None
    ends, at = [], 0
    for line, following in pairwise(lines):
        at += len(line) + 1
        if line.rstrip().endswith(":"):  # "Heart:" above what is said of it
            continue
        if _ITEM.match(following) or not _wraps(line, following, width if prose else 0, mixed):
            ends.append(at)
    return ends


def _wraps(line: str, following: str, width: int, mixed: bool) -> bool:
    """Whether a sentence runs on from one line into the following.

    `width` is that of the longest line, 0 where no sentence ends within a line; `mixed` says that capitals tell.
    """
    if _UNFINISHED.search(line):
        return True
    words = following.split(maxsplit=1)
    if not words or not line.strip():
        return False
    if mixed and words[0][0].islower():
        return True
    if mixed and _TITLE_WORD.match(following):
        return False
    return width >= _NARROW and len(line) + 1 + len(words[0]) > width
