"""Films worked on in strips come out as if they had been worked on whole."""

import threading

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from rrgbench.data.films import large
from rrgbench.data.films.deep import stretch
from rrgbench.data.films.images import grey_picture


def stretched_whole(values: NDArray[np.generic]) -> NDArray[np.uint8]:
    """What `stretch` says, in NumPy's words, everything at once."""
    numbers = values.astype(np.float64)
    finite = np.isfinite(numbers)
    low, high = numbers[finite].min(), numbers[finite].max()
    few, most = np.percentile(numbers[finite], (0.5, 99.5))
    if most > few:
        low = few if few - low > most - few else low
        high = most if high - most > most - few else high
    if high <= low:
        return np.zeros(values.shape, dtype=np.uint8)
    grey = (np.where(finite, numbers, low) - low) * (255.0 / (high - low))
    return np.rint(np.clip(grey, 0.0, 255.0)).astype(np.uint8)


@pytest.mark.parametrize("strip", [5, 300, 1 << 20])
@pytest.mark.parametrize("kind", ["u1", "u2", ">u2", "i2", "i4", "f4", "f8"])
def test_deep_films(kind: str, strip: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(large, "_STRIP", strip)
    rng = np.random.default_rng(0)
    for height, width in [(1, 1), (1, 50), (37, 41), (64, 8)]:
        film = rng.gamma(2.0, 900.0, (height, width))
        film[rng.random(film.shape) < 0.003] = 60_000
        if np.dtype(kind).kind != "f":
            film = np.clip(film, np.iinfo(kind).min, np.iinfo(kind).max)
        film = film.astype(kind)
        if np.dtype(kind).kind == "f" and film.size > 1:
            film[rng.random(film.shape) < 0.1] = np.nan
        np.testing.assert_array_equal(stretch(film), stretched_whole(film))


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "LA", "CMYK", "I;16", "I", "F"])
@pytest.mark.parametrize("orientation", [1, 6])
def test_pictures(mode: str, orientation: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    if mode in ("I;16", "I", "F"):
        kind = {"I;16": "<u2", "I": "<i4", "F": "<f4"}[mode]
        picture = Image.frombytes(mode, (40, 30), rng.integers(0, 4096, (30, 40)).astype(kind).tobytes())
    else:
        colour = Image.fromarray(rng.integers(0, 256, (30, 40, 4), dtype=np.uint8))
        picture = colour if mode == "RGBA" else colour.convert("LA" if mode == "LA" else "RGB").convert(mode)
    if mode == "P":
        picture.info["transparency"] = 7
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture.info["exif"] = exif.tobytes()
    whole = np.asarray(grey_picture(picture))
    monkeypatch.setattr(large, "_STRIP", 90)
    in_strips = np.asarray(grey_picture(picture))
    assert whole.shape == ((30, 40) if orientation == 1 else (40, 30))
    np.testing.assert_array_equal(in_strips, whole)
    assert whole.std() > 0


def test_large_films_wait_for_each_other_and_others_do_not() -> None:
    entered = threading.Event()

    def enter() -> None:
        with large.one_at_a_time(large.LARGE + 1):
            entered.set()

    other = threading.Thread(target=enter)
    with large.one_at_a_time(large.LARGE + 1):
        other.start()
        with large.one_at_a_time(large.LARGE), large.one_at_a_time(1):
            assert not entered.is_set()
    other.join()
    assert entered.is_set()
