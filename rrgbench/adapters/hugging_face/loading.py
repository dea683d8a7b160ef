"""Networks and film sizes from a checkpoint's files; nothing is made up that the files lack."""

from collections.abc import Mapping
from typing import Any, Final

import torch
from safetensors import SafetensorError

from rrgbench.adapters.hugging_face.source import Source
from rrgbench.errors import InputError, MissingPartError, listed
from rrgbench.modeling.quiet_loading import quiet_loading

DETAILED_SIDE: Final = 896
"""Side at which films go to processors that take any size or cut films into tiles (MedGemma's own size)."""

_LONGEST_SIDE: Final = 4096

_ANY_SIZE: Final = ("crop_to_patches", "do_image_splitting", "image_grid_pinpoints", "max_image_tiles", "merge_size")
"""Of image processors that do: InternVL, Idefics and SmolVLM, LLaVA-NeXT, Llama 4 and Mllama, Qwen-VL."""


def checked(auto: Any, source: Source, optional: tuple[str, ...] = (), **options: Any) -> Any:
    """A network in evaluation mode, all of whose weights its files hold.

    Parameters
    ----------
    auto : type
        One of the library's Auto classes.
    source : Source
        Its files.
    optional : tuple of str
        Beginnings of names that may be missing; the network then has `lacks`, a set of those that are.
    **options
        For `from_pretrained`.

    Raises
    ------
    InputError
        If weights are missing or of another shape.
    MissingPartError
        If the library lacks what the model needs.
    """
    try:
        # weights made in inference mode could never be fine-tuned
        with quiet_loading(errors_only=True), torch.inference_mode(False):
            network, told = auto.from_pretrained(
                source.folder, local_files_only=True, use_safetensors=True, output_loading_info=True, **options
            )
    except ImportError as error:
        raise MissingPartError(f"{source.name} needs a package: {' '.join(str(error).split())[:200]}") from error
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"{source.name} can't be loaded ({type(error).__name__}: {reason})") from error
    missing = sorted(told["missing_keys"])
    wrong = [name for name in missing if not name.startswith(optional)] if optional else missing
    if wrong:
        raise InputError(f"{source.name} lacks {len(wrong)} weights, which would be random: {listed(wrong, 3)}")
    mismatched = [str(one[0]) for one in told["mismatched_keys"]]
    if mismatched:
        raise InputError(
            f"{source.name}: {len(mismatched)} weights have another shape than configured: {listed(mismatched)}"
        )
    network.lacks = set(missing)
    return network.eval()


def image_side(images: Any) -> int:
    """Side of square films that a processor needs not resize, or `DETAILED_SIDE` where it takes any or cuts tiles."""
    own = _own_side(images)
    if any(getattr(images, name, None) for name in _ANY_SIZE):
        return max(own or 0, DETAILED_SIDE)
    return own or DETAILED_SIDE


def _own_side(images: Any) -> int | None:
    crop = getattr(images, "crop_size", None) if getattr(images, "do_center_crop", False) else None
    config = getattr(images, "data_config", None)
    if config:  # timm's own
        return int(config["input_size"][-1])
    for size in (crop, getattr(images, "size", None)):
        sides = {key: _side(size, key) for key in ("height", "shortest_edge", "longest_edge")}
        # larger ones are numbers of pixels and no sides
        if all(side <= _LONGEST_SIDE for side in sides.values()) and any(sides.values()):
            return next(side for side in sides.values() if side)
    return None


def _side(size: Any, key: str) -> int:
    """A size's entry, 0 where it has none; sizes are mappings, or objects of the library's own."""
    side = size.get(key) if isinstance(size, Mapping) else getattr(size, key, None)
    return side if isinstance(side, int) else 0
