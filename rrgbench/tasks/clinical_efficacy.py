"""Task: the observations that generated reports assert against those of the reference reports, or of the films."""

from dataclasses import replace
from typing import Any

import numpy as np

from rrgbench.observations import OBSERVATIONS
from rrgbench.runs.records import Record
from rrgbench.scoring.protocols import load_protocol
from rrgbench.scoring.score import score
from rrgbench.scoring.values import Value
from rrgbench.tasks.context import Evaluation, film_labels

TASK = "clinical_efficacy"
METRICS = ("ce_precision", "ce_recall", "ce_f1")


def run(evaluation: Evaluation) -> list[Record]:
    """Precision, recall and F1 under the protocol's averaging, their micro and macro forms, and single observations.

    Where studies have reference reports, the labeler reads those; where the films have none, their own labels are the
    reference, and observations that those don't speak about are left out.
    """
    reports = evaluation.reports
    protocol = load_protocol(evaluation.protocol)
    averagings = tuple(dict.fromkeys((protocol.averaging, "micro", "macro")))

    def blank(reason: str) -> list[Record]:
        return [row for name in averagings for row in evaluation.blank(TASK, METRICS, reason, setting=name)]

    if reports is None:
        return blank("the model writes no reports")
    references = evaluation.references
    given: dict[str, Any] = {}
    if not references:
        labels, source = film_labels(evaluation.studies)
        if labels is None:
            return blank("the films have neither reference reports nor labels")
        known = np.array([name in evaluation.corpus.labelled_observations for name in OBSERVATIONS])
        given = {"reference_labels": labels, "labels_source": source, "known": known}
    ids = list(references) or [study.study_id for study in evaluation.studies]
    records: list[Record] = []
    for averaging in averagings:
        scores = score(
            references or None,
            {study_id: reports[study_id] for study_id in ids},
            protocol=protocol,
            metrics=["ce"],
            corpus=evaluation.corpus.identity,
            split=evaluation.suite.split,
            seed=evaluation.seed,
            replicates=evaluation.suite.replicates,
            allow=("empty",),
            efficacy=replace(protocol.clinical_efficacy(), averaging=averaging),
            **given,
        )
        records += [_record(evaluation, key, value, setting=averaging) for key, value in scores.items()]
        if averaging == "micro":
            for row in scores.observations:
                for key, value in zip(METRICS, (row.precision, row.recall, row.f1), strict=True):
                    records.append(_record(evaluation, key, value, observation=row.observation, n=row.support))
    return records


def _record(evaluation: Evaluation, key: str, value: Value, **fields: Any) -> Record:
    return evaluation.record(
        TASK,
        key,
        value=value.value,
        low=value.low,
        high=value.high,
        signature=value.signature,
        reason=value.reason or None,
        **{"n": value.n, **fields},
    )
