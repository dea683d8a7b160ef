"""A package of somebody else's, really installed: what it adds stands beside ours, by its entry points alone."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ADDED = {
    "corpora": "gradients",
    "labelers": "keywords",
    "metrics": "length_ratio",
    "models": "brightness",
    "protocols": "five-macro",
    "tasks": "report_length",
}


CHOSEN = (
    "--model",
    "brightness",
    "--corpus",
    "gradients",
    "--protocol",
    "five-macro",
    "--suite",
    "mine.yaml",
    "--out",
    "run",
)
SUITE = """
replicates: 50
tasks:
  report_generation: {metrics: [length_ratio]}
  clinical_efficacy: {}
  report_length: {characters: true, limit: 12}
"""


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """A folder with the installed package."""
    folder = tmp_path_factory.mktemp("site")
    # built from a copy, so that nothing is left beside its sources
    source = shutil.copytree(ROOT / "tests" / "plugin", tmp_path_factory.mktemp("source") / "plugin")
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--target", folder, source]
    subprocess.run([sys.executable, "-m", "pip", "install", *options], check=True, timeout=300)
    return folder


SERVER = """
import contextlib, io, json, os, sys
from rrgbench.cli.ending import run_to_the_end
from rrgbench.cli.main import app
for line in sys.stdin:
    folder, words = json.loads(line)
    os.chdir(folder)
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run_to_the_end(app, words)
    print(json.dumps([int(code), out.getvalue(), err.getvalue()]), flush=True)
"""
"""Runs one command after the other: a process each would import PyTorch anew."""


def searched(places):
    """The environment of a process that finds packages in these places."""
    return os.environ | {
        "PYTHONPATH": os.pathsep.join([str(ROOT), *map(str, places), os.environ.get("PYTHONPATH", "")])
    }


@pytest.fixture(scope="session")
def servers(site):
    """By whether the package is installed there."""
    with contextlib.ExitStack() as opened:
        yield {
            installed: opened.enter_context(
                subprocess.Popen(
                    [sys.executable, "-c", SERVER],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                    env=searched([site] if installed else []),
                )
            )
            for installed in (True, False)
        }


@pytest.fixture(scope="session")
def run(site, servers, tmp_path_factory):
    """The command with the package installed, or without it; in a process of its own if that is asked for."""

    def invoke(*arguments, cwd=None, code=0, installed=True, alone=False):
        words, folder = [str(one) for one in arguments], str(cwd or tmp_path_factory.getbasetemp())
        if alone:
            command = [sys.executable, "-m", "rrgbench", *words]
            environment = searched([site] if installed else [])
            done = subprocess.run(command, capture_output=True, text=True, cwd=folder, timeout=300, env=environment)
        else:
            server = servers[installed]
            print(json.dumps([folder, words]), file=server.stdin, flush=True)
            done = subprocess.CompletedProcess(words, *json.loads(server.stdout.readline()))
        assert done.returncode == code, done.stderr
        return done

    return invoke


@pytest.fixture(scope="session")
def evaluated(run, tmp_path_factory):
    """A run of the added task and metric by the added model on the added corpus, under the added protocol."""
    folder = tmp_path_factory.mktemp("evaluated")
    (folder / "mine.yaml").write_text(SUITE)
    done = run("eval", *CHOSEN, "--tables", cwd=folder)
    return folder / "run", done.stdout


@pytest.fixture(scope="session")
def reports(tmp_path_factory):
    folder = tmp_path_factory.mktemp("reports")
    for name, words in (("references", "no pleural effusion ."), ("predictions", "pleural effusion .")):
        lines = (json.dumps({"study_id": str(number), "report": words}) for number in range(4))
        (folder / f"{name}.jsonl").write_text("\n".join(lines))
    return ("--predictions", folder / "predictions.jsonl", "--references", folder / "references.jsonl")


@pytest.mark.parametrize("kind", ADDED)
def test_list_shows_it_and_where_it_comes_from(run, kind) -> None:
    lines = run("list", kind).stdout.splitlines()
    (added,) = [line for line in lines if line.startswith(ADDED[kind])]
    assert "rrgbench-example 0.3.0" in added
    ours = [line.split()[0] for line in lines if line != added]
    without = [line.split()[0] for line in run("list", kind, installed=False).stdout.splitlines()]
    assert ours == without


def test_eval_measures_the_model_on_the_corpus_under_the_protocol(evaluated) -> None:
    folder, shown = evaluated
    records = json.loads((folder / "results.json").read_text())
    own = [record for record in records if record["model"] == "brightness"]
    assert {record["task"] for record in own} == {"report_generation", "clinical_efficacy", "report_length"}
    assert {record["corpus"].partition("@")[0] for record in records} == {"gradients"}
    (macro,) = [one for one in own if (one["metric"], one["setting"]) == ("ce_f1", "macro")]
    assert "protocol:five-macro@2" in macro["signature"]
    assert "labeler:keywords@1" in macro["signature"]
    (ratio,) = [one for one in own if one["metric"] == "length_ratio"]
    assert ratio["low"] <= ratio["value"] <= ratio["high"]
    assert "length_ratio:rrgbench-example@0.3.0" in ratio["signature"]
    (length,) = [one for one in own if one["metric"] == "mean_length"]
    assert length["n"] == 12
    assert length["value"] > 20
    for words in ("brightness", "most-frequent", "Length ratio", "Length of reports", "mean_length"):
        assert words in shown


def test_its_numbers_stand_in_the_documents(evaluated) -> None:
    folder, _ = evaluated
    for name in ("report.html", "tables.md", "tables.tex"):
        text = (folder / name).read_text()
        assert "brightness" in text
        assert "gradients" in text
        assert "five-macro" in text.replace("{-}", "-")
        assert "Length ratio" in text
        assert "Length of reports" in text


def test_a_run_is_resumed_where_every_unit_is_kept(run, evaluated) -> None:
    folder, shown = evaluated
    before = {path.name: path.stat().st_mtime_ns for path in (folder / "units").iterdir()}
    results = (folder / "results.json").read_bytes()
    assert run("eval", *CHOSEN, "--tables", cwd=folder.parent).stdout == shown
    assert {path.name: path.stat().st_mtime_ns for path in (folder / "units").iterdir()} == before
    assert (folder / "results.json").read_bytes() == results


def test_report_and_drift_read_them_where_the_package_is_absent(run, evaluated) -> None:
    folder, _ = evaluated
    for installed in (True, False):
        told = json.loads(run("drift", folder, "--against", folder, "--json", installed=installed).stdout)
        assert told["verdict"] == "same"
        assert told["compared"] > 0
        assert "brightness" in run("report", folder, installed=installed).stdout


def test_score_and_compare_take_the_metric_the_labeler_and_the_protocol(run, reports) -> None:
    chosen = ("--metrics", "length_ratio,ce", "--protocol", "five-macro", "--replicates", "20")
    found = json.loads(run("score", *reports, *chosen, "--json").stdout)
    values = {row["metric"]: row for row in found["values"] if row["observation"] is None}
    assert values["length_ratio"]["value"] == 3 / 4
    assert "length_ratio:rrgbench-example@0.3.0" in values["length_ratio"]["signature"]
    assert "labeler:keywords@1" in values["ce_f1"]["signature"]
    assert "Length ratio" in run("score", *reports, *chosen).stdout
    other = run("score", *reports, "--metrics", "ce_f1", "--labeler", "keywords", "--json").stdout
    assert "protocol:dcrrg@2|labeler:keywords@1" in other
    run("score", *reports, "--metrics", "length_ratio", installed=False, code=2)


def test_data_takes_the_corpus_and_the_labeler(run) -> None:
    told = json.loads(run("data", "stats", "--corpus", "gradients", "--labeler", "keywords", "--json").stdout)
    assert told["labels"]["Pleural Effusion"]["positive"] == told["studies"] == 60
    assert json.loads(run("data", "validate", "--corpus", "gradients", "--json", code=2).stdout)["problems"]


def test_a_package_that_is_broken_is_named_and_breaks_nothing_else(run, site, reports) -> None:
    broken = site / "rrgbench_example" / "protocol.py"
    text = broken.read_text()
    broken.write_text("raise ValueError('seven\\x1b[31m')")
    try:
        lines = run("list", "protocols", alone=True).stdout.splitlines()
        assert len(lines) == len(run("list", "protocols", installed=False).stdout.splitlines()) + 1
        assert "can't be loaded: ValueError: seven" in lines[-1]
        failed = run("score", *reports, "--protocol", "five-macro", code=3, alone=True).stderr
        assert failed.startswith("rrgbench: protocol five-macro of rrgbench-example 0.3.0 can't be loaded: ValueError")
        run("score", *reports, "--metrics", "bleu_1", alone=True)
    finally:
        broken.write_text(text)


def test_a_variant_and_claims_are_found(site) -> None:
    asked = (
        "from dcrrg.variants import chosen_variants\n"
        "from rrgbench.claims.claim import load_claims\n"
        "print(*[one.name for one in chosen_variants(['6b', '6b-wide-beam'])], *load_claims('brightness').variants)"
    )
    command = [sys.executable, "-c", asked]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, env=searched([site]))
    assert done.stdout.split() == ["6b", "6b-wide-beam", "contrast", "plain"], done.stderr


def test_an_added_edit_is_tried(run) -> None:
    small = [word for size in ("test=6", "train=0", "validate=0", "retrieval=0") for word in ("-o", size)]
    arguments = ("trials", "edits", *small, "--metrics", "rouge_l", "--replicates", 20, "--json")
    edits = {one["name"]: one for one in json.loads(run(*arguments).stdout)["edits"]}
    assert edits["cut_short"]["harmful"]
    assert edits["cut_short"]["texts"] == 6
    assert "cut_short" not in {one["name"] for one in json.loads(run(*arguments, installed=False).stdout)["edits"]}
