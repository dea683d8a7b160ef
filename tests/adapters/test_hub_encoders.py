"""Dual encoders and image encoders of Hugging Face: features of transformers called by hand, probed and fine-tuned."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from tiny_models import BACKBONES, DUAL_ENCODERS
from transformers import AutoImageProcessor, AutoModel, AutoProcessor

from rrgbench.adapters.hugging_face import load, load_timm
from rrgbench.adapters.hugging_face.encoders import DualEncoder, ImageEncoder
from rrgbench.errors import InputError
from rrgbench.models import ImageBackbone, ImageTextEncoder, ReportGenerator
from rrgbench.observations import OBSERVATIONS, POSITIVE
from rrgbench.training.data import FilmSource
from rrgbench.training.probing import fine_tune, linear_probe

Saved = Callable[[str], Path]
TEXTS = ["the lungs are clear", "no pleural effusion or pneumothorax . heart size is normal", "edema"]


def films(count: int = 6, side: int = 32) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (count, side, side), dtype=np.uint8)


def pictures(given: NDArray[np.uint8]) -> list[Image.Image]:
    return [Image.fromarray(one).convert("RGB") for one in given]


def pooled(features: Any) -> torch.Tensor:
    found = features if isinstance(features, torch.Tensor) else features.pooler_output
    return torch.nn.functional.normalize(found, dim=-1)


@pytest.mark.parametrize("kind", DUAL_ENCODERS)
def test_a_dual_encoder_embeds_as_transformers_does(kind: str, saved: Saved) -> None:
    folder = saved(kind)
    model = load(str(folder), batch_size=4)
    assert isinstance(model, DualEncoder)
    assert isinstance(model, ImageTextEncoder)
    assert not isinstance(model, ReportGenerator)
    network, processor = AutoModel.from_pretrained(folder), AutoProcessor.from_pretrained(folder)
    # SigLIP was trained on texts padded to its full length, without a mask
    padding = {"padding": "max_length", "max_length": 24} if kind == "siglip" else {"padding": True}
    with torch.no_grad():
        seen = pooled(network.get_image_features(**processor(images=pictures(films()), return_tensors="pt")))
        words = processor(text=TEXTS, return_tensors="pt", **padding)
        if kind == "siglip":
            words = {"input_ids": words["input_ids"]}
        read = pooled(network.get_text_features(**words))
    np.testing.assert_allclose(model.embed_images(films()), seen.numpy(), atol=1e-5)
    np.testing.assert_allclose(model.embed_reports(TEXTS), read.numpy(), atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(model.embed_images(films()), axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("kind", DUAL_ENCODERS)
def test_long_reports_are_cut_and_said(kind: str, saved: Saved, caplog: pytest.LogCaptureFixture) -> None:
    model = load(str(saved(kind)))
    with caplog.at_level(logging.WARNING):
        vectors = model.embed_reports(["edema " * 100, "edema"])  # type: ignore[attr-defined]
    assert np.isfinite(vectors).all()
    assert "reads 24 tokens of a report; 1 of 2 reports are longer" in caplog.text


@pytest.mark.parametrize("kind", BACKBONES)
def test_features_are_those_of_transformers(kind: str, saved: Saved) -> None:
    folder = saved(kind)
    model = load(str(folder))
    assert isinstance(model, ImageEncoder)
    assert isinstance(model, ImageBackbone)
    assert model.image_size == 32
    network, images = AutoModel.from_pretrained(folder).eval(), AutoImageProcessor.from_pretrained(folder)
    if kind == "vit-mae":
        network.config.mask_ratio = 0.0
    with torch.no_grad():
        output = network(**images(pictures(films()), return_tensors="pt"))
        found = model.backbone(torch.from_numpy(films()))
    # a classifier's checkpoint has no pooler: the library's would be random
    expected = output.last_hidden_state[:, 0] if kind in ("vit-classifier", "vit-mae") else output.pooler_output
    np.testing.assert_allclose(found.numpy(), expected.numpy(), atol=1e-5)


@pytest.mark.parametrize("kind", ["dinov2", "vit-classifier", "clip"])
def test_a_backbone_is_probed_and_fine_tuned(kind: str, saved: Saved) -> None:
    model: Any = load(str(saved(kind)))
    if kind == "clip":
        # weights that were first used to embed must be trainable afterwards
        model.embed_images(films())
    data = films(16)
    data[::2] //= 4
    labels = np.zeros((16, len(OBSERVATIONS)), dtype=np.int8)
    labels[::2, 2] = POSITIVE
    source = FilmSource(data, labels, OBSERVATIONS)
    before = [weight.clone() for weight in model.backbone.parameters()]
    probed = linear_probe(model.backbone, source, data)
    tuned = fine_tune(model.backbone, source, data, steps=12, batch=8)
    assert probed[0, ::2, 2].min() > probed[0, 1::2, 2].max()
    assert np.isnan(np.delete(probed[0], 2, axis=1)).all(), "nothing is learned where no study is positive"
    assert np.isfinite(tuned[:, 2]).all()
    assert tuned.shape == (16, len(OBSERVATIONS))
    assert all(torch.equal(a, b) for a, b in zip(before, model.backbone.parameters(), strict=True))


def test_options_of_writers_are_no_options_of_encoders(saved: Saved) -> None:
    with pytest.raises(InputError, match="is a dual encoder, which takes no prompt"):
        load(str(saved("clip")), prompt="findings")
    with pytest.raises(InputError, match="is a backbone, which takes no max_new_tokens"):
        load(str(saved("vit")), max_new_tokens=3)


def test_weights_that_are_missing_are_no_random_ones(saved: Saved, tmp_path: Path) -> None:
    import shutil

    from safetensors.torch import load_file, save_file

    folder = tmp_path / "holes"
    shutil.copytree(saved("dinov2"), folder)
    weights = load_file(folder / "model.safetensors")
    for name in [name for name in weights if "layer.1.attention" in name]:
        del weights[name]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(InputError, match=r"lacks \d+ weights, which would be random"):
        _ = load(str(folder)).backbone  # type: ignore[attr-defined]


def test_a_timm_model_is_a_backbone(tmp_path: Path) -> None:
    pytest.importorskip("timm")
    from transformers import TimmWrapperConfig, TimmWrapperModel

    config = TimmWrapperConfig(
        architecture="resnet10t",
        pretrained_cfg={"input_size": [3, 48, 48], "mean": [0.4] * 3, "std": [0.2] * 3, "crop_pct": 1.0},
    )
    network = TimmWrapperModel(config).eval()
    network.save_pretrained(tmp_path / "net")
    model: Any = load_timm(str(tmp_path / "net"), batch_size=2)
    assert model.image_size == 48
    given = films(3, 48)
    pixels = (torch.from_numpy(given)[:, None].expand(-1, 3, -1, -1) / 255 - 0.4) / 0.2
    with torch.no_grad():
        expected, found = network(pixels).pooler_output, model.backbone(torch.from_numpy(given))
    np.testing.assert_allclose(found.numpy(), expected.numpy(), atol=1e-4)
