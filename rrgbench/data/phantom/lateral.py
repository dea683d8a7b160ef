"""The lateral film: the same body and findings seen from the left, the patient facing the film's left edge.

Coordinates are those of `canvas` with x from front (-1) to back (+1); heights are the frontal film's, so that a finding
lies at the same level in both views.
"""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rrgbench.data.phantom.anatomy import Shape, profile
from rrgbench.data.phantom.canvas import Array, Canvas
from rrgbench.data.phantom.case import Case
from rrgbench.data.phantom.exposure import Streams, draw_marker, draw_pose, expose
from rrgbench.data.phantom.lateral_devices import draw_device
from rrgbench.data.phantom.lateral_findings import DRAWINGS, Lung
from rrgbench.data.phantom.population import Population

# Where the lungs end in front (behind the sternum) and at the back (in the hollow beside the spine).
_FRONT = ((-0.80, -0.02), (-0.72, -0.12), (-0.6, -0.24), (-0.4, -0.37), (-0.2, -0.44), (0.1, -0.49), (0.6, -0.50))
_BACK = ((-0.80, 0.10), (-0.70, 0.26), (-0.55, 0.38), (-0.3, 0.48), (0.0, 0.53), (0.3, 0.53), (0.6, 0.49), (1.0, 0.44))
_SPINE = ((-1.6, 0.06), (-1.0, 0.10), (-0.7, 0.22), (-0.4, 0.33), (-0.1, 0.39), (0.2, 0.40), (0.6, 0.36), (1.2, 0.30))
_SKIN_FRONT = ((-1.6, -0.34), (-0.9, -0.46), (-0.7, -0.44), (-0.5, -0.42), (-0.2, -0.50), (0.1, -0.56), (1.2, -0.60))
_SKIN_BACK = ((-1.6, 0.42), (-0.9, 0.50), (-0.6, 0.58), (-0.3, 0.64), (0.1, 0.66), (0.5, 0.60), (1.2, 0.54))
_VERTEBRA = 0.115
_RIB = 0.125


def draw_lateral(case: Case, population: Population, seed: int, index: int, size: int) -> NDArray[np.uint8]:
    """Draw a case from the side as (size, size) grey values; (seed, index) settle what the case leaves open."""
    streams = Streams.of(case, population, seed, index, size)
    _, shape, _ = streams.body(case)
    rng = streams.lateral()
    pose = draw_pose(rng)
    # From the side a chest is narrower than the film: it stands closer.
    canvas = Canvas(size, replace(pose, zoom_x=1.22 * pose.zoom_x, zoom_y=1.04 * pose.zoom_y))
    _draw_body(canvas, shape)
    lungs = tuple(_draw_lung(canvas, shape, sign) for sign in (-1, 1))
    congestion = 1.0 + 0.5 * (case.findings["Edema"].strength if "Edema" in case.findings else 0.0)
    _draw_vessels(canvas, streams.vessels(), congestion)
    canvas.attenuation += canvas.strokes() * np.minimum(canvas.lung, 1)
    _draw_heart(canvas, shape)
    _draw_bones(canvas, shape)
    for name, draw in DRAWINGS.items():
        finding = case.findings.get(name)
        if finding is not None:
            draw(
                canvas,
                shape,
                [lung for lung in lungs if lung.sign in finding.signs],
                finding,
                streams.finding(name, finding),
            )
    for device in case.devices:
        draw_device(canvas, device, 1.0 if case.labels[-1] == 1 else 0.4, streams.device(device))
    draw_marker(canvas, rng, 0.70)
    canvas.attenuation += canvas.strokes()
    return expose(canvas.attenuation, case, rng, rng)


def _along(outline: tuple[tuple[float, float], ...], y: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """x of an outline at heights y of any shape."""
    ys, xs = zip(*outline, strict=True)
    return np.asarray(np.interp(y, np.array(ys), np.array(xs)))


def _step(values: Array, low: float, high: float) -> Array:
    part = np.clip((values - np.float32(low)) / np.float32(high - low), 0, 1)
    return np.asarray(part * part * (3 - 2 * part))


def _draw_body(canvas: Canvas, shape: Shape) -> None:
    """Trunk, raised arms, abdomen, breasts."""
    fat = np.float32(0.35 * (shape.fat - 0.30) + 0.02)
    front = profile(_SKIN_FRONT, canvas.y) - fat
    back = profile(_SKIN_BACK, canvas.y) + fat
    body = canvas.ramp(canvas.x - front, 0.06) * canvas.ramp(back - canvas.x, 0.06)
    # A chest is as round as it is wide; shoulders and raised arms whiten the apices.
    rows = np.float32(0.58 + 0.9 * shape.fat) + np.float32(0.34) * _step(canvas.y, 0.2, 0.8)
    rows = rows + np.float32(0.30) * _step(-canvas.y, 0.42, 0.85)
    edge = np.minimum(canvas.x - front, back - canvas.x)
    canvas.attenuation += body * rows * (np.float32(0.45) + np.float32(0.55) * _step(edge, 0.0, 0.35))
    for x, y, tall, turn in ((-0.30, -0.86, 0.34, 0.5), (0.10, -0.92, 0.32, 0.35)):
        window, squared = canvas.ellipse(x, y, 0.17, tall, turn, reach=1.3)
        canvas.attenuation[window] += np.float32(0.16) * np.clip(1.25 - squared, 0, 1)
    if shape.female:
        window, squared = canvas.ellipse(-0.50 - float(fat), 0.27, 0.20, 0.25, 0.2, reach=1.3)
        canvas.attenuation[window] += np.float32(0.24) * np.clip(1.2 - squared, 0, 1)


def _draw_lung(canvas: Canvas, shape: Shape, sign: int) -> Lung:
    dome = shape.dome[0 if sign < 0 else 1]
    x, y = canvas.x, canvas.y
    front, back = profile(_FRONT, y), profile(_BACK, y)
    # The left lung lies a little in front of the right one at the back, and its dome ends at the heart.
    back = back - np.float32(0.03 if sign > 0 else 0.0)
    away = x + np.float32(0.14)
    floor = np.float32(dome) + np.square(away) * np.where(away > 0, np.float32(0.98), np.float32(0.75))
    field = canvas.ramp(x - front, 0.04) * canvas.ramp(back - x, 0.04) * canvas.ramp(floor - y, 0.022)
    field *= np.clip((y + np.float32(0.78)) * 12, 0, 1)
    depth = np.minimum(x - front, back - x)
    lung = field * (np.float32(0.62) + np.float32(0.38) * _step(depth, 0.0, 0.3))
    canvas.lung += np.float32(0.5) * lung
    canvas.attenuation -= np.float32(0.33) * lung
    return Lung(sign, front, back, floor, lung)


def _draw_vessels(canvas: Canvas, rng: np.random.Generator, weight: float) -> None:
    """Both hila on top of each other, and vessels that leave them to all sides."""
    for hilum_x, hilum_y, wide, tall in ((0.02, -0.04, 0.085, 0.075), (0.07, 0.03, 0.06, 0.10)):
        window, squared = canvas.ellipse(hilum_x, hilum_y, wide, tall, 0.3, reach=1.3)
        canvas.attenuation[window] += np.float32(0.20 * weight) * np.clip(1.2 - squared, 0, 1)
    count = 26
    part = np.linspace(0, 1, 8)
    angle = np.linspace(-np.pi, np.pi, count, endpoint=False) + rng.normal(0, 0.12, count)
    length = rng.uniform(0.20, 0.42, count)
    bend = rng.normal(0, 0.5, count)
    heading = angle[:, None] + bend[:, None] * part
    start_x = 0.04 + 0.10 * np.cos(angle) + rng.normal(0, 0.03, count)
    start_y = 0.01 + 0.12 * np.sin(angle) + rng.normal(0, 0.03, count)
    strength = 0.075 * weight * rng.uniform(0.4, 1.2, (count, 1)) * (1 - 0.75 * part)
    x = start_x[:, None] + length[:, None] * part * np.cos(heading)
    y = start_y[:, None] + length[:, None] * part * np.sin(heading)
    canvas.stroke(x, y, 0.016, strength)
    fork = heading[:, 4:5] + rng.choice([-0.6, 0.6], (count, 1)) * rng.uniform(0.7, 1.2, (count, 1))
    branch = 0.5 * length[:, None] * part
    canvas.stroke(x[:, 4:5] + branch * np.cos(fork), y[:, 4:5] + branch * np.sin(fork), 0.010, 0.7 * strength)


def _draw_heart(canvas: Canvas, shape: Shape) -> None:
    """Heart behind the lower sternum, great vessels above it, trachea and main bronchi."""
    wide = shape.heart
    rows, columns = canvas.rows(-0.55, 0.85), canvas.columns(-0.62, 0.55)
    x, y = canvas.x[rows, columns], canvas.y[rows]
    field = np.zeros(x.shape, dtype=np.float32)
    for part_x, part_y, radius_x, radius_y, turn in (
        (-0.20 + 0.16 * (wide - 1), 0.26, 0.28 * wide, 0.21 + 0.12 * (wide - 1), 0.42),  # ventricles
        (-0.04 + 0.14 * (wide - 1), 0.12, 0.17 * wide, 0.18, 0.2),  # atria
        (-0.15, -0.02, 0.14, 0.21, 0.30),  # outflow tracts
    ):
        across, down = x - np.float32(part_x), y - np.float32(part_y)
        cosine, sine = np.float32(np.cos(turn)), np.float32(np.sin(turn))
        across, down = across * cosine + down * sine, down * cosine - across * sine
        field += np.exp(-1.6 * (np.square(across / np.float32(radius_x)) + np.square(down / np.float32(radius_y))))
    # Chambers run into each other: one outline around their sum.
    heart = np.clip((field - np.float32(0.22)) * 5, 0, 1) * (
        np.float32(0.72) + np.float32(0.2) * np.minimum(field, 1.4)
    )
    canvas.attenuation[rows, columns] += (
        np.float32(0.42) * heart * (0.3 + 0.7 * np.minimum(canvas.lung[rows, columns], 1))
    )
    # The arch of the aorta goes back from the heart over the bronchi and down in front of the spine.
    rows, columns = canvas.rows(-0.62, 0.0), canvas.columns(-0.35, 0.42)
    across = (canvas.x[rows, columns] - np.float32(0.03)) / np.float32(0.155)
    down = np.minimum(canvas.y[rows] + np.float32(0.24), 0) / np.float32(0.155)
    ring = np.float32(1) - np.abs(np.sqrt(np.square(across) + np.square(down)) - 1) / np.float32(0.42)
    fade = np.clip((np.float32(-0.02) - canvas.y[rows]) * 4, 0, 1)
    canvas.attenuation[rows, columns] += np.float32(0.17) * np.clip(ring * 1.4, 0, 1) * fade
    rows, columns = canvas.rows(-0.3, 0.6), canvas.columns(0.0, 0.45)
    path = np.interp(canvas.y[rows], (-0.3, 0.1, 0.6), (0.17, 0.27, 0.25)).astype(np.float32)
    aorta = np.clip(1 - np.square((canvas.x[rows, columns] - path) / np.float32(0.075)), 0, 1)
    canvas.attenuation[rows, columns] += (
        np.float32(0.08) * aorta * np.clip((canvas.y[rows] + np.float32(0.3)) * 5, 0, 1)
    )
    # A wide mediastinum fills the space behind the sternum and around the arch.
    swell = 0.34 * (shape.mediastinum - 1)
    if swell > 0:
        for place_x, place_y, wide_x, tall in ((-0.24, -0.30, 0.17, 0.24), (0.02, -0.36, 0.20, 0.16)):
            window, squared = canvas.ellipse(place_x, place_y, wide_x, tall, 0.3, reach=1.4)
            canvas.attenuation[window] += np.float32(swell) * np.clip(1.2 - squared, 0, 1)
    # Air in the windpipe, which slants back to where the bronchi are seen end on.
    rows, columns = canvas.rows(-1.2, -0.1), canvas.columns(-0.2, 0.3)
    y = canvas.y[rows]
    air = np.clip(1 - np.square((canvas.x[rows, columns] - (np.float32(0.085) + 0.095 * y)) / np.float32(0.05)), 0, 1)
    canvas.attenuation[rows, columns] -= np.float32(0.22) * air * np.clip((np.float32(-0.12) - y) * 6, 0, 1)
    for place_x, place_y, radius in ((0.06, -0.10, 0.042), (0.045, -0.01, 0.036)):
        window, squared = canvas.ellipse(place_x, place_y, radius, radius, reach=1.3)
        canvas.attenuation[window] -= np.float32(0.13) * np.clip(1.3 - squared, 0, 1)


def _draw_bones(canvas: Canvas, shape: Shape) -> None:
    """Spine, ribs of both sides, sternum, shoulder blades."""
    spine = profile(_SPINE, canvas.y)
    rows, columns = canvas.rows(-1.1, 1.1), canvas.columns(-0.1, 0.6)
    x, y = canvas.x[rows, columns], canvas.y[rows]
    across = x - spine[rows]
    # Endplates lie square to the column; discs are gaps between the bodies.
    along = (y + np.float32(0.25) * across) * np.float32(1 / _VERTEBRA) + np.float32(shape.rib_phase)
    place = np.abs(along - np.round(along)) * 2
    bodies = np.clip((np.float32(0.84) - place) * 7, 0, 1) * (np.float32(0.62) + np.float32(0.38) * np.square(place))
    margin = canvas.ramp(np.float32(0.078) - np.abs(across), 0.02)
    cortex = np.float32(1) + np.float32(0.25) * np.square(across / np.float32(0.075))
    canvas.attenuation[rows, columns] += np.float32(0.19) * bodies * cortex * margin + np.float32(0.06) * margin
    # Arches and spinous processes behind the bodies.
    behind = canvas.ramp(across - np.float32(0.07), 0.03) * canvas.ramp(np.float32(0.17) - across, 0.08)
    canvas.attenuation[rows, columns] += np.float32(0.10) * behind * np.clip((np.float32(0.6) - place) * 4, 0, 1)
    # Ribs fall from the spine forwards; those of the far side lie higher and look fainter.
    levels = np.arange(10.0)[:, None]
    part = np.linspace(0, 1, 12)
    for shift, weight in ((0.0, 0.085), (-0.045, 0.06)):
        top = -0.78 + _RIB * (levels + shape.rib_phase) + shift
        back = _along(_BACK, top) + 0.03
        front = _along(_FRONT, top + 0.42) + 0.10
        rib_x = back + (front - back) * np.sin(part * np.pi / 2) ** 1.4
        rib_y = top + (0.30 + 0.12 * shape.rib_slope) * part**1.3 - 0.05 * np.sin(part * np.pi)
        canvas.stroke(rib_x, rib_y, 0.036, weight * (1 - 0.45 * part))
    breast_y = np.linspace(-0.56, 0.16, 12)
    breast_x = _along(_FRONT, breast_y) - 0.035
    canvas.stroke(breast_x[:4], breast_y[:4], 0.045, 0.16)
    canvas.stroke(breast_x[4:] - 0.004, breast_y[4:], 0.04, 0.14)
    for x0, lean in ((0.40, 0.10), (0.30, 0.05)):
        canvas.stroke(x0 + lean * part, -0.78 + 0.52 * part, 0.03, 0.08)
    # Air in the stomach, under the left dome.
    window, squared = canvas.ellipse(
        -0.12, shape.dome[1] + 0.12, 0.06 + 0.12 * shape.gas, 0.03 + 0.05 * shape.gas, reach=1.3
    )
    canvas.attenuation[window] -= np.float32(0.34 * shape.gas) * np.clip(1.4 - squared, 0, 1)
