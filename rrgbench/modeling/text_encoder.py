"""Text encoders: BERT of a given shape, or with weights of a hub id or local folder."""

from typing import Any

from torch import Tensor, nn
from transformers import BertConfig, BertModel


def build_text_encoder(settings: dict[str, Any], pretrained: bool) -> nn.Module:
    """BERT without its pooler.

    Parameters
    ----------
    settings : dict
        Keys of `transformers.BertConfig`; `weights` names a hub id or local folder to start from, `own_vocabulary`
        says that those weights came with a tokenizer of their own.
    pretrained : bool
        Whether to load `weights` now; false when a checkpoint's tensors follow.
    """
    options = {key: value for key, value in settings.items() if key not in ("weights", "own_vocabulary")}
    if pretrained and settings.get("weights"):
        encoder: nn.Module = BertModel.from_pretrained(settings["weights"], add_pooling_layer=False)
    else:
        encoder = BertModel(BertConfig(**options), add_pooling_layer=False)
    return encoder


def mean_over_words(states: Tensor, mask: Tensor) -> Tensor:
    """Mean (n, d) of states (n, t, d) where the mask (n, t) is true."""
    words = mask.unsqueeze(2).to(states.dtype)
    return (states * words).sum(1) / words.sum(1)
