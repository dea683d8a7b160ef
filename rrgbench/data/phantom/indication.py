"""Why the film was asked for: what the ward knew before it was taken."""

from typing import Final

from rrgbench.data.phantom.draws import generator
from rrgbench.data.phantom.population import Population
from rrgbench.data.phantom.visit import Visit
from rrgbench.data.phantom.wording import Chance

# The reports' stream, beyond every index of a study.
_STREAM, _BEYOND = 6, 10_000_000
_COMPLAINTS: Final = {
    "Cardiomegaly": ("shortness of breath", "hypertension", "heart failure"),
    "Lung Lesion": ("weight loss", "a smoking history and cough"),
    "Lung Opacity": ("cough", "hypoxia", "fever"),
    "Edema": ("shortness of breath", "dyspnea and leg swelling", "heart failure"),
    "Consolidation": ("fever and cough", "productive cough"),
    "Pneumonia": ("fever and cough", "productive cough", "leukocytosis"),
    "Atelectasis": ("recent surgery", "hypoxia"),
    "Pneumothorax": ("sudden chest pain", "recent thoracentesis"),
    "Pleural Effusion": ("shortness of breath", "decreased breath sounds"),
    "Fracture": ("a fall", "chest trauma"),
}
_ANY: Final = ("chest pain", "cough", "shortness of breath", "preoperative evaluation", "altered mental status")
_AGAIN: Final = ("evaluate for interval change", "follow up", "assess for improvement")


def write_indication(visit: Visit, age: int, population: Population, seed: int) -> str:
    """The indication of a study, lower case: usually a complaint that fits what the film shows, sometimes another."""
    chance = Chance(generator(seed, population.stream * 8 + _STREAM, visit.index + _BEYOND))
    fitting = [name for name in _COMPLAINTS if name in visit.case.findings]
    complaint = chance.of(_COMPLAINTS[chance.of(fitting)] if fitting and chance.number() < 0.7 else _ANY)
    reason = f"{age} year old {'woman' if visit.case.female else 'man'} with {complaint}"
    return f"{reason}, {chance.of(_AGAIN)}" if visit.prior is not None and chance.number() < 0.6 else reason
