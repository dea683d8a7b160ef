"""Task: 5x200 image-text retrieval, Precision@K (as in GLoRIA and MedCLIP).

Films that are positive for exactly one of the five competition observations query the reports of the same studies (of
an unpaired corpus: the text source's reports, sampled in the same way); a report is right if its class is the film's.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from rrgbench.data.five_by_200 import FiveBy200, sample
from rrgbench.data.study import Study
from rrgbench.errors import InputError
from rrgbench.labelers.study_labels import can_be_labelled, study_labels
from rrgbench.metrics.means import weighted_mean
from rrgbench.metrics.precision_at_k import precision_at_k, precision_at_k_of_similarity
from rrgbench.registry import ImageTextEncoder, ImageTextSimilarity
from rrgbench.runs.records import Record
from rrgbench.stats.bootstrap import intervals
from rrgbench.suites.suite import Retrieval
from rrgbench.tasks.evaluation import Evaluation

TASK = "retrieval"
METRIC = "precision_at_k"


@dataclass(frozen=True)
class Answers:
    """What each query got right.

    Attributes
    ----------
    values : float64 array (n, m)
        Precision of each query at each K.
    ks : tuple of int
        The Ks, those that there are enough candidates for.
    queries, candidates : FiveBy200
        The sampled films and reports.
    pool : str
        The split that they come from.
    """

    values: NDArray[np.float64]
    ks: tuple[int, ...]
    queries: FiveBy200
    candidates: FiveBy200
    pool: str


def answers(evaluation: Evaluation, parameters: Retrieval) -> Answers:
    """Precision of each query.

    Raises
    ------
    InputError
        If the model compares no films with reports, or the corpus gives no sample or no reports.
    """
    model = evaluation.model
    if not isinstance(model, ImageTextEncoder | ImageTextSimilarity):
        raise InputError("the model compares no films with reports")
    split = _pool(evaluation)
    try:
        queries = sample(_labelled(evaluation.corpus.split(split)), parameters.per_class, parameters.seed)
        candidates = queries
        if not evaluation.corpus.paired:
            candidates = sample(
                _labelled(evaluation.corpus.reports(evaluation.suite.split)), parameters.per_class, parameters.seed
            )
        queries, candidates = _same_classes(queries, candidates)
    except InputError as error:
        raise InputError(f"no 5x200 sample: {error}") from error
    texts = [study.report or "" for study in candidates.studies]
    if not any(texts):
        raise InputError("the films have no reports to retrieve")
    films = evaluation.load(queries.studies)
    ks = tuple(k for k in parameters.ks if k <= len(texts))
    if isinstance(model, ImageTextSimilarity):
        values = precision_at_k_of_similarity(
            np.asarray(model.similarity(films, texts), dtype=np.float64), queries.classes, candidates.classes, ks
        )
    else:
        values = precision_at_k(
            model.embed_images(films), model.embed_reports(texts), queries.classes, candidates.classes, ks
        )
    return Answers(values, ks, queries, candidates, split)


def run(evaluation: Evaluation, parameters: Retrieval) -> list[Record]:
    """Precision@K for each K, with the interval over queries, and the chance level."""
    try:
        found = answers(evaluation, parameters)
    except InputError as error:
        return [row for k in parameters.ks for row in evaluation.blank(TASK, [METRIC], str(error), k=k)]
    values, queries, candidates = found.values, found.queries, found.candidates
    n, count = len(values), len(candidates.studies)
    signature = evaluation.signature(
        n,
        sample=f"{len(set(queries.classes.tolist()))}x{queries.per_class}/{candidates.per_class}",
        candidates=count,
        seed=parameters.seed,
        pool=found.pool,
    )
    bounds = intervals(partial(weighted_mean, values), n, evaluation.suite.replicates, evaluation.seed)
    counts = np.bincount(candidates.classes)
    chance = float(np.mean(counts[queries.classes] / count))
    return [
        *[
            evaluation.record(
                TASK, METRIC, k=k, value=value, low=low, high=high, n=n, signature=signature.with_extras(k=k)
            )
            for k, value, (low, high) in zip(found.ks, values.mean(axis=0), bounds, strict=True)
        ],
        *[
            row
            for k in parameters.ks
            if k not in found.ks
            for row in evaluation.blank(TASK, [METRIC], f"only {count} candidates", k=k)
        ],
        evaluation.record(TASK, "chance_precision", value=chance, n=n, signature=signature),
    ]


def _pool(evaluation: Evaluation) -> str:
    """The split that queries come from: the corpus's retrieval pool, else the scored split."""
    return "retrieval" if "retrieval" in evaluation.corpus.splits else evaluation.suite.split


def _labelled(studies: Sequence[Study]) -> tuple[Study, ...]:
    """Studies with labels: their own, or those of their report; studies with neither are left out."""
    known = [study for study in studies if can_be_labelled(study)]
    if not known:
        return ()
    if all(study.labels is not None for study in known):
        return tuple(known)
    return tuple(
        study if study.labels is not None else replace(study, labels=row, labels_source="rules")
        for study, row in zip(known, study_labels(known), strict=True)
    )


def _same_classes(queries: FiveBy200, candidates: FiveBy200) -> tuple[FiveBy200, FiveBy200]:
    """Both samples over the classes that both have."""
    shared = np.intersect1d(queries.classes, candidates.classes)
    if len(shared) < 2:
        raise InputError(f"films and reports share {len(shared)} of the five classes; at least two are needed")
    return _only(queries, shared), _only(candidates, shared)


def _only(drawn: FiveBy200, classes: np.ndarray) -> FiveBy200:
    kept = np.isin(drawn.classes, classes)
    return FiveBy200(
        tuple(study for study, keep in zip(drawn.studies, kept, strict=True) if keep),
        drawn.classes[kept],
        drawn.per_class,
    )
