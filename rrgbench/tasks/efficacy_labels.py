"""Labels of references and reports as the clinical-efficacy table reads them, for tasks that count them otherwise."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rrgbench.data.study import Study
from rrgbench.labelers.study_labels import study_labels
from rrgbench.metrics.clinical_efficacy import Labels
from rrgbench.observations import OBSERVATIONS
from rrgbench.scoring.options import ReferenceLabels, scoring
from rrgbench.scoring.report_files import ReportPairs
from rrgbench.scoring.reports_in_memory import pair_in_memory
from rrgbench.scoring.score import looked_up
from rrgbench.scoring.texts import PreparedReports
from rrgbench.tasks.context import Evaluation


def efficacy_labels(evaluation: Evaluation, studies: Sequence[Study]) -> tuple[Labels, Labels, NDArray[np.bool_]]:
    """Labels of references and reports (n, 14), and where the references speak.

    Parameters
    ----------
    evaluation : Evaluation
        With the model's reports.
    studies : sequence of Study
        Those that have a reference, where any has; else their own labels are the reference.
    """
    options, reports = scoring(**evaluation.scoring_options()), evaluation.reports or {}
    references = evaluation.references
    ids = [study.study_id for study in studies]
    hypotheses = {study_id: reports[study_id] for study_id in ids}
    everywhere = np.ones((len(studies), len(OBSERVATIONS)), dtype=np.bool_)
    if references:
        pairs = pair_in_memory({study_id: references[study_id] for study_id in ids}, hypotheses, options.allow)
        options, given = looked_up(pairs, options, None)
        expected, found = PreparedReports(pairs, options, given).labelled
        return expected, found, everywhere if given is None or given.known is None else everywhere & given.known
    known = np.array([name in evaluation.corpus.labelled_observations for name in OBSERVATIONS])
    pairs = ReportPairs(tuple(ids), (), tuple(hypotheses.values()))
    expected, found = PreparedReports(pairs, options, ReferenceLabels(study_labels(studies), known=known)).labelled
    return expected, found, everywhere & known
