"""The report of the nearest labels that linear classifiers on frozen features find."""

from dataclasses import replace

import numpy as np
import pytest
from torch import Tensor, nn

from baselines import frozen_retrieval
from baselines.frozen_retrieval import FrozenRetrieval
from rrgbench import labelers
from rrgbench.data.films.stream import load_films
from rrgbench.data.phantom import load, load_b
from rrgbench.data.unpaired import combine
from rrgbench.errors import InputError
from rrgbench.metrics.auroc import auroc
from rrgbench.models import FittedToCorpus, load_model
from rrgbench.observations import OBSERVATIONS, POSITIVE


class Cells(nn.Module):
    """Mean grey values of 8 x 8 cells: an encoder that needs no weights."""

    def forward(self, films: Tensor) -> Tensor:
        side = films.shape[1] // 8
        return films.float().unfold(1, side, side).unfold(2, side, side).mean(dim=(3, 4)).flatten(1)


@pytest.fixture(scope="module")
def corpus():
    return load(train=150, validate=2, test=30, retrieval=4)


@pytest.fixture(autouse=True)
def _no_weights(monkeypatch):
    monkeypatch.setattr(frozen_retrieval, "build_image_encoder", lambda *_, **__: Cells())


@pytest.fixture(scope="module")
def unpaired(corpus):
    return combine(load_b(train=150, validate=2, test=30), corpus)


def fitted(corpus):
    model = FrozenRetrieval(size=64)
    model.fit(corpus)
    return model


@pytest.mark.parametrize("name", ["corpus", "unpaired"])
def test_it_writes_training_reports_of_what_it_finds(name, request):
    corpus = request.getfixturevalue(name)
    model = fitted(corpus)
    assert isinstance(model, FittedToCorpus)
    films = load_films(corpus.split("test"), 64)
    reports = model.generate_reports(films)
    assert set(reports) <= set(model.training_reports)
    assert model.generate_reports(films[::-1]) == reports[::-1], "neither order nor batch matters"
    assert [model.generate_reports(film[None])[0] for film in films[:3]] == reports[:3]
    # no training report has labels that are nearer to what was found
    said = np.isin(labelers.load("rules").label(reports), (POSITIVE, -1)) & model.speaks
    wanted = model._found(films)
    chosen = frozen_retrieval.label_similarity(wanted.astype(np.float32), said.astype(np.float32)).diagonal()
    best = frozen_retrieval.label_similarity(wanted.astype(np.float32), model.report_labels).max(axis=1)
    np.testing.assert_allclose(chosen, best, rtol=1e-6)


def test_it_learns_from_films(corpus):
    model = fitted(corpus)
    studies = corpus.split("test")
    predicted = model.predict_observations(load_films(studies, 64))
    assert predicted.shape == (30, 14)
    assert ((predicted >= 0) & (predicted <= 1)).all()
    target = (np.stack([study.labels for study in studies]) == POSITIVE).astype(np.int8)
    column = OBSERVATIONS.index("No Finding")
    assert auroc(predicted.astype(float), target, np.ones_like(target, dtype=bool))[0, column] > 0.6
    similarity = model.similarity(load_films(studies, 64), ["There is edema.", "The lungs are clear."])
    assert similarity.shape == (30, 2)
    assert np.isfinite(similarity).all()


def test_observations_that_films_lack_are_never_found(corpus):
    without = replace(
        corpus,
        labelled_observations=tuple(name for name in OBSERVATIONS if name != "Fracture"),
    )
    model = fitted(without)
    assert not model._found(load_films(corpus.split("test"), 64))[:, OBSERVATIONS.index("Fracture")].any()


def test_what_it_cannot_be_made_from_is_said(corpus):
    with pytest.raises(InputError, match="no training report"):
        fitted(load_b(train=3, validate=0, test=2))
    bare = combine(replace(load_b(train=3, validate=0, test=2), studies=tuple(
        replace(study, labels=None) for study in load_b(train=3, validate=0, test=2).studies
    )), corpus)  # fmt: skip
    with pytest.raises(InputError, match="no labelled training film for frozen-retrieval"):
        fitted(bare)
    with pytest.raises(InputError, match="give at least 32"):
        FrozenRetrieval(size=8)


def test_few_films_of_one_subject_are_enough(corpus):
    few = replace(corpus, studies=tuple(
        replace(study, subject_id="one") if study.split == "train" else study
        for study in (*corpus.split("train")[:6], *corpus.split("test")[:2])
    ))  # fmt: skip
    assert len(fitted(few).generate_reports(load_films(few.split("test"), 64))) == 2


def test_its_identity_says_what_it_is_made_of(corpus):
    model = load_model("frozen-retrieval", size=96)
    expected = model.identity_on(corpus)
    assert "lite0-96-0.001" in expected
    model.fit(corpus)
    assert model.identity == expected
    assert load_model("frozen-retrieval").identity_on(corpus) != expected
