"""What is read out of single sentences, by kind (`sentences.yaml`)."""

from pathlib import Path

import pytest
import yaml

from rrgbench.findings import read_findings

KINDS = yaml.safe_load((Path(__file__).parent / "sentences.yaml").read_text(encoding="utf-8"))
CASES = [(kind, sentence, expected) for kind, cases in KINDS.items() for sentence, expected in cases]


def test_there_are_two_hundred_sentences_of_every_kind() -> None:
    assert len(CASES) >= 200
    assert all(len(cases) >= 5 for cases in KINDS.values())


@pytest.mark.parametrize(("kind", "sentence", "expected"), CASES, ids=[f"{kind}: {text}" for kind, text, _ in CASES])
def test_a_sentence_gives_its_findings(kind: str, sentence: str, expected: list[str]) -> None:
    assert [finding.words for finding in read_findings(sentence)] == expected


@pytest.mark.parametrize(("kind", "sentence", "expected"), CASES)
def test_capitals_and_a_missing_full_stop_change_nothing(kind: str, sentence: str, expected: list[str]) -> None:
    for text in (sentence.lower(), sentence.upper(), sentence.removesuffix(".")):
        assert [finding.words for finding in read_findings(text)] == expected


@pytest.mark.parametrize(("kind", "sentence", "expected"), CASES)
def test_findings_know_where_they_stand(kind: str, sentence: str, expected: list[str]) -> None:
    report = f"Views of the chest. {sentence}"
    for finding in read_findings(report):
        assert 20 <= finding.start < finding.end <= len(report)
        assert report[finding.start : finding.end].strip() == report[finding.start : finding.end]
