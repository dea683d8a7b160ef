"""The 14 labels of phantom studies: a Gaussian copula over thirteen observations, vectorised over studies."""

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from rrgbench.data.phantom.draws import uniforms
from rrgbench.data.phantom.population import Population
from rrgbench.observations import NEGATIVE, OBSERVATIONS, POSITIVE, UNCERTAIN, UNMENTIONED, observation_index

_LABEL_STREAM = 0
_DEVICES = observation_index("Support Devices")


def draw_labels(population: Population, seed: int, indices: NDArray[np.int64]) -> NDArray[np.int8]:
    """Labels of some studies, in CheXpert coding: what the film shows and the report says.

    Every drawn observation has a standard normal liability ``L f + sqrt(1 - |L|^2) e`` with causes f shared by the
    observations of a study. The highest liabilities are positive, the next uncertain, at exactly the population's
    prevalences; an absent observation is denied or unmentioned. No Finding is positive when no observation but Support
    Devices is positive or uncertain, else unmentioned: CheXpert's rule.

    Parameters
    ----------
    population : Population
        Prevalences and loadings.
    seed : int
        Seed of the corpus.
    indices : int array (n,)
        Which studies.

    Returns
    -------
    int8 array (n, 14)
        1, 0, -1 or the sentinel of an unmentioned observation.
    """
    causes = population.loadings.shape[1]
    drawn = len(population.positive)
    numbers = uniforms(seed, population.stream * 8 + _LABEL_STREAM, indices, causes + 2 * drawn)
    return coded(population, ndtri(numbers[:, : causes + drawn]), numbers[:, causes + drawn :])


def coded(population: Population, normal: NDArray[np.float64], chance: NDArray[np.float64]) -> NDArray[np.int8]:
    """Labels (..., 14) from standard normal causes and own liabilities (..., 4 + 13) and uniform numbers (..., 13)."""
    causes = population.loadings.shape[1]
    own = np.sqrt(1.0 - np.square(population.loadings).sum(axis=1))
    liability = normal[..., :causes] @ population.loadings.T + normal[..., causes:] * own
    positive_from = -ndtri(population.positive)
    uncertain_from = -ndtri(population.positive + population.uncertain)

    labels = np.full((*normal.shape[:-1], len(OBSERVATIONS)), UNMENTIONED, dtype=np.int8)
    findings = labels[..., 1:]
    findings[chance < population.denied] = NEGATIVE
    findings[liability > uncertain_from] = UNCERTAIN
    findings[liability > positive_from] = POSITIVE
    return with_no_finding(labels)


def with_no_finding(labels: NDArray[np.int8]) -> NDArray[np.int8]:
    """Labels (..., 14) whose No Finding follows from the others by CheXpert's rule; changed in place."""
    present = (labels == POSITIVE) | (labels == UNCERTAIN)
    present[..., [0, _DEVICES]] = False
    labels[..., 0] = np.where(present.any(axis=-1), UNMENTIONED, POSITIVE)
    return labels
