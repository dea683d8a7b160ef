"""At what side films are given to a processor: its own, or enough detail for one that takes any."""

from typing import Any

import pytest
import transformers

from rrgbench.adapters.hugging_face.loading import DETAILED_SIDE, image_side

SIDES: list[tuple[str, dict[str, Any], int]] = [
    ("CLIPImageProcessor", {}, 224),
    ("CLIPImageProcessor", {"size": {"shortest_edge": 336}, "crop_size": {"height": 336, "width": 336}}, 336),
    ("SiglipImageProcessor", {"size": {"height": 384, "width": 384}}, 384),
    ("BitImageProcessor", {"size": {"shortest_edge": 518}, "crop_size": {"height": 518, "width": 518}}, 518),
    ("BitImageProcessor", {"size": {"shortest_edge": 256}, "crop_size": {"height": 224, "width": 224}}, 224),
    ("ViTImageProcessor", {}, 224),
    ("BlipImageProcessor", {}, 384),
    ("Gemma3ImageProcessor", {"size": {"height": 896, "width": 896}}, 896),
    ("Gemma3ImageProcessor", {"size": {"height": 1024, "width": 1024}}, 1024),
    ("PixtralImageProcessor", {}, 1024),
    # tiles or any size
    ("Qwen2VLImageProcessor", {}, DETAILED_SIDE),
    ("Qwen2VLImageProcessor", {"size": {"shortest_edge": 3136, "longest_edge": 12845056}}, DETAILED_SIDE),
    ("GotOcr2ImageProcessor", {"size": {"height": 448, "width": 448}, "crop_to_patches": True}, DETAILED_SIDE),
    ("GotOcr2ImageProcessor", {"size": {"height": 448, "width": 448}, "crop_to_patches": False}, 448),
    ("LlavaNextImageProcessor", {}, DETAILED_SIDE),
    ("LlavaOnevisionImageProcessor", {}, DETAILED_SIDE),
    ("MllamaImageProcessor", {}, DETAILED_SIDE),
]


@pytest.mark.parametrize(("name", "options", "side"), SIDES)
def test_the_side_is_the_processor_s_own_or_detailed(name: str, options: dict[str, Any], side: int) -> None:
    assert image_side(getattr(transformers, name)(**options)) == side
