"""Where the image encoder of a model that is trained starts: the same choice for every system."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rrgbench.errors import InputError
from rrgbench.files import named_by_content
from rrgbench.modeling.image_encoder import encoder_of_model
from rrgbench.models import WEIGHTS

SCRATCH, IMAGENET = "scratch", "imagenet"


def started(settings: Mapping[str, Any], start: str | None) -> dict[str, Any]:
    """A preset's image encoder with another start.

    Parameters
    ----------
    settings : mapping
        See `rrgbench.modeling.image_encoder.build_image_encoder`.
    start : str or None
        `scratch`: its shape with random weights; `imagenet`: EfficientNet-Lite0 with the weights that a package ships;
        else the folder of a model that was trained here, whose image encoder is taken, or of a `transformers` ResNet.
        None leaves it.

    Raises
    ------
    InputError
        If the shape is known from weights alone and `scratch` is asked for, or the folder holds no weights.
    """
    if start is None:
        return dict(settings)
    if start == SCRATCH:
        if settings.get("weights") and settings["kind"] == "resnet":
            raise InputError("the preset takes the image encoder's shape from its weights; it can't start from scratch")
        return {key: value for key, value in settings.items() if key != "weights"}
    kept = {key: settings[key] for key in ("output_stride",) if key in settings}
    if start == IMAGENET:
        return {"kind": "efficientnet-lite0", "weights": "package", **kept}
    if not (Path(start) / WEIGHTS).is_file():
        raise InputError(
            f"an encoder starts from {SCRATCH}, {IMAGENET} or a folder with {WEIGHTS}; given: {start}, which holds none"
        )
    ours = encoder_of_model(start) is not None
    return {"weights": start} if ours else {"kind": "resnet", "weights": start, **kept}


def start_of(settings: Mapping[str, Any]) -> str:
    """What an image encoder starts from, for people and records: `scratch`, or its weights by content."""
    weights = settings.get("weights")
    return SCRATCH if weights is None else f"{settings.get('kind', 'model')}:{named_by_content(str(weights))}"
