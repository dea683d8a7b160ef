"""Lists of texts as callers give them: one text would be read letter by letter."""

from collections.abc import Iterable

from rrgbench.errors import InputError


def require_texts(given: Iterable[object], what: str = "reports") -> None:
    """Refuse one text where a list of them belongs, and what is no text in a list.

    Raises
    ------
    InputError
        Naming the place and the type; no text is shown.
    """
    if isinstance(given, str):
        raise InputError(f"{what} are one string; give a list of them")
    for place, text in enumerate(given):
        if not isinstance(text, str):
            raise InputError(f"{what}: number {place}, counted from 0, is no text but of type {type(text).__name__}")
