"""One phantom study beyond its labels: where each finding lies, how bad it is, how the film was taken."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rrgbench.data.phantom.draws import generator
from rrgbench.data.phantom.labels import draw_labels
from rrgbench.data.phantom.population import Population
from rrgbench.observations import OBSERVATIONS, POSITIVE, UNCERTAIN

_CASE_STREAM = 1

SIDES = ("right", "left", "both")
ZONES = ("upper", "mid", "lower")

_ZONES_BY_OBSERVATION = {
    "Lung Lesion": (0.4, 0.3, 0.3),
    "Lung Opacity": (0.2, 0.35, 0.45),
    "Consolidation": (0.3, 0.1, 0.6),
    "Pneumonia": (0.2, 0.25, 0.55),
    "Fracture": (0.2, 0.5, 0.3),
    "Pleural Other": (0.4, 0.3, 0.3),
}
_BOTH_SIDES = {
    "Lung Opacity": 0.15,
    "Pneumonia": 0.2,
    "Atelectasis": 0.4,
    "Pleural Effusion": 0.35,
    "Pleural Other": 0.2,
}
SEVERITIES = (0.35, 0.4, 0.25)
"""How often a finding is mild, moderate, severe."""
_STRENGTH = (0.72, 0.87, 1.0)


@dataclass(frozen=True)
class Finding:
    """One observation that is present.

    Attributes
    ----------
    certain : bool
        Positive (True) or uncertain (False; drawn faintly).
    side : str
        `right`, `left` or `both`: the patient's, so right is on the left of the film. `both` where sides mean nothing.
    zone : str
        `upper`, `mid` or `lower`.
    severity : int
        0 mild, 1 moderate, 2 severe; size for lesions, number for fractures.
    strength : float
        How strongly it is drawn, in (0, 1].
    variant : float
        In [0, 1): picks between kinds of one observation (nodule or mass ...) in film and report alike.
    onset : int or None
        Index of the study in which it first appeared, whose place and texture it keeps; None for the study's own.
    """

    certain: bool
    side: str
    zone: str
    severity: int
    strength: float
    variant: float
    onset: int | None = None

    @property
    def signs(self) -> tuple[int, ...]:
        """-1 for the patient's right, +1 for the left: the sign of x on the film."""
        return {"right": (-1,), "left": (1,), "both": (-1, 1)}[self.side]


@dataclass(frozen=True)
class Device:
    """One tube, line or implant: its kind, its side (`right` or `left`) and the index of the study that first shows it.

    The index settles where exactly it lies; None is the study's own.
    """

    kind: str
    side: str
    onset: int | None = None


@dataclass(frozen=True)
class Case:
    """One study's truth; film and report are both made from it.

    Attributes
    ----------
    labels : int8 array (14,)
        CheXpert coding.
    findings : dict of str to Finding
        The present ones by observation name (without No Finding and Support Devices).
    devices : tuple of Device
        Empty unless Support Devices is positive or uncertain.
    view : str
        `PA` or `AP`.
    female : bool
        Draws breast shadows.
    build : float
        Habitus, about 0 +- 1: thin to stout.
    inspiration : float
        About 0 +- 1: how deep the breath is.
    exposure, noise : float
        Factor on attenuation; grain in grey values.
    patient : int or None
        Index of the study whose body this is, the patient's first; None for the study's own.
    """

    labels: NDArray[np.int8]
    findings: dict[str, Finding]
    devices: tuple[Device, ...]
    view: str
    female: bool
    build: float
    inspiration: float
    exposure: float
    noise: float
    patient: int | None = None


def draw_case(population: Population, seed: int, index: int) -> Case:
    """The whole truth of study `index`; the same for the same (population, seed, index), whenever it is asked for."""
    labels = draw_labels(population, seed, np.array([index], dtype=np.int64))[0]
    return case_with_labels(labels, population, seed, index)


def case_with_labels(labels: NDArray[np.int8], population: Population, seed: int, index: int) -> Case:
    """What (seed, index) make of given labels (14,): findings, devices and the film's conditions."""
    rng = generator(seed, population.stream * 8 + _CASE_STREAM, index)
    findings: dict[str, Finding] = {}
    for column, name in enumerate(OBSERVATIONS[1:-1], start=1):
        if labels[column] in (POSITIVE, UNCERTAIN):
            findings[name] = _draw_finding(rng, name, bool(labels[column] == POSITIVE), findings)
    devices: tuple[Device, ...] = ()
    if labels[-1] in (POSITIVE, UNCERTAIN):
        devices = _draw_devices(rng, bool(labels[-1] == POSITIVE), findings)
    ill = len(findings) + 2 * len(devices)
    bedside = population.bedside + (1 - population.bedside) * (1 - 0.85**ill)
    return Case(
        labels=labels,
        findings=findings,
        devices=devices,
        view="AP" if rng.random() < bedside else "PA",
        female=bool(rng.random() < 0.48),
        build=float(np.clip(rng.normal(), -1.8, 1.8)),
        inspiration=float(np.clip(rng.normal() - 0.15 * ill, -1.8, 1.8)),
        exposure=float(max(0.7, rng.normal(*population.exposure))),
        noise=float(population.noise * rng.uniform(0.6, 1.4)),
    )


def _draw_finding(rng: np.random.Generator, name: str, certain: bool, others: dict[str, Finding]) -> Finding:
    both = _BOTH_SIDES.get(name, 0.0)
    side = SIDES[int(rng.choice(3, p=((1 - both) * 0.53, (1 - both) * 0.47, both)))]
    zone = ZONES[int(rng.choice(3, p=_ZONES_BY_OBSERVATION.get(name, (0.0, 0.0, 1.0))))]
    severity = int(rng.choice(3, p=SEVERITIES))
    strength = float(rng.uniform(0.85, 1.0) * _STRENGTH[severity])
    if not certain:
        severity = 0
        strength = float(rng.uniform(0.25, 0.4))
    # Diseases sit where their cause sits: consolidation with pneumonia's other signs, atelectasis beside effusion.
    neighbour = {"Pneumonia": "Consolidation", "Pleural Effusion": "Atelectasis"}.get(name)
    if neighbour in others and rng.random() < 0.7:
        side = others[neighbour].side
        if name == "Pneumonia":
            zone = others[neighbour].zone
    if name == "Edema" or name in ("Cardiomegaly", "Enlarged Cardiomediastinum"):
        side = "both"
    return Finding(certain, side, zone, severity, strength, float(rng.random()))


def strength_of(certain: bool, severity: int, variant: float) -> float:
    """How strongly a finding that is followed over time is drawn: more where it is worse, else always alike."""
    own = (variant * 17.0) % 1.0
    return (0.85 + 0.15 * own) * _STRENGTH[severity] if certain else 0.25 + 0.15 * own


_DEVICE_KINDS = (
    "endotracheal tube",
    "nasogastric tube",
    "internal jugular line",
    "subclavian line",
    "picc line",
    "pacemaker",
    "sternal wires",
    "chest tube",
)
_DEVICE_WEIGHTS = (0.14, 0.15, 0.17, 0.08, 0.14, 0.16, 0.12, 0.04)


def _draw_devices(rng: np.random.Generator, certain: bool, findings: dict[str, Finding]) -> tuple[Device, ...]:
    side = "right" if rng.random() < 0.6 else "left"
    if not certain:
        # What a report suspects is a faint line, never an implant.
        return (Device("internal jugular line" if rng.random() < 0.5 else "picc line", side),)
    count = int(rng.choice((1, 2, 3), p=(0.55, 0.3, 0.15)))
    kinds = list(rng.choice(len(_DEVICE_KINDS), size=count, replace=False, p=_DEVICE_WEIGHTS))
    devices = [Device(_DEVICE_KINDS[int(kind)], "right" if rng.random() < 0.6 else "left") for kind in sorted(kinds)]
    collapsed = findings.get("Pneumothorax")
    if collapsed is not None and rng.random() < 0.35:
        devices = [device for device in devices if device.kind != "chest tube"]
        devices.append(Device("chest tube", collapsed.side if collapsed.side != "both" else "right"))
    return tuple(devices)
