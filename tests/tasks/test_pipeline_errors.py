"""Error correlation and propagation, against the tables whose errors they speak of and against loops."""

from dataclasses import replace

import numpy as np
import pytest
import yaml
from scipy import stats

from rrgbench.data.phantom import load
from rrgbench.labelers import load as load_labeler
from rrgbench.metrics.propagation import ErrorPropagation
from rrgbench.observations import NEGATIVE, OBSERVATIONS, POSITIVE, UNCERTAIN
from rrgbench.scoring.protocols import load_protocol
from rrgbench.tasks.error_correlation import TASK as CORRELATION
from rrgbench.tasks.error_propagation import as_many_as, training_prevalence
from rrgbench.tasks.judged_cells import JudgedCells
from rrgbench.tasks.runner import evaluate
from rrgbench.tasks.suite import Suite

SUITE = Suite(
    name="errors",
    replicates=50,
    trivial=(),
    tasks={
        "clinical_efficacy": {},
        "classification": {"settings": ("own",)},
        "error_correlation": {},
        "error_propagation": {},
    },
)


class Sloppy:
    """Knows each film's study, but answers for every third of them with another's labels and report."""

    name, image_size, identity = "sloppy", 32, "sloppy@1"

    def __init__(self, corpus):
        studies = corpus.split("test")
        self.by_film = {
            study.images[0].load(32).tobytes(): studies[(row + 7) % len(studies)] if row % 3 == 0 else study
            for row, study in enumerate(studies)
        }

    def generate_reports(self, images):
        return [self.by_film[film.tobytes()].report for film in images]

    def predict_observations(self, images):
        noise = np.random.default_rng(0).random((len(images), 14))
        return np.stack([self.by_film[film.tobytes()].labels == 1 for film in images]) * 0.5 + 0.4 * noise


@pytest.fixture(scope="module")
def corpus():
    return load(train=2000, validate=0, test=120, retrieval=0)


@pytest.fixture(scope="module")
def run(corpus, tmp_path_factory):
    return evaluate(Sloppy(corpus), corpus, SUITE, tmp_path_factory.mktemp("errors"))


def test_over_observations_it_is_the_correlation_of_two_printed_tables(run):
    printed = {
        metric: {r.observation: r.value for r in run.records if r.metric == metric and r.observation is not None}
        for metric in ("auroc", "ce_f1")
    }
    both = [n for n in OBSERVATIONS if printed["auroc"][n] is not None and printed["ce_f1"][n] is not None]
    expected = stats.pearsonr(*([printed[metric][name] for name in both] for metric in ("auroc", "ce_f1")))[0]
    found = run.value("error_correlation", "pearson", "sloppy", setting="observations")
    assert found == pytest.approx(expected, abs=1e-12)


def reference(corpus, model, cells, nothing):
    """Spearman over studies, by loops."""
    studies = corpus.split("test")
    films = np.stack([study.images[0].load(32) for study in studies])
    probabilities, reports = model.predict_observations(films), model.generate_reports(films)
    labeler = load_labeler("rules")
    losses, f1 = [], []
    for study, found, given in zip(studies, probabilities, labeler.label(reports), strict=True):
        truth = study.labels if cells == "certain" else labeler.label([study.report])[0]
        known = study.labels != UNCERTAIN
        said = np.isin(given, (POSITIVE, UNCERTAIN))
        there = np.isin(truth, (POSITIVE, UNCERTAIN))
        counted = known if cells == "certain" else np.ones(14, dtype=bool)
        hits, wrong = (said & there & counted).sum(), ((said != there) & counted).sum()
        if hits + wrong == 0 and nothing == "left-out":
            continue
        f1.append(2 * hits / (2 * hits + wrong) if hits + wrong else float(nothing == "one"))
        clipped = found.clip(1e-6, 1 - 1e-6)
        entropy = -np.log(np.where(study.labels == POSITIVE, clipped, 1 - clipped))
        losses.append(entropy[known].mean())
    return stats.spearmanr(losses, f1)[0], len(f1)


@pytest.mark.parametrize("cells", ["efficacy", "certain"])
@pytest.mark.parametrize("nothing", ["one", "zero", "left-out"])
def test_over_studies_by_loops_under_every_rule(corpus, tmp_path, cells, nothing):
    few = Suite(name="few", replicates=2, trivial=(), tasks={"error_correlation": {"cells": cells, "nothing": nothing}})
    model = Sloppy(corpus)
    run = evaluate(model, corpus, few, tmp_path, batch_size=1000)
    (found,) = [r for r in run.records if (r.metric, r.setting) == ("spearman", "studies")]
    value, count = reference(corpus, model, cells, nothing)
    assert (found.value, found.n) == (pytest.approx(value, abs=1e-12), count)
    assert (count < 120) == (cells == "certain" and nothing == "left-out"), "the rules differ in some study"
    if count < 120:
        assert f"without {120 - count} studies" in found.reason
    # version 3 stated no choice, so that its values stay comparable with themselves
    stated = f"|cells:{cells}|nothing:{nothing}"
    assert (stated in found.signature) == ((cells, nothing) != ("certain", "zero"))


def test_a_study_on_which_the_classifier_cannot_be_judged_is_left_out(corpus, tmp_path):
    """Its cross-entropy would be 0, as of a perfect classifier."""
    studies = [
        replace(study, labels=np.full(14, UNCERTAIN, dtype=np.int8))
        if study.split == "test" and row % 4 == 0
        else study
        for row, study in enumerate(corpus.studies)
    ]
    unsure = replace(corpus, studies=tuple(studies))
    count = sum((study.labels == UNCERTAIN).all() for study in unsure.split("test"))
    assert 20 < count < 40
    few = Suite(name="few", replicates=2, trivial=(), tasks={"error_correlation": {}})
    run = evaluate(Sloppy(corpus), unsure, few, tmp_path, batch_size=1000)
    (found,) = [r for r in run.records if (r.metric, r.setting) == ("spearman", "studies")]
    assert found.n == 120 - count
    assert found.reason == f"without {count} studies on which the classifier can't be judged"


def test_the_tasks_version_tells_the_two_readings_apart():
    assert CORRELATION.version == 6


def test_propagation_by_loops(run, corpus):
    generator = np.random.default_rng(1)
    wrong, report, counted = (generator.random((40, 3)) < share for share in (0.3, 0.2, 0.9))
    metric = ErrorPropagation()
    times = generator.integers(0, 3, (2, 40)).astype(float)
    found = metric.aggregate(metric.statistics(wrong, report, counted), times)
    for row in range(2):
        for column in range(4):
            part = slice(None) if column == 0 else slice(column - 1, column)
            weight = (times[row][:, None] * counted)[:, part]
            a, b = wrong[:, part], report[:, part]
            after_wrong, after_right = (
                (weight * (a & b)).sum() / (weight * a).sum(),
                (weight * (~a & b)).sum() / (weight * ~a).sum(),
            )
            expected = [after_wrong, after_right, after_wrong - after_right, (weight * a).sum() / weight.sum()]
            assert found[row, column] == pytest.approx(expected)


def test_reports_follow_the_classifier_where_both_answer_for_another_study(run):
    values = {
        r.setting: r
        for r in run.records
        if r.metric == "report_error" and r.observation is None and r.value is not None
    }
    assert values["classifier-wrong"].value > 0.5
    assert values["classifier-right"].value < 0.1
    assert values["difference"].low > 0.3
    assert "|cells:efficacy|threshold:prevalence" in values["difference"].signature
    by_name = [r for r in run.records if r.metric == "report_error" and r.setting == "classifier-wrong"]
    assert len(by_name) == 15
    assert all(r.value is not None or r.reason for r in by_name)
    overall = next(r for r in by_name if r.observation is None)
    assert overall.n == sum(r.n for r in by_name if r.observation is not None)


def test_no_errors_in_few_cases_have_an_exact_interval(run):
    sure = [r for r in run.records if r.metric == "report_error" and r.value == 0.0 and r.setting == "classifier-right"]
    assert sure
    for record in sure:
        assert record.high == pytest.approx(stats.binomtest(0, record.n).proportion_ci().high)
        assert "exact binomial interval of 0 in" in record.reason


def test_as_many_are_positive_as_the_prevalence_says():
    probabilities = np.array([[0.9], [0.8], [0.1], [0.7]]).repeat(14, axis=1)
    certain = np.ones((4, 14), dtype=bool)
    certain[0] = False
    labels = np.full((4, 14), NEGATIVE, dtype=np.int8)
    cells = JudgedCells((), probabilities, labels, certain, labels, labels, certain)
    prevalence = np.full(14, 1 / 3)
    prevalence[:2] = 0.0, np.nan
    decided = as_many_as(cells, prevalence)
    assert decided[:, 2].tolist() == [True, True, False, False]
    assert not decided[:, 0].any()
    same = replace(cells, probabilities=np.full((4, 14), 0.3))
    assert not as_many_as(same, prevalence).any(), "a constant calls nothing positive that is rare"
    assert as_many_as(same, np.full(14, 0.9)).all()
    assert decided[:, 1].tolist() == [True, True, False, True], "0.5 where no prevalence is known"


def test_prevalence_is_that_of_certain_training_labels(corpus):
    labels = np.stack([study.labels for study in corpus.split("train")])
    column = OBSERVATIONS.index("Edema")
    certain = labels[:, column] != UNCERTAIN
    assert training_prevalence(corpus)[column] == pytest.approx((labels[certain, column] == POSITIVE).mean())


def test_without_training_labels_the_reason_names_the_way_out(corpus, tmp_path):
    bare = replace(corpus, studies=tuple(corpus.split("test")))
    few = Suite(name="few", replicates=2, trivial=(), tasks={"error_propagation": {}})
    run = evaluate(Sloppy(corpus), bare, few, tmp_path)
    assert all("threshold: half" in r.reason for r in run.records)
    few = Suite(name="few", replicates=2, trivial=(), tasks={"error_propagation": {"threshold": "half"}})
    assert any(r.value is not None for r in evaluate(Sloppy(corpus), bare, few, tmp_path / "half").records)


def test_uncertain_cells_are_left_out_where_the_protocol_ignores_them(corpus, tmp_path):
    """As the table of clinical efficacy leaves them out: they are no negatives."""
    path = tmp_path / "mine.yaml"
    choices = load_protocol("dcrrg").model_dump(mode="json", exclude={"source"})
    path.write_text(yaml.safe_dump({**choices, "name": "mine", "uncertain": "ignored"}))

    class Doubting(Sloppy):
        def generate_reports(self, images):
            return ["Possible edema. Possible pneumonia." if row % 2 else "No edema." for row in range(len(images))]

    few = Suite(name="few", replicates=2, trivial=(), tasks={"error_propagation": {}})
    model = Doubting(corpus)
    run = evaluate(model, corpus, few, tmp_path / "run", batch_size=1000, protocol=str(path))
    counts = {r.observation: r.n for r in run.records if (r.metric, r.setting) == ("classifier_error", None)}
    assert counts["Fracture"] == 120
    # half of the reports doubt them, and some films' own labels do
    assert 45 < counts["Edema"] <= 60
    assert 45 < counts["Pneumonia"] <= 60
