"""Invented comparison: the report compares with an earlier film where the reference doesn't."""

import re
from typing import Final

from rrgbench.data.phantom.told import Told
from rrgbench.data.phantom.wording import Chance, about_finding
from rrgbench.trials.edits.draft import Change, Draft, Sentence
from rrgbench.trials.edits.edit import Edit, by_sentence

_CLAUSES: Final = (
    ", increased since the prior study",
    ", new since the prior study",
    ", decreased since the prior study",
    ", worse than on the prior study",
)
_OVERALL: Final = (
    "Compared to the prior study, there has been interval improvement",
    "Compared to the prior study, there has been interval worsening",
)
_COMPARES: Final = re.compile(
    r"\b(?:prior|previous|earlier|comparison|compared|interval|new|newly|stable|unchanged|increas\w*|decreas\w*|improv\w*|"
    r"worse\w*|persist\w*|again|change[sd]?|remain\w*|resol\w+|develop\w*|progress\w*|chronic|old|known|since|recent)\b",
    re.IGNORECASE,
)
_MANY_CLAUSES: Final = re.compile(r"[,;:]|\b(?:which|that|but|however|may|could)\b", re.IGNORECASE)


def _of_phantom(told: Told, chance: Chance) -> str:
    if told.finding is None or not told.finding.certain or _COMPARES.search(told.text):
        return ""
    slots = {**told.slots, "again": chance.of(_CLAUSES)}
    template = told.template if "{again}" in told.template else told.template + "{again}"
    return about_finding(told.about[0], template, told.finding, slots).text


def _of_text(sentence: Sentence, chance: Chance) -> str:
    """A sentence of one clause, of findings that are there, with a comparison behind it."""
    plain = not _COMPARES.search(sentence.stem) and not _MANY_CLAUSES.search(sentence.stem)
    positive = sentence.positive - {"Support Devices"}
    return sentence.stem + chance.of(_CLAUSES) if plain and positive and not sentence.negative else ""


def changes(draft: Draft, chance: Chance) -> list[Change]:
    """A comparison in sentences of findings; in a report that compares nothing, one at the end too."""
    found = by_sentence(_of_phantom, _of_text)(draft, chance)
    if not _COMPARES.search(draft.text):
        overall = chance.of(_OVERALL)
        found.append(Change(None, overall if draft.text[:1].isupper() else overall.lower()))
    return found


EDIT: Final = Edit(
    "invented_comparison",
    "comparison",
    True,
    "The report compares with an earlier film that the reference doesn't speak of.",
    changes=changes,
)
