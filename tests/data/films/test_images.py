"""Films on disk: every format comes out as the same grey square, and damage has a name."""

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from rrgbench.data.films.deep import stretch
from rrgbench.data.films.images import FilmFile, letter_box, view_name
from rrgbench.errors import InputError

RAMP = np.tile(np.linspace(0, 255, 64).round().astype(np.uint8), (64, 1))


def save(image: Image.Image, path: Path, **options: object) -> FilmFile:
    image.save(path, **options)
    return FilmFile(path, "PA", "s1")


@pytest.mark.parametrize("name", ["film.png", "film.jpg", "film.bmp", "film.tif"])
def test_grey_films_of_every_format_are_read_as_they_are(tmp_path: Path, name: str) -> None:
    film = save(Image.fromarray(RAMP), tmp_path / name)
    loaded = film.load(64)
    assert loaded.dtype == np.uint8
    assert np.abs(loaded.astype(int) - RAMP).max() <= (3 if name.endswith("jpg") else 0)


def test_colour_palette_and_bilevel_films_become_grey(tmp_path: Path) -> None:
    grey = Image.fromarray(RAMP)
    for number, image in enumerate((grey.convert("RGB"), grey.convert("P"), grey.convert("RGB").quantize(256))):
        loaded = save(image, tmp_path / f"{number}.png").load(64)
        assert np.abs(loaded.astype(int) - RAMP).max() <= 4
    loaded = save(grey.convert("1"), tmp_path / "bilevel.png").load(64)
    assert set(np.unique(loaded)) == {0, 255}


def test_transparent_pixels_are_black_whatever_colour_they_hide(tmp_path: Path) -> None:
    colour = np.full((64, 64, 4), 200, dtype=np.uint8)
    colour[:, :32, 3] = 0
    colour[:, 32:, 3] = 255
    loaded = save(Image.fromarray(colour, "RGBA"), tmp_path / "film.png").load(64)
    assert (loaded[:, :32] == 0).all()
    assert (loaded[:, 32:] == 200).all()


@pytest.mark.parametrize("top", [1023, 4095, 65535])
def test_deep_films_use_the_range_that_is_in_use(tmp_path: Path, top: int) -> None:
    deep = np.tile(np.linspace(0, top, 64).round().astype(np.uint16), (64, 1))
    loaded = save(Image.fromarray(deep), tmp_path / "film.png").load(64)
    assert np.abs(loaded.astype(int) - RAMP).max() <= 1


@pytest.mark.parametrize("top", [4095, 65535])
@pytest.mark.parametrize("channels", [2, 3, 4])
def test_deep_films_in_colour_and_with_transparency_use_it_too(tmp_path: Path, channels: int, top: int) -> None:
    deep = (RAMP.astype(np.int64) * top // 255).astype(np.uint16)
    samples = np.repeat(deep[..., None], 3 if channels > 2 else 1, axis=2)
    if channels in (2, 4):
        alpha = np.full((64, 64, 1), 65535, dtype=np.uint16)
        alpha[:8] = 0
        samples = np.concatenate([samples, alpha], axis=2)
    (tmp_path / "film.png").write_bytes(deep_png(samples))
    loaded = FilmFile(tmp_path / "film.png").load(64).astype(int)
    if channels in (2, 4):
        assert (loaded[:8] == 0).all()
    assert np.abs(loaded[8:] - RAMP[8:]).max() <= 1


def deep_png(samples: np.ndarray) -> bytes:
    """A PNG of 16 bits a sample, which Pillow doesn't write in colour."""

    def block(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    height, width, channels = samples.shape
    kind = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in samples)
    header = struct.pack(">IIBBBBB", width, height, 16, kind, 0, 0, 0)
    parts = block(b"IHDR", header) + block(b"IDAT", zlib.compress(rows)) + block(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


@pytest.mark.parametrize("bits", [8, 16])
def test_a_tiff_whose_zero_is_white_is_turned(tmp_path: Path, bits: int) -> None:
    pixels = (RAMP.astype(np.uint32) * (257 if bits == 16 else 1)).astype(np.uint16 if bits == 16 else np.uint8)
    header = struct.pack("<2sHI", b"II", 42, 8 + pixels.nbytes)
    tags = [(256, 4, 64), (257, 4, 64), (258, 3, bits), (259, 3, 1), (262, 3, 0), (273, 4, 8), (277, 3, 1)]
    tags += [(278, 4, 64), (279, 4, pixels.nbytes)]
    folder = struct.pack("<H", len(tags)) + b"".join(
        struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in tags
    )
    (tmp_path / "film.tif").write_bytes(header + pixels.tobytes() + folder + struct.pack("<I", 0))
    assert np.abs(FilmFile(tmp_path / "film.tif").load(64).astype(int) - (255 - RAMP.astype(int))).max() <= 1


def test_orientation_written_by_a_camera_is_followed(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[274] = 3  # upside down
    film = save(Image.fromarray(RAMP), tmp_path / "film.jpg", exif=exif, quality=100)
    assert np.abs(film.load(64).astype(int) - RAMP[::-1, ::-1]).max() <= 3


@settings(max_examples=60, deadline=None)
@given(width=st.integers(1, 90), height=st.integers(1, 90), size=st.integers(1, 70))
def test_letter_box_keeps_the_aspect_ratio_and_centres(width: int, height: int, size: int) -> None:
    boxed = letter_box(Image.fromarray(np.full((height, width), 255, dtype=np.uint8)), size)
    assert boxed.shape == (size, size)
    rows, columns = np.flatnonzero(boxed.any(axis=1)), np.flatnonzero(boxed.any(axis=0))
    inside = boxed[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    assert (inside == 255).all()
    assert max(inside.shape) == size
    assert abs(min(inside.shape) - max(1, size * min(width, height) / max(width, height))) <= 0.5
    for edges in (rows, columns):
        assert abs(edges[0] - (size - 1 - edges[-1])) <= 1


def test_a_large_film_is_averaged_and_not_sampled(tmp_path: Path) -> None:
    checkers = (np.indices((1024, 1024)).sum(axis=0) % 2 * 255).astype(np.uint8)
    loaded = save(Image.fromarray(checkers), tmp_path / "film.png").load(64)
    assert np.abs(loaded.astype(int) - 127).max() <= 3


def test_jpegs_decoded_at_reduced_scale_agree_with_full_decoding(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    smooth = Image.fromarray(rng.integers(0, 256, (24, 20), dtype=np.uint8)).resize(
        (1500, 1800), Image.Resampling.BICUBIC
    )
    film = save(smooth, tmp_path / "film.jpg", quality=95)
    with Image.open(film.path) as whole:
        expected = letter_box(whole.convert("L"), 128)
    assert np.abs(film.load(128).astype(int) - expected).mean() < 1.0


def test_the_same_film_is_the_same_array_each_time(tmp_path: Path) -> None:
    film = save(Image.fromarray(RAMP), tmp_path / "film.jpg")
    np.testing.assert_array_equal(film.load(48), film.load(48))


def test_missing_film_is_named_without_its_folders(tmp_path: Path) -> None:
    film = FilmFile(tmp_path / "patient7" / "film.png", "", "s7")
    with pytest.raises(InputError, match=r"film film\.png of study s7 is missing") as caught:
        film.load(32)
    assert "patient7" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"not an image", b"\x89PNG\r\n\x1a\n", b"\0" * 200, b"\0" * 128 + b"DICM"])
def test_files_that_are_no_image_are_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "film.png"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"film\.png can't be decoded"):
        FilmFile(path).load(32)


@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_a_truncated_film_is_named_by_load_and_by_check(tmp_path: Path, suffix: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (256, 256), dtype=np.uint8)
    film = save(Image.fromarray(noise), tmp_path / f"film.{suffix}")
    film.path.write_bytes(film.path.read_bytes()[:-20000])
    for action in (lambda: film.load(32), film.check):
        with pytest.raises(InputError, match=f"film.{suffix} of study s1 can't be decoded"):
            action()


def test_a_bomb_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    film = save(Image.new("1", (9000, 9000)), tmp_path / "film.png")
    with pytest.raises(InputError, match="9000 x 9000 pixels"):
        film.load(32)


def test_a_size_below_one_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="size of at least 1"):
        FilmFile(tmp_path / "film.png").load(0)


def test_letters_burned_into_a_deep_film_do_not_set_its_range(tmp_path: Path) -> None:
    film = np.random.default_rng(0).integers(200, 3800, (200, 200)).astype(np.uint16)
    plain = save(Image.fromarray(film), tmp_path / "plain.png").load(200)
    lettered = film.copy()
    lettered[5:14, 5:15] = 65535
    loaded = save(Image.fromarray(lettered), tmp_path / "lettered.png").load(200)
    assert (loaded[5:14, 5:15] == 255).all()
    untouched = lettered == film
    assert np.abs(loaded.astype(int) - plain)[untouched].max() <= 2


def test_a_deep_film_without_such_letters_keeps_its_full_range() -> None:
    film = np.random.default_rng(1).integers(0, 256, (40, 40)) * 257
    film[0, 0], film[0, 1] = 0, 65535
    np.testing.assert_array_equal(stretch(film), film // 257)


def test_stretch_handles_constant_and_non_finite_values() -> None:
    assert (stretch(np.full((2, 2), 7)) == 0).all()
    assert (stretch(np.full((2, 2), np.nan)) == 0).all()
    np.testing.assert_array_equal(stretch(np.array([[0.0, np.inf], [1.0, 2.0]])), [[0, 0], [128, 255]])


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("PA", "PA"),
        ("AP", "AP"),
        ("AP Supine", "AP"),
        ("ap_axial", "AP"),
        ("LL", "LATERAL"),
        ("Lateral", "LATERAL"),
        ("Frontal", ""),
        ("", ""),
        ("XTABLE LATERAL", "LATERAL"),
    ],
)
def test_views_of_every_data_set_have_one_name(given: str, name: str) -> None:
    assert view_name(given) == name
