"""Loss with own films against other films: nothing for a model that reads no film, something for one that does."""

import numpy as np
import pytest

from rrgbench.data.phantom import load, load_b
from rrgbench.models import load_model
from rrgbench.tasks.film_use import mean_losses, one_cycle
from rrgbench.tasks.runner import evaluate
from rrgbench.tasks.suite import Suite

SUITE = Suite(name="films", replicates=200, trivial=("fixed-template",), tasks={"film_use": {"seed": 3}})


class Blind:
    """A token costs what its report is long, whatever the film."""

    name, image_size, identity = "blind", 32, "blind@1"

    def report_losses(self, images, reports):
        tokens = np.array([len(report.split()) for report in reports])
        return np.stack([tokens * np.sqrt(tokens), tokens], axis=1)


class Seeing(Blind):
    """The film's own report costs half."""

    name, identity = "seeing", "seeing@1"

    def __init__(self, corpus):
        self.own = {study.images[0].load(32).tobytes(): study.report for study in corpus.split("test")}

    def report_losses(self, images, reports):
        found = super().report_losses(images, reports)
        found[:, 0] *= [
            0.5 if self.own[film.tobytes()] == report else 1.0 for film, report in zip(images, reports, strict=True)
        ]
        return found


@pytest.fixture(scope="module")
def corpus():
    return load(train=4, validate=2, test=70, retrieval=4)


def values(model, corpus, folder):
    run = evaluate(model, corpus, SUITE, folder)
    return {record.metric: record for record in run.records if record.model == model.name}


def test_a_model_that_ignores_the_film_gains_exactly_nothing(corpus, tmp_path):
    found = values(Blind(), corpus, tmp_path)
    gain = found["film_gain"]
    assert (gain.low, gain.value, gain.high) == (0.0, 0.0, 0.0)
    assert found["loss_own_film"].value == found["loss_other_film"].value > 0


def test_a_model_that_reads_the_film_gains_and_the_signature_says_how(corpus, tmp_path):
    found = values(Seeing(corpus), corpus, tmp_path)
    own, other = found["loss_own_film"].value, found["loss_other_film"].value
    tokens = np.array([len(study.report.split()) for study in corpus.split("test")])
    assert other == pytest.approx((tokens * np.sqrt(tokens)).sum() / tokens.sum())
    assert own == pytest.approx(other / 2)
    assert found["film_gain"].low > 0
    assert found["film_gain"].n == 70
    assert "loss:nats-per-token" in found["film_gain"].signature
    assert "others:one-cycle-seed3" in found["film_gain"].signature


def test_a_system_without_likelihood_and_a_corpus_without_reports_are_blank_with_the_reason(corpus, tmp_path):
    run = evaluate(Blind(), corpus, SUITE, tmp_path / "a")
    blank = [record for record in run.records if record.model == "fixed-template"]
    assert {record.value for record in blank} == {None}
    assert {record.reason for record in blank} == {"the model does not say how likely it finds a given report"}
    filmed = load_b(train=2, validate=0, test=3)
    assert "no reference reports" in values(Blind(), filmed, tmp_path / "b")["film_gain"].reason


def test_no_study_keeps_its_film_and_each_film_is_lent_once():
    for n in (2, 3, 50):
        lent = one_cycle(n, 0)
        assert sorted(lent) == list(range(n))
        assert (lent != np.arange(n)).all()
    assert not np.array_equal(one_cycle(50, 0), one_cycle(50, 1))


def test_means_are_over_tokens():
    losses = np.array([[2.0, 1.0, 3.0, 1.0], [9.0, 9.0, 9.0, 9.0]])
    np.testing.assert_allclose(mean_losses(losses, np.array([[1.0, 1.0], [2.0, 0.0]])), [[1.1, 1.2, 0.1], [2, 3, 1]])


def test_the_shipped_dcrrg_reads_the_film():
    corpus = load(train=1, validate=1, test=24, retrieval=1)
    model, studies = load_model("dcrrg"), corpus.split("test")
    films = np.stack([study.images[0].load(model.image_size) for study in studies])
    own, other = (model.report_losses(films, reports) for reports in (
        [study.report for study in studies], [study.report for study in (*studies[1:], studies[0])]
    ))  # fmt: skip
    assert own[:, 0].sum() / own[:, 1].sum() < 0.9 * other[:, 0].sum() / other[:, 1].sum()
