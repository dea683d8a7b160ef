"""Formatting: bullets, numbers, lines and letter case, as chat models and report templates write them."""

from typing import Final

from rrgbench.data.phantom.wording import Chance
from rrgbench.trials.edits.draft import Draft
from rrgbench.trials.edits.edit import Edit


def whole(draft: Draft, chance: Chance) -> str | None:
    """The report in another layout."""
    texts = [sentence.text for sentence in draft.sentences]
    if not texts:
        return None
    capitalised = [text[:1].upper() + text[1:] for text in texts]
    return chance.of(
        (
            "\n".join(f"- {text}" for text in capitalised),
            "\n".join(f"{number}. {text}" for number, text in enumerate(capitalised, start=1)),
            "\n".join(f"* {text.removesuffix('.')}" for text in capitalised),
            "\n".join(capitalised),
            " ".join(texts).upper(),
            " ".join(texts).lower() if draft.sentences[0].told is None else " ".join(capitalised),
        )
    )


EDIT: Final = Edit("formatting", "formatting", False, "Bullets, lines and capitals are no findings.", whole=whole)
