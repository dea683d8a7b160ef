"""Tubes, lines and implants from the side: front is left."""

import numpy as np

from rrgbench.data.phantom.canvas import Canvas
from rrgbench.data.phantom.case import Device
from rrgbench.data.phantom.devices import smooth

# Courses as (x from front to back, y); what enters a vein ends in the superior vena cava, before the trachea.
_COURSES = {
    "endotracheal tube": ((-0.02, -1.10), (0.02, -0.70), (0.05, -0.36)),
    "nasogastric tube": ((0.02, -1.10), (0.13, -0.6), (0.19, -0.2), (0.20, 0.2), (0.12, 0.45), (-0.06, 0.58)),
    "internal jugular line": ((0.02, -1.05), (-0.01, -0.75), (-0.04, -0.40), (-0.02, -0.02)),
    "subclavian line": ((-0.30, -0.60), (-0.14, -0.70), (-0.03, -0.55), (-0.02, -0.05)),
    "picc line": ((-0.36, -1.10), (-0.24, -0.85), (-0.06, -0.62), (-0.03, -0.35), (-0.02, 0.0)),
    "chest tube": ((0.24, 0.34), (0.14, 0.05), (0.06, -0.25), (0.0, -0.48)),
}
_WIDTH = {"endotracheal tube": 0.03, "chest tube": 0.034}


def draw_device(canvas: Canvas, device: Device, strength: float, rng: np.random.Generator) -> None:
    """Draw one device; `strength` in (0, 1] is less where the report only suspects it."""
    jitter = rng.uniform(-0.02, 0.02, 6)
    dense = 0.55 * strength
    if device.kind == "pacemaker":
        _draw_pacemaker(canvas, dense, jitter[0], jitter[1])
        return
    if device.kind == "sternal wires":
        turn = np.linspace(0, 2 * np.pi, 11)
        for number in range(5):
            level = -0.42 + 0.14 * number
            front = -0.39 - 0.13 * (number / 4) + jitter[number] * 0.4
            canvas.stroke(front + 0.016 * np.cos(turn), level + 0.022 * np.sin(turn), 0.014, 1.5 * dense)
        return
    course = list(_COURSES[device.kind])
    course[-1] = (course[-1][0] + jitter[0], course[-1][1] + jitter[1])
    x, y = smooth(course)
    if device.kind == "endotracheal tube":
        for wall in (-0.014, 0.014):
            canvas.stroke(x + wall, y, 0.013, 1.4 * dense)
    else:
        canvas.stroke(x, y, _WIDTH.get(device.kind, 0.02), dense)


def _draw_pacemaker(canvas: Canvas, dense: float, shift_x: float, shift_y: float) -> None:
    """The case edge on in front of the chest wall, leads to the right atrium and the apex of the right ventricle."""
    x0, y0 = -0.46 + shift_x, -0.40 + shift_y
    window, squared = canvas.ellipse(x0, y0, 0.036, 0.095, 0.25, reach=1.2)
    canvas.attenuation[window] += np.float32(1.7 * dense) * np.clip((1.05 - squared) * 4, 0, 1)
    for tip in ((-0.12, 0.06), (-0.36, 0.32 + shift_y)):
        points = [(x0, y0 - 0.07), (-0.28, -0.62), (-0.06, -0.58), (-0.03, -0.30), (-0.04, 0.0), tip]
        canvas.stroke(*smooth(points), 0.018, dense)
    window, squared = canvas.ellipse(-0.36, 0.32 + shift_y, 0.022, 0.022)
    canvas.attenuation[window] += np.float32(0.8 * dense) * np.clip(1.3 - squared, 0, 1)
