"""Values of options, suites and presets that mean nothing, and files that are no files."""

import json
import os

import pytest
from torment import Place

SUITES = [
    "{tasks: {report_generation: {limit: true}}}",
    "{tasks: {report_generation: {limit: 1.5}}}",
    "{tasks: {retrieval: {ks: [true]}}}",
    "{tasks: {retrieval: {ks: [0]}}}",
    "{tasks: {retrieval: {per_class: true}}}",
    "{tasks: {classification: {fractions: [1, 10, 100]}}}",
    "{tasks: {classification: {fractions: [true]}}}",
    "{tasks: {classification: {steps: true}}}",
    "{tasks: {classification: {fractions: [.nan]}}}",
    "{replicates: true, tasks: {}}",
    "{replicates: 1, tasks: {}}",
    "{replicates: 1.0e+30, tasks: {}}",
    "{split: 3, tasks: {}}",
    "{tasks: {report_generation: {}, report_generation: {}}}",
    "[1, 2]",
    "!!python/object/apply:os.system ['touch executed']",
    "a: &a [*a]",
    "&a {tasks: *a}",
]


@pytest.mark.parametrize("text", SUITES)
def test_a_suite_with_values_that_mean_nothing(place: Place, text: str) -> None:
    """A suite's value has the wrong type or size."""
    place.write("suite.yaml", text)
    corpus = ("--corpus", "jsonl", "--root", place.made("corpus"))
    place.run("eval", "--model", "fixed-template", "--suite", "suite.yaml", *corpus, "--dry-run").owes(2, "suite")
    assert not (place / "executed").exists()


PRESETS = {
    "epochs": ["true", "0", "-1", "1.5", "'3'", ".nan", "1.0e+30"],
    "batch_size": ["true", "0"],
    "learning_rate": ["true", ".nan", "0", "-1", "'fast'"],
    "accumulate": ["true", "0"],
    "workers": ["true", "-1"],
    "bf16": ["5", "'perhaps'"],
}


@pytest.mark.parametrize(("key", "value"), [(key, value) for key, values in PRESETS.items() for value in values])
def test_a_preset_with_values_that_mean_nothing(place: Place, key: str, value: str) -> None:
    """A preset's value has the wrong type or size."""
    place.made("trained")
    text = (place.made("trained").parent / "preset.yaml").read_text()
    given = f"report: {{epochs: 2, batch_size: 16, learning_rate: 1.0e-3, {key}: {value}}}"
    lines = [given if line.startswith("report:") else line for line in text.splitlines()]
    if key in ("epochs", "batch_size", "learning_rate"):
        lines = [
            line.replace(
                {"epochs": "epochs: 2, ", "batch_size": "batch_size: 16, ", "learning_rate": "learning_rate: 1.0e-3, "}[
                    key
                ],
                "",
            )
            for line in lines
        ]
    place.write("preset.yaml", "\n".join(lines))
    corpus = ("--corpus", "jsonl", "--root", place.made("corpus"))
    place.run("train", "--model", "s&t", "--preset", "preset.yaml", *corpus, "--out", "t").owes(2, key)


STAGES = {
    "dcrrg": {
        "step1_text": "auroc",
        "step1_image": "auroc",
        "step2": "precision_at_5",
        "step3": "loss",
        "step4": "cider",
    },
    "clip": {"contrast": "loss", "report": "cider"},
    "r2gen": {"report": "cider"},
}


@pytest.mark.parametrize(("model", "stage"), [(model, stage) for model, stages in STAGES.items() for stage in stages])
def test_a_measure_that_a_stage_does_not_have(place: Place, model: str, stage: str) -> None:
    """A stage is to stop on a misspelt measure: refused before any stage is trained."""
    place.write("preset.yaml", f"extends: tiny\n{stage}: {{stop_on: cidre, patience: 1}}\n")
    corpus = ("--corpus", "jsonl", "--root", place.made("corpus"))
    ended = place.run("train", "--model", model, "--preset", "preset.yaml", *corpus, "--out", "t")
    ended.owes(2, stage.replace("_", "-"), "'cidre'", STAGES[model][stage])
    assert not list((place / "t").rglob("stage.json"))


@pytest.mark.parametrize("seed", ["-1", str(1 << 40), str(1 << 64), "1.5", "x"])
@pytest.mark.parametrize("command", ["score", "eval", "train", "compare"])
def test_seeds(place: Place, command: str, seed: str) -> None:
    """A seed is negative, or larger than generators take."""
    place.write("r.jsonl", '{"study_id": "a", "report": "no effusion"}\n{"study_id": "b", "report": "effusion"}\n')
    corpus = ("--corpus", "jsonl", "--root", place.made("corpus"))
    preset = place.made("trained").parent / "preset.yaml"
    suite = place.write("suite.yaml", "{replicates: 10, trivial: [], tasks: {report_generation: {}}}")
    words: dict[str, tuple[object, ...]] = {
        "score": ("--predictions", "r.jsonl", "--references", "r.jsonl", "--metrics", "bleu_1"),
        "compare": ("r.jsonl", "b=r.jsonl", "--references", "r.jsonl", "--metrics", "bleu_1", "--permutations", "5"),
        "eval": ("--model", "fixed-template", "--suite", suite, *corpus, "--out", "run"),
        "train": ("--model", "s&t", "--preset", preset, *corpus, "--out", "t"),
    }
    place.run(command, *words[command], "--seed", seed).owes(2, "seed")


ABSENT = ("my/ck-typo", "no-such", "../no-such", "a/b/c", "~/no-such", "")


@pytest.mark.parametrize("given", ABSENT)
@pytest.mark.parametrize("model", ["dcrrg", "s&t", "hf:"])
def test_a_mistyped_folder_is_not_looked_up_elsewhere(
    place: Place, model: str, given: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A checkpoint's folder is mistyped: no network is asked."""
    import socket

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    (place / "my").mkdir()
    words = ("--model", model, "--checkpoint", given)
    if model == "hf:":
        words = ("--model", f"hf:./{given}", "--dry-run")
    corpus = ("--corpus", "jsonl", "--root", place.made("corpus"))
    place.run("eval", *words, *corpus).owes(2)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
@pytest.mark.parametrize(
    "words",
    [
        ("score", "--predictions", "pipe", "--references", "pipe"),
        ("compare", "pipe", "a=pipe", "--references", "pipe"),
        ("drift", "pipe", "--against", "pipe"),
        ("runs", "show", "pipe"),
        ("report", "pipe"),
        ("eval", "--suite", "pipe.yaml"),
        ("eval", "--config", "pipe.yaml"),
        ("eval", "--predictions", "pipe"),
        ("eval", "--five-by-200", "pipe"),
        ("train", "--preset", "pipe.yaml"),
        ("score", "--predictions", "r.jsonl", "--references", "r.jsonl", "--labeler", "lookup:pipe"),
        ("score", "--predictions", "r.jsonl", "--references", "r.jsonl", "--protocol", "pipe.yaml"),
        ("leaderboard", "check", "pipe.json"),
        ("reproduce", "averaging", "pipe"),
    ],
)
def test_a_pipe_is_waited_for_by_nobody(place: Place, words: tuple[str, ...]) -> None:
    """A file that is read is a pipe that nobody writes to."""
    place.write("r.jsonl", '{"study_id": "a", "report": "no effusion"}\n')
    for name in ("pipe", "pipe.yaml", "pipe.json"):
        os.mkfifo(place / name)
    place.run(*words).owes(2)


OTHERS = (5, "x", [5], None, {"a": 5}, 1e308, [[]])


@pytest.mark.parametrize("step", [0, *(pytest.param(step, marks=pytest.mark.slow) for step in range(1, len(OTHERS)))])
def test_a_run_whose_record_holds_other_types(place: Place, step: int) -> None:
    """Each field of run.json in turn holds a number, a text, a list or nothing: another one at each step."""
    run = place.copy("run")
    whole = json.loads((run / "run.json").read_text())
    for at, key in enumerate(whole):
        other = OTHERS[(at + step) % len(OTHERS)]
        (run / "run.json").write_text(json.dumps({**whole, key: other}))
        for words in (
            ("report", "run"),
            ("runs", "show", "run"),
            ("runs", "list", "."),
            ("drift", "run", "--against", "run"),
        ):
            ended = place.run(*words)
            ended.owes(ended.code)
            assert ended.code in (0, 2), (key, other, ended.err)
