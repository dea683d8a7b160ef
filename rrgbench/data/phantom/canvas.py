"""The film while it is being drawn: a map of X-ray attenuation with a patient-fixed coordinate system.

Coordinates: x from -1 (film left, the patient's right) to +1, y from -1 (top) to +1 (bottom) in the patient's frame;
the pose shifts, zooms and shears that frame on the film. Because y stays constant along a row, outlines are one number
per row and everything else is one pass over half an image: that is what makes hundreds of films a second possible.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
Window = tuple[slice, slice]


@dataclass(frozen=True)
class Pose:
    """How the patient stands on the film: shift, zoom (x, y) and lean (shear), in half film widths."""

    shift_x: float
    shift_y: float
    zoom_x: float
    zoom_y: float
    lean: float


class Canvas:
    """Attenuation map under construction.

    Attributes
    ----------
    size : int
        Pixels per side.
    x : float32 array (size, size)
        Patient x of each pixel.
    y : float32 array (size, 1)
        Patient y of each row.
    attenuation : float32 array (size, size)
        Summed attenuation so far, 0 in air.
    lung : float32 array (size, size)
        How much aerated lung lies behind each pixel, 0 to 1.
    """

    def __init__(self, size: int, pose: Pose) -> None:
        self.size = size
        self.pose = pose
        ticks = (np.arange(size, dtype=np.float32) * 2 + 1) / np.float32(size) - 1
        self.y: Array = ((ticks - np.float32(pose.shift_y)) / np.float32(pose.zoom_y))[:, None]
        self.x: Array = ((ticks[None, :] - np.float32(pose.shift_x)) / np.float32(pose.zoom_x)) - np.float32(
            pose.lean
        ) * self.y
        self.attenuation: Array = np.zeros((size, size), dtype=np.float32)
        self.lung: Array = np.zeros((size, size), dtype=np.float32)
        self.pixel = 2.0 / (size * pose.zoom_x)
        self._points: list[tuple[Array, Array, Array]] = []

    def columns(self, low: float, high: float) -> slice:
        """Pixel columns that may hold patient x between `low` and `high`, whatever the lean."""
        corners = (self.x[0, 0], self.x[-1, 0])
        first = (low - max(corners)) / self.pixel
        last = (high - min(corners)) / self.pixel
        return slice(max(0, int(first)), min(self.size, int(last) + 2))

    def rows(self, low: float, high: float) -> slice:
        """Pixel rows between patient y `low` and `high`."""
        step = 2.0 / (self.size * self.pose.zoom_y)
        top = float(self.y[0, 0])
        return slice(max(0, int((low - top) / step)), min(self.size, int((high - top) / step) + 2))

    def ellipse(
        self, x: float, y: float, radius_x: float, radius_y: float, turn: float = 0.0, reach: float = 1.5
    ) -> tuple[Window, Array]:
        """Squared distance from an ellipse's centre in units of its radii, on the window that it can touch.

        Returns
        -------
        window : pair of slices
            Where on the film; empty if outside.
        squared : float32 array
            0 at the centre, 1 on the outline.
        """
        extent = reach * max(radius_x, radius_y) if turn else 0.0
        window = (
            self.rows(y - (extent or reach * radius_y), y + (extent or reach * radius_y)),
            self.columns(x - (extent or reach * radius_x), x + (extent or reach * radius_x)),
        )
        across = self.x[window] - np.float32(x)
        down = self.y[window[0]] - np.float32(y)
        if turn:
            cosine, sine = np.float32(np.cos(turn)), np.float32(np.sin(turn))
            across, down = across * cosine + down * sine, down * cosine - across * sine
        squared = np.square(across / np.float32(radius_x)) + np.square(down / np.float32(radius_y))
        return window, squared

    def ramp(self, distance: Array, width: float) -> Array:
        """0 where `distance` <= -width/2, 1 where >= width/2, linear between; never narrower than a pixel."""
        return np.asarray(np.clip(distance * np.float32(1.0 / max(width, self.pixel)) + np.float32(0.5), 0.0, 1.0))

    def stroke(
        self, x: NDArray[np.float64], y: NDArray[np.float64], width: float, weight: float | NDArray[np.float64]
    ) -> None:
        """Draw curves given as points, with round-off spread over neighbouring pixels.

        Parameters
        ----------
        x, y : float array (t,) or (m, t)
            m curves of t points in patient coordinates.
        width : float
            Width in patient units; at least 0.8 pixel is drawn so that lines survive small films.
        weight : float or float array that broadcasts to x
            Attenuation of the curve; negative for air.
        """
        x, y = np.atleast_2d(x), np.atleast_2d(y)
        scale = 0.5 * self.size
        column = (x * self.pose.zoom_x + self.pose.shift_x + self.pose.zoom_x * self.pose.lean * y + 1) * scale - 0.5
        row = (y * self.pose.zoom_y + self.pose.shift_y + 1) * scale - 0.5
        steps_x, steps_y = np.diff(column, axis=1), np.diff(row, axis=1)
        lengths = np.hypot(steps_x, steps_y)
        dense = int(np.ceil(max(1.0, float(lengths.max()))))
        thickness = max(0.8, width * scale)
        lanes = int(np.ceil(thickness))
        # Points at most a pixel apart, on lanes at most a pixel apart, each carrying the area that it stands for.
        part = (np.arange(dense) + 0.5) / dense
        offsets = ((np.arange(lanes) + 0.5) / lanes - 0.5) * thickness
        safe = np.maximum(lengths, 1e-6)
        normal_x, normal_y = -steps_y / safe, steps_x / safe
        columns = (column[:, :-1, None] + steps_x[:, :, None] * part)[..., None] + normal_x[:, :, None, None] * offsets
        rows = (row[:, :-1, None] + steps_y[:, :, None] * part)[..., None] + normal_y[:, :, None, None] * offsets
        weights = np.broadcast_to(weight, x.shape)[:, :-1] * lengths * (thickness / (dense * lanes))
        masses = np.broadcast_to(weights[:, :, None, None], columns.shape)
        self._points.append(
            (columns.ravel().astype(np.float32), rows.ravel().astype(np.float32), masses.ravel().astype(np.float32))
        )

    def strokes(self) -> Array:
        """The map (size, size) of all curves drawn since the last call."""
        if not self._points:
            return np.zeros((self.size, self.size), dtype=np.float32)
        column, row, mass = (np.concatenate(parts) for parts in zip(*self._points, strict=True))
        self._points.clear()
        # A border of one pixel takes what falls off the film.
        wide = self.size + 2
        column = np.clip(column + 1, 0, self.size + 0.999)
        row = np.clip(row + 1, 0, self.size + 0.999)
        left, top = column.astype(np.int32), row.astype(np.int32)
        right_part, low_part = column - left, row - top
        corner = top * wide + left
        cells = np.concatenate((corner, corner + 1, corner + wide, corner + wide + 1))
        high = mass * (1 - low_part)
        low = mass * low_part
        shares = np.concatenate((high * (1 - right_part), high * right_part, low * (1 - right_part), low * right_part))
        image = np.bincount(cells, weights=shares, minlength=wide * wide).astype(np.float32)
        return image[: wide * wide].reshape(wide, wide)[1:-1, 1:-1]
