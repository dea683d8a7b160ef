"""A model: it writes an effusion for dark films and none for bright ones."""

import numpy as np

from rrgbench.models import Films


class Brightness:
    """Looks at the mean of a film."""

    name = "brightness"
    image_size = 32
    identity = "brightness@1"

    def generate_reports(self, images: Films) -> list[str]:
        """One of two reports for each film."""
        dark = np.asarray(images).mean(axis=(1, 2)) < 128
        return ["There is a pleural effusion ." if film else "No pleural effusion ." for film in dark]


def load() -> Brightness:
    """The model; it has no weights."""
    return Brightness()
