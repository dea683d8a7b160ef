"""Report to the 14 CheXpert observations: labelers by name."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from rrgbench.errors import InputError, RrgbenchError
from rrgbench.labelers.cache import CachedLabeler, RememberingLabeler
from rrgbench.labelers.chexbert import ChexbertLabeler
from rrgbench.labelers.rules import Mention, RulesLabeler, StandardLabeler
from rrgbench.registry import Registry, make
from rrgbench.registry import lookup as known_name

__all__ = [
    "LABELERS",
    "CachedLabeler",
    "ChexbertLabeler",
    "Labeler",
    "Mention",
    "RememberingLabeler",
    "RulesLabeler",
    "StandardLabeler",
    "identity_of",
    "load",
    "require_labeler",
]


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


LABELERS: Final[Registry[Callable[..., Labeler]]] = Registry("labeler", "rrgbench.labelers")
"""Classes, or functions, that make a labeler from its options; an old version is registered as `name@version`."""


def require_labeler(name: str) -> None:
    """Refuse a name under which `load` finds no labeler, without making one.

    Raises
    ------
    UnknownNameError
        With the nearest known name.
    """
    plain = name.partition("+")[0]
    if ":" not in name and plain not in LABELERS:
        known_name("labeler", plain.partition("@")[0], LABELERS.names())


def load(name: str = "rules", *, cache: str | Path | None = None, **options: Any) -> Labeler:
    """A labeler by name.

    Parameters
    ----------
    name : str
        One of `LABELERS.names()`. With `@version` that version: an older one that is registered, or the present one.
        `lookup:FILE` takes labels from a file (`rrgbench.labelers.lookup`). Options may follow as identities show them:
        `rules@3+convention=chexbert`.
    cache : path, optional
        A file that remembers labels across runs (`rrgbench.labelers.cache`).
    **options
        Passed to the labeler: `rules` takes `history`, `nothing_new` and `convention`, `chexbert` takes `weights`,
        `vocabulary`, `device`, `batch_tokens`.

    Raises
    ------
    UnknownNameError
        If there is no labeler of that name.
    InputError
        If an option is not one of the labeler's, or is given twice, or its version is not the one asked for.
    """
    if ":" not in name and name not in LABELERS:
        name, *told = name.split("+")
        for one in told:
            option, is_, value = one.partition("=")
            if not is_ or option in options:
                raise InputError(f"labeler {name}: expected +OPTION=VALUE once for each option; given: +{one}")
            options[option] = value
    plain, _, wanted = ("", "", "") if ":" in name else name.partition("@")
    registered = name if name in LABELERS or plain not in LABELERS else plain
    labeler = make(LABELERS, registered, **options)
    if wanted and labeler.version != wanted:
        here = [one for one in LABELERS.names() if one.startswith(f"{plain}@")] or [labeler.identity]
        raise InputError(f"labeler {plain!r} has no version {wanted}; here are {', '.join(here)}")
    return labeler if cache is None else CachedLabeler(labeler, cache)


def identity_of(name: str) -> str:
    """Identity of a labeler by name; of one that can't be had here, why."""
    try:
        return load(name).identity
    except RrgbenchError as error:
        return f"{name}: {error}"
