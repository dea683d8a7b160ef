"""One drawing function per observation; each adds to (or takes from) the attenuation where the finding lies."""

from collections.abc import Callable

import numpy as np

from rrgbench.data.phantom.anatomy import Shape, Side, rib_height
from rrgbench.data.phantom.canvas import Array, Canvas
from rrgbench.data.phantom.case import Finding

ZONE_HEIGHT = {"upper": -0.44, "mid": -0.10, "lower": 0.20}
_ZONE_LATERAL = {"upper": 0.33, "mid": 0.40, "lower": 0.42}

Halves = tuple[Side, Side]
Drawing = Callable[[Canvas, Shape, Halves, Finding, np.random.Generator], None]


def _chosen(halves: Halves, finding: Finding) -> list[Side]:
    return [half for half in halves if half.sign in finding.signs]


def texture(rng: np.random.Generator, shape: tuple[int, int], cells: int) -> Array:
    """Blotches in 0..1: a coarse random grid, smoothly enlarged to a window of the film."""
    grid = rng.random((cells, cells)).astype(np.float32)
    rows = np.linspace(0, cells - 1.001, shape[0], dtype=np.float32)
    columns = np.linspace(0, cells - 1.001, shape[1], dtype=np.float32)
    top, left = rows.astype(np.int32), columns.astype(np.int32)
    low, right = (rows - top)[:, None], (columns - left)[None, :]
    upper = grid[top] * (1 - low) + grid[top + 1] * low
    return np.asarray(upper[:, left] * (1 - right) + upper[:, left + 1] * right)


def draw_lesion(canvas: Canvas, shape: Shape, halves: Halves, finding: Finding, rng: np.random.Generator) -> None:
    """A round, sharply outlined nodule or mass; several nodules where the variant says so."""
    for half in _chosen(halves, finding):
        for x, y, radius, tall, turn in lesion_spots(finding, rng):
            window, squared = canvas.ellipse(half.sign * x, y, radius, tall, turn, reach=1.3)
            canvas.attenuation[window] += np.float32(0.50 * finding.strength) * np.clip((1.1 - squared) * 2.5, 0, 1)


def lesion_spots(finding: Finding, rng: np.random.Generator) -> list[tuple[float, float, float, float, float]]:
    """Distance from the midline, height, radii and turn of each nodule of one lung."""
    count = 4 if lesion_kind(finding) == "nodules" else 1
    spots = []
    for number in range(count):
        radius = (0.068, 0.085, 0.145)[finding.severity] * (0.8 if count > 1 else 1.0) * rng.uniform(0.92, 1.08)
        x = _ZONE_LATERAL[finding.zone] + rng.uniform(-0.1, 0.1) * (1 + 0.6 * (number > 0))
        y = ZONE_HEIGHT[finding.zone] + rng.uniform(-0.08, 0.08) * (1 + 1.2 * (number > 0))
        spots.append((x, y, radius, radius * rng.uniform(0.85, 1.0), rng.uniform(0, 3)))
    return spots


def lesion_kind(finding: Finding) -> str:
    """`nodule`, `mass` (severe) or `nodules`."""
    if finding.severity == 2:
        return "mass"
    return "nodules" if finding.certain and finding.variant < 0.25 else "nodule"


def draw_opacity(canvas: Canvas, shape: Shape, halves: Halves, finding: Finding, rng: np.random.Generator) -> None:
    """A hazy, ill-defined veil through which vessels stay visible."""
    for half in _chosen(halves, finding):
        x = half.sign * (_ZONE_LATERAL[finding.zone] + rng.uniform(-0.06, 0.06))
        y = ZONE_HEIGHT[finding.zone] + rng.uniform(-0.06, 0.06)
        radius = 0.20 + 0.05 * finding.severity
        window, squared = canvas.ellipse(
            x, y, radius, radius * rng.uniform(0.8, 1.0), rng.uniform(-0.5, 0.5), reach=1.8
        )
        veil = np.exp(-1.1 * squared) * np.minimum(canvas.lung[window], 1)
        canvas.attenuation[window] += np.float32(0.40 * finding.strength) * veil


def draw_edema(canvas: Canvas, shape: Shape, halves: Halves, finding: Finding, rng: np.random.Generator) -> None:
    """Haze around both hila, cuffed bronchi, and Kerley B lines at the lateral bases."""
    for half in halves:
        haze = np.exp(-np.square((half.lateral - 0.24) / 0.21) - np.square((canvas.y - 0.02) / 0.34))
        cotton = 0.55 + 0.9 * texture(rng, half.lateral.shape, 22)
        canvas.attenuation[:, half.window] += np.float32(0.36 * finding.strength) * haze * cotton * half.lung
        lines = 7
        y = np.linspace(0.08, 0.36, lines)[:, None] + rng.normal(0, 0.012, (lines, 1))
        x = half.sign * (0.66 * shape.chest - np.linspace(0, 1, 4)[None, :] * rng.uniform(0.04, 0.11, (lines, 1)))
        slope = rng.normal(0, 0.012, (lines, 1)) * np.linspace(0, 1, 4)
        canvas.stroke(x, y + slope, 0.012, 0.26 * finding.strength * rng.uniform(0.6, 1.2, (lines, 1)))
        turn = np.linspace(0, 2 * np.pi, 13)
        for _ in range(2):
            x0, y0 = half.sign * rng.uniform(0.18, 0.27), rng.uniform(-0.14, 0.06)
            canvas.stroke(x0 + 0.026 * np.cos(turn), y0 + 0.026 * np.sin(turn), 0.014, 0.3 * finding.strength)


def draw_consolidation(
    canvas: Canvas, shape: Shape, halves: Halves, finding: Finding, rng: np.random.Generator
) -> None:
    """A dense lobe with a straight fissure as its border and air in its bronchi."""
    for half in _chosen(halves, finding):
        tilt = 0.25 * rng.uniform(0.6, 1.2)
        slanted = canvas.y - np.float32(tilt) * (half.lateral - 0.4)
        if finding.zone == "upper":
            lobe = canvas.ramp(np.float32(-0.24 - 0.05 * (2 - finding.severity)) - slanted, 0.03)
        elif finding.zone == "mid":
            lobe = canvas.ramp(np.float32(0.12) - slanted, 0.03) * canvas.ramp(
                slanted + np.float32(0.20 + 0.03 * finding.severity), 0.03
            )
        else:
            lobe = canvas.ramp(slanted - np.float32(0.10 - 0.06 * finding.severity), 0.03)
        dense = (0.88 + 0.24 * texture(rng, half.lateral.shape, 30)) * lobe * np.minimum(half.lung * 1.3, 1)
        canvas.attenuation[:, half.window] += np.float32(0.52 * finding.strength) * dense
        centre = {"upper": -0.40, "mid": -0.04, "lower": 0.22}[finding.zone]
        part = np.linspace(0, 1, 6)
        for angle in (-0.5, -0.1, 0.3, 0.65):
            reach = rng.uniform(0.2, 0.3)
            x = half.sign * (0.22 + reach * part * np.cos(angle))
            canvas.stroke(
                x, centre - 0.03 + reach * part * np.sin(angle), 0.02, -0.26 * finding.strength * (1 - 0.4 * part)
            )


def draw_pneumonia(canvas: Canvas, shape: Shape, halves: Halves, finding: Finding, rng: np.random.Generator) -> None:
    """Many small ill-defined patches in one region, coalescing where it is severe."""
    for half in _chosen(halves, finding):
        x = half.sign * (_ZONE_LATERAL[finding.zone] + rng.uniform(-0.04, 0.04))
        y = ZONE_HEIGHT[finding.zone] + rng.uniform(-0.05, 0.05)
        radius = 0.21 + 0.04 * finding.severity
        window, squared = canvas.ellipse(x, y, radius, 1.1 * radius, reach=1.35)
        patches = ragged_patches(squared, canvas.lung[window], finding, rng)
        canvas.attenuation[window] += np.float32(0.42 * finding.strength) * patches


def ragged_patches(squared: Array, lung: Array, finding: Finding, rng: np.random.Generator) -> Array:
    """Ill-defined patches, 0 to 1, in the aerated lung of a window whose outline is `squared` = 1.6."""
    # Few cells to the window make the patches; a finer grid frays their edges.
    coarse = texture(rng, squared.shape, 9) + np.float32(0.25) * texture(rng, squared.shape, 26)
    patches = np.clip((coarse - np.float32(0.66 - 0.04 * finding.severity)) * np.float32(5), 0, 1)
    patches *= np.clip(1.6 - squared, 0, 1) * np.minimum(lung * 1.2, 1)
    return np.asarray(patches)


def draw_atelectasis(canvas: Canvas, shape: Shape, halves: Halves, finding: Finding, rng: np.random.Generator) -> None:
    """Plates of airless lung above a raised diaphragm (which `film` lifts)."""
    for half in _chosen(halves, finding):
        dome = shape.dome[0 if half.sign < 0 else 1]
        part = np.linspace(0, 1, 8)
        for number in range(2 + finding.severity):
            start = rng.uniform(0.16, 0.24)
            reach = rng.uniform(0.28, 0.40)
            y = dome - 0.05 - 0.062 * number + rng.uniform(-0.012, 0.012)
            slope = rng.uniform(-0.10, 0.10)
            canvas.stroke(
                half.sign * (start + reach * part),
                y + slope * part,
                0.022,
                0.52 * finding.strength * np.sin(0.35 + 2.4 * part),
            )


def draw_pneumothorax(canvas: Canvas, shape: Shape, halves: Halves, finding: Finding, rng: np.random.Generator) -> None:
    """A black rim without vessels and, inside it, the thin white line of the pleura."""
    for half in _chosen(halves, finding):
        gap = rim_width(finding, canvas.y)
        edge = half.wall - gap - np.float32(0.01)
        air = canvas.ramp(half.lateral - edge, 0.015) * np.minimum(half.lung * 1.3, 1)
        retracted = np.clip(1 - canvas.ramp(half.lateral - edge, 0.015), 0, 1) * half.lung
        amount = np.float32(finding.strength if finding.certain else 0.5)
        canvas.attenuation[:, half.window] += amount * (np.float32(0.07) * retracted - np.float32(0.22) * air)
        y = np.linspace(-0.70, 0.45, 30)
        line = np.interp(y, canvas.y[:, 0], edge[:, 0])
        canvas.stroke(half.sign * line, y, 0.014, 0.38 * finding.strength)


def rim_width(finding: Finding, y: Array) -> Array:
    """Width of the air rim at heights y: most at the apex, where air collects in a standing patient."""
    apex = (0.10, 0.16, 0.27)[finding.severity] if finding.certain else 0.07
    fall = (0.55, 0.35, 0.12)[finding.severity]
    return np.asarray(np.float32(apex) * np.clip(1 - np.float32(fall) * (y + 0.62) / 0.5, 0.0, 1.15).astype(np.float32))


def draw_effusion(canvas: Canvas, shape: Shape, halves: Halves, finding: Finding, rng: np.random.Generator) -> None:
    """Fluid that fills the costophrenic angle and climbs the chest wall as a meniscus."""
    for half in _chosen(halves, finding):
        dome = shape.dome[0 if half.sign < 0 else 1]
        height = (0.03, -0.14, -0.40)[finding.severity] if finding.certain else 0.09
        away = np.clip((half.lateral - 0.25 * shape.chest) / np.float32(0.45 * shape.chest), 0, 1.1)
        surface = np.float32(dome + height + rng.uniform(-0.02, 0.02)) - np.float32(0.20) * np.square(away)
        fluid = canvas.ramp(canvas.y - surface, 0.05) * np.minimum(half.lung * 1.5, 1)
        dense = np.float32(0.5 + 0.5 * finding.strength if finding.certain else 0.45)
        window = canvas.attenuation[:, half.window]
        window += fluid * dense * np.clip(np.float32(1.0) - window, 0, None)


def draw_pleural_other(
    canvas: Canvas, shape: Shape, halves: Halves, finding: Finding, rng: np.random.Generator
) -> None:
    """A thick white rind along the chest wall, and calcified plaques."""
    for half in _chosen(halves, finding):
        centre = ZONE_HEIGHT[finding.zone]
        y = np.linspace(centre - 0.26, centre + 0.26, 14)
        wall = np.interp(y, canvas.y[:, 0], half.wall[:, 0])
        thick = 0.055 + 0.012 * finding.severity
        bulge = np.sin(np.linspace(0.2, np.pi - 0.2, 14))
        canvas.stroke(half.sign * (wall - 0.012 - 0.012 * bulge), y, thick, 0.6 * finding.strength * bulge)
        for _ in range(3 + finding.severity):
            # Calcified plaques: short thick leaves with ragged ends, along the wall.
            x0 = half.sign * rng.uniform(0.40, 0.58)
            y0 = centre + rng.uniform(-0.17, 0.17)
            part = np.linspace(0, 1, 7)
            turn = rng.uniform(-0.9, 0.9)
            x = x0 + half.sign * (0.11 * part * np.cos(turn)) + rng.normal(0, 0.006, 7)
            y = y0 + 0.11 * part * np.sin(turn) + 0.02 * np.sin(np.pi * part) + rng.normal(0, 0.006, 7)
            canvas.stroke(x, y, rng.uniform(0.022, 0.038), 0.5 * finding.strength * rng.uniform(0.6, 1.0, 7))


def draw_fracture(canvas: Canvas, shape: Shape, halves: Halves, finding: Finding, rng: np.random.Generator) -> None:
    """Ribs with a dark gap, a step between the fragments and a cuff of callus."""
    first = {"upper": 2, "mid": 4, "lower": 6}[finding.zone]
    for half in _chosen(halves, finding):
        for number in range(fracture_count(finding)):
            rib = first + number
            away = 0.50 + 0.04 * number + rng.uniform(-0.03, 0.03)
            y = float(rib_height(shape, rib, away))
            for direction in (-1, 1):
                # Each fragment ends off the rib's axis, the outer one lower than the inner.
                part = np.linspace(0.2, 1, 5)
                x = away + 0.085 * direction * part
                stub = rib_height(shape, rib, x) + 0.026 * direction * part[::-1]
                canvas.stroke(half.sign * x, stub, 0.04, 0.36 * finding.strength * (1.1 - 0.7 * part))
            gap_x = np.array([away - 0.014, away + 0.002, away + 0.014])
            canvas.stroke(half.sign * gap_x, y + np.array([-0.045, 0.0, 0.045]), 0.02, -0.34 * finding.strength)
            window, squared = canvas.ellipse(half.sign * away, y, 0.08, 0.058, reach=1.3)
            canvas.attenuation[window] += np.float32(0.32 * finding.strength) * np.clip(1.25 - squared, 0, 1)


def fracture_count(finding: Finding) -> int:
    """How many neighbouring ribs are broken."""
    return 1 + finding.severity


DRAWINGS: dict[str, Drawing] = {
    "Pleural Effusion": draw_effusion,
    "Lung Opacity": draw_opacity,
    "Edema": draw_edema,
    "Consolidation": draw_consolidation,
    "Pneumonia": draw_pneumonia,
    "Atelectasis": draw_atelectasis,
    "Pneumothorax": draw_pneumothorax,
    "Lung Lesion": draw_lesion,
    "Pleural Other": draw_pleural_other,
    "Fracture": draw_fracture,
}
"""By observation, in drawing order; Cardiomegaly and Enlarged Cardiomediastinum are measurements of the anatomy."""
