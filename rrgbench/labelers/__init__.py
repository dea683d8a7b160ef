"""Report to the 14 CheXpert observations: labelers by name."""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from rrgbench.errors import UnknownNameError
from rrgbench.labelers.rules import Mention, RulesLabeler

__all__ = ["NAMES", "Labeler", "Mention", "RulesLabeler", "load"]

NAMES = ("rules",)


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


def load(name: str = "rules", **options: Any) -> Labeler:
    """A labeler by name.

    Parameters
    ----------
    name : str
        One of `NAMES`.
    **options
        Passed to the labeler; `rules` takes none.

    Raises
    ------
    UnknownNameError
        If there is no labeler of that name.
    """
    if name == "rules":
        return RulesLabeler(**options)
    raise UnknownNameError(f"there is no labeler {name!r}; known are: {', '.join(NAMES)}")
