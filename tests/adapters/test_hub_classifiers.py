"""Image classifiers of Hugging Face: probabilities of their own heads, as transformers gives them."""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from tiny_models import VISION
from transformers import (
    ViTConfig,
    ViTForImageClassification,
    ViTImageProcessor,
    pipeline,
)

from rrgbench.adapters.hugging_face import load
from rrgbench.adapters.hugging_face.classifiers import ImageClassifier
from rrgbench.models import ImageBackbone, ObservationClassifier
from rrgbench.observations import OBSERVATIONS

LABELS = ("pleural_effusion", "Rib count", "Edema")


def saved(folder: Path, labels: tuple[str, ...] = LABELS, **config: Any) -> Path:
    torch.manual_seed(0)
    numbered = dict(enumerate(labels))
    network = ViTForImageClassification(ViTConfig(**VISION, num_labels=len(labels), id2label=numbered, **config))
    with torch.no_grad():
        network.classifier.weight.normal_(0, 1)
    network.save_pretrained(folder)
    ViTImageProcessor(size={"height": 32, "width": 32}).save_pretrained(folder)
    return folder


@pytest.mark.parametrize("problem", ["multi_label_classification", "single_label_classification", None])
def test_probabilities_are_those_of_transformers(
    problem: str | None, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = saved(tmp_path / "net", problem_type=problem)
    films = np.random.default_rng(0).integers(0, 256, (3, 32, 32), dtype=np.uint8)
    model = load(str(folder), batch_size=2)
    assert isinstance(model, ImageClassifier)
    assert isinstance(model, ObservationClassifier)
    assert isinstance(model, ImageBackbone)
    found = model.predict_observations(films)
    ask = pipeline("image-classification", str(folder), device="cpu")
    for row, film in enumerate(films):
        told = {one["label"]: one["score"] for one in ask(Image.fromarray(film).convert("RGB"), top_k=3)}
        assert found[row, OBSERVATIONS.index("Edema")] == pytest.approx(told["Edema"], abs=1e-5)
        assert found[row, OBSERVATIONS.index("Pleural Effusion")] == pytest.approx(told["pleural_effusion"], abs=1e-5)
    assert np.isnan(found).sum() == 3 * 12
    assert ("config.json has no problem_type" in caplog.text) == (problem is None)
    kind = "sigmoid" if problem == "multi_label_classification" else "softmax"
    assert model.identity.endswith(f"[head={kind}]")


@pytest.mark.parametrize("labels", [("cat", "dog", "bird"), ("Edema", "edema", "Pneumonia")])
def test_a_head_of_other_labels_is_said_not_to_be_read(
    labels: tuple[str, ...], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        model = load(str(saved(tmp_path / "net", labels)))
    assert not isinstance(model, ObservationClassifier)
    assert isinstance(model, ImageBackbone)
    assert f"net: its classifier is not read, as its labels ({', '.join(labels)}) are not names" in caplog.text
