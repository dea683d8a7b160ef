"""Task: AUROC of the 14 observations, by the model's own predictions, a linear probe and fine-tuning at 1/10/100 %.

A share of the training split is drawn several times, and a probe trained on each draw: values are means over the draws,
intervals cover studies and draws, and the deviation over draws is a value of its own.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from rrgbench.data.corpus import training_items
from rrgbench.data.study import Study
from rrgbench.labelers.study_labels import can_be_labelled, labels_source, study_labels
from rrgbench.metrics.auroc import undefined_observations
from rrgbench.metrics.auroc_over_draws import AurocOverDraws
from rrgbench.models import ImageBackbone, ObservationClassifier, Reads
from rrgbench.observations import COMPETITION_OBSERVATIONS, OBSERVATIONS, POSITIVE
from rrgbench.render.record_tables import Headline, TableDescription
from rrgbench.runs.records import Record
from rrgbench.tasks.areas_within_view import METRIC as WITHIN_VIEW
from rrgbench.tasks.areas_within_view import areas_within_view
from rrgbench.tasks.base import Distinct, Floats, Outcome, Task, TaskParameters, Unit
from rrgbench.tasks.calibration import TABLES as CALIBRATION
from rrgbench.tasks.calibration import with_calibration
from rrgbench.tasks.context import Evaluation

METRIC = "auroc"
DEVIATION = "auroc_deviation"

Setting = Literal["own", "linear", "finetune"]
Fraction = Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)]
MeanOver = Literal["all", "five"]

Drawn = Mapping[float, Sequence[NDArray[np.int64]]]
"""Rows of each draw by share."""

_NOT_PREDICTED: Final = "not predicted"
_AVERAGED: Final[Mapping[MeanOver, tuple[str, ...]]] = {"all": OBSERVATIONS, "five": COMPETITION_OBSERVATIONS}


class ClassificationParameters(TaskParameters):
    """What is trained on what.

    Attributes
    ----------
    settings, fractions : tuple
        Own predictions, linear probe, fine-tuning; the two latter at each share of the training split.
    draws : int
        How often a share is drawn, each time by another seed. The whole split is one draw, which a linear probe learns
        from once.
    tuned_draws : int, optional
        The same for fine-tuning, which costs most; as many as `draws` if omitted. The whole split is fine-tuned that
        often too, each time by another seed.
    stratified : bool
        Whether each observation keeps its frequency in a draw, and at least one positive study.
    mean_over : {"all", "five"}
        Observations of the mean: those that are defined of all 14, or of the five of the CheXpert competition.
    steps, fewest_steps : int
        `steps` bounds fine-tuning at 100 % of the data; smaller fractions take the share's square root of it, at least
        `fewest_steps`, since a small set is seen more often.
    learning_rate : float
        Of fine-tuning.
    seed : int
        Of the first draw.
    train_limit : int, optional
        At most that many training studies, before shares are drawn.
    """

    settings: Annotated[tuple[Setting, ...], Distinct] = Field(default=("own", "linear", "finetune"), min_length=1)
    fractions: Annotated[tuple[Fraction, ...], Distinct] = Field(default=(0.01, 0.1, 1.0), min_length=1)
    draws: int = Field(default=5, gt=0)
    tuned_draws: int | None = Field(default=None, gt=0)
    stratified: bool = False
    mean_over: MeanOver = "all"
    steps: int = Field(default=400, gt=0)
    fewest_steps: int = Field(default=60, gt=0)
    learning_rate: float = Field(default=1e-3, gt=0, allow_inf_nan=False)
    seed: int = Field(default=0, ge=0)
    train_limit: int | None = Field(default=None, gt=0)

    def seeds(self, setting: Setting, fraction: float) -> range:
        """Seed of each draw of a share."""
        count = self.tuned_draws or self.draws if setting == "finetune" else 1 if fraction == 1 else self.draws
        return range(self.seed, self.seed + count)


class Classification(Task):
    """AUROC of the model's own predictions, of a linear probe and of fine-tuning."""

    name = "classification"
    version = 5
    parameters = ClassificationParameters
    tables = (
        TableDescription(
            "Classification (mean AUROC)",
            (METRIC,),
            apart=("setting", "fraction"),
            headline=(Headline(METRIC, "own"), Headline(METRIC, "linear", 0.01)),
        ),
        TableDescription(
            "Deviation of the mean AUROC over draws", (DEVIATION,), apart=("setting", "fraction"), detail=True
        ),
        TableDescription("AUROC per observation", (METRIC,), "observation"),
        TableDescription("AUROC within views", (WITHIN_VIEW,), "observation", detail=True),
        *CALIBRATION,
    )

    def units(self, parameters: ClassificationParameters) -> Sequence[Unit]:
        """The own predictions, the linear probes at all shares, and fine-tuning at each."""
        whole = [
            Unit(title, {"setting": setting})
            for setting, title in (("own", "own predictions"), ("linear", "linear probes"))
            if setting in parameters.settings
        ]
        tuned = [
            Unit(f"finetune {fraction:.0%}", {"setting": "finetune", "fraction": fraction})
            for fraction in parameters.fractions
            if "finetune" in parameters.settings
        ]
        return [*whole, *tuned]

    def run(self, evaluation: Evaluation, parameters: ClassificationParameters, unit: Unit) -> Outcome:
        """Own predictions, linear probes, or fine-tuning at one fraction."""
        if unit.inputs["setting"] == "own":
            return self._own(evaluation, parameters)
        return self._probe(evaluation, parameters, unit.inputs["setting"], unit.inputs.get("fraction"))

    def _own(self, evaluation: Evaluation, parameters: ClassificationParameters) -> Outcome:
        model = evaluation.model
        if not isinstance(model, ObservationClassifier):
            return Outcome(evaluation.blank(self.name, [METRIC], "the model predicts no observations", setting="own"))
        answers = evaluation.observations_of(model, evaluation.studies)
        missing = np.isnan(answers).all(axis=0)
        reasons = {OBSERVATIONS[column]: _NOT_PREDICTED for column in np.flatnonzero(missing)}
        areas = _areas(evaluation, parameters, answers[None], reasons, setting="own")
        areas = _together([areas, areas_within_view(evaluation, self.name, answers)])
        return with_calibration(evaluation, self.name, answers, areas)

    def _probe(
        self, evaluation: Evaluation, parameters: ClassificationParameters, setting: Setting, fraction: float | None
    ) -> Outcome:
        """A linear probe at each share of the training split, or fine-tuning at one."""
        from rrgbench.training.draws import draw_share

        shares = parameters.fractions if fraction is None else (fraction,)
        where = [{"setting": setting, "fraction": share, "seed": parameters.seed} for share in shares]
        everything = self._training_studies(evaluation, parameters)
        if reason := self._no_probe(evaluation, setting, everything):
            return Outcome([row for one in where for row in evaluation.blank(self.name, [METRIC], reason, **one)])
        labels = study_labels(everything)
        known = training_items(labels, evaluation.corpus.labelled_observations)
        drawn = {
            share: [
                draw_share((labels == POSITIVE) & known, share, seed, parameters.stratified)
                for seed in parameters.seeds(setting, share)
            ]
            for share in shares
        }
        score = self._linear if setting == "linear" else self._fine_tuned
        scores = score(evaluation, parameters, everything, drawn)
        reads, outcomes = Reads(evaluation.reads.size), []
        for one, share in zip(where, shares, strict=True):
            reasons = _not_learned(labels, known, drawn[share])
            studies = len(drawn[share][0])
            outcomes.append(_areas(evaluation, parameters, scores[share], reasons, **one, studies=studies, reads=reads))
        return _together(outcomes)

    def _training_studies(self, evaluation: Evaluation, parameters: ClassificationParameters) -> list[Study]:
        training = evaluation.corpus.split("train")
        return [study for study in training if study.images and can_be_labelled(study)][: parameters.train_limit]

    def _no_probe(self, evaluation: Evaluation, setting: Setting, everything: Sequence[Study]) -> str:
        """Why no probe can be trained; empty if it can."""
        model = evaluation.model
        if not isinstance(model, ImageBackbone):
            return "the model offers no image backbone"
        if not everything:
            return "no training film has labels or a report to label"
        from rrgbench.training.probing import check_backbone, trainable_parameters

        check_backbone(model.backbone, evaluation.stored(evaluation.studies))
        nothing = setting == "finetune" and not trainable_parameters(model.backbone)
        return "the backbone has nothing to train" if nothing else ""

    def _linear(
        self, evaluation: Evaluation, parameters: ClassificationParameters, studies: Sequence[Study], drawn: Drawn
    ) -> dict[float, Floats]:
        """Scores (draws, n, 14) of linear probes by share; features are read once for all of them."""
        from rrgbench.training.probing import linear_probe

        used = np.unique(np.concatenate([rows for draws in drawn.values() for rows in draws]))
        flat = [np.searchsorted(used, rows) for draws in drawn.values() for rows in draws]
        scores = linear_probe(
            evaluation.model.backbone,  # type: ignore[attr-defined]
            _source(evaluation, studies, used),
            evaluation.stored(evaluation.studies),
            strength=0.01,
            draws=flat,
            progress=evaluation.reporter("reading features"),
        )
        ends = np.cumsum([len(draws) for draws in drawn.values()])[:-1]
        return dict(zip(drawn, np.split(scores, ends), strict=True))

    def _fine_tuned(
        self, evaluation: Evaluation, parameters: ClassificationParameters, studies: Sequence[Study], drawn: Drawn
    ) -> dict[float, Floats]:
        """Scores (draws, n, 14) of fine-tuned backbones by share."""
        from rrgbench.training.probing import fine_tune

        test = evaluation.stored(evaluation.studies)
        return {
            share: np.stack(
                [
                    fine_tune(
                        evaluation.model.backbone,  # type: ignore[attr-defined]
                        _source(evaluation, studies, rows),
                        test,
                        steps=max(parameters.fewest_steps, round(parameters.steps * share**0.5)),
                        learning_rate=parameters.learning_rate,
                        seed=parameters.seed + draw,
                        progress=evaluation.reporter(f"fine-tuning at {share:.0%}, draw {draw + 1} of {len(draws)}"),
                    )
                    for draw, rows in enumerate(draws)
                ]
            )
            for share, draws in drawn.items()
        }


def _source(evaluation: Evaluation, studies: Sequence[Study], rows: NDArray[np.int64]) -> Any:
    """The films and labels of some training studies."""
    from rrgbench.training.data import FilmSource

    films = evaluation.stored(studies).take(rows)
    return FilmSource(films, study_labels([studies[row] for row in rows]), evaluation.corpus.labelled_observations)


def _not_learned(
    labels: NDArray[np.int8], known: NDArray[np.bool_], draws: Sequence[NDArray[np.int64]]
) -> dict[str, str]:
    """Observations that some draws have no positive or no negative study of, and in how many."""
    positive = labels == POSITIVE
    reasons: dict[str, str] = {}
    for wanted, words in ((positive, "positive"), (~positive, "negative")):
        lacking = sum(~(wanted & known)[rows].any(axis=0) for rows in draws)
        for column in np.flatnonzero(lacking):
            where = f"{lacking[column]} of {len(draws)} draws" if len(draws) > 1 else "the training studies"
            reasons.setdefault(OBSERVATIONS[column], f"no {words} in {where}")
    return reasons


def _areas(
    evaluation: Evaluation,
    parameters: ClassificationParameters,
    scores: Floats,
    not_learned: Mapping[str, str],
    studies: int | None = None,
    reads: Reads | None = None,
    **where: Any,
) -> Outcome:
    """Mean and per-observation AUROC with intervals, and the deviation over draws.

    Unmentioned counts as negative, uncertain is left out. Observations without positives or negatives are undefined and
    left out of the mean by name. `scores` (d, n, 14) are of each draw; what one has not learned (`not_learned`, with
    the reason) is left out of its mean. `studies` is how many a probe learned from, `reads` what it read if not what
    the model does.
    """
    name = Classification.name
    rows = [row for row, study in enumerate(evaluation.studies) if can_be_labelled(study)]
    if not rows:
        return Outcome(evaluation.blank(name, [METRIC], "no film has labels or a report to label", **where))
    labels = study_labels([evaluation.studies[row] for row in rows])
    known = training_items(labels, evaluation.corpus.labelled_observations)
    target = (labels == POSITIVE).astype(np.int8)
    averaged = np.isin(OBSERVATIONS, _AVERAGED[parameters.mean_over])
    n, draws = len(target), len(scores)
    found = AurocOverDraws(scores[:, rows], target, known, averaged, evaluation.seed)
    values = found.values()
    never = {name: reason for name, reason in not_learned.items() if reason == _NOT_PREDICTED}
    reasons = {**not_learned, **undefined_observations(target, OBSERVATIONS, known), **never}
    defined = ~np.isnan(values[:-1])
    if not defined.any():
        unpredicted = len(never) == len(OBSERVATIONS)
        blank = "every answer is NaN" if unpredicted else "no observation has both positives and negatives"
        return Outcome(evaluation.blank(name, [METRIC], blank, **where))
    signature = evaluation.signature(
        n,
        labels=labels_source([evaluation.studies[row] for row in rows]),
        obs_defined=int((defined & averaged).sum()),
        mean=None if parameters.mean_over == "all" else "five-observations",
        train_n=studies,
        draws=draws if studies is not None else None,
        share="stratified" if studies is not None and parameters.stratified else None,
        reads=reads and reads.signature,
        **{key: where.get(key) for key in ("setting", "fraction", "seed")},
    )
    bounds, resamples = evaluation.resampled(found.resampled, [evaluation.studies[row] for row in rows])
    left_out = ", ".join(
        f"{observation} ({reasons[observation]})"
        for observation, one in zip(OBSERVATIONS, averaged, strict=True)
        if one and observation in reasons
    )
    none = bool(np.isnan(values[-1]))
    if none:
        (mean,) = evaluation.blank(name, [METRIC], f"no mean of: {left_out}", **where)
    else:
        mean = evaluation.record(
            name,
            METRIC,
            value=values[-1],
            low=bounds[-1, 0],
            high=bounds[-1, 1],
            n=n,
            signature=signature,
            reason=f"mean leaves out: {left_out}" if left_out else None,
            **where,
        )
    per_observation = [
        evaluation.record(
            name,
            METRIC,
            observation=observation,
            value=values[column],
            low=bounds[column, 0] if defined[column] else None,
            high=bounds[column, 1] if defined[column] else None,
            n=int(target[known[:, column], column].sum()),
            signature=signature,
            reason=reasons.get(observation),
            **where,
        )
        for column, observation in enumerate(OBSERVATIONS)
    ]
    scatter = []
    if draws > 1:
        value, told = found.deviation(), signature.with_extras(bootstrap=None)
        reason = "fewer than two draws have a mean" if np.isnan(value) else None
        scatter = [evaluation.record(name, DEVIATION, value=value, n=draws, signature=told, reason=reason, **where)]
    # the mean is the last of the columns and the first of the records
    replicates = ({} if none else {0: resamples[:, -1]}) | {
        c + 1: resamples[:, c] for c in np.flatnonzero(defined).tolist()
    }
    return Outcome([mean, *per_observation, *scatter], replicates)


def _together(outcomes: Sequence[Outcome]) -> Outcome:
    """Several outcomes as one."""
    records: list[Record] = []
    replicates: dict[int, Floats] = {}
    for one in outcomes:
        replicates |= {len(records) + place: values for place, values in one.replicates.items()}
        records += one.records
    return Outcome(records, replicates)


TASK = Classification()
