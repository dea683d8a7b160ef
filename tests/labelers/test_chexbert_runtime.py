"""The packed forward pass against transformers' BERT, on sizes with several heads and layers."""

from functools import lru_cache

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import BertConfig, BertModel

from rrgbench.labelers.chexbert_runtime import HEAD_CLASSES, PackedChexbert, dense, has_onednn, sizes

WORDS = 60


def configuration(layers: int, width: int) -> BertConfig:
    return BertConfig(
        vocab_size=WORDS,
        hidden_size=width,
        num_hidden_layers=layers,
        num_attention_heads=width // 64,
        intermediate_size=2 * width,
    )


@lru_cache
def networks(layers: int = 3, width: int = 192) -> tuple[BertModel, dict[str, torch.Tensor], PackedChexbert]:
    """A BERT with random weights, biases and norms included, and ours with the same."""
    generator = torch.Generator().manual_seed(layers)
    bert = BertModel(configuration(layers, width)).eval()
    for name, tensor in bert.state_dict().items():
        tensor.copy_(torch.randn(tensor.shape, generator=generator) * (0.08 if "embeddings" not in name else 0.5))
        if name.endswith("LayerNorm.weight"):
            tensor.add_(1.0)
    state = {f"bert.{name}": tensor for name, tensor in bert.state_dict().items()}
    for head, classes in enumerate(HEAD_CLASSES):
        state[f"linear_heads.{head}.weight"] = torch.randn(classes, width, generator=generator)
        state[f"linear_heads.{head}.bias"] = torch.randn(classes, generator=generator)
    return bert, state, PackedChexbert(state, torch.device("cpu"))


def plain_scores(bert: BertModel, state: dict[str, torch.Tensor], report: list[int]) -> torch.Tensor:
    """Logits (54,) of one report."""
    with torch.no_grad():
        vector = bert(torch.tensor([report])).last_hidden_state[0, 0]
    parts = [
        state[f"linear_heads.{i}.weight"] @ vector + state[f"linear_heads.{i}.bias"] for i in range(len(HEAD_CLASSES))
    ]
    return torch.cat(parts)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(2, 40), min_size=1, max_size=12), st.integers(0, 1000), st.sampled_from([1, 3]))
def test_scores_equal_one_report_at_a_time(lengths: list[int], seed: int, layers: int) -> None:
    """Reports of equal and unequal length, in any order; a single layer is both the first and the last."""
    bert, state, ours = networks(layers)
    rng = np.random.default_rng(seed)
    reports = [rng.integers(0, WORDS, length).tolist() for length in lengths]
    with torch.inference_mode():
        given_scores = ours.scores(reports)
    expected = torch.stack([plain_scores(bert, state, report) for report in reports])
    torch.testing.assert_close(given_scores, expected, rtol=1e-4, atol=1e-4)
    best = [part.argmax(1) for part in torch.split(given_scores, list(HEAD_CLASSES), dim=1)]
    np.testing.assert_array_equal(ours.classes(reports), torch.stack(best, dim=1).numpy())


def test_the_longest_report() -> None:
    bert, state, ours = networks()
    report = np.random.default_rng(3).integers(0, WORDS, 512).tolist()
    with torch.inference_mode():
        given_scores = ours.scores([report])[0]
    torch.testing.assert_close(given_scores, plain_scores(bert, state, report), rtol=1e-4, atol=1e-4)


def test_names_and_shapes_are_those_of_transformers() -> None:
    with torch.device("meta"):
        bert = BertModel(BertConfig())
    expected = {f"bert.{name}": tuple(tensor.shape) for name, tensor in bert.state_dict().items()}
    state = {f"bert.{name}": tensor for name, tensor in bert.state_dict().items()}
    found = sizes(state)
    assert {name: shape for name, shape in found.items() if name.startswith("bert.")} == expected
    assert found["linear_heads.12.weight"] == (4, 768)
    assert found["linear_heads.13.weight"] == (2, 768)


@pytest.mark.parametrize("gelu", [False, True])
@pytest.mark.parametrize("rows", [1, 7, 512, 700])
def test_prepacked_products_equal_plain_ones(rows: int, gelu: bool) -> None:
    if not has_onednn():
        pytest.skip("this build of PyTorch has no oneDNN operators")
    generator = torch.Generator().manual_seed(rows)
    weight, bias = torch.randn(96, 160, generator=generator), torch.randn(96, generator=generator)
    x = torch.randn(rows, 160, generator=generator)
    with torch.inference_mode():
        given_rows, expected = (dense(weight, bias, gelu=gelu, prepacked=packed)(x) for packed in (True, False))
    assert given_rows.dtype == torch.float32
    torch.testing.assert_close(given_rows, expected, rtol=1e-5, atol=2e-5)


def test_a_build_without_onednn_gives_the_same_labels(monkeypatch: pytest.MonkeyPatch) -> None:
    _, state, ours = networks()
    monkeypatch.setattr("rrgbench.labelers.chexbert_runtime.has_onednn", lambda: False)
    plain = PackedChexbert(state, torch.device("cpu"))
    rng = np.random.default_rng(0)
    reports = [rng.integers(0, WORDS, length).tolist() for length in rng.integers(2, 60, 40)]
    classes = ours.classes(reports)
    np.testing.assert_array_equal(classes, plain.classes(reports))
    assert len(np.unique(classes, axis=0)) > 10, "the test would not notice mixed-up rows"
