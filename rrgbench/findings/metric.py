"""`findings_f1`: precision, recall and F1 over the findings of two reports, as a metric like the others."""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from rrgbench.findings.finding import Finding
from rrgbench.findings.lexicon import CUES
from rrgbench.findings.matching import Comparison, Costs, compare_findings
from rrgbench.findings.reading import read_findings
from rrgbench.metrics.base import Statistics
from rrgbench.metrics.means import weighted_mean
from rrgbench.metrics.ngrams import check_pairs


class FindingsF1:
    """Means over studies of each study's precision, recall and F1 of findings.

    Parameters
    ----------
    costs : Costs, optional
        What differences cost.

    Examples
    --------
    >>> metric = FindingsF1()
    >>> metric.statistics([["No effusion."]], ["No effusion."]).tolist()
    [[1.0, 1.0, 1.0]]
    """

    keys: tuple[str, ...] = ("findings_precision", "findings_recall", "findings_f1")
    version: ClassVar[str] = "1"
    identity: ClassVar[str] = f"{version}(rules@{CUES.version})"
    """Our version and that of the labeler whose scopes of negation and doubt we read by."""

    def __init__(self, costs: Costs | None = None) -> None:
        self.costs = costs or Costs()

    def statistics(self, references: Sequence[Sequence[str]], hypotheses: Sequence[str]) -> Statistics:
        """Precision, recall and F1 (n, 3) of each study, against the reference of the highest F1; range 0 to 1.

        Raises
        ------
        InputError
            If the lists don't belong together.
        """
        check_pairs(references, hypotheses)
        read: dict[str, tuple[Finding, ...]] = {}
        rows = []
        for study, hypothesis in zip(references, hypotheses, strict=True):
            for text in (*study, hypothesis):
                if text not in read:
                    read[text] = read_findings(text, places=False)
            found = [compare_findings(read[text], read[hypothesis], self.costs) for text in study]
            best = max(found, key=lambda one: one.f1)
            rows.append((best.precision, best.recall, best.f1))
        return np.array(rows, dtype=np.float64)

    def compare(self, reference: str, hypothesis: str) -> Comparison:
        """One report against its reference, with what differs in words."""
        return compare_findings(read_findings(reference), read_findings(hypothesis), self.costs)

    def per_study(self, statistics: Statistics) -> NDArray[np.float64]:
        """Each study's own values (n, 3)."""
        return statistics

    def aggregate(self, statistics: Statistics, multiplicities: NDArray[np.float64]) -> NDArray[np.float64]:
        """Means (r, 3) where study i counts `multiplicities[:, i]` times."""
        return weighted_mean(statistics, multiplicities)
