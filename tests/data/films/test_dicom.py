"""DICOM films: rescale, window, LUT, inversion, padding, and the real chest film that pydicom-data brings."""

from pathlib import Path

import numpy as np
import pytest

from rrgbench.data.films.images import FilmFile
from rrgbench.errors import InputError

pydicom = pytest.importorskip("pydicom", reason="pydicom is an optional part (extra: dicom)")

from pydicom.dataset import Dataset, FileMetaDataset  # noqa: E402
from pydicom.sequence import Sequence  # noqa: E402
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage  # noqa: E402

RAMP = np.tile(np.linspace(0, 4095, 64).round().astype(np.uint16), (64, 1))


def dicom(path: Path, pixels: np.ndarray = RAMP, bits: int = 12, **elements: object) -> FilmFile:
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
    dataset.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
    dataset.SOPClassUID, dataset.SOPInstanceUID = SecondaryCaptureImageStorage, "1.2.3"
    dataset.Rows, dataset.Columns = pixels.shape[-2:]
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, bits, bits - 1
    dataset.PixelRepresentation = int(np.issubdtype(pixels.dtype, np.signedinteger))
    for name, value in elements.items():
        setattr(dataset, name, value)
    dataset.PixelData = pixels.tobytes()
    dataset.save_as(path, enforce_file_format=True)
    return FilmFile(path)


def expected(values: np.ndarray) -> np.ndarray:
    return np.rint(np.clip(values, 0, 1) * 255).astype(int)


def test_without_a_window_the_range_in_use_is_shown(tmp_path: Path) -> None:
    loaded = dicom(tmp_path / "film.dcm", 1000 + RAMP // 4).load(64)
    assert np.abs(loaded - expected(RAMP / 4095)).max() <= 1


def test_monochrome1_is_inverted(tmp_path: Path) -> None:
    loaded = dicom(tmp_path / "film.dcm", PhotometricInterpretation="MONOCHROME1").load(64)
    assert np.abs(loaded - expected(1 - RAMP / 4095)).max() <= 1


@pytest.mark.parametrize("bits", [10, 12, 14, 16])
def test_a_window_after_rescale_is_applied_as_the_standard_says(tmp_path: Path, bits: int) -> None:
    pixels = (RAMP.astype(np.int64) * (2**bits - 1) // 4095).astype(np.uint16)
    film = dicom(
        tmp_path / "film.dcm",
        pixels,
        bits,
        RescaleSlope=2,
        RescaleIntercept=-100,
        WindowCenter=[700, 9],
        WindowWidth=[600, 9],
    )
    rescaled = pixels.astype(float) * 2 - 100
    assert np.abs(film.load(64) - expected((rescaled - 699.5) / 599 + 0.5)).max() <= 1


def test_a_window_that_the_film_does_not_fill_is_not_stretched(tmp_path: Path) -> None:
    loaded = dicom(tmp_path / "film.dcm", RAMP // 8, WindowCenter=2048, WindowWidth=4096).load(64)
    assert loaded.max() == pytest.approx(32, abs=1)


def test_signed_pixels_and_sigmoid_window(tmp_path: Path) -> None:
    pixels = RAMP.astype(np.int16) - 2048
    film = dicom(tmp_path / "film.dcm", pixels, WindowCenter=0, WindowWidth=1000, VOILUTFunction="SIGMOID")
    assert np.abs(film.load(64) - expected(1 / (1 + np.exp(-4 * pixels / 1000)))).max() <= 1


def test_a_voi_lut_comes_before_a_window(tmp_path: Path) -> None:
    lut = Dataset()
    lut.LUTDescriptor = [4096, 0, 16]
    lut.LUTData = (65535 - np.arange(4096) * 16).clip(0).astype(np.uint16).tobytes()
    lut["LUTData"].VR = "OW"
    film = dicom(tmp_path / "film.dcm", VOILUTSequence=Sequence([lut]), WindowCenter=1, WindowWidth=1)
    assert np.abs(film.load(64) - expected((65535 - RAMP * 16.0) / 65535)).max() <= 1


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_padding_is_black_and_does_not_set_the_range(tmp_path: Path, photometric: str) -> None:
    pixels = 1000 + RAMP // 8
    pixels[:, :8] = 4000
    film = dicom(tmp_path / "film.dcm", pixels, PixelPaddingValue=4000, PhotometricInterpretation=photometric)
    loaded = film.load(64)
    assert (loaded[:, :8] == 0).all()
    assert loaded[:, 8:].min() == 0
    assert loaded[:, 8:].max() == 255


@pytest.mark.parametrize(
    ("photometric", "shape", "inverted"),
    [
        ("MONOCHROME2", "INVERSE", True),
        ("MONOCHROME2", "IDENTITY", False),
        ("MONOCHROME2", "", False),
        # stated twice, inverted once
        ("MONOCHROME1", "INVERSE", True),
        ("MONOCHROME1", "IDENTITY", True),
    ],
)
@pytest.mark.parametrize("window", [{}, {"WindowCenter": 2048, "WindowWidth": 4096}])
def test_an_inverse_presentation_lut_shape_is_followed(
    tmp_path: Path, photometric: str, shape: str, inverted: bool, window: dict[str, int]
) -> None:
    film = dicom(tmp_path / "film.dcm", PhotometricInterpretation=photometric, PresentationLUTShape=shape, **window)
    assert np.abs(film.load(64) - expected(1 - RAMP / 4095 if inverted else RAMP / 4095)).max() <= 1


@pytest.mark.parametrize(
    ("rescale", "values"),
    [
        ({"RescaleSlope": 2, "RescaleIntercept": -100}, RAMP),
        ({"RescaleSlope": 0.001, "RescaleIntercept": 7}, RAMP),
        ({"RescaleSlope": -1, "RescaleIntercept": 4095}, 4095 - RAMP),
        ({"RescaleSlope": -1}, 4095 - RAMP),
        ({"RescaleSlope": -1, "RescaleIntercept": ""}, 4095 - RAMP),
        ({"RescaleSlope": "", "RescaleIntercept": ""}, RAMP),
        ({"RescaleIntercept": -1000}, RAMP),
        ({"RescaleSlope": 0, "RescaleIntercept": 0}, RAMP),
    ],
)
def test_without_a_window_the_range_after_rescale_is_shown(
    tmp_path: Path, rescale: dict[str, object], values: np.ndarray
) -> None:
    assert np.abs(dicom(tmp_path / "film.dcm", **rescale).load(64) - expected(values / 4095)).max() <= 1


def test_an_intercept_without_a_slope_moves_values_before_the_window(tmp_path: Path) -> None:
    window = {"WindowCenter": 0, "WindowWidth": 2001, "VOILUTFunction": "LINEAR_EXACT"}
    film = dicom(tmp_path / "film.dcm", RescaleIntercept=-1000, **window)
    assert np.abs(film.load(64) - expected((RAMP.astype(float) - 1000) / 2001 + 0.5)).max() <= 1


BITS = RAMP > 3000


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize(
    ("elements", "turned"),
    [
        ({}, False),
        ({"WindowCenter": 0.5, "WindowWidth": 1}, False),
        ({"WindowCenter": 128, "WindowWidth": 256}, False),
        ({"PixelPaddingValue": 0}, False),
        ({"PixelPaddingValue": 1}, False),
        ({"RescaleSlope": -1, "RescaleIntercept": 1}, True),
    ],
)
def test_one_stored_bit_is_black_and_white(
    tmp_path: Path, packed: bool, photometric: str, elements: dict[str, object], turned: bool
) -> None:
    for at, bits in enumerate((BITS, np.ones_like(BITS), np.zeros_like(BITS))):
        pixels = np.packbits(bits.ravel(), bitorder="little").reshape(1, -1) if packed else bits.astype(np.uint8)
        film = dicom(
            tmp_path / f"{at}.dcm",
            pixels,
            1,
            Rows=64,
            Columns=64,
            BitsAllocated=1 if packed else 8,
            PhotometricInterpretation=photometric,
            **elements,
        )
        np.testing.assert_array_equal(film.load(64), np.where(bits ^ turned ^ (photometric == "MONOCHROME1"), 255, 0))


def test_a_lut_of_one_stored_bit_is_followed(tmp_path: Path) -> None:
    lut = Dataset()
    lut.LUTDescriptor = [2, 0, 16]
    lut.LUTData = np.array([65535, 0], dtype=np.uint16).tobytes()
    lut["LUTData"].VR = "OW"
    pixels = BITS.astype(np.uint8)
    film = dicom(tmp_path / "film.dcm", pixels, 1, BitsAllocated=8, VOILUTSequence=Sequence([lut]))
    np.testing.assert_array_equal(film.load(64), np.where(BITS, 0, 255))


def test_several_frames_are_refused(tmp_path: Path) -> None:
    film = dicom(tmp_path / "film.dcm", np.stack([RAMP, RAMP]), NumberOfFrames=2)
    with pytest.raises(InputError, match=r"film\.dcm holds 2 frames"):
        film.load(64)


def test_a_size_that_no_film_has_is_refused_before_decoding(tmp_path: Path) -> None:
    film = dicom(tmp_path / "film.dcm")
    dataset = pydicom.dcmread(film.path)
    dataset.Rows = dataset.Columns = 65000
    dataset.save_as(film.path)
    with pytest.raises(InputError, match="65000 x 65000 pixels"):
        film.load(64)


def test_dicom_is_told_by_its_content_and_truncation_is_named(tmp_path: Path) -> None:
    film = dicom(tmp_path / "film")
    assert film.load(64).max() == 255
    film.path.write_bytes(film.path.read_bytes()[:-1000])
    with pytest.raises(InputError, match="film can't be decoded"):
        film.load(64)


@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID"])
@pytest.mark.parametrize(("center", "width"), [(2000, 1), (2000.5, 1.25), (-100, 9000), (700, 600)])
def test_windows_rise_from_black_to_white(tmp_path: Path, center: float, width: float, function: str) -> None:
    film = dicom(tmp_path / "film.dcm", WindowCenter=center, WindowWidth=width, VOILUTFunction=function)
    shift, narrower = (0.5, 1) if function == "LINEAR" else (0, 0)
    with np.errstate(divide="ignore", over="ignore"):
        offset = (RAMP.astype(float) - (center - shift)) / np.float64(width - narrower)
    shown = 1 / (1 + np.exp(-4 * offset.clip(-100, 100))) if function == "SIGMOID" else offset + 0.5
    assert np.abs(film.load(64) - expected(shown)).max() <= 1


@pytest.mark.parametrize(
    ("center", "width", "function"),
    [(0, 0.5, "LINEAR"), (0, 0, "LINEAR"), (0, 0, "SIGMOID"), (9000, 10, "LINEAR"), (-500, 100, "LINEAR_EXACT")],
)
def test_a_window_that_shows_nothing_gives_way_to_the_range_in_use(
    tmp_path: Path, center: float, width: float, function: str
) -> None:
    film = dicom(tmp_path / "film.dcm", WindowCenter=center, WindowWidth=width, VOILUTFunction=function)
    assert np.abs(film.load(64) - expected(RAMP / 4095)).max() <= 1


def test_a_window_function_that_the_standard_lacks_is_refused(tmp_path: Path) -> None:
    film = dicom(tmp_path / "film.dcm", WindowCenter=0, WindowWidth=5, VOILUTFunction="CUBIC")
    with pytest.raises(InputError, match=r"film\.dcm has a VOILUTFunction that DICOM does not know, 'CUBIC'"):
        film.load(64)


def test_a_film_without_photometric_interpretation_is_read_as_monochrome2(tmp_path: Path) -> None:
    film = dicom(tmp_path / "film.dcm")
    dataset = pydicom.dcmread(film.path)
    del dataset.PhotometricInterpretation
    dataset.save_as(film.path)
    assert np.abs(film.load(64) - expected(RAMP / 4095)).max() <= 1


def test_an_empty_window_is_none(tmp_path: Path) -> None:
    film = dicom(tmp_path / "film.dcm", 1000 + RAMP // 4, WindowCenter="", WindowWidth="")
    assert np.abs(film.load(64) - expected(RAMP / 4095)).max() <= 1


def test_the_real_chest_film_is_upright_and_not_inverted() -> None:
    data = pytest.importorskip("pydicom.data", reason="needs pydicom's data")
    pytest.importorskip("data_store", reason="needs pydicom-data (pip install pydicom-data)")
    path = data.get_testdata_file("RG1_UNCR.dcm", download=False)
    if path is None:
        pytest.skip("RG1_UNCR.dcm is not in the installed pydicom-data")
    assert pydicom.dcmread(path, stop_before_pixels=True).PhotometricInterpretation == "MONOCHROME1"
    film = FilmFile(Path(path)).load(256).astype(float)
    lungs = film[70:150, [*range(60, 100), *range(156, 196)]].mean()
    spine = film[90:200, 118:138].mean()
    abdomen = film[215:250, 80:176].mean()
    assert lungs < spine
    assert lungs < abdomen


def test_letters_burned_into_a_film_without_a_window_do_not_set_its_range(tmp_path: Path) -> None:
    pixels = RAMP.copy()
    pixels[0, :8] = 65535
    plain = dicom(tmp_path / "plain.dcm", RAMP, 16).load(64)
    loaded = dicom(tmp_path / "film.dcm", pixels, 16).load(64)
    assert (loaded[0, :8] == 255).all()
    assert np.abs(loaded[1:].astype(int) - plain[1:]).max() <= 2


@pytest.mark.parametrize("top", [4095, 65535])
def test_colour_of_more_than_8_bits_is_stretched(tmp_path: Path, top: int) -> None:
    grey = (RAMP.astype(np.int64) * top // 4095).astype(np.uint16)
    pixels = np.repeat(grey[..., None], 3, axis=2)
    film = dicom(
        tmp_path / "film.dcm",
        pixels.transpose(2, 0, 1).copy(),
        16,
        SamplesPerPixel=3,
        PhotometricInterpretation="RGB",
        PlanarConfiguration=1,
    )
    assert np.abs(film.load(64) - expected(RAMP / 4095)).max() <= 1


def test_a_palette_is_followed(tmp_path: Path) -> None:
    colours = {}
    for name in ("Red", "Green", "Blue"):
        colours[f"{name}PaletteColorLookupTableDescriptor"] = [4096, 0, 16]
        colours[f"{name}PaletteColorLookupTableData"] = (65535 - np.arange(4096) * 16).astype(np.uint16).tobytes()
    film = dicom(tmp_path / "film.dcm", PhotometricInterpretation="PALETTE COLOR", **colours)
    assert np.abs(film.load(64) - expected(1 - RAMP / 4095)).max() <= 1


@pytest.mark.parametrize("bits", [12, 16])
def test_a_lut_that_leaves_the_bits_it_states_unused_is_no_black_film(tmp_path: Path, bits: int) -> None:
    lut = Dataset()
    lut.LUTDescriptor = [4096, 0, bits]
    lut.LUTData = np.arange(4096, dtype=np.uint16).tobytes()
    lut["LUTData"].VR = "OW"
    film = dicom(tmp_path / "film.dcm", VOILUTSequence=Sequence([lut]))
    assert np.abs(film.load(64) - expected(RAMP / 4095)).max() <= 1


def test_a_file_without_meta_information_is_read_by_its_own_encoding(tmp_path: Path) -> None:
    whole = pydicom.dcmread(dicom(tmp_path / "film.dcm").path)
    bare = Dataset()
    bare.update(whole)
    bare.save_as(tmp_path / "bare.dcm", implicit_vr=True, little_endian=True, enforce_file_format=False)
    assert (tmp_path / "bare.dcm").read_bytes()[128:132] != b"DICM"
    assert np.abs(FilmFile(tmp_path / "bare.dcm").load(64) - expected(RAMP / 4095)).max() <= 1
