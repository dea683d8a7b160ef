"""What a known-answer edit is, and the registry of all of them."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from rrgbench.data.phantom.told import Told
from rrgbench.data.phantom.wording import Chance
from rrgbench.registry import Registry
from rrgbench.trials.edits.draft import Change, Draft, Sentence, changed

GRADES: Final = 3
"""Most edits of one kind that a report gets."""


@dataclass(frozen=True)
class Edit:
    """A kind of edit; exactly one of `changes` and `whole` is given.

    Attributes
    ----------
    name, title : str
        Its key, and how tables call it.
    harmful : bool
        Whether the report says something else afterwards.
    reason : str
        Why it is harmless or harmful, in a sentence.
    changes : callable, optional
        `(draft, chance) -> changes of single sentences`. A harmful edit is graded: with one, two and three of them,
        the fewer always among the more. A harmless one makes all of them at once.
    whole : callable, optional
        `(draft, chance) -> text` of an edit that has no parts; None where it doesn't apply.
    """

    name: str
    title: str
    harmful: bool
    reason: str
    changes: Callable[[Draft, Chance], Sequence[Change]] | None = None
    whole: Callable[[Draft, Chance], str | None] | None = None

    def variants(self, draft: Draft, seed: int = 0) -> list[str]:
        """The edited reports: one for each grade of a harmful edit, one of a harmless; empty where it doesn't apply."""
        chance = chance_of(self.name, draft.study_id, seed)
        if self.whole is not None:
            text = self.whole(draft, chance)
            return [] if text is None or text == draft.text else [text]
        assert self.changes is not None  # one of the two is given
        found = chosen(self.changes(draft, chance), chance)
        grades = range(1, min(GRADES, len(found)) + 1) if self.harmful else [len(found)] * bool(found)
        texts = [changed(draft, found[:grade]) for grade in grades]
        # a report without words can't be scored
        return [text for text in texts if text.strip()]


def by_sentence(
    told: Callable[[Told, Chance], str] | None, text: Callable[[Sentence, Chance], str]
) -> Callable[[Draft, Chance], list[Change]]:
    """Changes of an edit that makes one sentence another, or says that it doesn't apply by an empty text.

    `told` is asked where the phantom tells what a sentence means, `text` elsewhere; everywhere if there is no `told`.
    """

    def changes(draft: Draft, chance: Chance) -> list[Change]:
        found = []
        for place, sentence in enumerate(draft.sentences):
            if sentence.advises:
                continue
            new = told(sentence.told, chance) if told and sentence.told else text(sentence, chance)
            if new and new != sentence.stem:
                found.append(Change(place, new))
        return found

    return changes


def chosen(found: Sequence[Change], chance: Chance) -> list[Change]:
    """Changes in random order, one for each sentence at most; all that add a sentence are kept."""
    order = sorted(range(len(found)), key=lambda _: chance.number())
    kept: dict[object, Change] = {}
    for at in order:
        place = found[at].place
        kept.setdefault(("added", at) if place is None else place, found[at])
    return list(kept.values())


def chance_of(name: str, study_id: str, seed: int) -> Chance:
    """Random choices that depend only on the edit, the study and the seed."""
    digest = hashlib.sha256(f"{name}|{study_id}|{seed}".encode("utf-8", "surrogatepass")).digest()
    return Chance(np.random.default_rng(int.from_bytes(digest[:8], "big")))


EDITS: Final[Registry[Edit]] = Registry("edit", "rrgbench.edits")


def every_edit() -> list[Edit]:
    """All edits, the harmless first, by name."""
    return sorted(EDITS.everything().values(), key=lambda edit: (edit.harmful, edit.name))
