"""An edit: a report that ends after its first sentence."""

from rrgbench.data.phantom.wording import Chance
from rrgbench.trials.edits.draft import Draft
from rrgbench.trials.edits.edit import Edit


def first_sentence(draft: Draft, chance: Chance) -> str | None:
    """The first sentence of a report that has more; None says that the edit doesn't apply."""
    return draft.sentences[0].text if len(draft.sentences) > 1 else None


CUT_SHORT = Edit("cut_short", "cut short", True, "All but the first sentence is missing.", whole=first_sentence)
