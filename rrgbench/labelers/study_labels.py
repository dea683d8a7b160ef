"""Labels of studies: their own, else those of their report by the rules."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rrgbench.data.study import Study, blank_labels
from rrgbench.errors import InputError, listed
from rrgbench.labelers.rules import StandardLabeler


def can_be_labelled(study: Study) -> bool:
    """Whether a study has labels or a report to label; of any other nothing is known, not even that it is normal."""
    return study.labels is not None or bool((study.report or "").strip())


def labels_source(studies: Sequence[Study]) -> str:
    """Who made the labels of studies, for signatures: every source, a labeler with its version, joined by `+`."""
    labeler = StandardLabeler().identity
    sources = {study.labels_source or "unnamed" if study.labels is not None else labeler for study in studies}
    return "+".join(sorted(sources))


def study_labels(studies: Sequence[Study]) -> NDArray[np.int8]:
    """Labels (n, 14) in CheXpert coding.

    Raises
    ------
    InputError
        If a study has neither labels nor a report, naming it.
    """
    bare = [study.study_id for study in studies if not can_be_labelled(study)]
    if bare:
        raise InputError(f"{len(bare)} studies have neither labels nor a report: {listed(bare)}")
    labels = np.stack([blank_labels() if study.labels is None else study.labels for study in studies])
    rows = [row for row, study in enumerate(studies) if study.labels is None]
    if rows:
        labels[rows] = StandardLabeler().label([studies[row].report or "" for row in rows])
    return labels.astype(np.int8)
