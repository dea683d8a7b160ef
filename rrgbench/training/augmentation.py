"""Light augmentation of films in training: shifted, turned and scaled a little, exposure changed.

Each is drawn by itself, so that it follows from the film's own random numbers; a batch is then moved
as one, which is several times faster than film by film.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import grid_sample

MIDDLE_GREY = 128.0

RANGES = np.array(
    [
        (-6.0, 6.0),  # angle, degrees clockwise
        (-0.05, 0.05),  # shift to the right, in sides of the film
        (-0.05, 0.05),  # shift down
        (0.93, 1.07),  # scale; above 1 enlarges
        (0.85, 1.15),  # gain, and
        (-12.0, 12.0),  # lift: grey value g becomes (g - 128) * gain + 128 + lift
    ]
)
"""What is drawn of each film, uniformly between these."""


def draw_movement(rng: np.random.Generator) -> NDArray[np.float64]:
    """One film's augmentation: a number (6,) in each of `RANGES`."""
    low, high = RANGES.T
    movement: NDArray[np.float64] = low + (high - low) * rng.random(len(RANGES))
    return movement


def shift_and_expose(films: Tensor, movements: NDArray[np.float64]) -> Tensor:
    """Films (n, side, side) in [0, 255], each moved by its own movement (n, 6); float, black where nothing was."""
    angle, right, down, scale, gain, lift = torch.from_numpy(movements).float().view(-1, len(RANGES), 1, 1).unbind(1)
    side = films.shape[1]
    x = (2 * torch.arange(side, dtype=torch.float32) + 1).view(1, 1, -1) / side - 1
    y = x.view(1, -1, 1)
    # each pixel, in [-1, 1] from the middle, is sampled from where shift, turn and scale undone lead it
    cos, sin = torch.cos(torch.deg2rad(angle)) / scale, torch.sin(torch.deg2rad(angle)) / scale
    x, y = x - 2 * right, y - 2 * down
    # written in place, without torch's affine_grid and its products of narrow matrices: a tenth of the time
    grid = torch.empty(len(films), side, side, 2)
    torch.add(cos * x, sin * y, out=grid[..., 0])
    torch.sub(cos * y, sin * x, out=grid[..., 1])
    moved = grid_sample(films.unsqueeze(1).float(), grid, padding_mode="zeros", align_corners=False).squeeze(1)
    return moved.sub_(MIDDLE_GREY).mul_(gain).add_(lift + MIDDLE_GREY).clamp_(0, 255)
