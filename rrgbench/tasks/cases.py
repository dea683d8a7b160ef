"""Task: the studies worth looking at: best, worst and median by findings F1, and the dearest disagreements.

Films and texts are kept in the run only where they may be shown: of synthetic corpora, and of others where that was
asked for (`texts: all`, `rrgbench eval --cases`). A page with texts of a real corpus stays where its data may be.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from rrgbench.findings.matching import Comparison, compare_findings
from rrgbench.findings.metric import FindingsF1
from rrgbench.findings.reading import read_findings
from rrgbench.render.record_tables import TRIVIAL, TableDescription
from rrgbench.tasks.base import Outcome, Task, TaskParameters, Unit
from rrgbench.tasks.context import Evaluation

METRIC = "cases_shown"
_KINDS: Final[Mapping[str, str]] = {
    "wrong": "told most differently",
    "missing": "the gravest omission",
    "invented": "the gravest invention",
}


class CasesParameters(TaskParameters):
    """What a suite may set.

    Attributes
    ----------
    each : int
        How many of the best and of the worst.
    texts : {"synthetic", "all", "none"}
        Of which corpora films and texts are kept for the page.
    side : int
        Of the films in pixels.
    """

    each: int = Field(default=2, gt=0, le=20)
    texts: Literal["synthetic", "all", "none"] = "synthetic"
    side: int = Field(default=224, ge=64, le=512)


class Cases(Task):
    """Chooses studies and keeps what a page shows of them; not of trivial systems."""

    name = "cases"
    parameters = CasesParameters
    reads_reports = True
    tables = (TableDescription("Cases shown", (METRIC,), detail=True, headline=()),)

    def units(self, parameters: Any) -> tuple[Unit, ...]:
        """One; the reading of findings is part of it."""
        (unit,) = super().units(parameters)
        return (replace(unit, inputs={"findings": FindingsF1.identity}),)

    def run(self, evaluation: Evaluation, parameters: Any, unit: Unit) -> Outcome:
        """Compare the findings of every report with its reference's, and keep the chosen."""
        if evaluation.model.name in TRIVIAL:
            return Outcome([])
        reports, references = evaluation.reports, evaluation.references
        if reports is None:
            return Outcome(evaluation.blank(self.name, [METRIC], "the model writes no reports"))
        if not references:
            return Outcome(evaluation.blank(self.name, [METRIC], "the films have no reference reports"))
        wanted = parameters.texts
        if wanted == "none" or (wanted == "synthetic" and not evaluation.corpus.synthetic):
            why = "were not asked for" if wanted == "none" else "of a real corpus are shown with --cases alone"
            return Outcome(evaluation.blank(self.name, [METRIC], f"films and texts {why}"))
        compared = {
            study_id: compare_findings(
                read_findings(text, places=False), read_findings(reports[study_id], places=False)
            )
            for study_id, text in references.items()
        }
        chosen = choose(compared, parameters.each)
        studies = {study.study_id: study for study in evaluation.studies}
        films = [
            studies[one].images[0].load(parameters.side)
            if studies[one].images
            else np.zeros((parameters.side, parameters.side), dtype=np.uint8)
            for one in chosen
        ]
        arrays: dict[str, NDArray[Any]] = {
            "studies": np.array(list(chosen)),
            "reasons": np.array(list(chosen.values())),
            "references": np.array([references[one] for one in chosen]),
            "reports": np.array([reports[one] for one in chosen]),
            "films": np.stack(films),
        }
        signature = evaluation.signature(len(references), bootstrap=None)
        record = evaluation.record(self.name, METRIC, value=len(chosen), n=len(references), signature=signature)
        return Outcome([record], {}, arrays)


def choose(compared: Mapping[str, Comparison], each: int) -> dict[str, str]:
    """Ids of the studies to look at, each with why, in the order in which they are shown.

    Parameters
    ----------
    compared : mapping of str to Comparison
        By study id, the reference's findings against the report's.
    each : int
        How many of the best and of the worst; fewer where there are not enough studies.
    """
    # of equally good ones, those with more to find say more
    order = sorted(compared, key=lambda one: (-compared[one].f1, -len(compared[one].matches)))
    chosen: dict[str, str] = {}

    def take(candidates: list[str], reason: str, count: int) -> None:
        fresh = [one for one in candidates if one not in chosen][:count]
        chosen.update((one, f"{reason}: findings F1 {compared[one].f1:.2f}") for one in fresh)

    take(order, "among the best", each)
    middle = len(order) // 2
    take(sorted(order, key=lambda one: abs(order.index(one) - middle)), "median", 1)
    for kind, words in _KINDS.items():
        cost = {
            one: max((d.cost for d in found.disagreements if d.kind == kind), default=0.0)
            for one, found in compared.items()
        }
        # beside things that agree, a difference teaches most
        ranked = sorted((one for one in cost if cost[one] > 0), key=lambda one: (-cost[one], -compared[one].f1))
        take(ranked, words, 1)
    # of equally bad ones, those that say more
    worst = sorted(compared, key=lambda one: (compared[one].f1, -sum(d.cost for d in compared[one].disagreements)))
    take(worst, "among the worst", each)
    return chosen


TASK = Cases()
