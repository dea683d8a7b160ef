"""Task: error propagation, how often the report is wrong about an observation where the classifier was wrong or right.

The classifier's decision is held against the study's label, the report's statement against what the clinical-efficacy
table compares it with; uncertain labels, which decide nothing, are left out.
"""

from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv

from rrgbench.data.corpus import Corpus, training_items
from rrgbench.labelers.study_labels import can_be_labelled, study_labels
from rrgbench.metrics.clinical_efficacy import ClinicalEfficacy
from rrgbench.metrics.propagation import ErrorPropagation
from rrgbench.observations import OBSERVATIONS, POSITIVE, UNCERTAIN
from rrgbench.render.record_tables import TableDescription
from rrgbench.runs.records import Record
from rrgbench.tasks.base import Outcome, Task, TaskParameters, Unit
from rrgbench.tasks.context import Evaluation
from rrgbench.tasks.judged_cells import Floats, JudgedCells, judged_cells

METRICS = ("report_error", "classifier_error")

_VALUES: Final = (
    ("report_error", "classifier-wrong"),
    ("report_error", "classifier-right"),
    ("report_error", "difference"),
    ("classifier_error", None),
)
"""Metric and setting of each of the values that `rrgbench.metrics.propagation.KEYS` names."""

MOST_TRAINING_STUDIES: Final = 5000
"""Whose labels tell the prevalence, evenly spaced over the training split."""


class ErrorPropagationParameters(TaskParameters):
    """How a probability becomes a decision.

    Attributes
    ----------
    threshold : {"prevalence", "half"}
        Of each observation as many studies are called positive, the most probable first, as its prevalence in the
        training labels says: a classifier that was trained on re-sampled studies gives probabilities that are too high
        for rare observations. Or those of at least 0.5.
    """

    threshold: Literal["prevalence", "half"] = "prevalence"


class ErrorPropagationTask(Task):
    """Report errors given classifier errors, over all observations and for each, with intervals over studies."""

    name = "error_propagation"
    version = 2
    parameters = ErrorPropagationParameters
    reads_reports = True
    tables = (
        TableDescription(
            "Error propagation: share of (study, observation) pairs about which the report is wrong",
            METRICS,
            apart=("metric", "setting"),
            headline=(),
        ),
        TableDescription("The report is wrong", ("report_error",), "observation", detail=True),
        TableDescription("The classifier is wrong", ("classifier_error",), "observation", detail=True),
    )

    def run(self, evaluation: Evaluation, parameters: ErrorPropagationParameters, unit: Unit) -> Outcome:
        """Count report errors beside classifier errors."""
        cells = judged_cells(evaluation)
        reason = cells if isinstance(cells, str) else ""
        prevalence = None
        if not reason and parameters.threshold == "prevalence":
            prevalence = training_prevalence(evaluation.corpus)
            if prevalence is None:
                reason = "no training study has labels that tell prevalences; the task's threshold: half needs none"
        if isinstance(cells, str) or reason:
            return Outcome(
                [evaluation.record(self.name, metric, setting=setting, reason=reason) for metric, setting in _VALUES]
            )
        decided = cells.probabilities >= 0.5 if prevalence is None else as_many_as(cells, prevalence)
        chosen = evaluation.scoring.clinical_efficacy
        reading = ClinicalEfficacy("micro", 14, chosen.uncertain)
        counted = cells.certain & cells.spoken
        if chosen.uncertain == "ignored":
            # as in the table of clinical efficacy, a cell in which a side is uncertain is left out
            counted &= (cells.expected != UNCERTAIN) & (cells.given != UNCERTAIN)
        metric = ErrorPropagation()
        statistics = metric.statistics(
            decided != (cells.target == 1),
            reading.hits(cells.expected) != reading.hits(cells.given),
            counted,
        )
        n = len(cells.studies)
        values = metric.aggregate(statistics, np.ones((1, n)))[0]
        counts = metric.counts(statistics, np.ones((1, n)))[0].astype(int)
        bounds, resamples = evaluation.resampled(
            lambda drawn: metric.aggregate(statistics, drawn).reshape(len(drawn), -1), cells.studies
        )
        bounds, resamples = bounds.reshape(*values.shape, 2), resamples.reshape(-1, *values.shape)
        signature = cells.signature(evaluation, evaluation.suite.replicates).with_extras(
            threshold=parameters.threshold, cells="efficacy"
        )
        records: list[Record] = []
        replicates: dict[int, Floats] = {}
        for row, observation in enumerate((None, *OBSERVATIONS)):
            wrong, right = counts[row, :2].sum(), counts[row, 2:].sum()
            behind = (wrong, right, wrong + right, wrong + right)
            lacking = f"the classifier is {'never wrong' if wrong == 0 else 'never right'} about it"
            for place, (key, setting) in enumerate(_VALUES):
                value, (low, high), note = values[row, place], bounds[row, place], None
                if np.isnan(value):
                    note = "no certain label" if wrong + right == 0 else lacking
                else:
                    replicates[len(records)] = resamples[:, row, place]
                    if low == high:
                        low, high, note = _without_width(value, int(behind[place]), setting)
                records.append(
                    evaluation.record(
                        self.name,
                        key,
                        setting=setting,
                        observation=observation,
                        value=value,
                        low=low,
                        high=high,
                        n=int(behind[place]),
                        signature=signature.with_extras(setting=setting),
                        reason=note,
                    )
                )
        return Outcome(records, replicates)


def _without_width(value: float, cases: int, setting: str | None) -> tuple[float, float, str]:
    """An interval where all resamples are alike, and what is said of it: of 0 in 5, say, the exact binomial one."""
    if setting == "difference":
        return np.nan, np.nan, "no interval: resamples of the studies are all alike"
    hits = round(value * cases)
    low = float(betaincinv(hits, cases - hits + 1, 0.025)) if hits else 0.0
    high = float(betaincinv(hits + 1, cases - hits, 0.975)) if hits < cases else 1.0
    return low, high, f"exact binomial interval of {hits} in {cases}: resamples of the studies are all alike"


def training_prevalence(corpus: Corpus) -> Floats | None:
    """Share of positives (14,) among the certain labels of training studies; NaN where there are none.

    None if no training study can be labelled.
    """
    training = corpus.split("train") if "train" in corpus.splits else ()
    studies = [study for study in training if can_be_labelled(study)]
    if not studies:
        return None
    picked = np.unique(np.linspace(0, len(studies) - 1, MOST_TRAINING_STUDIES).round().astype(np.int64))
    labels = study_labels([studies[row] for row in picked])
    certain = training_items(labels, corpus.labelled_observations)
    total = certain.sum(axis=0)
    positive = (certain & (labels == POSITIVE)).sum(axis=0)
    share: Floats = np.divide(positive, total, out=np.full(len(OBSERVATIONS), np.nan), where=total > 0)
    return share


def as_many_as(cells: JudgedCells, prevalence: Floats) -> NDArray[np.bool_]:
    """Decisions (n, 14): of an observation's certain cells the most probable ones, as many as its prevalence says.

    Equal probabilities are decided alike: all of them positive or none, whichever comes nearer to that number. An
    observation of unknown prevalence is decided at 0.5.
    """
    decided = cells.probabilities >= 0.5
    for column, share in enumerate(prevalence):
        found = np.sort(cells.probabilities[cells.certain[:, column], column])[::-1]
        if np.isnan(share) or not len(found):
            continue
        wanted = round(share * len(found))
        level = found[max(wanted - 1, 0)]
        with_it, without = int((found >= level).sum()), int((found > level).sum())
        mine, nearer = cells.probabilities[:, column], abs(with_it - wanted) < abs(without - wanted)
        decided[:, column] = mine >= level if nearer else (mine > level) & bool(without)
    return decided


TASK = ErrorPropagationTask()
