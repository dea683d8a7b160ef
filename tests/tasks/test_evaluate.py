"""A whole evaluation on a small phantom with a model whose answers are known."""

import json
from dataclasses import replace

import numpy as np
import pytest

from rrgbench.data.corpus import Corpus
from rrgbench.data.phantom import load
from rrgbench.data.study import Study
from rrgbench.errors import InputError
from rrgbench.tasks.runner import evaluate
from rrgbench.tasks.suite import Suite, load_suite


class Oracle:
    """Knows each film's study: writes its own report and predicts its own labels."""

    name, image_size, identity = "oracle", 32, "oracle@1"

    def __init__(self, corpus, fail_at=None):
        studies = [*corpus.split("test"), *corpus.split("retrieval")]
        self.by_film = {study.images[0].load(32).tobytes(): study for study in studies}
        self.fail_at, self.written = fail_at, 0

    def _studies(self, images):
        return [self.by_film[film.tobytes()] for film in images]

    def generate_reports(self, images):
        self.written += len(images)
        if self.fail_at is not None and self.written > self.fail_at:
            raise KeyboardInterrupt
        return [study.report for study in self._studies(images)]

    def predict_observations(self, images):
        return np.stack([study.labels == 1 for study in self._studies(images)]).astype(np.float32)

    def similarity(self, images, texts):
        return np.array(
            [[float(text == study.report) for text in texts] for study in self._studies(images)], np.float32
        )


@pytest.fixture(scope="module")
def corpus():
    return load(train=20, validate=2, test=70, retrieval=400)


@pytest.fixture(scope="module")
def suite():
    return Suite(
        name="few",
        replicates=20,
        trivial=("fixed-template",),
        report_generation={},
        clinical_efficacy={},
        retrieval={"per_class": 2, "ks": (1, 2)},
        classification={"settings": ("own", "linear"), "fractions": (1.0,)},
        error_correlation={},
    )


@pytest.fixture(scope="module")
def run(corpus, suite, tmp_path_factory):
    return evaluate(Oracle(corpus), corpus, suite, tmp_path_factory.mktemp("run"))


def test_the_oracle_is_perfect(run):
    assert run.value("report_generation", "bleu_4", "oracle") == pytest.approx(1.0)
    assert run.value("clinical_efficacy", "ce_f1", "oracle", setting="micro") == 1.0
    assert run.value("retrieval", "precision_at_k", "oracle", k=1) == 1.0
    assert run.value("classification", "auroc", "oracle", setting="own") == 1.0


def test_a_constant_report_is_at_chance(run):
    assert run.value("retrieval", "precision_at_k", "fixed-template", k=1) == pytest.approx(0.2)
    assert run.value("retrieval", "chance_precision", "fixed-template") == pytest.approx(0.2)
    assert run.value("classification", "auroc", "fixed-template", setting="own") == pytest.approx(0.5)
    assert run.value("report_generation", "distinct_reports", "fixed-template") == 1


def test_what_is_not_offered_is_blank_with_a_reason(run):
    blanks = [record for record in run.records if record.value is None]
    assert all(record.reason for record in blanks)
    (probe,) = [r for r in blanks if (r.model, r.setting, r.observation) == ("oracle", "linear", None)]
    assert "no image backbone" in probe.reason


class Classifier:
    """Predicts, and writes nothing."""

    name, image_size, identity = "classifier", 32, "classifier@1"

    def predict_observations(self, images):
        return np.full((len(images), 14), 0.5, dtype=np.float32)


def test_a_model_that_writes_nothing_is_blank_in_the_cells_of_those_that_do(corpus, suite, tmp_path):
    records = evaluate(Classifier(), corpus, suite, tmp_path).records
    cells = {name: {(r.task, r.metric, r.setting) for r in records if r.model == name and r.observation is None}
             for name in ("classifier", "fixed-template")}  # fmt: skip
    written = {cell for cell in cells["fixed-template"] if cell[0] in ("report_generation", "clinical_efficacy")}
    assert written <= cells["classifier"]
    assert {cell for cell in cells["classifier"] if cell[0] == "clinical_efficacy"} <= written
    assert all(r.reason for r in records if r.model == "classifier" and r.task == "clinical_efficacy")


def test_every_number_has_signature_and_interval(run):
    for record in run.records:
        if record.value is not None:
            assert record.signature.startswith("rrgbench:")
            if record.metric not in ("distinct_reports", "chance_precision") and record.observation is None:
                assert record.low <= record.value + 1e-9
                assert record.high >= record.value - 1e-9


def test_results_are_the_tidy_table(run):
    records = json.loads((run.folder / "results.json").read_text())
    assert isinstance(records, list)
    assert len(records) == len(run.records)
    assert {"task", "model", "corpus", "split", "metric", "value", "low", "high", "n", "signature"} <= set(records[0])
    lines = [json.loads(line) for path in (run.folder / "predictions").glob("oracle*") for line in path.open()]
    assert len(lines) == 70
    assert set(lines[0]) == {"study_id", "report"}


def test_killed_and_gone_on_with_gives_the_same_bytes(corpus, suite, run, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        evaluate(Oracle(corpus, fail_at=64), corpus, suite, tmp_path)
    again = Oracle(corpus)
    evaluate(again, corpus, suite, tmp_path)
    assert again.written == 6, "the 64 reports written before the kill are kept"
    assert (tmp_path / "results.json").read_bytes() == (run.folder / "results.json").read_bytes()


def test_shipped_suites_are_valid():
    assert load_suite("full").classification.fractions == (0.01, 0.1, 1.0)
    assert load_suite("quick").retrieval is not None


def test_a_typo_in_a_suite_is_named(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("retrievall: {}\n")
    with pytest.raises(InputError, match="retrievall"):
        load_suite(str(path))
    path.write_text("retrieval: {per_class: -1}\n")
    with pytest.raises(InputError, match="per_class"):
        load_suite(str(path))


def test_films_of_which_nothing_is_known_are_in_no_auroc(corpus, suite, run, tmp_path):
    """A film with neither labels nor report must not count as a normal one."""
    fields = ("study_id", "subject_id", "split", "images", "report", "sections", "labels", "labels_source")
    plain = [Study(**{field: getattr(study, field) for field in fields}) for study in corpus]
    bare = [
        replace(study, report=None, labels=None) if study.split == "test" and index % 2 else study
        for index, study in enumerate(plain)
    ]
    half = Corpus("half", "ef" * 8, tuple(bare))
    found = evaluate(Oracle(corpus), half, suite, tmp_path)
    (own,) = [
        r
        for r in found.records
        if (r.task, r.model, r.setting, r.observation) == ("classification", "oracle", "own", None)
    ]
    assert own.n == 35
    assert own.value == 1.0
