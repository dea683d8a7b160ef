"""Task: generated reports against the studies' own, by the NLG metrics."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Annotated, Any

from pydantic import field_validator

from rrgbench.errors import listed
from rrgbench.findings.metric import FindingsF1
from rrgbench.metrics.catalogue import OWN_METRICS, TEXT_GROUPS, in_order
from rrgbench.metrics.external.loading import PLUG_INS
from rrgbench.render.record_tables import Headline, TableDescription
from rrgbench.runs.records import Record
from rrgbench.scoring.certificate import certificate
from rrgbench.scoring.options import scoring
from rrgbench.scoring.reports_in_memory import pair_in_memory
from rrgbench.scoring.score import score, text_metrics, value_signature, wanted_metrics
from rrgbench.scoring.texts import PreparedReports
from rrgbench.tasks.base import Distinct, Outcome, Task, TaskParameters, Unit
from rrgbench.tasks.context import Evaluation
from rrgbench.tasks.report_lengths import TABLE as LENGTHS
from rrgbench.tasks.report_lengths import report_lengths

NLG = (*TEXT_GROUPS["nlg"], *TEXT_GROUPS["bleu_mean"])
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
        Which of the NLG metrics; the protocol's own if left out.
    """

    metrics: Annotated[tuple[str, ...], Distinct] = ()
    nlg: Annotated[tuple[str, ...], Distinct] | None = None

    @field_validator("nlg")
    @classmethod
    def _known(cls, given: tuple[str, ...] | None) -> tuple[str, ...] | None:
        for name in given or ():
            if name not in NLG:
                raise ValueError(f"no NLG metric is called {name!r}; known: {listed(NLG, most=12)}")
        return given

    def own(self, evaluation: Evaluation) -> tuple[str, ...]:
        """The NLG metrics: those chosen, else the protocol's."""
        return text_metrics(evaluation.scoring.protocol) if self.nlg is None else self.nlg

    @field_validator("metrics")
    @classmethod
    def _registered(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        for name in given:
            known = [*FURTHER, *PLUG_INS.names()]
            if name not in known:
                raise ValueError(f"no further metric is called {name!r}; known: {listed(known)}")
        return given


class ReportGeneration(Task):
    """The protocol's BLEU, METEOR, ROUGE-L and CIDEr with intervals, and the number of distinct reports."""

    name = "report_generation"
    version = 4
    parameters = ReportGenerationParameters
    reads_reports = True
    tables = (
        TableDescription(
            "Report generation",
            (*in_order(OWN_METRICS), "distinct_reports"),
            settings="first",
            above={"ce": "CE ({setting})", "findings": "findings"},
            headline=(Headline("ce_f1"), Headline("bleu_4"), Headline("bleu_2_mean"), Headline("cider")),
        ),
        LENGTHS,
    )

    def units(self, parameters: ReportGenerationParameters) -> tuple[Unit, ...]:
        """One; the versions of its further metrics are part of it."""
        (unit,) = super().units(parameters)
        found = {name: PLUG_INS.load(name) for name in parameters.metrics if name not in FURTHER}
        packages = {name: f"{one.package}@{one.installed}" for name, one in found.items()}
        inputs: dict[str, Any] = {"packages": packages} if packages else {}
        if "findings" in parameters.metrics:
            inputs["findings"] = FindingsF1.identity
        return (replace(unit, inputs=inputs),)

    def only(self, parameters: ReportGenerationParameters, metrics: Collection[str]) -> Any:
        """The NLG metrics and further ones among the metrics."""
        further = [name for name in (*FURTHER, *PLUG_INS.names()) if {name, *TEXT_GROUPS.get(name, ())} & set(metrics)]
        own = tuple(key for key in NLG if key in metrics)
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
        own = parameters.own(evaluation)
        keys = (*own, *further)
        reports = evaluation.reports
        if reports is None:
            lacking = (*keys, "distinct_reports", *LENGTHS.metrics)
            return Outcome(evaluation.blank(self.name, lacking, "the model writes no reports"))
        distinct = evaluation.record(
            self.name,
            "distinct_reports",
            value=len(set(reports.values())),
            n=len(reports),
            signature=evaluation.signature(len(reports), bootstrap=None),
        )
        references = evaluation.references
        told = report_lengths(evaluation, self.name, list(reports.values()), list(references.values()))
        if not references:
            blank = evaluation.blank(self.name, keys, "the films have no reference reports")
            return _together(Outcome([*blank, distinct]), told)
        if not keys:
            return _together(Outcome([distinct]), told)
        scores = score(
            references,
            {key: reports[key] for key in references},
            **evaluation.scoring_options(metrics=(*own, *parameters.metrics)),
        )
        records = [evaluation.scored(self.name, metric, value) for metric, value in scores.items()]
        replicates = {place: scores.replicates[key] for place, key in enumerate(scores) if key in scores.replicates}
        missing = [
            row for metric, reason in scores.absent.items() for row in evaluation.blank(self.name, [metric], reason)
        ]
        return _together(Outcome([*records, *missing, distinct], replicates), told)

    def constants(self, evaluation: Evaluation, parameters: Any) -> Sequence[Record]:
        """The best training report under each metric, written for every study."""
        metrics = (*parameters.own(evaluation), *(name for name in parameters.metrics if name in FURTHER))
        if not metrics:
            return []
        found = constant_records(evaluation, self.name, evaluation.scoring_options(metrics=metrics))
        if not found:
            return found
        n = len(evaluation.studies)
        signature = evaluation.signature(n, bootstrap=None)
        return [*found, evaluation.record(self.name, "distinct_reports", value=1, n=n, signature=signature)]


def _together(first: Outcome, second: Outcome) -> Outcome:
    shifted = {len(first.records) + place: drawn for place, drawn in second.replicates.items()}
    return Outcome([*first.records, *second.records], {**first.replicates, **shifted}, second.arrays)


def constant_records(evaluation: Evaluation, task: str, given: dict[str, Any], **where: Any) -> list[Record]:
    """Values of the best constant report, found among the training reports (`rrgbench.scoring.certificate`)."""
    references = evaluation.references
    if not references:
        return []
    options = scoring(**given)
    keys, _ = wanted_metrics(options)
    pairs = pair_in_memory(references, references, options.allow)
    found = certificate(PreparedReports(pairs, options), keys, evaluation.corpus.texts("train"))
    return [
        evaluation.record(
            task,
            key,
            value=best.value,
            n=len(references),
            signature=value_signature(pairs, options, key).with_extras(candidates=found.candidates.replace(" ", "-")),
            reason=best.note or None,
            **where,
        )
        for key, best in found.constants.items()
    ]


TASK = ReportGeneration()
