"""Task: the observations that generated reports assert against those of the reference reports, or of the films."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import field_validator

from rrgbench.errors import UnknownNameError
from rrgbench.labelers import identity_of, load, require_labeler
from rrgbench.labelers.study_labels import labels_source
from rrgbench.metrics.catalogue import TEXT_GROUPS
from rrgbench.observations import OBSERVATIONS
from rrgbench.render.record_tables import TableDescription
from rrgbench.runs.records import Record
from rrgbench.scoring.options import scoring
from rrgbench.scoring.reports_in_memory import pair_in_memory
from rrgbench.scoring.score import score, value_signature
from rrgbench.scoring.sensitivity import labeler_band
from rrgbench.tasks.base import Outcome, Task, TaskParameters, Unit
from rrgbench.tasks.context import Evaluation
from rrgbench.tasks.report_generation import constant_records

METRICS = TEXT_GROUPS["ce"]
BAND = "ce_f1_band"


class ClinicalEfficacyParameters(TaskParameters):
    """What a suite may set.

    Attributes
    ----------
    labelers : tuple of str
        Labelers that the band of F1 is over, beside the protocol's; the readings of uncertain always are.
    """

    labelers: tuple[str, ...] = ()

    @field_validator("labelers")
    @classmethod
    def _registered(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        for name in given:
            try:
                require_labeler(name)
            except UnknownNameError as error:
                raise ValueError(str(error)) from None
        return given


class ClinicalEfficacyTask(Task):
    """Precision, recall and F1 under the protocol's averaging, their micro and macro forms, and single observations.

    Where studies have reference reports, the labeler reads those; where the films have none, their own labels are the
    reference, and observations that those don't speak about are left out.
    """

    name = "clinical_efficacy"
    version = 4
    parameters = ClinicalEfficacyParameters
    reads_reports = True
    tables = (
        TableDescription(
            "Clinical efficacy by averaging",
            METRICS,
            apart=("setting", "metric"),
            settings="several",
            above={"ce": ""},
            detail=True,
        ),
        TableDescription("CE F1 over labelers and readings of uncertain", (BAND,), detail=True),
        TableDescription("F1 per observation", ("ce_f1",), "observation"),
        TableDescription("Precision per observation", ("ce_precision",), "observation", detail=True),
        TableDescription("Recall per observation", ("ce_recall",), "observation", detail=True),
    )

    def units(self, parameters: Any) -> tuple[Unit, ...]:
        """One; what further labelers are by now is part of it."""
        (unit,) = super().units(parameters)
        told = {name: identity_of(name) for name in parameters.labelers}
        return (replace(unit, inputs={"labelers": told} if told else {}),)

    def run(self, evaluation: Evaluation, parameters: Any, unit: Unit) -> Outcome:
        """Label reports and references once for each averaging, and compare."""
        reports = evaluation.reports
        efficacy = evaluation.scoring.protocol.clinical_efficacy()
        averagings = tuple(dict.fromkeys((efficacy.averaging, "micro", "macro")))

        def blank(reason: str) -> Outcome:
            rows = [evaluation.blank(self.name, METRICS, reason, setting=name) for name in averagings]
            return Outcome([*(record for row in rows for record in row), *evaluation.blank(self.name, [BAND], reason)])

        if reports is None:
            return blank("the model writes no reports")
        references = evaluation.references
        given: dict[str, Any] = {}
        if not references:
            labels = [study.labels for study in evaluation.studies if study.labels is not None]
            if len(labels) < len(evaluation.studies):
                return blank("the films have neither reference reports nor labels")
            known = np.array([name in evaluation.corpus.labelled_observations for name in OBSERVATIONS])
            source = labels_source(evaluation.studies)
            given = {"reference_labels": np.stack(labels), "labels_source": source, "known": known}
        ids = list(references) or [study.study_id for study in evaluation.studies]
        records: list[Record] = []
        replicates: dict[int, NDArray[np.float64]] = {}
        for averaging in averagings:
            scores = score(
                references or None,
                {study_id: reports[study_id] for study_id in ids},
                **evaluation.scoring_options(metrics=("ce",), efficacy=replace(efficacy, averaging=averaging)),
                **given,
            )
            named = [
                (key, evaluation.scored(self.name, key, value, setting=averaging)) for key, value in scores.items()
            ]
            if averaging == "micro":
                for row in scores.observations:
                    for key, value in zip(METRICS, (row.precision, row.recall, row.f1), strict=True):
                        where = {"observation": row.observation, "n": row.support}
                        record = evaluation.scored(self.name, key, value, **where)
                        named.append((f"{key}:{row.observation}", record))
            for name, record in named:
                if name in scores.replicates:
                    replicates[len(records)] = scores.replicates[name]
                records.append(record)
        return Outcome([*records, self._band(evaluation, parameters, reports)], replicates)

    def _band(self, evaluation: Evaluation, parameters: Any, reports: Mapping[str, str]) -> Record:
        """F1 with its spread over labelers and readings of uncertain in an interval's place."""
        references = evaluation.references
        if not references:
            return evaluation.record(self.name, BAND, reason="the films' labels are the reference; no labeler reads it")
        options = scoring(**evaluation.scoring_options(metrics=("ce",)))
        pairs = pair_in_memory(references, {key: reports[key] for key in references}, options.allow)
        tools = {tool.identity: tool for tool in (options.tool, *map(load, parameters.labelers))}
        band = labeler_band(pairs, list(tools.values()), options)
        low, high = band.table.spread(band.metric)
        spread = {"value": band.value, "low": low, "high": high, "n": len(references)}
        signature = value_signature(pairs, options, "ce_f1").with_extras(
            bootstrap=None, band="+".join(["unc", *(name for name in tools if name != options.tool.identity)])
        )
        return evaluation.record(
            self.name, BAND, **spread, signature=signature, reason=f"not an interval: the range over {band.over}"
        )

    def constants(self, evaluation: Evaluation, parameters: Any) -> Sequence[Record]:
        """The best training report under each averaging, written for every study."""
        efficacy = evaluation.scoring.protocol.clinical_efficacy()
        return [
            record
            for averaging in dict.fromkeys((efficacy.averaging, "micro", "macro"))
            for record in constant_records(
                evaluation,
                self.name,
                evaluation.scoring_options(metrics=("ce",), efficacy=replace(efficacy, averaging=averaging)),
                setting=averaging,
            )
        ]


TASK = ClinicalEfficacyTask()
