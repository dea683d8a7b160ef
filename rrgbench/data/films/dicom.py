"""DICOM films: rescale, VOI LUT or window, MONOCHROME1 inversion (DICOM PS3.3 C.7.6.3, C.11.1, C.11.2).

pydicom is optional (`pip install rrgbench[dicom]`) and imported only when a DICOM file is met.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from rrgbench.data.films.large import one_at_a_time, strips
from rrgbench.errors import InputError, MissingPartError

_SUFFIXES: Final = (".dcm", ".dicom", ".dic", ".ima")
_PREAMBLE: Final = 128


def is_dicom(path: Path) -> bool:
    """Whether a file is DICOM: by its `DICM` mark, else (old files lack the mark) by its suffix."""
    with path.open("rb") as stream:
        stream.seek(_PREAMBLE)
        return stream.read(4) == b"DICM" or path.suffix.lower() in _SUFFIXES


def read_dicom(path: Path, max_pixels: int, described: str) -> NDArray[np.uint8]:
    """Read a single-frame DICOM film as it should be looked at.

    Stored values pass the modality transform (rescale or LUT), then the first VOI transform (LUT if there is one, else
    window, else the range in use), and are inverted for MONOCHROME1, so that bone is bright in every case.

    Parameters
    ----------
    path : Path
        The file.
    max_pixels : int
        Refuse larger films before they are decoded.
    described : str
        How errors name the film.

    Returns
    -------
    uint8 array (rows, columns)
        0 is black, 255 white; pixels that are padding are black.

    Raises
    ------
    InputError
        If the film is too large or has several frames. Damage raises whatever pydicom raises; the caller names it.
    MissingPartError
        If pydicom or the decoder of this file's compression is not installed.
    """
    try:
        import pydicom
    except ImportError as error:
        raise MissingPartError(
            f"{described} is DICOM and pydicom is not installed: pip install 'rrgbench[dicom]'"
        ) from error
    dataset = pydicom.dcmread(path, force=True)
    rows, columns = int(dataset.Rows), int(dataset.Columns)
    frames = int(dataset.get("NumberOfFrames", 1) or 1)
    if frames != 1:
        raise InputError(f"{described} holds {frames} frames; a film has one: export the frame you mean")
    if not 0 < rows * columns <= max_pixels:
        raise InputError(f"{described} has {columns} x {rows} pixels; at most {max_pixels:,} are read: scale it down")
    if not dataset.get("PhotometricInterpretation"):
        dataset.PhotometricInterpretation = "RGB" if int(dataset.get("SamplesPerPixel", 1) or 1) == 3 else "MONOCHROME2"
    with one_at_a_time(rows * columns):
        return _shown(dataset, described)


def _shown(dataset: Any, described: str) -> NDArray[np.uint8]:
    """The pixels of a data set as they should be looked at."""
    from pydicom.pixels import apply_modality_lut

    try:
        stored = np.asarray(dataset.pixel_array)
    except (RuntimeError, NotImplementedError) as error:
        # pydicom raises these when no installed plug-in knows the compression, and also on damaged streams.
        if _lacks_decoder(dataset):
            raise MissingPartError(
                f"{described} is compressed as {dataset.file_meta.TransferSyntaxUID.name} and no decoder is installed: "
                "pip install pylibjpeg pylibjpeg-libjpeg pylibjpeg-openjpeg"
            ) from error
        raise
    if stored.ndim == 3:  # colour, converted to RGB by pydicom
        grey_film = np.empty(stored.shape[:2], dtype=np.uint8)
        for strip in strips(stored.shape[0], stored.shape[1]):
            grey_film[strip] = np.rint(stored[strip, :, :3] @ np.array([0.299, 0.587, 0.114]))
        return grey_film
    # A film has millions of pixels and at most 65,536 stored values: what is to be shown is worked out once a value.
    codes, paint = _codes(stored)
    padding = _padding(codes, dataset)
    grey = _voi(np.asarray(apply_modality_lut(codes, dataset), dtype=np.float64), padding, dataset)
    if str(dataset.get("PhotometricInterpretation", "")).strip().upper() == "MONOCHROME1":
        grey = 1.0 - grey
    grey[padding] = 0.0
    return paint(np.rint(grey * 255.0).astype(np.uint8))


def _codes(stored: NDArray[Any]) -> tuple[NDArray[Any], Callable[[NDArray[np.uint8]], NDArray[np.uint8]]]:
    """Stored values that occur, ascending, and a function that puts a grey for each of them back where they occur."""
    few = stored.dtype in (np.uint8, np.uint16, np.int16)
    if few:
        least = int(np.iinfo(stored.dtype).min)
        occurs = np.zeros(1 << 16, dtype=bool)
        for strip in strips(*stored.shape):
            occurs[stored[strip].astype(np.intp) - least] = True
        codes = (np.flatnonzero(occurs) + least).astype(stored.dtype)
    else:
        codes = np.unique(stored)

    def paint(greys: NDArray[np.uint8]) -> NDArray[np.uint8]:
        shown = np.empty(stored.shape, dtype=np.uint8)
        if few:
            table = np.zeros(1 << 16, dtype=np.uint8)
            table[codes.astype(np.intp) - least] = greys
        for strip in strips(*stored.shape):
            part = stored[strip]
            shown[strip] = table[part.astype(np.intp) - least] if few else greys[np.searchsorted(codes, part)]
        return shown

    return codes, paint


def _voi(values: NDArray[np.float64], padding: NDArray[np.bool_], dataset: Any) -> NDArray[np.float64]:
    """Apply the first VOI transform; where the file has none, or a window that shows nothing, map the range in use."""
    if dataset.get("VOILUTSequence"):
        from pydicom.pixels import apply_voi

        bits = int(dataset.VOILUTSequence[0].LUTDescriptor[2])
        table = np.asarray(apply_voi(values.astype(np.int64), dataset, index=0), dtype=np.float64)
        return np.clip(table / float(2**bits - 1), 0.0, 1.0)
    if all(name in dataset and not dataset[name].is_empty for name in ("WindowCenter", "WindowWidth")):
        window = _windowed(values, dataset)
        # a window outside the values makes the whole film one grey
        if window is not None and np.unique(window[~padding]).size > 1:
            return window
    film = values[~padding]
    if film.size == 0 or film.max() <= film.min():
        return np.zeros(values.shape)
    return np.asarray(np.clip((values - film.min()) / (film.max() - film.min()), 0.0, 1.0))


def _windowed(values: NDArray[np.float64], dataset: Any) -> NDArray[np.float64] | None:
    """Apply the first window (PS3.3 C.11.2.1.2 and C.11.2.1.3); None if its width is not one the standard allows."""
    function = str(dataset.get("VOILUTFunction") or "LINEAR").strip().upper()
    width = float(np.atleast_1d(dataset.WindowWidth)[0])
    if not (width >= 1 or (width > 0 and function != "LINEAR")):
        return None
    from pydicom import Dataset
    from pydicom.pixels import apply_windowing

    # pydicom maps to the range of the stored values: of one unsigned bit it is 0 to 1
    shown = Dataset()
    shown.PhotometricInterpretation, shown.BitsStored, shown.PixelRepresentation = "MONOCHROME2", 1, 0
    shown.VOILUTFunction = str(dataset.get("VOILUTFunction") or "LINEAR").strip()
    for name in ("WindowCenter", "WindowWidth"):
        shown[name] = dataset[name]
    with np.errstate(over="ignore"):  # far below a sigmoid window
        return np.asarray(apply_windowing(values, shown))


def _padding(stored: NDArray[Any], dataset: Any) -> NDArray[np.bool_]:
    """Pixels outside the film, by PixelPaddingValue and its range limit (PS3.3 C.7.5.1.1.2)."""
    value = dataset.get("PixelPaddingValue")
    if not isinstance(value, int):
        return np.zeros(stored.shape, dtype=bool)
    limit = dataset.get("PixelPaddingRangeLimit")
    low, high = sorted((value, limit if isinstance(limit, int) else value))
    return np.asarray((stored >= low) & (stored <= high))


def _lacks_decoder(dataset: Any) -> bool:
    from pydicom.pixels import get_decoder

    syntax = dataset.file_meta.TransferSyntaxUID
    return bool(syntax.is_compressed) and not get_decoder(syntax).is_available
