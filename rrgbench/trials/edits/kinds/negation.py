"""Negation flipped: what is denied is there, what is there is denied."""

import re
from collections.abc import Callable
from typing import Final

from rrgbench.data.phantom import phrases
from rrgbench.data.phantom.grammar import NORMAL, denial
from rrgbench.data.phantom.told import Told
from rrgbench.data.phantom.wording import Chance
from rrgbench.trials.edits.draft import Sentence, like, uncapitalised
from rrgbench.trials.edits.edit import Edit, by_sentence
from rrgbench.trials.edits.new_finding import new_finding

_NAME = (
    r"(?:(?!\b(?:no|that|which|is|are|has|have|but|however|to|other|seen|change|new|interval|with|heart)\b)[a-z ,/-])+?"
)
_SHOWN = "identified|seen|noted|present|visualized|demonstrated|appreciated|evident"
_DEGREE = (
    r"(?:(?:an?|some|borderline|apparent|mild|minimal|slight|small|trace|tiny|moderate|large|severe|stable|new|"
    r"persistent) )*"
)
_COUNTED = re.compile(r"(?:pneumothorax|effusion|consolidation|nodule|mass|infiltrate|fracture|opacity)$")
_THERE = re.compile(rf"there (is|are) no (?:evidence of )?({_NAME})$")
_BARE = re.compile(rf"no (?:evidence of )?({_NAME})(?: (?:is|are) (?:{_SHOWN}))?$")
_NORMAL = re.compile(
    r"(.*(?:heart|silhouette|cardiac|mediastin|size|contour).*) (is|are) (?:normal|unremarkable|within normal limits)"
    r"(?: in (?:size|contour|appearance|configuration)(?: and (?:size|contour|appearance|configuration))?)?$"
)
_NOT_ENLARGED = re.compile(r"(.*) (is|are) not enlarged$")
_ENLARGED = re.compile(r"(.*) (is|are) (?:(?:mildly|slightly|moderately|severely|markedly) )?enlarged$")
_THERE_IS = re.compile(rf"there (is|are) {_DEGREE}({_NAME})$")
_NOUN_ALONE = re.compile(rf"{_DEGREE}((?!the\b|a\b|heart\b|lungs?\b|there\b){_NAME})$")


def _one(name: str) -> str:
    """A name behind "there is", with an article where one finding is counted."""
    if not _COUNTED.search(name) or "," in name or " and " in name:
        return name
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"


def _affirmed(stem: str) -> str:
    """A sentence that denies findings, without its negation; empty where it is not that plain."""
    joined: Callable[[str], str] = lambda name: re.sub(r" (?:and/or|or|nor) ", " and ", name)  # noqa: E731
    if match := _THERE.match(stem):
        return f"there {match[1]} {_one(joined(match[2]))}"
    if match := _BARE.match(stem):
        name = joined(match[1])
        many = " and " in name or (name.endswith("s") and not name.endswith("ss"))
        return f"{name} {'are' if many else 'is'} present"
    if match := _NORMAL.match(stem) or _NOT_ENLARGED.match(stem):
        return f"{match[1]} {match[2]} enlarged"
    return ""


def _denied(stem: str) -> str:
    """A sentence that tells of a finding, denied; empty where it is not that plain."""
    if match := _ENLARGED.match(stem):
        return f"{match[1]} {match[2]} not enlarged"
    if match := _THERE_IS.match(stem):
        return f"there {match[1]} no {match[2]}"
    if (match := _NOUN_ALONE.match(stem)) and len(stem.split()) < 8:
        return f"no {match[1]}"
    return ""


def _of_text(sentence: Sentence, chance: Chance) -> str:
    stem = uncapitalised(sentence.stem)
    if sentence.negative and not sentence.positive | sentence.uncertain:
        flipped = _affirmed(stem)
    elif sentence.positive - {"Support Devices"} == sentence.positive and len(sentence.mentions) == 1:
        flipped = _denied(stem) if sentence.positive else ""
    else:
        return ""
    return like(sentence.stem, flipped)


def _of_phantom(told: Told, chance: Chance) -> str:
    certain = told.finding is not None and told.finding.certain
    if told.kind == "finding" and certain:
        (name,) = told.about
        if (name,) in NORMAL:
            return chance.of(NORMAL[(name,)])
        return denial(chance.of(phrases.DENIALS), {name: chance.of(phrases.DENIED_NOUNS[name])}).text
    if told.kind not in ("denial", "normal") or "Support Devices" in told.about:
        return ""
    name = chance.of(told.about)
    rest = tuple(other for other in told.about if other != name)
    sentences = [new_finding(name, chance).text]
    if rest:
        kept = NORMAL[rest] if told.kind == "normal" else [denial(told.template, {o: told.slots[o] for o in rest}).text]
        sentences.append(chance.of(kept))
    return ". ".join(sentences)


EDIT: Final = Edit(
    "negation_flipped",
    "negation",
    True,
    "An absent finding is reported, or a present one denied.",
    changes=by_sentence(_of_phantom, _of_text),
)
