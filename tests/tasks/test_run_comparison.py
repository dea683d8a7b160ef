import json

import numpy as np
import pytest
from typer.testing import CliRunner

from rrgbench.cli.main import app
from rrgbench.data.phantom import load
from rrgbench.errors import InputError, NotComparableError
from rrgbench.tasks.run_comparison import run_comparison
from rrgbench.tasks.runner import evaluate
from rrgbench.tasks.suite import Suite


class Writer:
    """Writes its study's own report for some films, and else a constant."""

    image_size = 32

    def __init__(self, corpus, name, share):
        self.name, self.identity = name, f"{name}@1"
        studies = corpus.split("test")
        self.reports = {
            study.images[0].load(32).tobytes(): study.report if at < share * len(studies) else "The lungs are clear."
            for at, study in enumerate(studies)
        }

    def generate_reports(self, images):
        return [self.reports[film.tobytes()] for film in images]


@pytest.fixture(scope="module")
def corpus():
    return load(train=4, validate=2, test=40, retrieval=0)


def suite(**more):
    tasks = {"report_generation": {}, "clinical_efficacy": {}}
    return Suite(**{"name": "few", "replicates": 100, "trivial": (), "tasks": tasks, **more})


@pytest.fixture(scope="module")
def folders(corpus, tmp_path_factory):
    place = tmp_path_factory.mktemp("runs")
    for name, share in (("good", 0.9), ("bad", 0.1)):
        evaluate(Writer(corpus, name, share), corpus, suite(), place / name)
    evaluate(Writer(corpus, "other", 0.9), corpus, suite(), place / "other-seed", seed=1)
    return place


def test_values_are_compared_by_their_resamples(folders):
    found = run_comparison(folders / "good", folders / "bad")
    by_metric = {one.first.metric: one for one in found.differences if one.first.setting in (None, "micro")}
    better = by_metric["bleu_4"]
    assert better.difference == pytest.approx(better.first.value - better.second.value)
    assert 0 < better.low < better.difference < better.high
    assert better.p_value <= better.adjusted <= 0.4
    assert {"bleu_1", "cider", "ce_f1"} <= set(by_metric)
    assert all(one.first.observation is None for one in found.differences)
    assert len(run_comparison(folders / "good", folders / "bad", details=True).differences) > len(found.differences)


def test_a_run_beside_itself_differs_in_nothing(folders):
    found = run_comparison(folders / "good", folders / "good")
    assert all((one.difference, one.low, one.high, one.p_value) == (0, 0, 0, 1) for one in found.differences)


def test_runs_made_in_different_ways_are_refused(folders, tmp_path):
    with pytest.raises(NotComparableError, match="bootstrap"):
        run_comparison(folders / "good", folders / "other-seed")
    with pytest.raises(InputError, match="holds no finished run"):
        run_comparison(folders / "good", tmp_path)


def test_on_the_command_line(folders):
    shown = CliRunner().invoke(app, ["compare", str(folders / "good"), str(folders / "bad"), "--json"])
    assert shown.exit_code == 0, shown.output
    content = json.loads(shown.stdout)
    assert content["runs"] == ["good", "bad"]
    assert np.isfinite([row["difference"] for row in content["differences"]]).all()
    table = CliRunner().invoke(app, ["compare", str(folders / "good"), str(folders / "bad")])
    assert "p (Holm)" in table.stdout
    assert isinstance(CliRunner().invoke(app, ["compare", "a.jsonl", "b.jsonl"]).exception, InputError)


@pytest.mark.parametrize("at", range(6))
def test_units_of_an_earlier_checkpoint_are_not_compared(corpus, folders, tmp_path, at):
    earlier, later = Writer(corpus, "good", 0.0), Writer(corpus, "good", 0.9)
    earlier.identity, later.identity = f"good@earlier{at}", f"good@later{at}"
    evaluate(earlier, corpus, suite(), tmp_path / "run")
    # as versions before left a folder, which did not say of which models it is
    (tmp_path / "run" / "run.json").unlink()
    evaluate(later, corpus, suite(), tmp_path / "run")
    found = run_comparison(tmp_path / "run", folders / "good")
    assert found.differences
    assert all(one.difference == 0 for one in found.differences)


def test_a_value_without_a_defined_resample_is_left_out(folders, tmp_path, recwarn):
    found = run_comparison(folders / "good", folders / "bad", details=True)
    assert all(np.isfinite([one.low, one.high]).all() for one in found.differences)
    assert not [one for one in recwarn if issubclass(one.category, RuntimeWarning)]


def test_correlations_keep_their_resamples(corpus, tmp_path):
    class Both(Writer):
        def predict_observations(self, images):
            mean = images.reshape(len(images), -1).mean(axis=1, keepdims=True) / 255
            return np.repeat(mean, 14, axis=1).astype(np.float32) ** np.arange(1, 15)

    few = suite(tasks={"error_correlation": {}})
    for name, share in (("first", 0.9), ("second", 0.4)):
        evaluate(Both(corpus, name, share), corpus, few, tmp_path / name)
    found = run_comparison(tmp_path / "first", tmp_path / "second")
    compared = {(one.first.metric, one.first.setting): one for one in found.differences}
    assert {("pearson", "studies"), ("kendall", "studies")} <= set(compared)
    assert compared["pearson", "studies"].low < compared["pearson", "studies"].high
