"""Finding dropped: the one sentence that tells of a finding is left out."""

from collections import Counter
from typing import Final

from rrgbench.data.phantom.wording import Chance
from rrgbench.trials.edits.draft import Change, Draft
from rrgbench.trials.edits.edit import Edit


def changes(draft: Draft, chance: Chance) -> list[Change]:
    """Sentences that alone speak of a finding that is there, and of nothing else, left out."""
    speaks = Counter(
        name for sentence in draft.sentences for name in sentence.positive | sentence.uncertain | sentence.negative
    )
    found = []
    for place, sentence in enumerate(draft.sentences):
        names = sentence.positive - {"Support Devices"}
        others = sentence.uncertain | sentence.negative
        explained = place + 1 < len(draft.sentences) and draft.sentences[place + 1].leans
        if names and not others and not explained and all(speaks[name] == 1 for name in names):
            found.append(Change(place, ""))
    return found


EDIT: Final = Edit(
    "finding_dropped",
    "dropped",
    True,
    "A finding that the reference reports is nowhere in the report.",
    changes=changes,
)
