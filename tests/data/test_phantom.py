"""The phantom corpus: determinism, prevalence, laziness, errors."""

import copy
import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rrgbench.data.corpus import Corpus, label_matrix
from rrgbench.data.phantom import PhantomFilm, load, load_b
from rrgbench.data.phantom.draws import uniforms
from rrgbench.data.phantom.labels import draw_labels
from rrgbench.data.phantom.population import DRAWN, PHANTOM, PHANTOM_B, Population
from rrgbench.errors import InputError
from rrgbench.observations import (
    COMPETITION_OBSERVATIONS,
    NEGATIVE,
    POSITIVE,
    UNCERTAIN,
    UNMENTIONED,
    observation_index,
)


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return load()


def test_default_corpus_is_made_without_drawing_a_film_or_writing_a_report(monkeypatch) -> None:
    monkeypatch.setattr("rrgbench.data.phantom.corpus.write_report", None)
    monkeypatch.setattr("rrgbench.data.phantom.film.draw_film", None)
    corpus = load()
    assert len(corpus) == 47_500
    assert {name: len(corpus.split(name)) for name in corpus.splits} == {
        "train": 6000,
        "validate": 500,
        "test": 1000,
        "retrieval": 40_000,
    }
    with pytest.raises(TypeError):
        _ = corpus.split("test")[0].report


def test_a_study_is_the_same_whatever_was_asked_before() -> None:
    large, small = load(train=50, validate=5, test=5, retrieval=5), load(train=3, validate=1, test=2, retrieval=0)
    backwards = large.split("train")[2::-1]
    films = {study.study_id: study.images[0].load(64) for study in backwards}
    reports = {study.study_id: study.report for study in backwards}
    for study in small.split("train"):
        assert np.array_equal(study.images[0].load(64), films[study.study_id])
        assert study.report == reports[study.study_id]
    assert [s.study_id for s in small.split("test")] == [s.study_id for s in large.split("test")[:2]]


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=20), st.integers(0, 2**31))
@settings(max_examples=30, deadline=None)
def test_labels_do_not_depend_on_company(indices: list[int], seed: int) -> None:
    together = draw_labels(PHANTOM, seed, np.array(indices))
    alone = np.concatenate([draw_labels(PHANTOM, seed, np.array([index])) for index in indices])
    assert np.array_equal(together, alone)


def test_uniforms_are_uniform_and_uncorrelated() -> None:
    numbers = uniforms(3, 1, np.arange(50_000), 6)
    assert numbers.min() > 0
    assert numbers.max() < 1
    assert np.allclose(numbers.mean(axis=0), 0.5, atol=0.006)
    assert np.allclose(numbers.var(axis=0), 1 / 12, atol=0.002)
    assert np.abs(np.corrcoef(numbers.T) - np.eye(6)).max() < 0.02
    assert abs(np.corrcoef(numbers[:-1, 0], numbers[1:, 0])[0, 1]) < 0.02
    assert not np.array_equal(numbers, uniforms(4, 1, np.arange(50_000), 6))


@pytest.mark.parametrize(("population", "no_finding"), [(PHANTOM, 75_455 / 227_827), (PHANTOM_B, 16_627 / 187_641)])
def test_prevalence_is_the_published_one(population: Population, no_finding: float) -> None:
    labels = draw_labels(population, 1, np.arange(100_000))
    assert np.allclose((labels[:, 1:] == POSITIVE).mean(axis=0), population.positive, atol=0.006)
    assert np.allclose((labels[:, 1:] == UNCERTAIN).mean(axis=0), population.uncertain, atol=0.006)
    assert (labels[:, 0] == POSITIVE).mean() == pytest.approx(no_finding, abs=0.02)
    assert len(population.positive) == len(DRAWN) == 13


def test_diseases_keep_company() -> None:
    labels = draw_labels(PHANTOM, 0, np.arange(100_000))
    positive = labels == POSITIVE

    def lift(first: str, second: str) -> float:
        a, b = positive[:, observation_index(first)], positive[:, observation_index(second)]
        return float((a & b).mean() / (a.mean() * b.mean()))

    assert lift("Edema", "Cardiomegaly") > 1.7
    assert lift("Pneumonia", "Consolidation") > 1.7
    assert lift("Atelectasis", "Pleural Effusion") > 1.4
    assert lift("Edema", "Pneumothorax") < lift("Edema", "Cardiomegaly")


def test_no_finding_follows_chexpert_rule() -> None:
    labels = draw_labels(PHANTOM, 0, np.arange(5000))
    present = np.isin(labels[:, 1:-1], (POSITIVE, UNCERTAIN)).any(axis=1)
    assert np.array_equal(labels[:, 0] == POSITIVE, ~present)
    assert np.isin(labels[present, 0], (UNMENTIONED,)).all()
    assert set(np.unique(labels)) == {POSITIVE, NEGATIVE, UNCERTAIN, UNMENTIONED}


def test_retrieval_pool_holds_5x200(corpus: Corpus) -> None:
    labels = label_matrix(corpus.split("retrieval"))[:, [observation_index(name) for name in COMPETITION_OBSERVATIONS]]
    present = np.isin(labels, (POSITIVE, UNCERTAIN)).sum(axis=1)
    for column, name in enumerate(COMPETITION_OBSERVATIONS):
        assert ((labels[:, column] == POSITIVE) & (present == 1)).sum() >= 200, name


def test_films_and_studies_travel_to_other_processes(corpus: Corpus) -> None:
    study = corpus.split("test")[0]
    twin = pickle.loads(pickle.dumps(study))
    assert twin.report == study.report
    assert np.array_equal(twin.images[0].load(64), study.images[0].load(64))
    assert copy.copy(study).report == study.report
    assert hash(study.images[0]) == hash(twin.images[0])
    assert study.images[0].view in ("PA", "AP")


def test_labels_cannot_be_overwritten(corpus: Corpus) -> None:
    labels = corpus.split("train")[0].labels
    assert labels is not None
    with pytest.raises(ValueError, match="read-only"):
        labels[0] = 1


def test_phantom_b_has_labels_and_no_reports() -> None:
    corpus = load_b(train=20, validate=0, test=4)
    assert corpus.name == "phantom-b"
    assert corpus.splits == ("train", "test")
    assert all(study.report is None and study.labels is not None for study in corpus)
    assert not corpus.reports("train")
    first = corpus.split("train")[0]
    assert not np.array_equal(first.images[0].load(64), load(train=1).split("train")[0].images[0].load(64))


def test_digest_tells_what_was_generated() -> None:
    sizes = {"train": 4, "validate": 1, "test": 1, "retrieval": 0}
    digests = {
        load(**sizes).digest,
        load(seed=1, **sizes).digest,
        load_b(**sizes).digest,
        load(**{**sizes, "train": 5}).digest,
    }
    assert len(digests) == 4
    assert load(**sizes).digest in digests


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"root": Path("films")}, "root"),
        ({"train": -1}, "train=-1"),
        ({"test": 10**7}, "test=10000000"),
        ({"seed": -3}, "seed"),
    ],
)
def test_bad_arguments_are_named(arguments: dict[str, object], said: str) -> None:
    for loader in (load, load_b):
        with pytest.raises(InputError, match=said):
            loader(**arguments)  # type: ignore[arg-type]


def test_a_film_needs_pixels() -> None:
    with pytest.raises(InputError, match="16 or more"):
        PhantomFilm("phantom", 0, 0).load(8)


def test_slices_and_negative_positions(corpus: Corpus) -> None:
    studies = corpus.studies
    assert studies[-1].study_id == list(studies[47_498:])[-1].study_id
    with pytest.raises(IndexError):
        studies[47_500]
