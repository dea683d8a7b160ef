"""Runs a suite: every task on the model and on the trivial systems, resumable unit by unit."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rrgbench.data.corpus import Corpus
from rrgbench.data.films.cache import FilmCache
from rrgbench.errors import InputError, RrgbenchError
from rrgbench.models import FittedToCorpus, Model, ReportGenerator, load_model
from rrgbench.runs.environment import environment, write_environment
from rrgbench.runs.records import Record
from rrgbench.runs.store import RunFolder, unit_id
from rrgbench.tasks import classification, clinical_efficacy, error_correlation, report_generation, retrieval
from rrgbench.tasks.context import Evaluation, Progress
from rrgbench.tasks.report_writing import write_reports
from rrgbench.tasks.suite import Suite, load_suite

log = logging.getLogger(__name__)

TASK_VERSIONS = {
    "report_writing": 1,
    "report_generation": 2,
    "clinical_efficacy": 2,
    "retrieval": 2,
    "classification": 1,
    "error_correlation": 1,
}
"""Raised when a task's code would give other values; part of a unit's digest."""


@dataclass(frozen=True)
class Unit:
    """One piece of work: what decides its result, and how to get it."""

    title: str
    inputs: dict[str, Any]
    work: Callable[[Evaluation], list[Record]]
    needs_reports: bool = False


@dataclass(frozen=True)
class Run:
    """A finished evaluation: its folder and all of its records."""

    folder: Path
    records: tuple[Record, ...] = field(repr=False)

    def value(self, task: str, metric: str, model: str, **where: Any) -> float | None:
        """The value of the one record that fits; fields not given must be absent from it.

        Raises
        ------
        InputError
            If no record or several fit.
        """
        wanted = {"observation": None, "fraction": None, "setting": None, "k": None, **where}
        found = [
            record
            for record in self.records
            if (record.task, record.metric, record.model) == (task, metric, model)
            and all(getattr(record, key) == value for key, value in wanted.items())
        ]
        if len(found) != 1:
            raise InputError(f"{len(found)} records fit {task} {metric} {model} {where}; expected one")
        return found[0].value


def units(suite: Suite) -> list[Unit]:
    """The suite's units of work for one model, in order."""
    found: list[Unit] = []

    def add(
        task: str, title: str, work: Callable[[Evaluation], list[Record]], reports: bool = False, **inputs: Any
    ) -> None:
        found.append(Unit(title, {"task": task, "version": TASK_VERSIONS[task], **inputs}, work, reports))

    if suite.report_generation is not None:
        add("report_generation", "report generation", report_generation.run, True)
    if suite.clinical_efficacy is not None:
        add("clinical_efficacy", "clinical efficacy", clinical_efficacy.run, True)
    if suite.retrieval is not None:
        parameters = suite.retrieval
        add("retrieval", "retrieval", lambda e: retrieval.run(e, parameters), **parameters.model_dump(mode="json"))
    if suite.classification is not None:
        chosen = suite.classification
        if "own" in chosen.settings:
            add("classification", "own predictions", classification.run_own, setting="own")
        for setting in (s for s in chosen.settings if s != "own"):
            for fraction in chosen.fractions:
                add(
                    "classification",
                    f"{setting} {fraction:.0%}",
                    lambda e, s=setting, f=fraction: classification.run_probe(e, chosen, s, f),  # type: ignore[misc]
                    **{**chosen.model_dump(mode="json"), "setting": setting, "fraction": fraction},
                )
    if suite.error_correlation is not None:
        add("error_correlation", "error correlation", error_correlation.run, True)
    return found


def evaluate(
    model: Model | str,
    corpus: Corpus,
    suite: str | Suite = "full",
    out: str | Path | None = None,
    *,
    protocol: str = "dcrrg",
    seed: int = 0,
    progress: Progress | None = None,
    also: Sequence[Model] = (),
    film_cache: Path | None = None,
) -> Run:
    """Evaluate a model, with the trivial systems beside it.

    Parameters
    ----------
    model : Model or str
        A loaded model or a registered name.
    corpus : Corpus
        See `rrgbench.load_corpus`.
    suite : str or Suite
        A suite's name, YAML file or object.
    out : str or Path, optional
        The run folder; `runs/<model>-<suite>-<corpus>` if omitted. A folder of an earlier, killed run is gone on with.
    protocol : str
        For text and clinical efficacy.
    seed : int
        Of bootstrap resamples.
    progress : callable, optional
        Called with (what, done, total).
    also : sequence of Model
        Further models to stand in the tables.
    film_cache : Path, optional
        Folder in which decoded films are kept (`rrgbench.data.films.cache`).

    Returns
    -------
    Run
        Its folder holds `results.json`, `run.json` and `predictions/`.

    Raises
    ------
    RrgbenchError
        For a user's mistake; what was finished before stays in the folder.
    """
    chosen = load_suite(suite) if isinstance(suite, str) else suite
    main = load_model(model) if isinstance(model, str) else model
    place = Path(out) if out is not None else Path("runs") / f"{main.name}-{chosen.name}-{corpus.name}"
    folder = RunFolder(place)
    models = [main, *also, *(load_model(name) for name in chosen.trivial if name != main.name)]
    work = units(chosen)
    films = FilmCache(film_cache)
    records: list[Record] = []
    total = len(models) * len(work)
    for number, one in enumerate(models):
        if isinstance(one, FittedToCorpus):
            try:
                one.fit(corpus, films)
            except InputError as error:
                if one is main:
                    raise
                log.warning("%s left out: %s", one.name, error)
                continue
        evaluation = Evaluation(corpus, one, chosen, protocol, seed, films, progress)
        for index, unit in enumerate(work):
            if progress is not None:
                progress(f"{one.name}: {unit.title}", number * len(work) + index, -total)
            records += _unit(folder, evaluation, unit)
    folder.write_results(records)
    details = {"suite": chosen.name, "corpus": corpus.identity, "model": main.identity, "protocol": protocol}
    write_environment(folder, environment(seeds=[seed], details=details))
    return Run(place, tuple(records))


def predictions_file(evaluation: Evaluation) -> str:
    """Where in a run's folder the reports lie that a model writes of a corpus: `predictions/<model>-<key>.jsonl`."""
    key = unit_id(
        {
            "model": evaluation.model.identity,
            "corpus": evaluation.corpus.digest,
            "split": evaluation.suite.split,
            "limit": _report_limit(evaluation),
            "version": TASK_VERSIONS["report_writing"],
        }
    )
    return f"predictions/{evaluation.model.name}-{key[:8]}.jsonl"


def _report_limit(evaluation: Evaluation) -> int | None:
    return evaluation.suite.report_generation.limit if evaluation.suite.report_generation else None


def _unit(folder: RunFolder, evaluation: Evaluation, unit: Unit) -> list[Record]:
    inputs = {
        **unit.inputs,
        "model": evaluation.model.identity,
        "corpus": evaluation.corpus.digest,
        "split": evaluation.suite.split,
        "limit": _report_limit(evaluation),
        "replicates": evaluation.suite.replicates,
        "protocol": evaluation.protocol,
        "seed": evaluation.seed,
    }
    if not evaluation.studies:
        raise InputError(f"corpus {evaluation.corpus.name} has no films in its {evaluation.suite.split} split")
    if unit.needs_reports and evaluation.reports is None and isinstance(evaluation.model, ReportGenerator):
        path = folder.artifact(predictions_file(evaluation))
        evaluation.reports = write_reports(evaluation, path)
    identity = unit_id(inputs)
    found = folder.get(identity)
    if found is not None:
        return found
    try:
        made = unit.work(evaluation)
    except RrgbenchError as error:
        raise type(error)(f"{evaluation.model.name}, {unit.title}: {error}") from error
    folder.put(identity, inputs, made)
    return made
