"""An evaluation that `torchrun` or `accelerate launch` started several times: each process takes its share of the work.

Each writes its share of a model's reports and measures its share of the units into the run folder; then all of them go
through the folder in order, as one process would, and the first writes results and documents.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Final

from rrgbench.errors import RrgbenchError
from rrgbench.models import ReportGenerator
from rrgbench.tasks.job import Job

_PATIENCE: Final = timedelta(days=30)
"""How long a process waits for the others; one may have the reports of a slow model to write."""


@dataclass(frozen=True)
class Ranks:
    """Which of how many processes this is, and how it waits for all others."""

    rank: int
    count: int
    wait: Callable[[], None]


def first_process() -> bool:
    """Whether this process is alone, or the first of several, which writes and says what was found."""
    return int(os.environ.get("RANK", "0")) == 0


def launched() -> Ranks | None:
    """This process's place among several; None where it is alone."""
    count = int(os.environ.get("WORLD_SIZE", "1"))
    if count == 1:
        return None
    import torch
    from accelerate import PartialState

    state = PartialState(cpu=not torch.cuda.is_available(), timeout=_PATIENCE)
    return Ranks(state.process_index, state.num_processes, state.wait_for_everyone)


def do_share(prepared: Job, ranks: Ranks) -> int:
    """Do this process's share of what is left of a job; how much was left for all of them.

    What a process can't do is left to the first one, which comes upon it again in order and says why.
    """
    work = [(running, piece) for running in prepared.running for piece in prepared.pieces(running)]
    work += [(prepared.constant, piece) for piece in prepared.constants()]
    left = [(running, piece) for running, piece in work if not piece.there]
    # nobody writes before all have seen what there is
    ranks.wait()
    writing = {id(running): running for running, piece in left if piece.task.reads_reports}
    for running in writing.values():
        model = running.evaluation.model
        # what is paid for is asked for by one process, which keeps the account
        if isinstance(model, ReportGenerator) and not hasattr(model, "spent"):
            _try(partial(running.write_share, ranks.rank, ranks.count))
            ranks.wait()
            if ranks.rank == 0:
                running.join_shares()
                # one finishes the file that all of them read: two who rename it leave an empty one
                _try(running.write)
        elif ranks.rank == 0 and isinstance(model, ReportGenerator):
            _try(running.write)
        ranks.wait()
    for running, piece in left[ranks.rank :: ranks.count]:
        if running.readable or not piece.task.reads_reports:
            _try(piece.measured)
    ranks.wait()
    return len(left)


def _try(work: Callable[[], object]) -> None:
    try:
        work()
    except RrgbenchError:
        # the others wait; the first process meets it again in order
        return
