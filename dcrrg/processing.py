"""Films as a DCRRG model reads them, from whatever a person has: PIL images, arrays, files.

The same letter-boxing as the harness's (`rrgbench.data.films.images`), so that a model sees a film alike in an
evaluation and in somebody's own code.
"""

from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from transformers import BatchFeature
from transformers.image_processing_utils import BaseImageProcessor

from rrgbench.data.films.deep import stretch
from rrgbench.data.films.images import MAX_PIXELS, FilmFile, grey_picture, letter_box
from rrgbench.errors import InputError

Film: TypeAlias = Image.Image | NDArray[Any] | str | PathLike[str]
"""One film: PIL image of any mode; grey (h, w) or colour (h, w, 3 or 4) array; PNG, JPEG or DICOM file."""

Films: TypeAlias = Film | Sequence[Film]
"""One film, several, or a stack of grey (n, h, w) or colour (n, h, w, 3 or 4) films in one array."""

_DEEP_MODES = ("I", "F", "I;16", "I;16L", "I;16B", "I;16N")


class DcrrgImageProcessor(BaseImageProcessor):  # type: ignore[misc]
    """Films to `pixel_values` (n, size, size), uint8: the model's own first layer scales and normalises.

    Parameters
    ----------
    size : int or mapping
        Side of the square, or `{"height": side, "width": side}` as `preprocessor_config.json` has it.

    Raises
    ------
    InputError
        If height and width differ.

    Examples
    --------
    >>> film = Image.new("RGB", (200, 100))
    >>> DcrrgImageProcessor(96)(film)["pixel_values"].shape
    (1, 96, 96)
    """

    model_input_names = ("pixel_values",)

    def __init__(self, size: int | Mapping[str, int] = 96, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        sides = {size} if isinstance(size, int) else {size["height"], size["width"]}
        if len(sides) != 1:
            raise InputError(f"DCRRG reads square films; given: {size}")
        side = sides.pop()
        self.size = {"height": side, "width": side}

    def preprocess(self, images: Films, return_tensors: str | None = None, **kwargs: Any) -> BatchFeature:
        """Films as a batch; `return_tensors="pt"` gives a tensor that `DcrrgModel.forward` takes.

        Raises
        ------
        InputError
            If a film can't be read, or an option is not one of `size` and `return_tensors`.
        """
        size = kwargs.pop("size", self.size)
        if kwargs:
            raise InputError(f"the DCRRG image processor takes no option {', '.join(sorted(kwargs))}")
        side = size if isinstance(size, int) else size["height"]
        return BatchFeature({"pixel_values": read_films(images, side)}, tensor_type=return_tensors)


def read_films(images: Films, size: int) -> NDArray[np.uint8]:
    """Read films, aspect ratio kept, centred on black.

    Parameters
    ----------
    images : Films
        Deep (16-bit, float) films are stretched over their range in use, as the harness does. An array (3, h, w) is a
        stack of three grey films: colour comes last.
    size : int
        Side of the square in pixels.

    Returns
    -------
    uint8 array (n, size, size)
        A uint8 stack of that size passes through as it is. A JPEG given by its path is decoded at a reduced scale, as
        in the harness, and may differ from the same JPEG opened by the caller by a few grey levels.

    Raises
    ------
    InputError
        If something is no film or can't be decoded.
    MissingPartError
        If a file is DICOM and pydicom is not installed.
    """
    if isinstance(images, np.ndarray):
        if images.dtype == np.uint8 and images.ndim == 3 and images.shape[1:] == (size, size):
            return images
        single = images.ndim == 2 or (images.ndim == 3 and images.shape[2] in (3, 4))
        several: Sequence[Film] = [images] if single else list(images)
    elif isinstance(images, Image.Image | str | PathLike):
        several = [images]
    else:
        several = list(images)
    films = np.empty((len(several), size, size), dtype=np.uint8)
    for place, image in enumerate(several):
        films[place] = _read_film(image, size, place)
    return films


def _read_film(image: Film, size: int, place: int) -> NDArray[np.uint8]:
    if isinstance(image, str | PathLike):
        return FilmFile(Path(image)).load(size)
    if isinstance(image, np.ndarray):
        return letter_box(_picture(image, place), size)
    if isinstance(image, Image.Image):
        return letter_box(_grey(image, place), size)
    raise InputError(
        f"film {place} is a {type(image).__name__}; give a PIL image, an array (h, w) or (h, w, 3), or a file's path"
    )


def _picture(values: NDArray[Any], place: int) -> Image.Image:
    """An array as a grey picture."""
    if values.size and values.ndim == 2:
        shallow = values.dtype in (np.uint8, np.bool_)
        return Image.fromarray(values).convert("L") if shallow else Image.fromarray(stretch(values))
    if values.size and values.ndim == 3 and values.shape[2] in (3, 4) and values.dtype == np.uint8:
        return _grey(Image.fromarray(values), place)
    raise InputError(
        f"film {place} is an array of shape {values.shape} and type {values.dtype}; expected (h, w) of numbers or "
        "(h, w, 3) of uint8"
    )


def _grey(image: Image.Image, place: int) -> Image.Image:
    """A picture in mode L."""
    if image.width * image.height > MAX_PIXELS:
        raise InputError(f"film {place} has {image.width} x {image.height} pixels; at most {MAX_PIXELS:,} are read")
    try:
        return grey_picture(image)
    except (OSError, SyntaxError, ValueError) as error:
        raise InputError(f"film {place} can't be decoded ({type(error).__name__}); it is corrupt") from error
