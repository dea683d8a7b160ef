"""The four steps with early stopping on the validation split, and in two processes."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
import yaml
from safetensors.torch import load_file

from dcrrg.preset import load_preset
from dcrrg.training import STAGE_ORDER, train
from rrgbench.data.phantom import load
from rrgbench.errors import InputError
from rrgbench.training.options import StageOptions

ROOT = Path(__file__).resolve().parents[2]
STAGES = ("step1_image", "step1_text", "step2", "step3", "step4")

RUN = """
import sys
from pathlib import Path
from dcrrg.training import train
from rrgbench.data.phantom import load
steps = tuple(map(int, sys.argv[3]))
train(load(train=16, validate=4, test=2, retrieval=0), preset=sys.argv[1], out=Path(sys.argv[2]), steps=steps)
"""


def preset(folder, **changes):
    settings = load_preset("tiny").model_dump(mode="json")
    for stage in STAGES:
        settings[stage].update(epochs=2, batch_size=4, **changes)
    path = folder / "few.yaml"
    path.write_text(yaml.safe_dump({**settings, "min_word_count": 1, "storage": "float32"}))
    return str(path)


def recorded_command(out):
    return json.loads((out / "training.json").read_text())["command"]


def test_every_stage_is_validated_where_it_may_stop_early(tmp_path):
    corpus = load(train=16, validate=6, test=2)
    train(corpus, preset=preset(tmp_path, patience=1), out=tmp_path / "out")
    for stage in STAGE_ORDER:
        report = json.loads((tmp_path / "out" / "stages" / stage / "stage.json").read_text())
        assert 0 < report["validation_loss"] < 20, stage
        assert report["epochs"] <= 2
    plain = train(corpus, preset=preset(tmp_path), out=tmp_path / "plain")
    assert json.loads((plain / "stages" / "step2" / "stage.json").read_text())["validation_loss"] is None


def test_options_are_laid_over_every_stage_and_named_in_the_command(tmp_path):
    corpus = load(train=16, validate=6, test=2)
    options = StageOptions(accumulate=2, patience=1, bf16=True)
    out = train(corpus, preset=preset(tmp_path), out=tmp_path / "out", options=options)
    record = json.loads((out / "training.json").read_text())
    for stage in STAGES:
        assert {**record["preset"][stage], **options.given} == record["preset"][stage]
    assert record["command"].endswith("--accumulate 2 --patience 1 --bf16")
    assert json.loads((out / "stages" / "step4" / "stage.json").read_text())["validation_loss"] > 0
    with pytest.raises(InputError, match="another preset"):
        train(corpus, preset=preset(tmp_path), out=out)


@pytest.mark.equal_weights
def test_workers_change_neither_run_nor_weights(tmp_path):
    corpus = load(train=16, validate=6, test=2)
    alone = train(corpus, preset=preset(tmp_path), out=tmp_path / "alone", steps=(1, 2))
    helped = train(
        corpus, preset=preset(tmp_path), out=tmp_path / "helped", steps=(1, 2), options=StageOptions(workers=2)
    )
    first, second = (load_file(folder / "model.safetensors") for folder in (alone, helped))
    assert all(torch.equal(first[name], second[name]) for name in first)
    # and a run may go on with another number
    train(corpus, preset=preset(tmp_path), out=helped, steps=(3,), options=StageOptions(workers=1))
    # and is recorded, and described in its card, as what it has become
    assert recorded_command(helped).endswith("--step 1 --step 2 --step 3 --seed 0")
    assert recorded_command(helped) in (helped / "README.md").read_text()
    train(corpus, preset=preset(tmp_path), out=helped, steps=(1, 4))
    assert recorded_command(helped).endswith("--step all --seed 0")


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
    ended(started(folder, preset(folder), folder / "out"))
    return load_file(folder / "out" / "model.safetensors")


@pytest.mark.slow
@pytest.mark.equal_weights
@pytest.mark.parametrize("stage", STAGE_ORDER)
def test_a_process_that_is_killed_outright_is_gone_on_with(unbroken, tmp_path, stage):
    """SIGKILL while a stage trains its second epoch; what it held in memory is lost."""
    given, killed = preset(tmp_path), tmp_path / "killed"
    process = started(tmp_path, given, killed)
    kept = killed / "stages" / stage
    while not any((folder / "trainer_state.json").is_file() for folder in kept.glob("checkpoint-*")):
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
    place = Path("out") / "stages" / "step1-text" / "model" / "model.safetensors"
    two, one = load_file(several / place), load_file(single / place)
    trained = [name for name in one if name.split(".")[0] in ("text_encoder", "text_projection", "text_head")]
    assert len(trained) > 20
    for name in trained:
        assert torch.allclose(two[name], one[name], rtol=0, atol=2e-5), name
    untrained = load_file(single / place.parent.parent.parent / "step1-image" / "model" / "model.safetensors")
    assert all(torch.equal(untrained[name], one[name]) for name in trained)


@pytest.mark.slow
def test_two_processes_leave_one_whole_run(tmp_path):
    out = tmp_path / "out"
    ended(started(tmp_path, preset(tmp_path), out, *TWO))
    assert not list(out.rglob("checkpoint-*"))
    assert not list(out.rglob("*.part"))
    for stage in STAGE_ORDER:
        assert json.loads((out / "stages" / stage / "stage.json").read_text())["epochs"] == 2
        assert load_file(out / "stages" / stage / "model" / "model.safetensors")
    assert (out / "model.safetensors").is_file()
    assert (out / "README.md").is_file()
