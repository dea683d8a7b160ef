"""The best constant report against scoring every candidate for every study."""

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rrgbench.errors import InputError
from rrgbench.metrics.best_constant import TextChoices, best_constant_labels, best_constant_reports
from rrgbench.metrics.bleu import Bleu
from rrgbench.metrics.cider import Cider
from rrgbench.metrics.clinical_efficacy import ClinicalEfficacy
from rrgbench.metrics.meteor import Meteor
from rrgbench.metrics.rouge import RougeL
from rrgbench.metrics.sentence_bleu import SentenceBleu

KEYS = (*Bleu.keys, *SentenceBleu.keys, "rouge_l", "cider")
PLAIN = TextChoices()
words = st.sampled_from(["heart", "is", "normal", "large", "no", "effusion", "."])
texts = st.lists(words, min_size=1, max_size=9).map(" ".join)


def by_hand(references, candidates, choices):
    values = {}
    for candidate in candidates:
        written = [candidate] * len(references)
        for metric in (Bleu(), SentenceBleu(choices.smoothing), RougeL(), Cider(choices.frequency_reports)):
            found = metric.aggregate(metric.statistics(references, written), np.ones((1, len(references))))[0]
            for key, value in zip(metric.keys, found, strict=True):
                values.setdefault(key, []).append(value)
    return values


def agrees(references, candidates, choices=PLAIN, exact=True):
    expected = by_hand(references, candidates, choices)
    found = best_constant_reports(references, candidates, KEYS, choices)
    assert set(found) == set(KEYS)
    for key, best in found.items():
        assert best.exact or not exact
        assert expected[key][best.candidate] == pytest.approx(best.value, abs=1e-12)
        if best.exact:
            assert best.value == pytest.approx(max(expected[key]), abs=1e-12)
        else:
            assert best.value > np.quantile(expected[key], 0.7)


@settings(max_examples=40)
@given(st.lists(texts, min_size=2, max_size=8), st.lists(texts, min_size=1, max_size=6))
def test_the_best_is_what_scoring_every_candidate_finds(references, candidates):
    agrees([[text] for text in references], candidates)


@settings(max_examples=40)
@given(
    st.lists(st.lists(texts, min_size=1, max_size=3), min_size=2, max_size=5), st.lists(texts, min_size=1, max_size=4)
)
def test_studies_with_several_references(references, candidates):
    agrees(references, candidates)


@settings(max_examples=40)
@given(
    st.lists(texts, min_size=2, max_size=6),
    st.lists(texts, min_size=1, max_size=4),
    st.lists(texts, min_size=2, max_size=5),
    st.sampled_from([0.0, 0.1, 1.0]),
)
def test_document_frequencies_from_elsewhere_and_smoothing(references, candidates, others, smoothing):
    agrees([[text] for text in references], candidates, TextChoices(others, smoothing))


def reports_of_real_length():
    rng = random.Random(0)
    sentences = [" ".join(rng.choices([f"w{n}" for n in range(60)], k=rng.randint(3, 12))) + " ." for _ in range(40)]
    return [" ".join(rng.choices(sentences, k=rng.randint(2, 8))) for _ in range(60)]


def test_many_references_of_real_length():
    references = reports_of_real_length()
    agrees([[text] for text in references], references)


def test_where_few_candidates_may_be_scored_the_best_is_proven_or_said_to_be_searched(monkeypatch):
    references = reports_of_real_length()
    monkeypatch.setattr("rrgbench.metrics.best_constant._PAIRS_SCORED", 60 * 12)
    agrees([[text] for text in references], references, exact=False)


def test_double_spaces_are_empty_words_to_rouge_l_alone():
    agrees([["heart  is normal"], ["heart is  normal ."]], ["heart  is", "heart is normal"])


def test_meteor_finds_a_good_constant_and_says_that_it_searched():
    rng = random.Random(1)
    sentences = ["the heart is normal .", "no effusion is seen .", "the lungs are clear .", "a large left effusion ."]
    references = [[" ".join(rng.choices(sentences, k=3))] for _ in range(30)]
    candidates = [study[0] for study in references]
    best = best_constant_reports(references, candidates, ["meteor"])["meteor"]
    metric = Meteor()
    values = [
        metric.aggregate(metric.statistics(references, [text] * 30), np.ones((1, 30)))[0, 0] for text in candidates
    ]
    assert not best.exact
    assert best.value == pytest.approx(values[best.candidate], abs=1e-12)
    assert best.value >= np.quantile(values, 0.8)


@pytest.mark.parametrize("averaging", ["micro", "macro", "weighted", "per-report"])
def test_labels(averaging):
    generator = np.random.default_rng(0)
    references, candidates = (generator.choice([1, 0, -1, -2], size=(n, 14)).astype(np.int8) for n in (20, 9))
    metric = ClinicalEfficacy(averaging)
    values = np.stack(
        [
            metric.aggregate(metric.statistics(references, np.tile(row, (20, 1))), np.ones((1, 20)))[0]
            for row in candidates
        ]
    )
    for column, (key, best) in enumerate(best_constant_labels(metric, references, candidates).items()):
        assert key == metric.keys[column]
        assert best.value == pytest.approx(values[:, column].max(), abs=1e-12)
        assert best.value == pytest.approx(values[best.candidate, column], abs=1e-12)


@pytest.mark.parametrize("averaging", ["micro", "macro", "weighted", "per-report"])
@pytest.mark.parametrize(
    "choices", [{"uncertain": "ignored"}, {"uncertain": "negative", "observations": 5}, {"target": "mentioned"}]
)
@pytest.mark.parametrize("speaking", ["all", "observations", "cells"])
def test_constants_in_one_pass_are_what_scoring_each_gives(averaging, choices, speaking):
    generator = np.random.default_rng(1)
    references, constants = (generator.choice([1, 0, -1, -2], size=(n, 14)).astype(np.int8) for n in (15, 6))
    known = {"all": None, "observations": generator.random(14) < 0.7, "cells": generator.random((15, 14)) < 0.7}[
        speaking
    ]
    metric = ClinicalEfficacy(averaging, **choices)
    expected = [
        metric.aggregate(metric.statistics(references, np.tile(row, (15, 1)), known), np.ones((1, 15)))[0]
        for row in constants
    ]
    np.testing.assert_allclose(metric.of_constants(references, constants, known), expected, atol=1e-12)


def test_cider_of_one_study_is_left_out_and_no_candidate_is_an_error():
    assert "cider" not in best_constant_reports([["a b"]], ["a"], KEYS)
    with pytest.raises(InputError, match="no candidate"):
        best_constant_reports([["a b"]], [], KEYS)
