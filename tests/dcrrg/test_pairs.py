"""Which films and reports step 2 lays side by side."""

import numpy as np
import pytest

from dcrrg import step2
from dcrrg.configuration import load_preset
from dcrrg.training import new_model
from rrgbench.data.phantom import load
from rrgbench.data.unpaired import combine
from rrgbench.observations import OBSERVATIONS, POSITIVE
from rrgbench.training.data import Sources

STUDIES = 200


@pytest.fixture(scope="module")
def corpus():
    return load(train=STUDIES, validate=2, test=2, retrieval=0)


@pytest.fixture(scope="module")
def items(corpus, tmp_path_factory):
    def made(pairs, corpus=corpus, epoch=0):
        path = tmp_path_factory.mktemp("preset") / "mine.yaml"
        path.write_text(f"extends: mini\nmodel: {{image_size: 16}}\npairs: {pairs}\n")
        settings = load_preset(str(path))
        sources = Sources(corpus, 16)
        found = step2.pair_items(sources.data, settings, 5)
        found.set_epoch(epoch)
        return found, sources.data

    return made


def seen(found):
    """Film labels and report of each item."""
    rows = [found[index] for index in range(len(found))]
    return np.stack([row["film_labels"] for row in rows]), np.stack([row["text_labels"] for row in rows]), rows


def test_own_is_the_default_and_every_study_once(items):
    found, data = items("own")
    assert load_preset("paper").pairs == load_preset("tiny").pairs == "own"
    assert [found[index]["report"] for index in range(STUDIES)] == data.reports.reports


def test_labels_lays_other_reports_of_the_same_labels_beside_a_film(items):
    found, data = items("labels")
    films, texts, rows = seen(found)
    np.testing.assert_array_equal(films, (data.films.labels == POSITIVE).astype(np.float32))
    np.testing.assert_array_equal(films, texts)
    own = [row["report"] == report for row, report in zip(rows, data.reports.reports, strict=True)]
    assert 0 < np.mean(own) < 0.5
    again, _ = items("labels", epoch=1)
    assert [row["report"] for row in rows] != [again[index]["report"] for index in range(STUDIES)]


def test_balanced_draws_rare_observations_more_often_each_beside_its_own_report(items):
    found, data = items("balanced")
    positive = (data.films.labels == POSITIVE).mean(axis=0)
    counted = np.zeros(len(OBSERVATIONS))
    for epoch in range(10):
        found.set_epoch(epoch)
        films, texts, rows = seen(found)
        counted += films.mean(axis=0) / 10
        np.testing.assert_array_equal(films, texts)
        assert {row["report"] for row in rows} <= set(data.reports.reports)
        assert len({row["report"] for row in rows}) < STUDIES
    rare = (positive > 0) & (positive < 0.03)
    assert rare.any()
    assert (counted[rare] > 1.5 * positive[rare]).all()


@pytest.mark.parametrize("pairs", ["own", "labels"])
def test_films_without_reports_of_their_own_are_matched_by_labels_anyway(items, corpus, pairs):
    found, data = items(pairs, combine(corpus, load(train=STUDIES, validate=2, test=2, retrieval=0, seed=9)))
    assert not data.paired
    films, texts, _ = seen(found)
    assert (films == texts).all(axis=1).mean() > 0.8


def test_validation_takes_a_films_own_report(corpus, tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("extends: mini\nmodel: {image_size: 16}\npairs: labels\nstep2: {patience: 1}\n")
    settings = load_preset(str(path))
    sources = Sources(corpus, 16, limit=20)
    work = step2.stage(settings, sources, 5).work(new_model(settings, sources.data.reports.reports, 0))
    assert work.items.own is False
    assert work.validation.own is True
