"""Worker processes that end when the process that started them has been killed."""

import multiprocessing
import os
import threading
import time
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from joblib import Parallel

_LOOKED_EVERY: Final = 1.0


def parallel(jobs: int, **options: Any) -> "Parallel":
    """joblib's `Parallel`, whose worker processes end within a second or two of this process's end.

    A parent that is killed tells nobody, and its workers would wait for work that never comes, with all they hold. Each
    looks after its parent from its own beginning, as one may be killed before it has given any work. Where a process
    keeps its parent's number for ever (Windows), joblib's own time limit of idle workers is all there is.

    Parameters
    ----------
    jobs : int
        joblib's `n_jobs`.
    **options
        Of `joblib.Parallel`.
    """
    from joblib import Parallel

    return Parallel(n_jobs=jobs, initializer=_end_with, initargs=(os.getpid(),), **options)


def _end_with(parent: int) -> None:
    """In a worker of joblib: begin to look after its parent."""
    if multiprocessing.current_process().name.startswith("LokyProcess"):
        threading.Thread(target=_watch, args=(parent,), daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_LOOKED_EVERY)
    # nobody is left who could be told of anything
    os._exit(1)
