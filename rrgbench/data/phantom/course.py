"""How patients fare from study to study: labels and degrees that change, vectorised over studies.

A patient's studies lie side by side in one block of `MOST_STUDIES` indices, so study i depends on at most the four
before it, whatever the size of the corpus.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from rrgbench.data.phantom.case import SEVERITIES
from rrgbench.data.phantom.draws import uniforms
from rrgbench.data.phantom.labels import coded
from rrgbench.data.phantom.population import Course, Population
from rrgbench.observations import NEGATIVE, POSITIVE, UNCERTAIN

MOST_STUDIES: Final = 5
"""Studies a patient may have; divides the first index of every split, so that no patient is in two splits."""
LONGEST_DAYS: Final = 400
"""Most days between two studies; short intervals are the commonest (uniform in the logarithm)."""

_COURSE_STREAM = 0
_OWN = 8


@dataclass(frozen=True)
class Courses:
    """Rows of studies of a population that is followed over time.

    Attributes
    ----------
    first : int array (n,)
        Index of the patient's first study; a study's own where it is the first.
    days : int array (n,)
        Days since the patient's previous study; 0 for the first.
    since_first : int array (n,)
        Days since the patient's first study.
    labels : int8 array (n, 14)
        CheXpert coding; what was positive in the previous study and is gone is negative, because the report says so.
    severity : int8 array (n, 13)
        0 mild to 2 severe, of each drawn observation if it is present.
    lateral, female : bool array (n,)
        Whether there is a lateral film; the patient's sex.
    age : int array (n,)
        In years, at the study.
    start : int array (n,)
        Days of the patient's first study after the first day of the corpus's calendar.
    implant : int array (n,)
        1 pacemaker, 2 sternal wires, 0 neither.
    """

    first: NDArray[np.int64]
    days: NDArray[np.int64]
    since_first: NDArray[np.int64]
    labels: NDArray[np.int8]
    severity: NDArray[np.int8]
    lateral: NDArray[np.bool_]
    female: NDArray[np.bool_]
    age: NDArray[np.int64]
    start: NDArray[np.int64]
    implant: NDArray[np.int64]


def draw_courses(population: Population, course: Course, seed: int, indices: NDArray[np.int64]) -> Courses:
    """Rows of the studies `indices`, (n,).

    Causes, own liabilities and degrees are standard normal in every study and are Ornstein-Uhlenbeck processes between
    a patient's studies: after d days a quantity keeps exp(-d/t) of its value. Prevalences are therefore those of the
    population in first and later studies alike.
    """
    causes, drawn = population.loadings.shape[1], len(population.positive)
    hidden = causes + 2 * drawn
    blocks, row_of = np.unique(indices // MOST_STUDIES, return_inverse=True)
    everyone = (blocks[:, None] * MOST_STUDIES + np.arange(MOST_STUDIES)).astype(np.int64)
    numbers = uniforms(seed, population.stream * 8 + _COURSE_STREAM, everyone.ravel(), hidden + drawn + _OWN)
    numbers = numbers.reshape(len(blocks), MOST_STUDIES, -1)
    own = numbers[:, :, hidden + drawn :]

    follows = own[:, :, 0] < course.prior * MOST_STUDIES / (MOST_STUDIES - 1)
    follows[:, 0] = False
    days = np.where(follows, np.exp(own[:, :, 1] * np.log(LONGEST_DAYS)), 0).astype(np.int64)
    normal = np.asarray(ndtri(numbers[:, :, :hidden]))
    memory = np.concatenate((course.causes, course.findings, course.degrees))
    first = np.broadcast_to(np.arange(MOST_STUDIES), follows.shape).copy()
    since_first = np.zeros_like(days)
    for visit in range(1, MOST_STUDIES):
        again = follows[:, visit]
        kept = np.exp(-days[:, visit, None] / memory)
        moved = kept * normal[:, visit - 1] + np.sqrt(1 - kept**2) * normal[:, visit]
        normal[:, visit] = np.where(again[:, None], moved, normal[:, visit])
        first[:, visit] = np.where(again, first[:, visit - 1], visit)
        since_first[:, visit] = np.where(again, since_first[:, visit - 1] + days[:, visit], 0)

    # What belongs to the patient is what the first study drew.
    body = np.take_along_axis(own, first[:, :, None], axis=1)
    has_implant = body[:, :, 2] < course.implant
    implant = np.where(has_implant, 1 + (body[:, :, 3] < 0.43), 0)
    labels = coded(population, normal[:, :, : causes + drawn], numbers[:, :, hidden : hidden + drawn])
    labels[has_implant, -1] = POSITIVE
    before = np.roll(labels, 1, axis=1)
    absent = (labels != POSITIVE) & (labels != UNCERTAIN)
    labels[follows[:, :, None] & (before == POSITIVE) & absent & (np.arange(labels.shape[-1]) > 0)] = NEGATIVE
    ill = ((labels[:, :, 1:] == POSITIVE) | (labels[:, :, 1:] == UNCERTAIN)).sum(axis=-1)
    age = 62 + 16 * ndtri(body[:, :, 5]) + since_first / 365.25
    degrees = np.cumsum(SEVERITIES)[:2]
    severity = np.searchsorted(ndtri(degrees), normal[:, :, causes + drawn :]).astype(np.int8)

    at = (row_of, indices % MOST_STUDIES)
    return Courses(
        first=(indices - indices % MOST_STUDIES + first[at]),
        days=days[at],
        since_first=since_first[at],
        labels=labels[at],
        severity=severity[at],
        lateral=own[at][:, 4] < course.lateral * 0.8 ** ill[at],
        female=body[at][:, 6] < 0.48,
        age=np.clip(age[at], 18, 96).astype(np.int64),
        start=(body[at][:, 7] * 2000).astype(np.int64),
        implant=implant[at],
    )
