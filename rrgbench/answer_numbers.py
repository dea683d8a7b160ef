"""Numbers that other people's code answers with, as an array: lists, arrays, PyTorch's tensors."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


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
    except (TypeError, ValueError, RuntimeError):
        # the words of the error hold what was given, which may be a text
        raise ValueError("no array of numbers") from None


def _without_gradients(answer: Any) -> Any:
    if isinstance(answer, list | tuple):
        return [_without_gradients(one) for one in answer]
    # a tensor is known by what it does: torch is not imported for those who don't use it
    if hasattr(answer, "detach") and hasattr(answer, "double"):
        return answer.detach().cpu().double().numpy()
    return answer
