"""Each study's previous study of the same subject."""

from collections.abc import Sequence
from dataclasses import replace

from rrgbench.data.study import Study


def with_priors(studies: Sequence[Study]) -> list[Study]:
    """The studies in their given order, each with its subject's previous one as `prior`.

    Parameters
    ----------
    studies : sequence of Study
        Those whose `order` is None have no prior and are none; of equal orders the earlier in the sequence is earlier.
    """
    linked = list(studies)
    last: dict[str, Study] = {}
    placed = [row for row, study in enumerate(linked) if study.order is not None]
    for row in sorted(placed, key=lambda row: linked[row].order or 0):
        study = linked[row]
        prior = last.get(study.subject_id)
        if prior is not None:
            linked[row] = replace(study, prior=prior)
        last[study.subject_id] = linked[row]
    return linked
