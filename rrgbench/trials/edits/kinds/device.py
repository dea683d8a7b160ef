"""Device misplaced: a tube or line ends where it must not."""

import re
from typing import Final

from rrgbench.data.phantom.told import Told
from rrgbench.data.phantom.wording import Chance
from rrgbench.trials.edits.draft import Sentence
from rrgbench.trials.edits.edit import Edit, by_sentence

_WRONG: Final[tuple[tuple[re.Pattern[str], str], ...]] = tuple(
    (re.compile(here, re.IGNORECASE), there)
    for here, there in (
        (
            r"(?:(?:at )?(?:approximately |about |roughly )?[\w.]+ ?(?:cm|centimeters?|mm|millimeters?) |well |just )?"
            r"above the (?:level of the )?carina",
            "in the right main bronchus",
        ),
        (
            r"\b(in|within|over|overlying|at|into|near) the (?:level of the )?(?:(?:mid|lower|distal|proximal|upper|"
            r"low|high|mid to distal|mid to lower) )?(?:superior vena cava|svc|cavo ?atrial junction|right atrium)\b",
            r"\1 the azygos vein",
        ),
        (
            r"\b(in|into|within|over|overlying) the (?:proximal |distal )?(?:stomach|gastric body|gastric fundus)\b",
            r"\1 the distal esophagus",
        ),
        (r"\bbelow the (?:left )?(?:hemi)?diaphragm\b", "into the left main bronchus"),
        (r"\bat the apex\b", "in the chest wall"),
        (
            r"\bin (?:good|satisfactory|appropriate|expected|standard|adequate|proper|normal|unchanged) position\b",
            "in an abnormal position",
        ),
        (r"\b(is|are|remains?) in place\b", r"\1 dislodged"),
        (r"\b(is|are) aligned\b", r"\1 displaced"),
        (r"^dual lead pacemaker\b", "pacemaker with a dislodged ventricular lead"),
    )
)


def _misplaced(stem: str) -> str:
    for here, there in _WRONG:
        text, times = here.subn(there, stem)
        if times == 1:
            return text
    return ""


def _of_phantom(told: Told, chance: Chance) -> str:
    return _misplaced(told.text) if told.kind == "device" else ""


def _of_text(sentence: Sentence, chance: Chance) -> str:
    """A sentence of devices, of which one lies elsewhere."""
    only = "Support Devices" in sentence.positive and not sentence.negative
    return _misplaced(sentence.stem) if only else ""


EDIT: Final = Edit(
    "device_misplaced",
    "device",
    True,
    "A tube or line ends in the wrong place, which is acted upon at once.",
    changes=by_sentence(_of_phantom, _of_text),
)
