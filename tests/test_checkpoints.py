"""What a checkpoint is, without loading it: every file that decides an answer is part of its digest."""

import json
import shutil
import subprocess
import sys

import pytest

from dcrrg.registration import load
from rrgbench import checkpoints
from rrgbench.models import load_model

FOLDER = checkpoints.folder_of("dcrrg", None)


@pytest.fixture
def copy(tmp_path):
    return shutil.copytree(FOLDER, tmp_path / "mine")


def changed(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_the_default_checkpoint_ships():
    assert checkpoints.default_name("dcrrg") in checkpoints.shipped("dcrrg")
    assert FOLDER.name == checkpoints.default_name("dcrrg") == load().checkpoint
    assert checkpoints.folder_of("dcrrg", "6a").name == "6a"
    assert checkpoints.folder_of("dcrrg", "no such") is None
    assert checkpoints.shipped("most-frequent") == {}
    assert checkpoints.default_name("most-frequent") == ""


def test_configuration_tokenizer_and_weights_are_part_of_the_identity(copy):
    whole = checkpoints.digest(copy)
    assert whole == checkpoints.digest(FOLDER)
    seen = {whole}
    for path, old, new in (("config.json", '"beams": 3', '"beams": 1'), ("tokenizer.json", '"effusion"', '"fusion"')):
        changed(copy / path, old, new)
        seen.add(checkpoints.digest(copy))
    weights = bytearray((copy / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (copy / "model.safetensors").write_bytes(weights)
    (copy / "text_tokenizer").mkdir()
    seen.add(checkpoints.digest(copy))
    (copy / "text_tokenizer" / "vocab.txt").write_text("a\n")
    seen.add(checkpoints.digest(copy))
    assert len(seen) == 5


def test_a_card_and_the_record_of_training_are_not(copy):
    whole = checkpoints.digest(copy)
    (copy / "README.md").write_text("another card")
    (copy / "training.json").write_text("{}")
    (copy / "stages").mkdir()
    (copy / "stages" / "anything").write_text("left from training")
    (copy / ".cache").mkdir()
    (copy / ".cache" / "anything").write_text("left from a hub")
    assert checkpoints.digest(copy) == whole


def test_a_model_says_what_it_is_and_where_it_learned(copy):
    changed(copy / "config.json", '"beams": 3', '"beams": 1')
    own, shipped = load_model("dcrrg", copy), load_model("dcrrg")
    assert own.identity == f"dcrrg@{checkpoints.digest(copy)}" != shipped.identity
    assert (own.checkpoint, shipped.checkpoint) == ("mine", FOLDER.name)
    assert own.trained_on == json.loads((FOLDER / "training.json").read_text())["corpus"]
    assert own.device in ("cpu", "cuda")


@pytest.mark.parametrize("text", ["", "[]", '{"corpus": 3}', None])
def test_a_training_record_that_says_nothing(copy, text):
    (copy / "training.json").write_text(text) if text is not None else (copy / "training.json").unlink()
    assert checkpoints.trained_on(copy) == ""


def test_looking_at_a_checkpoint_loads_no_network():
    program = (
        "import sys; from rrgbench import checkpoints as c; c.digest(c.folder_of('dcrrg', None));"
        "print(*{'torch', 'dcrrg', 'transformers', 'numpy'} & set(sys.modules))"
    )
    assert subprocess.check_output([sys.executable, "-c", program], text=True).strip() == ""
