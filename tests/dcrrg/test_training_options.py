"""The four steps with early stopping on the validation split, and in two processes."""

import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import yaml
from safetensors.torch import load_file

from dcrrg.configuration import load_preset
from dcrrg.training import train
from rrgbench.data.phantom import load
from rrgbench.errors import InputError
from rrgbench.training.settings import StageOptions
from rrgbench.training.trainers import Request

ROOT = Path(__file__).resolve().parents[2]
STAGE_ORDER = ("step1-text", "step1-image", "step2", "step3", "step4")
STAGES = ("step1_image", "step1_text", "step2", "step3", "step4")

RUN = """
import sys
from pathlib import Path
from dcrrg.training import train
from rrgbench.data.phantom import load
from rrgbench.training.trainers import Request
corpus = load(train=16, validate=4, test=2, retrieval=0)
train(Request(corpus, Path(sys.argv[2]), sys.argv[1]), step=list(sys.argv[3]))
"""


def preset(folder, base="mini", **changes):
    settings = load_preset(base).model_dump(mode="json")
    plain = {"stop_on": "loss", "patience": None, "floor": None}
    for stage in STAGES:
        settings[stage].update({"epochs": 2, "batch_size": 4, **plain, **changes})
    path = folder / "few.yaml"
    path.write_text(
        yaml.safe_dump({**settings, "min_word_count": 1, "storage": "float32", "heads": None, "limit": None})
    )
    return str(path)


def recorded(out):
    return json.loads((out / "training.json").read_text())


def recorded_command(out):
    return recorded(out)["command"]


def test_every_stage_is_validated_where_it_may_stop_early(tmp_path):
    corpus = load(train=8, validate=6, test=2)
    train(Request(corpus, tmp_path / "out", preset(tmp_path, patience=1)))
    stages = recorded(tmp_path / "out")["stages"]
    assert [stage["stage"] for stage in stages] == list(STAGE_ORDER)
    for stage in stages:
        assert 0 < stage["validation_loss"] < 20, stage
        assert stage["epochs"] <= 2
    train(Request(corpus, tmp_path / "plain", preset(tmp_path)))
    assert [stage["validation_loss"] for stage in recorded(tmp_path / "plain")["stages"]] == [None] * len(stages)


def test_options_are_laid_over_every_stage_and_named_in_the_command(tmp_path):
    corpus = load(train=8, validate=6, test=2)
    options = StageOptions(accumulate=2, patience=1, bf16=True)
    (out,) = train(Request(corpus, tmp_path / "out", preset(tmp_path), stages=options))
    record = recorded(out)
    for stage in STAGES:
        assert record["preset"][stage].items() >= options.model_dump(exclude_none=True).items()
    assert record["command"].endswith("--accumulate 2 --patience 1 --bf16")
    assert record["stages"][-1]["validation_loss"] > 0
    with pytest.raises(InputError, match="another preset"):
        train(Request(corpus, out, preset(tmp_path)))


@pytest.mark.equal_weights
def test_workers_change_neither_run_nor_weights(tmp_path):
    corpus = load(train=8, validate=6, test=2)
    alone = Request(corpus, tmp_path / "alone", preset(tmp_path))
    helped = replace(alone, out=tmp_path / "helped", stages=StageOptions(workers=2))
    for request in (alone, helped):
        train(request, step=[1, 2])
    first, second = (load_file(request.out / "model.safetensors") for request in (alone, helped))
    assert all(torch.equal(first[name], second[name]) for name in first)
    # and a run may be resumed with another number
    train(replace(helped, stages=StageOptions(workers=1)), step=3)
    # and is recorded, and described in its card, as what it has become
    assert recorded_command(helped.out).endswith("--step 1 --step 2 --step 3 --seed 0")
    assert recorded_command(helped.out) in (helped.out / "README.md").read_text()
    train(replace(helped, stages=StageOptions()), step=[1, 4])
    assert recorded_command(helped.out).endswith("--step all --seed 0")


def stage_model(out, stage):
    (found,) = out.glob(f"stages/{stage}-*/model/model.safetensors")
    return found


def started(folder, given, out, *launcher, steps="1234"):
    """A training in a process of its own."""
    script = folder / "run.py"
    script.write_text(RUN)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    return subprocess.Popen(
        [sys.executable, *launcher, str(script), given, str(out), steps],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process):
    _, errors = process.communicate(timeout=600)
    assert process.returncode == 0, errors[-3000:]


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory):
    """Weights of a run that was never killed."""
    folder = tmp_path_factory.mktemp("unbroken")
    ended(started(folder, preset(folder, "tiny"), folder / "out"))
    return load_file(folder / "out" / "model.safetensors")


@pytest.mark.slow
@pytest.mark.equal_weights
@pytest.mark.parametrize("stage", STAGE_ORDER)
def test_a_process_that_is_killed_outright_is_resumed(unbroken, tmp_path, stage):
    """SIGKILL while a stage trains its second epoch; what it held in memory is lost."""
    given, killed = preset(tmp_path, "tiny"), tmp_path / "killed"
    process = started(tmp_path, given, killed)
    while not any(killed.glob(f"stages/{stage}-*/checkpoint-*/digests.json")):
        assert process.poll() is None, "it ended before it was killed"
        time.sleep(0.01)
    process.kill()
    process.communicate()
    assert not (killed / "model.safetensors").exists()
    ended(started(tmp_path, given, killed))
    weights = load_file(killed / "model.safetensors")
    assert all(torch.equal(weights[name], unbroken[name]) for name in unbroken)


TWO = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")


@pytest.mark.slow
def test_two_processes_learn_what_one_does(tmp_path):
    """Reports of step 1, whose loss is a mean over items: two processes of batches of 4 against one of 8.

    Without dropout, of which each process draws its own, as each has its own batch norms of films.
    """
    several, single = tmp_path / "several", tmp_path / "single"
    for folder, size in ((several, 4), (single, 8)):
        folder.mkdir()
        settings = yaml.safe_load(Path(preset(folder)).read_text())
        settings["model"]["dropout"] = 0.0
        settings["model"]["text_encoder"] |= {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
        settings["step1_text"]["batch_size"] = size
        (folder / "few.yaml").write_text(yaml.safe_dump(settings))
    ended(started(tmp_path, str(several / "few.yaml"), several / "out", *TWO, steps="1"))
    ended(started(tmp_path, str(single / "few.yaml"), single / "out", steps="1"))
    two, one = (load_file(stage_model(folder / "out", "step1-text")) for folder in (several, single))
    trained = [name for name in one if name.split(".")[0] in ("text_encoder", "text_projection", "text_head")]
    assert len(trained) > 20
    for name in trained:
        assert torch.allclose(two[name], one[name], rtol=0, atol=2e-5), name
    untrained = load_file(stage_model(single / "out", "step1-image"))
    assert all(torch.equal(untrained[name], one[name]) for name in trained)


@pytest.mark.slow
def test_two_processes_leave_one_whole_run(tmp_path):
    out = tmp_path / "out"
    ended(started(tmp_path, preset(tmp_path), out, *TWO))
    assert not list(out.rglob("checkpoint-*"))
    assert not list(out.rglob("*.part"))
    assert [stage["epochs"] for stage in recorded(out)["stages"]] == [2] * len(STAGE_ORDER)
    assert recorded(out)["processes"] == 2
    for stage in STAGE_ORDER:
        assert load_file(stage_model(out, stage))
    assert (out / "model.safetensors").is_file()
    assert (out / "README.md").is_file()
