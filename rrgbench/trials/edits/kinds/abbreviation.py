"""Abbreviation: terms that radiologists write short or long as they please."""

import re
from typing import Final

from rrgbench.data.phantom.wording import Chance
from rrgbench.trials.edits.draft import Sentence, like, uncapitalised
from rrgbench.trials.edits.edit import Edit, by_sentence

_SHORT: Final = {
    "right upper lobe": "RUL",
    "right middle lobe": "RML",
    "right lower lobe": "RLL",
    "left upper lobe": "LUL",
    "left lower lobe": "LLL",
    "superior vena cava": "SVC",
    "endotracheal tube": "ET tube",
    "nasogastric tube": "NG tube",
    "internal jugular": "IJ",
    "computed tomography": "CT",
    "congestive heart failure": "CHF",
    "chronic obstructive pulmonary disease": "COPD",
    "coronary artery bypass graft": "CABG",
    "peripherally inserted central catheter": "PICC",
    "within normal limits": "WNL",
    "costophrenic angle": "CP angle",
    "pneumothorax": "PTX",
    "versus": "vs.",
    "centimeters": "cm",
    "centimeter": "cm",
    "millimeters": "mm",
    "millimeter": "mm",
    "without": "w/o",
    "evidence of": "e/o",
    "anteroposterior": "AP",
    "posteroanterior": "PA",
    "chest radiograph": "CXR",
    "chest x-ray": "CXR",
}
_LONG: Final = re.compile(rf"\b(?:{'|'.join(_SHORT)})\b", re.IGNORECASE)


def _short(sentence: Sentence, chance: Chance) -> str:
    """A sentence with every term short that has a usual abbreviation."""
    text = uncapitalised(sentence.stem)
    short = _LONG.sub(lambda term: _SHORT[term.group().lower()], text)
    return "" if short == text else like(sentence.stem, short)


EDIT: Final = Edit(
    "abbreviation",
    "abbreviation",
    False,
    "RLL is the right lower lobe: the same words, written short.",
    changes=by_sentence(None, _short),
)
