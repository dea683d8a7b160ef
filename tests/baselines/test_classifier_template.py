"""A classifier with one template sentence per observation: what it writes, and where its thresholds come from."""

from dataclasses import replace

import numpy as np
import pytest

from baselines.classifier_template import NORMAL, SENTENCES, ClassifierTemplate, load, report_of
from rrgbench.data.films.stream import load_films
from rrgbench.data.phantom import load as phantom
from rrgbench.errors import InputError
from rrgbench.labelers import RulesLabeler
from rrgbench.observations import OBSERVATIONS, POSITIVE, UNCERTAIN, observation_index
from rrgbench.tasks.runner import evaluate
from rrgbench.tasks.suite import Suite


class Knowing:
    """Predicts what its studies show, on a scale of its own."""

    name, image_size, identity = "knowing", 16, "knowing@1"

    def __init__(self, corpus):
        studies = [*corpus.split("validate"), *corpus.split("test")]
        self.labels = {study.images[0].load(16).tobytes(): study.labels for study in studies}

    def predict_observations(self, images):
        shown = np.stack([np.isin(self.labels[film.tobytes()], (POSITIVE, UNCERTAIN)) for film in images])
        return np.where(shown, 0.03, 0.01).astype(np.float32)


@pytest.fixture(scope="module")
def corpus():
    return phantom(train=2, validate=30, test=12, retrieval=1)


def test_each_sentence_says_its_observation_and_nothing_else():
    assert list(SENTENCES) == [name for name in OBSERVATIONS if name != "No Finding"]
    labels = RulesLabeler().label([report_of([name]) for name in SENTENCES])
    for name, row in zip(SENTENCES, labels, strict=True):
        alone = {name} | ({"No Finding"} if name == "Support Devices" else set())
        assert {OBSERVATIONS[column] for column in np.flatnonzero(row != -2)} == alone
        assert row[observation_index(name)] == POSITIVE
    assert report_of([]) == report_of(["No Finding"]) == NORMAL
    assert report_of(["Support Devices"]).endswith(NORMAL)


def test_a_perfect_classifier_is_perfect_on_what_validation_shows(corpus, tmp_path):
    model = ClassifierTemplate(Knowing(corpus))
    suite = Suite(name="few", replicates=5, trivial=(), tasks={"clinical_efficacy": {}})
    run = evaluate(model, corpus, suite, tmp_path)
    rows = {r.observation: r for r in run.records if r.metric == "ce_f1" and r.observation}
    shown = np.isin(np.stack([study.labels for study in corpus.split("validate")]), (POSITIVE, UNCERTAIN)).any(axis=0)
    for name, seen in zip(OBSERVATIONS, shown, strict=True):
        if seen and name != "No Finding" and rows[name].value is not None:
            assert rows[name].value == 1.0, name
    assert "|classifier:knowing@1" in rows["Cardiomegaly"].signature
    assert model.identity.endswith("<knowing@1>")


def test_thresholds_come_from_the_validation_split_alone(corpus):
    model = ClassifierTemplate(Knowing(corpus))
    model.fit(corpus)
    assert model.thresholds[observation_index("Cardiomegaly")] == pytest.approx(0.02)
    bare = replace(corpus, studies=[one for one in corpus.studies if one.split != "validate"])
    with pytest.raises(InputError, match="validat"):
        ClassifierTemplate(Knowing(corpus)).fit(bare)


def test_the_shipped_head_writes_and_what_predicts_nothing_is_refused():
    model = load()
    films = load_films(phantom(train=1, validate=1, test=3, retrieval=1).split("test"), model.image_size)
    assert all(report.endswith(".") for report in model.generate_reports(films))
    assert model.signed == {"classifier": model.classifier.identity}
    with pytest.raises(InputError, match="random does not"):
        load("random")
    with pytest.raises(InputError, match="give one of them"):
        load("dcrrg=6a", "6d")
