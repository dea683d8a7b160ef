"""What keeps films of many pixels from needing much memory: some rows at a time, and one such film at a time."""

import os
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Final

LARGE: Final = 25_000_000
"""Films with more pixels than this are decoded one after the other by the threads of a process."""

_STRIP: Final = 1 << 20

_decoding = threading.Lock()


def strips(height: int, width: int) -> Iterator[slice]:
    """Rows of a film, about a million pixels at a time.

    Parameters
    ----------
    height, width : int
        Of the film in pixels.
    """
    rows = max(1, _STRIP // max(1, width))
    for top in range(0, height, rows):
        yield slice(top, min(top + rows, height))


def one_at_a_time(pixels: int) -> AbstractContextManager[object]:
    """Held while a film of so many pixels is decoded: large ones wait for each other, others don't."""
    return _decoding if pixels > LARGE else nullcontext()


def _free() -> None:
    global _decoding
    _decoding = threading.Lock()


if hasattr(os, "register_at_fork"):
    # a process that is forked while a thread decodes must not wait for that thread, which it doesn't have
    os.register_at_fork(after_in_child=_free)
