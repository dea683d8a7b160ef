"""Fingerprints of films, and copies found by them."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from rrgbench.data.films import fingerprint as module
from rrgbench.data.films.fingerprint import BITS, film_groups, fingerprint, same_films


def smooth(seed: int, size: int) -> Image.Image:
    noise = np.random.default_rng(seed).integers(0, 256, (12, 12), dtype=np.uint8)
    return Image.fromarray(noise).resize((size, size), Image.Resampling.BICUBIC)


@pytest.mark.parametrize("quality", [60, 90])
@pytest.mark.parametrize("size", [64, 200])
def test_scaled_and_compressed_copies_have_nearly_the_same_fingerprint(tmp_path: Path, quality: int, size: int) -> None:
    original = fingerprint(np.asarray(smooth(0, 256)))
    smooth(0, 256).resize((size, size)).save(tmp_path / "copy.jpg", quality=quality)
    copy = fingerprint(np.asarray(Image.open(tmp_path / "copy.jpg")))
    other = fingerprint(np.asarray(smooth(1, 256)))
    assert original.shape == (BITS,)
    assert (original != copy).sum() <= 10
    assert (original != other).sum() > 60


@pytest.mark.parametrize("aspect", [2, 3])
@pytest.mark.parametrize("upright", [True, False])
def test_narrow_films_in_a_square_are_told_apart_and_their_copies_found(aspect: int, upright: bool) -> None:
    def padded(seed: int, side: int) -> np.ndarray:
        square = np.zeros((side, side), dtype=np.uint8)
        width = side // aspect
        first = (side - width) // 2
        film = np.asarray(smooth(seed, side).crop((0, side // 4, side, side // 4 + width)))
        square[first : first + width] = np.maximum(film, 1)
        return square.T if upright else square

    film, copy, other = (fingerprint(padded(seed, side)) for seed, side in ((0, 64), (0, 128), (1, 64)))
    assert (film != copy).sum() <= 10
    assert (film != other).sum() > 60


def made(seed: int, rows: int, share: float, flips: int) -> np.ndarray:
    """Fingerprints (rows, 256), a third of them copies of others with up to `flips` bits changed.

    A `share` of set bits far from a half gives films that agree in whole parts without being copies.
    """
    rng = np.random.default_rng(seed)
    bits = rng.random((rows, BITS)) < share
    for row in range(0, rows, 3):
        bits[row] = bits[rng.integers(rows)]
        bits[row, rng.integers(0, BITS, rng.integers(0, flips + 1))] ^= True
    return np.asarray(bits)


def compared_with_all(bits: np.ndarray, most: int) -> list[tuple[int, int]]:
    distance = (bits[:, None, :] != bits[None, :, :]).sum(axis=2)
    return [(i, j) for i, j in np.argwhere(distance <= most).tolist() if i < j]


@pytest.mark.parametrize("numpy_counts", [True, False])
@settings(max_examples=100, deadline=None)
@given(
    seed=st.integers(0, 9999),
    rows=st.integers(1, 90),
    share=st.sampled_from((0.5, 0.2, 0.1, 0.05, 0.02, 0.0)),
    flips=st.integers(0, 16),
    most=st.integers(0, 20),
)
@example(seed=0, rows=60, share=0.5, flips=0, most=BITS)
@example(seed=0, rows=60, share=0.5, flips=11, most=module.SAME_FILM)
def test_copies_are_those_that_a_comparison_of_all_pairs_finds(
    numpy_counts: bool, seed: int, rows: int, share: float, flips: int, most: int
) -> None:
    bits = made(seed, rows, share, flips)
    with pytest.MonkeyPatch.context() as patch:
        # as if these few were too many to compare each with each
        patch.setattr(module, "_BLOCK", 8)
        patch.setattr(module, "_EDGES", 10)
        if not numpy_counts:
            patch.setattr(module, "_bit_count", module._count_by_table)
        pairs = same_films(bits, most)
        groups = film_groups(bits, most)
    assert pairs == compared_with_all(bits, most)
    assert groups == joined(rows, pairs)


def joined(rows: int, pairs: list[tuple[int, int]]) -> list[tuple[int, ...]]:
    """Groups by following pairs from each row, as simply as can be."""
    neighbours: list[set[int]] = [set() for _ in range(rows)]
    for one, other in pairs:
        neighbours[one].add(other)
        neighbours[other].add(one)
    groups: list[tuple[int, ...]] = []
    seen: set[int] = set()
    for row in range(rows):
        if row in seen or not neighbours[row]:
            continue
        group, edge = {row}, {row}
        while edge:
            edge = set().union(*(neighbours[item] for item in edge)) - group
            group |= edge
        seen |= group
        groups.append(tuple(sorted(group)))
    return groups


def test_films_of_one_background_are_not_compared_part_by_part(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nearly all films share every part, comparing all pairs once is less work, and what is done."""
    bits = np.zeros((60, BITS), dtype=bool)
    bits[np.arange(60), np.arange(60) * 4] = True
    asked: list[int] = []
    all_pairs = module._all_pairs
    monkeypatch.setattr(module, "_BLOCK", 8)
    monkeypatch.setattr(module, "_all_pairs", lambda rows, most: asked.append(len(rows)) or all_pairs(rows, most))
    assert len(same_films(bits, 10)) == 60 * 59 // 2
    assert asked == [60]


def test_many_blank_films_make_one_group() -> None:
    bits = np.zeros((200_000, BITS), dtype=bool)
    bits[7, :128] = True
    (group,) = film_groups(bits)
    assert len(group) == 199_999
    assert 7 not in group


def test_no_films_make_no_groups() -> None:
    assert film_groups(np.zeros((0, BITS), dtype=bool)) == []
    assert same_films(np.zeros((0, BITS), dtype=bool)) == []
    assert film_groups(np.zeros((1, BITS), dtype=bool)) == []
