"""Certainty changed: what is sure becomes possible, what is possible becomes sure."""

import re
from dataclasses import replace
from typing import Final

from rrgbench.data.phantom import phrases
from rrgbench.data.phantom.told import Told
from rrgbench.data.phantom.wording import Chance, about_finding, fillings
from rrgbench.trials.edits.draft import Sentence, like, uncapitalised
from rrgbench.trials.edits.edit import Edit, by_sentence

_TO_DOUBT: Final = (
    (
        r"^there (?:is|are) (?!no\b|may\b|improv|interval|continued|persist|residual|decreas|increas|resol)",
        "there may be ",
    ),
    (r"\b(is|are) (?:seen|noted|present|identified|demonstrated|visualized)\b(?! to\b)", r"\1 suspected"),
    (r"\b(?:consistent|compatible) with\b", "suspicious for"),
    (
        r"^(?!(?:the|an?|borderline|apparent|heart|lungs?|known|stable|old|prior|interval|improv\w+|increas\w+|decreas\w+)\b)"
        r"(?=[a-z -]+$)(?!.*\b(?:is|are|has|have|remains?)\b)",
        "possible ",
    ),
)
_TO_CERTAINTY: Final = (
    (r"^(?:possible|questionable|probable) ", "definite "),
    (r"^there (may|might|could) be (?=(?:a|an)\b)", "there is "),
    (r"\b(?:may|might|could) (?:represent|reflect|indicate)\b", "must represent"),
    (r"\b(?:cannot be|is not) excluded\b", "is present"),
    (r"\bsuspicious for\b", "diagnostic of"),
    (r"\b(?:suspected)\b", "confirmed"),
    (r"\b(?:possibly|probably|likely)\b", "definitely"),
    (r"\b(?:possible|questionable|probable)\b", "definite"),
)


def _turned(stem: str, turns: tuple[tuple[str, str], ...]) -> str:
    for here, there in turns:
        text, times = re.subn(here, there, uncapitalised(stem), count=1)
        if times:
            return like(stem, text)
    return ""


def _of_phantom(told: Told, chance: Chance) -> str:
    if told.finding is None:
        return ""
    if told.finding.certain and (told.finding.severity or "{again}" not in told.template or told.slots.get("again")):
        # the grammar's doubt is always mild and compares nothing
        return _turned(told.text, _TO_DOUBT)
    (name,) = told.about
    finding = replace(told.finding, certain=not told.finding.certain)
    table = phrases.POSITIVE_SENTENCES if finding.certain else phrases.UNCERTAIN_SENTENCES
    template = chance.of(table[name])
    drawn = fillings(template, finding, chance, str)
    kept = {slot: told.slots[slot] for slot in drawn if slot in told.slots}
    return about_finding(name, template, finding, {**drawn, **kept}).text


def _of_text(sentence: Sentence, chance: Chance) -> str:
    """A sentence of findings that are all sure, or all possible, the other way round."""
    if sentence.negative:
        return ""
    if sentence.uncertain and not sentence.positive:
        return _turned(sentence.stem, _TO_CERTAINTY)
    if sentence.positive - {"Support Devices"} and not sentence.uncertain:
        return _turned(sentence.stem, _TO_DOUBT)
    return ""


EDIT: Final = Edit(
    "certainty_changed",
    "certainty",
    True,
    "A suspicion is stated as a fact, or a fact as a suspicion.",
    changes=by_sentence(_of_phantom, _of_text),
)
