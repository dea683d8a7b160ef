"""Finding invented: a sentence about a finding of which the reference says nothing."""

from collections.abc import Mapping
from typing import Final

from rrgbench.data.phantom.wording import Chance
from rrgbench.trials.edits.draft import Change, Draft
from rrgbench.trials.edits.edit import Edit
from rrgbench.trials.edits.new_finding import new_finding

_SENTENCES: Final[Mapping[str, tuple[str, ...]]] = {
    "Cardiomegaly": ("The heart is moderately enlarged", "There is moderate cardiomegaly"),
    "Lung Lesion": ("There is a 12 mm nodule in the right upper lobe", "A mass is seen in the left upper lobe"),
    "Lung Opacity": (
        "There is a patchy opacity in the left lower lobe",
        "A hazy opacity is seen in the right mid lung",
    ),
    "Edema": ("There is moderate pulmonary edema",),
    "Consolidation": ("There is a dense consolidation in the right lower lobe",),
    "Pneumonia": ("Findings are compatible with pneumonia in the left lower lobe",),
    "Atelectasis": ("There is bibasilar atelectasis", "There is left basilar atelectasis"),
    "Pneumothorax": ("There is a small left apical pneumothorax", "A moderate right pneumothorax is seen"),
    "Pleural Effusion": ("There is a moderate left pleural effusion", "A small right pleural effusion is seen"),
    "Pleural Other": ("There is right apical pleural thickening",),
    "Fracture": ("There is an acute fracture of the left sixth rib", "A displaced right rib fracture is seen"),
}


def changes(draft: Draft, chance: Chance) -> list[Change]:
    """A sentence at the end for each finding that the report doesn't speak of."""
    silent = [name for name in _SENTENCES if name not in draft.spoken_of]
    if draft.sentences and draft.sentences[0].told is not None:
        return [Change(None, new_finding(name, chance).text) for name in silent]
    return [Change(None, chance.of(_SENTENCES[name])) for name in silent]


EDIT: Final = Edit(
    "finding_invented",
    "invented",
    True,
    "The report tells of a finding that the reference doesn't have.",
    changes=changes,
)
