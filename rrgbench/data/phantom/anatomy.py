"""The normal chest: body, lungs, heart, mediastinum, bones, vessels."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator

from rrgbench.data.phantom.canvas import Array, Canvas

_SPINE_TOP, _APEX, _BOTTOM = -1.6, -0.74, 1.6
_FINE = np.linspace(_SPINE_TOP, _BOTTOM, 641)
_RIB_PITCH = 0.132


@lru_cache
def _outline(points: tuple[tuple[float, float], ...]) -> NDArray[np.float64]:
    ys, values = zip(*points, strict=True)
    return np.asarray(PchipInterpolator(ys, values)(np.clip(_FINE, ys[0], ys[-1])))


_BODY = (
    (-1.6, 0.24),
    (-1.0, 0.25),
    (-0.88, 0.30),
    (-0.80, 0.52),
    (-0.70, 0.86),
    (-0.55, 1.02),
    (-0.3, 1.0),
    (-0.05, 0.88),
    (0.3, 0.84),
    (1.0, 0.86),
    (1.6, 0.9),
)
_CHEST_WALL = (
    (-0.74, 0.24),
    (-0.70, 0.36),
    (-0.62, 0.44),
    (-0.5, 0.51),
    (-0.3, 0.59),
    (0.0, 0.66),
    (0.3, 0.70),
    (0.6, 0.71),
    (1.6, 0.70),
)
_INNER_EDGE = ((-0.74, 0.22), (-0.70, 0.12), (-0.6, 0.085), (-0.3, 0.10), (0.0, 0.10), (0.6, 0.09), (1.6, 0.09))
_MEDIASTINUM = ((-1.6, 0.10), (-0.8, 0.10), (-0.55, 0.115), (-0.3, 0.12), (0.0, 0.13), (0.3, 0.11), (1.6, 0.10))


def profile(points: tuple[tuple[float, float], ...], y: Array) -> Array:
    """A smooth outline through (y, value) points, at the rows `y` (n, 1)."""
    return np.interp(y, _FINE, _outline(points)).astype(np.float32)


@dataclass(frozen=True)
class Shape:
    """The measurements of one chest, after its findings have had their say.

    Attributes
    ----------
    chest : float
        Factor on the width of the rib cage.
    heart : float
        Factor on the heart's width; 1 is a cardiothoracic ratio of about 0.45.
    mediastinum : float
        Factor on the width of the upper mediastinum.
    shift : float
        How far heart and mediastinum are pushed, in patient units; positive to the patient's left.
    dome : tuple of float
        Height y of the right and left diaphragm.
    fat : float
        Thickness of soft tissue, about 0.3.
    gas : float
        Air in the stomach, 0 to 1.
    female : bool
        Draws breast shadows.
    rib_phase, rib_slope : float
        Where the first rib starts, in rib pitches, and how steeply ribs fall.
    """

    chest: float
    heart: float
    mediastinum: float
    shift: float
    dome: tuple[float, float]
    fat: float
    gas: float
    female: bool
    rib_phase: float
    rib_slope: float


@dataclass(frozen=True)
class Side:
    """One half of the chest: the part of the film it covers and coordinates in it.

    Attributes
    ----------
    sign : int
        -1 the patient's right, +1 the left.
    window : slice
        Pixel columns.
    lateral : float32 array (size, w)
        Distance from the midline, positive outwards.
    wall : float32 array (size, 1)
        Where the lung ends laterally.
    floor : float32 array (size, w)
        The diaphragm's y above each pixel column.
    lung : float32 array (size, w)
        Aerated lung, 0 to 1.
    """

    sign: int
    window: slice
    lateral: Array
    wall: Array
    floor: Array
    lung: Array


def draw_body(canvas: Canvas, shape: Shape) -> None:
    """Soft tissue: neck, shoulders, trunk, abdomen, spine."""
    half = profile(_BODY, canvas.y) * np.float32(0.93 + 0.07 * shape.chest + 1.1 * (shape.fat - 0.32))
    # Even the thinnest chest has a wall around its lungs.
    half = np.maximum(half, profile(_CHEST_WALL, canvas.y) * np.float32(shape.chest) + np.float32(0.10))
    inside = half - np.abs(canvas.x)
    body = canvas.ramp(inside - np.float32(0.05), 0.14)
    rows = (
        np.float32(0.42 + shape.fat)
        + np.float32(0.42) * _step(canvas.y, 0.15, 0.75)
        - np.float32(0.12) * _step(-canvas.y, 0.5, 0.9)
    )
    body *= rows
    # The spine, brighter at each vertebral body than at the discs.
    width = canvas.columns(-0.2, 0.2)
    discs = 1 + np.float32(0.20) * np.sin(canvas.y * np.float32(2 * np.pi / 0.12))
    body[:, width] += np.float32(0.17) * discs * canvas.ramp(np.float32(0.085) - np.abs(canvas.x[:, width]), 0.05)
    canvas.attenuation += body
    # Air in the stomach, under the left diaphragm.
    window, squared = canvas.ellipse(0.36, shape.dome[1] + 0.13, 0.05 + 0.11 * shape.gas, 0.03 + 0.05 * shape.gas, 0.15)
    canvas.attenuation[window] -= np.float32(0.42 * shape.gas) * np.clip(1.4 - squared, 0, 1)
    for sign in (-1, 1):
        window, squared = canvas.ellipse(sign * 0.80, -0.62, 0.17, 0.14, reach=1.2)
        canvas.attenuation[window] += np.float32(0.20) * np.clip(1.3 - squared, 0, 1)
        if shape.female:
            window, squared = canvas.ellipse(sign * 0.42, 0.22, 0.33, 0.27, reach=1.15)
            canvas.attenuation[window] += np.float32(0.13) * np.clip((1.1 - squared) * 2.2, 0, 1)


def _step(y: Array, low: float, high: float) -> Array:
    part = np.clip((y - np.float32(low)) / np.float32(high - low), 0, 1)
    return np.asarray(part * part * (3 - 2 * part))


def draw_lungs(canvas: Canvas, shape: Shape) -> tuple[Side, Side]:
    """Take the two lungs out of the body; returns right and left half."""
    right, left = (_draw_lung(canvas, shape, sign) for sign in (-1, 1))
    return right, left


def _draw_lung(canvas: Canvas, shape: Shape, sign: int) -> Side:
    window = canvas.columns(0.0, 1.0) if sign > 0 else canvas.columns(-1.0, 0.0)
    lateral = canvas.x[:, window] * np.float32(sign)
    wall = profile(_CHEST_WALL, canvas.y) * np.float32(shape.chest)
    inner = profile(_INNER_EDGE, canvas.y) * np.float32(shape.chest)
    dome = shape.dome[0 if sign < 0 else 1]
    # A dome that falls steeply to the costophrenic angle and hardly towards the heart, which rests on it.
    away = lateral - np.float32(0.34 * shape.chest)
    floor = np.float32(dome) + np.square(away) * np.where(
        away > 0, np.float32(2.0), np.float32(0.45 if sign < 0 else 0.15)
    )
    lung = canvas.ramp(lateral - inner, 0.04) * canvas.ramp(wall - lateral, 0.03)
    # Less lung lies behind a pixel near the chest wall.
    lung *= np.float32(0.72) + np.float32(0.28) * canvas.ramp(wall - lateral - np.float32(0.08), 0.2)
    lung *= canvas.ramp(floor - canvas.y, 0.025)
    lung *= canvas.y > _APEX
    canvas.lung[:, window] += lung
    canvas.attenuation[:, window] -= np.float32(0.52) * lung
    return Side(sign, window, lateral, wall, floor, lung)


def draw_heart(canvas: Canvas, shape: Shape) -> None:
    """Heart and great vessels, over the lungs."""
    wide = shape.heart
    x, y = shape.shift, 0.20
    rows = canvas.rows(-0.35, 0.75)
    columns = canvas.columns(x - 0.45 * wide, x + 0.62 * wide)
    heart = np.zeros(canvas.x[rows, columns].shape, dtype=np.float32)
    for part_x, part_y, radius_x, radius_y, turn in (
        (0.135 * wide, y + 0.06, 0.335 * wide, 0.215 + 0.05 * (wide - 1), 0.50),  # left ventricle, apex down and out
        (-0.02 * wide, y + 0.05, 0.185 * wide, 0.24, -0.1),  # right atrium
        (0.035 * wide, y - 0.13, 0.16 * (0.6 + 0.4 * wide), 0.20, -0.35),  # roots of the great vessels
    ):
        across = canvas.x[rows, columns] - np.float32(x + part_x)
        down = canvas.y[rows] - np.float32(part_y)
        if turn:
            cosine, sine = np.float32(np.cos(turn)), np.float32(np.sin(turn))
            across, down = across * cosine + down * sine, down * cosine - across * sine
        squared = np.square(across / np.float32(radius_x)) + np.square(down / np.float32(radius_y))
        np.maximum(
            heart,
            np.clip((1.06 - squared) * np.float32(radius_x / 0.07), 0, 1) * (1 - 0.25 * np.minimum(squared, 1)),
            out=heart,
        )
    canvas.attenuation[rows, columns] += (
        np.float32(0.52) * heart * (0.35 + 0.65 * np.minimum(canvas.lung[rows, columns], 1))
    )
    draw_mediastinum(canvas, shape)


def draw_mediastinum(canvas: Canvas, shape: Shape) -> None:
    """Superior mediastinum with the aortic knob, trachea and main bronchi."""
    rows = canvas.rows(-1.05, 0.3)
    y = canvas.y[rows]
    columns = canvas.columns(-0.45, 0.5)
    x = canvas.x[rows, columns] - np.float32(shape.shift * 0.7)
    half = profile(_MEDIASTINUM, y)
    # Enlargement tells between the thoracic inlet and the hila; the neck stays as it is.
    swell = np.float32(shape.mediastinum - 1) * np.exp(-np.square((y + 0.30) / 0.26)).astype(np.float32)
    knob = np.float32(0.075) * np.exp(-np.square((y + 0.34) / 0.075)).astype(np.float32)
    left_edge = half * (1 + swell) + knob
    right_edge = half * (1 + 0.9 * swell)
    band = canvas.ramp(left_edge - x, 0.035) * canvas.ramp(right_edge + x, 0.035)
    band *= np.clip((y + 1.05) * 6, 0, 1) * np.clip((0.3 - y) * 4, 0, 1)
    canvas.attenuation[rows, columns] += np.float32(0.42) * band
    # The air column ends in the carina.
    rows = canvas.rows(-1.1, -0.2)
    columns = canvas.columns(-0.15, 0.15)
    trachea = canvas.ramp(np.float32(0.042) - np.abs(canvas.x[rows, columns] - np.float32(shape.shift * 0.6)), 0.03)
    canvas.attenuation[rows, columns] -= np.float32(0.24) * trachea * np.clip((-0.22 - canvas.y[rows]) * 10, 0, 1)
    part = np.linspace(0, 1, 5)
    for sign in (-1, 1):
        canvas.stroke(shape.shift * 0.6 + sign * 0.19 * part, -0.24 + 0.15 * part**1.2, 0.035, -0.14)


@lru_cache
def _rib_tables() -> tuple[Array, Array]:
    # Across a rib: bright cortex at both margins (the lower one sharper), softer marrow between, nothing between ribs.
    place = np.arange(128) / 128
    bone = 1 / (1 + np.exp((np.abs(place - 0.5) - 0.21) / 0.025))
    cortex = np.exp(-np.square((np.abs(place - 0.5) - 0.19) / 0.045))
    table = (0.62 * bone + 0.38 * cortex).astype(np.float32)
    return table, np.asarray(bone.astype(np.float32))


def rib_height(shape: Shape, rib: float, lateral: NDArray[np.float64] | float) -> NDArray[np.float64]:
    """y of a posterior rib's axis at a distance from the midline; `rib` counts from the top."""
    away = np.asarray(lateral) - 0.18
    return np.asarray((rib + 0.5 + shape.rib_phase) * _RIB_PITCH - 0.80 + shape.rib_slope * (away * np.abs(away)) * 1.2)


def draw_ribs(canvas: Canvas, shape: Shape, side: Side) -> None:
    """Posterior ribs, falling outwards; anterior ribs, falling inwards; clavicle and scapula."""
    rows = canvas.rows(-0.82, 0.72)
    lateral, y = side.lateral[rows], canvas.y[rows]
    table, soft = _rib_tables()
    away = lateral - np.float32(0.18)
    place = (y + np.float32(0.80) - np.float32(1.2 * shape.rib_slope) * (away * np.abs(away))) * np.float32(
        128 / _RIB_PITCH
    ) - np.float32(128 * shape.rib_phase)
    ribs = table[place.astype(np.int32) & 127] * np.float32(0.105)
    front = (y + np.float32(0.9) * lateral) * np.float32(128 / 0.19) + np.float32(300 * shape.rib_phase)
    ribs += soft[front.astype(np.int32) & 127] * (np.float32(0.036) * np.clip((lateral - 0.22) * 5, 0, 1))
    cage = canvas.ramp(side.wall[rows] + np.float32(0.035) - lateral, 0.03) * canvas.ramp(
        lateral - np.float32(0.05), 0.06
    )
    cage *= np.clip((y + 0.80) * 9, 0, 1) * np.clip((0.72 - y) * 3, 0.0, 1)
    canvas.attenuation[rows, side.window] += ribs * cage
    part = np.linspace(0, 1, 14)
    lift = -0.07 * part + 0.035 * np.sin(part * 2 * np.pi)
    canvas.stroke(side.sign * (0.07 + 0.68 * part), -0.585 + lift + 0.03 * shape.rib_slope, 0.05, 0.13)
    # The scapula's medial border.
    canvas.stroke(side.sign * (shape.chest * (0.66 + 0.10 * part)), -0.55 + 0.5 * part, 0.03, 0.06)


def draw_vessels(canvas: Canvas, shape: Shape, rng: np.random.Generator, weight: float) -> None:
    """Hila and the vascular tree, thinning towards the periphery."""
    trunks = 12
    part = np.linspace(0, 1, 9)
    for sign in (-1, 1):
        start_x, start_y = 0.125, -0.03 - 0.03 * (sign > 0)
        window, squared = canvas.ellipse(
            sign * start_x + shape.shift * 0.5, start_y + 0.02, 0.085, 0.15, 0.25 * sign, reach=1.3
        )
        canvas.attenuation[window] += np.float32(0.24 * weight) * np.clip(1.1 - squared, 0, 1)
        angle = np.linspace(-1.4, 1.35, trunks) + rng.normal(0, 0.10, trunks)
        # Upper branches leave the hilum above, lower ones below: one common origin would look like a star.
        origin_x = start_x + rng.uniform(0.0, 0.05, trunks)
        origin_y = start_y + 0.02 + 0.085 * np.sin(angle) + rng.normal(0, 0.012, trunks)
        length = rng.uniform(0.22, 0.44, trunks) * (1 + 0.25 * np.abs(np.sin(angle)))
        bend = rng.normal(0, 0.45, trunks)
        strength = 0.115 * weight * rng.uniform(0.6, 1.2, (trunks, 1))
        _branches(
            canvas, sign, (origin_x, origin_y), angle[:, None] + bend[:, None] * part, length, part, 0.019, strength
        )
        for fraction, turn in ((0.35, 0.5), (0.6, -0.45), (0.75, 0.7)):
            heading = angle + bend * fraction
            where = fraction * length
            fork = heading + turn * rng.uniform(0.6, 1.2, trunks)
            branch_x = origin_x + where * np.cos(heading)
            branch_y = origin_y + where * np.sin(heading)
            _branches(
                canvas,
                sign,
                (branch_x, branch_y),
                fork[:, None] + (-bend)[:, None] * part,
                (0.75 - 0.4 * fraction) * length,
                part,
                0.011,
                0.75 * strength,
            )


def _branches(
    canvas: Canvas,
    sign: int,
    origin: tuple[NDArray[np.float64], NDArray[np.float64]],
    heading: NDArray[np.float64],
    length: NDArray[np.float64],
    part: NDArray[np.float64],
    width: float,
    weight: NDArray[np.float64],
) -> None:
    reach = length[:, None] * part
    x, y = origin
    canvas.stroke(
        sign * (x[:, None] + reach * np.cos(heading)),
        y[:, None] + reach * np.sin(heading),
        width,
        weight * (1 - 0.75 * part),
    )
