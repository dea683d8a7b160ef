"""Severity changed: mild for severe, small for large."""

import re
from typing import Final

from rrgbench.data.phantom import phrases
from rrgbench.data.phantom.told import Told
from rrgbench.data.phantom.wording import Chance, about_finding
from rrgbench.trials.edits.draft import Sentence
from rrgbench.trials.edits.edit import Edit, by_sentence

_WORDS: Final = {"much": phrases.MUCH, "muchly": phrases.MUCHLY, "size": phrases.SIZE, "dense": phrases.DENSE}
"""The phantom's words for mild, moderate and severe by slot."""
_OPPOSITE: Final = {
    "mild": "severe",
    "minimal": "severe",
    "slight": "severe",
    "minor": "severe",
    "moderate": "minimal",
    "severe": "mild",
    "marked": "mild",
    "extensive": "minimal",
    "small": "large",
    "tiny": "large",
    "trace": "large",
    "large": "small",
    "massive": "small",
    "mildly": "severely",
    "minimally": "severely",
    "slightly": "markedly",
    "moderately": "minimally",
    "severely": "mildly",
    "markedly": "mildly",
}
_DEGREE = re.compile(
    rf"(?<!to )(?<!or )(?<!-)\b(?:{'|'.join(_OPPOSITE)})\b(?![ -](?:to|or|sized|bowel|airway|size)\b)(?!-)",
    re.IGNORECASE,
)
_NEAR: Final = 45
"""Characters between a degree and the finding that it is of."""


def _of_phantom(told: Told, chance: Chance) -> str:
    slots = [slot for slot in _WORDS if slot in told.slots]
    if told.finding is None or not told.finding.certain or not slots:
        return ""
    if told.finding.severity == 1 and "dense" in slots:
        # "patchy" is no degree to a reader
        return ""
    severity = {0: 2, 1: 2 if chance.number() < 0.5 else 0, 2: 0}[told.finding.severity]
    changed = {**told.slots, **{slot: chance.of(_WORDS[slot][severity]) for slot in slots}}
    return about_finding(told.about[0], told.template, told.finding, changed).text


def _of_text(sentence: Sentence, chance: Chance) -> str:
    """A sentence with one degree, of a finding that is there, with the opposite degree."""
    degrees = list(_DEGREE.finditer(sentence.stem))
    if len(degrees) != 1 or sentence.negative or not sentence.positive - {"Support Devices"}:
        return ""
    (degree,) = degrees
    spans = [sentence.placed(mention) for mention in sentence.mentions]
    if not any(end - degree.start() >= -_NEAR and start - degree.end() <= _NEAR for start, end in spans):
        return ""
    other = _OPPOSITE[degree.group().lower()]
    other = other.capitalize() if degree.group()[0].isupper() else other
    return sentence.stem[: degree.start()] + other + sentence.stem[degree.end() :]


EDIT: Final = Edit(
    "severity_changed",
    "severity",
    True,
    "A mild finding is called severe, or a severe one mild.",
    changes=by_sentence(_of_phantom, _of_text),
)
