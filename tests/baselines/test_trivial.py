"""Trivial systems pick the report that their rule says."""

from dataclasses import replace

import numpy as np
import pytest

from rrgbench.data.corpus import Corpus
from rrgbench.data.films.cache import FilmCache
from rrgbench.data.films.stream import load_films
from rrgbench.data.phantom import load, load_b
from rrgbench.data.phantom.film import PhantomFilm
from rrgbench.data.study import Study
from rrgbench.errors import InputError
from rrgbench.models import load_model

NAMES = ("most-frequent", "fixed-template", "random-report", "nearest-neighbour")


@pytest.fixture(scope="module")
def corpus():
    return load(train=30, validate=2, test=8, retrieval=4)


def fitted(name, corpus):
    model = load_model(name)
    model.fit(corpus)
    return model


@pytest.mark.parametrize("name", NAMES)
def test_reports_do_not_depend_on_order_or_batch(name, corpus):
    model = fitted(name, corpus)
    films = load_films(corpus.split("test"), model.image_size)
    reports = model.generate_reports(films)
    assert model.generate_reports(films[::-1]) == reports[::-1]
    assert [model.generate_reports(film[None])[0] for film in films] == reports


def test_without_training_reports_only_the_template_can_be_written():
    filmed = load_b(train=3, validate=0, test=2)
    films = load_films(filmed.split("test"), 32)
    model = fitted("fixed-template", filmed)
    assert len(set(model.generate_reports(films))) == 1
    assert model.similarity(films, ["the lungs are clear", "an effusion"]).shape == (2, 2)
    for name in ("most-frequent", "random-report", "nearest-neighbour"):
        with pytest.raises(InputError, match=f"so {name} has nothing to choose from"):
            fitted(name, filmed)


def test_most_frequent_is_the_most_frequent(corpus):
    texts = ["b", "a", "b", "a", "c"]
    studies = corpus.split("train")[: len(texts)]
    few = Corpus("few", "00" * 8, tuple(with_report(study, text) for study, text in zip(studies, texts, strict=True)))
    assert fitted("most-frequent", few).report == "a", "the first by alphabet among equals"


def with_report(study, text):
    return Study(study.study_id, study.subject_id, study.split, study.images, text, {}, study.labels, "latent")


def test_nearest_neighbour_finds_the_film_itself(corpus):
    model = fitted("nearest-neighbour", corpus)
    train = corpus.split("train")
    assert model.generate_reports(load_films(train, model.image_size)) == [study.report for study in train]


def test_the_nearest_is_the_first_of_all_blocks_whatever_their_size(corpus, monkeypatch):
    films = load_films(corpus.split("test"), 32)
    whole = fitted("nearest-neighbour", corpus)
    expected = whole.generate_reports(films)
    monkeypatch.setattr("baselines.trivial._BLOCK", 7)
    assert whole.generate_reports(films) == expected
    copied = replace(corpus, studies=[*corpus.split("train"), *(
        replace(study, study_id=f"{study.study_id}-copy", subject_id=f"{study.subject_id}-copy", report="A copy.")
        for study in corpus.split("train")
    )])  # fmt: skip
    assert fitted("nearest-neighbour", copied).generate_reports(films) == expected


def test_nearest_neighbour_takes_its_films_from_the_cache(corpus, monkeypatch):
    cache, model = FilmCache(jobs=1), load_model("nearest-neighbour")
    train = corpus.split("train")
    cache.of(train, model.image_size)
    monkeypatch.setattr(PhantomFilm, "load", None)
    model.fit(corpus, cache)
    assert len(model.neighbours) == len(train)


def test_nearest_neighbour_reads_no_film_before_it_writes(corpus, monkeypatch):
    monkeypatch.setattr(PhantomFilm, "load", None)
    model = fitted("nearest-neighbour", corpus)
    with pytest.raises(TypeError):
        model.generate_reports(np.zeros((1, 32, 32), dtype=np.uint8))


def test_constant_reports_carry_no_information(corpus):
    model = fitted("fixed-template", corpus)
    films = load_films(corpus.split("test"), model.image_size)
    probabilities = model.predict_observations(films)
    assert (probabilities == probabilities[0]).all()
    similarity = model.similarity(films, ["no effusion", "the lungs are clear"])
    assert similarity.shape == (8, 2)
    assert np.allclose(similarity, similarity[0])
