"""The lexicon of findings is coherent: what one entry names, another has."""

import re

import pytest

from rrgbench.findings.lexicon import finding_lexicon
from rrgbench.findings.reading import read_findings
from rrgbench.labelers.rules.lexicon import Lexicon, lexicon

LEXICON = finding_lexicon()
NAMES = {one.name for one in LEXICON.names}


def test_names_are_unique_and_states_mean_findings() -> None:
    assert len(NAMES) == len(LEXICON.names)
    for one in LEXICON.names:
        assert all(LEXICON[meaning].significance for _, meaning in one.abnormal), one.name
        assert one.stands_for <= NAMES, one.name


def test_findings_weigh_something_and_kin_are_findings() -> None:
    assert all(one.significance in LEXICON.weights for one in LEXICON.names if not one.covers)
    assert all(0.0 < value < 1.0 for value in LEXICON.alike.values())
    assert all(LEXICON[one].significance and LEXICON[other].significance for one, other in LEXICON.alike)


def test_a_normal_chest_covers_the_parts_of_the_chest() -> None:
    parts = {part for one in LEXICON.names for part in one.covers}
    assert parts - LEXICON["chest"].covers <= {"technique", "abdomen"}


def test_every_attribute_of_two_kinds_has_two_values() -> None:
    assert all(len(pairs) in (1, 2) for pairs in LEXICON.attribute_values)
    assert (("side", "bilateral"), ("zone", "lower")) in LEXICON.attribute_values


@pytest.mark.parametrize(
    "one", [LEXICON.events, LEXICON.attributes, lexicon()], ids=["findings", "words", "observations"]
)
def test_no_words_are_repeated_without_bound(one: Lexicon) -> None:
    """A long run of them would be read again from each of its words."""
    expressions = [*one.by_letter.values(), one.normality]
    assert not [found for each in expressions for found in re.findall(r"(?<!\\)\)[*+]", each.pattern)]


@pytest.mark.parametrize("word", ["a", "no", "left", "and", "mild", "pleural"])
def test_many_words_before_a_finding_are_read(word: str) -> None:
    (found,) = [one for one in read_findings(f"{word} " * 5000 + "left pleural effusion .") if "effusion" in one.name]
    assert found.sides == {"left"}
