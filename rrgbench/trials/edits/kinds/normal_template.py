"""Normal template: the report of an abnormal study replaced by the one that most studies get."""

from typing import Final

from rrgbench.data.phantom.wording import Chance
from rrgbench.trials.edits.draft import Draft
from rrgbench.trials.edits.edit import Edit

_NORMAL: Final = (
    "The heart is normal in size. The mediastinum is unremarkable. The lungs are clear. There is no pneumothorax or "
    "pleural effusion. The osseous structures are intact."
)


def whole(draft: Draft, chance: Chance) -> str | None:
    """The template, where the report tells of a finding."""
    if not draft.positive:
        return None
    return _NORMAL.lower() if draft.text == draft.text.lower() else _NORMAL


EDIT: Final = Edit(
    "normal_template", "template", True, "Every finding of an abnormal study is missing from the report.", whole=whole
)
