"""Report to the 14 CheXpert observations: labelers by name."""

from collections.abc import Sequence
from inspect import signature
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from rrgbench.errors import InputError, UnknownNameError, listed
from rrgbench.labelers.cache import CachedLabeler
from rrgbench.labelers.chexbert import ChexbertLabeler
from rrgbench.labelers.rules import Mention, RulesLabeler

__all__ = ["NAMES", "CachedLabeler", "ChexbertLabeler", "Labeler", "Mention", "RulesLabeler", "load"]

NAMES = ("rules", "chexbert")


class Labeler(Protocol):
    """Anything that labels reports."""

    @property
    def name(self) -> str:
        """The name it is loaded by."""
        ...

    @property
    def version(self) -> str:
        """Changes whenever a label may change."""
        ...

    @property
    def identity(self) -> str:
        """`name@version`, as signatures show it."""
        ...

    def label(self, reports: Sequence[str]) -> NDArray[np.int8]:
        """Labels (n, 14) in CheXpert coding (`rrgbench.observations`)."""
        ...


def load(name: str = "rules", *, cache: str | Path | None = None, **options: Any) -> Labeler:
    """A labeler by name.

    Parameters
    ----------
    name : str
        One of `NAMES`.
    cache : path, optional
        A file that remembers labels across runs (`rrgbench.labelers.cache`).
    **options
        Passed to the labeler: `rules` takes none, `chexbert` takes `weights`, `vocabulary`, `device`, `batch_tokens`.

    Raises
    ------
    UnknownNameError
        If there is no labeler of that name.
    InputError
        If an option is not one of the labeler's.
    """
    if name not in NAMES:
        raise UnknownNameError(f"there is no labeler {name!r}; known are: {', '.join(NAMES)}")
    maker = RulesLabeler if name == "rules" else ChexbertLabeler
    unknown = sorted(set(options) - set(signature(maker).parameters))
    if unknown:
        raise InputError(f"labeler {name!r} has no option {listed(unknown)}")
    labeler: Labeler = maker(**options)
    return labeler if cache is None else CachedLabeler(labeler, cache)
