"""One drawing function per observation for the lateral film; levels and sizes are the frontal film's."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from rrgbench.data.phantom.anatomy import Shape
from rrgbench.data.phantom.canvas import Array, Canvas
from rrgbench.data.phantom.case import Finding
from rrgbench.data.phantom.findings import ZONE_HEIGHT, fracture_count, lesion_spots, ragged_patches, texture

_DEPTH = {"upper": -0.06, "mid": -0.22, "lower": 0.25}


@dataclass(frozen=True)
class Lung:
    """One lung from the side.

    Attributes
    ----------
    sign : int
        -1 the patient's right, +1 the left.
    front, back : float32 array (size, 1)
        Where it ends.
    floor : float32 array (size, size)
        The diaphragm's y below each pixel column.
    lung : float32 array (size, size)
        Aerated lung, 0 to 1.
    """

    sign: int
    front: Array
    back: Array
    floor: Array
    lung: Array


Drawing = Callable[[Canvas, Shape, Sequence[Lung], Finding, np.random.Generator], None]


def _draw_lesion(
    canvas: Canvas, shape: Shape, lungs: Sequence[Lung], finding: Finding, rng: np.random.Generator
) -> None:
    for _ in lungs:
        for _, y, radius, tall, turn in lesion_spots(finding, rng):
            x = _DEPTH[finding.zone] + rng.uniform(-0.1, 0.1)
            window, squared = canvas.ellipse(x, y, radius, tall, turn, reach=1.3)
            canvas.attenuation[window] += np.float32(0.38 * finding.strength) * np.clip((1.1 - squared) * 2.5, 0, 1)


def _draw_opacity(
    canvas: Canvas, shape: Shape, lungs: Sequence[Lung], finding: Finding, rng: np.random.Generator
) -> None:
    for _ in lungs:
        rng.uniform()  # the place across the chest, which only the frontal film shows
        y = ZONE_HEIGHT[finding.zone] + rng.uniform(-0.06, 0.06)
        x = _DEPTH[finding.zone] + rng.uniform(-0.06, 0.06)
        radius = 0.17 + 0.045 * finding.severity
        window, squared = canvas.ellipse(x, y, radius, 1.1 * radius, 0.4, reach=1.8)
        veil = np.exp(-1.1 * squared) * np.minimum(canvas.lung[window], 1)
        canvas.attenuation[window] += np.float32(0.36 * finding.strength) * veil


def _draw_pneumonia(
    canvas: Canvas, shape: Shape, lungs: Sequence[Lung], finding: Finding, rng: np.random.Generator
) -> None:
    for _ in lungs:
        rng.uniform()  # as in an opacity
        y = ZONE_HEIGHT[finding.zone] + rng.uniform(-0.05, 0.05)
        x = _DEPTH[finding.zone] + rng.uniform(-0.05, 0.05)
        radius = 0.19 + 0.035 * finding.severity
        window, squared = canvas.ellipse(x, y, radius, 1.15 * radius, reach=1.35)
        patches = ragged_patches(squared, canvas.lung[window], finding, rng)
        canvas.attenuation[window] += np.float32(0.36 * finding.strength) * patches


def _fissure(x: Array) -> Array:
    """y of the oblique fissure, which falls from behind the hilum to the front of the diaphragm."""
    return np.asarray(np.float32(-0.36) + (np.float32(0.42) - x) * np.float32(1.1))


def _draw_consolidation(
    canvas: Canvas, shape: Shape, lungs: Sequence[Lung], finding: Finding, rng: np.random.Generator
) -> None:
    for lung in lungs:
        below = canvas.y - _fissure(canvas.x)
        minor = canvas.y + np.float32(0.06)
        if finding.zone == "lower":
            lobe = canvas.ramp(below - np.float32(0.16 * (2 - finding.severity)), 0.04)
        elif finding.zone == "mid":
            lobe = canvas.ramp(-below, 0.03) * canvas.ramp(minor - np.float32(0.06 * (2 - finding.severity)), 0.03)
        else:
            lobe = canvas.ramp(-below, 0.03) * canvas.ramp(np.float32(-0.08 * (2 - finding.severity)) - minor, 0.03)
        dense = (0.86 + 0.28 * texture(rng, lung.lung.shape, 30)) * lobe * np.minimum(lung.lung * 1.2, 1)
        canvas.attenuation += np.float32(0.34 * finding.strength) * dense


def _draw_edema(
    canvas: Canvas, shape: Shape, lungs: Sequence[Lung], finding: Finding, rng: np.random.Generator
) -> None:
    haze = np.exp(-np.square((canvas.x - 0.06) / 0.26) - np.square((canvas.y - 0.02) / 0.32))
    cotton = 0.5 + 1.0 * texture(rng, canvas.attenuation.shape, 30)
    canvas.attenuation += np.float32(0.30 * finding.strength) * haze * cotton * np.minimum(canvas.lung, 1)
    # Fluid in the fissures, Kerley lines behind the sternum and above the diaphragm.
    part = np.linspace(0, 1, 10)
    x = 0.40 - 0.60 * part
    for shift in (0.0, 0.045):
        canvas.stroke(x + shift, -0.36 + (0.42 - x) * 1.1 + 0.02 * np.sin(part * np.pi), 0.014, 0.19 * finding.strength)
    canvas.stroke(-0.40 + 0.42 * part, -0.06 + 0.02 * np.sin(part * np.pi), 0.012, 0.15 * finding.strength)
    lines = 8
    y = np.linspace(0.02, 0.42, lines)[:, None] + rng.normal(0, 0.012, (lines, 1))
    canvas.stroke(0.50 - np.linspace(0, 0.09, 4)[None, :] + 0 * y, y + 0 * part[:4], 0.012, 0.22 * finding.strength)
    turn = np.linspace(0, 2 * np.pi, 13)
    for x0, y0 in ((0.06, -0.10), (0.045, -0.01), (0.12, 0.04)):
        canvas.stroke(x0 + 0.044 * np.cos(turn), y0 + 0.044 * np.sin(turn), 0.018, 0.15 * finding.strength)


def _draw_atelectasis(
    canvas: Canvas, shape: Shape, lungs: Sequence[Lung], finding: Finding, rng: np.random.Generator
) -> None:
    part = np.linspace(0, 1, 8)
    for lung in lungs:
        dome = shape.dome[0 if lung.sign < 0 else 1]
        for number in range(2 + finding.severity):
            start = rng.uniform(-0.10, 0.04)
            reach = rng.uniform(0.30, 0.40)
            x = start + reach * part
            y = dome - 0.05 - 0.06 * number + 0.55 * np.square(x + 0.14) + rng.uniform(-0.012, 0.012)
            canvas.stroke(x, y, 0.022, 0.42 * finding.strength * np.sin(0.35 + 2.4 * part))


def _draw_pneumothorax(
    canvas: Canvas, shape: Shape, lungs: Sequence[Lung], finding: Finding, rng: np.random.Generator
) -> None:
    """Air in front and above, behind the sternum."""
    gap = (0.06, 0.10, 0.17)[finding.severity] if finding.certain else 0.04
    for lung in lungs:
        edge = lung.front + np.float32(gap) * np.clip(1.15 - 0.5 * (canvas.y + 0.6), 0, 1.2).astype(np.float32)
        air = canvas.ramp(edge - canvas.x, 0.015) * np.minimum(lung.lung * 1.3, 1)
        canvas.attenuation -= np.float32(0.14 * (finding.strength if finding.certain else 0.5)) * air
        y = np.linspace(-0.62, 0.25, 24)
        canvas.stroke(np.interp(y, canvas.y[:, 0], edge[:, 0]), y, 0.014, 0.32 * finding.strength)


def _draw_effusion(
    canvas: Canvas, shape: Shape, lungs: Sequence[Lung], finding: Finding, rng: np.random.Generator
) -> None:
    """Fluid that blunts the posterior costophrenic angle first and then climbs both walls."""
    for lung in lungs:
        dome = shape.dome[0 if lung.sign < 0 else 1]
        height = (0.20, 0.0, -0.28)[finding.severity] if finding.certain else 0.27
        away = canvas.x + np.float32(0.14)
        meniscus = np.square(np.clip(away / np.float32(0.62), -1, 1.1)) * np.where(
            away > 0, np.float32(0.42), np.float32(0.30)
        )
        fluid = canvas.ramp(canvas.y - (np.float32(dome + height + rng.uniform(-0.02, 0.02)) - meniscus), 0.06)
        fluid *= np.minimum(lung.lung * 1.5, 1)
        dense = np.float32(0.45 + 0.3 * finding.strength if finding.certain else 0.35)
        canvas.attenuation += fluid * dense * np.clip(np.float32(0.95) - canvas.attenuation, 0, None)


def _draw_pleural_other(
    canvas: Canvas, shape: Shape, lungs: Sequence[Lung], finding: Finding, rng: np.random.Generator
) -> None:
    for lung in lungs:
        centre = ZONE_HEIGHT[finding.zone]
        y = np.linspace(centre - 0.22, centre + 0.22, 14)
        wall = np.interp(y, canvas.y[:, 0], lung.back[:, 0])
        bulge = np.sin(np.linspace(0.2, np.pi - 0.2, 14))
        canvas.stroke(wall - 0.012 - 0.012 * bulge, y, 0.05 + 0.012 * finding.severity, 0.45 * finding.strength * bulge)
        part = np.linspace(0, 1, 7)
        for _ in range(3 + finding.severity):
            turn = rng.uniform(-0.9, 0.9)
            x = rng.uniform(-0.2, 0.35) + 0.11 * part * np.cos(turn) + rng.normal(0, 0.006, 7)
            plaque_y = centre + rng.uniform(-0.17, 0.17) + 0.11 * part * np.sin(turn) + rng.normal(0, 0.006, 7)
            canvas.stroke(x, plaque_y, rng.uniform(0.022, 0.038), 0.4 * finding.strength * rng.uniform(0.6, 1.0, 7))


def _draw_fracture(
    canvas: Canvas, shape: Shape, lungs: Sequence[Lung], finding: Finding, rng: np.random.Generator
) -> None:
    part = np.linspace(0.2, 1, 5)
    for lung in lungs:
        for number in range(fracture_count(finding)):
            x = 0.14 + rng.uniform(-0.05, 0.05) + 0.02 * lung.sign
            y = ZONE_HEIGHT[finding.zone] + 0.125 * number + rng.uniform(-0.02, 0.02)
            for direction in (-1, 1):
                stub = y - direction * (0.05 * part - 0.024 * part[::-1])
                canvas.stroke(x + 0.085 * direction * part, stub, 0.036, 0.30 * finding.strength * (1.1 - 0.7 * part))
            window, squared = canvas.ellipse(x, y, 0.07, 0.05, reach=1.3)
            canvas.attenuation[window] += np.float32(0.24 * finding.strength) * np.clip(1.25 - squared, 0, 1)


DRAWINGS: dict[str, Drawing] = {
    "Pleural Effusion": _draw_effusion,
    "Lung Opacity": _draw_opacity,
    "Edema": _draw_edema,
    "Consolidation": _draw_consolidation,
    "Pneumonia": _draw_pneumonia,
    "Atelectasis": _draw_atelectasis,
    "Pneumothorax": _draw_pneumothorax,
    "Lung Lesion": _draw_lesion,
    "Pleural Other": _draw_pleural_other,
    "Fracture": _draw_fracture,
}
"""By observation, in drawing order; a large heart and a wide mediastinum are measurements of the anatomy."""
