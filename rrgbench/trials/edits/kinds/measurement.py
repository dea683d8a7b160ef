"""Measurement changed: a size or distance three times as large, or a third of it."""

import re
from typing import Final

from rrgbench.data.phantom.wording import Chance
from rrgbench.trials.edits.draft import Sentence
from rrgbench.trials.edits.edit import Edit, by_sentence

_NUMBER = re.compile(
    r"(?<![\w.])(?P<number>\d+(?:\.\d+)?|two|three|four|five)(?P<unit>[ -]?(?:mm|cm|millimeters?|centimeters?))\b",
    re.IGNORECASE,
)
_SEVERAL = re.compile(r"\d ?(?:mm|cm)? ?(?:x|by|to|-) ?\d", re.IGNORECASE)
_WORDS: Final = {"two": "six", "three": "nine", "four": "twelve", "five": "one"}


def _tripled(number: str, chance: Chance) -> str:
    if number.lower() in _WORDS:
        return _WORDS[number.lower()]
    value = float(number) * 3 if chance.number() < 0.5 or float(number) < 6 else float(number) / 3
    return f"{value:.1f}" if "." in number else f"{round(value)}"


def _other(sentence: Sentence, chance: Chance) -> str:
    """A sentence with one measurement, with another value."""
    found = list(_NUMBER.finditer(sentence.stem))
    if len(found) != 1 or _SEVERAL.search(sentence.stem):
        return ""
    start, end = found[0].span("number")
    return sentence.stem[:start] + _tripled(found[0]["number"], chance) + sentence.stem[end:]


EDIT: Final = Edit(
    "measurement_changed",
    "measurement",
    True,
    "A nodule of 8 mm is followed up otherwise than one of 24 mm.",
    changes=by_sentence(None, _other),
)
