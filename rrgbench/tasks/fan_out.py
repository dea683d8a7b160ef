"""Units of work spread over processes of this machine, or of a cluster, before the runner goes through them in order.

A worker gets what the job is made of (models, corpus, suite, options), makes the same job of it and measures the units
that it is given, each into its file in the run folder. The runner then finds them there, so that the results are the
same bytes whoever measured a unit, in whatever order. What a worker could not measure the runner comes upon again, and
says so as without workers. A model's reports are written by one worker before its units are measured.
"""

import logging
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal, get_args
from uuid import uuid4

from rrgbench.data.corpus import Corpus
from rrgbench.errors import InputError, RrgbenchError
from rrgbench.models import Model, ReportGenerator
from rrgbench.orphans import parallel
from rrgbench.progress import Progress
from rrgbench.runs.store import RunFolder, unit_id
from rrgbench.tasks.clusters import CLUSTERS, Spread, check_installed
from rrgbench.tasks.job import Job, Options, Piece, Running, job
from rrgbench.tasks.suite import Suite

Backend = Literal["processes", "dask", "ray"]

_log = logging.getLogger(__name__)

_APPEARS: Final = 60.0
"""Seconds after which a file that another machine wrote is no longer waited for; network folders show them late."""

_one_at_a_time = threading.Lock()


@dataclass(frozen=True)
class _Recipe:
    """What a job is made of, as it goes to workers."""

    key: str
    asked: tuple[Model, ...]
    corpus: Corpus
    suite: Suite
    folder: Path
    how: Options


@dataclass(frozen=True)
class _Told:
    """What a worker tells: the unit that it wrote, if any, and what was logged meanwhile."""

    unit: str | None
    logged: tuple[tuple[str, int, str], ...]


def check_backend(how: Options) -> None:
    """Refuse a choice of backend that can't be, before any work.

    Raises
    ------
    InputError
        If there is no such backend, or it has no scheduler.
    MissingPartError
        If it is not installed.
    """
    if how.backend is not None and how.backend not in get_args(Backend):
        raise InputError(f"there is no backend {how.backend!r}; give one of: {', '.join(get_args(Backend))}")
    if how.scheduler is not None and how.backend not in CLUSTERS:
        raise InputError("a scheduler is a cluster's; add --backend dask or --backend ray (backend='dask')")
    if how.backend in CLUSTERS:
        check_installed(how.backend)


def fan_out(prepared: Job, corpus: Corpus, folder: RunFolder, how: Options) -> int:
    """Measure what is left of a job by workers; how many units they measured.

    Parameters
    ----------
    prepared : Job
        The job as this process has it.
    corpus : Corpus
        What it was made of.
    folder : RunFolder
        Where units are kept: a folder that all workers share.
    how : Options
        Its `backend`, `scheduler` and `workers`.

    Raises
    ------
    InputError
        If no scheduler answers, workers have another version of rrgbench, or what they wrote is not seen here.
    """
    left = [
        (at, number, piece)
        for at, running in enumerate(prepared.running)
        for number, piece in enumerate(prepared.pieces(running))
        if not piece.there
    ]
    if not left:
        return 0
    writers = sorted({at for at, _, piece in left if piece.task.reads_reports and _writes(prepared.running[at])})
    films = how.film_cache
    kept = films if films is None or isinstance(films, Path) else films.folder
    alone = replace(how, backend=None, scheduler=None, workers=1, overall=None, also=(), film_cache=kept)
    recipe = _Recipe(uuid4().hex, prepared.asked, corpus, prepared.suite, folder.path.absolute(), alone)
    with _spread(how, recipe) as run:
        if writers:
            with _counted(how.overall, "writing reports", [], len(writers)):
                _retold(run([(at, None) for at in writers]))
            # what one could not write, several must not try at once; the runner meets it again and says why
            left = [one for one in left if one[2].running.readable or not one[2].task.reads_reports]
        with _counted(how.overall, "units", [piece for _, _, piece in left], len(left)):
            told = _retold(run([(at, number) for at, number, _ in left]))
    made = [one.unit for one in told if one.unit is not None]
    _seen(folder, made)
    return len(made)


def _writes(running: Running) -> bool:
    return isinstance(running.evaluation.model, ReportGenerator)


def _spread(how: Options, recipe: _Recipe) -> AbstractContextManager[Spread[_Told]]:
    """What has workers do some of the work."""
    if how.backend in CLUSTERS:
        return CLUSTERS[how.backend][0](how.scheduler, how.workers, _measure, recipe)
    return _processes(how, recipe)


@contextmanager
def _processes(how: Options, recipe: _Recipe) -> Iterator[Spread[_Told]]:
    """Processes of this machine."""
    from joblib import delayed, parallel_config

    def spread(work: Sequence[tuple[Any, ...]]) -> list[_Told]:
        run = parallel(how.workers or -1, batch_size=1, max_nbytes=None)
        return list(run(delayed(_measure)(recipe, *one) for one in work))

    with parallel_config(backend="loky", n_jobs=how.workers or -1):
        yield spread


_jobs: dict[str, Job] = {}
"""The job that this process, a worker, has at hand."""


def _measure(recipe: _Recipe, at: int, number: int | None) -> _Told:
    """In a worker: write a model's reports, or measure one of its units."""
    heard = _Heard()
    logger = logging.getLogger("rrgbench")
    # a cluster's worker may have threads, and a job's models and reports are not made for several
    with _one_at_a_time:
        logger.addHandler(heard)
        before, logger.propagate = logger.propagate, False
        try:
            if recipe.key not in _jobs:
                _jobs.clear()
                whole = RunFolder(recipe.folder)
                _jobs[recipe.key] = job(recipe.asked, recipe.corpus, recipe.suite, whole, None, recipe.how)
                # this process's job has been told of already
                heard.records.clear()
            prepared = _jobs[recipe.key]
            running = prepared.running[at]
            if number is None:
                running.write()
                return _Told(None, tuple(heard.records))
            piece = prepared.pieces(running)[number]
            piece.measured()
            return _Told(unit_id(piece.inputs), tuple(heard.records))
        except RrgbenchError:
            # the runner comes upon it again, in order, and says it with all that belongs to it
            return _Told(None, ())
        finally:
            logger.removeHandler(heard)
            logger.propagate = before


class _Heard(logging.Handler):
    """Keeps what is logged, for the process that shows it."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[tuple[str, int, str]] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one."""
        self.records.append((record.name, record.levelno, record.getMessage()))


def _retold(told: list[_Told]) -> list[_Told]:
    """Log here what workers logged, each message once."""
    for name, level, message in dict.fromkeys(line for one in told for line in one.logged):
        logging.getLogger(name).log(level, "%s", message)
    return told


@contextmanager
def _counted(overall: Progress | None, what: str, pieces: Sequence[Piece], total: int) -> Iterator[None]:
    """Tell every second how many units are there."""
    if overall is None:
        yield
        return
    done = threading.Event()

    def count() -> None:
        waiting = list(pieces)
        while not done.wait(1.0):
            waiting = [piece for piece in waiting if not piece.there]
            overall(what, len(pieces) - len(waiting), total)

    teller = threading.Thread(target=count, daemon=True)
    teller.start()
    try:
        yield
    finally:
        done.set()
        teller.join()


def _seen(folder: RunFolder, units: Sequence[str]) -> None:
    """Wait until what other machines wrote is seen here.

    Raises
    ------
    InputError
        If it isn't after a minute.
    """
    waiting, until = list(units), time.monotonic() + _APPEARS
    while waiting := [unit for unit in waiting if folder.get(unit) is None]:
        if time.monotonic() > until:
            raise InputError(
                f"{len(waiting)} units that workers wrote are not in {folder.path.name}: give a run folder (--out) "
                "that all workers share under the same path"
            )
        time.sleep(0.5)
