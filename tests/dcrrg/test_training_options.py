"""The four steps with early stopping on the validation split, and in two processes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml
from safetensors.torch import load_file

from dcrrg.preset import load_preset
from dcrrg.training import STAGE_ORDER, train
from rrgbench.data.phantom import load
from rrgbench.errors import InputError
from rrgbench.modeling.stage_options import StageOptions

ROOT = Path(__file__).resolve().parents[2]
STAGES = ("step1_image", "step1_text", "step2", "step3", "step4")

RUN = """
import sys
from pathlib import Path
from dcrrg.training import train
from rrgbench.data.phantom import load
train(load(train=16, validate=4, test=2), preset=sys.argv[1], out=Path(sys.argv[2]))
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


@pytest.mark.slow
def test_two_processes_leave_one_whole_run(tmp_path):
    script = tmp_path / "run.py"
    script.write_text(RUN)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", str(script)]
    done = subprocess.run(
        [*command, preset(tmp_path), str(tmp_path / "out")],
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    out = tmp_path / "out"
    assert not list(out.rglob("checkpoint-*"))
    assert not list(out.rglob("*.part"))
    for stage in STAGE_ORDER:
        assert json.loads((out / "stages" / stage / "stage.json").read_text())["epochs"] == 2
        assert load_file(out / "stages" / stage / "model" / "model.safetensors")
    assert (out / "model.safetensors").is_file()
    assert (out / "README.md").is_file()
