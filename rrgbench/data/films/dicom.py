"""DICOM films: rescale, VOI LUT or window, inversion (DICOM PS3.3 C.7.6.3, C.8.11.3, C.11.1, C.11.2, C.11.6).

pydicom is optional (`pip install rrgbench[dicom]`) and imported only when a DICOM file is met.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from rrgbench.data.films.deep import range_in_use, stretch
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
    window, else the range in use), and are inverted for MONOCHROME1 or the presentation LUT shape INVERSE, so that bone
    is bright in every case. Of one stored bit the two values are black and white.

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
        If the film is too large, has several frames, or a window function that DICOM does not know. Damage raises
        whatever pydicom raises; the caller names it.
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
    function = str(dataset.get("VOILUTFunction") or "LINEAR").strip()
    if function.upper() not in ("LINEAR", "LINEAR_EXACT", "SIGMOID"):
        raise InputError(
            f"{described} has a VOILUTFunction that DICOM does not know, {function[:16]!r}; export it anew"
        )
    _say_how_encoded(dataset)
    if not dataset.get("PhotometricInterpretation"):
        dataset.PhotometricInterpretation = "RGB" if int(dataset.get("SamplesPerPixel", 1) or 1) == 3 else "MONOCHROME2"
    with one_at_a_time(rows * columns):
        return _shown(dataset, described)


def _say_how_encoded(dataset: Any) -> None:
    """Where a file lacks its meta information, as old ones do, the encoding that it was read by."""
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

    if getattr(dataset, "file_meta", None) is None:
        dataset.file_meta = FileMetaDataset()
    if "TransferSyntaxUID" not in dataset.file_meta:
        implicit, little = dataset.original_encoding
        explicit = ExplicitVRLittleEndian if little else ExplicitVRBigEndian
        dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else explicit


def _shown(dataset: Any, described: str) -> NDArray[np.uint8]:
    """The pixels of a data set as they should be looked at."""
    from pydicom.pixels import apply_color_lut

    photometric = str(dataset.get("PhotometricInterpretation", "")).strip().upper()
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
    if photometric == "PALETTE COLOR":
        stored = apply_color_lut(stored, dataset)
    if stored.ndim == 3:  # colour, converted to RGB by pydicom
        grey_film = np.empty(stored.shape[:2], dtype=stored.dtype)
        for strip in strips(stored.shape[0], stored.shape[1]):
            grey_film[strip] = np.rint(stored[strip, :, :3] @ np.array([0.299, 0.587, 0.114]))
        return grey_film if grey_film.dtype == np.uint8 else stretch(grey_film)
    # A film has millions of pixels and at most 65,536 stored values: what is to be shown is worked out once a value.
    codes, counts, paint = _codes(stored)
    one_bit = int(dataset.get("BitsStored", 0) or 0) == 1 and codes.size > 0 and 0 <= codes[0] <= codes[-1] <= 1
    # no half of a film of two values is padding
    padding = np.zeros(codes.shape, dtype=bool) if one_bit else _padding(codes, dataset)
    values = _rescaled(codes, dataset)
    if one_bit and not dataset.get("VOILUTSequence"):
        # a window brings out nothing of two values, and may be that of an 8-bit display
        least, most = sorted(_rescaled(np.arange(2), dataset))
        grey = (values - least) / (most - least)
    else:
        grey = _voi(values, np.where(padding, 0, counts), dataset)
    # INVERSE is what the standard asks of MONOCHROME1, and no second inversion
    if photometric == "MONOCHROME1" or str(dataset.get("PresentationLUTShape") or "").strip().upper() == "INVERSE":
        grey = 1.0 - grey
    grey[padding] = 0.0
    return paint(np.rint(grey * 255.0).astype(np.uint8))


def _codes(
    stored: NDArray[Any],
) -> tuple[NDArray[Any], NDArray[np.int64], Callable[[NDArray[np.uint8]], NDArray[np.uint8]]]:
    """Stored values that occur, ascending, how often, and what puts a grey for each of them back where they occur."""
    few = stored.dtype in (np.uint8, np.uint16, np.int16)
    if few:
        least = int(np.iinfo(stored.dtype).min)
        counts = np.zeros(1 << 16, dtype=np.int64)
        for strip in strips(*stored.shape):
            counts += np.bincount((stored[strip].astype(np.intp) - least).ravel(), minlength=1 << 16)
        codes = (np.flatnonzero(counts) + least).astype(stored.dtype)
        counts = counts[counts > 0]
    else:
        codes, counts = np.unique(stored, return_counts=True)

    def paint(greys: NDArray[np.uint8]) -> NDArray[np.uint8]:
        shown = np.empty(stored.shape, dtype=np.uint8)
        if few:
            table = np.zeros(1 << 16, dtype=np.uint8)
            table[codes.astype(np.intp) - least] = greys
        for strip in strips(*stored.shape):
            part = stored[strip]
            shown[strip] = table[part.astype(np.intp) - least] if few else greys[np.searchsorted(codes, part)]
        return shown

    return codes, counts, paint


def _rescaled(codes: NDArray[Any], dataset: Any) -> NDArray[np.float64]:
    """Stored values after the modality transform (PS3.3 C.11.1).

    A slope that is missing is 1 and an intercept 0; a slope of 0, by which all values would be one, is none.
    """
    if dataset.get("ModalityLUTSequence"):
        from pydicom.pixels import apply_modality_lut

        return np.asarray(apply_modality_lut(codes, dataset), dtype=np.float64)
    slope, intercept = dataset.get("RescaleSlope"), dataset.get("RescaleIntercept")
    if slope is not None and float(slope) == 0:
        return codes.astype(np.float64)
    return codes.astype(np.float64) * float(1 if slope is None else slope) + float(intercept or 0)


def _voi(values: NDArray[np.float64], counts: NDArray[np.int64], dataset: Any) -> NDArray[np.float64]:
    """Apply the first VOI transform; where the file has none, or a window that shows nothing, map the range in use.

    `counts` is how often each value occurs on the film, 0 for padding.
    """
    if dataset.get("VOILUTSequence"):
        from pydicom.pixels import apply_voi

        table = np.asarray(apply_voi(values.astype(np.int64), dataset, index=0), dtype=np.float64)
        return np.clip(table / _white(dataset.VOILUTSequence[0]), 0.0, 1.0)
    if all(name in dataset and not dataset[name].is_empty for name in ("WindowCenter", "WindowWidth")):
        window = _windowed(values, dataset)
        # a window outside the values makes the whole film one grey
        if window is not None and np.unique(window[counts > 0]).size > 1:
            return window
    order = np.argsort(values, kind="stable")
    ends = np.cumsum(counts[order])
    low, high = range_in_use(
        int(ends[-1]) if len(ends) else 0, lambda ranks: values[order][np.searchsorted(ends, ranks, side="right")]
    )
    return np.asarray(np.clip((values - low) / (high - low), 0.0, 1.0)) if high > low else np.zeros(values.shape)


def _white(lut: Any) -> float:
    """The output of a VOI LUT that is white: of the bits that it states, or, where its entries leave the higher of them
    unused, as many devices write it, of those that they need."""
    bits = int(lut.LUTDescriptor[2])
    data = lut.LUTData
    entries = np.frombuffer(data, np.uint8 if bits <= 8 else np.dtype("<u2")) if isinstance(data, bytes) else data
    used = int(np.max(np.asarray(entries, dtype=np.int64))).bit_length()
    return float(2 ** (used if 0 < used < bits - 1 else bits) - 1)


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
    shown.VOILUTFunction = function
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
