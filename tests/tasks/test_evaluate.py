"""A whole evaluation on a small phantom with a model whose answers are known."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest

from rrgbench.data.corpus import Corpus
from rrgbench.data.phantom import load
from rrgbench.data.study import Study
from rrgbench.errors import InputError, UnknownNameError
from rrgbench.render.record_tables import tables
from rrgbench.runs.records import sort_records
from rrgbench.scoring.options import scoring
from rrgbench.scoring.score import score
from rrgbench.tasks.base import table_descriptions
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
        tasks={
            "report_generation": {},
            "clinical_efficacy": {},
            "retrieval": {"per_class": 2, "ks": (1, 2)},
            "classification": {"settings": ("own", "linear"), "fractions": (1.0,)},
            "error_correlation": {},
        },
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
    # one of the five has too few studies that show none of the 13 others
    assert run.value("retrieval", "precision_at_k", "fixed-template", k=1) == pytest.approx(0.25)
    assert run.value("retrieval", "chance_precision", "fixed-template") == pytest.approx(0.25)
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
        if record.value is not None and record.model != "best-constant":
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


def test_killed_and_resumed_gives_the_same_bytes(corpus, suite, run, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        evaluate(Oracle(corpus, fail_at=64), corpus, suite, tmp_path)
    again = Oracle(corpus)
    evaluate(again, corpus, suite, tmp_path)
    assert again.written == 6, "the 64 reports written before the kill are kept"
    assert (tmp_path / "results.json").read_bytes() == (run.folder / "results.json").read_bytes()


def test_shipped_suites_are_valid():
    assert load_suite("full").tasks["classification"].fractions == (0.01, 0.1, 1.0)
    assert list(load_suite("quick").tasks) == list(load_suite("full").tasks)


def test_a_typo_in_a_suite_is_named(tmp_path):
    path = tmp_path / "mine.yaml"
    for text, message in (
        ("tasks: {retrievall: {}}", "retrievall.*did you mean 'retrieval'"),
        ("tasks: {retrieval: {per_class: -1}}", "retrieval.per_class"),
        ("tasks: {retrieval: {ks: [0]}}", "retrieval.ks"),
        ("tasks: {retrieval: {ks: []}}", "retrieval.ks"),
        ("tasks: {classification: {fractions: [1, 10]}}", "classification.fractions"),
        ("tasks: {classification: {fractions: [.nan]}}", "classification.fractions"),
        ("tasks: {report_generation: {limit: 0}}", "report_generation.limit"),
        ("tasks: {report_generation: {limt: 3}}", "report_generation.limt: no such parameter; did you mean 'limit'"),
        ("replicats: 3", "replicats: no such field; did you mean 'replicates'"),
        ("replicates: 1", "replicates"),
        ("split: exam", "no split is called 'exam'"),
        ("name: ../../escaped", "name"),
        ("retrieval: {}", "put retrieval below tasks"),
        ("tasks: {}\ntasks: {}", "tasks stands twice"),
        ("tasks: {classification: {fractions: [0.1, 0.10]}}", "classification.fractions.*0.1 stands twice"),
        ("tasks: {classification: {settings: [own, own]}}", "classification.settings.*own stands twice"),
        ("tasks: {classification: {fractions: [0]}}", "classification.fractions"),
        ("tasks: {classification: {fractions: [-0.1]}}", "classification.fractions"),
        ("tasks: {retrieval: {ks: [1, 5, 1]}}", "retrieval.ks.*1 stands twice"),
        ("tasks: {report_generation: {metrics: [findings, findings]}}", "report_generation.metrics.*stands twice"),
        ("replicates: " + "9" * 5000, "is not YAML"),
        ("a: " + "[" * 3000, "is not YAML"),
        ("trivial: [random-report, random-report]", "trivial.*random-report stands twice"),
        ("trivial: [randm-report]", "trivial.*randm-report.*did you mean 'random-report'"),
        ("tasks: {protocol_band: {protocols: [raw, nope]}}", "protocol_band.protocols.*no protocol is called 'nope'"),
        ("tasks: {clinical_efficacy: {labelers: [rule]}}", "clinical_efficacy.labelers.*did you mean 'rules'"),
        ("tasks: {classification: {settings: own}}", r"classification.settings: expected a list, such as \[own\]"),
        ("tasks: {retrieval: {ks: 5}}", r"retrieval.ks: expected a list, such as \[5\]"),
        ("trivial: none", r"expected a list, such as \[most-frequent\], or \[\] for none"),
        ("replicates: 30", "names no task"),
        ("", "names no task"),
        ("tasks: [", "not YAML"),
        ("[1]", "must be a mapping"),
    ):
        path.write_text(text + "\n")
        with pytest.raises(InputError, match=message) as caught:
            load_suite(str(path))
        assert "\n" not in str(caught.value)


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
        r for r in found.records if (r.metric, r.model, r.setting, r.observation) == ("auroc", "oracle", "own", None)
    ]
    assert own.n == 35
    assert own.value == 1.0


def test_values_on_resamples_are_kept_and_read_again(corpus, suite, run, tmp_path):
    (own,) = [
        r
        for r in run.records
        if (r.task, r.model, r.metric, r.setting) == ("clinical_efficacy", "fixed-template", "ce_f1", "micro")
    ]
    kept = run.replicates(own)
    assert kept.shape == (suite.replicates,)
    np.testing.assert_allclose(np.quantile(kept, [0.025, 0.975]), [own.low, own.high])
    shutil.copytree(run.folder, tmp_path / "again")
    again = evaluate(Oracle(corpus), corpus, suite, tmp_path / "again")
    assert again.records == run.records
    np.testing.assert_array_equal(again.replicates(own), kept)


def test_damaged_replicates_are_computed_again(corpus, suite, run, tmp_path, caplog):
    shutil.copytree(run.folder, tmp_path / "again")
    path = sorted((tmp_path / "again" / "units").glob("*.npz"))[0]
    path.write_bytes(path.read_bytes()[:-20] + bytes(20))
    again = evaluate(Oracle(corpus), corpus, suite, tmp_path / "again")
    assert "damaged" in caplog.text
    assert again.records == run.records


class Trusting(Oracle):
    """Fails if it is asked anything."""

    def generate_reports(self, images):
        raise AssertionError

    predict_observations = similarity = generate_reports


def test_a_finished_run_asks_nothing_and_fits_nothing(corpus, suite, run, tmp_path, monkeypatch):
    shutil.copytree(run.folder, tmp_path / "again")
    monkeypatch.setattr("baselines.trivial.FixedTemplate.fit", lambda *_: pytest.fail("fitted"))
    assert evaluate(Trusting(corpus), corpus, suite, tmp_path / "again").records == run.records


def test_a_fresh_and_a_resumed_run_have_the_same_order(corpus, suite, run):
    assert list(run.records) == sort_records(run.records)


def test_another_labeler_or_protocol_is_another_unit(corpus, tmp_path):
    few = Suite(name="few", replicates=5, trivial=(), tasks={"clinical_efficacy": {"limit": 5}})
    first = evaluate(Oracle(corpus), corpus, few, tmp_path, protocol="dcrrg")
    second = evaluate(Oracle(corpus), corpus, few, tmp_path, protocol="r2gen@1")
    # each beside the best constant under the same choices
    assert len(list((tmp_path / "units").glob("*.json"))) == 4
    assert {r.signature for r in first.records} != {r.signature for r in second.records}


def test_reports_written_before_a_kill_in_the_first_batch_of_a_resumed_run_stay(corpus, suite, tmp_path):
    for written in (64, 0):
        with pytest.raises(KeyboardInterrupt):
            evaluate(Oracle(corpus, fail_at=written), corpus, suite, tmp_path)
    again = Oracle(corpus)
    evaluate(again, corpus, suite, tmp_path)
    assert again.written == 6


def test_each_task_has_its_own_limit(corpus, tmp_path):
    tasks = {"report_generation": {"limit": 3}, "clinical_efficacy": {"limit": 5}}
    found = evaluate(Oracle(corpus), corpus, Suite(name="few", replicates=5, trivial=(), tasks=tasks), tmp_path)
    assert {r.n for r in found.records if r.task == "report_generation"} == {3}
    assert {r.n for r in found.records if r.task == "clinical_efficacy" and r.observation is None} == {5}


def test_error_correlation_says_how_it_was_made(run):
    (one, *_) = [r for r in run.records if r.task == "error_correlation" and r.model == "oracle"]
    assert "protocol:dcrrg@2|labeler:rules@3" in one.signature
    assert "unc:pos" in one.signature
    assert "labels:latent" in one.signature


def test_mixed_sources_of_labels_are_said(corpus, tmp_path):
    fields = ("study_id", "subject_id", "split", "images", "report", "sections", "labels", "labels_source")
    plain = [Study(**{field: getattr(study, field) for field in fields}) for study in corpus.split("test")]
    mixed = [replace(study, labels=None) if index % 2 else study for index, study in enumerate(plain)]
    few = Suite(name="few", replicates=5, trivial=(), tasks={"classification": {"settings": ("own",)}})
    found = evaluate(Oracle(corpus), Corpus("mixed", "ab" * 8, tuple(mixed)), few, tmp_path)
    assert "labels:latent+rules@3" in found.records[0].signature


def test_an_unknown_option_comes_with_the_nearest_name(corpus, suite, tmp_path):
    with pytest.raises(UnknownNameError, match="did you mean protocol"):
        evaluate(Oracle(corpus), corpus, suite, tmp_path, protocoll="raw")


def test_the_best_constant_report_stands_in_the_table(run, corpus):
    rows = {r.metric: r for r in run.records if r.model == "best-constant" and r.setting in (None, "micro")}
    assert {"bleu_1", "bleu_4", "cider", "meteor", "rouge_l", "ce_f1"} <= set(rows)
    fixed = {r.metric: r for r in run.records if r.model == "most-frequent" and r.setting in (None, "micro")}
    assert all(rows[key].value >= fixed[key].value - 1e-9 for key in rows if key in fixed and key != "meteor")
    assert "candidates:training-reports" in rows["bleu_4"].signature
    assert "avg:micro" in rows["ce_f1"].signature
    best = max(
        score(
            {s.study_id: s.report for s in corpus.split("test")},
            dict.fromkeys([s.study_id for s in corpus.split("test")], text),
            metrics=["bleu_4"],
            intervals=False,
            certificate=False,
        )["bleu_4"].value
        for text in {s.report for s in corpus.split("train")}
    )
    assert rows["bleu_4"].value == pytest.approx(best, abs=1e-12)


def test_another_labeler_of_training_labels_is_another_unit(corpus, tmp_path, monkeypatch):
    bare = [replace(study, labels=None) if study.split == "train" else study for study in corpus.studies]
    mixed = Corpus("mixed", "cd" * 8, tuple(bare))
    few = Suite(name="few", replicates=5, trivial=(), tasks={"classification": {"settings": ("own",)}})
    evaluate(Oracle(corpus), mixed, few, tmp_path)
    before = {path.name for path in (tmp_path / "units").glob("*.json")}
    monkeypatch.setattr("rrgbench.labelers.study_labels.StandardLabeler.identity", "rules@other")
    evaluate(Oracle(corpus), mixed, few, tmp_path)
    assert before < {path.name for path in (tmp_path / "units").glob("*.json")}


def test_a_protocol_of_another_section_is_refused_and_the_section_signed(corpus, tmp_path):
    findings = replace(corpus, section="findings")
    few = Suite(name="few", replicates=5, trivial=(), tasks={"report_generation": {}, "error_correlation": {}})
    with pytest.raises(InputError, match=r"rexrank@2 compares the findings and impression.*--option section"):
        evaluate(Oracle(corpus), findings, few, tmp_path, protocol="rexrank")
    run = evaluate(Oracle(corpus), findings, few, tmp_path)
    compared = [one for one in run.records if "protocol:" in (one.signature or "")]
    assert {one.task for one in compared} == set(few.tasks)
    assert all("|section:findings" in one.signature for one in compared)
    films_only = Suite(name="few", replicates=5, trivial=(), tasks={"classification": {"settings": ("own",)}})
    assert evaluate(Oracle(corpus), findings, films_only, tmp_path / "films", protocol="rexrank").records


def test_a_protocol_with_a_vocabulary_takes_it_from_the_training_split(corpus, tmp_path):
    few = Suite(name="few", replicates=5, trivial=(), tasks={"report_generation": {"limit": 4}})
    run = evaluate(Oracle(corpus), corpus, few, tmp_path, protocol="r2gen")
    (bleu, *_) = [one for one in run.records if one.metric == "bleu_1" and one.model == "oracle"]
    reports = [study.report for study in corpus.reports("train")]
    assert f"|vocab:{scoring('r2gen', training_reports=reports).vocabulary.identity}" in bleu.signature


def test_the_constant_is_one_report_and_marks_what_loses_to_it(run):
    assert run.value("report_generation", "distinct_reports", "best-constant") == 1
    (table,) = (one for one in tables(run.records, table_descriptions()) if one.title.startswith("Report generation"))
    rows = {row.label: row for row in table.rows}
    assert all(cell.value is not None for cell in rows["best-constant"].cells)
    bleu = [column.title for column in table.columns].index("BLEU-4")
    assert rows["fixed-template"].cells[bleu].superscript == "!"
    assert rows["fixed-template"].cells[-1].superscript == "!"
    assert not any(cell.superscript for cell in (*rows["oracle"].cells, *rows["best-constant"].cells))
    assert len([text for text in table.remarks if text.startswith("! ")]) == 2


def test_the_metrics_are_the_protocols_own(corpus, tmp_path):
    few = Suite(name="few", replicates=5, trivial=("fixed-template",), tasks={"report_generation": {}})
    found = evaluate(Oracle(corpus), corpus, few, tmp_path, protocol="rexrank")
    assert found.value("report_generation", "bleu_2_mean", "oracle") == pytest.approx(1.0)
    assert not any(record.metric == "bleu_2" for record in found.records)
    best = next(one for one in found.records if (one.model, one.metric) == ("best-constant", "bleu_2_mean"))
    assert 0 < best.value < 1
    assert "bleu:mean-sentence-0.1" in best.signature


def test_the_band_of_clinical_efficacy_stands_in_a_table(run, corpus, tmp_path):
    found = {r.model: r for r in run.records if r.metric == "ce_f1_band"}
    assert (found["oracle"].low, found["oracle"].value, found["oracle"].high) == (1.0, 1.0, 1.0)
    fixed = found["fixed-template"]
    assert fixed.value == run.value("clinical_efficacy", "ce_f1", "fixed-template", setting="micro")
    assert fixed.low <= fixed.value <= fixed.high
    assert "over labeler rules@3 and the readings of uncertain" in fixed.reason
    assert any("over labelers and readings" in table.title for table in tables(run.records, table_descriptions()))
    few = Suite(
        name="few",
        replicates=5,
        trivial=(),
        tasks={"clinical_efficacy": {"labelers": ("rules@1", "rules@3"), "limit": 30}},
    )
    (wide,) = (r for r in evaluate(Oracle(corpus), corpus, few, tmp_path).records if r.metric == "ce_f1_band")
    assert "band:unc+rules@1" in wide.signature
    assert "labelers rules@3, rules@1" in wide.reason
