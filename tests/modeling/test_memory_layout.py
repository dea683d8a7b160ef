"""Networks learn in a layout that every processor can."""

import pytest
import torch
from torch import nn

from rrgbench.modeling.image_encoder import build_image_encoder
from rrgbench.modeling.memory_layout import layout_of


@pytest.mark.parametrize(("first", "layout"), [(4, torch.contiguous_format), (8, torch.channels_last)])
def test_a_strided_convolution_of_few_channels_learns(first, layout):
    """Of four channels it ended the process in channels last, on processors without AVX-512."""
    shape = {"kind": "resnet", "num_channels": 1, "embedding_size": first, "hidden_sizes": [first, 8], "depths": [1, 1]}
    encoder = build_image_encoder({**shape, "layer_type": "basic"})
    assert encoder.layout == layout_of(nn.Sequential(encoder)) == layout
    encoder.network.to(memory_format=layout)
    for _ in range(20):
        encoder(torch.rand(4, 32, 32)).square().sum().backward()
    assert all(one.grad.isfinite().all() for one in encoder.parameters())
