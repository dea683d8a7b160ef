"""Task: pipeline error correlation, how classifier errors go with report errors (App. C of the DCRRG paper).

Over observations: the AUROC of the model's own predictions against the F1 of its reports. Over studies: the
classifier's cross-entropy against the report's own F1.
"""

import numpy as np

from rrgbench import labelers
from rrgbench.data.corpus import training_items
from rrgbench.labelers.study_labels import can_be_labelled, study_labels
from rrgbench.metrics.auroc import auroc
from rrgbench.metrics.clinical_efficacy import ClinicalEfficacy
from rrgbench.models import ObservationClassifier
from rrgbench.observations import OBSERVATIONS, POSITIVE
from rrgbench.runs.records import Record
from rrgbench.scoring.protocols import load_protocol
from rrgbench.stats.correlation import correlation
from rrgbench.tasks.context import Evaluation

TASK = "error_correlation"
METRICS = ("pearson", "spearman", "kendall")


def run(evaluation: Evaluation) -> list[Record]:
    """Correlations over observations and over studies, with intervals."""
    settings = ("observations", "studies")
    model = evaluation.model
    if evaluation.reports is None or not isinstance(model, ObservationClassifier):
        return [
            row
            for setting in settings
            for row in evaluation.blank(
                TASK, METRICS, "the model must both write reports and predict observations", setting=setting
            )
        ]
    studies = [study for study in evaluation.studies if can_be_labelled(study)]
    if not studies:
        return [
            row
            for setting in settings
            for row in evaluation.blank(TASK, METRICS, "no film has labels or a report to label", setting=setting)
        ]
    labels = study_labels(studies)
    known = training_items(labels, evaluation.corpus.labelled_observations)
    target = (labels == POSITIVE).astype(np.int8)
    probabilities = evaluation.answers(model.predict_observations, studies)
    protocol = load_protocol(evaluation.protocol)
    written = labelers.load(protocol.labeler).label([evaluation.reports[study.study_id] for study in studies])
    metric = ClinicalEfficacy("micro", 14, protocol.uncertain)
    statistics = metric.statistics(labels, written, known)
    areas = auroc(probabilities, target, known)[0]
    f1 = metric.observation_rows(statistics, np.ones((1, len(studies))))[0][:, 2]
    both = ~np.isnan(areas) & ~np.isnan(f1)
    clipped = probabilities.clip(1e-6, 1 - 1e-6)
    entropy = -np.where(target == 1, np.log(clipped), np.log1p(-clipped))
    loss = (entropy * known).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    pairs = {
        "observations": (areas[both], f1[both]),
        "studies": (loss, metric.per_study(statistics)[:, 2]),
    }
    missing = [name for name, ok in zip(OBSERVATIONS, both, strict=True) if not ok]
    records = []
    for setting, (x, y) in pairs.items():
        for kind in METRICS:
            # 200 resamples are enough for these intervals; SciPy's rank correlations are recomputed for each
            found = correlation(x, y, kind, replicates=200, seed=evaluation.seed)  # type: ignore[arg-type]
            note = f"without {', '.join(missing)}" if setting == "observations" and missing else None
            records.append(
                evaluation.record(
                    TASK,
                    kind,
                    setting=setting,
                    value=found.value,
                    low=found.low,
                    high=found.high,
                    n=found.n,
                    signature=evaluation.signature(
                        found.n,
                        setting=setting,
                        labels=studies[0].labels_source or "rules",
                        bootstrap=f"percentile-200-95-seed{evaluation.seed}",
                    ),
                    reason=found.undefined or note,
                )
            )
    return records
