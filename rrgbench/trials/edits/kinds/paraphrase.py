"""Paraphrase: the same content in other words.

On the phantom every sentence is asked for again, from a template that says the same and with the same degree, side
and place; whether two templates say the same is told by their words. On a text a few turns of phrase are exchanged that
mean the same in every report.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from rrgbench.data.phantom import phrases
from rrgbench.data.phantom.grammar import NORMAL, denial
from rrgbench.data.phantom.told import Told
from rrgbench.data.phantom.wording import Chance, about_finding, fillings, slots_of
from rrgbench.trials.edits.draft import Sentence, like, uncapitalised
from rrgbench.trials.edits.edit import Edit, by_sentence

_GRAMMAR_WORDS: Final = frozenset(
    ["there", "is", "are", "a", "an", "the", "of", "on", "in", "with", "at", "has", "been", "about"]
)
_NAMING: Final[Mapping[str, frozenset[str]]] = {
    "Enlarged Cardiomediastinum": frozenset(
        ["mediastinum", "mediastinal", "widening", "widened", "contour", "enlarged"]
    ),
    "Cardiomegaly": frozenset(["heart", "size", "cardiomegaly", "cardiac", "silhouette", "enlarged", "enlargement"]),
    "Lung Opacity": frozenset(["opacity", "opacities", "opacification"]),
    "Support Devices": frozenset(["tube", "tip", "line", "catheter", "picc", "ends", "terminates"]),
}
"""Words by which templates call an observation; they may be exchanged for each other."""
_DEGREES: Final = {"much": "degree", "muchly": "degree"}
_ALIKE: Final = (("mild", "slight"), ("severe", "marked"))
"""Degrees that mean the same; "minimal" is less than mild to many readers."""


def _content(template: str, name: str) -> frozenset[str]:
    """What a template says: its slots, and the words that are neither grammar nor the observation's name."""
    slots = {_DEGREES.get(slot, slot) for slot in slots_of(template)} - {"again", "seen"}
    words = set(re.sub(r"{\w+}", " ", template).replace(",", " ").split())
    return frozenset({f"{{{slot}}}" for slot in slots} | (words - _GRAMMAR_WORDS - _NAMING.get(name, frozenset())))


def _same(template: str, name: str, table: Sequence[str]) -> list[str]:
    """Templates of a table that say what one says, itself among them; only itself if it is of another table."""
    if template not in table:
        return [template]
    return [other for other in table if _content(other, name) == _content(template, name)]


def _finding(told: Told, chance: Chance) -> str:
    assert told.finding is not None  # as in every sentence of this kind
    (name,) = told.about
    table = phrases.POSITIVE_SENTENCES if told.finding.certain else phrases.UNCERTAIN_SENTENCES
    again = told.slots.get("again", "")
    bare = told.template if "{again}" in told.template or not again else told.template + "{again}"
    template = chance.of(_same(bare.removesuffix("{again}") if bare not in table[name] else bare, name, table[name]))
    if again and "{again}" not in template:
        template += "{again}"
    drawn = fillings(template, told.finding, chance, lambda: again)
    kept = {slot: told.slots[slot] for slot in drawn if slot in told.slots and slot != "seen"}
    degree = (told.slots.get("much") or told.slots.get("muchly", "")).removesuffix("ly")
    degree = chance.of(next((words for words in _ALIKE if degree in words), (degree,)))
    kept |= {slot: text for slot, text in (("much", degree), ("muchly", f"{degree}ly")) if slot in drawn}
    return about_finding(name, template, told.finding, {**drawn, **kept}).text


def _device(told: Told, chance: Chance) -> str:
    assert told.device is not None  # as in every sentence of this kind
    table = phrases.DEVICE_SENTENCES[told.device.kind]
    template = chance.of(_same(told.template, "Support Devices", table))
    again = told.slots.get("again", "")
    return (template if "{again}" in template else template + again).format(**told.slots)


def _again(told: Told, chance: Chance) -> str:
    if told.kind == "finding":
        return _finding(told, chance)
    if told.kind == "device":
        return _device(told, chance)
    if told.kind == "denial" and told.template:
        nouns = dict(told.slots)
        return denial(chance.of(phrases.DENIALS), {name: nouns[name] for name in chance.shuffled(list(nouns))}).text
    if told.kind == "normal":
        return chance.of(NORMAL[told.about])
    return told.text


_NOUNS = r"(?P<what>(?:(?!\b(?:that|which|is|are|has|have|but|however|to|other|seen|change)\b)[a-z ,/-])+?)"
_SHOWN = "identified|seen|noted|present|visualized|demonstrated|appreciated|evident"
_TURNS: Final[tuple[tuple[re.Pattern[str], str], ...]] = tuple(
    (re.compile(wrong, re.IGNORECASE), right)
    for wrong, right in (
        (rf"^there (is|are) no (?:evidence of )?{_NOUNS}$", r"no \g<what> \1 seen"),
        (rf"^no (?:evidence of )?{_NOUNS} (is|are) (?:{_SHOWN})$", r"there \2 no \g<what>"),
        (r"^no evidence of (?P<what>[a-z ,/-]+)$", r"there is no evidence of \g<what>"),
        (r"^(?:the )?lungs are clear$", "clear lungs"),
        (r"^clear lungs$", "the lungs are clear"),
        (r"^(?:the )?(heart|cardiac) size is normal$", "the heart is normal in size"),
        (r"^the heart is normal in size$", "heart size is normal"),
        (r"\bis within normal limits\b", "is normal"),
        (r"\bare within normal limits\b", "are normal"),
        (r"\bare unremarkable\b", "are normal"),
        (r"\bis unremarkable\b", "is normal"),
        (rf"\b(is|are) (?:{_SHOWN})\b(?! (?:to|by|as)\b)", r"\1 observed"),
        (r"\bslight(ly)?\b", r"mild\1"),
        (r"\bcardiac silhouette\b", "heart silhouette"),
        (r"\bbilaterally\b", "on both sides"),
        (r"\bbony\b", "osseous"),
        (r"\bchest radiograph\b", "chest film"),
        (r"\bstatus post\b", "following"),
    )
)


def _reworded(sentence: Sentence, chance: Chance) -> str:
    """A real report's sentence with the first turn of phrase that fits exchanged, or nothing."""
    stem = sentence.stem
    for wrong, right in _TURNS:
        new, times = wrong.subn(right, uncapitalised(stem), count=1)
        if times and new != uncapitalised(stem):
            return like(stem, new)
    return ""


EDIT: Final = Edit(
    "paraphrase",
    "paraphrase",
    False,
    "The same findings in other words are the same report.",
    changes=by_sentence(_again, _reworded),
)
