"""From a case to a report: which sentences, in which words, in which order."""

import re
from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np

from rrgbench.data.phantom import phrases
from rrgbench.data.phantom.case import Case, Device, Finding
from rrgbench.data.phantom.draws import generator
from rrgbench.data.phantom.findings import fracture_count, lesion_kind
from rrgbench.data.phantom.population import Population
from rrgbench.observations import NEGATIVE, POSITIVE, observation_index

_REPORT_STREAM = 6
_AGAIN_RATE = 0.3

# Where an observation's sentence stands in a report that goes from the airways outwards.
_ORGANS = (
    ("Edema", "Lung Opacity", "Consolidation", "Pneumonia", "Atelectasis", "Lung Lesion"),
    ("Pleural Effusion", "Pneumothorax", "Pleural Other"),
    ("Cardiomegaly", "Enlarged Cardiomediastinum"),
    ("Fracture",),
)


class Chance:
    """A supply of random choices for one report."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self._numbers: list[float] = []

    def number(self) -> float:
        """Uniform in [0, 1)."""
        if not self._numbers:
            # One call per number would cost more than everything else in a report.
            self._numbers = self._rng.random(128).tolist()
        return self._numbers.pop()

    def of(self, items: Sequence[str]) -> str:
        """One of the items."""
        return items[int(self.number() * len(items))]

    def shuffled(self, items: Sequence[str]) -> list[str]:
        """The items in random order."""
        return [item for _, item in sorted((self.number(), item) for item in items)]


def write_report(case: Case, population: Population, seed: int, index: int) -> str:
    """The report of a case.

    Every present observation has a sentence of its own that states its certainty, side, place and severity as drawn;
    every denied one is denied; nothing else about the 14 observations is said. Views, normal anatomy and comparisons
    come and go; order and synonyms vary.

    Returns
    -------
    str
        Lower-case sentences, each ended by a full stop.
    """
    chance = Chance(generator(seed, population.stream * 8 + _REPORT_STREAM, index))
    blocks = [_organ_sentences(case, organ, chance) for organ in _ORGANS]
    denied = _denied(case)
    # Denials either close their organ's paragraph or are gathered in one sentence, as radiologists do.
    if chance.number() < 0.6:
        gathered = [name for name in denied if name != "Fracture"]
        position = 1 if chance.number() < 0.5 else 0
        blocks[position].extend(_denials(gathered, chance))
        blocks[3].extend(_denials([name for name in denied if name == "Fracture"], chance))
    else:
        for block, organ in zip(blocks, _ORGANS, strict=True):
            block.extend(_denials([name for name in denied if name in organ], chance))
    blocks[2].extend(_normal_heart(case, chance))
    devices = _device_sentences(case, chance)
    order = [devices, *blocks] if chance.number() < 0.5 else [*blocks, devices]
    if chance.number() < 0.3:
        # Some start with the heart.
        heart = blocks[2]
        order.remove(heart)
        order.insert(1 if order[0] is devices else 0, heart)
    sentences = [sentence for block in order for sentence in block]
    sentences = _around(case, sentences, chance)
    return " ".join(f"{sentence}." for sentence in sentences)


def _organ_sentences(case: Case, organ: Sequence[str], chance: Chance) -> list[str]:
    present = [name for name in organ if name in case.findings]
    return [_finding_sentence(name, case.findings[name], chance) for name in chance.shuffled(present)]


def _finding_sentence(name: str, finding: Finding, chance: Chance) -> str:
    table = phrases.POSITIVE_SENTENCES if finding.certain else phrases.UNCERTAIN_SENTENCES
    template = chance.of(table[name])
    fill: dict[str, Callable[[], str]] = {
        "place": lambda: _place(finding, chance),
        "side": lambda: "bilateral" if finding.side == "both" else finding.side,
        "much": lambda: chance.of(phrases.MUCH[finding.severity]),
        "muchly": lambda: chance.of(phrases.MUCHLY[finding.severity]),
        "size": lambda: chance.of(phrases.SIZE[finding.severity]),
        "dense": lambda: chance.of(phrases.DENSE[finding.severity]),
        "faint": lambda: chance.of(("faint", "subtle", "vague", "small")),
        "shape": lambda: _lesion(finding, chance),
        "base": lambda: _base(finding, chance),
        "at_base": lambda: (
            "at both lung bases"
            if finding.side == "both"
            else f"at the {finding.side} {chance.of(('lung base', 'base'))}"
        ),
        "level": lambda: {"upper": "upper", "mid": "mid", "lower": "lower"}[finding.zone],
        "count": lambda: ("a", "two", "three")[fracture_count(finding) - 1],
        "fracture": lambda: "fracture" if fracture_count(finding) == 1 else "fractures",
        "is": lambda: "is" if fracture_count(finding) == 1 else "are",
        "seen": lambda: chance.of(phrases.SEEN),
        "mm": lambda: str(int((9, 14, 32)[finding.severity] + 8 * finding.variant)),
        "again": lambda: chance.of(phrases.AGAIN) if chance.number() < _AGAIN_RATE else "",
    }
    return _grammatical(template.format(**{slot: fill[slot]() for slot in _slots(template)}))


@lru_cache(maxsize=1024)
def _slots(template: str) -> tuple[str, ...]:
    return tuple(part.split("}")[0] for part in template.split("{")[1:])


_REPAIRS = (
    (re.compile(r"\bon the bilateral\b"), "on both sides"),
    (re.compile(r"\bthe bilateral costophrenic angle\b"), "both costophrenic angles"),
    (re.compile(r"\ba bilateral pleural line indicates\b"), "bilateral pleural lines indicate"),
    (re.compile(r"\bbilateral lung is\b"), "both lungs are"),
    (re.compile(r"\ba ((?:\w+ ){1,2}bilateral (?:pleural )?)(effusion|plaque)\b"), r"\1\2s"),
    (re.compile(r"\bthere is ((?:\w+ ){1,3}bilateral (?:pleural )?effusions)\b"), r"there are \1"),
    (re.compile(r"(bilateral (?:pleural )?effusions) is\b"), r"\1 are"),
    (re.compile(r"\belevated hemidiaphragm and ((?:\w+ )?)(bi\w+)"), r"elevated hemidiaphragms and \1\2"),
    (re.compile(r"\ba (?=(?:opac|extens|ill |upper|old ))"), "an "),
)


def _grammatical(sentence: str) -> str:
    """Mend what slots can't know: plurals of bilateral findings, `a` before a vowel."""
    for wrong, right in _REPAIRS:
        sentence = wrong.sub(right, sentence)
    return sentence


_LOBES = {
    ("right", "upper"): ("right upper lobe", "right upper lung", "right apex"),
    ("right", "mid"): ("right middle lobe", "right mid lung", "right mid lung zone"),
    ("right", "lower"): ("right lower lobe", "right lower lung", "right lung base"),
    ("left", "upper"): ("left upper lobe", "left upper lung", "left apex"),
    ("left", "mid"): ("lingula", "left mid lung", "left mid lung zone"),
    ("left", "lower"): ("left lower lobe", "left lower lung", "left lung base"),
}


def _place(finding: Finding, chance: Chance) -> str:
    if finding.side == "both":
        return f"in both {'middle' if finding.zone == 'mid' else finding.zone} {chance.of(('lungs', 'lung zones'))}"
    return f"{chance.of(('in the', 'within the', 'over the'))} {chance.of(_LOBES[finding.side, finding.zone])}"


def _base(finding: Finding, chance: Chance) -> str:
    if finding.side == "both":
        return chance.of(("bibasilar", "bilateral lower lobe", "bibasal"))
    return f"{finding.side} {chance.of(('basilar', 'lower lobe', 'basal'))}"


def _lesion(finding: Finding, chance: Chance) -> str:
    kind = lesion_kind(finding)
    if kind == "mass":
        return chance.of(("lung mass", "large mass", "pulmonary mass"))
    if kind == "nodules":
        return chance.of(("cluster of nodules", "group of pulmonary nodules"))
    return chance.of(("lung nodule", "pulmonary nodule", "nodule", "nodular lesion"))


def _denied(case: Case) -> list[str]:
    return [name for name in phrases.DENIED_NOUNS if case.labels[observation_index(name)] == NEGATIVE]


def _denials(names: list[str], chance: Chance) -> list[str]:
    sentences = []
    names = chance.shuffled(names)
    while names:
        take = min(len(names), 1 + int(chance.number() * 3))
        nouns = [chance.of(phrases.DENIED_NOUNS[name]) for name in names[:take]]
        names = names[take:]
        listed = nouns[0] if len(nouns) == 1 else f"{', '.join(nouns[:-1])} or {nouns[-1]}"
        sentences.append(chance.of(phrases.DENIALS).format(what=listed))
    return sentences


def _normal_heart(case: Case, chance: Chance) -> list[str]:
    heart = case.labels[observation_index("Cardiomegaly")] == NEGATIVE
    mediastinum = case.labels[observation_index("Enlarged Cardiomediastinum")] == NEGATIVE
    if heart and mediastinum and chance.number() < 0.6:
        return [chance.of(phrases.NORMAL_BOTH)]
    return [chance.of(phrases.NORMAL_HEART)] * bool(heart) + [chance.of(phrases.NORMAL_MEDIASTINUM)] * bool(mediastinum)


def _device_sentences(case: Case, chance: Chance) -> list[str]:
    if case.labels[-1] == NEGATIVE:
        return [chance.of(phrases.NORMAL_DEVICES)]
    return [_device_sentence(device, bool(case.labels[-1] == POSITIVE), chance) for device in case.devices]


def _device_sentence(device: Device, certain: bool, chance: Chance) -> str:
    template = chance.of((phrases.DEVICE_SENTENCES if certain else phrases.UNCERTAIN_DEVICES)[device.kind])
    again = chance.of(phrases.AGAIN[:-1]) if chance.number() < _AGAIN_RATE else ""
    return template.format(
        side=device.side, vein=chance.of(phrases.VEINS), height=chance.of(phrases.HEIGHTS), again=again
    )


def _around(case: Case, sentences: list[str], chance: Chance) -> list[str]:
    """Add the sentences about view, breath and normal anatomy that no observation depends on."""
    around = list(sentences)
    fillers = chance.shuffled(phrases.FILLERS)[: int(chance.number() * 4)]
    if "Fracture" in case.findings:
        fillers = [filler for filler in fillers if "bon" not in filler and "osseous" not in filler]
    around.extend(fillers)
    if case.findings and chance.number() < 0.25:
        around.append(chance.of(phrases.AGE))
    if abs(case.inspiration) > 0.6 and chance.number() < 0.6 and "Atelectasis" not in case.findings:
        around.insert(0, chance.of(phrases.DEEP_BREATH if case.inspiration > 0 else phrases.SHALLOW_BREATH))
    if case.labels[0] == POSITIVE and chance.number() < 0.6:
        around.append(chance.of(phrases.ALL_WELL))
    if chance.number() < 0.45:
        around.insert(0, chance.of(phrases.VIEWS[case.view]))
    if "Lung Lesion" in case.findings and chance.number() < 0.5:
        around.append(chance.of(phrases.LESION_FOLLOW_UP))
    elif case.findings and chance.number() < 0.2:
        around.append(chance.of(phrases.FOLLOW_UP))
    if len(around) < 3:
        around.extend(chance.shuffled(sorted(set(phrases.FILLERS) - set(around)))[:2])
    return around
