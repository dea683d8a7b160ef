"""From a case to a report: which sentences, in which words, in which order."""

from collections.abc import Mapping, Sequence
from typing import Final

from rrgbench.data.phantom import comparing, phrases, unseen
from rrgbench.data.phantom.case import Case, Device, Finding
from rrgbench.data.phantom.draws import generator
from rrgbench.data.phantom.population import Population
from rrgbench.data.phantom.told import Told, said
from rrgbench.data.phantom.visit import Comparison, Visit
from rrgbench.data.phantom.wording import Chance, about_finding, fillings
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


NORMAL: Final[Mapping[tuple[str, ...], Sequence[str]]] = {
    ("Cardiomegaly",): phrases.NORMAL_HEART,
    ("Enlarged Cardiomediastinum",): phrases.NORMAL_MEDIASTINUM,
    ("Cardiomegaly", "Enlarged Cardiomediastinum"): phrases.NORMAL_BOTH,
}
"""Sentences that call heart, mediastinum or both normal."""


def write_report(visit: Visit, population: Population, seed: int) -> str:
    """The report of a study: lower-case sentences (`tell`), each ended by a full stop."""
    return said(tell(visit, population, seed))


def tell(visit: Visit, population: Population, seed: int) -> list[Told]:
    """The sentences of a study's report, in order, each with what it tells.

    Every present observation has a sentence of its own that states its certainty, side, place and severity as drawn;
    every denied one is denied; nothing else about the 14 observations is said. Views, normal anatomy and comparisons
    come and go; order and synonyms vary. In a population that is followed over time a comparison is true: what is new,
    larger, smaller or gone is said to be so, and what is unchanged often is; elsewhere it is an ornament.
    """
    chance = Chance(generator(seed, population.stream * 8 + _REPORT_STREAM, visit.index))
    case, comparison = visit.case, None if population.course is None else visit.comparison
    strange = population.reading.unseen if population.reading is not None else 0.0
    blocks = [_organ_sentences(case, organ, chance, comparison, strange) for organ in _ORGANS]
    denied = [name for name in _denied(case) if visit.comparison.findings.get(name) != "resolved"]
    # Denials either close their organ's paragraph or are gathered in one sentence, as radiologists do.
    if chance.number() < 0.6:
        gathered = [name for name in denied if name != "Fracture"]
        position = 1 if chance.number() < 0.5 else 0
        blocks[position].extend(_denials(gathered, chance))
        blocks[3].extend(_denials([name for name in denied if name == "Fracture"], chance))
    else:
        for block, organ in zip(blocks, _ORGANS, strict=True):
            block.extend(_denials([name for name in denied if name in organ], chance))
    blocks[2].extend(_normal_heart(case, visit.comparison, chance))
    devices = _device_sentences(case, chance, comparison)
    order = [devices, *blocks] if chance.number() < 0.5 else [*blocks, devices]
    if chance.number() < 0.3:
        # Some start with the heart.
        heart = blocks[2]
        order.remove(heart)
        order.insert(1 if order[0] is devices else 0, heart)
    sentences = [sentence for block in order for sentence in block]
    sentences = _around(visit, sentences, chance)
    if comparison is not None:
        untrue = comparing.untrue(visit)
        sentences = [sentence for sentence in sentences if sentence.text not in untrue]
        sentences += comparing.overall(visit, chance)
    return sentences


def _organ_sentences(
    case: Case, organ: Sequence[str], chance: Chance, comparison: Comparison | None, strange: float
) -> list[Told]:
    present = [
        (name, case.findings[name]) for name in chance.shuffled([name for name in organ if name in case.findings])
    ]
    if comparison is None:
        return [_finding_sentence(name, finding, chance, strange) for name, finding in present]
    sentences = [comparing.finding_sentence(name, finding, comparison, chance) for name, finding in present]
    return sentences + comparing.resolved_sentences(list(organ), comparison, chance)


def _finding_sentence(name: str, finding: Finding, chance: Chance, strange: float) -> Told:
    """In words that labelers know, or in others in a share `strange` of the cases."""
    words = unseen if strange and chance.number() < strange else phrases
    table = words.POSITIVE_SENTENCES if finding.certain else words.UNCERTAIN_SENTENCES
    again = lambda: chance.of(phrases.AGAIN) if chance.number() < _AGAIN_RATE else ""  # noqa: E731
    template = chance.of(table[name])
    return about_finding(name, template, finding, fillings(template, finding, chance, again))


def _denied(case: Case) -> list[str]:
    return [name for name in phrases.DENIED_NOUNS if case.labels[observation_index(name)] == NEGATIVE]


def _denials(names: list[str], chance: Chance) -> list[Told]:
    sentences = []
    names = chance.shuffled(names)
    while names:
        take = min(len(names), 1 + int(chance.number() * 3))
        nouns = [chance.of(phrases.DENIED_NOUNS[name]) for name in names[:take]]
        sentences.append(denial(chance.of(phrases.DENIALS), dict(zip(names[:take], nouns, strict=True))))
        names = names[take:]
    return sentences


def denial(template: str, nouns: Mapping[str, str]) -> Told:
    """The sentence that denies some observations, each called by a noun."""
    *first, last = nouns.values()
    what = f"{', '.join(first)} or {last}" if first else last
    return Told(template.format(what=what), "denial", tuple(nouns), template, nouns)


def _normal_heart(case: Case, comparison: Comparison, chance: Chance) -> list[Told]:
    normal = tuple(
        name
        for name in ("Cardiomegaly", "Enlarged Cardiomediastinum")
        if case.labels[observation_index(name)] == NEGATIVE and comparison.findings.get(name) != "resolved"
    )
    if len(normal) == 2 and chance.number() < 0.6:
        return [Told(chance.of(NORMAL[normal]), "normal", normal)]
    # both are drawn, whether they are wanted or not
    drawn = [
        Told(chance.of(NORMAL[(name,)]), "normal", (name,)) for name in ("Cardiomegaly", "Enlarged Cardiomediastinum")
    ]
    return [told for told in drawn if told.about[0] in normal]


def _device_sentences(case: Case, chance: Chance, comparison: Comparison | None) -> list[Told]:
    removed = [] if comparison is None else comparing.removed_devices(comparison, chance)
    if case.labels[-1] == NEGATIVE:
        return removed or [Told(chance.of(phrases.NORMAL_DEVICES), "denial", ("Support Devices",))]
    certain = bool(case.labels[-1] == POSITIVE)
    return [_device_sentence(device, certain, chance, comparison) for device in case.devices] + removed


def _device_sentence(device: Device, certain: bool, chance: Chance, comparison: Comparison | None) -> Told:
    template = chance.of((phrases.DEVICE_SENTENCES if certain else phrases.UNCERTAIN_DEVICES)[device.kind])
    if comparison is None:
        again = chance.of(phrases.AGAIN[:-1]) if chance.number() < _AGAIN_RATE else ""
    else:
        again = comparing.device_clause(device, comparison, chance)
    slots = {
        "side": device.side,
        "vein": chance.of(phrases.VEINS),
        "height": chance.of(phrases.HEIGHTS),
        "again": again,
    }
    return Told(template.format(**slots), "device", ("Support Devices",), template, slots, device=device)


def _around(visit: Visit, sentences: list[Told], chance: Chance) -> list[Told]:
    """Add the sentences about view, breath and normal anatomy that no observation depends on."""
    case, around = visit.case, list(sentences)
    fillers = chance.shuffled(phrases.FILLERS)[: int(chance.number() * 4)]
    if "Fracture" in case.findings:
        fillers = [filler for filler in fillers if "bon" not in filler and "osseous" not in filler]
    around.extend(map(Told, fillers))
    if case.findings and chance.number() < 0.25:
        around.append(Told(chance.of(phrases.AGE)))
    if abs(case.inspiration) > 0.6 and chance.number() < 0.6 and "Atelectasis" not in case.findings:
        around.insert(0, Told(chance.of(phrases.DEEP_BREATH if case.inspiration > 0 else phrases.SHALLOW_BREATH)))
    if case.labels[0] == POSITIVE and chance.number() < 0.6:
        around.append(Told(chance.of(phrases.ALL_WELL)))
    if chance.number() < 0.45:
        around.insert(0, Told(chance.of(phrases.VIEWS["LATERAL" if visit.lateral else case.view])))
    if "Lung Lesion" in case.findings and chance.number() < 0.5:
        around.append(Told(chance.of(phrases.LESION_FOLLOW_UP)))
    elif case.findings and chance.number() < 0.2:
        around.append(Told(chance.of(phrases.FOLLOW_UP)))
    if len(around) < 3:
        fresh = set(phrases.FILLERS) - {told.text for told in around}
        around.extend(map(Told, chance.shuffled(sorted(fresh))[:2]))
    return around
