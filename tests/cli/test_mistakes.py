"""A user's mistake ends in one line on standard error, no traceback, and the documented exit code."""

import json

import pytest
from PIL import Image


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


def test_unknown_names_come_with_the_nearest_one(run_command):
    check(run_command("eval", "--model", "dcrg"), "dcrg", "did you mean 'dcrrg'")
    check(run_command("eval", "--suite", "ful"), "did you mean 'full'")
    check(run_command("eval", "--corpus", "fantom"), "did you mean 'phantom'")
    check(run_command("train", "--preset", "tini", "--out", "never"), "did you mean 'tiny'")
    check(run_command("train", "--step", "5"), "'5'", "1, 2, 3, 4 or all")


def test_models_out_of_files(run_command, tmp_path):
    mine = tmp_path / "mine.py"
    mine.write_text(
        "class Mine:\n"
        "    image_size = 32\n"
        "    def __init__(self, words='no effusion .'):\n"
        "        self.words = words\n"
        "    def generate_reports(self, images):\n"
        "        return [self.words] * len(images)\n"
    )
    check(run_command("eval", "--model", f"{mine}x:Mine"), "no model is called")
    check(run_command("eval", "--model", "none.py:Mine"), "there is no file none.py")
    check(run_command("explain", "--model", mine), "say which class or function of the file is meant")
    check(run_command("eval", "--model", f"{mine}:Mine", "--model-option", "word=x"), "takes an option word; they take")
    small = ("-o", "train=4", "-o", "validate=1", "-o", "test=6", "-o", "retrieval=0")
    done = run_command("explain", "--model", f"mine={mine}:Mine", "--json", *small)
    assert '"no effusion ."' in done.stdout
    assert '"mine@' in done.stdout
    suite, out = tmp_path / "own.yaml", tmp_path / "run"
    suite.write_text("name: own\nreplicates: 20\ntrivial: []\ntasks: {report_generation: {}}\n")
    chosen = ("--model-option", "words=edema", "--suite", suite, "--out", out, *small)
    done = run_command("eval", "--model", f"mine={mine}:Mine", *chosen, "--json")
    assert "mine" in {one["model"] for one in json.loads(done.stdout)}


def test_an_empty_list_of_names_is_not_all(run_command, tmp_path):
    reports = tmp_path / "reports.jsonl"
    reports.write_text('{"id": "1", "report": "no effusion ."}\n')
    score = ("score", "--predictions", reports, "--references", reports)
    for empty in ("", " ", "bleu,,cider"):
        check(run_command(*score, "--metrics", empty), f"--metrics {empty!r} holds an empty name; leave --metrics out")
    check(run_command("eval", "--model", "fixed-template", "--tasks", ""), "--tasks '' holds an empty name")
    check(run_command("eval", "--model", "fixed-template", "--metrics", ""), "--metrics '' holds an empty name")
    check(run_command("trials", "edits", "--metrics", ""), "--metrics '' holds an empty name")


def test_missing_folder(run_command, tmp_path):
    check(run_command("eval", "--model", "fixed-template", "--corpus", "jsonl", "--root", tmp_path / "no"), "no")


def test_suite_with_a_typo(run_command, tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("retrievel: {}\n")
    check(run_command("eval", "--model", "fixed-template", "--suite", path), "retrievel")


def test_corrupt_film_is_named_and_what_was_finished_stays(run_command, folder):
    (folder / "images" / "3.png").write_bytes(b"not a png")
    done = run_command(
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


def test_skipped_films_are_counted_in_the_signature_and_the_cache_is_used(run_command, folder):
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
    done = run_command(*arguments, "--out", folder / "run")
    assert done.returncode == 0, done.stderr
    assert "jsonl-skip1@" in (folder / "run" / "results.json").read_text()
    assert list((folder / "cache").glob("films-*.npy"))
    again = run_command(*arguments, "--out", folder / "again")
    assert again.returncode == 0, again.stderr
    assert (folder / "again" / "results.json").read_bytes() == (folder / "run" / "results.json").read_bytes()


def test_no_checkpoint_there(run_command, tmp_path):
    (tmp_path / "empty").mkdir()
    check(run_command("eval", "--checkpoint", tmp_path / "empty"), "model.safetensors")


def test_wrong_id_and_empty_report(run_command, tmp_path):
    references, predictions = tmp_path / "r.jsonl", tmp_path / "p.jsonl"
    references.write_text('{"study_id": "a", "report": "no effusion"}\n{"study_id": "b", "report": "clear"}\n')
    predictions.write_text('{"study_id": "a", "report": "no effusion"}\n{"study_id": "c", "report": "clear"}\n')
    check(run_command("score", "--predictions", predictions, "--references", references), "c")
    predictions.write_text('{"study_id": "a", "report": ""}\n{"study_id": "b", "report": "clear"}\n')
    check(run_command("score", "--predictions", predictions, "--references", references), "a")


def test_options_that_can_not_be_taken_are_refused_before_the_work(run_command, tmp_path):
    reports = tmp_path / "r.jsonl"
    reports.write_text('{"study_id": "a", "report": "no effusion"}\n')
    score = ("score", "--predictions", reports, "--references", reports)
    check(
        run_command("eval", "--model", "most-frequent", "--checkpoint", "x"), "model most-frequent takes no checkpoint"
    )
    check(run_command(*score, "--per-study", tmp_path / "no" / "x.csv"), "there is no folder")
    check(run_command(*score, "--seed", "-1"), "--seed", "greater than or equal to 0")
    check(run_command("eval", "--seed", "-1"), "--seed", "greater than or equal to 0")
    check(run_command("runs", "show", tmp_path), str(tmp_path), "no run folder")


def test_no_error_tells_what_a_report_says(run_command, tmp_path):
    text = "The heart of Mr. Smith is enlarged. No effusion."
    reports, note = tmp_path / "r.jsonl", tmp_path / "note.txt"
    reports.write_text(json.dumps({"study_id": "a", "report": text}) + "\n")
    note.write_text(text)
    for words in (
        ("reproduce", "averaging", reports),
        ("reproduce", "averaging", note),
        ("leaderboard", "check", note),
    ):
        done = run_command(*words)
        assert done.returncode == 2
        assert "Smith" not in done.stderr


def test_what_is_wrong_is_said_with_what_there_is(run_command, tmp_path):
    reports = tmp_path / "r.jsonl"
    reports.write_text('{"study_id": "a", "report": "no effusion"}\n')
    score = ("score", "--predictions", reports, "--references", reports)
    check(run_command("eval", "--option", "foo=1"), "corpus phantom takes no foo; it takes: ", "seed")
    check(run_command("compare", tmp_path / "no", tmp_path / "nothing"), "there is no ", "no", "nothing")
    check(run_command(*score, "--labeler", "rules@9"), "labeler 'rules' has no version 9; here are rules@1, rules@2")
    check(run_command(*score, "--protocol", tmp_path / "mine.yaml"), "mine.yaml is not there; give one, or a name")
    check(run_command("reproduce", "averaging", tmp_path / "no.csv"), "table no.csv is not there; give a CSV")
    check(run_command("leaderboard", "check", tmp_path / "no.yaml"), "entry no.yaml is not there")


def test_options_that_have_a_flag_of_their_own_say_which(run_command, tmp_path):
    reports = tmp_path / "r.jsonl"
    reports.write_text('{"study_id": "a", "report": "no effusion"}\n')
    score = ("score", "--predictions", reports, "--references", reports)
    check(run_command("eval", "--option", "root=x"), "--option takes no root; give --root")
    check(
        run_command("eval", "--model-option", "checkpoint=x"), "--model-option takes no checkpoint; give --checkpoint"
    )
    check(run_command(*score, "--labeler", "rules", "--labeler-option", "name=x"), "expected OPTION=VALUE")
    judge = (*score, "--metrics", "chexprompt", "--metric-option")
    check(run_command(*judge, "chexprompt.name=x"), "expected METRIC.OPTION=VALUE")
    more = ("--metric-option", "chexprompt.model=m", "--metric-option", "chexprompt.base_url=http://127.0.0.1:9")
    for wrong in ("timeout=nan", "timeout=1e20", "concurrency=inf"):
        check(run_command(*judge, f"chexprompt.{wrong}", *more), "expected a number below 1,000,000")
    check(run_command("eval", "--model", "openai:m", "--base-url", "http://[bad"), "is no address")
    check(run_command("eval", "--root", "~nosuchuser/x"), "leave out the root")


def test_paths_with_an_equals_sign(run_command, tmp_path):
    for rate in ("0.1", "0.2"):
        (tmp_path / f"lr={rate}").mkdir()
        (tmp_path / f"lr={rate}" / f"p{rate}.jsonl").write_text('{"study_id": "a", "report": "no effusion"}\n')
    first, second = (tmp_path / f"lr={rate}" / f"p{rate}.jsonl" for rate in ("0.1", "0.2"))
    for one, other in ((first, second), (f"one={first}", f"two={second}")):
        done = run_command("compare", one, other, "--references", first, "--metrics", "bleu_1", "--permutations", "10")
        assert done.returncode == 0, done.stderr


def test_the_folder_of_now_has_a_name(run_command, tmp_path, monkeypatch):
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    check(run_command("report", "."), "here/results.json is not there")
    assert "no runs in here; " in run_command("runs", "list", ".").stderr


def test_help_shows_an_example_of_every_command(run_command):
    for name in ("eval", "train", "score", "drift", "compare", "doctor"):
        done = run_command(name, "--help")
        assert done.returncode == 0
        assert f"rrgbench {name}" in done.stdout, name


def test_folders_that_are_not_there_are_told_before_the_work(run_command, tmp_path):
    check(run_command("reproduce", "--outputs", tmp_path / "no"), "there is no folder", "of published outputs")
    baseline = tmp_path / "baseline.json"
    baseline.write_text("{}")
    junit = tmp_path / "no" / "x.xml"
    check(run_command("drift", tmp_path, "--against", baseline, "--junit", junit), "there is no folder")
    assert not junit.parent.exists()
