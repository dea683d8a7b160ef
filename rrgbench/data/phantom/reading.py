"""What two readers make of a phantom's film: one gives its labels, the other writes its report.

With probability sqrt(kappa) a reader sees an observation as it is, else as chance has it: positive, uncertain or absent
at the population's own frequencies. Readers then have the population's prevalences, and two readers agree about each
observation, beyond chance, with Cohen's kappa exactly (their covariance is kappa times the variance). Errors of one
reader know nothing of those of the other, or of his own about another observation.
"""

from dataclasses import replace
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from rrgbench.data.phantom.case import Case, Finding, case_with_labels, draw_case
from rrgbench.data.phantom.draws import uniforms
from rrgbench.data.phantom.labels import draw_labels, with_no_finding
from rrgbench.data.phantom.population import DRAWN, Population, Reading
from rrgbench.errors import InputError
from rrgbench.observations import NEGATIVE, POSITIVE, UNCERTAIN, UNMENTIONED, observation_index

Reader = Literal["labels", "report"]

_STREAMS: Final = {"labels": 8, "report": 9}
"""Of each reader's errors, behind the eight streams of the truth."""
_OMISSION_STREAM: Final = 10


def reading_of(population: Population) -> Reading:
    """How a population's films are read.

    Raises
    ------
    InputError
        If its labels and reports are the truth.
    """
    if population.reading is None:
        raise InputError(f"corpus {population.name}: its labels and reports are the truth, no reader errs")
    return population.reading


def read_labels(population: Population, seed: int, indices: NDArray[np.int64], reader: Reader) -> NDArray[np.int8]:
    """What a reader sees on the films of some studies: labels (n, 14) in CheXpert coding."""
    reading, truth = reading_of(population), draw_labels(population, seed, indices)
    drawn = len(DRAWN)
    numbers = uniforms(seed, population.stream * 8 + _STREAMS[reader], indices, 3 * drawn)
    keeps, status, denies = (numbers[:, part * drawn : (part + 1) * drawn] for part in range(3))
    guessed = np.full(truth[:, 1:].shape, UNMENTIONED, dtype=np.int8)
    guessed[denies < population.denied] = NEGATIVE
    guessed[status < population.positive + population.uncertain] = UNCERTAIN
    guessed[status < population.positive] = POSITIVE
    labels = truth.copy()
    labels[:, 1:] = np.where(keeps < np.sqrt(reading.agreement), truth[:, 1:], guessed)
    return with_no_finding(labels)


def read_case(population: Population, seed: int, index: int) -> Case:
    """What the second reader writes a report of: the case as he sees it, without the findings that he omits.

    What is there looks as it is drawn; what he sees without its being there is made up. An omitted finding is labelled
    unmentioned; No Finding stays what he thinks, so that he calls no chest normal for it.
    """
    row = np.array([index], dtype=np.int64)
    labels = read_labels(population, seed, row, "report")[0]
    truth, seen = draw_case(population, seed, index), case_with_labels(labels, population, seed, index)
    findings = {name: _as_drawn(finding, truth.findings.get(name)) for name, finding in seen.findings.items()}
    omits = uniforms(seed, population.stream * 8 + _OMISSION_STREAM, row, len(DRAWN))[0]
    omitted = {name for name, chance in zip(DRAWN, omits, strict=True) if chance < reading_of(population).omitted}
    told = labels.copy()
    for name in omitted & set(findings):
        told[observation_index(name)] = UNMENTIONED
    return replace(
        truth,
        labels=told,
        findings={name: finding for name, finding in findings.items() if name not in omitted},
        devices=truth.devices if labels[-1] == truth.labels[-1] else seen.devices,
    )


def _as_drawn(seen: Finding, true: Finding | None) -> Finding:
    if true is None:
        return seen
    return replace(
        true, certain=seen.certain, severity=true.severity if seen.certain and true.certain else seen.severity
    )
