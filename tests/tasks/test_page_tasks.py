"""What tasks keep for a run's page: calibration, lengths, groups, protocols, cases."""

import json
from dataclasses import replace

import numpy as np
import pytest

from rrgbench.data.phantom import load
from rrgbench.findings.matching import compare_findings
from rrgbench.findings.reading import read_findings
from rrgbench.labelers import RulesLabeler
from rrgbench.metrics.clinical_efficacy import ClinicalEfficacy
from rrgbench.observations import OBSERVATIONS, observation_index
from rrgbench.runs.records import Record
from rrgbench.runs.store import RunFolder, unit_id
from rrgbench.scoring.options import scoring
from rrgbench.scoring.protocols import load_protocol
from rrgbench.tasks.cases import choose
from rrgbench.tasks.runner import evaluate
from rrgbench.tasks.suite import Suite

CLEAR = "The lungs are clear."


class Half:
    """Writes the reference of every second study, and predicts its labels with some doubt."""

    name, image_size = "half", 32

    def __init__(self, corpus):
        self.identity = "half@1"
        self.known = {
            study.images[0].load(32).tobytes(): (study, at % 2 == 0) for at, study in enumerate(corpus.split("test"))
        }

    def generate_reports(self, images):
        found = [self.known[film.tobytes()] for film in images]
        return [study.report if copied else CLEAR for study, copied in found]

    def predict_observations(self, images):
        labels = np.stack([self.known[film.tobytes()][0].labels for film in images])
        return np.where(labels == 1, 0.8, 0.3)


@pytest.fixture(scope="module")
def corpus():
    return load(train=6, validate=2, test=60, retrieval=0)


TASKS = {
    "report_generation": {"nlg": ["bleu_4"]},
    "classification": {"settings": ["own"]},
    "subgroups": {},
    "protocol_band": {"protocols": ["raw", "dcrrg"]},
    "cases": {"each": 1, "side": 64},
}


@pytest.fixture(scope="module")
def run(corpus, tmp_path_factory):
    suite = Suite(name="page", replicates=50, trivial=("most-frequent",), tasks=TASKS)
    return evaluate(Half(corpus), corpus, suite, tmp_path_factory.mktemp("run"))


def test_named_protocols_get_training_reports_or_a_reason(corpus, tmp_path):
    suite = Suite(name="band", trivial=(), tasks={"protocol_band": {"protocols": ["dcrrg", "r2gen"]}})
    run = evaluate(Half(corpus), corpus, suite, tmp_path / "with")
    assert {one.setting for one in run.records if one.value is not None} == {"dcrrg", "r2gen"}
    without = corpus.regrouped("test", [one.study_id for one in corpus.split("test")])
    without = replace(without, studies=tuple(one for one in without.studies if one.split != "train"))
    run = evaluate(Half(corpus), without, suite, tmp_path / "without")
    (reason,) = {one.reason for one in run.records if one.setting == "r2gen"}
    assert "training reports" in reason


def kept(run, task, model="half"):
    store = RunFolder(run.folder)
    for unit in store.units():
        inputs = store.inputs(unit)
        if inputs["task"] == task and str(inputs["model"]).startswith(model):
            return store.arrays(unit)
    raise AssertionError(f"no unit of {task}")


def value(run, metric, **where):
    return next(
        one
        for one in run.records
        if one.model == "half" and one.metric == metric and all(getattr(one, k) == v for k, v in where.items())
    )


def test_lengths_and_copies(run, corpus):
    reports = Half(corpus).generate_reports([one.images[0].load(32) for one in corpus.split("test")])
    words = [len(text.split()) for text in reports]
    assert value(run, "report_words").value == pytest.approx(np.mean(words))
    assert value(run, "report_words").low < np.mean(words) < value(run, "report_words").high
    found = kept(run, "report_generation")
    assert found["words"].tolist() == words
    assert found["copies"][0] == sum(text == CLEAR for text in reports)
    assert found["copies"].sum() == 60


def test_probabilities_are_kept_with_what_is_true(run, corpus):
    found = kept(run, "classification")
    assert found["probabilities"].shape == found["target"].shape == (60, 14)
    assert found["probabilities"].dtype == np.float16
    positive = np.stack([one.labels for one in corpus.split("test")]) == 1
    known = found["target"] >= 0
    assert (found["target"][known] == positive[known]).all()
    # 0.8 for what is true and 0.3 for what is not
    share = positive[known].mean()
    assert value(run, "ece", observation=None).value == pytest.approx(0.2 * share + 0.3 * (1 - share), abs=0.02)


def test_groups_hold_every_study_once(run, corpus):
    views = [one for one in run.records if one.model == "half" and (one.setting or "").startswith("view")]
    assert {one.setting for one in views} == {"view AP", "view PA"}
    assert sum(one.n for one in views) == 60
    studies = [one for one in corpus.split("test") if one.images[0].view == "AP"]
    tool = scoring("dcrrg").tool
    written = Half(corpus).generate_reports([one.images[0].load(32) for one in studies])
    metric = ClinicalEfficacy("micro", 14, scoring("dcrrg").protocol.uncertain)
    statistics = metric.statistics(tool.label([one.report for one in studies]), tool.label(written))
    expected = metric.aggregate(statistics, np.ones((1, len(studies))))[0, 2]
    assert value(run, "ce_f1_group", setting="view AP").value == pytest.approx(expected)


def test_each_protocol_gives_its_number(run):
    assert value(run, "bleu_4_by_protocol", setting="dcrrg").value == pytest.approx(value(run, "bleu_4").value)
    assert value(run, "bleu_4_by_protocol", setting="raw").value != value(run, "bleu_4").value
    assert not [one for one in run.records if one.model == "most-frequent" and one.task == "protocol_band"]


def test_cases_are_kept_of_synthetic_corpora_alone(run, corpus, tmp_path):
    found = kept(run, "cases")
    assert found["films"].shape[1:] == (64, 64)
    by_id = {one.study_id: one for one in corpus.split("test")}
    for study, text in zip(found["studies"], found["references"], strict=True):
        assert by_id[str(study)].report == str(text)
    assert str(found["reasons"][0]).startswith("among the best: findings F1 1.00")
    suite = Suite(name="page", replicates=10, trivial=(), tasks={"cases": {}})
    patients = replace(corpus, synthetic=False)
    real = evaluate(Half(corpus), patients, suite, tmp_path / "real")
    (record,) = real.records
    assert record.value is None
    assert "--cases" in (record.reason or "")
    assert kept(real, "cases") == {}
    asked = evaluate(Half(corpus), patients, suite.with_task("cases", texts="all"), tmp_path / "asked")
    assert kept(asked, "cases")["reports"].size


def test_chosen_cases_are_what_they_are_called():
    texts = {
        "same": ("Large right pleural effusion.", "Large right pleural effusion."),
        "side": ("Large right pleural effusion.", "Large left pleural effusion."),
        "missing": ("Right pneumothorax. Cardiomegaly.", "Cardiomegaly."),
        "invented": ("Cardiomegaly.", "Cardiomegaly. Left pneumothorax."),
        "middle": ("Cardiomegaly. Edema.", "Cardiomegaly. Mild edema."),
        "nothing": ("Cardiomegaly.", "Right rib fracture."),
    }
    compared = {key: compare_findings(read_findings(a), read_findings(b)) for key, (a, b) in texts.items()}
    found = choose(compared, 1)
    assert next(iter(found)) == "same"
    words = {key: reason.partition(":")[0] for key, reason in found.items()}
    assert words["nothing"] in ("among the worst", "the gravest invention", "the gravest omission")
    assert {"told most differently", "median"} <= set(words.values())
    assert len(found) == len(set(found))


def test_arrays_of_objects_are_refused_and_damage_is_seen(tmp_path):
    store, inputs = RunFolder(tmp_path), {"task": "t", "model": "m@1"}
    records = [Record("t", "m", "c@1", "test", "x", value=1.0)]
    with pytest.raises(Exception, match="hold objects"):
        store.put(unit_id(inputs), inputs, records, None, {"a": np.array([{}])})
    store.put(unit_id(inputs), inputs, records, None, {"a": np.array(["ä"])})
    assert store.arrays(unit_id(inputs))["a"].tolist() == ["ä"]
    assert store.get(unit_id(inputs)) == (records, {})
    (file,) = (tmp_path / "units").glob("*.npz")
    file.write_bytes(file.read_bytes()[:-20])
    assert store.arrays(unit_id(inputs)) == {}


def test_the_run_keeps_no_report_where_it_should_not(run):
    for file in run.folder.rglob("*.json"):
        assert CLEAR not in json.dumps(json.loads(file.read_text(encoding="utf-8"))), file.name


def test_every_observation_has_its_calibration(run):
    rows = {one.observation for one in run.records if one.model == "half" and one.metric == "ece"}
    assert rows == {*OBSERVATIONS, None}


def test_what_the_corpus_does_not_label_has_no_calibration(corpus, tmp_path):
    class Speechless(Half):
        def predict_observations(self, images):
            fracture = np.arange(14) == OBSERVATIONS.index("Fracture")
            return np.where(fracture, super().predict_observations(images), np.nan)

    unlabelled = replace(corpus, labelled_observations=frozenset(OBSERVATIONS) - {"Fracture"})
    suite = Suite(name="own", replicates=20, trivial=(), tasks={"classification": {"settings": ["own"]}})
    found = evaluate(Speechless(corpus), unlabelled, suite, tmp_path).records
    overall = next(one for one in found if one.metric == "ece" and one.observation is None)
    assert (overall.value, overall.low, overall.reason) == (None, None, "no label or no prediction")


def test_groups_are_over_the_observations_of_the_protocol(corpus, tmp_path):
    """Micro F1 of a group is over the five observations that the protocol's own table is over."""
    few = Suite(name="five", replicates=5, trivial=(), tasks={"subgroups": {}})
    run = evaluate(Half(corpus), corpus, few, tmp_path, protocol="radeval")
    groups = {one.setting: one for one in run.records if (one.setting or "").startswith("findings")}
    assert all("|obs:5|" in f"{one.signature}|" for one in groups.values() if one.value is not None)
    studies = corpus.split("test")
    written = Half(corpus).generate_reports(np.stack([study.images[0].load(32) for study in studies]))
    labeler = RulesLabeler()
    truth, said = labeler.label([study.report for study in studies]), labeler.label(written)
    none = (np.delete(truth, [observation_index("No Finding"), observation_index("Support Devices")], 1) == 1).sum(1)
    for setting, rows in (("findings 0", none == 0), ("findings 1-2", (none == 1) | (none == 2))):
        record = groups[setting]
        metric = ClinicalEfficacy("micro", 5, load_protocol("radeval").uncertain)
        statistics = metric.statistics(truth[rows], said[rows])
        expected = metric.aggregate(statistics, np.ones((1, rows.sum())))[0, 2]
        assert (record.n, record.value) == (rows.sum(), pytest.approx(expected))


def test_a_classifier_of_one_observation_alone_has_its_auroc_and_no_mean_of_five(corpus, tmp_path):
    class Fracture(Half):
        def predict_observations(self, images):
            found = np.full((len(images), 14), np.nan)
            column = observation_index("Fracture")
            found[:, column] = np.linspace(0, 1, len(images))
            return found

    tasks = {"classification": {"settings": ["own"], "mean_over": "five"}}
    several = load(train=6, validate=2, test=400, retrieval=0)
    run = evaluate(Fracture(several), several, Suite(name="five", replicates=5, trivial=(), tasks=tasks), tmp_path)
    by_name = {one.observation: one for one in run.records if one.metric == "auroc"}
    assert by_name["Fracture"].value is not None
    assert by_name[None].value is None
    assert by_name[None].reason.startswith("no mean of: Cardiomegaly (not predicted)")
