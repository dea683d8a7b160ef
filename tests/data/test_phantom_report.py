"""The phantom's reports: they say the truth, in many words but few word types."""

import re

import numpy as np
import pytest

from rrgbench.data.corpus import Corpus, label_matrix
from rrgbench.data.phantom import load
from rrgbench.labelers import load as load_labeler
from rrgbench.observations import NEGATIVE, OBSERVATIONS, POSITIVE, UNCERTAIN


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return load(train=12_000, validate=0, test=0, retrieval=0)


@pytest.fixture(scope="module")
def reports(corpus: Corpus) -> list[str]:
    return [study.report or "" for study in corpus.split("train")]


def test_the_rules_labeler_reads_the_truth_back(corpus: Corpus, reports: list[str]) -> None:
    truth = label_matrix(corpus.split("train"))
    found = load_labeler("rules").label(reports)
    for column, name in enumerate(OBSERVATIONS):
        for value in (POSITIVE,) if name == "No Finding" else (POSITIVE, NEGATIVE, UNCERTAIN):
            true, said = truth[:, column] == value, found[:, column] == value
            f1 = 2 * (true & said).sum() / (true.sum() + said.sum())
            assert f1 >= 0.97, f"{name} coded {value}"


def test_sentences_vary_and_words_are_few(reports: list[str]) -> None:
    sentences = {sentence.strip() for report in reports for sentence in report.split(".")}
    assert len(sentences) >= 10_000
    words = {word for report in reports for word in re.findall(r"[a-z]+", report)}
    assert 300 <= len(words) <= 450
    assert len(set(reports)) > 0.99 * len(reports)


def test_reports_have_the_length_of_reports(reports: list[str]) -> None:
    lengths = np.array([len(report.split()) for report in reports])
    assert 30 <= np.median(lengths) <= 60
    assert lengths.min() >= 4
    assert lengths.max() <= 200


def test_reports_are_clean_sentences(reports: list[str]) -> None:
    for report in reports[:3000]:
        assert report == report.lower()
        assert report.endswith(".")
        assert not re.search(r"[{}]|\s\s|\.\.| ,|\ba [aeio]", report.replace("a one", "")), report


def test_side_and_place_are_those_of_the_film(corpus: Corpus) -> None:
    checked = 0
    for study in corpus.split("train")[:2000]:
        effusion = study.images[0].case().findings.get("Pleural Effusion")  # type: ignore[attr-defined]
        if effusion is None:
            continue
        said = [sentence for sentence in (study.report or "").split(".") if "effusion" in sentence]
        side = {"both": ("bilateral", "both"), "left": ("left",), "right": ("right",)}[effusion.side]
        assert any(word in sentence for sentence in said for word in side)
        checked += 1
    assert checked > 300
