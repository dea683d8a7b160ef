"""Seeded drifts of real runs: each is caught, and named as what it is."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml
from typer.testing import CliRunner

from rrgbench.cli.main import app
from rrgbench.data.phantom import load
from rrgbench.errors import InputError
from rrgbench.labelers.rules import RulesLabeler
from rrgbench.observations import OBSERVATIONS, UNMENTIONED
from rrgbench.render.drift_documents import drift_junit, drift_markdown, github_annotations
from rrgbench.runs.baseline import read_side, write_baseline
from rrgbench.runs.drift import Change, Verdict, read_tolerances
from rrgbench.runs.drift_check import check_drift
from rrgbench.tasks.runner import evaluate
from rrgbench.tasks.suite import Suite

STUDIES = 40


class Writer:
    """Writes its study's own report for most films, and else a constant; `other` films get another text."""

    image_size = 32
    identity = "writer@1"

    def __init__(self, corpus, name="writer", other=0, share=0.8):
        self.name = name
        studies = corpus.split("test")
        texts = [one.report if at < share * STUDIES else "The lungs are clear." for at, one in enumerate(studies)]
        texts[:other] = ["There is a large left pleural effusion ."] * other
        films = [one.images[0].load(32).tobytes() for one in studies]
        self.reports = dict(zip(films, texts, strict=True))

    def generate_reports(self, images):
        return [self.reports[film.tobytes()] for film in images]


@pytest.fixture
def root():
    return Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def corpus():
    return load(train=4, validate=2, test=STUDIES, retrieval=0)


def run(corpus, place, seed=0, **choices):
    tasks = {"report_generation": {}, "clinical_efficacy": {}}
    suite = Suite(name="few", replicates=100, trivial=(), tasks=tasks)
    evaluate(Writer(corpus, **choices), corpus, suite, place, seed=seed)
    return read_side(place)


@pytest.fixture(scope="module")
def before(corpus, tmp_path_factory):
    return run(corpus, tmp_path_factory.mktemp("before") / "run")


@pytest.fixture(scope="module")
def kept(before, tmp_path_factory):
    """The same as a baseline file."""
    file = tmp_path_factory.mktemp("kept") / "baseline.json"
    write_baseline(before, file, "first")
    return file


def bleu_4(side):
    return next(one.value for one in side.records if (one.model, one.metric) == ("writer", "bleu_4"))


def edited(side, **changes):
    """The same with another BLEU-4 of the writer."""
    rows = ((one, (one.model, one.metric) == ("writer", "bleu_4")) for one in side.records)
    return replace(side, records=tuple(replace(one, **changes) if chosen else one for one, chosen in rows))


def test_nothing_changed_raises_nothing_a_hundred_times(before, kept, corpus, tmp_path):
    again = run(corpus, tmp_path / "again")
    for _ in range(50):
        for baseline in (before, read_side(kept)):
            found = check_drift(again, baseline, fail_on="any")
            assert found.verdict is Verdict.SAME
            assert not found.changed
            assert found.causes == ()


def test_a_metric_off_by_a_millionth(before, kept):
    value = bleu_4(before)
    found = check_drift(edited(before, value=value + 1e-6), read_side(kept))
    assert found.verdict is Verdict.SAME  # within the tolerance of bleu_4, and said all the same
    assert [pair.change for pair in found.changed] == [Change.WITHIN_TOLERANCE]
    assert [(cause.kind, "bleu_4" in cause.text) for cause in found.causes] == [("metric", True)]
    assert check_drift(edited(before, value=value + 1e-6), read_side(kept), fail_on="any").verdict is Verdict.MOVED


def test_one_report_changed(corpus, before, kept, tmp_path):
    found = check_drift(run(corpus, tmp_path / "run", other=1), read_side(kept), fail_on="any")
    assert found.verdict is Verdict.MOVED
    assert [cause.kind for cause in found.causes] == ["reports"]
    assert f"of {STUDIES} studies: 1 other reports ({corpus.split('test')[0].study_id})" in found.causes[0].text
    assert "effusion" not in drift_markdown(found)  # never a report's text


def test_a_removed_rule_of_the_labeler(corpus, kept, tmp_path, monkeypatch):
    whole = RulesLabeler.label

    def label(self, reports):
        labels = whole(self, reports).copy()
        labels[:, OBSERVATIONS.index("Pleural Effusion")] = UNMENTIONED
        return labels

    monkeypatch.setattr(RulesLabeler, "label", label)
    found = check_drift(run(corpus, tmp_path / "run"), read_side(kept))
    assert found.verdict is Verdict.MOVED
    assert [cause.kind for cause in found.causes] == ["labeler"]
    assert "rules@" in found.causes[0].text


def test_another_seed(corpus, kept, tmp_path):
    found = check_drift(run(corpus, tmp_path / "run", seed=1), read_side(kept))
    assert found.verdict is Verdict.NOT_COMPARABLE
    assert {cause.kind for cause in found.causes} == {"seed"}
    assert found.counts[Change.NOT_COMPARABLE] > 0


def test_another_version_of_a_package(before, kept):
    value = bleu_4(before)
    packages = {**before.environment["packages"], "numpy": "99.0"}
    moved = replace(edited(before, value=value + 0.01), environment={**before.environment, "packages": packages})
    found = check_drift(moved, read_side(kept))
    assert found.verdict is Verdict.MOVED
    assert found.causes[0].kind == "packages"
    assert "became 99.0" in found.causes[0].text


def test_another_checkpoint_is_named(before, kept):
    details = {**before.environment["details"], "model": "writer@2"}
    value = bleu_4(before)
    moved = replace(edited(before, value=value + 0.01), environment={**before.environment, "details": details})
    assert "checkpoint" in {cause.kind for cause in check_drift(moved, read_side(kept)).causes}


def test_noise_is_told_from_drift_by_resamples(corpus, before, tmp_path):
    slight, strong = run(corpus, tmp_path / "slight", other=1), run(corpus, tmp_path / "strong", other=30)
    exact = {"*": 0.0}
    few = check_drift(slight, before, tolerances=exact)
    (bleu,) = [pair for pair in few.changed if (pair.run.model, pair.run.metric) == ("writer", "bleu_4")]
    assert bleu.p_value is not None
    assert bleu.change is Change.WITHIN_NOISE
    assert few.verdict is Verdict.MOVED
    many = check_drift(strong, before, tolerances=exact, fail_on="noise")
    assert many.verdict is Verdict.MOVED
    assert {pair.run.metric for pair in many.moved} >= {"bleu_4", "meteor"}


def test_resamples_by_another_seed_are_no_pairs_and_tell_no_noise(corpus, before, tmp_path):
    other = run(corpus, tmp_path / "run", other=1, seed=1)
    found = check_drift(other, before, tolerances={"*": 0.0}, allowed=["bootstrap"])
    (bleu,) = [pair for pair in found.changed if (pair.run.model, pair.run.metric) == ("writer", "bleu_4")]
    assert bleu.p_value is None
    assert bleu.change is Change.DRIFTED


def test_a_file_has_no_resamples_and_so_no_noise(corpus, kept, tmp_path):
    found = check_drift(run(corpus, tmp_path / "run", other=1), read_side(kept), tolerances={"*": 0.0})
    assert {pair.change for pair in found.changed} == {Change.DRIFTED}


def test_a_baseline_remembers_why_it_was_renewed(before, kept, tmp_path):
    file = tmp_path / "baseline.json"
    file.write_bytes(kept.read_bytes())
    arguments = ["drift", str(before.folder), "--against", str(file), "--update"]
    assert CliRunner().invoke(app, arguments).exit_code != 0  # no reason, no renewal
    assert CliRunner().invoke(app, [*arguments, "--reason", "another rule"]).exit_code == 0
    assert [one.reason for one in read_side(file).renewals] == ["first", "another rule"]
    assert "The lungs" not in file.read_text()


def test_the_first_baseline_is_written_without_a_list_of_what_it_lacked(before, tmp_path):
    arguments = ["drift", str(before.folder), "--against", str(tmp_path / "new.json"), "--update", "--reason", "first"]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0
    assert done.stdout == ""
    assert f"baseline written: {tmp_path / 'new.json'} ({len(before.records)} values)" in done.stderr


def test_labels_of_groups_and_protocols_move_by_the_labeler(before, kept):
    """Values of tasks that read the reports' labels elsewhere than in the clinical-efficacy table."""
    first = next(record for record in before.records if record.metric == "bleu_4")
    group = replace(first, task="subgroups", metric="ce_f1_group", setting="view AP")
    band = replace(first, task="protocol_band", metric="ce_f1_by_protocol", setting="r2gen")
    words = replace(first, task="protocol_band", metric="bleu_4_by_protocol", setting="r2gen")
    sides = [
        replace(side, records=tuple(replace(one, value=value, low=None, high=None) for one in (group, band, words)))
        for side, value in ((before, 0.5), (read_side(kept), 0.4))
    ]
    kinds = {cause.kind: cause.text for cause in check_drift(*sides).causes}
    assert "ce_f1_group" in kinds["labeler"]
    assert "ce_f1_by_protocol" in kinds["labeler"]
    assert "bleu_4_by_protocol" in kinds["metric"]
    assert "answers" not in kinds


@pytest.mark.parametrize(("moved", "expected"), [(["pearson"], {"answers"}), (["pearson", "ce_f1"], {"labeler"})])
def test_what_reads_predictions_too_is_no_evidence_against_the_labeler(before, kept, moved, expected):
    """Another processor moves the last digits of what a model predicts, and with them the error correlation."""
    first = next(record for record in before.records if record.metric == "ce_f1")
    both = {"pearson": replace(first, task="error_correlation", metric="pearson"), "ce_f1": first}
    sides = [
        replace(side, records=tuple(replace(both[one], value=value, low=None, high=None) for one in moved))
        for side, value in ((before, 0.5), (read_side(kept), 0.4))
    ]
    assert {cause.kind for cause in check_drift(*sides).causes} == expected


def test_bare_results_are_a_baseline_too(before, tmp_path):
    file = tmp_path / "results.json"
    file.write_bytes((before.folder / "results.json").read_bytes())
    assert check_drift(before, read_side(file)).verdict is Verdict.SAME


def test_a_file_that_is_no_baseline_is_refused(tmp_path):
    (tmp_path / "x.json").write_text('{"format": "something else"}')
    with pytest.raises(InputError, match=r"x\.json is no baseline file"):
        read_side(tmp_path / "x.json")


def test_tolerances_of_a_file_give_way_to_the_command_line(before, kept, tmp_path):
    (tmp_path / "t.yaml").write_text("bleu_4: 0.5\n'ce_*': 0.1\n")
    assert read_tolerances(tmp_path / "t.yaml") == {"bleu_4": 0.5, "ce_*": 0.1}
    moved = json.loads((before.folder / "results.json").read_text())
    for row in moved:
        row["value"] = row["value"] + 0.1 if row["metric"] == "bleu_4" else row["value"]
    (tmp_path / "run.json").write_text(json.dumps(moved))
    arguments = ["drift", str(tmp_path / "run.json"), "--against", str(kept), "--tolerances", str(tmp_path / "t.yaml")]
    assert CliRunner().invoke(app, arguments).exit_code == 0
    assert CliRunner().invoke(app, [*arguments, "--tolerance", "bleu_4=0.01"]).exit_code == 1
    (tmp_path / "t.yaml").write_text("- no\n")
    with pytest.raises(InputError, match=r"t\.yaml: expected lines like"):
        read_tolerances(tmp_path / "t.yaml")


@pytest.fixture
def drifted(before, kept):
    return check_drift(edited(before, value=0.9, model="<b>&\x1b[31m::error"), read_side(kept))


def test_junit_counts_what_failed(before, kept):
    suite = ElementTree.fromstring(drift_junit(check_drift(edited(before, value=0.9), read_side(kept))))
    cases, failed = suite.findall("testcase"), suite.findall("testcase/failure")
    assert len(cases) == int(suite.get("tests")) == len(before.records)
    assert len(failed) == int(suite.get("failures")) == 1
    assert failed[0].get("type") == "drifted"
    assert suite.get("errors") == "0"


def test_hostile_names_stay_text(drifted):
    suite = ElementTree.fromstring(drift_junit(drifted))
    assert int(suite.get("errors")) == 2  # the value under its old name is missing, under the new one it is extra
    lines = github_annotations(drifted)
    assert all(line.startswith(("::error title=", "::warning title=", "::notice title=")) for line in lines)
    assert not any("\x1b" in line or "\n" in line for line in lines)
    assert "<b>" not in drift_markdown(drifted)


def test_github_gets_annotations_and_a_summary(before, kept, tmp_path, monkeypatch):
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    result = CliRunner().invoke(app, ["drift", str(before.folder), "--against", str(kept), "--github"])
    assert result.exit_code == 0
    assert result.output.splitlines()[-1].startswith("::notice title=rrgbench drift::same: ")
    assert (tmp_path / "summary.md").read_text().startswith("# rrgbench drift")


def test_the_pytest_fixture_fails_a_test_whose_numbers_moved(before, kept, tmp_path):
    rows = [record.to_json() for record in edited(before, value=0.9).records]
    (tmp_path / "moved.json").write_text(json.dumps(rows))
    (tmp_path / "test_drift_here.py").write_text(
        "import pytest\n\n"
        f"@pytest.mark.parametrize('run', [{str(before.folder)!r}, {str(tmp_path / 'moved.json')!r}])\n"
        f"def test_it(rrgbench_drift, run):\n    rrgbench_drift(run, {str(kept)!r})\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path / "test_drift_here.py")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "1 failed, 1 passed" in done.stdout
    assert "bleu\\_4" in done.stdout


def test_the_examples_work_on_a_run_of_ours(before, kept, root, tmp_path):
    """The pytest file and the pre-commit hook of examples/drift, as they stand, beside a run and a baseline."""
    for name in ("test_drift.py", "tolerances.yaml"):
        (tmp_path / name).write_bytes((root / "examples" / "drift" / name).read_bytes())
    (tmp_path / "baseline.json").write_bytes(kept.read_bytes())
    shutil.copytree(before.folder, tmp_path / "runs" / "today")
    (hook,) = yaml.safe_load((root / ".pre-commit-hooks.yaml").read_text())
    (repository,) = yaml.safe_load((root / "examples/drift/pre-commit-config.yaml").read_text())["repos"]
    program, *entry = hook["entry"].split()
    assert program == "rrgbench"
    commands = (
        ["-m", "pytest", "-q", "-p", "no:cacheprovider", "test_drift.py"],
        ["-m", program, *entry, *repository["hooks"][0]["args"]],
    )
    for command in commands:
        done = subprocess.run([sys.executable, *command], capture_output=True, text=True, check=False, cwd=tmp_path)
        assert done.returncode == 0, done.stdout + done.stderr


def test_the_action_hands_its_inputs_to_the_command(before, kept, root, tmp_path):
    """Its shell step, run with the inputs that the example workflow gives."""
    action = yaml.safe_load((root / ".github/actions/drift/action.yml").read_text())
    workflow = yaml.safe_load((root / "examples/drift/workflow.yml").read_text())
    given = workflow["jobs"]["drift"]["steps"][-1]["with"]
    assert set(given) <= set(action["inputs"])
    inputs = {name: str(one.get("default", "")) for name, one in action["inputs"].items()}
    inputs |= {"run": str(before.folder), "against": str(kept), "junit": str(tmp_path / "drift.xml")}
    step = action["runs"]["steps"][-1]
    names = {key: value.removeprefix("${{ inputs.").removesuffix(" }}") for key, value in step["env"].items()}
    (tmp_path / "rrgbench").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m rrgbench "$@"\n')
    (tmp_path / "rrgbench").chmod(0o755)
    environment = {**os.environ, **{key: inputs[name] for key, name in names.items()}}
    environment["PATH"] = f"{tmp_path}:{environment['PATH']}"
    done = subprocess.run(
        ["bash", "-e", "-c", step["run"]], capture_output=True, text=True, check=False, env=environment
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "::notice" in done.stdout
    assert ElementTree.parse(tmp_path / "drift.xml").getroot().get("failures") == "0"
