"""Augmentation of a batch of films against torchvision's affine map, film by film."""

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchvision.transforms import v2

from rrgbench.training.augmentation import RANGES, draw_movement, shift_and_expose

STILL = [0.0, 0.0, 0.0, 1.0, 1.0, 0.0]


def smooth_films(n, side):
    """Smooth, since a hair's breadth between two pixels of noise is a large difference."""
    y, x = np.mgrid[:side, :side] / side
    waves = [np.sin(3 * x * k + y) + np.cos(2 * y * k) for k in range(1, n + 1)]
    return torch.from_numpy(np.stack([128 + 60 * wave for wave in waves])).byte()


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 10_000), side=st.sampled_from([8, 15, 32]))
def test_a_batch_is_its_films_under_torchvision(seed, side):
    films, rng = smooth_films(3, side), np.random.default_rng(seed)
    movements = np.stack([draw_movement(rng) for _ in films])
    for film, movement, ours in zip(films, movements, shift_and_expose(films, movements), strict=True):
        angle, right, down, scale, gain, lift = movement.tolist()
        moved = v2.functional.affine(
            film[None].float(),
            angle=angle,
            translate=[right * side, down * side],
            scale=scale,
            shear=[0.0],
            interpolation=v2.InterpolationMode.BILINEAR,
        )[0]
        theirs = ((moved - 128) * gain + 128 + lift).clamp(0, 255)
        assert torch.allclose(ours, theirs, atol=0.02)


def test_a_still_film_is_itself_and_a_shift_goes_right_and_down():
    films = smooth_films(2, 20)
    assert torch.allclose(shift_and_expose(films, np.array([STILL, STILL])), films.float(), atol=1e-3)
    moved = shift_and_expose(films[:1], np.array([[0.0, 0.1, 0.05, 1.0, 1.0, 0.0]]))[0]
    assert torch.allclose(moved[1:, 2:], films[0, :-1, :-2].float(), atol=1e-2)
    assert moved[:, :2].max() < 1e-2
    assert moved[0].max() < 1e-2


def test_a_films_augmentation_follows_from_its_own_random_numbers():
    one, again, other = (draw_movement(np.random.default_rng((0, 1, index))) for index in (5, 5, 6))
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)
    assert ((one >= RANGES[:, 0]) & (one <= RANGES[:, 1])).all()
