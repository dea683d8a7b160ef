"""Ways of saying findings that the rules' lexicon does not know, as templates like those of `phrases`.

A rule-based labeler leaves them unmentioned; a test holds that of every one. Whoever adds a phrase to the lexicon that
matches one of these makes `phantom-hard` easier, and must raise its version with other words here.
"""

from typing import Final

POSITIVE_SENTENCES: Final[dict[str, tuple[str, ...]]] = {
    "Enlarged Cardiomediastinum": (
        "the right paratracheal stripe bulges outwards{again}",
        "the space between the lung apices is {muchly} broader than expected{again}",
    ),
    "Cardiomegaly": (
        "the cardiothoracic index is {muchly} above one half{again}",
        "the ventricles take up more than half of the thoracic width{again}",
    ),
    "Lung Lesion": (
        "a coin shaped shadow of about {mm} mm projects {place}{again}",
        "a round focus of about {mm} mm {place}{again}",
    ),
    "Lung Opacity": (
        "a veil lies over the vessels {place}{again}",
        "the lung is {seen} to be less transparent {place}{again}",
    ),
    "Edema": (
        "batwing shadowing spreads from both hila{again}",
        "{much} fluid in the septa and around the bronchi{again}",
    ),
    "Consolidation": (
        "the air in the alveoli {place} is replaced, bronchi stay visible{again}",
        "hepatization {place}{again}",
    ),
    "Pneumonia": (
        "a bacterial cause of the patches {place} is likely{again}",
        "the patches {place} fit the fever and the cough{again}",
    ),
    "Atelectasis": (
        "airless segments {at_base}{again}",
        "horizontal bands {at_base} where the lung is not aerated{again}",
    ),
    "Pneumothorax": (
        "the visceral edge stands off the chest wall on the {side}{again}",
        "{size} rim without vessels on the {side}{again}",
    ),
    "Pleural Effusion": (
        "a {size} meniscus rises along the chest wall on the {side}{again}",
        "{size} amount of fluid in the costophrenic recess on the {side}{again}",
    ),
    "Pleural Other": (
        "a {much} rind coats the lung on the {side}{again}",
        "{side} pachypleuritis{again}",
    ),
    "Fracture": (
        "cortical break with a step in the {side} {level} ribs{again}",
        "callus around the {side} {level} ribs{again}",
    ),
}

UNCERTAIN_SENTENCES: Final[dict[str, tuple[str, ...]]] = {
    "Enlarged Cardiomediastinum": ("the paratracheal stripe is perhaps a little broad",),
    "Cardiomegaly": ("the cardiothoracic index is perhaps above one half",),
    "Lung Lesion": ("a coin shaped shadow {place} is suspected",),
    "Lung Opacity": ("perhaps the lung is less transparent {place}",),
    "Edema": ("perhaps there is fluid in the septa",),
    "Consolidation": ("perhaps the alveoli {place} hold no air",),
    "Pneumonia": ("a bacterial cause of the patches {place} is conceivable",),
    "Atelectasis": ("segments {at_base} are perhaps airless",),
    "Pneumothorax": ("the visceral edge perhaps stands off the chest wall on the {side}",),
    "Pleural Effusion": ("perhaps a meniscus along the chest wall on the {side}",),
    "Pleural Other": ("perhaps a thin rind coats the lung on the {side}",),
    "Fracture": ("perhaps a cortical break in the {side} {level} ribs",),
}
