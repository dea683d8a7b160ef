"""A run that is finished is told from what was asked for, and from nothing less."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import rrgbench.runs.finished as finished
from rrgbench.runs.finished import finished_by, mark_finished, request_digest

DOCUMENTS = ("run.json", "report.html", "tables.md", "tables.tex", "results.json")


@pytest.fixture
def folder(tmp_path) -> Path:
    place = tmp_path / "runs" / "one"
    place.mkdir(parents=True)
    for name in DOCUMENTS:
        (place / name).write_text(f"[] {name}")
    (place / "run.json").write_text('{"seeds": [0]}')
    return place


def test_the_same_request_finds_the_run_and_its_models(folder) -> None:
    mark_finished(folder, request_digest({"suite": "quick", "seed": 0}), ["mine", "yours"])
    assert finished_by([folder.parent, folder], request_digest({"seed": 0, "suite": "quick"})) == (
        folder,
        ["mine", "yours"],
    )
    assert finished_by([folder], request_digest({"seed": 1, "suite": "quick"})) is None
    assert finished_by([folder], request_digest({"seed": "0", "suite": "quick"})) is None


@pytest.mark.parametrize("change", [*DOCUMENTS, finished.MARK])
def test_a_folder_that_lacks_something_is_not_finished(folder, change) -> None:
    request = request_digest({})
    mark_finished(folder, request, ["mine"])
    (folder / change).unlink()
    assert finished_by([folder], request) is None


@pytest.mark.parametrize("content", ["", "[]", "{}", "[" * 100_000])
def test_a_damaged_record_of_the_run_counts_as_unfinished(folder, content) -> None:
    request = request_digest({})
    mark_finished(folder, request, ["mine"])
    (folder / "run.json").write_text(content)
    assert finished_by([folder], request) is None


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"request": 1, "results": 2}', "\udcff"])
def test_a_mark_or_results_that_were_changed_count_as_unfinished(folder, content) -> None:
    request = request_digest({})
    mark_finished(folder, request, ["mine"])
    for name in (finished.MARK, "results.json"):
        (folder / name).write_text(content, errors="surrogateescape")
        assert finished_by([folder], request) is None


@pytest.mark.parametrize("form", ["{}", "NAME={}", "name:{}", "name:KEY={}"])
def test_a_file_that_an_option_names_counts_with_its_content(tmp_path, form) -> None:
    model = tmp_path / "model" / "weights"
    model.parent.mkdir()
    model.write_text("a")
    options = {"model": [form.format(model.parent)], "root": None}
    before = request_digest(options)
    assert request_digest(options) == before
    model.write_text("ab")
    changed = request_digest(options)
    os.utime(model, ns=(1, 1))
    assert len({before, changed, request_digest(options)}) == 3
    model.unlink()
    model.symlink_to("nowhere")
    assert request_digest(options) not in (None, before, changed)


def test_what_lies_behind_a_linked_folder_counts(tmp_path) -> None:
    corpus = tmp_path / "corpus"
    for name in ("corpus", "one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "film").write_text(name)
        os.utime(tmp_path / name / "film", ns=(1, 1))
    (corpus / "films").symlink_to("../one")
    (corpus / "round").symlink_to(".")
    options = {"root": str(corpus)}
    before = request_digest(options)
    assert request_digest(options) == before
    (tmp_path / "one" / "film").write_text("changed")
    changed = request_digest(options)
    (corpus / "films").unlink()
    (corpus / "films").symlink_to("../two")
    (tmp_path / "two" / "film").write_text("longer than one")
    assert len({before, changed, request_digest(options)}) == 3


def test_files_divided_by_commas_count(tmp_path) -> None:
    (tmp_path / "a").write_text("a")
    (tmp_path / "b").write_text("b")
    options = {"tables": f"x={tmp_path / 'a'},{tmp_path / 'b'}"}
    before = request_digest(options)
    (tmp_path / "b").write_text("other")
    assert request_digest(options) != before


@pytest.mark.parametrize("form", ["sample: list.json", "labelers: ['lookup:list.json']", "other: {root: list.json}"])
def test_files_that_a_suite_names_count(tmp_path, form) -> None:
    (tmp_path / "suite.yaml").write_text(f"tasks: {{retrieval: {{{form}}}}}\n")
    (tmp_path / "list.json").write_text("{}")
    options = {"suite": str(tmp_path / "suite.yaml")}
    before = request_digest(options)
    assert request_digest(options) == before
    (tmp_path / "list.json").write_text("{ }")
    assert request_digest(options) != before


def test_another_version_of_any_package_counts(tmp_path, monkeypatch) -> None:
    before = request_digest({})
    (tmp_path / "some_metric-2.1.dist-info").mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    assert request_digest({}) != before


@pytest.mark.parametrize("word", ["~nosuchuser/x", "hf:~nosuchuser/x", "http://", "\0"])
def test_words_that_are_no_places_end_nothing(word) -> None:
    request_digest({"root": word})


def test_relative_words_count_with_their_folder(tmp_path, monkeypatch) -> None:
    digests = set()
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "suite.yaml").write_text("x")
        os.utime(tmp_path / name / "suite.yaml", ns=(1, 1))
        monkeypatch.chdir(tmp_path / name)
        digests.add(request_digest({"suite": "suite.yaml"}))
    assert len(digests) == 2


def test_more_files_than_are_looked_at_never_count_as_finished(tmp_path, folder, monkeypatch) -> None:
    monkeypatch.setattr(finished, "_MOST_FILES", 400_000)
    assert request_digest({"root": tmp_path}) is not None
    monkeypatch.setattr(finished, "_MOST_FILES", 3)
    request = request_digest({"root": tmp_path})
    assert request is None
    mark_finished(folder, request, ["mine"])
    assert not (folder / finished.MARK).exists()
    assert finished_by([folder], request) is None


SUITE = "replicates: 5\ntrivial: []\ntasks:\n  classification: {settings: [own], limit: 5}\n"


def test_eval_says_that_nothing_is_to_do_and_loads_no_model(tmp_path) -> None:
    (tmp_path / "s.yaml").write_text(SUITE)
    options = [f"--option={name}={count}" for name, count in (("train", 8), ("test", 5), ("retrieval", 1))]
    program = (
        "import sys\nfrom rrgbench.cli.main import app\napp(sys.argv[1:], standalone_mode=False)\n"
        "print('torch' in sys.modules)"
    )
    told = []
    for more in ([], ["--json"], ["--seed", "1"]):
        arguments = ["eval", "--model", "fixed-template", "--suite", "s.yaml", *options, *more]
        done = subprocess.run(
            [sys.executable, "-c", program, *arguments], cwd=tmp_path, capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0, done.stderr
        told.append(done)
    first, again, other = told
    assert "Nothing to do" not in first.stderr + other.stderr
    assert again.stderr.startswith("Nothing to do: runs/fixed-template-s-phantom is finished; to compute it anew, ")
    results, torch = again.stdout[:-1].rsplit("\n", 1)
    assert torch == "False"
    assert {record["model"] for record in json.loads(results)} == {"fixed-template"}
