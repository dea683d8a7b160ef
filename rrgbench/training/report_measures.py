"""How good reports on the validation split are: what a stage that learns to write can stop on."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from rrgbench.scoring.score import score
from rrgbench.training.stopping import Measures

METRICS: Final = ("cider", "bleu_4", "ce_f1")
"""Under protocol `dcrrg`; CE F1 is the micro average over 14 observations."""

REPORTS: Final = dict.fromkeys((*METRICS, "distinct"), True)
"""What can be said of written reports; higher is better."""


def report_measures(write: Callable[[int], Sequence[str]], references: Sequence[str]) -> Measures:
    """CIDEr, BLEU-4, CE F1, and `distinct`, the share of different reports, of what is written now.

    Parameters
    ----------
    write : callable
        Given n, the reports that the model writes for the first n validation studies, or for all if there are fewer.
    references : sequence of str
        The validation reports, in the same order.
    """

    def values(limit: int) -> Mapping[str, float]:
        # an untrained model may write nothing; scored as it is
        written = list(write(limit))
        scores = score(references[:limit], written, metrics=METRICS, intervals=False, allow={"empty"})
        return {name: float(scores[name].value) for name in METRICS} | {"distinct": len(set(written)) / len(written)}

    return Measures(REPORTS, values)
