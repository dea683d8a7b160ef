"""Numbers that other people's code answers with, as an array: lists, arrays, PyTorch's tensors."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rrgbench.errors import InputError


def as_numbers(answer: object) -> NDArray[np.float64]:
    """An answer as an array of its own shape.

    Parameters
    ----------
    answer : object
        An array, a tensor (on any device, in any precision, with or without gradients), or nested lists of those.

    Returns
    -------
    float64 array
        Of the answer's shape.

    Raises
    ------
    ValueError
        If it is no array of numbers.
    """
    try:
        return np.asarray(_without_gradients(answer), dtype=np.float64)
    except (TypeError, ValueError):
        # the words of the error hold what was given, which may be a text
        raise ValueError("no array of numbers") from None


def _without_gradients(answer: Any) -> Any:
    if isinstance(answer, list | tuple):
        return [_without_gradients(one) for one in answer]
    # a tensor is known by what it does: torch is not imported for those who don't use it
    if hasattr(answer, "detach") and hasattr(answer, "double"):
        # what goes wrong on a device is told as it is
        dense = answer.detach().cpu().double()
        try:
            return dense.numpy()
        except RuntimeError as error:
            raise ValueError("no dense tensor") from error
    return answer


def table_of(whose: str, answer: object, rows: int, width: int = 0, what: str = "studies") -> NDArray[np.float64]:
    """What a model's method has given, as the numbers (rows, m) that it has to be.

    Parameters
    ----------
    whose : str
        Whose answer, for messages.
    answer : object
        As `as_numbers` takes it.
    rows, width : int
        How many rows and columns it has to have; 0 is any number of columns.
    what : str
        What the rows are.

    Raises
    ------
    InputError
        If it is of another shape, or no numbers.
    """
    try:
        found = as_numbers(answer)
    except ValueError:
        raise InputError(f"{whose} is a {type(answer).__name__}, no array of numbers") from None
    if found.ndim != 2 or len(found) != rows or (width and found.shape[1] != width):
        raise InputError(
            f"{whose} has the shape {found.shape} for {rows} {what}; expected ({rows}, {width or 'numbers each'})"
        )
    return found
