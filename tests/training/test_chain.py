"""A chain of stages: a stage's kept model is believed only while it is what was written."""

import pytest
from torch.utils.data import default_collate
from toy_stage import ToyItems, ToyNetwork, settings
from transformers import PretrainedConfig, PreTrainedModel

from rrgbench.training.chain import Recipe, Stage, train_recipe
from rrgbench.training.stage import Work


class ToyModel(PreTrainedModel):
    """The toy network as a model that is saved and loaded."""

    config_class = PretrainedConfig

    def __init__(self, config):
        super().__init__(config)
        self.network = ToyNetwork()
        self.post_init()

    def _init_weights(self, module):
        pass


def recipe(stages):
    made = [
        Stage(name, settings(epochs=1), {}, lambda model: Work(model.network, ToyItems(), default_collate))
        for name in stages
    ]
    return Recipe(made, lambda: ToyModel(PretrainedConfig()), ToyModel.from_pretrained, 0, {}, {})


@pytest.mark.parametrize("damaged", ["model.safetensors", "config.json"])
def test_a_stage_is_not_trained_on_a_model_with_flipped_bytes(tmp_path, caplog, damaged):
    store = tmp_path / "stages"
    train_recipe(recipe(["first"]), tmp_path / "a", store)
    (kept,) = store.glob("first-*/model")
    whole = (kept / "model.safetensors").read_bytes()
    train_recipe(recipe(["first", "second"]), tmp_path / "b", store)
    (second,) = store.glob("second-*/model/model.safetensors")
    expected = second.read_bytes()

    path = kept / damaged
    content = path.read_bytes()
    # in the last tensor of the weights, in the text of the configuration
    path.write_bytes(content[:-4] + bytes([content[-4] ^ 1]) + content[-3:])
    for place in (second, *second.parent.glob(".digest")):
        place.unlink()
    train_recipe(recipe(["first", "second"]), tmp_path / "c", store)
    assert "is damaged; the stage is trained again" in caplog.text
    assert (kept / "model.safetensors").read_bytes() == whole
    assert second.read_bytes() == expected
