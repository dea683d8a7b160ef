"""Saving and loading give the same model, and what it offers has the promised shapes."""

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy
from transformers import AutoModel

from dcrrg.model import DcrrgModel
from dcrrg.preset import load_preset
from dcrrg.steps import IGNORED, Descriptions
from dcrrg.training import new_model
from rrgbench.observations import OBSERVATIONS

REPORTS = ["no pleural effusion . the heart is enlarged .", "the lungs are clear . no pneumothorax ."] * 3


@pytest.fixture(scope="module")
def model():
    return new_model(load_preset("tiny"), REPORTS, seed=0).eval()


@pytest.fixture(scope="module")
def films():
    return np.random.default_rng(0).integers(0, 256, (3, 96, 96)).astype(np.uint8)


def test_loading_gives_the_same_answers(model, films, tmp_path):
    """Also of buffers that no checkpoint holds (positions, normalisation)."""
    model.save_pretrained(tmp_path)
    loaded = DcrrgModel.from_pretrained(tmp_path)
    assert np.array_equal(model.predict_observations(films), loaded.predict_observations(films))
    assert np.array_equal(model.embed_reports(REPORTS[:2]), loaded.embed_reports(REPORTS[:2]))
    assert model.generate_reports(films) == loaded.generate_reports(films)
    for name, buffer in model.named_buffers():
        assert torch.equal(buffer, dict(loaded.named_buffers())[name]), name


def test_auto_model_knows_it(model, tmp_path):
    model.save_pretrained(tmp_path)
    assert isinstance(AutoModel.from_pretrained(tmp_path), DcrrgModel)
    assert not list(tmp_path.glob("*.bin")), "weights are safetensors only"


def test_what_it_offers(model, films):
    probabilities = model.predict_observations(films)
    assert probabilities.shape == (3, len(OBSERVATIONS))
    assert ((probabilities >= 0) & (probabilities <= 1)).all()
    for vectors in (model.embed_images(films), model.embed_reports(REPORTS[:3])):
        assert np.allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)
    assert len(model.generate_reports(films)) == 3
    assert len(model.describe(films, "Edema")) == 3
    assert model.backbone(torch.from_numpy(films)).shape == (3, 256)


def test_the_paper_preset_states_appendix_a():
    preset = load_preset("paper")
    for stage in (preset.step1_image, preset.step1_text, preset.step2):
        assert (stage.learning_rate, stage.weight_decay, stage.batch_size) == (1e-4, 1e-6, 32)
    for stage in (preset.step3, preset.step4):
        assert (stage.learning_rate, stage.batch_size) == (1e-4, 16)
    assert preset.model["decoder_layers"] == 2


def test_short_and_long_descriptions_pass_apart_with_the_same_loss(model):
    """Step 3 splits a batch by length; the loss is that of the padded batch."""
    torch.manual_seed(0)
    ids = torch.randint(20, 30, (5, 9))
    targets = torch.randint(20, 30, (5, 9))
    targets[1, 2:] = targets[3, 2:] = targets[4, 6:] = IGNORED
    memory = torch.randn(5, 14, model.config.embedding_width)
    with torch.inference_mode():
        logits = model.description_head(model.decoder(ids, memory))
        expected = cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=IGNORED)
        assert float(Descriptions(model)(memory, ids, targets)["loss"]) == pytest.approx(float(expected), rel=1e-5)
