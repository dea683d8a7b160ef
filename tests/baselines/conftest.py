"""Small untrained models and a batch for them."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from rrgbench.modeling.image_text_model import ImageTextModel

VOCABULARY = 30


@pytest.fixture
def small_model() -> Callable[..., Any]:
    """A model class and options of its configuration to a small untrained model in evaluation mode."""

    def build(model_class: type[ImageTextModel], **own: Any) -> ImageTextModel:
        torch.manual_seed(0)
        config = model_class.config_class(
            image_size=64,
            image_encoder={
                "kind": "resnet",
                "num_channels": 1,
                "embedding_size": 8,
                "hidden_sizes": [8, 24],
                "depths": [1, 1],
                "layer_type": "basic",
            },
            text_encoder={
                "vocab_size": VOCABULARY,
                "hidden_size": 20,
                "num_hidden_layers": 1,
                "num_attention_heads": 2,
                "intermediate_size": 24,
                "pad_token_id": 0,
            },
            vocabulary=VOCABULARY,
            pad_token_id=0,
            embedding_width=12,
            decoder_width=16,
            decoder_heads=2,
            decoder_layers=1,
            decoder_feed_forward=16,
            **own,
        )
        return model_class(config).eval()

    return build


@pytest.fixture
def batch() -> dict[str, torch.Tensor]:
    """Five films of 64 pixels beside five texts of two to six tokens, with labels."""
    generator = torch.Generator().manual_seed(1)
    lengths = torch.tensor([6, 2, 4, 3, 5])
    mask = torch.arange(6) < lengths.unsqueeze(1)
    ids = torch.randint(1, VOCABULARY, (5, 6), generator=generator) * mask
    labels = (torch.rand(2, 5, 14, generator=generator) < 0.2).float()
    return {
        "films": torch.rand(5, 64, 64, generator=generator) * 255,
        "ids": ids,
        "mask": mask,
        "film_labels": labels[0],
        "text_labels": labels[1],
    }
