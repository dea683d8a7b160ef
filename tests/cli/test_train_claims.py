"""`rrgbench train` with variants and `rrgbench claims`: options, mistakes, one small set from end to end."""

import json

import pytest
import yaml
from pydantic import BaseModel, ConfigDict
from typer.testing import CliRunner

from baselines.common.settings import load_preset as baseline_preset
from rrgbench.cli.main import app
from rrgbench.cli.train import parsed_seeds
from rrgbench.errors import InputError, UnknownNameError
from rrgbench.training.trainers import Trainer


def run(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=True)


@pytest.mark.parametrize(
    ("arguments", "kind", "words"),
    [
        (["--variant", "6e"], UnknownNameError, "'6e'; did you mean '6'?"),
        (["--variants", "table6"], UnknownNameError, "did you mean 'table"),
        (["--variants", "table4", "--seeds", "0;1"], InputError, "0,1,2"),
        (["--step", "5"], InputError, "--step '5' is not a step; give 1, 2, 3, 4 or all"),
        (["--model", "s&t", "--step", "1"], InputError, "model s&t takes no --step"),
        (["--model", "s&t", "--set", "beam_width=2"], InputError, "model s&t takes no --beam-width"),
        (["--set", "step"], InputError, "--set expects KEY=VALUE"),
        (["--model", "all", "--step", "1"], InputError, "--model all takes no --step"),
        (["--variant", "6b", "--extra-corpus", "phantom-b"], InputError, "variant 6b learns from no extra films"),
        (["--extra-root", "somewhere"], InputError, "--extra-root is given without --extra-corpus"),
        (["--variants", "all", "--extra-root", "x"], InputError, "--extra-root is given without --extra-corpus"),
        (["--model", "s&t", "--variant", "6b"], InputError, "model s&t takes no --variant"),
        (["--model", "s&t", "--extra-corpus", "phantom-b"], InputError, "model s&t takes no --extra-corpus"),
        (["--model", "s&t", "--variants", "all"], InputError, "model s&t takes no --variant"),
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
    assert record["stages"][0]["validation_loss"] > 0


def test_a_corpus_from_which_no_system_can_learn_is_a_mistake(tmp_path):
    sizes = ["--option", "train=4", "--option", "validate=0", "--option", "test=2"]
    done = run("train", "--model", "all", "--preset", "mini", "--out", tmp_path / "out", *sizes)
    assert isinstance(done.exception, InputError), done.exception
    assert "no system was trained on phantom" in str(done.exception)
    assert done.output.count("left out: ") == 15


class Twice(BaseModel):
    """Options of a trainer of somebody's own."""

    model_config = ConfigDict(extra="forbid")

    depth: int = 1


def test_options_of_a_trainer_of_ones_own_are_given_by_set(tmp_path, monkeypatch):
    seen = []

    def recipes(request, options):
        seen.append((options.depth, list(request.seeds), request.limit))
        return []

    monkeypatch.setattr("rrgbench.training.trainers.load_trainer", lambda name: Trainer(name, Twice, recipes))
    common = ["train", "--model", "mine", "--seeds", "4,5", "--limit", "3", "--out", tmp_path / "out"]
    done = run(*common, "--set", "depth=2", "--option", "train=1")
    assert done.exception is None, done.exception
    assert seen == [(2, [4, 5], 3)]
    wrong = run(*common, "--set", "depth=deep", "--option", "train=1")
    assert isinstance(wrong.exception, InputError)
    assert "training mine: depth: " in str(wrong.exception)
    assert "given: 'deep'" in str(wrong.exception)


@pytest.mark.parametrize(
    ("asked", "corpus"),
    [
        (["--variant", "a", "--variant", "b"], "phantom-hard"),
        (["--variants", "a"], "phantom-hard"),
        (["--variant", "a"], "phantom"),
        (["--seeds", "0,1"], "phantom"),
        (["--variants", "a", "--corpus", "phantom"], "phantom"),
        (["--variants", "a", "--corpus", "phantom-b"], "phantom-b"),
    ],
)
def test_a_set_of_variants_learns_from_two_readers_unless_a_corpus_is_named(tmp_path, monkeypatch, asked, corpus):
    class WithVariants(BaseModel):
        variant: list[str] = []

    def recipes(request, options):
        raise InputError(f"learns from {request.corpus.names[0]}.")

    monkeypatch.setattr("rrgbench.training.trainers.load_trainer", lambda name: Trainer(name, WithVariants, recipes))
    done = run("train", "--model", "mine", "--out", tmp_path / "out", *asked, "--option", "train=1")
    assert str(done.exception) == f"learns from {corpus}."


def test_a_preset_that_makes_no_sense_is_one_line(tmp_path):
    preset = tmp_path / "few.yaml"
    preset.write_text("extends: mini\nstep1_text: {epochs: 0, batch_size: -4}\n")
    done = run("train", "--preset", preset, "--out", tmp_path / "out", "--option", "train=4")
    assert isinstance(done.exception, InputError)
    assert len(str(done.exception).splitlines()) == 1
    assert all(f"step1_text.{name}: " in str(done.exception) for name in ("epochs", "batch_size"))
    assert not (tmp_path / "out").exists()


def test_seeds_of_a_system_without_variants_lie_side_by_side(tmp_path):
    settings = baseline_preset("mini").model_dump(mode="json")
    settings["report"].update(epochs=1, batch_size=4)
    settings.update(image_size=32, min_word_count=1)
    preset = tmp_path / "few.yaml"
    preset.write_text(yaml.safe_dump(settings))
    sizes = ["--option", "train=8", "--option", "validate=2", "--option", "test=2"]
    done = run("train", "--model", "s&t", "--seeds", "0,1", "--preset", preset, "--out", tmp_path / "out", *sizes)
    assert done.exit_code == 0, done.output
    records = [json.loads((tmp_path / f"out/seed-{seed}/training.json").read_text()) for seed in (0, 1)]
    assert [record["seed"] for record in records] == [0, 1]
    assert all((tmp_path / f"out/seed-{seed}/model.safetensors").is_file() for seed in (0, 1))


def test_mistakes_of_claims(tmp_path):
    assert isinstance(run("claims", "--runs", tmp_path).exception, InputError)
    assert "no such" not in str(run("claims", "--runs", tmp_path).exception)
    wrong = run("claims", "--runs", tmp_path, "--model", "s&t").exception
    assert isinstance(wrong, UnknownNameError)
    assert "model with claims" in str(wrong)


def test_seeds():
    assert parsed_seeds("0, 2,2,1") == [0, 2, 1]


def test_a_small_set_is_trained_and_judged(tmp_path):
    from dcrrg.configuration import load_preset

    settings = load_preset("mini").model_dump(mode="json")
    for stage in ("step1_image", "step1_text", "step2", "step3", "step4", "step4_full"):
        settings[stage].update(epochs=1, batch_size=6, stop_on="loss", patience=None, floor=None)
    settings["model"].update(max_report=8, image_size=32, beams=1)
    settings.update(min_word_count=1, heads=None)
    preset, suite, out = tmp_path / "few.yaml", tmp_path / "suite.yaml", tmp_path / "set"
    preset.write_text(yaml.safe_dump(settings))
    suite.write_text("trivial: []\nreplicates: 20\ntasks: {report_generation: {}, clinical_efficacy: {}}\n")
    corpus = [word for pair in ("train=12", "validate=0", "test=8", "retrieval=0") for word in ("-o", pair)]
    variants = ["--variant", "6a", "--variant", "6b", "--seed", 3]
    trained = run("train", *variants, "--preset", preset, "--out", out, *corpus)
    assert trained.exception is None, trained.exception
    assert (out / "6b" / "seed-3" / "model.safetensors").is_file()
    done = run("claims", "--runs", out, "--suite", suite, "--json", *corpus)
    assert done.exception is None, done.exception
    content = json.loads(done.stdout)
    assert content["seeds"] == [3]
    assert content["measured_on"].startswith("phantom-hard@"), "on what they learned from, unless told otherwise"
    assert content == json.loads((out / "claims.json").read_text())
    reasons = {test["reason"] for claim in content["claims"] for test in claim["tests"]}
    assert "1 seeds in common; 3 are needed" in reasons
    # measured otherwise, the same models keep both measurements
    few = "{report_generation: {limit: 6}, clinical_efficacy: {limit: 6}}"
    suite.write_text(f"trivial: []\nreplicates: 20\ntasks: {few}\n")
    shown = run("claims", "--runs", out, "--suite", suite, *corpus)
    assert shown.exception is None, shown.exception
    assert "not measured" in shown.stdout
    assert "Ablation of the steps" in shown.stdout
    plan = ["claims", "--runs", out, "--suite", suite, *corpus, "--plan"]
    assert "no difference is measured" in str(run(*plan).exception)
    assert "give --plan too" in str(run("claims", "--runs", out, "--difference", 0.02).exception)
