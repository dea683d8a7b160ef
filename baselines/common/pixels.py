"""Raw pixels as a backbone: the floor under every learned representation."""

from torch import Tensor, nn


class Pixels(nn.Module):
    """Films (n, h, w) in [0, 255] to their pixels in [0, 1] (n, h * w); nothing to train."""

    def forward(self, films: Tensor) -> Tensor:
        """Flatten and scale."""
        return films.float().flatten(1) / 255.0
