"""Weights loaded without transformers' own bar."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from transformers.utils import logging


@contextmanager
def quiet_loading(errors_only: bool = False) -> Iterator[None]:
    """Keep the "Loading weights" bars away for the length of it; those of downloads and of others stay.

    Parameters
    ----------
    errors_only : bool
        Whether the library's warnings stay away too, such as its table of weights that are missing: for a caller who
        looks at them himself.
    """

    def without_weights(factory: Callable[..., Any], given: Sequence[Any], named: Mapping[str, Any]) -> Any:
        hidden = {"disable": True} if named.get("desc") == "Loading weights" else {}
        chosen = {**named, **hidden}
        return factory(*given, **chosen) if before is None else before(factory, given, chosen)

    before, level = logging.set_tqdm_hook(without_weights), logging.get_verbosity()
    if errors_only:
        logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_tqdm_hook(before)
        if errors_only:
            logging.set_verbosity(level)
