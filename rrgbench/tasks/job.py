"""An evaluation as pieces of work: units of every model, each read where an earlier run has measured it."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from rrgbench.data.corpus import Corpus
from rrgbench.data.films.cache import FilmCache
from rrgbench.errors import InputError, MissingPartError, RrgbenchError
from rrgbench.labelers.study_labels import can_be_labelled, labels_source
from rrgbench.models import AnswersByStudy, FittedToCorpus, Model, Reads, ReportGenerator, load_model
from rrgbench.progress import Progress
from rrgbench.render.record_tables import CONSTANT, TRIVIAL
from rrgbench.runs.store import RunFolder, unit_id
from rrgbench.scoring.options import Scoring, scoring
from rrgbench.scoring.score import other_section
from rrgbench.tasks.base import TASKS, Outcome, Task, TaskParameters, Unit
from rrgbench.tasks.context import Evaluation
from rrgbench.tasks.report_writing import join_shares, write_reports, write_share
from rrgbench.tasks.suite import Suite

log = logging.getLogger(__name__)

WRITING_VERSION = 1
"""Raised when reports would be written otherwise; part of their file's name."""


@dataclass(frozen=True)
class Options:
    """How a suite is run, beside what is evaluated on what.

    Attributes
    ----------
    protocol : str
        For text and clinical efficacy.
    seed : int
        Of bootstrap resamples.
    also : sequence of Model
        Further models to stand in the tables.
    film_cache : Path or FilmCache, optional
        Folder in which decoded films are kept, or a cache that several evaluations share.
    overall : callable, optional
        Told which unit of the whole job begins, as `rrgbench.progress.Progress`.
    batch_size : int, optional
        Studies that a model is given at a time; each task's own number if omitted.
    workers : int, optional
        Processes of the backend, or, without one, those that decode films; all cores if omitted.
    backend : {"processes", "dask", "ray"}, optional
        What measures units (`rrgbench.tasks.fan_out`); this process, one after the other, if omitted.
    scheduler : str, optional
        Address of Dask's scheduler or of a Ray cluster; workers are started on this machine if omitted.
    predicted_studies : bool
        Whether the studies that files of predictions name are evaluated, of whatever split they are.
    """

    protocol: str = "dcrrg"
    seed: int = 0
    also: Sequence[Model] = ()
    film_cache: Path | FilmCache | None = None
    overall: Progress | None = None
    batch_size: int | None = None
    workers: int | None = None
    backend: str | None = None
    scheduler: str | None = None
    predicted_studies: bool = False


class BestConstant:
    """Lends its name to the values of the best constant report; it writes nothing itself."""

    name, image_size = "best-constant", 1

    def __init__(self, corpus: Corpus) -> None:
        if not corpus.has_films:
            self.reads = Reads(1, views="none")
        self.identity = f"{self.name}@1[{corpus.identity}]"


class CannotFitError(RrgbenchError):
    """A model that is made from the corpus's training split can't be made from this one."""


@dataclass(eq=False)
class Piece:
    """A unit of work of one model.

    Attributes
    ----------
    running : Running
        The model.
    task, parameters, unit
        What is measured; `unit` is None for what the best constant report reaches.
    """

    running: "Running"
    task: Task
    parameters: TaskParameters
    unit: Unit | None

    @property
    def title(self) -> str:
        """For people."""
        return self.unit.title if self.unit is not None else self.task.name.replace("_", " ")

    @property
    def inputs(self) -> dict[str, Any]:
        """All that decides what is measured."""
        whole = self.running.evaluation
        named = {"name": whole.model.name} if whole.model.name != self.running.identity.partition("@")[0] else {}
        common = {
            "parameters": self.parameters.model_dump(mode="json"),
            "model": self.running.identity,
            "corpus": whole.corpus.digest,
            "scoring": whole.scoring.digest,
            "version": self.task.version,
            **named,
        }
        if self.unit is None:
            # what its units are made of, the constants are compared by too
            units = [unit.inputs for unit in self.task.units(self.parameters) if unit.inputs]
            return {"task": f"{self.task.name} constants", **common, **({"units": units} if units else {})}
        return {**self.unit.inputs, "task": self.task.name, "labels": self.running.labels, **common}

    @property
    def there(self) -> bool:
        """Whether an earlier run has measured it."""
        return self.running.folder.get(unit_id(self.inputs)) is not None

    def measured(self) -> tuple[Outcome, bool]:
        """What it measures, and whether that had to be computed now."""
        inputs = self.inputs
        identity = unit_id(inputs)
        found = self.running.folder.get(identity)
        if found is not None:
            return Outcome(*found), False
        made = self.running.measure(self)
        self.running.folder.put(identity, inputs, made.records, made.replicates, made.arrays)
        return made, True


class Running:
    """One model of a job: fits it and has its reports written only if a unit asks for that."""

    def __init__(self, folder: RunFolder, evaluation: Evaluation) -> None:
        self.folder, self.evaluation = folder, evaluation
        self.identity = identity_on(evaluation.model, evaluation.corpus)
        # training studies too: probes learn from their labels
        self.labels = labels_source([study for study in evaluation.corpus.studies if can_be_labelled(study)])
        self._fitted = False
        self._written: dict[str, str] | None = None

    def measure(self, piece: Piece) -> Outcome:
        """What a piece of the model's work measures."""
        whole, task, parameters = self.evaluation, piece.task, piece.parameters
        if piece.unit is None:
            return Outcome(task.constants(replace(whole, limit=parameters.limit), parameters))
        if task.reads_reports and isinstance(whole.model, ReportGenerator):
            self.write()
        else:
            self._fit()
        try:
            own = replace(whole, limit=parameters.limit, written=self._written if task.reads_reports else None)
            return task.run(own, parameters, piece.unit)
        except RrgbenchError as error:
            raise type(error)(f"{whole.model.name}, {piece.title}: {error}") from error

    def write(self) -> None:
        """Have the model's reports written, where they are not there."""
        self._fit()
        if self._written is None:
            self._written = self._reports()

    @property
    def readable(self) -> bool:
        """Whether reports that units read are there in full: several processes may read them, and one writes them."""
        return not isinstance(self.evaluation.model, ReportGenerator) or self._to_write()[1].is_file()

    def write_share(self, rank: int, count: int) -> None:
        """Write the share of one of several processes, where the reports are not there."""
        self._fit()
        write_share(*self._to_write(), rank, count)

    def join_shares(self) -> None:
        """Put together what several processes wrote."""
        join_shares(*self._to_write())

    def _fit(self) -> None:
        if self._fitted or not isinstance(self.evaluation.model, FittedToCorpus):
            return
        try:
            self.evaluation.model.fit(self.evaluation.corpus, self.evaluation.films)
        except InputError as error:
            raise CannotFitError(str(error)) from error
        self._fitted = True

    def _reports(self) -> dict[str, str]:
        """Reports of all studies that some task scores, written once."""
        return write_reports(*self._to_write())

    def _to_write(self) -> tuple[Evaluation, Path]:
        """With the studies that some task scores reports of, and the file of those reports."""
        whole = self.evaluation
        tasks = [(TASKS.load(name), parameters) for name, parameters in whole.suite.tasks.items()]
        limits = [parameters.limit for task, parameters in tasks if task.reads_reports]
        limit = None if None in limits else max(one for one in limits if one is not None)
        key = unit_id(
            {
                "model": self.identity,
                "corpus": whole.corpus.digest,
                "split": whole.suite.split,
                "limit": limit,
                "version": WRITING_VERSION,
            }
        )
        path = self.folder.artifact(f"predictions/{whole.model.name}-{key[:8]}.jsonl")
        return replace(whole, limit=limit), path


@dataclass(frozen=True, eq=False)
class Job:
    """What an evaluation comes to.

    Attributes
    ----------
    corpus : Corpus
        With the studies that all models answer for.
    suite : Suite
        What is run.
    asked : tuple of Model
        The models that are evaluated; the trivial systems stand beside them.
    running : tuple of Running
        All of them.
    constant : Running
        Whose records the best constant report's are.
    """

    corpus: Corpus
    suite: Suite
    asked: tuple[Model, ...]
    running: tuple[Running, ...]
    constant: Running
    _work: tuple[tuple[Task, TaskParameters, Unit], ...] = field(repr=False)

    def pieces(self, running: Running) -> list[Piece]:
        """A model's work, in order."""
        return [Piece(running, *one) for one in self._work]

    def constants(self) -> list[Piece]:
        """What is asked of the best constant report."""
        tasks = [(TASKS.load(name), parameters) for name, parameters in self.suite.tasks.items()]
        return [
            Piece(self.constant, task, parameters, None)
            for task, parameters in tasks
            if type(task).constants is not Task.constants
        ]


def job(
    asked: Sequence[Model], corpus: Corpus, suite: Suite, folder: RunFolder, progress: Progress | None, how: Options
) -> Job:
    """Bring models, corpus and suite together, and refuse what can't be evaluated, before any work.

    Parameters
    ----------
    asked : sequence of Model
        What is evaluated.
    corpus, suite, progress
        As of `rrgbench.tasks.runner.evaluate`.
    folder : RunFolder
        Where units are kept.
    how : Options
        Its further options.

    Raises
    ------
    InputError
        If the corpus has nothing to evaluate on, a model can't be evaluated on it, or the protocol compares another
        section of the report.
    """
    for given in asked:
        _check_name(given)
    beside = [load_model(name) for name in suite.trivial if name not in {one.name for one in asked}]
    blind = [one.name for one in beside if getattr(one, "needs_films", False) and not corpus.has_films]
    if blind:
        log.warning("%s left out: corpus %s has no films", ", ".join(blind), corpus.name)
        beside = [one for one in beside if one.name not in blind]
    if how.predicted_studies:
        corpus = _predicted(corpus, suite.split, asked)
    corpus, missing = _answered(corpus, suite.split, asked)
    scores = _scoring(corpus, suite, how)
    films = how.film_cache if isinstance(how.film_cache, FilmCache) else FilmCache(how.film_cache, how.workers or -1)

    def running(model: Model) -> Running:
        allowed = _allowed(model, missing)
        whole = Evaluation(corpus, model, suite, scores, films, progress, allowed=allowed, batch_size=how.batch_size)
        return Running(folder, whole)

    models = tuple(running(one) for one in [*asked, *beside])
    for one in models:
        _check_studies(one.evaluation, asked)
    work = tuple(
        (TASKS.load(name), parameters, unit)
        for name, parameters in suite.tasks.items()
        for unit in TASKS.load(name).units(parameters)
    )
    return Job(corpus, suite, tuple(asked), models, running(BestConstant(corpus)), work)


def _check_name(model: Model) -> None:
    """Refuse what has the name of a trivial system and is not it: its row would be read as that system's.

    Raises
    ------
    InputError
        Naming the system.
    """
    if model.name not in TRIVIAL:
        return
    try:
        own = None if model.name == CONSTANT else load_model(model.name)
    except MissingPartError:
        own = None
    if type(own) is not type(model):
        raise InputError(
            f"{model.identity} is called {model.name}, the name of a trivial system that tables set beside others; "
            "give it another name (of a file, NAME=FILE)"
        )


def identity_on(model: Model, corpus: Corpus) -> str:
    """Of a model that is made from the corpus, the identity that it will have then."""
    return model.identity_on(corpus) if isinstance(model, FittedToCorpus) else model.identity


def _scoring(corpus: Corpus, suite: Suite, how: Options) -> Scoring:
    scores = scoring(
        how.protocol,
        corpus=corpus.identity,
        split=suite.split,
        seed=how.seed,
        replicates=suite.replicates,
        subjects=_subjects(corpus, suite),
        section=corpus.section or None,
    )
    if (reason := other_section(scores)) and any(TASKS.load(name).reads_reports for name in suite.tasks):
        raise InputError(
            f"corpus {corpus.name}: {reason}; load it with another section (--option section=...), "
            "or choose a protocol that compares these (rrgbench list protocols)"
        )
    if scores.protocol.needs_training:
        return scores.but(training_reports=corpus.texts("train"))
    return scores


def _subjects(corpus: Corpus, suite: Suite) -> dict[str, str] | None:
    """Subject of each study of the split, where resamples draw subjects."""
    if suite.resample == "studies":
        return None
    return {study.study_id: study.subject_id for study in corpus.evaluated(suite.split)}


def _answered(corpus: Corpus, split: str, models: Sequence[Model]) -> tuple[Corpus, int]:
    """The corpus with those studies of the split that all models have answers for, and how many are left out.

    Raises
    ------
    InputError
        If models that have their answers already lack some and that is not allowed, or share no study.
    """
    whole = corpus.evaluated(split)
    bound = {one.name: one.bind(corpus, whole) for one in models if isinstance(one, AnswersByStudy)}
    kept = {study.study_id for study in whole}.intersection(*bound.values())
    if len(kept) == len(whole):
        return corpus, 0
    if not kept:
        raise InputError(f"{', '.join(bound)} have no study of corpus {corpus.name} in common; evaluate them apart")
    log.warning("%d of %d studies are left out: not every model answers for them", len(whole) - len(kept), len(whole))
    return corpus.narrowed(split, kept), len(whole) - len(kept)


def _predicted(corpus: Corpus, split: str, models: Sequence[Model]) -> Corpus:
    """The corpus with the studies that models name as the split.

    Raises
    ------
    InputError
        If no model has its answers already, or they name none of its studies.
    """
    named = set().union(*(one.named(corpus) for one in models if isinstance(one, AnswersByStudy)))
    if not named:
        raise InputError(f"--predicted-studies: no predictions name studies of corpus {corpus.name}")
    elsewhere = sum(study.split != split for study in corpus.studies if study.study_id in named)
    log.warning("the %s split is the %d predicted studies, %d of them of other splits", split, len(named), elsewhere)
    return corpus.regrouped(split, named)


def _allowed(model: Model | None, missing: int) -> str:
    """What was allowed, for signatures: studies that the run leaves out, and what the model's files hold besides."""
    own = model.allowed if isinstance(model, AnswersByStudy) else ""
    return "+".join(filter(None, [f"missing={missing}" if missing else "", own]))


def _check_studies(evaluation: Evaluation, asked: Sequence[Model]) -> None:
    """Refuse a split with nothing to evaluate on, and a model that reads films where there are none.

    Raises
    ------
    InputError
        Saying what the corpus lacks.
    """
    corpus, split = evaluation.corpus, evaluation.suite.split
    if not evaluation.studies:
        raise InputError(
            f"corpus {corpus.name} has no {'films' if corpus.has_films else 'reports'} in its {split} split"
        )
    model = evaluation.model
    if (
        not corpus.has_films
        and model in asked
        and not isinstance(model, FittedToCorpus)
        and evaluation.reads.views != "none"
    ):
        raise InputError(
            f"corpus {corpus.name} has no films here, and {model.name} reads films; give its folder of films, or "
            "predictions for its reports (--predictions FILE)"
        )
