"""`rrgbench train` with variants and `rrgbench claims`: options, mistakes, one small set from end to end."""

import json

import pytest
import yaml
from typer.testing import CliRunner

from baselines.common.preset import load_preset as baseline_preset
from rrgbench.cli.main import app
from rrgbench.cli.train import parsed_seeds
from rrgbench.errors import InputError, UnknownNameError


def run(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=True)


@pytest.mark.parametrize(
    ("arguments", "kind", "words"),
    [
        (["--variant", "6e"], UnknownNameError, "no variant is called '6e'"),
        (["--variants", "table6"], UnknownNameError, "did you mean 'table"),
        (["--seeds", "0,1"], InputError, "no variant is named"),
        (["--variants", "table4", "--seeds", "0;1"], InputError, "0,1,2"),
        (["--variants", "table4", "--step", "1"], InputError, "--step does not go with a named set"),
        (["--variant", "6b", "--extra-corpus", "phantom-b"], InputError, "variant 6b learns from no extra films"),
        (["--extra-root", "somewhere"], InputError, "--extra-root is given without --extra-corpus"),
        (["--variants", "all", "--extra-root", "x"], InputError, "--extra-root is given without --extra-corpus"),
        (["--model", "s&t", "--variant", "6b"], InputError, "model s&t takes no --variant"),
        (["--model", "s&t", "--extra-corpus", "phantom-b"], InputError, "model s&t takes no --extra-corpus"),
        (["--model", "s&t", "--variants", "all"], UnknownNameError, "model with variants"),
    ],
)
def test_mistakes_of_train(arguments, kind, words, tmp_path):
    done = run("train", "--preset", "mini", "--out", tmp_path / "out", *arguments)
    assert isinstance(done.exception, kind), done.exception
    assert words in str(done.exception)
    assert not (tmp_path / "out").exists()


def test_flags_reach_every_stage_of_any_system(tmp_path):
    settings = baseline_preset("mini").model_dump(mode="json")
    settings["report"].update(epochs=2, batch_size=4)
    settings.update(image_size=32, min_word_count=1)
    preset = tmp_path / "few.yaml"
    preset.write_text(yaml.safe_dump(settings))
    sizes = ["--option", "train=12", "--option", "validate=4", "--option", "test=4"]
    flags = ["--accumulate", "2", "--patience", "1", "--workers", "1"]
    done = run("train", "--model", "s&t", "--preset", preset, "--out", tmp_path / "out", *sizes, *flags)
    assert done.exit_code == 0, done.output
    record = json.loads((tmp_path / "out" / "training.json").read_text())
    assert record["preset"]["report"]["accumulate"] == 2
    assert "workers" not in record["preset"]["report"]
    assert record["command"].endswith("--accumulate 2 --patience 1")
    assert json.loads((tmp_path / "out/stages/report/stage.json").read_text())["validation_loss"] > 0


def test_a_trainer_that_knows_no_flags_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr("rrgbench.training.trainers.load_trainer", lambda name: lambda corpus, *, out, preset: out)
    done = run("train", "--model", "s&t", "--bf16", "--out", tmp_path / "out", "--option", "train=1")
    assert isinstance(done.exception, InputError)
    assert "takes no --accumulate, --patience, --bf16 or --workers" in str(done.exception)


def test_mistakes_of_claims(tmp_path):
    assert isinstance(run("claims", "--runs", tmp_path).exception, InputError)
    assert "no such" not in str(run("claims", "--runs", tmp_path).exception)
    wrong = run("claims", "--runs", tmp_path, "--model", "s&t").exception
    assert isinstance(wrong, UnknownNameError)
    assert "model with claims" in str(wrong)


def test_seeds():
    assert parsed_seeds("0, 2,2,1") == [0, 2, 1]


def test_a_small_set_is_trained_and_judged(tmp_path):
    from dcrrg.preset import load_preset

    settings = load_preset("mini").model_dump(mode="json")
    for stage in ("step1_image", "step1_text", "step2", "step3", "step4", "step4_full"):
        settings[stage].update(epochs=1, batch_size=6)
    settings["model"].update(max_report=8, image_size=32, beams=1)
    settings.update(min_word_count=1)
    preset, suite, out = tmp_path / "few.yaml", tmp_path / "suite.yaml", tmp_path / "set"
    preset.write_text(yaml.safe_dump(settings))
    suite.write_text("trivial: []\nreplicates: 20\nreport_generation: {}\nclinical_efficacy: {}\n")
    corpus = [word for pair in ("train=12", "validate=0", "test=8", "retrieval=0") for word in ("-o", pair)]
    trained = run("train", "--variant", "6a", "--variant", "6b", "--seed", 3, "--preset", preset, "--out", out, *corpus)
    assert trained.exception is None, trained.exception
    assert (out / "6b" / "seed-3" / "model.safetensors").is_file()
    done = run("claims", "--runs", out, "--suite", suite, "--json", *corpus)
    assert done.exception is None, done.exception
    content = json.loads(done.stdout)
    assert content["seeds"] == [3]
    assert content == json.loads((out / "claims.json").read_text())
    reasons = {test["reason"] for claim in content["claims"] for test in claim["tests"]}
    assert "1 seeds in common; 3 are needed" in reasons
    # measured otherwise, the same models keep both measurements
    suite.write_text("trivial: []\nreplicates: 20\nreport_generation: {limit: 6}\nclinical_efficacy: {}\n")
    shown = run("claims", "--runs", out, "--suite", suite, *corpus)
    assert shown.exception is None, shown.exception
    assert "not measured" in shown.stdout
    assert "Ablation of the steps" in shown.stdout
