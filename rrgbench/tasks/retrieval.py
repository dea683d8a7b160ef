"""Task: 5x200 image-text retrieval, Precision@K (as in GLoRIA and MedCLIP).

Frontal films that show exactly one of the five competition observations, and none of the 13 others, query the reports
of the same studies (of an unpaired corpus: the text source's reports, sampled in the same way); a report is right if
its class is the film's. The sample is drawn, or a given list of studies. What is retrieved may also be sentences, texts
of another corpus, or leave out the film's own (`rrgbench.tasks.candidates`).
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BeforeValidator, Field, PlainSerializer, ValidationInfo

from rrgbench.data.corpus import Corpus
from rrgbench.data.five_by_200 import FiveBy200, Over, SampleList, find_listed, read_list, sample
from rrgbench.data.study import Study
from rrgbench.errors import InputError, listed
from rrgbench.labelers.study_labels import can_be_labelled, labels_source, study_labels
from rrgbench.metrics.means import weighted_mean
from rrgbench.metrics.precision_at_k import precision_at_k, precision_at_k_of_similarity, similarities
from rrgbench.models import Images, ImageTextEncoder, ImageTextSimilarity
from rrgbench.observations import COMPETITION_OBSERVATIONS
from rrgbench.render.record_tables import Headline, TableDescription
from rrgbench.tasks.base import Distinct, Outcome, Task, TaskParameters, Unit
from rrgbench.tasks.candidates import OtherCorpus, Texts, own_texts, sentence_sample
from rrgbench.tasks.context import Evaluation

METRIC = "precision_at_k"

_ROUNDED = 0.01
"""By how much a length may miss 1: as far as half precision rounds."""

log = logging.getLogger(__name__)


def _read_list(given: Any, info: ValidationInfo) -> Any:
    """Read the list that a suite names; a relative path is taken from the suite's own folder."""
    if not isinstance(given, str | Path):
        return given
    return read_list(Path((info.context or {}).get("folder", ".")) / given)


class RetrievalParameters(TaskParameters):
    """5x200 image-text retrieval.

    `sample` is a JSON file of study ids (`rrgbench data five-by-200` writes one): the films to query with, instead of
    drawing them. It is read when the suite is, and stands in what is dumped by the digest of its ids, so that a unit of
    work depends on what the list says and not on where it lies.

    `over` and `frontal` say which studies may be drawn (`rrgbench.data.five_by_200`): by default those of the published
    rule; `over: five` with `frontal: false` is that of version 3. A list need only be exclusive among the five, and the
    signature says which rule all of it follows.

    `texts`, `own` and `other` say what is retrieved: whole reports or sentences; whether the film's own report, or a
    sentence that stands in it, counts among the candidates; and the corpus that they come from if not the films' own
    (their text source). The defaults are GLoRIA's, the reports of the same studies; MedCLIP's table has sentences of
    another corpus.
    """

    per_class: int = Field(default=200, ge=2)
    ks: Annotated[tuple[Annotated[int, Field(gt=0)], ...], Distinct] = Field(default=(1, 2, 5, 10), min_length=1)
    seed: int = Field(default=0, ge=0)
    over: Over = "all"
    frontal: bool = True
    texts: Texts = "reports"
    own: bool = True
    other: OtherCorpus | None = None
    sample: Annotated[
        SampleList | None,
        BeforeValidator(_read_list),
        PlainSerializer(lambda sample: sample and f"list@{sample.digest}", return_type=str | None),
    ] = None


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
    hidden : bool array (n, c)
        Candidates that a query is not compared with.
    """

    values: NDArray[np.float64]
    ks: tuple[int, ...]
    queries: FiveBy200
    candidates: FiveBy200
    pool: str
    hidden: NDArray[np.bool_]


class NothingToRetrieveError(InputError):
    """What a model or a corpus does not offer, so that there is nothing to measure; no mistake."""


def answers(evaluation: Evaluation, parameters: RetrievalParameters) -> Answers:
    """Precision of each query.

    Raises
    ------
    NothingToRetrieveError
        If the model compares no films with reports, or the corpus gives no sample or no reports.
    InputError
        If a film can't be read, or the model answers something else than vectors or similarities.
    """
    model = evaluation.model
    if not isinstance(model, ImageTextEncoder | ImageTextSimilarity):
        raise NothingToRetrieveError("the model compares no films with reports")
    queries, candidates, split = _samples(evaluation, parameters)
    texts = [study.report or "" for study in candidates.studies]
    if not any(texts):
        raise NothingToRetrieveError("the films have no reports to retrieve")
    hidden = np.zeros((len(queries.studies), len(texts)), dtype=bool)
    if not parameters.own:
        hidden = own_texts(queries, candidates, parameters.texts)
    ks = tuple(k for k in parameters.ks if k <= len(texts) - hidden.sum(axis=1).max())
    if not ks:
        raise NothingToRetrieveError(f"only {len(texts)} candidates")
    if isinstance(model, ImageTextSimilarity):
        own_similarity = model.similarity

        def similarity_of(images: Images) -> NDArray[np.floating]:
            return own_similarity(images, texts)

        # in large batches, since the candidates are read anew with each
        similarity = evaluation.answers(similarity_of, queries.studies, 1024, width=len(texts))
    else:
        films = _units(evaluation.answers(model.embed_images, queries.studies), f"{model.name}: vectors of films")
        given = evaluation.table(model.embed_reports, model.embed_reports(texts), len(texts), what="reports")
        vectors = _units(given, f"{model.name}: vectors of reports")
        if parameters.own:
            values = precision_at_k(films, vectors, queries.classes, candidates.classes, ks)
            return Answers(values, ks, queries, candidates, split, hidden)
        similarity = similarities(films, vectors).astype(np.float64)
    similarity[hidden] = -np.inf
    values = precision_at_k_of_similarity(similarity, queries.classes, candidates.classes, ks)
    return Answers(values, ks, queries, candidates, split, hidden)


def _units(vectors: NDArray[np.float64], whose: str) -> NDArray[np.float32]:
    """Vectors as they are where they have unit length, but for rounding, which a model promises; else scaled to it, and
    that is told: long vectors would be near to everything."""
    lengths = np.linalg.norm(vectors, axis=1)
    # what is no number is refused by name where it is compared
    if np.isfinite(lengths).all() and (np.abs(lengths - 1) > _ROUNDED).any():
        log.warning("%s are not of unit length (%.3g to %.3g); cosines are taken", whose, lengths.min(), lengths.max())
        vectors = vectors / np.where(lengths > 0, lengths, 1)[:, None]
    return vectors.astype(np.float32)


class Retrieval(Task):
    """Precision@K for each K, with the interval over queries, and the chance level."""

    name = "retrieval"
    version = 7
    parameters = RetrievalParameters
    tables = (
        TableDescription(
            "Image-text retrieval",
            (METRIC, "chance_precision"),
            apart=("metric", "k"),
            headline=(Headline(METRIC, k=5),),
        ),
    )

    def units(self, parameters: RetrievalParameters) -> Sequence[Unit]:
        """One; another corpus that texts come from is part of it."""
        inputs = {} if parameters.other is None else {"texts_of": parameters.other.load().digest}
        return (Unit("retrieval", inputs),)

    def run(self, evaluation: Evaluation, parameters: RetrievalParameters, unit: Unit) -> Outcome:
        """Query with the sample's films.

        Raises
        ------
        InputError
            If the list that the parameters name is not one of this corpus.
        """
        if parameters.sample is not None:
            # A list that was asked for and does not fit is a mistake, not a blank cell.
            listed_sample(evaluation.corpus, parameters.sample)
        try:
            found = answers(evaluation, parameters)
        except NothingToRetrieveError as error:
            rows = [evaluation.blank(self.name, [METRIC], str(error), k=k) for k in parameters.ks]
            return Outcome([record for row in rows for record in row])
        values, queries, candidates = found.values, found.queries, found.candidates
        n, count = len(values), len(candidates.studies)
        signature = evaluation.signature(
            n,
            sample=_stated(queries, candidates),
            drawn=queries.rule,
            candidates=count,
            seed=None if candidates.seed is None else parameters.seed,
            pool=found.pool,
            texts=parameters.texts,
            own="kept" if parameters.own else "left-out",
            of=None if parameters.other is None else parameters.other.load().identity,
        )
        aggregate = partial(weighted_mean, values)
        bounds, resamples = evaluation.resampled(aggregate, queries.studies)
        right = candidates.classes == queries.classes[:, None]
        chance = float(np.mean((right & ~found.hidden).sum(axis=1) / (~found.hidden).sum(axis=1)))
        records = [
            evaluation.record(
                self.name, METRIC, k=k, value=value, low=low, high=high, n=n, signature=signature.with_extras(k=k)
            )
            for k, value, (low, high) in zip(found.ks, values.mean(axis=0), bounds, strict=True)
        ]
        few = [
            row
            for k in parameters.ks
            if k not in found.ks
            for row in evaluation.blank(self.name, [METRIC], f"only {count} candidates", k=k)
        ]
        level = evaluation.record(self.name, "chance_precision", value=chance, n=n, signature=signature)
        return Outcome([*records, *few, level], dict(enumerate(resamples.T)))


def pool_of(corpus: Corpus, split: str) -> str:
    """The split that queries are drawn from: the corpus's retrieval pool, else the given split."""
    return "retrieval" if "retrieval" in corpus.splits else split


def drawn_sample(
    corpus: Corpus, split: str, per_class: int, seed: int, over: Over = "all", frontal: bool = True
) -> FiveBy200:
    """Draw from one split the studies to query with; parameters as of `rrgbench.data.five_by_200.sample`.

    What a corpus offers at all, films or reports beside them, each study drawn must have: an empty report can't be
    retrieved by what it says.

    Raises
    ------
    InputError
        As `rrgbench.data.five_by_200.sample`.
    """
    films = any(study.images for study in corpus.studies)
    reports = corpus.paired and any(map(_reported, corpus.studies))
    return sample(
        with_labels(corpus.split(split)),
        per_class,
        seed,
        lambda study: (bool(study.images) or not films) and (_reported(study) or not reports),
        over,
        frontal,
    )


def listed_sample(corpus: Corpus, wanted: SampleList) -> FiveBy200:
    """The studies of a given list, of whatever split.

    Raises
    ------
    InputError
        If an id is unknown, has nothing to tell its class by, or is not exclusive for its observation.
    """
    ids = set(wanted.study_ids)
    found = [study for study in corpus.studies if study.study_id in ids]
    bare = [study.study_id for study in found if not can_be_labelled(study)]
    if bare:
        raise InputError(f"{wanted.name}: {len(bare)} studies have neither labels nor a report: {listed(bare)}")
    filmless = [study.study_id for study in found if not study.images]
    if filmless:
        raise InputError(f"{wanted.name}: {len(filmless)} studies have no film to query with: {listed(filmless)}")
    silent = [study.study_id for study in found if not _reported(study)]
    if corpus.paired and 0 < len(silent) < len(found):
        raise InputError(f"{wanted.name}: {len(silent)} studies have no report to retrieve: {listed(silent)}")
    return find_listed(wanted, with_labels(found))


def _reported(study: Study) -> bool:
    return bool((study.report or "").strip())


def with_labels(studies: Sequence[Study]) -> tuple[Study, ...]:
    """Studies with labels: their own, or those of their report; studies with neither are left out."""
    known = [study for study in studies if can_be_labelled(study)]
    if not known:
        return ()
    if all(study.labels is not None for study in known):
        return tuple(known)
    return tuple(
        study if study.labels is not None else replace(study, labels=row, labels_source=labels_source([study]))
        for study, row in zip(known, study_labels(known), strict=True)
    )


def _samples(evaluation: Evaluation, parameters: RetrievalParameters) -> tuple[FiveBy200, FiveBy200, str]:
    """Films, reports, and the splits that the films come from."""
    corpus, split = evaluation.corpus, pool_of(evaluation.corpus, evaluation.suite.split)
    try:
        if parameters.sample is None:
            queries = drawn_sample(
                corpus, split, parameters.per_class, parameters.seed, parameters.over, parameters.frontal
            )
        else:
            queries = listed_sample(corpus, parameters.sample)
            split = "+".join(sorted({study.split for study in queries.studies}))
            if "train" in split:
                log.warning("%s lists studies of the training split", parameters.sample.name)
        return *_same_classes(queries, _candidates(evaluation, parameters, queries)), split
    except InputError as error:
        raise NothingToRetrieveError(f"no 5x200 sample: {error}") from error


def _candidates(evaluation: Evaluation, parameters: RetrievalParameters, queries: FiveBy200) -> FiveBy200:
    """What is retrieved: the films' own studies, or a sample of texts."""
    corpus, other = evaluation.corpus, parameters.other
    if other is None and corpus.paired and parameters.texts == "reports":
        return queries
    if other is not None:
        source = other.load()
        told = source.reports(pool_of(source, evaluation.suite.split))
    else:
        told = corpus.reports(pool_of(corpus, evaluation.suite.split) if corpus.paired else evaluation.suite.split)
    studies = [study for study in told if _reported(study)]
    if parameters.texts == "sentences":
        return sentence_sample(studies, parameters.per_class, parameters.seed, parameters.over)
    return sample(with_labels(studies), parameters.per_class, parameters.seed, over=parameters.over)


def _stated(queries: FiveBy200, candidates: FiveBy200) -> str:
    """How films and reports stand in the signature: `5x200/200` drawn, `5x200:list@1a2b3c4d` given."""
    if queries.seed is not None:
        return f"{queries.size}/{candidates.per_class}"
    return queries.signature if candidates.seed is None else f"{queries.signature}/{candidates.per_class}"


def _same_classes(queries: FiveBy200, candidates: FiveBy200) -> tuple[FiveBy200, FiveBy200]:
    """Both samples over the classes that both have."""
    shared = np.intersect1d(queries.classes, candidates.classes)
    if len(shared) < 2:
        raise InputError(f"films and reports share {len(shared)} of the five classes; at least two are needed")
    return _only(queries, shared), _only(candidates, shared)


def _only(drawn: FiveBy200, classes: np.ndarray) -> FiveBy200:
    kept = np.isin(drawn.classes, classes)
    return replace(
        drawn,
        studies=tuple(study for study, keep in zip(drawn.studies, kept, strict=True) if keep),
        classes=drawn.classes[kept],
        left_out=tuple(name for position, name in enumerate(COMPETITION_OBSERVATIONS) if position not in classes),
    )


TASK = Retrieval()
