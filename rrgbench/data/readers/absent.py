"""What a corpus turned out not to hold, said once when it is loaded."""

import logging
from collections.abc import Sequence

from rrgbench.data.study import Study

log = logging.getLogger(__name__)


def say_what_is_absent(corpus: str, studies: Sequence[Study], *, films: str = "", reports: str = "") -> None:
    """Warn in one line each where a corpus has no study, no film or no report.

    Parameters
    ----------
    corpus : str
        Its name.
    studies : sequence of Study
        What was read.
    films, reports : str
        What was looked for and where, below the root; empty where a corpus has none by nature.
    """
    for what, where, held in (
        ("films", films, any(study.images for study in studies)),
        ("reports", reports, any(study.report for study in studies)),
    ):
        if where and not held:
            log.warning("corpus %s has no %s (%s studies); looked for %s", corpus, what, f"{len(studies):,}", where)
