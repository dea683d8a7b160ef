"""Options of `eval`: how much is run, from a file, without doing it, into a tracker."""

import json
import sys
from types import ModuleType

import pytest
import typer
import yaml
from typer.testing import CliRunner

from rrgbench.cli.configuration import ASIDE, _named
from rrgbench.cli.main import app
from rrgbench.errors import InputError, MissingPartError, UnknownNameError
from rrgbench.runs.records import Record
from rrgbench.runs.tracking import scalar_name, track
from rrgbench.tasks.configuration import Configuration, read_configuration
from rrgbench.tasks.suite import load_suite, narrowed

NORMAL, EFFUSION = "the lungs are clear .", "there is a pleural effusion ."


@pytest.fixture
def corpus(tmp_path):
    rows = [
        {
            "study_id": f"s{number}",
            "subject_id": f"s{number}",
            "split": "test" if number < 6 else "train",
            "report": EFFUSION if number % 3 else NORMAL,
        }
        for number in range(9)
    ]
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus" / "studies.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    predictions = [{"study_id": row["study_id"], "report": NORMAL} for row in rows[:6]]
    (tmp_path / "mine.jsonl").write_text("".join(json.dumps(row) + "\n" for row in predictions))
    return ["--corpus", "jsonl", "--root", str(tmp_path / "corpus"), "--predictions", str(tmp_path / "mine.jsonl")]


def run(*arguments):
    shown = CliRunner().invoke(app, ["eval", *map(str, arguments)])
    if shown.exception is not None and not isinstance(shown.exception, SystemExit):
        raise shown.exception
    assert shown.exit_code == 0, shown.output
    # wherever a narrow terminal would break a line
    return " ".join(shown.stdout.split())


def records(folder):
    return json.loads((folder / "results.json").read_text())


def test_tasks_metrics_and_limit_say_how_much_is_run(corpus, tmp_path):
    run(*corpus, "--metrics", "bleu_4,ce_f1", "--limit", "4", "--out", tmp_path / "run")
    found = records(tmp_path / "run")
    assert {(r["task"], r["metric"]) for r in found} == {
        ("report_generation", "bleu_4"),
        *(("report_generation", key) for key in ("distinct_reports", "report_words", "reference_words")),
        *(("clinical_efficacy", f"ce_{key}") for key in ("precision", "recall", "f1", "f1_band")),
    }
    assert {r["n"] for r in found if r["metric"] == "bleu_4"} == {4}
    run(*corpus, "--tasks", "clinical_efficacy", "--out", tmp_path / "other")
    assert {r["task"] for r in records(tmp_path / "other")} == {"clinical_efficacy"}


def test_a_narrowed_suite():
    full = load_suite("full")
    assert list(narrowed(full, tasks=["retrieval"]).tasks) == ["retrieval"]
    assert narrowed(full, tasks=["retrieval"]).tasks["retrieval"] == full.tasks["retrieval"]
    assert "retrieval" in narrowed(load_suite("claims"), tasks=["retrieval", "error_correlation"]).tasks
    assert list(narrowed(full, metrics=["auroc"]).tasks) == ["classification"]
    generation = narrowed(full, metrics=["cider", "bleu_4", "findings", "bertscore"]).tasks["report_generation"]
    assert (generation.nlg, generation.metrics) == (("bleu_4", "cider"), ("findings", "bertscore"))
    assert narrowed(full, metrics=["bertscore"]).tasks["report_generation"].nlg == ()
    assert {one.limit for one in narrowed(load_suite("quick"), limit=30).tasks.values()} == {30}
    assert narrowed(load_suite("quick"), limit=999).tasks["clinical_efficacy"].limit == 200
    assert narrowed(full) == full


def test_what_is_not_known_is_named():
    full = load_suite("full")
    with pytest.raises(UnknownNameError, match="did you mean 'retrieval'"):
        narrowed(full, tasks=["retrievall"])
    with pytest.raises(UnknownNameError, match="did you mean 'bleu_4'"):
        narrowed(full, metrics=["bleu_5"])
    with pytest.raises(InputError, match="no task of suite full gives auroc"):
        narrowed(full, tasks=["retrieval"], metrics=["auroc"])


@pytest.mark.parametrize("size", ["0", "-1", "many", "1.5"])
def test_a_batch_size_is_a_number_or_auto(corpus, size):
    with pytest.raises(InputError, match=f"--batch-size {size}: expected a whole number from 1 up, or auto"):
        run(*corpus, f"--batch-size={size}")


def test_batch_size_and_workers_change_no_number(corpus, tmp_path):
    run(*corpus, "--out", tmp_path / "one")
    run(*corpus, "--batch-size", "1", "--workers", "1", "--out", tmp_path / "two")
    assert (tmp_path / "one" / "results.json").read_bytes() == (tmp_path / "two" / "results.json").read_bytes()


def test_a_dry_run_says_what_is_there_and_does_nothing(corpus, tmp_path):
    folder = tmp_path / "run"
    before = run(*corpus, "--metrics", "bleu_4", "--dry-run", "--out", folder)
    assert "5 pieces of work to do, on 6 studies of jsonl@" in before
    assert not folder.exists()
    run(*corpus, "--metrics", "bleu_4", "--out", folder)
    assert "0 pieces of work to do" in run(*corpus, "--metrics", "bleu_4", "--dry-run", "--out", folder)
    more = run(*corpus, "--metrics", "bleu_4,ce", "--dry-run", "--out", folder)
    assert "5 pieces of work to do" in more
    assert "there" in more


def test_a_run_is_repeated_by_its_own_configuration(corpus, tmp_path):
    first, again, other = (tmp_path / name for name in ("first", "again", "other"))
    run(*corpus, "--metrics", "bleu_4,ce", "--limit", "5", "--seed", "3", "--out", first)
    run("--config", first / "config.yaml", "--out", again)
    assert (first / "results.json").read_bytes() == (again / "results.json").read_bytes()
    run("--config", first / "config.yaml", "--out", other, "--limit", "2")
    assert {r["n"] for r in records(other) if r["metric"] == "bleu_4"} == {2}, "the command line wins"
    kept = yaml.safe_load((other / "config.yaml").read_text())
    assert (kept["limit"], kept["seed"], kept["metrics"]) == (2, 3, "bleu_4,ce")


def test_every_option_of_eval_stands_in_a_configuration():
    command = typer.main.get_command(app).commands["eval"]
    named = set(_named(typer.Context(command))) - ASIDE
    assert named == set(Configuration.model_fields)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("limt: 3", "no option is called limt; did you mean 'limit'"),
        ("limit: 0", "limit: Input should be greater than 0"),
        ("limit: many", "limit: Input should be a valid integer"),
        ("allow_missing: 3", "allow_missing: Input should be a valid boolean"),
        ("limit: 3\nlimit: 4", "limit stands twice"),
        ("[1]", "must be a mapping of options"),
        ("a: [", "is not YAML"),
    ],
)
def test_mistakes_in_a_configuration_are_named(tmp_path, text, words):
    path = tmp_path / "mine.yaml"
    path.write_text(text + "\n")
    with pytest.raises(InputError) as caught:
        read_configuration(path)
    assert words in str(caught.value)
    with pytest.raises(InputError, match="can't be read"):
        read_configuration(tmp_path / "absent.yaml")


def test_a_configuration_takes_one_value_for_a_list_and_a_list_for_commas(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("model: dcrrg\nmetrics: [bleu_4, ce]\nbatch_size: 8\n")
    assert read_configuration(path).given() == {"model": ["dcrrg"], "metrics": "bleu_4,ce", "batch_size": 8}


RECORDS = [
    Record("retrieval", "m", "c@1", "test", "precision_at_k", k=5, value=0.5),
    Record("classification", "m", "c@1", "test", "auroc", "Edema", fraction=0.01, setting="linear", value=0.25),
    Record("retrieval", "m", "c@1", "test", "precision_at_k", k=10, reason="only 8 candidates"),
]


@pytest.mark.parametrize("name", ["wandb", "trackio"])
def test_values_go_to_a_tracker(tmp_path, monkeypatch, name):
    calls = []
    fake = ModuleType(name)
    fake.__spec__ = object()
    fake.init = lambda **given: calls.append(("init", given))
    fake.log = lambda values: calls.append(("log", values))
    fake.finish = lambda: calls.append(("finish",))
    monkeypatch.setitem(sys.modules, name, fake)
    track(name, tmp_path / "run", RECORDS, {"seed": "0"})
    assert calls == [
        ("init", {"project": "rrgbench", "name": "run", "config": {"seed": "0"}}),
        ("log", {"retrieval/precision_at_k@5/m": 0.5, "classification/auroc/m/linear/1%/Edema": 0.25}),
        ("finish",),
    ]


def test_values_go_to_tensorboard(tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    track("tensorboard", tmp_path, RECORDS, {})
    read = EventAccumulator(str(tmp_path / "tensorboard"))
    read.Reload()
    assert sorted(read.Tags()["tensors"]) == sorted(scalar_name(one) for one in RECORDS[:2])


def test_a_tracker_that_is_not_there_is_said_before_the_work(corpus, tmp_path):
    with pytest.raises(InputError, match="no such tracker; did you mean 'wandb'"):
        run(*corpus, "--log", "wanb", "--out", tmp_path / "run")
    try:
        __import__("trackio")
    except ImportError:
        with pytest.raises(MissingPartError, match=r"pip install 'rrgbench\[trackio\]'"):
            run(*corpus, "--log", "trackio", "--out", tmp_path / "run")
    assert not (tmp_path / "run").exists()
