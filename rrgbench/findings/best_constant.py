"""The best constant report under `findings_f1`: searched for, since no bound tells which candidate it is."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

import numpy as np

from rrgbench.findings.finding import Finding
from rrgbench.findings.matching import Costs, compare_findings
from rrgbench.findings.metric import FindingsF1
from rrgbench.findings.reading import read_findings
from rrgbench.metrics.best_constant import BestConstant

_TRIED: Final = 60
"""Candidates that are tried: those that say what most candidates say."""
_TRIED_ON: Final = 60
"""References they are tried on, before the best of each value are scored on all."""


def best_constant_findings(
    references: Sequence[str], candidates: Sequence[str], costs: Costs | None = None
) -> dict[str, BestConstant]:
    """The best of some candidates, written for every study.

    Parameters
    ----------
    references : sequence of str
        One of each study.
    candidates : sequence of str
        Reports that may be written for all studies; the first of those with the same findings stands for them.
    costs : Costs, optional
        What differences cost.

    Returns
    -------
    dict of str to BestConstant
        By key of `FindingsF1`; never proven the best.
    """
    costs = costs or Costs()
    expected = [read_findings(text, places=False) for text in references]
    first: dict[frozenset[tuple[str, bool]], int] = {}
    counts: Counter[frozenset[tuple[str, bool]]] = Counter()
    read = [read_findings(text, places=False) for text in candidates]
    for row, found in enumerate(read):
        said = frozenset((one.name, one.present) for one in found)
        first.setdefault(said, row)
        counts[said] += 1
    tried = [first[said] for said, _ in counts.most_common(_TRIED)]
    some = expected[:: max(1, len(expected) // _TRIED_ON)]
    means = np.array([_means(some, read[row], costs) for row in tried])
    best = {key: tried[int(means[:, column].argmax())] for column, key in enumerate(FindingsF1.keys)}
    values = {row: _means(expected, read[row], costs) for row in set(best.values())}
    return {
        key: BestConstant(row, float(values[row][column]), exact=False)
        for column, (key, row) in enumerate(best.items())
    }


def _means(expected: Sequence[tuple[Finding, ...]], written: tuple[Finding, ...], costs: Costs) -> tuple[float, ...]:
    """Mean precision, recall and F1."""
    found = [compare_findings(one, written, costs) for one in expected]
    return tuple(float(np.mean(values)) for values in zip(*((o.precision, o.recall, o.f1) for o in found), strict=True))
