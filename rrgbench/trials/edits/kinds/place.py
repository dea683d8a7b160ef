"""Place changed: another zone of the same lung, another level of the ribs."""

import re
from dataclasses import replace
from typing import Final

from rrgbench.data.phantom.case import ZONES
from rrgbench.data.phantom.told import Told
from rrgbench.data.phantom.wording import Chance, about_finding, fillings
from rrgbench.trials.edits.draft import Sentence
from rrgbench.trials.edits.edit import Edit, by_sentence

_TURNS: Final[tuple[tuple[str, str], ...]] = (
    (r"\bupper (lobes?|lungs?|lung zones?|zones?|lung fields?)\b", r"lower \1"),
    (r"\blower (lobes?|lungs?|lung zones?|zones?|lung fields?)\b", r"upper \1"),
    (r"\bright middle lobe\b", "right upper lobe"),
    (r"\bmid(?:dle)? (lungs?|lung zones?|zones?)\b", r"upper \1"),
    (r"\blung bases\b", "lung apices"),
    (r"\blung base\b", "lung apex"),
    (r"\b(right|left) base\b", r"\1 apex"),
    (r"\b(right|left) (?:lung )?apex\b", r"\1 lung base"),
    (r"\bbibasilar\b", "biapical"),
    (r"\bbiapical\b", "bibasilar"),
    (r"\bbasilar\b", "apical"),
    (r"\bapical\b", "basilar"),
    (r"\blingular?\b", "left upper lobe"),
)
_PLACES = re.compile(
    r"\b(?:upper|lower|middle|mid|bas(?:e|es|al|ilar)|bibas\w+|apex|apices|apical|biapical|lingul\w+|perihilar|hil\w+|"
    r"retrocardiac|suprahilar|infrahilar|midlung)\b",
    re.IGNORECASE,
)


def _of_phantom(told: Told, chance: Chance) -> str:
    moved = [slot for slot in ("place", "level") if slot in told.slots]
    if told.finding is None or not moved:
        return ""
    zone = chance.of([zone for zone in ZONES if zone != told.finding.zone])
    finding = replace(told.finding, zone=zone)
    drawn = fillings("".join(f"{{{slot}}}" for slot in moved), finding, chance, str)
    return about_finding(told.about[0], told.template, finding, {**told.slots, **drawn}).text


def _of_text(sentence: Sentence, chance: Chance) -> str:
    """A sentence of a finding that is there, in one place, somewhere else in the same lung."""
    if sentence.negative or not sentence.positive - {"Support Devices"} or len(_PLACES.findall(sentence.stem)) != 1:
        return ""
    for here, there in _TURNS:
        text, times = re.subn(here, there, sentence.stem)
        if times == 1:
            return text
    return ""


EDIT: Final = Edit(
    "place_changed",
    "place",
    True,
    "The finding is in another lobe or zone.",
    changes=by_sentence(_of_phantom, _of_text),
)
