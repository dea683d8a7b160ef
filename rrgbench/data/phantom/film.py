"""From a case to a film."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rrgbench.data.phantom import anatomy
from rrgbench.data.phantom.canvas import Array, Canvas, Pose
from rrgbench.data.phantom.case import Case, Finding, draw_case
from rrgbench.data.phantom.devices import draw_device
from rrgbench.data.phantom.draws import generator
from rrgbench.data.phantom.findings import DRAWINGS, rim_width
from rrgbench.data.phantom.population import POPULATIONS, Population
from rrgbench.errors import InputError

_SHAPE_STREAM, _VESSEL_STREAM, _FINDING_STREAM, _GRAIN_STREAM, _DEVICE_STREAM = 2, 3, 4, 5, 7


@dataclass(frozen=True)
class PhantomFilm:
    """A film that is drawn when it is asked for; the same patient and findings at every size.

    Only the detector's grain is drawn per size, as it would be by a detector with other pixels.

    Attributes
    ----------
    population : str
        A name in `POPULATIONS`.
    seed, index : int
        Which study.
    """

    population: str
    seed: int
    index: int

    @property
    def view(self) -> str:
        """`PA` or `AP`."""
        return self.case().view

    def case(self) -> Case:
        """The truth behind the film."""
        return draw_case(POPULATIONS[self.population], self.seed, self.index)

    def load(self, size: int) -> NDArray[np.uint8]:
        """Draw the film.

        Parameters
        ----------
        size : int
            Pixels per side, at least 16.

        Returns
        -------
        uint8 array (size, size)
            Bright bone on dark lung; the patient's right is on the left.

        Raises
        ------
        InputError
            If the size is below 16.
        """
        return draw_film(self.case(), POPULATIONS[self.population], self.seed, self.index, size)


def draw_film(case: Case, population: Population, seed: int, index: int, size: int) -> NDArray[np.uint8]:
    """Draw a case as a film of (size, size) grey values; (seed, index) settle what the case leaves open."""
    if size < 16:
        raise InputError(f"a phantom film of {size} pixels shows nothing; ask for 16 or more")

    def stream(number: int) -> np.random.Generator:
        return generator(seed, population.stream * 8 + number, index)

    rng = stream(_SHAPE_STREAM)
    pose = _draw_pose(case, rng)
    shape = _draw_shape(case, rng)
    canvas = Canvas(size, pose)
    anatomy.draw_body(canvas, shape)
    halves = anatomy.draw_lungs(canvas, shape)
    congestion = 1.0 + 0.6 * (case.findings["Edema"].strength if "Edema" in case.findings else 0.0)
    anatomy.draw_vessels(canvas, shape, stream(_VESSEL_STREAM), congestion * rng.uniform(0.85, 1.15))
    vessels = canvas.strokes() * np.minimum(canvas.lung, 1)
    collapsed = case.findings.get("Pneumothorax")
    if collapsed is not None:
        _clear_rim(vessels, halves, canvas, collapsed)
    canvas.attenuation += vessels
    anatomy.draw_heart(canvas, shape)
    for half in halves:
        anatomy.draw_ribs(canvas, shape, half)
    for number, (name, draw) in enumerate(DRAWINGS.items()):
        finding = case.findings.get(name)
        if finding is not None:
            # One stream per observation: a case without one finding keeps the others where they are.
            draw(
                canvas,
                shape,
                halves,
                finding,
                generator(seed, population.stream * 8 + _FINDING_STREAM, index * 16 + number),
            )
    for device in case.devices:
        draw_device(canvas, shape, device, 1.0 if case.labels[-1] == 1 else 0.4, stream(_DEVICE_STREAM))
    _draw_marker(canvas, rng)
    canvas.attenuation += canvas.strokes()
    return _expose(canvas.attenuation, case, rng, stream(_GRAIN_STREAM))


def _draw_pose(case: Case, rng: np.random.Generator) -> Pose:
    zoom = rng.uniform(0.95, 1.13)
    return Pose(
        shift_x=float(rng.normal(0, 0.03)),
        shift_y=float(rng.normal(0.04, 0.035)),
        zoom_x=float(zoom * rng.uniform(0.97, 1.03)),
        zoom_y=float(zoom),
        lean=float(rng.normal(0, 0.025)),
    )


def _draw_shape(case: Case, rng: np.random.Generator) -> anatomy.Shape:
    findings = case.findings
    # Drawn whether or not they are used, so that a case without a finding keeps everything else.
    vary_heart, vary_mediastinum = rng.uniform(-0.02, 0.04), rng.uniform(-0.05, 0.05)
    heart = rng.normal(0.98, 0.045) + 0.03 * (case.view == "AP") - 0.02 * case.inspiration
    heart = float(np.clip(heart, 0.88, 1.10))
    if "Cardiomegaly" in findings:
        finding = findings["Cardiomegaly"]
        heart = 1.26 + 0.13 * finding.severity if finding.certain else 1.14
        heart += float(vary_heart)
    mediastinum = float(rng.uniform(0.92, 1.12))
    if "Enlarged Cardiomediastinum" in findings:
        finding = findings["Enlarged Cardiomediastinum"]
        mediastinum = 1.85 + 0.25 * finding.severity if finding.certain else 1.4
        mediastinum += float(vary_mediastinum)
    breath = 0.04 * case.inspiration - 0.03 * (case.view == "AP")
    right, left = 0.36 + breath + rng.normal(0, 0.012), 0.42 + breath + rng.normal(0, 0.012)
    if "Atelectasis" in findings:
        finding = findings["Atelectasis"]
        lift = finding.strength * (0.06 + 0.03 * finding.severity)
        right -= lift * (-1 in finding.signs)
        left -= lift * (1 in finding.signs)
    shift = float(rng.normal(0, 0.012))
    for name, pushed in (("Pneumothorax", 0.05), ("Pleural Effusion", 0.03)):
        if name in findings and findings[name].severity == 2 and findings[name].side != "both":
            shift -= pushed * findings[name].signs[0]
    return anatomy.Shape(
        chest=float(1.0 + 0.02 * case.inspiration - 0.02 * case.build + rng.normal(0, 0.015)),
        heart=heart,
        mediastinum=mediastinum,
        shift=shift,
        dome=(float(right), float(left)),
        fat=float(0.34 + 0.07 * case.build),
        gas=float(np.clip(rng.uniform(-0.3, 1.0), 0.0, 1.0)),
        female=case.female,
        rib_phase=float(rng.random()),
        rib_slope=float(rng.uniform(0.7, 1.15)),
    )


def _clear_rim(vessels: Array, halves: tuple[anatomy.Side, anatomy.Side], canvas: Canvas, finding: Finding) -> None:
    for half in halves:
        if half.sign in finding.signs:
            vessels[:, half.window] *= half.lateral < half.wall - rim_width(finding, canvas.y)


def _draw_marker(canvas: Canvas, rng: np.random.Generator) -> None:
    # The technician's lead letter: L beside the patient's left shoulder.
    x, y, tall = 0.86 + rng.uniform(-0.04, 0.04), -0.84 + rng.uniform(-0.04, 0.04), 0.09
    canvas.stroke(np.array([x, x, x + 0.5 * tall]), np.array([y - tall, y, y]), 0.02, 1.2)


def _expose(attenuation: Array, case: Case, rng: np.random.Generator, grain: np.random.Generator) -> NDArray[np.uint8]:
    """Attenuation to grey values: film response, scatter, grain."""
    size = attenuation.shape[0]
    # Slow unevenness of beam and scatter, the same at every size.
    slope_x, slope_y = rng.normal(0, 0.03, 2)
    ticks = np.linspace(-1, 1, size, dtype=np.float32)
    uneven = np.float32(1) + np.float32(slope_x) * ticks[None, :] + np.float32(slope_y) * ticks[:, None]
    contrast = rng.uniform(1.45, 1.75) * case.exposure
    film = 1 - np.exp(np.float32(-contrast) * np.maximum(attenuation, 0.02) * uneven)
    low = rng.uniform(0, 0.05)
    grey = np.float32(255) * (np.float32(low) + np.float32(1 - low) * film)
    grey += grain.standard_normal((size, size), dtype=np.float32) * np.float32(case.noise)
    film_grey: NDArray[np.uint8] = np.clip(grey, 0, 255).astype(np.uint8)
    return film_grey
