"""`rrgbench report` and `compare` of run folders: nothing is replaced or ignored without a word."""

import json

import pytest
from typer.testing import CliRunner

from rrgbench.cli.main import app
from rrgbench.errors import InputError
from rrgbench.runs.records import Record
from rrgbench.runs.store import RunFolder


@pytest.fixture
def runs(tmp_path):
    made = {"task": "report_generation", "corpus": "phantom@3be6", "split": "test", "metric": "bleu_4", "n": 7}
    for seed in (0, 1):
        folder = RunFolder(tmp_path / f"seed-{seed}")
        folder.write_results([Record(model="mine", value=0.1 + seed / 10, **made)])
        models = [{"name": "mine", "identity": f"mine@{seed}"}]
        about = {"models": models, "details": {"model": f"mine@{seed}"}, "seeds": [seed], "finished": "x"}
        folder.write_artifact("run.json", json.dumps(about))
        (tmp_path / f"seed-{seed}" / "units").mkdir(exist_ok=True)
    return tmp_path


def test_a_run_is_never_replaced_by_the_pool_of_several(runs):
    before = (runs / "seed-0" / "results.json").read_bytes()
    told = ["report", str(runs / "seed-0"), str(runs / "seed-1"), "--out"]
    for out, said in ((runs / "seed-0", "is one of the runs that are read"), (runs / "seed-0" / ".", "is one of")):
        done = CliRunner().invoke(app, [*told, str(out)])
        assert isinstance(done.exception, InputError)
        assert said in str(done.exception)
    done = CliRunner().invoke(app, ["report", str(runs / "seed-1"), "--out", str(runs / "seed-0")])
    assert "holds a run, and its results would be replaced" in str(done.exception)
    for _ in range(2):  # what the command wrote itself, it may write again
        assert CliRunner().invoke(app, ["report", str(runs / "seed-1"), "--out", str(runs / "copy")]).exit_code == 0
    assert (runs / "seed-0" / "results.json").read_bytes() == before


def test_run_folders_are_compared_without_options_that_would_change_nothing(runs):
    told = ["compare", str(runs / "seed-0"), str(runs / "seed-1"), "--level", "0.1", "--test", "bootstrap"]
    done = CliRunner().invoke(app, told)
    assert isinstance(done.exception, InputError)
    assert "so --level, --test would change nothing" in str(done.exception)
    done = CliRunner().invoke(app, [*told[:3], "--no-intervals"])
    assert "so --no-intervals would change nothing" in str(done.exception)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("report", "{}/seed-0", "--siunitx"), "--siunitx would change nothing without --paper"),
        (("report", "{}/seed-0", "--no-paper-intervals"), "--no-paper-intervals would change nothing without"),
        (("train", "--model", "dcrrg", "--seed", "3", "--seeds", "0,1", "--out", "{}/x"), "exclude each other"),
        (("reproduce", "--root", "{}"), "name the corpus too, with --corpus"),
        (("reproduce", "--corpus", "phantom", "--training-reports", "{}/t.jsonl"), "brings its own training reports"),
        (("trials", "edits", "--examples", "3", "--json"), "examples are printed as tables or written with"),
    ],
)
def test_options_that_would_change_nothing_are_refused(runs, words, said):
    done = CliRunner().invoke(app, [word.format(runs) for word in words])
    assert done.exit_code != 0
    assert said in " ".join(f"{done.exception} {done.output}".replace("│", " ").split())
