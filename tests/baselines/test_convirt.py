"""ConVIRT's mechanism: two-layer projections, pooled maxima, sentences, and unequal directions."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from baselines.convirt import Convirt, ConvirtConfig, text_items
from rrgbench.observations import OBSERVATIONS
from rrgbench.training.data import FilmSource, ReportSource, TrainingData
from rrgbench.training.items import FilmAndSentence


def direction(similarity: np.ndarray) -> float:
    logits = similarity / 0.1
    return float((np.log(np.exp(logits).sum(axis=1)) - np.diag(logits)).mean())


def two_layers(x: np.ndarray, layers: torch.nn.Sequential) -> np.ndarray:
    first, last = layers[0].weight.detach().double().numpy(), layers[2].weight.detach().double().numpy()
    projected = np.maximum(x @ first.T, 0) @ last.T
    return projected / np.linalg.norm(projected, axis=1, keepdims=True)


def test_loss_is_equation_4_on_equation_1(small_model, batch) -> None:
    model = small_model(Convirt)
    h_v = model.image_encoder(batch["films"]).detach().double().numpy()
    states = model.text_states(batch["ids"], batch["mask"]).detach().double().numpy()
    h_u = np.array([row[keep].max(axis=0) for row, keep in zip(states, batch["mask"].numpy(), strict=True)])
    similarity = two_layers(h_v, model.image_projection) @ two_layers(h_u, model.text_projection).T
    forward, backward = direction(similarity), direction(similarity.T)
    assert abs(forward - backward) > 1e-3, "the batch can't tell the directions' weights"
    assert model.contrast(**batch).item() == pytest.approx(0.75 * forward + 0.25 * backward, rel=1e-4)


def test_texts_are_sentences_of_the_own_report() -> None:
    labels = np.zeros((2, 14), dtype=np.int8)
    reports = ["One here. Two here. Three here.", "Four here. Five here."]
    data = TrainingData(
        FilmSource(np.zeros((2, 8, 8), dtype=np.uint8), labels, OBSERVATIONS),
        ReportSource(reports, labels),
        paired=True,
    )
    items = text_items(SimpleNamespace(config=ConvirtConfig()), data, False, 0)
    assert isinstance(items, FilmAndSentence)
    seen = []
    for epoch in range(30):
        items.set_epoch(epoch)
        seen.append((items[0]["report"], items[1]["report"]))
    assert {first for first, _ in seen} == {"One here.", "Two here.", "Three here."}
    assert {second for _, second in seen} == {"Four here.", "Five here."}
    whole = text_items(SimpleNamespace(config=ConvirtConfig(texts="reports")), data, False, 0)
    assert [whole[0]["report"], whole[1]["report"]] == reports
