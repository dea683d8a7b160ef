"""Random choices, and the slots of templates filled with what a finding is."""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

import numpy as np

from rrgbench.data.phantom import phrases
from rrgbench.data.phantom.case import Finding
from rrgbench.data.phantom.findings import fracture_count, lesion_kind
from rrgbench.data.phantom.told import Told


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


def fillings(template: str, finding: Finding, chance: Chance, again: Callable[[], str]) -> dict[str, str]:
    """What fills the slots of a template; `again` says how the finding compares with an earlier film, or nothing."""
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
        "again": again,
    }
    return {slot: fill[slot]() for slot in slots_of(template)}


@lru_cache(maxsize=1024)
def slots_of(template: str) -> tuple[str, ...]:
    """Names of a template's slots."""
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


def grammatical(sentence: str) -> str:
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


def about_finding(name: str, template: str, finding: Finding, slots: Mapping[str, str]) -> Told:
    """The sentence about a finding that a template and what fills its slots make."""
    return Told(grammatical(template.format(**slots)), "finding", (name,), template, slots, finding)


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
