"""A user's mistake ends in one line on standard error, no traceback, and the documented exit code."""

import json
import subprocess
import sys

import pytest
from PIL import Image


def run(*arguments, cwd=None):
    return subprocess.run(
        [sys.executable, "-c", "from rrgbench.cli.main import run; run()", *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=cwd,
        timeout=300,
    )


def check(done, *words, code=2):
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    last = [line for line in done.stderr.splitlines() if line.strip()][-1]
    assert last.startswith("rrgbench: "), done.stderr
    for word in words:
        assert word in last


@pytest.fixture
def folder(tmp_path):
    """A jsonl corpus of a few films, one of them corrupt."""
    (tmp_path / "images").mkdir()
    lines = []
    for index in range(8):
        path = tmp_path / "images" / f"{index}.png"
        Image.new("L", (40, 50), 30 * index).save(path)
        split = ("train", "test")[index % 2]
        lines.append(
            json.dumps(
                {
                    "study_id": f"s{index}",
                    "subject_id": f"p{index}",
                    "images": [f"images/{index}.png"],
                    "view": "PA",
                    "report": "no effusion .",
                    "split": split,
                }
            )
        )
    (tmp_path / "studies.jsonl").write_text("\n".join(lines))
    return tmp_path


def test_unknown_names_come_with_the_nearest_one():
    check(run("eval", "--model", "dcrg"), "dcrg", "did you mean 'dcrrg'")
    check(run("eval", "--suite", "ful"), "did you mean 'full'")
    check(run("eval", "--corpus", "fantom"), "did you mean 'phantom'")
    check(run("train", "--preset", "tini", "--out", "never"), "did you mean 'tiny'")
    check(run("train", "--step", "5"), "'5'", "1, 2, 3, 4 or all")


def test_missing_folder(tmp_path):
    check(run("eval", "--model", "fixed-template", "--corpus", "jsonl", "--root", tmp_path / "no"), "no")


def test_suite_with_a_typo(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("retrievel: {}\n")
    check(run("eval", "--model", "fixed-template", "--suite", path), "retrievel")


def test_corrupt_film_is_named_and_what_was_finished_stays(folder):
    (folder / "images" / "3.png").write_bytes(b"not a png")
    done = run(
        "eval",
        "--model",
        "fixed-template",
        "--suite",
        "quick",
        "--corpus",
        "jsonl",
        "--root",
        folder,
        "--out",
        folder / "run",
    )
    check(done, "3.png")


def test_skipped_films_are_counted_in_the_signature_and_the_cache_is_used(folder):
    (folder / "images" / "3.png").write_bytes(b"not a png")
    arguments = (
        "eval",
        "--model",
        "fixed-template",
        "--suite",
        "quick",
        "--corpus",
        "jsonl",
        "--root",
        folder,
        "--skip-bad-images",
        "--film-cache",
        folder / "cache",
    )
    done = run(*arguments, "--out", folder / "run")
    assert done.returncode == 0, done.stderr
    assert "jsonl-skip1@" in (folder / "run" / "results.json").read_text()
    assert list((folder / "cache").glob("films-*.npy"))
    again = run(*arguments, "--out", folder / "again")
    assert again.returncode == 0, again.stderr
    assert (folder / "again" / "results.json").read_bytes() == (folder / "run" / "results.json").read_bytes()


def test_no_checkpoint_there(tmp_path):
    (tmp_path / "empty").mkdir()
    check(run("eval", "--checkpoint", tmp_path / "empty"), "model.safetensors")


def test_wrong_id_and_empty_report(tmp_path):
    references, predictions = tmp_path / "r.jsonl", tmp_path / "p.jsonl"
    references.write_text('{"study_id": "a", "report": "no effusion"}\n{"study_id": "b", "report": "clear"}\n')
    predictions.write_text('{"study_id": "a", "report": "no effusion"}\n{"study_id": "c", "report": "clear"}\n')
    check(run("score", "--predictions", predictions, "--references", references), "c")
    predictions.write_text('{"study_id": "a", "report": ""}\n{"study_id": "b", "report": "clear"}\n')
    check(run("score", "--predictions", predictions, "--references", references), "a")


def test_options_that_can_not_be_taken_are_refused_before_the_work(tmp_path):
    reports = tmp_path / "r.jsonl"
    reports.write_text('{"study_id": "a", "report": "no effusion"}\n')
    score = ("score", "--predictions", reports, "--references", reports)
    check(run("eval", "--model", "most-frequent", "--checkpoint", "x"), "model most-frequent takes no checkpoint")
    check(run(*score, "--per-study", tmp_path / "no" / "x.csv"), "there is no folder")
    check(run(*score, "--seed", "-1"), "--seed", "greater than or equal to 0")
    check(run("eval", "--seed", "-1"), "--seed", "greater than or equal to 0")
    check(run("runs", "show", tmp_path), str(tmp_path), "no run folder")


def test_help_shows_an_example_of_every_command():
    for command in ("eval", "train", "score", "drift", "compare", "doctor"):
        done = run(command, "--help")
        assert done.returncode == 0
        assert f"rrgbench {command}" in done.stdout, command
