"""A corpus counted in blocks, which bounds the memory, has the same bits as one counted whole."""

import random

import pytest

from rrgbench.metrics import best_constant, ngrams
from rrgbench.metrics.base import Statistics
from rrgbench.metrics.best_constant import best_constant_reports
from rrgbench.metrics.bleu import Bleu
from rrgbench.metrics.cider import Cider
from rrgbench.metrics.meteor import Meteor
from rrgbench.metrics.meteor import metric as meteor_metric


def corpus(studies: int = 60, words: int = 40) -> tuple[list[list[str]], list[str]]:
    rng = random.Random(0)
    vocabulary = [f"w{number}" for number in range(words)]

    def text() -> str:
        return " ".join(rng.choices(vocabulary, k=rng.randint(0, 30)))

    references = [[text() for _ in range(rng.randint(1, 3))] for _ in range(studies)]
    return references, [text() if rng.random() < 0.7 else study[0] for study in references]


def all_statistics(references: list[list[str]], hypotheses: list[str]) -> list[Statistics]:
    others = [study[0] for study in references[:20]]
    metrics = (Bleu(), Cider(), Cider(others), Meteor())
    return [metric.statistics(references, hypotheses) for metric in metrics]


def test_blocks_of_studies_change_no_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    references, hypotheses = corpus()
    whole = all_statistics(references, hypotheses)
    monkeypatch.setattr(ngrams, "_WORDS_AT_ONCE", 200)
    monkeypatch.setattr(meteor_metric, "_STUDIES_AT_ONCE", 7)
    assert len(list(ngrams.ngram_table(references, hypotheses).blocks())) > 5
    for one, other in zip(whole, all_statistics(references, hypotheses), strict=True):
        assert one.tobytes() == other.tobytes()


def test_words_are_numbered_as_they_come_whatever_sentences_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ngrams, "_SENTENCES", 2)
    texts = ["a b . c . a b .", " . ", "", "d . . a b . c\t.\n. e", "a b . f"]
    numbers = ngrams.Numbers()
    words = ngrams.Words.of(texts, numbers)
    assert list(numbers) == ["a", "b", ".", "c", "d", "e", "f"]
    read = [list(numbers)[code] for code in words.codes]
    assert read == [word for text in texts for word in text.split()]
    assert words.lengths.tolist() == [len(text.split()) for text in texts]


def test_ngrams_of_a_vocabulary_too_large_for_numbers_are_told_apart_by_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    references, hypotheses = corpus()
    whole = all_statistics(references, hypotheses)[:3]
    many = " ".join(f"v{number}" for number in range(60_000))
    references.append([many])
    hypotheses.append("v0 v1 v2 v3 v255 v256 v65535")
    one_block = all_statistics(references, hypotheses)[:3]
    monkeypatch.setattr(ngrams, "_WORDS_AT_ONCE", 200)
    table = ngrams.ngram_table(references, hypotheses)
    assert next(table.blocks()).orders[3].keys.dtype.kind == "S"
    for one, other in zip(one_block, all_statistics(references, hypotheses)[:3], strict=True):
        assert one.tobytes() == other.tobytes()
    assert one_block[0][:-1].tobytes() == whole[0].tobytes()


def test_of_very_many_references_the_constant_is_estimated_on_an_even_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    references, _ = corpus(200)
    candidates = [study[0] for study in references]
    keys = ["bleu_1", "cider", "rouge_l"]
    exact = best_constant_reports(references, candidates, keys)
    monkeypatch.setattr(best_constant, "_MOST", 50)
    found = best_constant_reports(references, candidates, keys)
    for key in keys:
        assert (found[key].exact, found[key].estimated_on) == (False, 50)
        assert "estimated on 50 different references" in found[key].note
        assert found[key].value == pytest.approx(exact[key].value, rel=0.35)
