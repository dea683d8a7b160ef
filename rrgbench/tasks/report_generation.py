"""Task: generated reports against the studies' own, by the NLG metrics."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

from pydantic import field_validator

from rrgbench.errors import listed
from rrgbench.metrics.catalogue import TEXT_GROUPS, TEXT_METRICS
from rrgbench.metrics.external.loading import PLUG_INS
from rrgbench.render.record_tables import Headline, TableDescription
from rrgbench.runs.records import Record
from rrgbench.scoring.certificate import certificate
from rrgbench.scoring.options import scoring
from rrgbench.scoring.score import pair_in_memory, score, value_signature, wanted_metrics
from rrgbench.tasks.base import Outcome, Task, TaskParameters, Unit
from rrgbench.tasks.context import Evaluation

METRICS = TEXT_GROUPS["nlg"]
FURTHER = ("findings",)
"""Groups of our own that a suite may add."""


class ReportGenerationParameters(TaskParameters):
    """What a suite may set.

    Attributes
    ----------
    metrics : tuple of str
        Metrics beside the NLG ones: `findings`, and those of other packages by their registered names
        (`rrgbench list metrics`).
    nlg : tuple of str
        Which of the NLG metrics; all if left out.
    """

    metrics: tuple[str, ...] = ()
    nlg: tuple[str, ...] = METRICS

    @field_validator("nlg")
    @classmethod
    def _own(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        for name in given:
            if name not in METRICS:
                raise ValueError(f"no NLG metric is called {name!r}; known: {listed(METRICS, most=12)}")
        return given

    @field_validator("metrics")
    @classmethod
    def _registered(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        for name in given:
            known = [*FURTHER, *PLUG_INS.names()]
            if name not in known:
                raise ValueError(f"no further metric is called {name!r}; known: {listed(known)}")
        return given


class ReportGeneration(Task):
    """BLEU-1..4, METEOR, ROUGE-L and CIDEr with intervals, and the number of distinct reports."""

    name = "report_generation"
    version = 2
    parameters = ReportGenerationParameters
    reads_reports = True
    tables = (
        TableDescription(
            "Report generation",
            (*TEXT_METRICS, *TEXT_GROUPS["findings"], "distinct_reports"),
            settings="first",
            above={"ce": "CE ({setting})", "findings": "findings"},
            headline=(Headline("ce_f1"), Headline("bleu_4"), Headline("cider")),
        ),
    )

    def units(self, parameters: ReportGenerationParameters) -> tuple[Unit, ...]:
        """One; the packages of its further metrics are part of it."""
        (unit,) = super().units(parameters)
        found = {name: PLUG_INS.load(name) for name in parameters.metrics if name not in FURTHER}
        packages = {name: f"{one.package}@{one.installed}" for name, one in found.items()}
        return (replace(unit, inputs={"packages": packages} if packages else {}),)

    def only(self, parameters: ReportGenerationParameters, metrics: Collection[str]) -> Any:
        """The NLG metrics and further ones among the metrics."""
        further = [name for name in (*FURTHER, *PLUG_INS.names()) if {name, *TEXT_GROUPS.get(name, ())} & set(metrics)]
        own = tuple(key for key in METRICS if key in metrics)
        if not own and not further and "distinct_reports" not in metrics:
            return None
        return parameters.model_copy(update={"nlg": own, "metrics": tuple(further)})

    def run(self, evaluation: Evaluation, parameters: Any, unit: Unit) -> Outcome:
        """Score the reports of the studies that have a reference."""
        further = [
            key
            for name in parameters.metrics
            for key in (TEXT_GROUPS[name] if name in FURTHER else [one.key for one in PLUG_INS.load(name).entries])
        ]
        keys = (*parameters.nlg, *further)
        reports = evaluation.reports
        if reports is None:
            return Outcome(evaluation.blank(self.name, (*keys, "distinct_reports"), "the model writes no reports"))
        distinct = evaluation.record(
            self.name,
            "distinct_reports",
            value=len(set(reports.values())),
            n=len(reports),
            signature=evaluation.signature(len(reports), bootstrap=None),
        )
        references = evaluation.references
        if not references:
            return Outcome([*evaluation.blank(self.name, keys, "the films have no reference reports"), distinct])
        if not keys:
            return Outcome([distinct])
        scores = score(
            references,
            {key: reports[key] for key in references},
            **evaluation.scoring_options(metrics=(*parameters.nlg, *parameters.metrics)),
        )
        records = [evaluation.scored(self.name, metric, value) for metric, value in scores.items()]
        replicates = {place: scores.replicates[key] for place, key in enumerate(scores) if key in scores.replicates}
        missing = [
            row for metric, reason in scores.absent.items() for row in evaluation.blank(self.name, [metric], reason)
        ]
        return Outcome([*records, *missing, distinct], replicates)

    def constants(self, evaluation: Evaluation, parameters: Any) -> Sequence[Record]:
        """The best training report under each metric, written for every study."""
        if not parameters.nlg:
            return []
        return constant_records(evaluation, self.name, evaluation.scoring_options(metrics=parameters.nlg))


def constant_records(evaluation: Evaluation, task: str, given: dict[str, Any], **where: Any) -> list[Record]:
    """Values of the best constant report, found among the training reports (`rrgbench.scoring.certificate`)."""
    references = evaluation.references
    if not references:
        return []
    options = scoring(**given)
    keys, _ = wanted_metrics(options)
    training = [study.report for study in evaluation.corpus.reports("train") if (study.report or "").strip()]
    pairs = pair_in_memory(references, references, options.allow)
    found = certificate(pairs, options, keys, training_reports=[text for text in training if text])
    return [
        evaluation.record(
            task,
            key,
            value=best.value,
            n=len(references),
            signature=value_signature(pairs, options, key).with_extras(candidates=found.candidates.replace(" ", "-")),
            reason=None if best.exact else "found by search: the best constant is this good or better",
            **where,
        )
        for key, best in found.constants.items()
    ]


TASK = ReportGeneration()
