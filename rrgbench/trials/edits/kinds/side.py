"""Side swapped: right for left."""

import re
from typing import Final

from rrgbench.data.phantom.told import Told
from rrgbench.data.phantom.wording import Chance, about_finding
from rrgbench.trials.edits.draft import Sentence
from rrgbench.trials.edits.edit import Edit, by_sentence

_OTHER: Final = {"left": "right", "right": "left", "Left": "Right", "Right": "Left", "LEFT": "RIGHT", "RIGHT": "LEFT"}
_SIDE = re.compile(
    r"\b(?:left|right)\b(?![ -](?:sided )?(?:atri|ventric|heart|paratrach|main|hear|middle|greater|and))", re.IGNORECASE
)
_NO_MATCH = re.compile(r"\b(?:bilateral|both|lingula\w*|middle lobe|left and right|right and left)\b", re.IGNORECASE)
_PLACED = ("side", "place", "base", "at_base")


def _swapped(text: str) -> str:
    return _SIDE.sub(lambda word: _OTHER[word.group()], text)


def _of_phantom(told: Told, chance: Chance) -> str:
    if told.kind not in ("finding", "device"):
        return ""
    slots = dict(told.slots)
    for slot in _PLACED:
        if slot in slots:
            place = slots[slot]
            if "lingula" in place:
                slots[slot] = place.replace("lingula", "right middle lobe")
            elif "right middle lobe" in place:
                slots[slot] = place.replace("right middle lobe", "lingula")
            else:
                slots[slot] = _swapped(place)
    if slots == told.slots:
        return ""
    if told.finding is None:
        return told.template.format(**slots)
    return about_finding(told.about[0], told.template, told.finding, slots).text


def _of_text(sentence: Sentence, chance: Chance) -> str:
    """A sentence of which everything is there, all on one side, on the other."""
    if sentence.negative or not sentence.positive | sentence.uncertain or _NO_MATCH.search(sentence.text):
        return ""
    sides = {word.lower() for word in _SIDE.findall(sentence.stem)}
    every = {word.lower() for word in re.findall(r"\b(?:left|right)\b", sentence.stem, re.IGNORECASE)}
    return _swapped(sentence.stem) if len(every) == 1 and sides == every else ""


EDIT: Final = Edit(
    "side_swapped",
    "side",
    True,
    "The finding is on the other side of the patient.",
    changes=by_sentence(_of_phantom, _of_text),
)
