"""Image encoders: how fine their feature maps are, and where their weights start."""

import pytest
import torch

from baselines.common.settings import PRESETS, load_preset
from baselines.common.training import new_model
from baselines.show_and_tell import ShowAndTell
from rrgbench.errors import InputError
from rrgbench.modeling.image_encoder import build_image_encoder
from rrgbench.training.encoder_start import start_of, started
from rrgbench.training.settings import preset_names

SHAPE = {
    "kind": "resnet",
    "num_channels": 1,
    "embedding_size": 8,
    "hidden_sizes": [8, 8, 16, 24],
    "depths": [1, 1, 1, 1],
}
SHAPE["layer_type"] = "basic"
REPORTS = ["the heart is large .", "no pleural effusion is seen .", "the heart is normal ."] * 3


def cells(settings, side):
    with torch.no_grad():
        return tuple(build_image_encoder(settings).eval().feature_map(torch.zeros(1, side, side)).shape[2:])


@pytest.mark.parametrize(("stride", "side"), [(32, 2), (16, 4), (8, 8)])
@pytest.mark.parametrize("layer", ["basic", "bottleneck"])
def test_late_stages_keep_their_resolution(stride, side, layer):
    assert cells({**SHAPE, "layer_type": layer, "output_stride": stride}, 64) == (side, side)


def test_a_finer_map_has_the_same_weights():
    shapes = [
        {
            name: tensor.shape
            for name, tensor in build_image_encoder({**SHAPE, "output_stride": stride}).state_dict().items()
        }
        for stride in (8, 32)
    ]
    assert shapes[0] == shapes[1]


def test_a_stride_that_no_network_has_is_refused():
    with pytest.raises(InputError, match="output_stride is 8, 16 or 32; given: 7"):
        build_image_encoder({**SHAPE, "output_stride": 7})


@pytest.mark.parametrize("name", [name for name in preset_names(PRESETS) if name != "paper"])
def test_every_preset_gives_attention_at_least_49_cells(name):
    """`paper` takes its shape from weights: ResNet-50 at 224 pixels has 7 x 7."""
    preset = load_preset(name)
    if preset.image_encoder["kind"] == "efficientnet-lite0":
        pytest.importorskip("timm")
    height, width = cells(preset.image_encoder, preset.image_size)
    assert min(height, width) >= 7


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A saved model with feature maps of 8 x 8, as it would be trained."""
    preset = load_preset("mini").model_copy(update={"image_encoder": {**SHAPE, "output_stride": 8}})
    model = new_model(ShowAndTell, preset, {}, REPORTS, 3)
    folder = tmp_path_factory.mktemp("trained")
    model.save_pretrained(folder)
    return model, folder


def test_every_system_starts_from_the_encoder_of_a_trained_model(trained):
    model, folder = trained
    preset = load_preset("mini")
    preset = preset.model_copy(update={"image_encoder": started(preset.image_encoder, str(folder))})
    begun = new_model(ShowAndTell, preset, {}, REPORTS, 9)
    for name, tensor in model.image_encoder.state_dict().items():
        assert torch.equal(tensor, begun.image_encoder.state_dict()[name]), name
    assert begun.config.image_encoder == model.config.image_encoder, "saved without the place it came from"
    films = torch.rand(2, 64, 64) * 255
    assert torch.equal(model.eval().image_encoder(films), begun.eval().image_encoder(films))


def test_the_start_is_told_by_content(trained, tmp_path):
    _, folder = trained
    there = started(SHAPE, str(folder))
    assert start_of(there).startswith(f"model:{folder.name}@")
    assert start_of(started(there | {"kind": "efficientnet-lite0"}, "scratch")) == "scratch"
    assert started({**SHAPE, "output_stride": 8}, "imagenet") == {
        "kind": "efficientnet-lite0",
        "weights": "package",
        "output_stride": 8,
    }
    assert started(SHAPE, None) == SHAPE


def test_a_start_without_weights_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"starts from scratch, imagenet or a folder with model\.safetensors"):
        started(SHAPE, str(tmp_path / "nothing"))
    with pytest.raises(InputError, match="shape from its weights"):
        started({"kind": "resnet", "weights": "microsoft/resnet-50"}, "scratch")
