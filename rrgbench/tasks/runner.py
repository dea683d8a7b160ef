"""Runs a suite: every task on the model and on the trivial systems, resumable unit by unit."""

import difflib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rrgbench.data.corpus import Corpus
from rrgbench.data.films.cache import FilmCache
from rrgbench.data.loading import load_corpus
from rrgbench.errors import InputError, RrgbenchError, UnknownNameError, listed
from rrgbench.labelers.study_labels import can_be_labelled, labels_source
from rrgbench.models import AnswersByStudy, FittedToCorpus, Model, Reads, ReportGenerator, load_model
from rrgbench.progress import Progress
from rrgbench.registry import lookup
from rrgbench.render.bars import shown
from rrgbench.render.html import html_fragment
from rrgbench.render.run_documents import write_run_documents
from rrgbench.render.run_summary import run_summary
from rrgbench.runs.environment import environment, write_environment
from rrgbench.runs.records import Record, sort_records
from rrgbench.runs.store import RunFolder, unit_id
from rrgbench.scoring.options import scoring
from rrgbench.scoring.score import other_section
from rrgbench.tasks.base import TASKS, Outcome, Task, TaskParameters, Unit, table_descriptions
from rrgbench.tasks.context import Evaluation, evaluated
from rrgbench.tasks.report_writing import write_reports
from rrgbench.tasks.suite import Suite, load_suite

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
    """

    protocol: str = "dcrrg"
    seed: int = 0
    also: Sequence[Model] = ()
    film_cache: Path | FilmCache | None = None
    overall: Progress | None = None


@dataclass(frozen=True, repr=False)
class Run:
    """A finished evaluation: its folder and all of its records."""

    folder: Path
    records: tuple[Record, ...] = field(repr=False)
    _replicates: Mapping[int, NDArray[np.float64]] = field(default_factory=dict, repr=False)

    def __repr__(self) -> str:
        """Its folder and what it holds."""
        blank = sum(record.value is None for record in self.records)
        return f"Run({str(self.folder)!r}: {len(self.records) - blank} values, {blank} blank)"

    def _repr_html_(self) -> str:
        """The headline numbers, for a notebook."""
        table = run_summary(self.records, table_descriptions())
        return html_fragment([table], table.title, [f"all tables: {self.folder}/report.html"])

    def replicates(self, record: Record) -> NDArray[np.float64] | None:
        """The record's value on each resample of the studies (r,); None where none were kept."""
        return self._replicates.get(self.records.index(record))

    def value(self, task: str, metric: str, model: str, **where: Any) -> float | None:
        """The value of the one record that fits; fields not given must be absent from it.

        Raises
        ------
        UnknownNameError
            A `KeyError` that says which task, metric or model was perhaps meant.
        InputError
            If no record or several fit.
        """
        lookup("task of the run", task, dict.fromkeys(record.task for record in self.records))
        of_task = [record for record in self.records if record.task == task]
        lookup(f"metric of {task}", metric, dict.fromkeys(record.metric for record in of_task))
        lookup("model of the run", model, dict.fromkeys(record.model for record in of_task))
        wanted = {"observation": None, "fraction": None, "setting": None, "k": None, **where}
        found = [
            record
            for record in self.records
            if (record.task, record.metric, record.model) == (task, metric, model)
            and all(getattr(record, key) == value for key, value in wanted.items())
        ]
        if len(found) != 1:
            names = [record.name for record in of_task if (record.metric, record.model) == (metric, model)]
            raise InputError(f"{len(found)} records fit {task} {metric} {model} {where}; there are: {listed(names)}")
        return found[0].value


def evaluate(
    model: Model | str,
    corpus: Corpus | str,
    suite: str | Suite = "full",
    out: str | Path | None = None,
    progress: Progress | bool | None = None,
    **options: Any,
) -> Run:
    """Evaluate a model, with the trivial systems beside it.

    Parameters
    ----------
    model : Model or str
        A loaded model or a registered name.
    corpus : Corpus or str
        See `rrgbench.load_corpus`; a registered name where it needs no folder.
    suite : str or Suite
        A suite's name, YAML file or object.
    out : str or Path, optional
        The run folder; `runs/<model>-<suite>-<corpus>` if omitted. A folder of an earlier, killed run is resumed.
    progress : callable or bool, optional
        Told how far the piece of work at hand has come (`rrgbench.progress.Progress`). By default it is shown in a
        notebook and on a terminal; True shows it elsewhere too, False never.
    **options
        As in `Options`: `protocol`, `seed`, `also`, `film_cache`, `overall`.

    Returns
    -------
    Run
        Its folder holds `report.html`, `tables.tex`, `tables.md`, `results.json`, `run.json` and `predictions/`.

    Raises
    ------
    RrgbenchError
        For a user's mistake; what was finished before stays in the folder.
    """
    how = _options(options)
    chosen = load_suite(suite) if isinstance(suite, str) else suite
    data = load_corpus(corpus) if isinstance(corpus, str) else corpus
    main = load_model(model) if isinstance(model, str) else model
    place = Path(out) if out is not None else Path("runs") / f"{main.name}-{chosen.name}-{data.name}"
    if callable(progress):
        run = _run(main, data, chosen, place, progress, how)
    else:
        with shown(f"{main.name} on {data.name}", progress) as bars:
            overall = bars.overall if bars is not None and how.overall is None else how.overall
            part = None if bars is None else bars.part
            run = _run(main, data, chosen, place, part, replace(how, overall=overall))
    write_run_documents(run.folder, run.records, table_descriptions())
    return run


def _run(main: Model, corpus: Corpus, chosen: Suite, place: Path, progress: Progress | None, how: Options) -> Run:
    """Evaluate, and write all but the documents."""
    asked = [main, *how.also]
    models = [*asked, *(load_model(name) for name in chosen.trivial if name not in {one.name for one in asked})]
    corpus, missing = _answered(corpus, chosen.split, models)
    scores = scoring(
        how.protocol,
        corpus=corpus.identity,
        split=chosen.split,
        seed=how.seed,
        replicates=chosen.replicates,
        section=corpus.section or None,
    )
    if (reason := other_section(scores)) and any(TASKS.load(name).reads_reports for name in chosen.tasks):
        raise InputError(
            f"corpus {corpus.name}: {reason}; load it with another section (--option section=...), "
            "or choose a protocol that compares these (rrgbench list protocols)"
        )
    if scores.protocol.needs_training:
        scores = scores.but(training_reports=[study.report for study in corpus.reports("train") if study.report])
    films = how.film_cache if isinstance(how.film_cache, FilmCache) else FilmCache(how.film_cache)
    work = [
        (TASKS.load(name), parameters, unit)
        for name, parameters in chosen.tasks.items()
        for unit in TASKS.load(name).units(parameters)
    ]
    made: list[tuple[Record, NDArray[np.float64] | None]] = []
    for number, one in enumerate(models):
        whole = Evaluation(corpus, one, chosen, scores, films, progress, allowed=_allowed(one, missing))
        _check_studies(whole, asked)
        running = _Running(RunFolder(place), whole)
        for index, (task, parameters, unit) in enumerate(work):
            if how.overall is not None:
                how.overall(f"{one.name}: {unit.title}", number * len(work) + index, len(models) * len(work))
            try:
                outcome = running.outcome(task, parameters, unit)
            except CannotFitError as error:
                if one in asked:
                    raise InputError(str(error)) from error
                log.warning("%s left out: %s", one.name, error)
                break
            made += [(record, outcome.replicates.get(place)) for place, record in enumerate(outcome.records)]
    best = Evaluation(corpus, BestConstant(corpus), chosen, scores, films, progress, allowed=_allowed(None, missing))
    constant = _Running(RunFolder(place), best)
    for name, parameters in chosen.tasks.items():
        made += [(record, None) for record in constant.constants(TASKS.load(name), parameters)]
    kept = {record.identity: values for record, values in made if values is not None}
    records = sort_records(record for record, _ in made)
    RunFolder(place).write_results(records)
    details = {
        "suite": chosen.name,
        "corpus": corpus.identity,
        "model": _identity(main, corpus),
        "protocol": how.protocol,
    }
    write_environment(RunFolder(place), environment(seeds=[how.seed], details=details))
    found = {at: kept[record.identity] for at, record in enumerate(records) if record.identity in kept}
    return Run(place, tuple(records), found)


class BestConstant:
    """Lends its name to the values of the best constant report; it writes nothing itself."""

    name, image_size = "best-constant", 1

    def __init__(self, corpus: Corpus) -> None:
        if not corpus.has_films:
            self.reads = Reads(1, views="none")
        self.identity = f"{self.name}@1[{corpus.identity}]"


class CannotFitError(RrgbenchError):
    """A model that is made from the corpus's training split can't be made from this one."""


class _Running:
    """One model of a run: fits it and has its reports written only if a unit asks for that."""

    def __init__(self, folder: RunFolder, evaluation: Evaluation) -> None:
        self.folder, self.evaluation = folder, evaluation
        self.identity = _identity(evaluation.model, evaluation.corpus)
        # training studies too: probes learn from their labels
        self._labels = labels_source([study for study in evaluation.corpus.studies if can_be_labelled(study)])
        self._fitted = False
        self._written: dict[str, str] | None = None

    def outcome(self, task: Task, parameters: TaskParameters, unit: Unit) -> Outcome:
        """What a unit measures: read where an earlier run has measured it."""
        whole = self.evaluation
        inputs = {
            **unit.inputs,
            "task": task.name,
            "version": task.version,
            "parameters": parameters.model_dump(mode="json"),
            "model": self.identity,
            "corpus": whole.corpus.digest,
            "labels": self._labels,
            "scoring": whole.scoring.digest,
        }
        identity = unit_id(inputs)
        found = self.folder.get(identity)
        if found is not None:
            return Outcome(*found)
        self._fit()
        if task.reads_reports and self._written is None and isinstance(whole.model, ReportGenerator):
            self._written = self._reports()
        try:
            own = replace(whole, limit=parameters.limit, written=self._written if task.reads_reports else None)
            made = task.run(own, parameters, unit)
        except RrgbenchError as error:
            raise type(error)(f"{whole.model.name}, {unit.title}: {error}") from error
        self.folder.put(identity, inputs, made.records, made.replicates)
        return made

    def constants(self, task: Task, parameters: TaskParameters) -> Sequence[Record]:
        """What the best constant report reaches in a task: read where an earlier run has found it."""
        if type(task).constants is Task.constants:
            return ()
        whole = self.evaluation
        inputs: dict[str, Any] = {
            "task": f"{task.name} constants",
            "version": task.version,
            "parameters": parameters.model_dump(mode="json"),
            "model": self.identity,
            "corpus": whole.corpus.digest,
            "scoring": whole.scoring.digest,
        }
        identity = unit_id(inputs)
        found = self.folder.get(identity)
        if found is not None:
            return found[0]
        made = task.constants(replace(whole, limit=parameters.limit), parameters)
        self.folder.put(identity, inputs, made)
        return made

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
        return write_reports(replace(whole, limit=limit), path)


def _identity(model: Model, corpus: Corpus) -> str:
    """Of a model that is made from the corpus, the identity that it will have then."""
    return model.identity_on(corpus) if isinstance(model, FittedToCorpus) else model.identity


def _answered(corpus: Corpus, split: str, models: Sequence[Model]) -> tuple[Corpus, int]:
    """The corpus with those studies of the split that all models have answers for, and how many are left out.

    Raises
    ------
    InputError
        If models that have their answers already lack some and that is not allowed, or share no study.
    """
    whole = evaluated(corpus, split)
    bound = {one.name: one.bind(corpus, whole) for one in models if isinstance(one, AnswersByStudy)}
    kept = {study.study_id for study in whole}.intersection(*bound.values())
    if len(kept) == len(whole):
        return corpus, 0
    if not kept:
        raise InputError(f"{', '.join(bound)} have no study of corpus {corpus.name} in common; evaluate them apart")
    log.warning("%d of %d studies are left out: not every model answers for them", len(whole) - len(kept), len(whole))
    return corpus.narrowed(split, kept), len(whole) - len(kept)


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


def _options(given: Mapping[str, Any]) -> Options:
    known = [one.name for one in fields(Options)]
    for name in given:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(known)}"
            raise UnknownNameError(f"evaluate has no option {name!r}; {hint}")
    return Options(**given)
