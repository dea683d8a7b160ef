"""Order of sentences: what a report says doesn't depend on which organ it begins with."""

from typing import Final

from rrgbench.data.phantom.wording import Chance
from rrgbench.trials.edits.draft import Draft
from rrgbench.trials.edits.edit import Edit


def whole(draft: Draft, chance: Chance) -> str | None:
    """The sentences in another order; None where one leans on its neighbour, or all orders are the same."""
    if any(sentence.leans for sentence in draft.sentences):
        return None
    texts = [sentence.text for sentence in draft.sentences]
    if len(set(texts)) < 2 or not all(text.endswith(".") for text in texts):
        return None
    shuffled = chance.shuffled(texts)
    return " ".join(shuffled if shuffled != texts else reversed(texts))


EDIT: Final = Edit(
    "sentence_order", "order", False, "Findings are the same in whatever order they are told.", whole=whole
)
