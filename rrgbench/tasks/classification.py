"""Task: AUROC of the 14 observations, by the model's own predictions, a linear probe and fine-tuning at 1/10/100 %."""

from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from rrgbench.data.corpus import training_items
from rrgbench.labelers.study_labels import can_be_labelled, labels_source, study_labels
from rrgbench.metrics.auroc import auroc, mean_auroc, undefined_observations
from rrgbench.models import ImageBackbone, ObservationClassifier, Reads
from rrgbench.observations import OBSERVATIONS, POSITIVE
from rrgbench.render.record_tables import Headline, TableDescription
from rrgbench.stats.bootstrap import resampled
from rrgbench.tasks.base import Distinct, Outcome, Task, TaskParameters, Unit
from rrgbench.tasks.calibration import TABLES as CALIBRATION
from rrgbench.tasks.calibration import with_calibration
from rrgbench.tasks.context import Evaluation

METRIC = "auroc"

Setting = Literal["own", "linear", "finetune"]
Fraction = Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)]


class ClassificationParameters(TaskParameters):
    """What is trained on what.

    `steps` bounds fine-tuning at 100 % of the data; smaller fractions take the share's square root of it, at least
    `fewest_steps`, since a small set is seen more often.
    """

    settings: Annotated[tuple[Setting, ...], Distinct] = Field(default=("own", "linear", "finetune"), min_length=1)
    fractions: Annotated[tuple[Fraction, ...], Distinct] = Field(default=(0.01, 0.1, 1.0), min_length=1)
    steps: int = Field(default=400, gt=0)
    fewest_steps: int = Field(default=60, gt=0)
    learning_rate: float = Field(default=1e-3, gt=0, allow_inf_nan=False)
    seed: int = Field(default=0, ge=0)
    train_limit: int | None = Field(default=None, gt=0)


class Classification(Task):
    """AUROC of the model's own predictions, of a linear probe and of fine-tuning."""

    name = "classification"
    version = 3
    parameters = ClassificationParameters
    tables = (
        TableDescription(
            "Classification (mean AUROC)",
            (METRIC,),
            apart=("setting", "fraction"),
            headline=(Headline(METRIC, "own"), Headline(METRIC, "linear", 0.01)),
        ),
        TableDescription("AUROC per observation", (METRIC,), "observation"),
        *CALIBRATION,
    )

    def units(self, parameters: ClassificationParameters) -> Sequence[Unit]:
        """The own predictions, then each setting at each fraction."""
        own = [Unit("own predictions", {"setting": "own"})] if "own" in parameters.settings else []
        probes = [
            Unit(f"{setting} {fraction:.0%}", {"setting": setting, "fraction": fraction})
            for setting in parameters.settings
            if setting != "own"
            for fraction in parameters.fractions
        ]
        return [*own, *probes]

    def run(self, evaluation: Evaluation, parameters: ClassificationParameters, unit: Unit) -> Outcome:
        """One setting at one fraction."""
        if unit.inputs["setting"] == "own":
            return self._own(evaluation)
        return self._probe(evaluation, parameters, unit.inputs["setting"], unit.inputs["fraction"])

    def _own(self, evaluation: Evaluation) -> Outcome:
        model = evaluation.model
        if not isinstance(model, ObservationClassifier):
            return Outcome(evaluation.blank(self.name, [METRIC], "the model predicts no observations", setting="own"))
        scores = evaluation.answers(model.predict_observations, evaluation.studies)
        return with_calibration(evaluation, self.name, scores, _areas(evaluation, scores, setting="own"))

    def _probe(
        self, evaluation: Evaluation, parameters: ClassificationParameters, setting: str, fraction: float
    ) -> Outcome:
        """A linear probe or fine-tuning on a share of the training split.

        The share is drawn once by seed; smaller shares are part of larger ones.
        """
        model = evaluation.model
        where: dict[str, Any] = {"setting": setting, "fraction": fraction, "seed": parameters.seed}
        if not isinstance(model, ImageBackbone):
            return Outcome(evaluation.blank(self.name, [METRIC], "the model offers no image backbone", **where))
        from rrgbench.training.data import FilmSource
        from rrgbench.training.probing import fine_tune, linear_probe, trainable_parameters

        backbone = model.backbone
        if setting == "finetune" and not trainable_parameters(backbone):
            return Outcome(evaluation.blank(self.name, [METRIC], "the backbone has nothing to train", **where))
        training = evaluation.corpus.split("train")
        everything = [study for study in training if study.images and can_be_labelled(study)][: parameters.train_limit]
        if not everything:
            reason = "no training film has labels or a report to label"
            return Outcome(evaluation.blank(self.name, [METRIC], reason, **where))
        order = np.random.default_rng(parameters.seed).permutation(len(everything))
        count = max(2, round(fraction * len(everything)))
        rows = np.sort(order[:count])
        films = evaluation.stored(everything).take(rows)
        labels = study_labels([everything[row] for row in rows])
        source = FilmSource(films, labels, evaluation.corpus.labelled_observations)
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
        return _areas(evaluation, scores, **where, studies=count, reads=Reads(films.size))


def _areas(
    evaluation: Evaluation,
    scores: NDArray[np.float64],
    studies: int | None = None,
    reads: Reads | None = None,
    **where: Any,
) -> Outcome:
    """Mean and per-observation AUROC with intervals.

    Unmentioned counts as negative, uncertain is left out. Observations without positives or negatives are undefined and
    left out of the mean by name. `studies` is how many a probe learned from, `reads` what it read if not
    what the model does.
    """
    rows = [row for row, study in enumerate(evaluation.studies) if can_be_labelled(study)]
    if not rows:
        return Outcome(
            evaluation.blank(Classification.name, [METRIC], "no film has labels or a report to label", **where)
        )
    scores = scores[rows]
    labels = study_labels([evaluation.studies[row] for row in rows])
    known = training_items(labels, evaluation.corpus.labelled_observations)
    target = (labels == POSITIVE).astype(np.int8)
    n = len(target)
    unpredicted = np.isnan(scores).all(axis=0)
    known = known & ~unpredicted
    scores = np.where(unpredicted, 0.0, scores)
    values = auroc(scores, target, known)[0]
    reasons = undefined_observations(target, OBSERVATIONS, known)
    reasons |= {OBSERVATIONS[column]: "not predicted" for column in np.flatnonzero(unpredicted)}
    defined = ~np.isnan(values)
    extras = {
        "reads": reads and reads.signature,
        "setting": where.get("setting"),
        "fraction": where.get("fraction"),
        "seed": where.get("seed"),
    }
    source = labels_source([evaluation.studies[row] for row in rows])
    signature = evaluation.signature(n, labels=source, obs_defined=int(defined.sum()), train_n=studies, **extras)
    if not defined.any():
        return Outcome(
            evaluation.blank(Classification.name, [METRIC], "no observation has both positives and negatives", **where)
        )
    aggregate = _with_mean(scores, target, known)
    bounds, resamples = resampled(aggregate, n, evaluation.suite.replicates, evaluation.seed)
    left_out = ", ".join(f"{name} ({reason})" for name, reason in reasons.items())
    mean = evaluation.record(
        Classification.name,
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
            Classification.name,
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
    # the mean is the last of the columns and the first of the records
    replicates = {0: resamples[:, -1]} | {c + 1: resamples[:, c] for c in np.flatnonzero(defined).tolist()}
    return Outcome([mean, *per_observation], replicates)


def _with_mean(
    scores: NDArray[np.float64], target: NDArray[np.int8], known: NDArray[np.bool_]
) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    def aggregate(multiplicities: NDArray[np.float64]) -> NDArray[np.float64]:
        values = auroc(scores, target, known, multiplicities)
        return np.concatenate([values, mean_auroc(values)[:, None]], axis=1)

    return aggregate


TASK = Classification()
