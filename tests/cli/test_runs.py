"""`rrgbench runs`: what a folder of runs looks like, and what one says of itself."""

import json

import pytest
from typer.testing import CliRunner

from rrgbench.cli.runs import app
from rrgbench.errors import UnknownNameError
from rrgbench.runs.records import Record
from rrgbench.runs.store import RunFolder

ABOUT = {
    "models": [{"name": "mine", "identity": "mine@ab12", "checkpoint": "best", "device": "cpu"}],
    "synthetic": True,
    "warnings": ["mine was trained on other@1a2b, not on phantom"],
    "command": [".../rrgbench", "eval", "--model", "mine"],
    "started": "2026-03-01T09:00:00+00:00",
    "finished": "2026-03-01T09:05:00+00:00",
    "seconds": 300,
    "packages": {"rrgbench": "0.1.0", "torch": "2.9"},
}


@pytest.fixture(autouse=True)
def runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    for name, value in (("first", 0.25), ("second", None)):
        folder = RunFolder(tmp_path / "runs" / name)
        made = {"task": "report_generation", "corpus": "phantom@3be6", "split": "test", "metric": "bleu_4"}
        records = [Record(model=model, value=0.1, n=7, **made) for model in ("most-frequent", "best-constant")]
        own = {"value": value} if value else {"reason": "it writes no reports"}
        folder.write_results([*records, Record(model="mine", **made, **own)])
        if value:
            folder.write_artifact("run.json", json.dumps(ABOUT))
    RunFolder(tmp_path / "runs" / "open").write_artifact("run.json", json.dumps(ABOUT | {"finished": None}))
    (tmp_path / "runs" / "open" / "units").mkdir()


def run(*arguments: str) -> str:
    done = CliRunner().invoke(app, [*arguments])
    assert done.exit_code == 0, done.exception
    return done.stdout


def test_list_shows_date_model_corpus_and_headline() -> None:
    lines = {line.split()[0]: line for line in run("list").splitlines() if line.strip()}
    for words in ("2026-03-01", "mine", "phantom@3be6", "BLEU-4 0.250"):
        assert words in lines["first"]
    assert "most-frequent" not in lines["first"]
    assert "BLEU-4" not in lines["second"]
    for words in ("unfinished", "2026-03-01", "mine"):
        assert words in lines["open"]
    rows = {row["name"]: row for row in json.loads(run("list", "--json"))}
    assert (rows["first"]["headline"], rows["first"]["main"]) == ("BLEU-4 0.250", ["mine"])
    assert rows["second"]["headline"] == ""


@pytest.mark.parametrize("name", ["first", "runs/first"])
def test_show_takes_a_path_or_a_name_and_says_what_came_out(name) -> None:
    shown = run("show", name)
    for words in (
        "first (finished, 2026-03-01 09:05)",
        "3 values",
        "checkpoint best",
        "in 5 min",
        "torch 2.9",
        "Command: rrgbench eval --model mine",
        "Warning: mine was trained on other@1a2b",
        "Synthetic data",
        "0.250",
    ):
        assert words in shown
    assert json.loads(run("show", name, "--json"))["environment"] == ABOUT


def test_show_of_an_unfinished_run_has_no_numbers() -> None:
    assert run("show", "open").startswith("open (unfinished, 20")


@pytest.mark.parametrize(("given", "meant"), [("frist", "first"), ("runs/secnd", "second")])
def test_a_misspelt_run_is_answered_with_the_nearest(given, meant) -> None:
    error = CliRunner().invoke(app, ["show", given]).exception
    assert isinstance(error, UnknownNameError)
    assert f"did you mean '{meant}'?" in str(error)
