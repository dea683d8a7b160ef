"""Films on disk, decoded when asked for: PNG and JPEG through Pillow, DICOM through pydicom.

Whatever the file holds, the result is the same thing: a grey image in which bone is bright and air is dark, scaled with
its aspect ratio kept and centred on black in a square.
"""

import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from rrgbench.data.films.dicom import is_dicom, read_dicom
from rrgbench.errors import InputError

MAX_PIXELS: Final = 80_000_000
"""Films with more pixels are refused before they are decoded; a chest film has 5 to 25 million."""

_DEEP_MODES: Final = ("I", "F", "I;16", "I;16L", "I;16B", "I;16N")


@dataclass(frozen=True)
class FilmFile:
    """One film in a file; implements `rrgbench.data.study.ImageReference`.

    Attributes
    ----------
    path : Path
        The file: PNG, JPEG or another format Pillow reads, or DICOM (told by its content, else by its suffix).
    view : str
        `PA`, `AP`, `LATERAL` or `` where unknown; see `view_name`.
    study_id : str
        The study it belongs to, for error messages only; may be empty.
    """

    path: Path
    view: str = ""
    study_id: str = ""

    @property
    def described(self) -> str:
        """How error messages name the film: file name without folders, and its study."""
        name = self.path.name if len(self.path.name) <= 100 else f"{self.path.name[:100]}..."
        return f"film {name}" + (f" of study {self.study_id}" if self.study_id else "")

    def load(self, size: int) -> NDArray[np.uint8]:
        """Decode the film and letter-box it.

        Parameters
        ----------
        size : int
            Side of the square in pixels, at least 1.

        Returns
        -------
        uint8 array (size, size)
            Grey film, 0 to 255, bright bone on dark lung; what lies outside the film is 0.

        Raises
        ------
        InputError
            If the file is missing, corrupt, not an image, or larger than `MAX_PIXELS`.
        MissingPartError
            If it is DICOM and pydicom, or the decoder of its compression, is not installed.
        """
        if size < 1:
            raise InputError(f"films can't be loaded at {size} pixels; give a size of at least 1")
        return letter_box(self._decoded(size), size)

    def check(self) -> None:
        """Decode every byte of the film at a low resolution, to learn whether it can be decoded at all.

        Raises
        ------
        InputError, MissingPartError
            As `load`.
        """
        self._decoded(64)

    def _decoded(self, size: int) -> Image.Image:
        if file_size(self.path) is None:
            raise InputError(f"{self.described} is missing; restore the file or skip bad images")
        # Decoders of damaged files raise nearly everything (SyntaxError, struct.error, IndexError ...), so any failure
        # inside them means one thing here: this film can't be read. Our own errors pass through unchanged.
        try:
            if is_dicom(self.path):
                return Image.fromarray(read_dicom(self.path, MAX_PIXELS, self.described))
            return _read_picture(self.path, size, self.described)
        except MemoryError as error:
            raise InputError(f"{self.described} needs more memory than there is; it is probably corrupt") from error
        except Exception as error:
            if type(error).__module__ == InputError.__module__:
                raise
            raise InputError(
                f"{self.described} can't be decoded ({type(error).__name__}); it is corrupt or not an image: "
                "replace it or skip bad images"
            ) from error


def file_size(path: Path) -> int | None:
    """Size of a file in bytes; None where there is no such file, also because no file can have such a name."""
    try:
        status = path.stat()
    except (OSError, ValueError):
        return None
    return status.st_size if stat.S_ISREG(status.st_mode) else None


def view_name(text: str) -> str:
    """Reduce a data set's own name of a view to `PA`, `AP`, `LATERAL` or nothing.

    Knows the names of ChestX-ray14 (`PA`, `AP`), CheXpert (`AP`, `PA`, `LL`, `RL`), MIMIC-CXR-JPG (`LATERAL`, `LL`,
    `AP AXIAL` ...), Open-i (`Lateral`) and the COVID collection (`AP Supine`). A frontal film of unknown direction
    (Open-i's `Frontal`) has no name here and gives an empty string.
    """
    words = text.upper().replace("_", " ").split()
    if not words:
        return ""
    if words[0] in ("PA", "AP"):
        return words[0]
    if words[0] in ("LATERAL", "LL", "RL", "L", "LLD", "RLD", "LAT"):
        return "LATERAL"
    return ""


def letter_box(image: Image.Image, size: int) -> NDArray[np.uint8]:
    """Scale a grey image to fit a black square, aspect ratio kept.

    Parameters
    ----------
    image : PIL image of mode `L`
        Any width and height from 1.
    size : int
        Side of the square in pixels.

    Returns
    -------
    uint8 array (size, size)
        The image in the centre; the longer side touches both edges, the rest is 0.
    """
    scale = size / max(image.size)
    width, height = (min(size, max(1, round(side * scale))) for side in image.size)
    # Pillow's bilinear filter widens with the reduction, so large films are averaged and not merely sampled.
    scaled = image.resize((width, height), Image.Resampling.BILINEAR, reducing_gap=3.0)
    square = np.zeros((size, size), dtype=np.uint8)
    top, left = (size - height) // 2, (size - width) // 2
    square[top : top + height, left : left + width] = np.asarray(scaled)
    return square


def stretch(values: NDArray[Any]) -> NDArray[np.uint8]:
    """Map the range of an array to 0..255; a constant array becomes 0.

    Deep PNGs of films (PadChest, VinDr) hold 10 to 16 used bits in 16 without saying how many, so the range in use is
    the only one known; a few values far outside it do not set it. Values that are not finite become 0.
    """
    numbers = np.asarray(values, dtype=np.float64)
    finite = np.isfinite(numbers)
    if not finite.any():
        return np.zeros(numbers.shape, dtype=np.uint8)
    low, high = _range_in_use(numbers[finite])
    if high <= low:
        return np.zeros(numbers.shape, dtype=np.uint8)
    grey = (np.where(finite, numbers, low) - low) * (255.0 / (high - low))
    return np.rint(np.clip(grey, 0.0, 255.0)).astype(np.uint8)


def _range_in_use(numbers: NDArray[np.float64]) -> tuple[float, float]:
    """Least and greatest value, but for a few that lie far off: letters burned in at 65535 would make a film black.

    Far off is further from the 0.5th (99.5th) percentile than the two percentiles are from each other; then the
    percentile is the end. Other films, whose ends are no further off, keep their full range.
    """
    low, high = float(numbers.min()), float(numbers.max())
    few, most = (float(value) for value in np.percentile(numbers, (0.5, 99.5)))
    bulk = most - few
    if bulk <= 0:
        return low, high
    return few if few - low > bulk else low, most if high - most > bulk else high


def _read_picture(path: Path, size: int, described: str) -> Image.Image:
    """Decode with Pillow to mode `L`; a JPEG is decoded at the smallest of its own scales that holds twice `size`."""
    with Image.open(path) as image:
        if image.width * image.height > MAX_PIXELS:
            raise InputError(
                f"{described} has {image.width} x {image.height} pixels; at most {MAX_PIXELS:,} are read: scale it down"
            )
        image.draft("L", (2 * size, 2 * size))
        image.load()
        return grey_picture(image)


def grey_picture(image: Image.Image) -> Image.Image:
    """A decoded picture of any mode, upright, as mode `L`; deep pixels are stretched over their range in use."""
    upright = ImageOps.exif_transpose(image)
    if upright.mode in _DEEP_MODES:
        return Image.fromarray(stretch(np.asarray(upright)))
    if upright.mode in ("P", "PA", "RGBA", "LA", "La", "RGBa") or "transparency" in upright.info:
        # Transparent means nothing was exposed there: black, whatever colour hides beneath.
        colour = upright.convert("RGBA")
        black = Image.new("RGBA", colour.size, (0, 0, 0, 255))
        return Image.alpha_composite(black, colour).convert("L")
    return upright.convert("L")
