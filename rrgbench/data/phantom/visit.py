"""A study and what has changed since the patient's previous one."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from rrgbench.data.phantom.case import Case, Device, Finding, case_with_labels, draw_case, strength_of
from rrgbench.data.phantom.course import MOST_STUDIES, Courses, draw_courses
from rrgbench.data.phantom.draws import generator
from rrgbench.data.phantom.population import DRAWN, Population
from rrgbench.observations import POSITIVE, UNCERTAIN

CHANGES: Final = ("new", "increased", "decreased", "resolved", "unchanged")
"""What may have become of a finding since the previous study."""

# Numbers of this stream make labels in `labels`, by another generator.
_DEVICE_CHANGE_STREAM = 0
_IMPLANTS: Final = ("pacemaker", "sternal wires")


@dataclass(frozen=True)
class Comparison:
    """What has changed since the previous study; all empty in a patient's first.

    Attributes
    ----------
    days : int
        Since the previous study; 0 if there is none.
    findings : mapping of str to str
        One of `CHANGES` by observation, for those that are positive in one of the two studies or uncertain in both;
        nobody can compare a suspicion with nothing.
    before : mapping of str to Finding
        The findings of the previous study.
    devices : mapping of Device to str
        `new`, `removed` or `unchanged`.
    """

    days: int = 0
    findings: Mapping[str, str] = field(default_factory=dict)
    before: Mapping[str, Finding] = field(default_factory=dict)
    devices: Mapping[Device, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Visit:
    """One study of a population that is followed over time: its truth, the previous one's, and the difference."""

    index: int
    case: Case
    lateral: bool
    prior: "Visit | None"
    comparison: Comparison


def draw_visit(population: Population, seed: int, index: int) -> Visit:
    """The truth of study `index` and of those before it; of a population without a course it has none before it."""
    if population.course is None:
        return Visit(index, draw_case(population, seed, index), False, None, Comparison())
    block = np.arange(index - index % MOST_STUDIES, index + 1, dtype=np.int64)
    rows = draw_courses(population, population.course, seed, block)
    visit: Visit | None = None
    for row in range(int(rows.first[-1] - block[0]), len(block)):
        visit = _next(visit, rows, row, population, seed, int(block[row]))
    assert visit is not None  # the block ends with the study itself
    return visit


def _next(prior: Visit | None, rows: Courses, row: int, population: Population, seed: int, index: int) -> Visit:
    drawn = case_with_labels(rows.labels[row], population, seed, index)
    findings = {}
    for name, finding in drawn.findings.items():
        kept = finding if prior is None else prior.case.findings.get(name, finding)
        severity = int(rows.severity[row, DRAWN.index(name)]) if finding.certain else 0
        findings[name] = replace(
            kept,
            certain=finding.certain,
            severity=severity,
            strength=strength_of(finding.certain, severity, kept.variant),
            onset=kept.onset if kept.onset is not None else index,
        )
    case = replace(
        drawn,
        findings=findings,
        devices=_devices(drawn, prior, rows, row, population, seed, index),
        view="PA" if rows.lateral[row] else drawn.view,
        female=bool(rows.female[row]),
        build=drawn.build if prior is None else prior.case.build,
        patient=int(rows.first[row]),
    )
    changes = Comparison() if prior is None else compare(prior.case, case, int(rows.days[row]))
    return Visit(index, case, bool(rows.lateral[row]), prior, changes)


def _devices(
    drawn: Case, prior: Visit | None, rows: Courses, row: int, population: Population, seed: int, index: int
) -> tuple[Device, ...]:
    """Implants stay; tubes and lines stay for days, and new ones come."""
    course = population.course
    label = drawn.labels[-1]
    if label not in (POSITIVE, UNCERTAIN) or course is None:
        return ()
    before = {} if prior is None else {device.kind: device for device in prior.case.devices}
    placed = [replace(device, onset=index) for device in drawn.devices if device.kind not in _IMPLANTS]
    sure_before = prior is not None and prior.case.labels[-1] == POSITIVE
    if label == UNCERTAIN:
        return tuple(placed if sure_before or not before else before.values())
    rng = generator(seed, population.stream * 8 + _DEVICE_CHANGE_STREAM, index)
    stays = np.exp(-float(rows.days[row]) / course.device) if sure_before else 1.0
    staying = [device for device in before.values() if device.kind not in _IMPLANTS and rng.random() < stays]
    kinds = {device.kind for device in staying}
    if prior is None or rng.random() < 0.3:
        staying += [device for device in placed if device.kind not in kinds]
    if rows.implant[row]:
        kind = _IMPLANTS[int(rows.implant[row]) - 1]
        side = "left" if rng.random() < 0.8 else "right"
        staying.append(before.get(kind, Device(kind, side, index)))
    if not staying:
        staying = placed[:1] or [Device("internal jugular line", "right", index)]
    return tuple(staying)


def compare(before: Case, after: Case, days: int) -> Comparison:
    """What has changed from one study to a later one of the same patient, by the truth of both."""
    findings = {}
    for name in DRAWN:
        change = _change(before.findings.get(name), after.findings.get(name))
        if change:
            findings[name] = change
    devices: dict[Device, str] = {}
    if POSITIVE in (before.labels[-1], after.labels[-1]):
        devices = {device: "unchanged" if device in before.devices else "new" for device in after.devices}
        devices |= {device: "removed" for device in before.devices if device not in after.devices}
    return Comparison(days, findings, before.findings, devices)


def _change(before: Finding | None, after: Finding | None) -> str:
    if before is None or after is None:
        if before is not None and before.certain:
            return "resolved"
        return "new" if after is not None and after.certain else ""
    old, new = ((finding.certain, finding.severity) for finding in (before, after))
    return "unchanged" if old == new else "increased" if new > old else "decreased"
