"""How protocols clean report text before it is compared.

Each function maps one report to a line of words separated by single spaces. None of them ever fails; an empty report
gives what the described procedure gives for it.
"""

import re
from collections.abc import Callable
from functools import partial
from typing import Final, Literal

Cleaning = Literal["none", "lower", "r2gen-iu", "r2gen-mimic", "lower-split-stops", "lower-split-blanks"]
Tokens = Literal["all", "alphabetic"]

_ITEM_NUMBERS: Final = ("2", "3", "4", "5")
_DELETED: Final = str.maketrans("", "", "\"'/\\.,?;*!%^&_+():<=>@[]{}")
"""R2Gen's character class reads `:-[` as a range, so `<`, `=`, `>` and `@` go too and a hyphen stays."""


def as_given(report: str) -> str:
    """The text unchanged; metrics split it at white space."""
    return report


def lower(report: str) -> str:
    """Lower case, single spaces."""
    return " ".join(report.lower().split())


def r2gen_iu(report: str, keep: Callable[[str], str] = str) -> str:
    """R2Gen's cleaning of IU X-Ray reports (Chen et al., EMNLP 2020).

    Runs of full stops become one; list numbers 1 to 5 go; text is lower-cased; sentences end where a full stop and a
    space stand; punctuation inside a sentence is deleted without leaving a space; sentences are joined by a full stop
    that is a word of its own. Masks: `XXXX` stays as `xxxx`. An empty report becomes a single full stop. `keep` chooses
    words of each sentence before its punctuation goes.
    """
    return _sentences(_without_numbers(re.sub(r"\.{2,8}", ".", report)), keep)


def r2gen_mimic(report: str, keep: Callable[[str], str] = str) -> str:
    """R2Gen's cleaning of MIMIC-CXR reports: as `r2gen_iu`, but line breaks and runs of spaces become one space first.

    Masks: any number of underscores disappears with the punctuation.
    """
    text = re.sub(r" {2,}", " ", re.sub(r"_{2,}", "_", report.replace("\n", " ")))
    return _sentences(_without_numbers(re.sub(r"\.{2,}", ".", text)), keep)


def lower_split_stops(report: str) -> str:
    """Lower case, full stops as words of their own, single spaces (ReXrank's preparation for BLEU)."""
    return " ".join(report.lower().replace(".", " .").split())


_INSIDE_WORDS: Final = {code: 0xF0000 + code for code in range(0x3001) if chr(code).isspace() and code != ord(" ")}
"""White space that ReXrank doesn't split at, as private characters, so that nothing else splits there either."""


def lower_split_blanks(report: str) -> str:
    """Lower case, full stops as words of their own, words split at blanks alone: a line break stays inside a word.

    What ReXrank's code does (rajpurkarlab/CXR-Report-Metric).
    """
    words = report.lower().replace(".", " .").split(" ")
    return " ".join(word for word in words if word).translate(_INSIDE_WORDS)


def alphabetic(sentence: str) -> str:
    """The words of letters and full stops, and `<NUM>` for those of digits (M2TR's code: words with a comma go)."""
    words = ("<NUM>" if re.fullmatch("[0-9]+", word) else word for word in sentence.split() if word != ".")
    return " ".join(word for word in words if word == "<NUM>" or re.fullmatch(r"[a-zA-Z.\\]+", word))


def cleaner(cleaning: Cleaning, tokens: Tokens = "all") -> Callable[[str], str]:
    """What prepares a report: a cleaning, and which words it keeps."""
    if tokens == "all":
        return CLEANING[cleaning]
    if cleaning in ("r2gen-iu", "r2gen-mimic"):
        return partial(r2gen_iu if cleaning == "r2gen-iu" else r2gen_mimic, keep=alphabetic)
    return lambda report: alphabetic(CLEANING[cleaning](report))


CLEANING: Final[dict[Cleaning, Callable[[str], str]]] = {
    "none": as_given,
    "lower": lower,
    "r2gen-iu": r2gen_iu,
    "r2gen-mimic": r2gen_mimic,
    "lower-split-stops": lower_split_stops,
    "lower-split-blanks": lower_split_blanks,
}


def _without_numbers(text: str) -> str:
    text = text.replace("1. ", "")
    for number in _ITEM_NUMBERS:
        text = text.replace(f". {number}. ", ". ")
    for number in _ITEM_NUMBERS:
        text = text.replace(f" {number}. ", ". ")
    return text


def _sentences(text: str, keep: Callable[[str], str]) -> str:
    sentences = [keep(sentence.strip()).lower().translate(_DELETED) for sentence in text.strip().lower().split(". ")]
    return " ".join((" . ".join(sentences) + " .").split())
