"""Task: pipeline error correlation, how classifier errors go with report errors (App. C of the DCRRG paper).

Over observations: the AUROC of the model's own predictions against the F1 of its reports, which is that of the
clinical-efficacy table. Over studies: the classifier's cross-entropy against the report's own F1. (Over variants of a
model, the paper's own comparison: `rrgbench claims`.)
"""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from rrgbench.metrics.auroc import auroc
from rrgbench.metrics.base import Statistics
from rrgbench.metrics.calibration import improbable
from rrgbench.metrics.clinical_efficacy import ClinicalEfficacy
from rrgbench.observations import OBSERVATIONS, observation_index
from rrgbench.render.record_tables import Headline, TableDescription
from rrgbench.runs.records import Record
from rrgbench.stats.correlation import correlation
from rrgbench.tasks.base import Outcome, Task, TaskParameters, Unit
from rrgbench.tasks.context import Evaluation
from rrgbench.tasks.judged_cells import JudgedCells, judged_cells

METRICS = ("pearson", "spearman", "kendall")
SETTINGS = ("observations", "studies")

REPLICATES = 200
"""Enough for these intervals; SciPy's rank correlations are recomputed for each."""

Floats = NDArray[np.float64]


class ErrorCorrelationParameters(TaskParameters):
    """How the reports' F1 is counted.

    Attributes
    ----------
    cells : {"efficacy", "certain"}
        Where reports are held against their references: as in the clinical-efficacy table, or only where the study's
        own label is certain, against that label.
    nothing : {"one", "zero", "left-out"}
        F1 of a study with nothing positive in reference and report, which has no denominator: the report is right (as
        findings F1 has it), it counts as wrong (as scikit-learn's average over samples does), or the study is left out.

    Notes
    -----
    `cells: certain` with `nothing: zero` is version 3 of this task, with version 3's signature.
    """

    cells: Literal["efficacy", "certain"] = "efficacy"
    nothing: Literal["one", "zero", "left-out"] = "one"

    @property
    def stated(self) -> dict[str, str]:
        """The choices, for the signature; none where they are version 3's, which stated none."""
        if (self.cells, self.nothing) == ("certain", "zero"):
            return {}
        return {"cells": self.cells, "nothing": self.nothing}


class ErrorCorrelation(Task):
    """Correlations over observations and over studies, with intervals."""

    name = "error_correlation"
    version = 6
    parameters = ErrorCorrelationParameters
    reads_reports = True
    tables = (
        TableDescription(
            "Pipeline error correlation",
            METRICS,
            apart=("setting", "metric"),
            headline=(Headline("pearson", words="error correlation"),),
        ),
    )

    def run(self, evaluation: Evaluation, parameters: ErrorCorrelationParameters, unit: Unit) -> Outcome:
        """Correlate what the classifier and what the reports get wrong."""
        cells = judged_cells(evaluation, by_labels=parameters.cells == "certain")
        if isinstance(cells, str):
            rows = [evaluation.blank(self.name, METRICS, cells, setting=setting) for setting in SETTINGS]
            return Outcome([record for row in rows for record in row])
        metric = ClinicalEfficacy("micro", 14, evaluation.scoring.protocol.uncertain)
        if parameters.cells == "efficacy":
            chosen = evaluation.scoring.clinical_efficacy
            metric = ClinicalEfficacy("micro", chosen.observations, chosen.uncertain, chosen.target)
        statistics = metric.statistics(cells.expected, cells.given, cells.spoken)
        columns = [observation_index(name) for name in metric.names]
        areas = auroc(cells.probabilities, cells.target, cells.certain)[0][columns]
        f1 = metric.observation_rows(statistics, np.ones((1, len(statistics))))[0][:, 2]
        both = ~np.isnan(areas) & ~np.isnan(f1)
        by_study, said = _by_study(metric, statistics, parameters.nothing)
        # of a study without a certain cell the classifier is neither right nor wrong
        judged = cells.certain.any(axis=1)
        counted = said & judged
        no_probabilities = improbable(cells.probabilities[cells.certain])
        pairs = {
            "observations": (areas[both], f1[both]),
            "studies": (cross_entropy(cells)[counted], by_study[counted]),
        }
        missing = [OBSERVATIONS[column] for column, ok in zip(columns, both, strict=True) if not ok]
        left_out = {
            "on which the classifier can't be judged": int((~judged).sum()),
            "with nothing positive on either side": int((judged & ~said).sum()),
        }
        notes = {
            "observations": f"without {', '.join(missing)}" if missing else None,
            "studies": ", ".join(f"without {count} studies {why}" for why, count in left_out.items() if count) or None,
        }
        signature = cells.signature(evaluation, REPLICATES).with_extras(**parameters.stated)
        subjects = evaluation.subjects([study for study, one in zip(cells.studies, counted, strict=True) if one])
        records: list[Record] = []
        resamples: dict[int, Floats] = {}
        for setting, (x, y) in pairs.items():
            if setting == "studies" and no_probabilities:
                records += evaluation.blank(self.name, METRICS, no_probabilities, setting=setting)
                continue
            whose = subjects if setting == "studies" else None
            for kind in METRICS:
                found = correlation(x, y, kind, REPLICATES, evaluation.seed, subjects=whose)  # type: ignore[arg-type]
                if not found.undefined:
                    resamples[len(records)] = found.resamples
                records.append(
                    evaluation.record(
                        self.name,
                        kind,
                        setting=setting,
                        value=found.value,
                        low=found.low,
                        high=found.high,
                        n=found.n,
                        signature=evaluation.labelled(signature, n=found.n, setting=setting),
                        reason=found.undefined or notes[setting],
                    )
                )
        return Outcome(records, resamples)


def cross_entropy(cells: JudgedCells) -> Floats:
    """The classifier's mean cross-entropy (n,) over a study's certain cells, 0 where it has none.

    Probabilities are held off 0 and 1.
    """
    clipped = cells.probabilities.clip(1e-6, 1 - 1e-6)
    entropy = -np.where(cells.target == 1, np.log(clipped), np.log1p(-clipped))
    mean: Floats = (entropy * cells.certain).sum(axis=1) / np.maximum(cells.certain.sum(axis=1), 1)
    return mean


def _by_study(metric: ClinicalEfficacy, statistics: Statistics, nothing: str) -> tuple[Floats, NDArray[np.bool_]]:
    """F1 of each report (n,), and which studies count."""
    size = len(metric.names)
    empty = statistics[:, : 3 * size].sum(axis=1) == 0
    values = np.where(empty, 1.0 if nothing == "one" else 0.0, metric.per_study(statistics)[:, 2])
    return values, ~empty if nothing == "left-out" else np.ones(len(values), dtype=np.bool_)


TASK = ErrorCorrelation()
