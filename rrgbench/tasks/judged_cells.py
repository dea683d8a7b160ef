"""What a model's classifier and its reports say of each study's observations, beside what is true of them.

Both tasks about a pipeline's errors start here. The classifier is held against the labels that AUROC is computed from,
the reports against what the clinical-efficacy table compares them with, so that each error is the one its own table
counts.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rrgbench.data.corpus import training_items
from rrgbench.data.study import Study
from rrgbench.labelers.asking import labels_of
from rrgbench.labelers.study_labels import can_be_labelled, labels_source, study_labels
from rrgbench.metrics.clinical_efficacy import Labels
from rrgbench.models import ObservationClassifier
from rrgbench.observations import POSITIVE
from rrgbench.scoring.signature import Signature
from rrgbench.scoring.texts import labelled_texts
from rrgbench.tasks.context import Evaluation
from rrgbench.tasks.efficacy_labels import efficacy_labels

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class JudgedCells:
    """Cells are (study, observation) pairs (n, 14).

    Attributes
    ----------
    studies : tuple of Study
        Rows.
    probabilities : float64 array (n, 14)
        The classifier's; 0 where it gives none, which `certain` leaves out.
    target : int8 array (n, 14)
        1 where the study's label is positive.
    certain : bool array (n, 14)
        Where the classifier can be right or wrong: the label is there and not uncertain, and it gave a probability.
    expected, given : int8 arrays (n, 14)
        Labels of the reference and of the model's report, in CheXpert coding.
    spoken : bool array (n, 14)
        Where the reference speaks.
    """

    studies: tuple[Study, ...]
    probabilities: Floats
    target: NDArray[np.int8]
    certain: Flags
    expected: Labels
    given: Labels
    spoken: Flags

    def signature(self, evaluation: Evaluation, replicates: int) -> Signature:
        """A signature of numbers that rest on these cells."""
        base = evaluation.signature(
            len(self.studies),
            labels=labels_source(self.studies),
            bootstrap=evaluation.bootstrap(replicates),
        )
        return evaluation.labelled(base)


def judged_cells(evaluation: Evaluation, by_labels: bool = False) -> JudgedCells | str:
    """The cells of an evaluation's studies, or why there are none.

    Parameters
    ----------
    evaluation : Evaluation
        With the model's reports.
    by_labels : bool
        Whether reports are held against the studies' labels, where those are certain, as error correlation did until
        its version 3; by default against what the clinical-efficacy table holds them against.
    """
    model, reports = evaluation.model, evaluation.reports
    if reports is None or not isinstance(model, ObservationClassifier):
        return "the model must both write reports and predict observations"
    references = {} if by_labels else evaluation.references
    studies = tuple(
        study
        for study in evaluation.studies
        if (study.study_id in references if references else can_be_labelled(study))
    )
    if not studies:
        return "no film has labels or a report to label"
    labels = study_labels(studies)
    certain = training_items(labels, evaluation.corpus.labelled_observations)
    answered = evaluation.observations_of(model, studies)
    # a file of predictions may lack observations
    certain = certain & ~np.isnan(answered)
    texts = [reports[study.study_id] for study in studies]
    if by_labels:
        _, read = labelled_texts((), texts, evaluation.scoring)
        expected, given, spoken = labels, labels_of(evaluation.scoring.tool, read), certain
    else:
        expected, given, spoken = efficacy_labels(evaluation, studies)
    target = (labels == POSITIVE).astype(np.int8)
    return JudgedCells(studies, np.nan_to_num(answered), target, certain, expected, given, spoken)
