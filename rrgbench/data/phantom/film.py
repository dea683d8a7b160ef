"""From a case to a film."""

import hashlib
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from rrgbench.data.phantom import anatomy
from rrgbench.data.phantom.canvas import Array, Canvas
from rrgbench.data.phantom.case import Case, Finding
from rrgbench.data.phantom.devices import draw_device
from rrgbench.data.phantom.exposure import Streams, draw_marker, expose
from rrgbench.data.phantom.findings import DRAWINGS, rim_width
from rrgbench.data.phantom.lateral import draw_lateral
from rrgbench.data.phantom.population import POPULATIONS, Population
from rrgbench.data.phantom.visit import Visit, draw_visit


@cache
def _made_of(population: str) -> str:
    from rrgbench.data.phantom import corpus

    versions = f"{corpus.GENERATOR_VERSION}.{corpus.FOLLOWUP_VERSION}"
    return f"{population} {versions} {hashlib.sha256(repr(POPULATIONS[population]).encode()).hexdigest()[:16]}"


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
    lateral : bool
        Whether it is taken from the side.
    """

    population: str
    seed: int
    index: int
    lateral: bool = False

    @property
    def view(self) -> str:
        """`PA`, `AP` or `LATERAL`."""
        return "LATERAL" if self.lateral else self.case().view

    @property
    def content(self) -> str:
        """All that its pixels follow from: the generator's version, the population, seed and index."""
        return f"{_made_of(self.population)} {self.seed} {self.index} {self.lateral}"

    def case(self) -> Case:
        """The truth behind the film."""
        return self.visit().case

    def visit(self) -> Visit:
        """The truth behind the film, that of the patient's previous study, and what has changed between them."""
        return draw_visit(POPULATIONS[self.population], self.seed, self.index)

    def load(self, size: int) -> NDArray[np.uint8]:
        """Draw the film.

        Parameters
        ----------
        size : int
            Pixels per side, at least 16.

        Returns
        -------
        uint8 array (size, size)
            Bright bone on dark lung; the patient's right is on the left, from the side the front is.

        Raises
        ------
        InputError
            If the size is below 16.
        """
        draw = draw_lateral if self.lateral else draw_film
        return draw(self.case(), POPULATIONS[self.population], self.seed, self.index, size)


def draw_film(case: Case, population: Population, seed: int, index: int, size: int) -> NDArray[np.uint8]:
    """Draw a case as a film of (size, size) grey values; (seed, index) settle what the case leaves open."""
    streams = Streams.of(case, population, seed, index, size)
    pose, shape, rng = streams.body(case)
    canvas = Canvas(size, pose)
    anatomy.draw_body(canvas, shape)
    halves = anatomy.draw_lungs(canvas, shape)
    congestion = 1.0 + 0.6 * (case.findings["Edema"].strength if "Edema" in case.findings else 0.0)
    anatomy.draw_vessels(canvas, shape, streams.vessels(), congestion * rng.uniform(0.85, 1.15))
    vessels = canvas.strokes() * np.minimum(canvas.lung, 1)
    collapsed = case.findings.get("Pneumothorax")
    if collapsed is not None:
        _clear_rim(vessels, halves, canvas, collapsed)
    canvas.attenuation += vessels
    anatomy.draw_heart(canvas, shape)
    for half in halves:
        anatomy.draw_ribs(canvas, shape, half)
    for name, draw in DRAWINGS.items():
        finding = case.findings.get(name)
        if finding is not None:
            draw(canvas, shape, halves, finding, streams.finding(name, finding))
    for device in case.devices:
        draw_device(canvas, shape, device, 1.0 if case.labels[-1] == 1 else 0.4, streams.device(device))
    draw_marker(canvas, rng)
    canvas.attenuation += canvas.strokes()
    return expose(canvas.attenuation, case, rng, streams.grain())


def _clear_rim(vessels: Array, halves: tuple[anatomy.Side, anatomy.Side], canvas: Canvas, finding: Finding) -> None:
    for half in halves:
        if half.sign in finding.signs:
            vessels[:, half.window] *= half.lateral < half.wall - rim_width(finding, canvas.y)
