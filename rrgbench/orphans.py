"""Worker processes that end when the process that started them has been killed."""

import multiprocessing
import os
import threading
import time
from typing import Final

_LOOKED_EVERY: Final = 1.0

_watching = threading.Event()


def end_with_parent() -> None:
    """In a worker of joblib: end within a second or two of the parent's end; elsewhere do nothing.

    A parent that is killed tells nobody, and its workers would wait for work that never comes, with all they hold.
    Where a process keeps its parent's number for ever (Windows), joblib's own time limit of idle workers is all
    there is.
    """
    if not multiprocessing.current_process().name.startswith("LokyProcess") or _watching.is_set():
        return
    _watching.set()
    threading.Thread(target=_watch, args=(os.getppid(),), daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_LOOKED_EVERY)
    # nobody is left who could be told of anything
    os._exit(1)
