"""AUROC of a model's own predictions among films of the same view, beside that among all: part of `classification`."""

from typing import Final

import numpy as np

from rrgbench.data.corpus import training_items
from rrgbench.labelers.study_labels import can_be_labelled, labels_source, study_labels
from rrgbench.metrics.auroc_within import auroc_within
from rrgbench.metrics.means import mean_of_defined
from rrgbench.observations import OBSERVATIONS, POSITIVE
from rrgbench.tasks.base import Floats, Outcome
from rrgbench.tasks.context import Evaluation

METRIC: Final = "auroc_within_view"


def areas_within_view(evaluation: Evaluation, task: str, scores: Floats) -> Outcome:
    """Mean and per-observation AUROC within views, with intervals; nothing where the films have one view alone.

    Parameters
    ----------
    evaluation : Evaluation
        Whose studies were scored. A study's view is that of its first film; films of unknown view are a group too.
    task : str
        Name of the task, for the records.
    scores : float64 array (n, 14)
        Of the studies.
    """
    rows = [row for row, study in enumerate(evaluation.studies) if can_be_labelled(study)]
    studies = [evaluation.studies[row] for row in rows]
    views, groups = np.unique([study.images[0].view if study.images else "" for study in studies], return_inverse=True)
    if len(views) < 2:
        return Outcome([])
    labels = study_labels(studies)
    target = (labels == POSITIVE).astype(np.int8)
    unpredicted = np.isnan(scores[rows]).all(axis=0)
    known = training_items(labels, evaluation.corpus.labelled_observations) & ~unpredicted
    finite = np.where(unpredicted, 0.0, scores[rows])

    def aggregate(counts: Floats) -> Floats:
        areas = auroc_within(finite, target, known, groups.ravel(), counts)
        return np.concatenate([areas, mean_of_defined(areas)[:, None]], axis=1)

    n = len(rows)
    values = aggregate(np.ones((1, n)))[0]
    reason = "no view has both positives and negatives"
    if np.isnan(values[-1]):
        return Outcome(evaluation.blank(task, [METRIC], reason, setting="own"))
    bounds, drawn = evaluation.resampled(aggregate, studies)
    signature = evaluation.signature(
        n,
        labels=labels_source(studies),
        obs_defined=int((~np.isnan(values[:-1])).sum()),
        within="+".join(str(view) or "unknown" for view in views),
        setting="own",
    )
    names = [None, *OBSERVATIONS]
    columns = [len(OBSERVATIONS), *range(len(OBSERVATIONS))]
    left_out = ", ".join(OBSERVATIONS[column] for column in np.flatnonzero(np.isnan(values[:-1])))
    records = []
    for name, column in zip(names, columns, strict=True):
        undefined = np.isnan(values[column])
        told = reason if undefined else (f"mean leaves out: {left_out}" if name is None and left_out else None)
        records.append(
            evaluation.record(
                task,
                METRIC,
                observation=name,
                value=values[column],
                low=None if undefined else bounds[column, 0],
                high=None if undefined else bounds[column, 1],
                n=n if name is None else int(target[known[:, column], column].sum()),
                signature=signature,
                reason=told,
                setting="own",
            )
        )
    defined = [place for place, column in enumerate(columns) if not np.isnan(values[column])]
    return Outcome(records, {place: drawn[:, columns[place]] for place in defined})
