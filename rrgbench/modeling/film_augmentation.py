"""Light augmentation of films in training."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torchvision.transforms import v2


def shift_and_expose(film: NDArray[np.uint8], rng: np.random.Generator) -> Tensor:
    """One film (h, w), shifted, turned and scaled a little, exposure changed; float in [0, 255]."""
    side = film.shape[0]
    moved = v2.functional.affine(
        torch.from_numpy(film)[None].float(),
        angle=float(rng.uniform(-6, 6)),
        translate=[float(x) for x in rng.uniform(-0.05, 0.05, 2) * side],
        scale=float(rng.uniform(0.93, 1.07)),
        shear=[0.0],
        interpolation=v2.InterpolationMode.BILINEAR,
    )[0]
    gain, lift = float(rng.uniform(0.85, 1.15)), float(rng.uniform(-12, 12))
    exposed: Tensor = ((moved - 128) * gain + 128 + lift).clamp(0, 255)
    return exposed
