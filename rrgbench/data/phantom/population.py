"""Whose chests are drawn: how often each observation is positive, uncertain or denied, and how they go together."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from rrgbench.observations import OBSERVATIONS

_MIMIC_STUDIES = 227_827
# Positive and uncertain studies per observation as MIMIC-CXR-JPG publishes them for the CheXpert labeler (Johnson et
# al. 2019, arXiv:1901.07042). No Finding (75,455 positive, 33.1 %) isn't drawn: it follows from the other twelve, and
# the loadings below are such that it comes out right.
_MIMIC = {
    "Enlarged Cardiomediastinum": (7_179, 9_375),
    "Cardiomegaly": (44_845, 6_043),
    "Lung Lesion": (6_284, 1_141),
    "Lung Opacity": (51_525, 3_831),
    "Edema": (27_018, 13_174),
    "Consolidation": (10_778, 4_331),
    "Pneumonia": (16_556, 18_291),
    "Atelectasis": (45_808, 10_327),
    "Pneumothorax": (10_358, 1_134),
    "Pleural Effusion": (54_300, 5_814),
    "Pleural Other": (2_011, 765),
    "Fracture": (4_390, 555),
    "Support Devices": (66_558, 237),
}

_CHEXPERT_STUDIES = 187_641
# The same for CheXpert's training set (Irvin et al. 2019, Table 1; No Finding 16,627, 8.9 %).
_CHEXPERT = {
    "Enlarged Cardiomediastinum": (9_020, 10_148),
    "Cardiomegaly": (23_002, 6_597),
    "Lung Lesion": (6_856, 1_071),
    "Lung Opacity": (92_669, 4_341),
    "Edema": (48_905, 11_571),
    "Consolidation": (12_730, 23_976),
    "Pneumonia": (4_576, 15_658),
    "Atelectasis": (29_333, 29_377),
    "Pneumothorax": (17_313, 2_663),
    "Pleural Effusion": (75_696, 9_419),
    "Pleural Other": (2_441, 1_771),
    "Fracture": (7_270, 484),
    "Support Devices": (105_831, 898),
}

# How often an absent observation is denied in so many words. MIMIC-CXR's own counts mix short impressions with long
# findings sections; the phantom writes findings sections, so the usual pertinent negatives are denied more often.
_DENIED = {
    "Enlarged Cardiomediastinum": 0.45,
    "Cardiomegaly": 0.60,
    "Lung Lesion": 0.08,
    "Lung Opacity": 0.12,
    "Edema": 0.40,
    "Consolidation": 0.60,
    "Pneumonia": 0.20,
    "Atelectasis": 0.04,
    "Pneumothorax": 0.80,
    "Pleural Effusion": 0.75,
    "Pleural Other": 0.03,
    "Fracture": 0.15,
    "Support Devices": 0.02,
}

# What observations share, as loadings on four independent causes: general illness, heart failure, infection, intensive
# care. Heart failure brings a large heart, edema and effusion together; infection brings pneumonia, consolidation and
# opacity; effusion and atelectasis accompany each other at the bedside, where the devices are.
_LOADINGS = {
    "Enlarged Cardiomediastinum": (0.36, 0.25, 0.00, 0.10),
    "Cardiomegaly": (0.46, 0.46, -0.10, 0.05),
    "Lung Lesion": (0.30, -0.15, 0.05, -0.10),
    "Lung Opacity": (0.50, -0.05, 0.45, 0.00),
    "Edema": (0.50, 0.55, 0.00, 0.10),
    "Consolidation": (0.46, -0.10, 0.50, 0.05),
    "Pneumonia": (0.46, -0.10, 0.55, 0.00),
    "Atelectasis": (0.52, 0.05, 0.00, 0.35),
    "Pneumothorax": (0.25, -0.15, -0.05, 0.30),
    "Pleural Effusion": (0.58, 0.30, 0.05, 0.30),
    "Pleural Other": (0.25, 0.00, 0.10, 0.00),
    "Fracture": (0.20, -0.05, 0.00, 0.10),
    "Support Devices": (0.35, 0.15, 0.05, 0.50),
}

DRAWN = OBSERVATIONS[1:]
"""The 13 observations that are drawn; No Finding is their absence."""


@dataclass(frozen=True)
class Course:
    """How patients change between studies: every latent quantity forgets its past exponentially.

    Attributes
    ----------
    prior : float
        Probability that a study has an earlier one of the same patient.
    causes, findings, degrees : float array (4,), (13,), (13,)
        Days after which the memory of a shared cause, of an observation's own liability and of its degree has fallen to
        1/e; infinite where it never changes.
    device : float
        The same for tubes and lines that stay in place.
    implant : float
        Share of patients with a pacemaker or sternal wires, who have them in all their studies.
    lateral : float
        Share of the well who have a lateral film too; the ill have fewer.
    """

    prior: float
    causes: NDArray[np.float64]
    findings: NDArray[np.float64]
    degrees: NDArray[np.float64]
    device: float
    implant: float
    lateral: float


@dataclass(frozen=True)
class Reading:
    """How two readers see the films of a population; one gives the labels, the other writes the reports.

    Attributes
    ----------
    agreement : float array (13,)
        Cohen's kappa of the two readers for each observation being positive, 0 to 1.
    omitted : float
        Share of the findings that the second reader sees and does not mention.
    unseen : float
        Share of the findings that are said in words which rule-based labelers do not know.
    """

    agreement: NDArray[np.float64]
    omitted: float
    unseen: float


@dataclass(frozen=True)
class Population:
    """Where a phantom's patients and films come from.

    Attributes
    ----------
    name : str
        Corpus name; part of study ids.
    stream : int
        Separates the random numbers of two populations with one seed.
    positive, uncertain, denied : float array (13,)
        Prevalence in [0, 1] of positive and of uncertain observations, and the probability that an absent one is denied
        rather than left unmentioned; in the order of `DRAWN`.
    loadings : float array (13, 4)
        Loadings on the shared causes of a Gaussian copula.
    bedside : float
        Share of AP films among the well; the ill get more.
    exposure : tuple of float
        Mean and standard deviation of the film's exposure (a factor on attenuation).
    noise : float
        Mean standard deviation of the grain, in grey values of 255.
    course : Course or None
        How a patient's studies follow each other; None where every patient has one study.
    reading : Reading or None
        How labels and reports err; None where both are the truth.
    """

    name: str
    stream: int
    positive: NDArray[np.float64]
    uncertain: NDArray[np.float64]
    denied: NDArray[np.float64]
    loadings: NDArray[np.float64]
    bedside: float
    exposure: tuple[float, float]
    noise: float
    course: Course | None = None
    reading: Reading | None = None


def _population(
    name: str,
    stream: int,
    counts: dict[str, tuple[int, int]],
    studies: int,
    illness: float,
    bedside: float,
    exposure: tuple[float, float],
    noise: float,
) -> Population:
    table = np.array([counts[observation] for observation in DRAWN], dtype=np.float64) / studies
    loadings = np.array([_LOADINGS[observation] for observation in DRAWN])
    loadings[:, 0] *= illness
    denied = np.array([_DENIED[observation] for observation in DRAWN])
    return Population(name, stream, table[:, 0], table[:, 1], denied, loadings, bedside, exposure, noise)


PHANTOM = _population("phantom", 0, _MIMIC, _MIMIC_STUDIES, 1.0, 0.35, (1.0, 0.10), 3.0)
"""Prevalence and co-occurrence like MIMIC-CXR's."""

PHANTOM_B = _population("phantom-b", 1, _CHEXPERT, _CHEXPERT_STUDIES, 0.4, 0.7, (1.15, 0.15), 5.5)
"""Prevalence like CheXpert's, mostly bedside films, denser and grainier."""

# Days until an observation's own liability is forgotten: fluid and air go within weeks, bones and scars stay.
_FINDING_DAYS = {
    "Enlarged Cardiomediastinum": 400,
    "Cardiomegaly": 700,
    "Lung Lesion": 400,
    "Lung Opacity": 30,
    "Edema": 12,
    "Consolidation": 25,
    "Pneumonia": 25,
    "Atelectasis": 20,
    "Pneumothorax": 12,
    "Pleural Effusion": 30,
    "Pleural Other": 2000,
    "Fracture": 1000,
    "Support Devices": 25,
}
_FIXED_DEGREE = ("Pleural Other", "Fracture")


def _course() -> Course:
    days = np.array([float(_FINDING_DAYS[observation]) for observation in DRAWN])
    fixed = np.isin(DRAWN, _FIXED_DEGREE)
    return Course(
        prior=0.6,
        causes=np.array([150.0, 50.0, 30.0, 40.0]),
        findings=days,
        degrees=np.where(fixed, np.inf, 0.7 * days),
        device=12.0,
        implant=0.10,
        lateral=0.75,
    )


def _followed(population: Population, name: str, stream: int, course: Course) -> Population:
    # Implants come on top of the devices that come and go; the sum is the population's prevalence.
    positive = population.positive.copy()
    positive[-1] = (positive[-1] - course.implant) / (1 - course.implant)
    return replace(population, name=name, stream=stream, positive=positive, course=course)


PHANTOM_FOLLOWUP = _followed(PHANTOM, "phantom-followup", 2, _course())
"""The first phantom's population, of whom most come back."""

# Cohen's kappa of two readers. Lung Opacity and Pleural Effusion: presence of an infiltrate 0.37 and of an effusion
# 0.46, two radiologists, 282 and 224 patients (Albaum et al., Chest 1996, 110:343). Pneumonia: 0.53, 243 patients
# (Hopstaken et al., Clin Radiol 2004, 59:743). Pneumothorax and pleural thickening: the upper end of "fair to good"
# (0.75) and the lower (0.40), three radiologists, 800 films of ChestX-ray14 (ECR 2019, oral presentation). The others:
# 0.43, the higher of the averages over observations between radiologists' labels of reports and of films (Jain et al.,
# CHIL 2021, arXiv:2102.11467). Devices are hardly disputed; 0.90 is our choice.
_AGREEMENT = {
    "Lung Opacity": 0.37,
    "Pleural Effusion": 0.46,
    "Pneumonia": 0.53,
    "Pneumothorax": 0.75,
    "Pleural Other": 0.40,
    "Support Devices": 0.90,
}
_OTHER_AGREEMENT = 0.43


def _read_by_two(population: Population, name: str, stream: int) -> Population:
    agreement = np.array([_AGREEMENT.get(observation, _OTHER_AGREEMENT) for observation in DRAWN])
    # how much is omitted and said otherwise is our choice
    return replace(population, name=name, stream=stream, reading=Reading(agreement, omitted=0.1, unseen=0.25))


PHANTOM_HARD = _read_by_two(PHANTOM, "phantom-hard", 3)
"""The first phantom's population, whose films two readers see differently. It has streams 3 and 4."""

POPULATIONS = {population.name: population for population in (PHANTOM, PHANTOM_B, PHANTOM_FOLLOWUP, PHANTOM_HARD)}
"""By name, as films refer to them."""
