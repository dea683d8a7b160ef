"""A film is read alike whether it comes from the harness, from a PIL image, from an array or from a file."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from transformers import AutoImageProcessor, AutoProcessor

from dcrrg import DcrrgConfig, DcrrgImageProcessor
from dcrrg.processing import read_films
from rrgbench.data.films.images import FilmFile, letter_box
from rrgbench.errors import InputError

RNG = np.random.default_rng(0)


def picture(mode, width=61, height=40):
    """A picture in any mode that films come in."""
    if mode == "I;16":
        return Image.fromarray(RNG.integers(100, 4000, (height, width)).astype(np.uint16))
    if mode in ("I", "F"):
        return Image.fromarray(RNG.integers(0, 60_000, (height, width)).astype({"I": np.int32, "F": np.float32}[mode]))
    grey = Image.fromarray(RNG.integers(0, 256, (height, width)).astype(np.uint8))
    if mode == "RGBA":
        picture = Image.merge("RGB", [grey, grey.transpose(Image.Transpose.FLIP_LEFT_RIGHT), grey]).convert("RGBA")
        picture.putalpha(Image.fromarray(RNG.integers(0, 256, (height, width)).astype(np.uint8)))
        return picture
    return grey.convert(mode)


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "LA", "P", "1", "I;16", "I", "F"])
@pytest.mark.parametrize("size", [(61, 40), (40, 61), (200, 7), (16, 16)])
def test_a_pil_image_is_read_as_the_harness_reads_its_file(mode, size, tmp_path):
    path = tmp_path / ("film.tiff" if mode in ("I", "F") else "film.png")
    picture(mode, *size).save(path)
    harness = FilmFile(path).load(48)
    with Image.open(path) as opened:
        assert np.array_equal(read_films(opened, 48), harness[None])
    assert np.array_equal(read_films([str(path), path], 48), np.stack([harness, harness]))


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 300), st.integers(1, 300), st.integers(8, 130))
def test_any_size_is_letter_boxed_as_the_harness_does(width, height, side):
    film = (np.arange(width * height) % 251).astype(np.uint8).reshape(height, width)
    expected = letter_box(Image.fromarray(film), side)
    assert np.array_equal(read_films(film, side)[0], expected)
    assert np.array_equal(read_films([Image.fromarray(film)], side)[0], expected)


def test_arrays_of_every_kind(tmp_path):
    deep = RNG.integers(100, 4000, (30, 50)).astype(np.uint16)
    Image.fromarray(deep).save(tmp_path / "deep.png")
    assert np.array_equal(read_films([deep], 32)[0], FilmFile(tmp_path / "deep.png").load(32))
    colour = RNG.integers(0, 256, (30, 50, 3)).astype(np.uint8)
    Image.fromarray(colour).save(tmp_path / "colour.png")
    assert np.array_equal(read_films(colour, 32)[0], FilmFile(tmp_path / "colour.png").load(32))
    assert np.array_equal(read_films(colour[None], 32), read_films(colour, 32))
    stack = RNG.integers(0, 256, (5, 30, 50)).astype(np.uint8)
    assert np.array_equal(read_films(stack, 32), np.stack([read_films(film, 32)[0] for film in stack]))
    assert read_films(np.ones((4, 4), dtype=bool), 4).tolist() == [[[255] * 4] * 4]
    assert read_films([], 32).shape == (0, 32, 32)


def test_a_stack_of_the_right_size_passes_as_it_is():
    films = RNG.integers(0, 256, (2, 32, 32)).astype(np.uint8)
    assert read_films(films, 32) is films


def test_a_large_jpeg_differs_from_its_path_by_rounding_only(tmp_path):
    smooth = np.add.outer(np.linspace(0, 120, 900), np.linspace(0, 130, 700)).astype(np.uint8)
    Image.fromarray(smooth).convert("RGB").save(tmp_path / "film.jpg", quality=95)
    with Image.open(tmp_path / "film.jpg") as opened:
        by_image = read_films(opened, 64).astype(int)
    assert abs(by_image - read_films(tmp_path / "film.jpg", 64)).max() <= 3


def test_dicom_files():
    pydicom_data = pytest.importorskip("pydicom.data", reason="pydicom is not installed")
    found = pydicom_data.get_testdata_file("CT_small.dcm", download=False)
    assert np.array_equal(read_films(found, 40)[0], FilmFile(Path(found)).load(40))


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        ([3], "film 0 is a int"),
        ([np.zeros(4, dtype=np.uint8)], r"shape \(4,\)"),
        ([np.zeros((4, 4, 3))], "float64"),
        ([np.zeros((0, 4), dtype=np.uint8)], r"shape \(0, 4\)"),
        (["no/such/film.png"], "film.png is missing"),
    ],
)
def test_what_is_no_film_is_named(wrong, word):
    with pytest.raises(InputError, match=word):
        read_films(wrong, 32)


def test_a_cut_off_file_is_named(tmp_path):
    path = tmp_path / "film.png"
    picture("L", 300, 300).save(path)
    path.write_bytes(path.read_bytes()[:2000])
    with Image.open(path) as opened, pytest.raises(InputError, match="film 0 can't be decoded"):
        read_films([opened], 32)


def test_the_processor_saves_loads_and_answers(tmp_path):
    DcrrgImageProcessor(40).save_pretrained(tmp_path)
    DcrrgConfig(image_size=40).save_pretrained(tmp_path)
    written = json.loads((tmp_path / "preprocessor_config.json").read_text())
    assert written == {"image_processor_type": "DcrrgImageProcessor", "size": {"height": 40, "width": 40}}
    for auto in (AutoImageProcessor, AutoProcessor):
        processor = auto.from_pretrained(tmp_path)
        assert isinstance(processor, DcrrgImageProcessor)
        batch = processor([picture("RGB"), picture("I;16")], return_tensors="pt")
        assert batch["pixel_values"].shape == (2, 40, 40)
        assert str(batch["pixel_values"].dtype) == "torch.uint8"
    assert processor(picture("L"), size=16)["pixel_values"].shape == (1, 16, 16)
    with pytest.raises(InputError, match="do_normalize"):
        processor(picture("L"), do_normalize=True)
    with pytest.raises(InputError, match="square"):
        DcrrgImageProcessor({"height": 3, "width": 4})
