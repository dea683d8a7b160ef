"""`rrgbench leaderboard`: submit outputs as an entry, check an entry, build the site."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rrgbench.cli.options.corpora import CorpusOptions
from rrgbench.cli.options.grouping import grouped, listed_option
from rrgbench.cli.options.names import ProtocolName
from rrgbench.cli.options.reports import ReportOptions

if TYPE_CHECKING:
    from rrgbench.data.corpus import Corpus

app = typer.Typer(
    help="Leaderboards: submit outputs as an entry, check an entry, build the site.", no_args_is_help=True
)

ENTRIES = Path("leaderboards/entries")
PROTOCOL = "dcrrg"
_Predictions = Annotated[
    Path | None, typer.Argument(help="The system's reports: .jsonl, .csv or .json.", show_default=False)
]
_Run = Annotated[
    list[Path] | None,
    listed_option(
        "--run", "Instead of reports: a run folder of rrgbench eval; several if they differ in the training seed."
    ),
]


@app.command("submit")
@grouped
def submit(
    *,
    predictions: _Predictions = None,
    name: Annotated[str, typer.Option("--name", help="What the system is called.", show_default="after the file")] = "",
    run: _Run = None,
    description: Annotated[str, typer.Option("--description", help="The system in a sentence.")] = "",
    source: Annotated[str, typer.Option("--source", help="Where it or its outputs come from.")] = "",
    data: CorpusOptions,
    reading: ReportOptions,
    protocol: ProtocolName = PROTOCOL,
    trivial: Annotated[bool, typer.Option("--trivial", help="Also write entries of the trivial systems.")] = False,
    out: Annotated[Path, typer.Option("--out", help="Where the entry is written.")] = ENTRIES,
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace an entry of this name that is of other outputs.")
    ] = False,
    work: Annotated[
        Path | None,
        typer.Option("--work", help="The run folder; resumed.", show_default="runs/leaderboard-NAME-CORPUS-DIGEST"),
    ] = None,
) -> None:
    """Score a system's outputs, audit them, and write the entry that a pull request carries.

    \b
    Examples:
      rrgbench leaderboard submit preds.jsonl --name MySystem --corpus iu-xray --root IU --protocol r2gen
      rrgbench leaderboard submit --run runs/dcrrg-full-phantom --trivial
      rrgbench leaderboard submit --run runs/seed-0 --run runs/seed-1 --run runs/seed-2
    """
    from rrgbench.cli.progress import say
    from rrgbench.errors import InputError
    from rrgbench.leaderboard.entry import check_free, entries_of, with_copied, write_entry
    from rrgbench.render.record_tables import TRIVIAL
    from rrgbench.runs.seeds import read_trainings_side

    if run and (name or protocol != PROTOCOL):
        given = "--name" if name else "--protocol"
        raise InputError(
            f"{given} goes with a file of outputs: the systems of {run[0]} have names and a protocol already"
        )
    folders = _evaluated(predictions, name, run, data, reading, protocol, work)
    side = read_trainings_side(folders)
    names = list(dict.fromkeys(record.model for record in side.records))
    chosen = [one for one in names if trivial or one not in TRIVIAL]
    if not chosen:
        raise InputError(f"{folders[0]} holds trivial systems alone; --trivial writes their entries")
    entries = entries_of(side, chosen, description=description, source=source)
    # all before any is written
    for entry in [] if replace else entries:
        check_free(entry, out)
    for entry in entries:
        if predictions is not None and entry.kind == "system":
            entry = with_copied(entry, _copied(folders[0], entry.system, data.open()))
        path = write_entry(entry, out, replace=replace)
        typer.echo(path)
        for warning in entry.audit.warnings:
            say(f"{entry.system}: {warning}")


@app.command("check")
@grouped
def check(
    entry: Annotated[Path, typer.Argument(help="The entry's file.", show_default=False)],
    *,
    predictions: Annotated[Path | None, typer.Option("--predictions", help="The outputs it was made from.")] = None,
    run: _Run = None,
    data: CorpusOptions,
    reading: ReportOptions,
    work: Annotated[Path | None, typer.Option("--work", help="The run folder; resumed.")] = None,
) -> None:
    """Recompute an entry and refuse it where a number, the audit or the digest of the outputs is another.

    Without outputs only its form is checked, and that is said.

    Exit codes: 0 as it says; 1 a number, the audit or the outputs differ; 4 made in another way.

    \b
    Examples:
      rrgbench leaderboard check leaderboards/entries/mine.yaml --predictions preds.jsonl --corpus iu-xray --root IU
    """
    from rrgbench.cli.progress import say
    from rrgbench.errors import ExitCode
    from rrgbench.leaderboard.entry import differences, entries_of, read_entry, with_copied
    from rrgbench.render.drift_documents import drift_summary, drift_tables
    from rrgbench.render.terminal import print_tables
    from rrgbench.runs.baseline import Side
    from rrgbench.runs.drift_check import check_drift
    from rrgbench.runs.seeds import read_trainings_side

    said = read_entry(entry)
    if predictions is None and not run:
        say("not recomputed: give --predictions or --run to compare the numbers with the outputs")
        typer.echo(f"{entry.name}: well formed, {len(said.values)} values")
        return
    folders = _evaluated(predictions, said.system, run, data, reading, said.protocol, work)
    side = read_trainings_side(folders)
    (again,) = entries_of(side, [said.system], description=said.description, source=said.source)
    if predictions is not None:
        again = with_copied(again, _copied(folders[0], said.system, data.open()))
    sides = [Side(one.records, reports_sha256={one.system: one.reports_sha256}) for one in (again, said)]
    found = check_drift(*sides, fail_on="any", known_fields=("rrgbench",), allowed=("rrgbench",))
    print_tables(drift_tables(found))
    typer.echo(drift_summary(found))
    other = differences(said, again)
    for text in other:
        typer.echo(f"differs: {text}")
    code = int(found.verdict)
    raise typer.Exit(code or (ExitCode.MOVED if other else ExitCode.DONE))


@app.command("build")
def build(
    entries: Annotated[Path, typer.Option("--entries", help="Folder of entries.")] = ENTRIES,
    out: Annotated[Path, typer.Option("--out", help="The site's folder.")] = Path("site"),
    runs: Annotated[
        list[Path] | None,
        typer.Option("--run", help="A run folder of entries, whose resamples make ranks paired; repeatable."),
    ] = None,
    published: Annotated[
        Path | None, typer.Option("--published", help="Printed figures.", show_default="those of the package")
    ] = None,
    paper: Annotated[Path, typer.Option("--paper", help="The paper's tables as CSV.")] = Path("leaderboards/paper"),
) -> None:
    """Build the site: a page a corpus and protocol, a page an entry, printed figures apart. No server, no network.

    \b
    Examples:
      rrgbench leaderboard build --out site
      rrgbench leaderboard build --run runs/iu --run runs/phantom --out site
    """
    from rrgbench.leaderboard.board import boards_of
    from rrgbench.leaderboard.entry import read_entries
    from rrgbench.leaderboard.site import write_site
    from rrgbench.reproduction.registry import load_published
    from rrgbench.runs.baseline import read_side

    found = boards_of(read_entries(entries), [read_side(folder) for folder in runs or ()])
    printed = load_published(published) if published is not None else load_published()
    pages = write_site(out, found, printed, paper if paper.is_dir() else None)
    typer.echo(f"{pages[0]}: {len(pages)} pages, {len(found)} boards")


def _evaluated(
    predictions: Path | None,
    name: str,
    run: list[Path] | None,
    data: CorpusOptions,
    reading: ReportOptions,
    protocol: str,
    work: Path | None,
) -> list[Path]:
    """The run folders: given, or one made from the outputs."""
    from rrgbench.cli.progress import bars
    from rrgbench.errors import InputError
    from rrgbench.models import load_model
    from rrgbench.tasks.runner import evaluate

    if (predictions is None) == (not run):
        raise InputError("give either a file of outputs or --run FOLDER")
    if run:
        return run
    assert predictions is not None
    corpus = data.open()
    options = {"id_column": reading.id_column, "report_column": reading.report_column}
    system = name or predictions.stem
    model = load_model("predictions", path=[predictions], system=system, allow=reading.allow, **options)
    # other outputs of a system of the same name are another run
    folder = (
        work or Path("runs") / f"leaderboard-{_plain(system)}-{corpus.name}-{model.identity.rpartition('@')[2][:12]}"
    )
    with bars(f"{system} on {corpus.name}") as shown:
        evaluate(model, corpus, "full", folder, shown.part, protocol=protocol, overall=shown.overall)
    return [folder]


def _copied(folder: Path, system: str, corpus: "Corpus") -> float:
    """Share of a run's reports that are their study's reference, but for case and blanks."""
    from rrgbench.leaderboard.entry import copied_share

    return copied_share(folder, system, {study.study_id: study.report for study in corpus.studies})


def _plain(name: str) -> str:
    return "".join(sign if sign.isalnum() else "-" for sign in name.lower()).strip("-") or "system"
