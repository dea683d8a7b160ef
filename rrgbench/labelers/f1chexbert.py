"""The four results of the `f1chexbert` package under its own names, from any labeler, so that its users can switch."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rrgbench.errors import InputError
from rrgbench.labelers.chexbert import CHEXBERT_ORDER
from rrgbench.observations import COMPETITION_OBSERVATIONS, OBSERVATIONS, POSITIVE, UNCERTAIN

if TYPE_CHECKING:
    from rrgbench.labelers import Labeler

_COLUMNS = np.array([OBSERVATIONS.index(name) for name in CHEXBERT_ORDER])
_FIVE = np.array([i for i, name in enumerate(CHEXBERT_ORDER) if name in COMPETITION_OBSERVATIONS])


class F1ChexbertResult(NamedTuple):
    """What `F1CheXbert()(hyps, refs)` returns, in its order.

    Attributes
    ----------
    accuracy : float
        Share of reports whose five competition observations are all right.
    per_report : float32 array (n,)
        1 where they are, else 0.
    report_14, report_5 : dict
        scikit-learn's classification report, observations in CheXbert's order.
    """

    accuracy: float
    per_report: NDArray[np.float32]
    report_14: dict[str, Any]
    report_5: dict[str, Any]


def f1chexbert(hypotheses: Sequence[str], references: Sequence[str], labeler: "Labeler") -> F1ChexbertResult:
    """Score reports as the f1chexbert package does: hypotheses first, uncertain counts as positive.

    Parameters
    ----------
    hypotheses, references : sequence of str
        n texts each.
    labeler : Labeler
        Usually `load("chexbert", ...)`.

    Raises
    ------
    InputError
        If there are no reports or unequal numbers of them.
    """
    from sklearn.metrics import classification_report

    if len(hypotheses) != len(references) or not references:
        raise InputError(f"{len(hypotheses)} hypotheses for {len(references)} references; expected as many, at least 1")
    labels = np.isin(labeler.label([*references, *hypotheses]), (POSITIVE, UNCERTAIN)).astype(int)[:, _COLUMNS]
    truth, given = labels[: len(references)], labels[len(references) :]
    right = (truth[:, _FIVE] == given[:, _FIVE]).all(axis=1)
    reports = [
        classification_report(
            truth[:, columns], given[:, columns], target_names=names, output_dict=True, zero_division=0
        )
        for columns, names in (
            (np.arange(len(CHEXBERT_ORDER)), list(CHEXBERT_ORDER)),
            (_FIVE, [CHEXBERT_ORDER[i] for i in _FIVE]),
        )
    ]
    return F1ChexbertResult(float(right.mean()), right.astype(np.float32), reports[0], reports[1])
