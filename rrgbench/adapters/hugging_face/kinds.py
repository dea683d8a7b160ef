"""What kind of model a `config.json` describes: the library's own tables of architectures decide."""

from collections.abc import Mapping
from typing import Any, Literal

from rrgbench.errors import InputError
from rrgbench.models import MODELS

Kind = Literal["writer", "dual encoder", "backbone"]

SUPPORTED = (
    "image-text-to-text models (Gemma 3 and MedGemma, Qwen-VL, InternVL, LLaVA and the like), BLIP, "
    "vision-encoder-decoder, dual encoders (CLIP, SigLIP), image encoders (DINOv2, ViT, timm)"
)


def kind_of(config: Mapping[str, Any], given: str) -> Kind:
    """The kind of model of a configuration.

    Parameters
    ----------
    config : mapping
        `config.json`.
    given : str
        As the user called the model, for the message.

    Raises
    ------
    InputError
        If it is of no kind that can be evaluated.
    """
    import transformers
    from transformers.models.auto.modeling_auto import (
        MODEL_FOR_IMAGE_MAPPING_NAMES,
        MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES,
        MODEL_MAPPING_NAMES,
    )

    model_type = str(config.get("model_type", ""))
    named = config.get("architectures") or [config.get("architecture", "")]
    architecture = str(named[0])
    writers = MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES
    if architecture in writers.values() or (not architecture and model_type in writers):
        return "writer"
    network = getattr(transformers, architecture, None) if architecture else None
    if hasattr(network, "get_image_features") and hasattr(network, "get_text_features"):
        return "dual encoder"
    # timm's own configuration has no model_type
    sees = getattr(network, "main_input_name", "") == "pixel_values" and model_type in MODEL_MAPPING_NAMES
    if sees or model_type in MODEL_FOR_IMAGE_MAPPING_NAMES or "pretrained_cfg" in config:
        return "backbone"
    if model_type in MODELS:
        raise InputError(f"{given} is a model of rrgbench's own; give --model {model_type}={given}")
    stated = architecture or model_type or "no architecture"
    more = (
        "; it brings code of its own: rrgbench knows how to call CheXagent, CXRMate and MAIRA-2"
        if ("auto_map" in config)
        else ""
    )
    raise InputError(f"{given} is {stated}, which is none of: {SUPPORTED}{more}")
