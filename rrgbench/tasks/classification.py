"""Task: AUROC of the 14 observations, by the model's own predictions, a linear probe and fine-tuning at 1/10/100 %."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rrgbench.data.corpus import training_items
from rrgbench.labelers.study_labels import can_be_labelled, study_labels
from rrgbench.metrics.auroc import auroc, mean_auroc, undefined_observations
from rrgbench.models import ImageBackbone, ObservationClassifier, Reads
from rrgbench.observations import OBSERVATIONS, POSITIVE
from rrgbench.runs.records import Record
from rrgbench.stats.bootstrap import intervals
from rrgbench.tasks.context import Evaluation
from rrgbench.tasks.suite import Classification

TASK = "classification"
METRIC = "auroc"


def run_own(evaluation: Evaluation) -> list[Record]:
    """AUROC of the model's own observation predictions."""
    model = evaluation.model
    if not isinstance(model, ObservationClassifier):
        return evaluation.blank(TASK, [METRIC], "the model predicts no observations", setting="own")
    scores = evaluation.answers(model.predict_observations, evaluation.studies)
    return auroc_records(evaluation, scores, setting="own")


def run_probe(evaluation: Evaluation, parameters: Classification, setting: str, fraction: float) -> list[Record]:
    """AUROC of a linear probe or of fine-tuning on a share of the training split.

    The share is drawn once by seed; smaller shares are part of larger ones.
    """
    model = evaluation.model
    where: dict[str, Any] = {"setting": setting, "fraction": fraction, "seed": parameters.seed}
    if not isinstance(model, ImageBackbone):
        return evaluation.blank(TASK, [METRIC], "the model offers no image backbone", **where)
    from rrgbench.training.data import FilmSource
    from rrgbench.training.probing import fine_tune, linear_probe, trainable_parameters

    backbone = model.backbone
    if setting == "finetune" and not trainable_parameters(backbone):
        return evaluation.blank(TASK, [METRIC], "the backbone has nothing to train", **where)
    training = evaluation.corpus.split("train")
    everything = [study for study in training if study.images and can_be_labelled(study)][: parameters.train_limit]
    if not everything:
        return evaluation.blank(TASK, [METRIC], "no training film has labels or a report to label", **where)
    order = np.random.default_rng(parameters.seed).permutation(len(everything))
    count = max(2, round(fraction * len(everything)))
    rows = np.sort(order[:count])
    films = evaluation.stored(everything).take(rows)
    source = FilmSource(films, study_labels([everything[row] for row in rows]), evaluation.corpus.labelled_observations)
    test = evaluation.stored(evaluation.studies)
    if setting == "linear":
        report = evaluation.reporter("reading features")
        scores = linear_probe(backbone, source, test, strength=0.01, progress=report)
    else:
        scores = fine_tune(
            backbone,
            source,
            test,
            steps=max(parameters.fewest_steps, round(parameters.steps * fraction**0.5)),
            learning_rate=parameters.learning_rate,
            seed=parameters.seed,
            progress=evaluation.reporter(f"fine-tuning at {fraction:.0%}"),
        )
    return auroc_records(evaluation, scores, **where, studies=count, reads=Reads(films.size))


def auroc_records(
    evaluation: Evaluation,
    scores: NDArray[np.float64],
    studies: int | None = None,
    reads: Reads | None = None,
    **where: Any,
) -> list[Record]:
    """Mean and per-observation AUROC with intervals.

    Unmentioned counts as negative, uncertain is left out. Observations without positives or negatives are undefined and
    left out of the mean by name. `studies` is how many a probe learned from, `reads` what it read if not
    what the model does.
    """
    rows = [row for row, study in enumerate(evaluation.studies) if can_be_labelled(study)]
    if not rows:
        return evaluation.blank(TASK, [METRIC], "no film has labels or a report to label", **where)
    scores = scores[rows]
    labels = study_labels([evaluation.studies[row] for row in rows])
    known = training_items(labels, evaluation.corpus.labelled_observations)
    target = (labels == POSITIVE).astype(np.int8)
    n = len(target)
    values = auroc(scores, target, known)[0]
    reasons = undefined_observations(target, OBSERVATIONS, known)
    defined = ~np.isnan(values)
    extras = {
        "reads": reads and reads.signature,
        "setting": where.get("setting"),
        "fraction": where.get("fraction"),
        "seed": where.get("seed"),
    }
    source = evaluation.studies[rows[0]].labels_source or "rules"
    signature = evaluation.signature(n, labels=source, obs_defined=int(defined.sum()), train_n=studies, **extras)
    if not defined.any():
        return evaluation.blank(TASK, [METRIC], "no observation has both positives and negatives", **where)
    bounds = intervals(_with_mean(scores, target, known), n, evaluation.suite.replicates, evaluation.seed)
    left_out = ", ".join(f"{name} ({reason})" for name, reason in reasons.items())
    mean = evaluation.record(
        TASK,
        METRIC,
        value=values[defined].mean(),
        low=bounds[-1, 0],
        high=bounds[-1, 1],
        n=n,
        signature=signature,
        reason=f"mean leaves out: {left_out}" if left_out else None,
        **where,
    )
    per_observation = [
        evaluation.record(
            TASK,
            METRIC,
            observation=name,
            value=values[column],
            low=bounds[column, 0] if defined[column] else None,
            high=bounds[column, 1] if defined[column] else None,
            n=int(target[known[:, column], column].sum()),
            signature=signature,
            reason=reasons.get(name),
            **where,
        )
        for column, name in enumerate(OBSERVATIONS)
    ]
    return [mean, *per_observation]


def _with_mean(
    scores: NDArray[np.float64], target: NDArray[np.int8], known: NDArray[np.bool_]
) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    def aggregate(multiplicities: NDArray[np.float64]) -> NDArray[np.float64]:
        values = auroc(scores, target, known, multiplicities)
        return np.concatenate([values, mean_auroc(values)[:, None]], axis=1)

    return aggregate
