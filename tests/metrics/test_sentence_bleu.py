import doctest
from math import exp, log, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rrgbench.metrics import sentence_bleu
from rrgbench.metrics.sentence_bleu import SentenceBleu

WORDS = st.lists(st.sampled_from(["a", "b", "c", "d"]), max_size=8)


def by_hand(reference: list[str], hypothesis: list[str], orders: int, epsilon: float) -> float:
    """NLTK's sentence_bleu with method 1, written out for one reference."""
    total = 0.0
    for order in range(1, orders + 1):
        grams = [tuple(hypothesis[at : at + order]) for at in range(len(hypothesis) - order + 1)]
        others = [tuple(reference[at : at + order]) for at in range(len(reference) - order + 1)]
        matched = sum(min(grams.count(gram), others.count(gram)) for gram in set(grams))
        if (order == 1 and not matched) or (not matched and not epsilon):
            return 0.0
        total += log((matched or epsilon) / max(len(grams), 1)) / orders
    return exp(total) * (1.0 if len(hypothesis) > len(reference) else exp(1 - len(reference) / len(hypothesis)))


@given(st.lists(st.tuples(WORDS, WORDS), min_size=1, max_size=4), st.sampled_from([0.1, 0.0, 0.5]))
def test_every_report_is_as_nltk_scores_it(pairs, epsilon) -> None:
    metric = SentenceBleu(epsilon)
    rows = metric.statistics([[" ".join(r)] for r, _ in pairs], [" ".join(h) for _, h in pairs])
    expected = [[by_hand(r, h, orders, epsilon) for orders in range(1, 5)] for r, h in pairs]
    np.testing.assert_allclose(rows, expected, rtol=1e-12, atol=1e-15)


def test_the_corpus_value_is_the_mean_and_resamples_are_weighted() -> None:
    metric = SentenceBleu()
    rows = metric.statistics([["a b"], ["a b"]], ["a b", "a c"])
    assert rows[:, 1].tolist() == pytest.approx([1.0, sqrt(0.5 * 0.1)])
    weighted = metric.aggregate(rows, np.array([[1.0, 1.0], [3.0, 0.0]]))
    assert weighted[:, 1].tolist() == pytest.approx([(1 + sqrt(0.05)) / 2, 1.0])


def test_examples() -> None:
    assert doctest.testmod(sentence_bleu).failed == 0
