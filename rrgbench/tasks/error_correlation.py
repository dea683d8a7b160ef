"""Task: pipeline error correlation, how classifier errors go with report errors (App. C of the DCRRG paper).

Over observations: the AUROC of the model's own predictions against the F1 of its reports. Over studies: the
classifier's cross-entropy against the report's own F1.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rrgbench.data.corpus import training_items
from rrgbench.labelers.study_labels import can_be_labelled, labels_source, study_labels
from rrgbench.metrics.auroc import auroc
from rrgbench.metrics.clinical_efficacy import ClinicalEfficacy
from rrgbench.models import ObservationClassifier
from rrgbench.observations import OBSERVATIONS, POSITIVE
from rrgbench.render.record_tables import Headline, TableDescription
from rrgbench.runs.records import Record
from rrgbench.stats.correlation import correlation
from rrgbench.tasks.base import Outcome, Task, Unit
from rrgbench.tasks.context import Evaluation

METRICS = ("pearson", "spearman", "kendall")
SETTINGS = ("observations", "studies")


class ErrorCorrelation(Task):
    """Correlations over observations and over studies, with intervals."""

    name = "error_correlation"
    version = 3
    reads_reports = True
    tables = (
        TableDescription(
            "Pipeline error correlation",
            METRICS,
            apart=("setting", "metric"),
            headline=(Headline("pearson", words="error correlation"),),
        ),
    )

    def run(self, evaluation: Evaluation, parameters: Any, unit: Unit) -> Outcome:
        """Correlate what the classifier and what the reports get wrong."""
        model, reports = evaluation.model, evaluation.reports

        def blank(reason: str) -> Outcome:
            rows = [evaluation.blank(self.name, METRICS, reason, setting=setting) for setting in SETTINGS]
            return Outcome([record for row in rows for record in row])

        if reports is None or not isinstance(model, ObservationClassifier):
            return blank("the model must both write reports and predict observations")
        studies = [study for study in evaluation.studies if can_be_labelled(study)]
        if not studies:
            return blank("no film has labels or a report to label")
        labels = study_labels(studies)
        known = training_items(labels, evaluation.corpus.labelled_observations)
        target = (labels == POSITIVE).astype(np.int8)
        probabilities = evaluation.answers(model.predict_observations, studies)
        # a file of predictions may lack observations
        known = known & ~np.isnan(probabilities)
        probabilities = np.nan_to_num(probabilities)
        options = evaluation.scoring
        texts = [reports[study.study_id] for study in studies]
        # as clinical efficacy reads them
        read = options.protocol.clean(texts) if options.protocol.labelled_text == "cleaned" else texts
        metric = ClinicalEfficacy("micro", 14, options.protocol.uncertain)
        statistics = metric.statistics(labels, options.tool.label(read), known)
        areas = auroc(probabilities, target, known)[0]
        f1 = metric.observation_rows(statistics, np.ones((1, len(studies))))[0][:, 2]
        both = ~np.isnan(areas) & ~np.isnan(f1)
        clipped = probabilities.clip(1e-6, 1 - 1e-6)
        entropy = -np.where(target == 1, np.log(clipped), np.log1p(-clipped))
        loss = (entropy * known).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
        pairs = {"observations": (areas[both], f1[both]), "studies": (loss, metric.per_study(statistics)[:, 2])}
        missing = [name for name, ok in zip(OBSERVATIONS, both, strict=True) if not ok]
        signature = evaluation.signature(
            len(studies),
            labels=labels_source(studies),
            bootstrap=f"percentile-200-95-seed{evaluation.seed}",
        )
        records: list[Record] = []
        resamples: dict[int, NDArray[np.float64]] = {}
        for setting, (x, y) in pairs.items():
            for kind in METRICS:
                # 200 resamples are enough for these intervals; SciPy's rank correlations are recomputed for each
                found = correlation(x, y, kind, replicates=200, seed=evaluation.seed)  # type: ignore[arg-type]
                if not found.undefined:
                    resamples[len(records)] = found.resamples
                note = f"without {', '.join(missing)}" if setting == "observations" and missing else None
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
                        reason=found.undefined or note,
                    )
                )
        return Outcome(records, resamples)


TASK = ErrorCorrelation()
