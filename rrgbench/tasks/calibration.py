"""Calibration of a model's own predictions, and the probabilities that ROC figures need."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rrgbench.data.corpus import training_items
from rrgbench.labelers.study_labels import can_be_labelled, labels_source, study_labels
from rrgbench.metrics.calibration import BINS, calibration_error, improbable
from rrgbench.metrics.means import mean_of_defined
from rrgbench.observations import OBSERVATIONS, POSITIVE
from rrgbench.render.record_tables import TableDescription
from rrgbench.runs.records import Record
from rrgbench.tasks.base import Floats, Outcome
from rrgbench.tasks.context import Evaluation

METRIC = "ece"
TABLES = (
    TableDescription("Calibration error", (METRIC,), apart=("setting",), detail=True, headline=()),
    TableDescription("Calibration error per observation", (METRIC,), "observation", detail=True),
)


def with_calibration(evaluation: Evaluation, task: str, scores: NDArray[np.float64], found: Outcome) -> Outcome:
    """An outcome of the model's own predictions with their calibration error, and what figures need of each study.

    Parameters
    ----------
    evaluation : Evaluation
        Whose studies the predictions are of.
    task : str
        Whose records they are.
    scores : float64 array (n, 14)
        Probabilities; NaN where the model predicts none.
    found : Outcome
        Of the same predictions; returned as it is where no film can be labelled.
    """
    rows = [row for row, study in enumerate(evaluation.studies) if can_be_labelled(study)]
    if not rows:
        return found
    studies = [evaluation.studies[row] for row in rows]
    labels = study_labels(studies)
    target = (labels == POSITIVE).astype(np.int8)
    probabilities = scores[rows]
    known = training_items(labels, evaluation.corpus.labelled_observations) & ~np.isnan(probabilities)
    arrays: dict[str, NDArray[Any]] = {
        # three digits are enough to draw; -1 is not known
        "probabilities": probabilities.astype(np.float16),
        "target": np.where(known, target, -1).astype(np.int8),
    }
    where = {"setting": "own"}
    if reason := improbable(probabilities[known]):
        return Outcome([*found.records, *evaluation.blank(task, [METRIC], reason, **where)], found.replicates)
    clean = np.nan_to_num(probabilities)

    def aggregate(draws: Floats) -> Floats:
        values = calibration_error(clean, target, known, draws)
        return np.concatenate([values, mean_of_defined(values)[:, None]], axis=1)

    n = len(rows)
    values = aggregate(np.ones((1, n)))[0]
    bounds, resamples = evaluation.resampled(aggregate, studies)
    signature = evaluation.signature(n, labels=labels_source(studies), setting="own", bins=BINS)
    records: list[Record] = []
    replicates = dict(found.replicates)
    for column, name in enumerate((*OBSERVATIONS, None)):
        if not (known if name is None else known[:, column]).any():
            reason = "no label or no prediction"
            records.append(evaluation.blank(task, [METRIC], reason, observation=name, **where)[0])
            continue
        replicates[len(found.records) + len(records)] = resamples[:, column]
        records.append(
            evaluation.record(
                task,
                METRIC,
                observation=name,
                value=values[column],
                low=bounds[column, 0],
                high=bounds[column, 1],
                n=n if name is None else int(target[known[:, column], column].sum()),
                signature=signature,
                **where,
            )
        )
    return Outcome([*found.records, *records], replicates, arrays)
