"""How a report says what has changed since the previous study: in a clause or a sentence of its own."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from rrgbench.data.phantom import phrases
from rrgbench.data.phantom.case import Device, Finding
from rrgbench.data.phantom.findings import fracture_count
from rrgbench.data.phantom.told import Told
from rrgbench.data.phantom.visit import Comparison, Visit
from rrgbench.data.phantom.wording import Chance, about_finding, fillings

_CLAUSE_RATE, _SENTENCE_RATE = 0.3, 0.5
# Words of ordinary sentences that already compare, truly or not.
_COMPARES: Final = ("remains", "increased")

_PRIOR: Final = (
    "the prior study",
    "the previous exam",
    "the prior radiograph",
    "the earlier film",
    "the comparison study",
)
_YESTERDAY: Final = ("yesterday's film", "the film of the previous day")

_CLAUSES: Final[Mapping[str, tuple[str, ...]]] = {
    "new": (", new since {prior}", ", which is new", ", new from {prior}", ", newly apparent since {prior}"),
    "increased": (
        ", increased since {prior}",
        ", more pronounced than on {prior}",
        ", worse than on {prior}",
        ", progressed since {prior}",
    ),
    "decreased": (
        ", decreased since {prior}",
        ", less pronounced than on {prior}",
        ", improved since {prior}",
        ", which has become less since {prior}",
    ),
    "unchanged": (
        ", unchanged since {prior}",
        ", similar to {prior}",
        ", not significantly changed",
        ", stable compared to {prior}",
        ", as seen on {prior}",
        ", grossly unchanged",
        ", without significant change since {prior}",
    ),
}

_STATEMENTS: Final[Mapping[str, tuple[str, ...]]] = {
    "new": (
        "there {is} {a}new {degree}{noun}",
        "{a}new {degree}{noun} {is} {seen}",
        "{the}{degree}{noun} {is} new since {prior}",
        "{a}{degree}{noun} {has} developed since {prior}",
        "interval development of {a}{degree}{noun}",
    ),
    "increased": (
        "{the}{degree}{noun} {has} increased since {prior}",
        "interval increase in {the}{degree}{noun}",
        "{the}{noun} {has} increased and {is} now {grade}",
        "{the}{degree}{noun} {is} {larger} than on {prior}",
        "interval progression of {the}{degree}{noun}",
    ),
    "decreased": (
        "{the}{degree}{noun} {has} decreased since {prior}",
        "interval decrease in {the}{degree}{noun}",
        "{the}{noun} {has} decreased and {is} now {grade}",
        "{the}{degree}{noun} {is} {smaller} than on {prior}",
        "interval improvement of {the}{degree}{noun}",
    ),
    "unchanged": (
        "{the}{degree}{noun} {is} unchanged since {prior}",
        "stable {degree}{noun}",
        "unchanged {degree}{noun}",
        "persistent {degree}{noun}",
        "{the}{degree}{noun} {is} similar to {prior}",
        "{degree}{noun} {is} again {seen}",
        "no significant change in {the}{degree}{noun}",
        "no interval change in {the}{degree}{noun}",
    ),
    "resolved": (
        "{the}{noun} {has} resolved",
        "interval resolution of {the}{noun}",
        "the previously seen {noun} {has} resolved",
        "{the}{noun} {is} no longer seen",
        "the previously noted {noun} {is} no longer visible",
    ),
}
_NORMAL_AGAIN: Final[Mapping[str, tuple[str, ...]]] = {
    "Cardiomegaly": (
        "the heart has returned to normal size",
        "heart size is now normal",
        "the heart is no longer enlarged",
    ),
    "Enlarged Cardiomediastinum": (
        "the mediastinum is no longer widened",
        "the mediastinal contour is now normal",
    ),
}
_NO_CHANGE: Final = (
    "no significant interval change",
    "no significant change since {prior}",
    "the chest is unchanged since {prior}",
    "little change since {prior}",
)

_NEW_DEVICES: Final = (", new since {prior}", ", placed since {prior}", ", which is new")
_REMOVED_DEVICES: Final = (
    "the {device} has been removed",
    "interval removal of the {device}",
    "the {device} is no longer seen",
)
_DEVICE_NAMES: Final[Mapping[str, str]] = {
    "internal jugular line": "{side} internal jugular catheter",
    "subclavian line": "{side} subclavian catheter",
    "picc line": "{side} picc line",
    "chest tube": "{side} chest tube",
}


@dataclass(frozen=True)
class _Noun:
    """How a finding is named: one, several, whether it is counted, and the slot of its degree."""

    one: tuple[str, ...]
    several: tuple[str, ...] = ()
    degree: str = ""


_NOUNS: Final[Mapping[str, _Noun]] = {
    "Enlarged Cardiomediastinum": _Noun(("mediastinal widening", "widening of the mediastinum"), degree="much"),
    "Cardiomegaly": _Noun(("cardiomegaly", "enlargement of the cardiac silhouette"), degree="much"),
    "Lung Lesion": _Noun(("{shape} {place}",), ("pulmonary nodules {place}", "lung nodules {place}")),
    "Lung Opacity": _Noun(("opacity {place}", "airspace opacity {place}"), ("opacities {place}",), "dense"),
    "Edema": _Noun(("pulmonary edema", "interstitial edema"), degree="much"),
    "Consolidation": _Noun(("consolidation {place}",), degree="dense"),
    "Pneumonia": _Noun(("pneumonia {place}", "bronchopneumonia {place}"), degree="dense"),
    "Atelectasis": _Noun(("{base} atelectasis",), degree="much"),
    "Pneumothorax": _Noun(("{side} pneumothorax",), ("bilateral pneumothoraces",), "size"),
    "Pleural Effusion": _Noun(("{side} pleural effusion",), ("bilateral pleural effusions",), "size"),
    "Pleural Other": _Noun(("{side} pleural thickening",), degree="much"),
    "Fracture": _Noun(("{side} {level} rib fracture",), ("{side} {level} rib fractures",)),
}
_SIZED: Final = ("Lung Lesion", "Pleural Effusion", "Pneumothorax")


def prior_film(comparison: Comparison, chance: Chance) -> str:
    """A name of the film that is compared with."""
    return chance.of(_YESTERDAY if comparison.days == 1 and chance.number() < 0.5 else _PRIOR)


def finding_sentence(name: str, finding: Finding, comparison: Comparison, chance: Chance) -> Told:
    """The sentence about a finding that is there; says what has become of it unless it is as it was."""
    change = comparison.findings.get(name, "")
    compared = change in ("new", "increased", "decreased") or (change == "unchanged" and chance.number() < 0.6)
    if compared and finding.certain and chance.number() < _SENTENCE_RATE:
        return _statement(name, finding, change, comparison, chance)
    table = phrases.POSITIVE_SENTENCES if finding.certain else phrases.UNCERTAIN_SENTENCES
    template = chance.of([template for template in table[name] if not any(word in template for word in _COMPARES)])
    clause = _clause(_CLAUSES[change], comparison, chance) if compared else ""
    if "{again}" not in template:
        template += "{again}"
    return about_finding(name, template, finding, fillings(template, finding, chance, lambda: clause))


def resolved_sentences(names: list[str], comparison: Comparison, chance: Chance) -> list[Told]:
    """One sentence for each finding that was there and is gone."""
    gone = [name for name in names if comparison.findings.get(name) == "resolved"]
    sentences = (
        chance.of(_NORMAL_AGAIN[name])
        if name in _NORMAL_AGAIN
        else _statement(name, comparison.before[name], "resolved", comparison, chance).text
        for name in gone
    )
    return [Told(sentence, "change", (name,)) for name, sentence in zip(gone, sentences, strict=True)]


def overall(visit: Visit, chance: Chance) -> list[Told]:
    """That nothing has changed, where nothing has."""
    comparison = visit.comparison
    same = all(change == "unchanged" for change in (*comparison.findings.values(), *comparison.devices.values()))
    if visit.prior is None or not same or visit.case.findings.keys() != comparison.before.keys():
        return []
    if chance.number() < 0.6:
        return []
    return [Told(_clause(_NO_CHANGE, comparison, chance))]


def untrue(visit: Visit) -> set[str]:
    """General remarks that this study makes untrue: of earlier films where there are none, of a view that was taken."""
    remarks = set() if visit.prior is not None else {phrases.COMPARED}
    return remarks | ({phrases.LATERAL_WANTED} if visit.lateral else set())


def device_clause(device: Device, comparison: Comparison, chance: Chance) -> str:
    """What follows a device's sentence: that it is new, perhaps that it is where it was."""
    change = comparison.devices.get(device)
    if change == "new":
        return _clause(_NEW_DEVICES, comparison, chance)
    if change == "unchanged" and chance.number() < _CLAUSE_RATE:
        return _clause(_CLAUSES["unchanged"], comparison, chance)
    return ""


def removed_devices(comparison: Comparison, chance: Chance) -> list[Told]:
    """One sentence for each device that is gone."""
    sentences = []
    for device, change in comparison.devices.items():
        if change == "removed":
            name = _DEVICE_NAMES.get(device.kind, device.kind).format(side=device.side)
            sentence = chance.of(_REMOVED_DEVICES).format(device=name)
            sentences.append(Told(sentence, "change", ("Support Devices",), device=device))
    return sentences


def _clause(clauses: tuple[str, ...], comparison: Comparison, chance: Chance) -> str:
    return chance.of(clauses).format(prior=prior_film(comparison, chance))


def _statement(name: str, finding: Finding, change: str, comparison: Comparison, chance: Chance) -> Told:
    noun = _NOUNS[name]
    many = bool(noun.several) and (finding.side == "both" or (name == "Fracture" and fracture_count(finding) > 1))
    counted = bool(noun.several)
    template = chance.of([form for form in _STATEMENTS[change] if noun.degree or "{grade}" not in form])
    degree = f"{{{noun.degree}}}" if noun.degree else ""
    larger, smaller = ("larger", "smaller") if name in _SIZED else ("more pronounced", "less pronounced")
    for slot, text in (
        ("{noun}", chance.of(noun.several if many else noun.one)),
        ("{degree}", f"{degree} " if degree else ""),
        ("{grade}", degree),
        ("{the}", "the " if counted else ""),
        ("{a}", "a " if counted and not many else ""),
        ("{is}", "are" if many else "is"),
        ("{has}", "have" if many else "has"),
        ("{larger}", larger),
        ("{smaller}", smaller),
        ("{prior}", prior_film(comparison, chance)),
    ):
        template = template.replace(slot, text)
    return about_finding(name, template, finding, fillings(template, finding, chance, str))
