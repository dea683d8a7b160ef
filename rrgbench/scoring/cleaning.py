"""How protocols clean report text before it is compared.

Each function maps one report to a line of words separated by single spaces. None of them ever fails; an empty report
gives what the described procedure gives for it.
"""

import re
from collections.abc import Callable
from typing import Final, Literal

Cleaning = Literal["none", "r2gen-iu", "r2gen-mimic", "lower-split-stops"]

_ITEM_NUMBERS: Final = ("2", "3", "4", "5")
_DELETED: Final = str.maketrans("", "", "\"'/\\.,?;*!%^&_+():<=>@[]{}")
"""R2Gen's character class reads `:-[` as a range, so `<`, `=`, `>` and `@` go too and a hyphen stays."""


def as_given(report: str) -> str:
    """The text unchanged; metrics split it at white space."""
    return report


def r2gen_iu(report: str) -> str:
    """R2Gen's cleaning of IU X-Ray reports (Chen et al., EMNLP 2020).

    Runs of full stops become one; list numbers 1 to 5 go; text is lower-cased; sentences end where a full stop and a
    space stand; punctuation inside a sentence is deleted without leaving a space; sentences are joined by a full stop
    that is a word of its own. Masks: `XXXX` stays as `xxxx`. An empty report becomes a single full stop.
    """
    return _sentences(_without_numbers(re.sub(r"\.{2,8}", ".", report)))


def r2gen_mimic(report: str) -> str:
    """R2Gen's cleaning of MIMIC-CXR reports: as `r2gen_iu`, but line breaks and runs of spaces become one space first.

    Masks: any number of underscores disappears with the punctuation.
    """
    text = re.sub(r" {2,}", " ", re.sub(r"_{2,}", "_", report.replace("\n", " ")))
    return _sentences(_without_numbers(re.sub(r"\.{2,}", ".", text)))


def lower_split_stops(report: str) -> str:
    """Lower case, full stops as words of their own, single spaces (ReXrank's preparation for BLEU)."""
    return " ".join(report.lower().replace(".", " .").split())


CLEANING: Final[dict[Cleaning, Callable[[str], str]]] = {
    "none": as_given,
    "r2gen-iu": r2gen_iu,
    "r2gen-mimic": r2gen_mimic,
    "lower-split-stops": lower_split_stops,
}


def _without_numbers(text: str) -> str:
    text = text.replace("1. ", "")
    for number in _ITEM_NUMBERS:
        text = text.replace(f". {number}. ", ". ")
    for number in _ITEM_NUMBERS:
        text = text.replace(f" {number}. ", ". ")
    return text


def _sentences(text: str) -> str:
    sentences = [sentence.strip().translate(_DELETED) for sentence in text.strip().lower().split(". ")]
    return " ".join((" . ".join(sentences) + " .").split())
