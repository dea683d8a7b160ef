"""Settings of both encoders in presets: whether each key names something."""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from transformers import BertConfig, ResNetConfig

_OURS = {"image_encoder": ("kind", "weights", "output_stride"), "text_encoder": ("weights", "own_vocabulary")}


def require_known_settings(image_encoder: Any, text_encoder: Any) -> None:
    """Refuse keys that `transformers` would keep and not read.

    Parameters
    ----------
    image_encoder, text_encoder : mapping
        As `build_image_encoder` and `build_text_encoder` take them.

    Raises
    ------
    ValueError
        Naming the keys and what they may have been meant for.
    """
    resnet = isinstance(image_encoder, Mapping) and image_encoder.get("kind", "resnet") == "resnet"
    shapes = {
        "image_encoder": set(ResNetConfig().to_dict()) if resnet else set(),
        "text_encoder": set(BertConfig().to_dict()),
    }
    for name, settings in (("image_encoder", image_encoder), ("text_encoder", text_encoder)):
        if not isinstance(settings, Mapping):
            continue  # said by who reads it
        known = shapes[name] | set(_OURS[name])
        if unknown := sorted(str(key) for key in settings if key not in known):
            meant = [one for key in unknown for one in get_close_matches(key, known, n=1)]
            nearest = f"; nearest: {', '.join(meant)}" if meant else ""
            raise ValueError(f"{name} has no {', '.join(unknown)}{nearest}")
