"""Tubes, lines and implants: denser than bone, sharper than anatomy."""

import numpy as np
from numpy.typing import NDArray

from rrgbench.data.phantom.anatomy import Shape
from rrgbench.data.phantom.canvas import Canvas
from rrgbench.data.phantom.case import Device


def smooth(points: list[tuple[float, float]]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Catmull-Rom through the given points: tubes bend, they don't kink."""
    knots = np.array([points[0], *points, points[-1]], dtype=np.float64)
    t = np.linspace(0, 1, 8)[:, None]
    pieces = []
    for a, b, c, d in zip(knots[:-3], knots[1:-2], knots[2:-1], knots[3:], strict=True):
        pieces.append(0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3))
    curve = np.concatenate(pieces)
    return curve[:, 0], curve[:, 1]


def draw_device(canvas: Canvas, shape: Shape, device: Device, strength: float, rng: np.random.Generator) -> None:
    """Draw one device; `strength` in (0, 1] is less where the report only suspects it."""
    sign = -1 if device.side == "right" else 1
    middle = shape.shift * 0.6
    jitter = rng.uniform(-0.02, 0.02, 6)
    dense = 0.62 * strength
    if device.kind == "endotracheal tube":
        x, y = smooth(
            [(middle + jitter[0], -1.05), (middle + jitter[1] / 2, -0.7), (middle + 0.008, -0.36 + jitter[2])]
        )
        for wall_x in (-0.016, 0.016):
            canvas.stroke(x + wall_x, y, 0.013, 1.5 * dense)
    elif device.kind == "nasogastric tube":
        points = [
            (middle + 0.03, -1.05),
            (middle + 0.035, -0.5),
            (0.05 + jitter[0], -0.1),
            (0.06, 0.25),
            (0.14, 0.5),
            (0.30, 0.62),
            (0.40, 0.56 + jitter[1]),
        ]
        canvas.stroke(*smooth(points), 0.02, dense)
    elif device.kind == "internal jugular line":
        points = [
            (sign * 0.24, -1.0),
            (sign * 0.18, -0.8),
            (-0.08 if sign < 0 else 0.08, -0.58),
            (-0.10, -0.35),
            (-0.11 + jitter[0], -0.02 + jitter[1]),
        ]
        canvas.stroke(*smooth(points), 0.02, dense)
    elif device.kind == "subclavian line":
        points = [
            (sign * 0.62, -0.52),
            (sign * 0.42, -0.63),
            (sign * 0.2, -0.60),
            (-0.08, -0.42),
            (-0.11 + jitter[0], -0.05 + jitter[1]),
        ]
        canvas.stroke(*smooth(points), 0.02, dense)
    elif device.kind == "picc line":
        points = [
            (sign * 1.0, -0.15 + jitter[2]),
            (sign * 0.88, -0.42),
            (sign * 0.62, -0.62),
            (sign * 0.3, -0.62),
            (-0.08, -0.42),
            (-0.11, 0.0 + jitter[1]),
        ]
        canvas.stroke(*smooth(points), 0.018, dense)
    elif device.kind == "pacemaker":
        _draw_pacemaker(canvas, sign, strength, jitter)
    elif device.kind == "sternal wires":
        turn = np.linspace(0, 2 * np.pi, 11)
        for number in range(5):
            level = -0.42 + 0.155 * number
            ring = middle + jitter[number] * 0.5 + 0.038 * np.cos(turn)
            canvas.stroke(ring, level + 0.022 * np.sin(turn), 0.014, 1.4 * dense)
            canvas.stroke(middle + np.array([-0.012, 0.018]), level + np.array([-0.02, 0.03]), 0.014, 1.2 * dense)
    else:
        points = [
            (sign * 1.0, 0.22 + jitter[0]),
            (sign * 0.72, 0.12),
            (sign * 0.55, -0.1),
            (sign * 0.42 + jitter[1], -0.42 + jitter[2]),
        ]
        x, y = smooth(points)
        canvas.stroke(x, y, 0.034, 0.75 * dense)
        canvas.stroke(x, y, 0.01, 0.5 * dense)


def _draw_pacemaker(canvas: Canvas, sign: int, strength: float, jitter: NDArray[np.float64]) -> None:
    x0, y0 = sign * (0.50 + jitter[0]), -0.40 + jitter[1]
    window, squared = canvas.ellipse(x0, y0, 0.105, 0.095, 0.3, reach=1.2)
    canvas.attenuation[window] += np.float32(1.1 * strength) * np.clip((1.05 - squared) * 4, 0, 1)
    tips = [(-0.06, 0.10), (0.16 + jitter[2], 0.36 + jitter[3])]
    for tip in tips:
        points = [(x0, y0 - 0.06), (sign * 0.36, -0.60), (sign * 0.14, -0.58), (-0.07, -0.38), (-0.09, 0.02), tip]
        canvas.stroke(*smooth(points), 0.018, 0.62 * strength)
    window, squared = canvas.ellipse(tips[1][0], tips[1][1], 0.022, 0.022)
    canvas.attenuation[window] += np.float32(0.5 * strength) * np.clip(1.3 - squared, 0, 1)
