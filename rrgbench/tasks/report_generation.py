"""Task: generated reports against the studies' own, by the NLG metrics."""

from typing import Any

from rrgbench.metrics.catalogue import TEXT_GROUPS, TEXT_METRICS
from rrgbench.render.record_tables import TableDescription
from rrgbench.scoring.score import score
from rrgbench.tasks.base import Outcome, Task, Unit
from rrgbench.tasks.context import Evaluation

METRICS = TEXT_GROUPS["nlg"]


class ReportGeneration(Task):
    """BLEU-1..4, METEOR, ROUGE-L and CIDEr with intervals, and the number of distinct reports."""

    name = "report_generation"
    version = 2
    reads_reports = True
    tables = (
        TableDescription(
            "Report generation", (*TEXT_METRICS, "distinct_reports"), settings="first", above={"ce": "CE ({setting})"}
        ),
    )

    def run(self, evaluation: Evaluation, parameters: Any, unit: Unit) -> Outcome:
        """Score the reports of the studies that have a reference."""
        reports = evaluation.reports
        if reports is None:
            keys = (*METRICS, "distinct_reports")
            return Outcome(evaluation.blank(self.name, keys, "the model writes no reports"))
        distinct = evaluation.record(
            self.name,
            "distinct_reports",
            value=len(set(reports.values())),
            n=len(reports),
            signature=evaluation.signature(len(reports), bootstrap=None),
        )
        references = evaluation.references
        if not references:
            return Outcome([*evaluation.blank(self.name, METRICS, "the films have no reference reports"), distinct])
        scores = score(
            references, {key: reports[key] for key in references}, **evaluation.scoring_options(metrics=METRICS)
        )
        records = [evaluation.scored(self.name, metric, value) for metric, value in scores.items()]
        replicates = {place: scores.replicates[key] for place, key in enumerate(scores) if key in scores.replicates}
        missing = [
            row for metric, reason in scores.absent.items() for row in evaluation.blank(self.name, [metric], reason)
        ]
        return Outcome([*records, *missing, distinct], replicates)


TASK = ReportGeneration()
