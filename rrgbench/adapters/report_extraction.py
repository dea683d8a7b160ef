"""The report within what a model wrote: thinking, preambles, headings, fences, markup and closing remarks removed.

A rule is named and versioned, since what it leaves decides the numbers: signatures carry it. A text in which a rule
finds nothing around the report comes out as it went in, blanks at its ends aside.
"""

import json
import re
from ast import literal_eval
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from rrgbench.scoring.thinking import without_thinking

DEFAULT: Final = "report@2"

_FRAME: Final = re.compile(r"</?(?:answer|report|output|response)>|<\|[a-z_]+\|>|<channel\|>|<end_of_turn>|</s>", re.I)
_FENCE: Final = re.compile(
    r"^[ \t]*(?:```|~~~)[ \t]*\w*[ \t]*\n(.*?)(?:^[ \t]*(?:```|~~~)[ \t]*$|\Z)", re.M | re.DOTALL
)

_ABOUT: Final = (
    r"(?=[^\n:]*\b(?:reports?|findings?|impressions?|descriptions?|sections?|analysis|interpretation|assessment|summary"
    r"|observations?|follows)\b)"
)
_OPENING: Final = re.compile(
    rf"""\A\s*(?:
        (?:sure|certainly|of\ course|absolutely|okay|ok|understood|alright)(?:\ thing)?\s*[,.!:]+
      | i(?:'d|’d|\ would|'ll|\ will|\ am|'m)\ (?:be\ )?(?:happy|glad)\ to\ (?:help|assist)[^\n.!:]*[.!:]+
      | (?:the\ )?(?:report|findings?|impression)\ (?:reads?|(?:is|are))\ as\ follows\s*:
      | (?:here(?:'s|’s|\ is|\ are)|below(?:\ is|\ are)|the\ following\ (?:is|are)
         |i\ (?:will|can|have|would|am)|i'(?:ll|ve|m)|let\ me|let's|as\ an?
         |based\ (?:solely\ |only\ )?(?:up)?on\ (?:the|this|these|your|my)
         |(?:the\ )?(?:radiology\ |chest\ x-?ray\ |structured\ |final\ )*(?:report|findings)\ (?:for|of)\ (?:the|this)
        )\b
        {_ABOUT}[^\n:]{{0,300}}(?::(?=\s)|\.(?=[ \t]*\n))
    )\s*""",
    re.VERBOSE | re.IGNORECASE,
)
_NO_ADVICE: Final = (
    # "AI" may be aortic insufficiency, and a defibrillator is automatic
    r"(?:\b(?:an|by)\ AI\b|\bAI[ -](?:generated|assisted|model|system|based|tool)|artificial\ intelligence"
    r"|automat\w+\ (?:generated|report|analysis|interpretation)|computer[ -]generated|educational|informational"
    r"|substitute\ (?:for|a)\b|medical\ advice|qualified|healthcare\ prof|not\ be\ (?:used|relied))"
)
_CLOSING: Final = re.compile(
    rf"""(?:\A|(?<=\n)|(?<=[.!?]\s))[ \t>*_(]*(?:
        (?:important\ )?disclaimer\b[ *_]*:
      | (?:(?:important|please)\ )?note\b[^\n]{{0,200}}?{_NO_ADVICE}
      | (?:this|the\ above|these)\ (?:is|report|findings?|interpretation|analysis|description)\b
        [^\n]{{0,160}}?{_NO_ADVICE}
      | (?:please\ )?consult\ (?:with\ )?(?:a|an|your)\ (?:qualified|licensed|health|medical|doctor|physician|radiolog)
      | (?:i\ am|i'm|as)\ an?\ (?:ai\b|large\ language|language\ model)
      | (?:electronically\ signed(?:\ by)?|(?:reporting\ |attending\ )?radiologist)\b[ *_]*:
      | let\ me\ know\ if\b | feel\ free\ to\ ask\b | would\ you\ like\ me\b | (?:i\ )?hope\ this\ helps\b
      | if\ you\ (?:have|need|would\ like)\ (?:any\ |more\ |further\ |me\b|additional\ )
      | is\ there\ anything\ else\b
    )""",
    re.VERBOSE | re.IGNORECASE,
)

_END: Final = re.compile(r"^[ \t>*_\[(]*end of (?:the )?report\b.*\Z", re.MULTILINE | re.IGNORECASE | re.DOTALL)

_FINDINGS: Final = (
    r"(?:(?:radiograph\w*|imaging|key|chest\ x-?ray|cxr|detailed)\ )?(?:findings?|observations?)(?:\ section)?"
)
_IMPRESSION: Final = (
    r"(?:(?:overall|final|diagnostic|clinical|radiolog\w+)\ )?(?:impressions?|conclusions?|summary|assessment|opinion)"
    r"(?:\ section)?"
)
_JOINT: Final = r"findings?\ (?:and|&|/)\ impressions?"
_ASIDE: Final = (
    r"(?:clinical\ |patient\ )?(?:indication|history|information|details)|reason\ for\ (?:the\ )?exam\w*|technique|"
    r"comparisons?|exam(?:ination)?(?:\ type)?|procedure|study|modality|views?|date(?:\ of\ exam\w*)?|"
    r"patient(?:\ name|\ id)?|recommendations?|follow-?up|next\ steps|differential(?:\ diagnos[ie]s)?|"
    r"limitations?|notes?|disclaimer|signed|radiologist|electronically\ signed(?:\ by)?"
)
_TITLE: Final = (
    r"(?:(?:final|structured|chest|x-?ray|radiolog\w+|radiograph\w*|diagnostic|imaging|cxr|medical)[ \-]+){0,5}"
    r"(?:report|x-?ray|radiograph)(?:\ report)?|answer|assistant|response|output"
)
_HEADING: Final = re.compile(
    rf"""^[ \t>]*
    (?P<mark>\#{{1,6}}[ \t]*(?:\d+[.)][ \t]*)?|[*_]{{1,3}}(?:\d+[.)][ \t]*)?|(?:[-*]|\d+[.)])[ \t]+[*_]{{2}})?[ \t]*
    (?:(?P<joint>{_JOINT})|(?P<findings>{_FINDINGS})|(?P<impression>{_IMPRESSION})|(?P<aside>{_ASIDE})|(?P<title>{_TITLE}))
    [ \t]*(?P<end>:?[ \t]*[*_]{{1,3}}[ \t]*:?|[ \t]*\#*[ \t]*:|[ \t]*\#*[ \t]*$|[ \t]+-[ \t])""",
    re.VERBOSE | re.IGNORECASE | re.MULTILINE,
)
_INLINE: Final = re.compile(
    r"(?<=[.!?]\s)[*_]{0,2}(?:(?P<findings>findings)|(?P<impression>impression|conclusion)|(?P<aside>recommendations?))"
    r"[ \t]?:[*_]{0,2}(?=\s)",
    re.IGNORECASE,
)
"""Headings within a line: `... normal. IMPRESSION: No acute process.`"""

_RULE_LINE: Final = re.compile(r"^[ \t]*(?:-{3,}|\*{3,}|={3,})[ \t]*$", re.MULTILINE)
_BOLD: Final = re.compile(r"(?<!\d)(\*{1,3})(?=[^\s*])(.+?)(?<=[^\s*])\1(?!\d)")
_BOLD_1: Final = re.compile(r"(\*{1,3})(?=[^\s*])(.+?)(?<=[^\s*])\1")
"""As `report@1` took it, so that it made 34 cm of 3*4 cm where a second size followed."""

_NUMBER: Final = re.compile(r"[ \t]*\d+[.)][ \t]")
_WRAPPED: Final = re.compile(r'\A(?:\\boxed\{(?:\\text\{)?([^{}]*)\}+|"([^"]*)"|“([^“”]*)”)\Z')
"""An answer that stands in quotation marks as a whole, or in the box of a mathematical one."""

_POINT: Final = re.compile(r"[ \t]*(?:(?:[*•·]|-(?!-))[ \t]+|\#{1,6}[ \t]+|(?=\*\*))")
"""What a line of a list begins with; a line in bold is one too."""


def extract_report(text: str, section: str, rule: str = DEFAULT) -> str:
    """The report in a model's answer.

    Parameters
    ----------
    text : str
        What the model wrote, special tokens left out.
    section : str
        `findings`, `impression` or `findings and impression`: the part that is kept of an answer with headings. Where
        the answer has the other part only, that is what the model reported and is kept.
    rule : str
        A key of `RULES`.

    Returns
    -------
    str
        Empty where nothing but thinking or headings was written.

    Examples
    --------
    >>> extract_report("The report:\\n\\n**FINDINGS:** The lungs are clear.\\n**IMPRESSION:** None.", "findings")
    'The lungs are clear.'
    >>> extract_report("The lungs are clear. Findings are stable.", "findings")
    'The lungs are clear. Findings are stable.'
    """
    return RULES[rule](text, section)


def _as_written(text: str, section: str) -> str:
    return text.strip()


def _report(text: str, section: str, bold: re.Pattern[str] = _BOLD) -> str:
    text = without_thinking(text)
    text = _FRAME.sub("", text).strip()
    fenced = _FENCE.findall(text + "\n")
    if fenced:
        text = "\n".join(part.strip() for part in fenced if part.strip())
    keyed = _keyed(text, section)
    if keyed is not None:
        return keyed
    for _ in range(3):  # "Certainly! I'd be happy to help. Here is the report:" is three
        text = _OPENING.sub("", text, count=1)
    if wrapped := _WRAPPED.match(text.strip()):
        text = next(part for part in wrapped.groups() if part is not None)
    text = _wanted_part(text, section)
    text = _END.sub("", text)
    closing = _CLOSING.search(text)
    if closing:
        text = text[: closing.start()]
    return _without_markup(text, bold)


RULES: Final[Mapping[str, Callable[[str, str], str]]] = {
    "report@2": _report,
    "report@1": partial(_report, bold=_BOLD_1),
    "as-written": _as_written,
}
"""Rules by name and version; `as-written` takes nothing away."""


def _keyed(text: str, section: str) -> str | None:
    """Of an answer in JSON, the values of the wanted keys; None for one that is none."""
    if not text.startswith("{"):
        return None
    try:
        given: Any = json.loads(text)
    except ValueError:
        try:  # as Python writes it
            given = literal_eval(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            return None
    if not isinstance(given, dict):
        return None
    parts = {key.lower(): _sentences(value) for key, value in given.items()}
    wanted = [parts[name] for name in section.split(" and ") if parts.get(name)]
    others = [parts[name] for name in ("report", "findings", "impression") if parts.get(name)]
    return " ".join(wanted) or (others[0] if others else None)


def _sentences(value: Any) -> str:
    """Text of a JSON value; lists and keyed parts become sentences one after another."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, list):
        return " ".join(filter(None, map(_sentences, value)))
    if isinstance(value, dict):
        return " ".join(filter(None, map(_sentences, value.values())))
    return ""


def _wanted_part(text: str, section: str) -> str:
    """Of a text with headings, the wanted sections; a text without any as it is."""
    found = sorted([*_HEADING.finditer(text), *_INLINE.finditer(text)], key=lambda one: one.start())
    headings = [one for one in found if _is_heading(one)]
    kinds = [_kind(one) for one in headings]
    if not {"findings", "impression", "joint", "title"} & set(kinds):
        # "Technique:" or "Note:" alone is no layout of a report unless something else is
        return text
    lead = text[: headings[0].start()].strip()
    stops = [one.start() for one in headings[1:]] + [len(text)]
    parts: dict[str, list[str]] = {}
    for kind, one, stop in zip(kinds, headings, stops, strict=True):
        body = _RULE_LINE.sub("", text[one.end() : stop]).strip()
        parts.setdefault("findings" if kind in ("title", "joint") else kind, []).append(body)
    if lead and not any(parts.get("findings", [])) and not lead.endswith(":"):
        # what stands before the first heading are the findings where none are headed so
        parts["findings"] = [lead]
    bodies = {name: "\n".join(filter(None, texts)) for name, texts in parts.items()}
    wanted = [bodies[name] for name in section.split(" and ") if bodies.get(name)]
    return "\n".join(wanted or [bodies.get("findings") or bodies.get("impression") or ""])


def _kind(heading: re.Match[str]) -> str:
    return next(name for name, value in heading.groupdict().items() if value and name not in ("mark", "end"))


def _is_heading(found: re.Match[str]) -> bool:
    """Whether it is one and not running text, which has no mark and no colon after the word."""
    groups = found.groupdict()
    if "end" not in groups:
        return True
    mark, end = groups["mark"] or "", groups["end"]
    word = groups[_kind(found)]
    closed = ":" in end or not end.strip() or bool(re.search(r"[*_]", end))
    if mark.strip().startswith("#"):
        return not end.strip(" \t#") or ":" in end
    if re.search(r"[*_]", mark):
        return bool(re.search(r"[*_]", end)) or ":" in end
    if ":" in end:
        return True
    # without any mark only a line of its own in capitals or as a title
    return closed and (word.isupper() or word.istitle())


def _without_markup(text: str, bold: re.Pattern[str]) -> str:
    """Markdown's marks removed; the points of a list become sentences of one text."""
    if not (_RULE_LINE.search(text) or bold.search(text) or any(map(_POINT.match, text.split("\n")))):
        return text.strip()
    lines = []
    for line in _RULE_LINE.sub("", text).split("\n"):
        point = _POINT.match(line)
        plain = bold.sub(r"\2", line[point.end() :] if point else line).strip()
        if plain:
            ends = point or _NUMBER.match(line)
            lines.append(plain + "." if ends and plain[-1].isalnum() else plain)
    return " ".join(lines)
