"""`rrgbench eval`: run a suite on a model."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rrgbench.cli import completion
from rrgbench.cli.configuration import ConfigFile, configuration_of
from rrgbench.cli.options.corpora import FilmCorpusOptions
from rrgbench.cli.options.extent import ExtentOptions
from rrgbench.cli.options.grouping import grouped
from rrgbench.cli.options.models import ModelOptions
from rrgbench.cli.options.names import ProtocolName
from rrgbench.cli.options.printing import Json
from rrgbench.cli.options.reports import ReportOptions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rrgbench.runs.records import Record

_IDLE = frozenset({"out", "film_cache", "workers", "backend", "scheduler", "log"})
"""Options that change no number."""


@grouped
def evaluate(
    context: typer.Context,
    models: ModelOptions,
    suite: Annotated[
        str,
        typer.Option(
            "--suite", "-s", help="A suite (rrgbench list suites) or a YAML file.", autocompletion=completion.suites
        ),
    ] = "full",
    *,
    films: FilmCorpusOptions,
    reading: ReportOptions,
    extent: ExtentOptions,
    five_by_200: Annotated[
        Path | None,
        typer.Option("--five-by-200", help="Retrieval on this list of studies (rrgbench data five-by-200 writes one)."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", help="Run folder; resumed if it exists.", show_default="runs/MODEL-CHECKPOINT-SUITE-CORPUS"
        ),
    ] = None,
    protocol: ProtocolName = "dcrrg",
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of the bootstrap.")] = 0,
    predicted_studies: Annotated[
        bool,
        typer.Option(
            "--predicted-studies", help="Evaluate on the studies that --predictions name, of whatever split they are."
        ),
    ] = False,
    config: ConfigFile = None,
    log: Annotated[
        str | None, typer.Option("--log", help="Also write the values to wandb, tensorboard or trackio.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what is there already and what would be computed, and do nothing.")
    ] = False,
    tables: Annotated[
        bool, typer.Option("--tables", help="Print the tables that are in the files, not a summary of them.")
    ] = False,
    json: Json = False,
) -> None:
    """Run every task of a suite on one or more models, with the trivial systems beside them.

    Writes a run folder: predictions/ (JSON Lines), results.json, tables.tex (booktabs), tables.md, report.html,
    run.json, config.yaml. A killed run is resumed by the same command; --config RUN/config.yaml repeats a run.

    Example: rrgbench eval --model dcrrg --suite quick

    Example: rrgbench eval --model dcrrg --model r2gen=checkpoints/r2gen

    Example: rrgbench eval --predictions mine.jsonl --predictions theirs=out.json --corpus iu-xray --root IU

    Example: rrgbench eval --model r2gen=checkpoints/r2gen --backend dask --scheduler tcp://10.0.0.5:8786

    Example: torchrun --standalone --nproc-per-node 8 --no-python rrgbench eval --model dcrrg

    Example: rrgbench eval --model all --checkpoint checkpoints/all --suite full

    Example: rrgbench eval --corpus nih-cxr14 --root CXR8 --reports iu-xray --reports-root IU --checkpoint MY
    """
    from rrgbench.cli.progress import bars, say
    from rrgbench.runs.finished import finished_by, mark_finished, request_digest
    from rrgbench.runs.store import read_results
    from rrgbench.runs.tracking import check_tracker, track

    given = configuration_of(context)
    if log is not None:
        check_tracker(log)
    request = request_digest({name: value for name, value in given.items() if name not in _IDLE})
    folders = [] if dry_run or log else [out] if out else sorted(Path("runs").glob("*/"))
    if (done := finished_by(folders, request)) is not None:
        folder, names = done
        _show(folder, read_results(folder), names, tables, json)
        say(f"Nothing to do: {folder} is finished; to compute it anew, delete it or give another --out")
        return

    from rrgbench.data.five_by_200 import read_list
    from rrgbench.render.terminal import print_table
    from rrgbench.scoring.protocols import load_protocol
    from rrgbench.tasks.configuration import FILE as CONFIGURATION_FILE
    from rrgbench.tasks.configuration import write_configuration
    from rrgbench.tasks.job import Options
    from rrgbench.tasks.launched import first_process
    from rrgbench.tasks.outlook import outlook
    from rrgbench.tasks.retrieval import RetrievalParameters, listed_sample
    from rrgbench.tasks.runner import evaluate as run_suite

    chosen = extent.suite(suite)
    if five_by_200 is not None:
        chosen = chosen.with_task("retrieval").with_task("retrieval", sample=read_list(five_by_200))
    load_protocol(protocol)
    models.check_names()
    data = films.open()
    retrieval = chosen.tasks.get("retrieval")
    if isinstance(retrieval, RetrievalParameters) and retrieval.sample is not None:
        # so that a list of another corpus is refused now and not after hours of writing reports
        listed_sample(data, retrieval.sample)
    at_a_time = extent.studies_at_a_time
    (loaded, *also), left_out = models.open(reading, chosen.trivial, at_a_time or extent.batch_size)
    for name, reason in left_out.items():
        say(f"left out: {name}: {reason}")
    if out is None and models.all:
        out = Path("runs") / f"all-{chosen.name}-{data.name}"
    how: dict[str, Any] = {
        **{"protocol": protocol, "seed": seed, "also": also, "film_cache": films.film_cache},
        **{
            "batch_size": at_a_time,
            "workers": extent.workers,
            "backend": extent.backend,
            "scheduler": extent.scheduler,
            "predicted_studies": predicted_studies,
        },
    }
    if dry_run:
        print_table(outlook([loaded, *also], data, chosen, out, Options(**how)))
        return
    with bars(f"{loaded.name} on {data.name}") as shown:
        told = (shown.part, shown.overall) if first_process() else (None, None)
        run = run_suite(loaded, data, chosen, out, told[0] or False, **how, overall=told[1])
    if not first_process():
        return
    names = [one.name for one in (loaded, *also)]
    if run.computed or not (run.folder / CONFIGURATION_FILE).is_file():
        write_configuration(run.folder, given)
    mark_finished(run.folder, request, names)
    if log is not None:
        track(log, run.folder, run.records, {name: str(value) for name, value in given.items() if value is not None})
    _show(run.folder, run.records, names, tables, json)
    if not run.computed:
        say(f"Nothing was left to do: {run.folder} was finished")


def _show(folder: Path, records: "Sequence[Record]", models: list[str], tables: bool, json: bool) -> None:
    """End with what was found and where it lies."""
    from rrgbench.cli.progress import say
    from rrgbench.render.record_tables import tables as record_tables
    from rrgbench.render.run_facts import row_titles, titled
    from rrgbench.render.run_summary import run_summary
    from rrgbench.render.terminal import print_table, print_tables
    from rrgbench.runs.environment import environment_of
    from rrgbench.tasks.base import table_descriptions

    about = environment_of(folder)
    if json:
        typer.echo((folder / "results.json").read_text(encoding="utf-8"), nl=False)
        return
    if tables:
        print_tables(record_tables(titled(records, about), table_descriptions()))
    else:
        names = row_titles(about)
        print_table(
            run_summary(titled(records, about), table_descriptions(), [names.get(one, one) for one in models], about)
        )
    say(f"In {folder}: report.html, tables.tex, tables.md, results.json, predictions/")
    if not tables:
        say(f"All tables: rrgbench report {shlex.quote(str(folder))}")
