"""Runs a suite: every task on the model and on the trivial systems, resumable unit by unit."""

import difflib
import logging
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rrgbench.data.corpus import Corpus
from rrgbench.data.loading import load_corpus
from rrgbench.errors import InputError, UnknownNameError, listed
from rrgbench.main_guard import require_main_guard
from rrgbench.models import Model, load_model, require_model
from rrgbench.progress import Progress
from rrgbench.registry import lookup
from rrgbench.render.bars import shown
from rrgbench.render.html import html_fragment
from rrgbench.render.run_documents import DOCUMENTS, write_run_documents
from rrgbench.render.run_summary import run_summary
from rrgbench.runs.environment import Clock, environment
from rrgbench.runs.records import Record, sort_records
from rrgbench.runs.store import RunFolder
from rrgbench.tasks.base import table_descriptions
from rrgbench.tasks.configuration import FILE as CONFIGURATION_FILE
from rrgbench.tasks.fan_out import check_backend, fan_out
from rrgbench.tasks.job import CannotFitError, Job, Options, job
from rrgbench.tasks.launched import Ranks, do_share, first_process, launched
from rrgbench.tasks.run_facts import check_same_models, details, facts, run_name
from rrgbench.tasks.suite import Suite, load_suite

log = logging.getLogger(__name__)


@dataclass(frozen=True, repr=False)
class Run:
    """A finished evaluation.

    Attributes
    ----------
    folder : Path
        Where it is kept.
    records : tuple of Record
        All that it measured.
    computed : int
        Units of work that were done now; 0 if an earlier run had done everything.
    """

    folder: Path
    records: tuple[Record, ...] = field(repr=False)
    _replicates: Mapping[int, NDArray[np.float64]] = field(default_factory=dict, repr=False)
    computed: int = 0

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
    suite: str | Path | Suite = "full",
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
    suite : str, Path or Suite
        A suite's name, YAML file or object.
    out : str or Path, optional
        The run folder; `runs/<model>-<checkpoint>-<suite>-<corpus>` if omitted. A folder of an earlier, killed run is
        resumed.
    progress : callable or bool, optional
        Told how far the piece of work at hand has come (`rrgbench.progress.Progress`). By default it is shown in a
        notebook and on a terminal; True shows it elsewhere too, False never.
    **options
        As in `rrgbench.tasks.job.Options`: `protocol`, `seed`, `also`, `film_cache`, `overall`, `batch_size`,
        `workers`, `backend`, `scheduler`, `predicted_studies`. What the command line calls `--limit`, `--tasks` and
        `--metrics` is the suite's (`rrgbench.tasks.suite.narrowed`).

    Returns
    -------
    Run
        Its folder holds `report.html`, `tables.tex`, `tables.md`, `results.json`, `run.json` and `predictions/`.

    Raises
    ------
    RrgbenchError
        For a user's mistake; what was finished before stays in the folder.
    """
    require_main_guard()
    how = _options(options)
    if not isinstance(suite, str | Path | Suite):
        raise InputError(
            f"suite is of type {type(suite).__name__}; give a name, a YAML file, or a Suite (Suite.model_validate(...))"
        )
    chosen = suite if isinstance(suite, Suite) else load_suite(str(suite))
    data = load_corpus(corpus) if isinstance(corpus, str) else corpus
    main = load_model(model) if isinstance(model, str) else model
    asked = [main, *how.also]
    for one in asked:
        require_model(one)
    folder = RunFolder(Path(out) if out is not None else Path("runs") / run_name(asked, chosen.name, data.name))
    if callable(progress):
        run = _run(asked, data, chosen, folder, progress, how)
    else:
        with shown(f"{main.name} on {data.name}", progress) as bars:
            overall = bars.overall if bars is not None and how.overall is None else how.overall
            part = None if bars is None else bars.part
            run = _run(asked, data, chosen, folder, part, replace(how, overall=overall))
    if run.computed and first_process():
        write_run_documents(run.folder, run.records, table_descriptions())
    return run


def _run(
    asked: Sequence[Model], corpus: Corpus, suite: Suite, folder: RunFolder, progress: Progress | None, how: Options
) -> Run:
    """Evaluate, and write all but the documents."""
    check_backend(how)
    ranks = launched()
    prepared = job(asked, corpus, suite, folder, progress, how)
    # of several processes that one command started, one stands for all
    with folder.alone() if first_process() else nullcontext():
        return _measured(prepared, corpus, folder, how, ranks)


def _measured(prepared: Job, corpus: Corpus, folder: RunFolder, how: Options, ranks: Ranks | None) -> Run:
    """The whole of a job, what is left of it measured now, in a folder that nobody else writes to."""
    about: dict[str, Any] = {"details": details(prepared, how.protocol), "facts": facts(prepared)}
    clock = Clock(folder)
    check_same_models(folder, about["facts"]["models"])
    for words in about["facts"]["warnings"]:
        log.warning("%s", words)
    if first_process():
        clock.begin(environment(seeds=[how.seed], **about))
    made: list[tuple[Record, NDArray[np.float64] | None]] = []
    if ranks is not None:
        computed = do_share(prepared, ranks)
    else:
        computed = fan_out(prepared, corpus, folder, how) if how.backend is not None else 0
    for number, one in enumerate(prepared.running):
        model, pieces = one.evaluation.model, prepared.pieces(one)
        for index, piece in enumerate(pieces):
            if how.overall is not None:
                total = len(prepared.running) * len(pieces)
                how.overall(f"{model.name}: {piece.title}", number * len(pieces) + index, total)
            try:
                outcome, new = piece.measured()
            except CannotFitError as error:
                if model in prepared.asked:
                    raise InputError(str(error)) from error
                log.warning("%s left out: %s", model.name, error)
                break
            computed += new
            made += [(record, outcome.replicates.get(place)) for place, record in enumerate(outcome.records)]
    for piece in prepared.constants():
        outcome, new = piece.measured()
        computed += new
        made += [(record, None) for record in outcome.records]
    kept = {record.identity: values for record, values in made if values is not None}
    records = sort_records(record for record, _ in made)
    found = {at: kept[record.identity] for at, record in enumerate(records) if record.identity in kept}
    # killed between its results and its documents a run has the one and not the others
    whole = all((folder.path / name).is_file() for name in DOCUMENTS)
    if first_process() and (computed or not whole or not folder.holds(records)):
        for name in (*DOCUMENTS, CONFIGURATION_FILE):
            (folder.path / name).unlink(missing_ok=True)
        folder.write_results(records)
        clock.end(environment(seeds=[how.seed], **about))
        computed = max(computed, 1)
    return Run(folder.path, tuple(records), found, computed)


def _options(given: Mapping[str, Any]) -> Options:
    known = [one.name for one in fields(Options)]
    for name in given:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(known)}"
            if name in ("limit", "tasks", "metrics"):
                hint = f"it is the suite's: rrgbench.tasks.suite.narrowed(load_suite(...), {name}=...)"
            raise UnknownNameError(f"evaluate has no option {name!r}; {hint}")
    return Options(**given)
