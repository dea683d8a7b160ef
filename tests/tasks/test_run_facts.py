"""A run knows what it is: its models, where they learned, when it ran."""

import json
import re
from dataclasses import replace
from datetime import datetime

import numpy as np
import pytest
from typer.testing import CliRunner

from rrgbench.cli.main import app
from rrgbench.data.phantom import load as phantom
from rrgbench.data.unpaired import combine
from rrgbench.errors import InputError
from rrgbench.render.run_facts import duration, fact_lines, row_titles
from rrgbench.runs.environment import environment_of, pooled
from rrgbench.tasks.run_facts import learned_elsewhere, run_name
from rrgbench.tasks.runner import evaluate
from rrgbench.tasks.suite import Suite


class Writer:
    """Writes one report."""

    name, image_size, checkpoint = "writer", 32, "mine"

    def __init__(self, identity="writer@1", trained_on="phantom@0000"):
        self.identity, self.trained_on, self.device = identity, trained_on, "cpu"

    def generate_reports(self, images):
        return ["no pleural effusion ."] * len(np.asarray(images))


def first_line(page):
    """What stands in the page first of all."""
    return re.search(r"<p class=\"first\">([^<]*)", page)[1]


@pytest.fixture(scope="module")
def corpus():
    return phantom(train=4, validate=0, test=4, retrieval=0)


@pytest.fixture
def suite():
    return Suite(name="few", replicates=5, trivial=("fixed-template",), tasks={"report_generation": {}})


def test_a_run_says_what_it_is(corpus, suite, tmp_path):
    evaluate(Writer(), corpus, suite, tmp_path)
    record = environment_of(tmp_path)
    assert record["models"] == [
        {
            "name": "writer",
            "identity": "writer@1",
            "checkpoint": "mine",
            "trained_on": "phantom@0000",
            "device": "cpu",
        }
    ]
    assert datetime.fromisoformat(record["started"]) <= datetime.fromisoformat(record["finished"])
    assert record["seconds"] > 0
    page = (tmp_path / "report.html").read_text()
    assert first_line(page).startswith("Synthetic data: phantom@")
    assert "writer is writer@1, checkpoint mine, trained on phantom@0000." in page
    assert record["started"][:4] in page
    assert "on cpu" in page
    assert "Command: " in page
    tables = (tmp_path / "tables.md").read_text()
    assert "writer (mine)" in tables
    assert record["started"][:10] not in tables, "tables of a resumed run are the same bytes"


def test_another_model_in_its_folder_is_refused_before_any_work(corpus, suite, tmp_path):
    evaluate(Writer(), corpus, suite, tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(InputError, match=r"holds a run of writer@1, and writer is writer@2 now: .* another --out"):
        evaluate(Writer("writer@2"), corpus, suite, tmp_path)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_a_run_of_other_models_is_not_replaced(corpus, suite, tmp_path):
    evaluate(Writer(), corpus, suite, tmp_path / "run")
    other = Writer("other@1")
    other.name = "other"
    with pytest.raises(InputError, match="a run of writer, whose results would be replaced by those of other"):
        evaluate(other, corpus, suite, tmp_path / "run")
    assert '"other"' not in (tmp_path / "run" / "results.json").read_text()


@pytest.mark.parametrize("name", ["../x", "a/../x", "", 3])
def test_a_name_that_leads_out_of_the_run_is_refused(corpus, suite, tmp_path, name):
    model = Writer()
    model.name = name
    with pytest.raises(InputError, match="a model's name is a text, which files can be called by; given"):
        evaluate(model, corpus, suite, tmp_path / "run")
    with pytest.raises(InputError, match="the class Writer was given as a model; give an instance"):
        evaluate(Writer, corpus, suite, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_reports_may_come_one_by_one(corpus, suite, tmp_path):
    class Lazy(Writer):
        def generate_reports(self, images):
            yield from super().generate_reports(images)

    assert evaluate(Lazy(), corpus, suite, tmp_path / "run").records


def test_a_killed_run_is_known_too(corpus, suite, tmp_path):
    class Killed(Writer):
        def generate_reports(self, images):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        evaluate(Killed(), corpus, suite, tmp_path)
    begun = environment_of(tmp_path)
    assert begun["finished"] is None
    with pytest.raises(InputError, match="holds a run of writer@1"):
        evaluate(Writer("writer@2"), corpus, suite, tmp_path)
    evaluate(Writer(), corpus, suite, tmp_path)
    assert environment_of(tmp_path)["started"] == begun["started"]


def test_a_finished_run_changes_nothing(corpus, suite, tmp_path):
    assert evaluate(Writer(), corpus, suite, tmp_path).computed == 3
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}
    assert evaluate(Writer(), corpus, suite, tmp_path).computed == 0
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    ("trained_on", "warned"),
    [("phantom@ffff", False), ("phantom-b@1", True), ("phantom+iu-xray@1", False), ("nih-cxr14@1", True), ("", False)],
)
def test_a_model_off_its_training_corpus_is_said_so(corpus, suite, tmp_path, caplog, trained_on, warned):
    evaluate(Writer(trained_on=trained_on), corpus, suite, tmp_path)
    words = f"writer (checkpoint mine) was trained on {trained_on}, not on phantom"
    assert (words in caplog.text) == warned
    assert (f"Warning: {words}" in (tmp_path / "report.html").read_text()) == warned


def test_a_corpus_of_ones_own_files_goes_by_the_name_that_it_was_given(corpus):
    named = replace(corpus, name="covid-cxr", names=("jsonl",))
    assert learned_elsewhere(Writer(trained_on="covid-cxr@16af"), named) == ""
    assert "not on covid-cxr" in learned_elsewhere(Writer(trained_on="phantom@3be6"), named)


def test_what_is_made_of_synthetic_films_is_synthetic(corpus):
    from rrgbench.data.phantom import load_b

    real = phantom(train=4, validate=0, test=4, retrieval=0)
    object.__setattr__(real, "synthetic", False)
    assert corpus.synthetic
    assert load_b(train=1, validate=0, test=1).synthetic
    assert combine(real, corpus).synthetic
    assert not combine(real, real).synthetic


def test_the_default_folder_names_the_checkpoint():
    plain = Writer()
    other = Writer()
    other.name, other.checkpoint = "org/other:7b", ""
    assert run_name([plain], "full", "phantom") == "writer-mine-full-phantom"
    assert run_name([other], "full", "iu-xray") == "org-other-7b-full-iu-xray"
    assert run_name([plain, other], "full", "phantom") == "writer-mine+1-full-phantom"


def test_pooling_refuses_the_same_model_twice(corpus, suite, tmp_path):
    for number in range(3):
        evaluate(Writer(f"writer@{number // 2}"), corpus, suite, tmp_path / str(number))
    run = CliRunner().invoke(app, ["report", *(str(tmp_path / str(n)) for n in range(2)), "--out", str(tmp_path / "p")])
    assert "0 and 1 are runs of the same model (writer@0)" in str(run.exception)
    done = CliRunner().invoke(app, ["report", *(str(tmp_path / str(n)) for n in (0, 2)), "--out", str(tmp_path / "p")])
    assert done.exit_code == 0, done.output
    page = (tmp_path / "p" / "report.html").read_text()
    assert first_line(page).startswith("Synthetic data: phantom@")
    assert "writer is writer@0" in page
    assert "writer is writer@1" in page


def test_words():
    assert [duration(seconds) for seconds in (0.2, 59.4, 252, 7325)] == ["1 s", "59 s", "4 min 12 s", "2 h 2 min"]
    assert fact_lines({}) == []
    assert fact_lines({"started": "no date", "seconds": 3}) == []
    two = {"models": [{"name": "a", "checkpoint": "x"}, {"name": "a", "checkpoint": "y"}, {"name": "b=z"}]}
    assert row_titles(two) == {"a": "a", "b=z": "b=z"}
    assert pooled([], [])["models"] == []
    assert json.dumps(pooled([{"warnings": ["w"]}, {"warnings": ["w"]}], ["a", "b"])["warnings"]) == '["w"]'
