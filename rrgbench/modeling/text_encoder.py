"""Text encoders: BERT of a given shape, or with weights and vocabulary of a hub id or local folder."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor
from transformers import AutoTokenizer, BertConfig, BertModel

from rrgbench.modeling.missing_weights import missing_weights
from rrgbench.modeling.quiet_loading import quiet_loading


def build_text_encoder(settings: Mapping[str, Any], pretrained: bool) -> BertModel:
    """BERT without its pooler.

    Parameters
    ----------
    settings : mapping
        Keys of `transformers.BertConfig`; `weights` names a hub id or local folder to start from, `own_vocabulary`
        says that those weights came with a tokenizer of their own.
    pretrained : bool
        Whether to load `weights` now; false when a checkpoint's tensors follow.

    Raises
    ------
    InputError, MissingPartError
        If the weights are not available (`missing_weights`).
    """
    options = {key: value for key, value in settings.items() if key not in ("weights", "own_vocabulary")}
    if not (pretrained and settings.get("weights")):
        return BertModel(BertConfig(**options), add_pooling_layer=False)
    try:
        with quiet_loading():
            return BertModel.from_pretrained(settings["weights"], add_pooling_layer=False, use_safetensors=True)
    except OSError as error:
        raise missing_weights("BERT weights (safetensors)", settings["weights"], error) from error


def with_vocabulary(settings: Mapping[str, Any], report_tokenizer: Any) -> tuple[dict[str, Any], Any]:
    """Settings that say which vocabulary the encoder reads, and its tokenizer.

    The weights' own where there are weights, else the report tokenizer's.

    Raises
    ------
    InputError, MissingPartError
        If the weights' tokenizer is not available (`missing_weights`).
    """
    weights = settings.get("weights")
    if not weights:
        own = {"vocab_size": len(report_tokenizer), "pad_token_id": report_tokenizer.pad_token_id}
        return {**settings, **own}, report_tokenizer
    try:
        return {**settings, "own_vocabulary": True}, AutoTokenizer.from_pretrained(weights)
    except (OSError, ValueError) as error:
        raise missing_weights("BERT tokenizer", weights, error) from error


def shape_of(encoder: BertModel, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings that rebuild a network without its weights' source: the loaded weights' own shape."""
    if not settings.get("weights"):
        return dict(settings)
    return {**encoder.config.to_diff_dict(), "own_vocabulary": True}


def mean_over_words(states: Tensor, mask: Tensor) -> Tensor:
    """Mean (n, d) of states (n, t, d) where the mask (n, t) is true."""
    words = mask.unsqueeze(2).to(states.dtype)
    return (states * words).sum(1) / words.sum(1)
