"""What any film of a patient needs, from the front or from the side: random streams, pose, body, marker, exposure."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rrgbench.data.phantom.anatomy import Shape
from rrgbench.data.phantom.canvas import Array, Canvas, Pose
from rrgbench.data.phantom.case import Case, Device, Finding
from rrgbench.data.phantom.draws import generator
from rrgbench.data.phantom.findings import DRAWINGS
from rrgbench.data.phantom.population import Population
from rrgbench.errors import InputError

_SHAPE, _VESSELS, _FINDINGS, _GRAIN, _DEVICES = 2, 3, 4, 5, 7
# A finding's number in its study's stream, 16 a study; the last is the lateral film's own.
_NUMBERS = {name: number for number, name in enumerate(DRAWINGS)}
_LATERAL = 15


@dataclass(frozen=True)
class Streams:
    """The random streams of one study's films; what belongs to the patient or to an older finding stays as it was.

    Attributes
    ----------
    population, seed, index
        Which study.
    patient : int
        Index of the patient's first study, whose body this is.
    """

    population: Population
    seed: int
    index: int
    patient: int

    @classmethod
    def of(cls, case: Case, population: Population, seed: int, index: int, size: int) -> "Streams":
        """The streams of a case's films at `size` pixels, which must be at least 16."""
        if size < 16:
            raise InputError(f"a phantom film of {size} pixels shows nothing; ask for 16 or more")
        return cls(population, seed, index, index if case.patient is None else case.patient)

    def _stream(self, number: int, index: int) -> np.random.Generator:
        return generator(self.seed, self.population.stream * 8 + number, index)

    def body(self, case: Case) -> tuple[Pose, Shape, np.random.Generator]:
        """Pose on the frontal film, the patient's body, and the stream that continues: the study's own."""
        rng = self._stream(_SHAPE, self.patient)
        pose = draw_pose(rng)
        shape = _draw_shape(case, rng)
        if self.patient != self.index:
            rng = self._stream(_SHAPE, self.index)
            pose = draw_pose(rng)
        return pose, shape, rng

    def vessels(self) -> np.random.Generator:
        """For the vascular tree, which is the patient's."""
        return self._stream(_VESSELS, self.patient)

    def finding(self, name: str, finding: Finding) -> np.random.Generator:
        """One stream per observation: a case without one finding keeps the others where they are."""
        onset = self.index if finding.onset is None else finding.onset
        return self._stream(_FINDINGS, onset * 16 + _NUMBERS[name])

    def device(self, device: Device) -> np.random.Generator:
        """For where exactly a device lies."""
        return self._stream(_DEVICES, self.index if device.onset is None else device.onset)

    def grain(self) -> np.random.Generator:
        """For the frontal film's grain."""
        return self._stream(_GRAIN, self.index)

    def lateral(self) -> np.random.Generator:
        """For pose, exposure and grain of the lateral film."""
        return self._stream(_FINDINGS, self.index * 16 + _LATERAL)


def draw_pose(rng: np.random.Generator) -> Pose:
    """How the patient happens to stand."""
    zoom = rng.uniform(0.95, 1.13)
    return Pose(
        shift_x=float(rng.normal(0, 0.03)),
        shift_y=float(rng.normal(0.04, 0.035)),
        zoom_x=float(zoom * rng.uniform(0.97, 1.03)),
        zoom_y=float(zoom),
        lean=float(rng.normal(0, 0.025)),
    )


def _draw_shape(case: Case, rng: np.random.Generator) -> Shape:
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
    return Shape(
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


def draw_marker(canvas: Canvas, rng: np.random.Generator, x: float = 0.86) -> None:
    """The technician's lead letter L in the film's upper right; from the front beside the patient's left shoulder."""
    x, y, tall = x + rng.uniform(-0.04, 0.04), -0.84 + rng.uniform(-0.04, 0.04), 0.09
    canvas.stroke(np.array([x, x, x + 0.5 * tall]), np.array([y - tall, y, y]), 0.02, 1.2)


def expose(attenuation: Array, case: Case, rng: np.random.Generator, grain: np.random.Generator) -> NDArray[np.uint8]:
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
