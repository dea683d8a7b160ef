"""Task: generated reports against the studies' own, by the NLG metrics."""

from rrgbench.runs.records import Record
from rrgbench.scoring.score import score
from rrgbench.tasks.context import Evaluation

TASK = "report_generation"
METRICS = ("bleu_1", "bleu_2", "bleu_3", "bleu_4", "meteor", "rouge_l", "cider")


def run(evaluation: Evaluation) -> list[Record]:
    """BLEU-1..4, METEOR, ROUGE-L and CIDEr with intervals, and the number of distinct reports."""
    reports = evaluation.reports
    if reports is None:
        return evaluation.blank(TASK, (*METRICS, "distinct_reports"), "the model writes no reports")
    distinct = evaluation.record(
        TASK,
        "distinct_reports",
        value=len(set(reports.values())),
        n=len(reports),
        signature=evaluation.signature(len(reports), bootstrap=None),
    )
    references = evaluation.references
    if not references:
        return [*evaluation.blank(TASK, METRICS, "the films have no reference reports"), distinct]
    scores = score(
        references,
        {key: reports[key] for key in references},
        protocol=evaluation.protocol,
        metrics=METRICS,
        corpus=evaluation.corpus.identity,
        split=evaluation.suite.split,
        seed=evaluation.seed,
        replicates=evaluation.suite.replicates,
        allow=("empty",),
    )
    records = [
        evaluation.record(
            TASK,
            metric,
            value=value.value,
            low=value.low,
            high=value.high,
            n=value.n,
            signature=value.signature,
            reason=value.reason or None,
        )
        for metric, value in scores.items()
    ]
    missing = [row for metric, reason in scores.absent.items() for row in evaluation.blank(TASK, [metric], reason)]
    return [*records, *missing, distinct]
