"""Films on disk, decoded when asked for: PNG and JPEG through Pillow, DICOM through pydicom.

Whatever the file holds, the result is the same thing: a grey image in which bone is bright and air is dark, scaled with
its aspect ratio kept and centred on black in a square.
"""

import stat
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps

from rrgbench.data.films.deep import stretch, stretched
from rrgbench.data.films.dicom import is_dicom, read_dicom
from rrgbench.data.films.large import one_at_a_time, strips
from rrgbench.errors import InputError

MAX_PIXELS: Final = 80_000_000
"""Films with more pixels are refused before they are decoded; a chest film has 5 to 25 million."""

_ORIENTATION: Final = ExifTags.Base.Orientation
_PHOTOMETRIC: Final = ExifTags.Base.PhotometricInterpretation
_WHITE_IS_ZERO: Final = 0

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
    `AP AXIAL`, `XTABLE LATERAL` ...), Open-i (`Lateral`) and the COVID collection (`AP Supine`). A frontal film of
    unknown direction (Open-i's `Frontal`) has no name here and gives an empty string.
    """
    words = text.upper().replace("_", " ").split()
    if not words:
        return ""
    if words[0] in ("PA", "AP"):
        return words[0]
    if words[0] in ("LATERAL", "LL", "RL", "L", "LLD", "RLD", "LAT") or "LATERAL" in words:
        return "LATERAL"
    return ""


def is_known_view(text: str) -> bool:
    """Whether a data set's own name of a view is one of those that `view_name` knows, says frontal, or says nothing."""
    silent = ("", "FRONTAL", "UNKNOWN", "UNK", "OTHER", "NONE", "NAN", "N/A")
    return bool(view_name(text)) or text.upper().strip() in silent


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


def _read_picture(path: Path, size: int, described: str) -> Image.Image:
    """Decode with Pillow to mode `L`; a JPEG is decoded at the smallest of its own scales that holds twice `size`."""
    with Image.open(path) as image:
        if image.width * image.height > MAX_PIXELS:
            raise InputError(
                f"{described} has {image.width} x {image.height} pixels; at most {MAX_PIXELS:,} are read: scale it down"
            )
        with one_at_a_time(image.width * image.height):
            if _deep_in_colour(path, image):
                return _deep_grey(path, image, described)
            image.draft("L", (2 * size, 2 * size))
            image.load()
            return grey_picture(image)


def _deep_in_colour(path: Path, image: Image.Image) -> bool:
    """Whether it is a PNG of 16 bits in colour or with transparency, of which Pillow keeps the higher 8 bits."""
    if image.format != "PNG" or image.mode not in ("LA", "RGB", "RGBA"):
        return False
    with path.open("rb") as stream:
        # signature, length and type of the first block, width and height: then bits a sample, kind of colour
        stream.seek(24)
        bits, kind = stream.read(2)
    return bits == 16 and kind in (2, 4, 6)


def _deep_grey(path: Path, image: Image.Image, described: str) -> Image.Image:
    """Such a PNG as mode `L`, upright, stretched over its range in use; what is transparent is black."""
    try:
        from torchvision.io import ImageReadMode, decode_png, read_file
    # TorchVision gives its decoders up some day
    except ImportError as error:
        raise InputError(
            f"{described} is a PNG of 16 bits in colour or with transparency; save it as 16-bit grey"
        ) from error
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        samples = decode_png(read_file(str(path)), ImageReadMode.UNCHANGED).numpy()
    weights = np.array([0.299, 0.587, 0.114]) if len(samples) > 2 else np.ones(1)
    grey = np.empty(samples.shape[1:], dtype=np.uint16)
    for strip in strips(*grey.shape):
        part = np.tensordot(weights, samples[: len(weights), strip], axes=1)
        if len(samples) in (2, 4):
            part *= samples[-1, strip] / np.float64(np.iinfo(np.uint16).max)
        grey[strip] = np.rint(part)
    shown = Image.fromarray(stretch(grey))
    shown.getexif()[_ORIENTATION] = image.getexif().get(_ORIENTATION, 1)
    return ImageOps.exif_transpose(shown)


def grey_picture(image: Image.Image) -> Image.Image:
    """A decoded picture of any mode, upright, as mode `L`; deep pixels are stretched over their range in use."""
    # upright already, as nearly all are, it need not be copied
    turned = image.getexif().get(_ORIENTATION, 1) != 1
    upright = ImageOps.exif_transpose(image) if turned else image
    if upright.mode in _DEEP_MODES:
        shown = Image.fromarray(stretched(lambda: _deep_parts(upright), upright.height, upright.width))
        # a TIFF may say that 0 is white; Pillow heeds it up to 8 bits
        tags = getattr(image, "tag_v2", {})
        return ImageOps.invert(shown) if tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO else shown
    grey = Image.new("L", upright.size)
    for top, part in _parts(upright):
        grey.paste(_grey_part(part), (0, top))
    return grey


def _parts(image: Image.Image) -> Iterator[tuple[int, Image.Image]]:
    """A picture in strips, each with its first row."""
    for rows in strips(image.height, image.width):
        yield rows.start, image.crop((0, rows.start, image.width, rows.stop))


def _deep_parts(image: Image.Image) -> Iterator[NDArray[Any]]:
    return (np.asarray(part) for _, part in _parts(image))


def _grey_part(part: Image.Image) -> Image.Image:
    if part.mode in ("P", "PA", "RGBA", "LA", "La", "RGBa") or "transparency" in part.info:
        # Transparent means nothing was exposed there: black, whatever colour hides beneath.
        colour = part.convert("RGBA")
        black = Image.new("RGBA", colour.size, (0, 0, 0, 255))
        return Image.alpha_composite(black, colour).convert("L")
    return part.convert("L")
