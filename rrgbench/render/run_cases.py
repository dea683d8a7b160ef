"""The cases of a run's page: film, both reports with their findings marked, and the differences in words."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rrgbench.findings.marked import FindingsView, findings_view
from rrgbench.render.figures.arrays import RunArrays


@dataclass(frozen=True, eq=False)
class Case:
    """One study of one model.

    Attributes
    ----------
    model, study, reason : str
        Whose report, of which study, and why it is shown.
    film : uint8 array (s, s)
        As people look at it.
    findings : FindingsView
        Both reports.
    """

    model: str
    study: str
    reason: str
    film: NDArray[np.uint8]
    findings: FindingsView


def run_cases(names: Sequence[str], arrays: RunArrays) -> list[Case]:
    """The cases that a run keeps (task `cases`), model by model.

    Parameters
    ----------
    names : sequence of str
        Models, as `arrays` calls them.
    arrays : mapping
        What the run's units keep (`rrgbench.render.figures.arrays`).
    """
    cases = []
    for name in names:
        kept = arrays.get(("cases", name), {})
        if "films" not in kept:
            continue
        texts = zip(*(kept[key].tolist() for key in ("studies", "reasons", "references", "reports")), strict=True)
        for film, (study, reason, reference, report) in zip(kept["films"], texts, strict=True):
            cases.append(Case(name, study, reason, film, findings_view(reference, report)))
    return cases
