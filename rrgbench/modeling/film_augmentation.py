"""Light augmentation of films in training: shifted, turned and scaled a little, exposure changed.

What befalls a film is drawn by itself, so that it follows from the film's own random numbers; a batch is then moved as
one, which is several times faster than film by film.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import grid_sample

MIDDLE_GREY = 128.0


@dataclass(frozen=True)
class Movement:
    """What befalls one film.

    Attributes
    ----------
    angle : float
        Degrees, clockwise.
    right, down : float
        Shift, in sides of the film.
    scale : float
        Above 1 enlarges.
    gain, lift : float
        Grey value g becomes (g - 128) * gain + 128 + lift.
    """

    angle: float
    right: float
    down: float
    scale: float
    gain: float
    lift: float

    @classmethod
    def drawn(cls, rng: np.random.Generator) -> "Movement":
        """A little of everything."""
        angle = rng.uniform(-6, 6)
        right, down = rng.uniform(-0.05, 0.05, 2)
        return cls(angle, right, down, rng.uniform(0.93, 1.07), rng.uniform(0.85, 1.15), rng.uniform(-12, 12))

    @property
    def sampled_from(self) -> NDArray[np.float64]:
        """Affine map (2, 3) of a pixel to where it is sampled from, both in [-1, 1] from the film's middle."""
        turn = np.radians(self.angle)
        linear = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]]) / self.scale
        return np.column_stack([linear, linear @ [-2 * self.right, -2 * self.down]])


def shift_and_expose(films: Tensor, movements: Sequence[Movement]) -> Tensor:
    """Films (n, side, side) in [0, 255], each moved by its own movement; float in [0, 255], black where nothing was."""
    side = films.shape[1]
    middles = (2 * torch.arange(side, dtype=torch.float32) + 1) / side - 1
    maps = torch.from_numpy(np.stack([movement.sampled_from for movement in movements])).float()
    # torch's affine_grid gives the same by a matrix product of narrow matrices, at several times the cost
    along_row, along_column, offset = maps.view(-1, 1, 1, 2, 3).unbind(-1)
    grid = along_row * middles.view(1, 1, -1, 1) + (along_column * middles.view(1, -1, 1, 1) + offset)
    moved = grid_sample(films.unsqueeze(1).float(), grid, padding_mode="zeros", align_corners=False).squeeze(1)
    exposure = torch.tensor([[movement.gain, movement.lift + MIDDLE_GREY] for movement in movements])
    gain, lift = exposure.view(-1, 2, 1, 1).unbind(1)
    return moved.sub_(MIDDLE_GREY).mul_(gain).add_(lift).clamp_(0, 255)
