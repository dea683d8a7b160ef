"""Sentences of reports as training texts."""

from collections import Counter

import numpy as np

from rrgbench.observations import OBSERVATIONS
from rrgbench.training.data import FilmSource, ReportSource
from rrgbench.training.items import FilmAndSentence, sentences_of

REPORT = "The heart is normal. No effusion is seen. Clear lungs."


def items(reports: list[str], seed: int = 0) -> FilmAndSentence:
    labels = np.zeros((len(reports), 14), dtype=np.int8)
    films = FilmSource(np.zeros((len(reports), 8, 8), dtype=np.uint8), labels, OBSERVATIONS)
    source = ReportSource(reports, labels)
    return FilmAndSentence(films, source, True, False, seed)


def test_a_text_without_sentences_is_its_own() -> None:
    assert sentences_of("...") == ["..."]


def test_each_sentence_of_the_own_report_is_drawn_equally_often_over_epochs() -> None:
    dataset = items([REPORT, "Only this."])
    drawn: Counter[str] = Counter()
    for epoch in range(600):
        dataset.set_epoch(epoch)
        drawn[dataset[0]["report"]] += 1
        assert dataset[1]["report"] == "Only this."
    assert set(drawn) == set(sentences_of(REPORT))
    # 200 expected each, standard deviation 11.5
    assert all(abs(count - 200) < 50 for count in drawn.values())


def test_the_draw_follows_from_seed_and_epoch() -> None:
    def run(seed: int, epoch: int) -> list[str]:
        dataset = items([REPORT] * 20, seed)
        dataset.set_epoch(epoch)
        return [dataset[index]["report"] for index in range(20)]

    assert run(0, 3) == run(0, 3)
    assert run(0, 3) != run(0, 4)
    assert run(0, 3) != run(1, 3)
