"""`rrgbench data`: look at a corpus before trusting numbers made on it."""

from pathlib import Path
from typing import Annotated

import typer

from rrgbench.cli import completion
from rrgbench.cli.options.corpora import CorpusOptions, FilmCorpusOptions, other_corpus
from rrgbench.cli.options.grouping import grouped
from rrgbench.cli.options.printing import Json

app = typer.Typer(help="Validate, audit, count, preview and sample a corpus.", no_args_is_help=True)

Labeler = Annotated[
    str | None,
    typer.Option(
        "--labeler",
        help="Label the reports with this labeler, instead of the corpus's labels.",
        autocompletion=completion.labelers,
    ),
]
OneSplit = Annotated[str | None, typer.Option("--split", help="One split only.")]


@app.command()
@grouped
def validate(
    films: CorpusOptions,
    beside: Annotated[
        str | None,
        typer.Option("--beside", help="Also find films that this corpus holds too.", autocompletion=completion.corpora),
    ] = None,
    beside_root: Annotated[Path | None, typer.Option("--beside-root", help="Folder of the --beside corpus.")] = None,
    json: Json = False,
) -> None:
    """Read every study and film once: counts, broken films, copies, leaks, labels, digest.

    Ends with 0 if the corpus passes and with 2 if films can't be read or lie in two splits.

    Example: rrgbench data validate --corpus nih-cxr14 --root CXR8 --beside chexpert --beside-root CheXpert-v1.0
    """
    from rrgbench.cli.progress import bars
    from rrgbench.data.validate import validate as look
    from rrgbench.errors import ExitCode
    from rrgbench.render.corpus_tables import validation_parts
    from rrgbench.render.json import json_text
    from rrgbench.render.table import Table
    from rrgbench.render.terminal import print_table

    other = other_corpus("--beside", beside, "--beside-root", beside_root)
    opened = films.open(to_look=True)
    second = None if other is None else other.open(to_look=True)
    with bars("validate") as shown:
        found = look(opened, second, progress=shown.part)
    if json:
        typer.echo(json_text(found.to_json()))
    else:
        for part in validation_parts(found):
            print_table(part) if isinstance(part, Table) else typer.echo(part)
    if found.problems:
        raise typer.Exit(ExitCode.WRONG_INPUT)


@app.command()
@grouped
def audit(
    films: CorpusOptions,
    model: Annotated[
        str | None,
        typer.Option("--model", "-m", help="Also check what this model declares.", autocompletion=completion.models),
    ] = None,
    checkpoint: Annotated[str | None, typer.Option("--checkpoint", help="The model's checkpoint.")] = None,
    split: Annotated[str, typer.Option("--split", help="The split that is scored.")] = "test",
    five_by_200: Annotated[
        Path | None, typer.Option("--five-by-200", help="The list of studies that retrieval queries with.")
    ] = None,
    read_films: Annotated[
        bool, typer.Option("--films/--no-films", help="Decode all films to find copies in two splits.")
    ] = True,
    json: Json = False,
) -> None:
    """Look for leaks: subjects, films and 5x200 queries across splits, reports that recur, what a model was given.

    Ends with 0 if there is no leak and with 6 if there is one; warnings end with 0.

    Example: rrgbench data audit --corpus iu-xray --root iu_xray --model dcrrg
    """
    from rrgbench.cli.progress import bars
    from rrgbench.data.corpus import SharedSubjectsError
    from rrgbench.data.five_by_200 import read_list
    from rrgbench.errors import ExitCode, InputError
    from rrgbench.models import load_model
    from rrgbench.render.json import json_text
    from rrgbench.render.terminal import print_table
    from rrgbench.reproduction.leak_audit import audit_leaks, refused_audit

    if checkpoint is not None and model is None:
        raise InputError(f"--checkpoint {checkpoint} is given without --model, so it is not known whose it is")
    retrieval = None if five_by_200 is None else read_list(five_by_200)
    loaded = None if model is None else load_model(model, checkpoint)
    try:
        corpus = films.open(to_look=True)
    except SharedSubjectsError as error:
        found = refused_audit(error)
    else:
        with bars("audit") as shown:
            found = audit_leaks(corpus, loaded, split, read_films, retrieval, shown.part)
    if json:
        typer.echo(json_text(found.to_json()))
    else:
        print_table(found.to_table())
    if found.leaks:
        raise typer.Exit(ExitCode.LEAK)


@app.command()
@grouped
def stats(
    films: CorpusOptions,
    split: OneSplit = None,
    labeler: Labeler = None,
    out: Annotated[Path | None, typer.Option("--out", help="Figure to write (.svg, .png, .pdf).")] = None,
    json: Json = False,
) -> None:
    """Draw how often each observation is positive and uncertain: the paper's Figure 1, for any corpus.

    Reports without labels are labelled by the rules.

    Example: rrgbench data stats --corpus iu-xray --labeler rules --out labels.svg
    """
    from rrgbench.cli.progress import say
    from rrgbench.errors import InputError
    from rrgbench.files import check_writable
    from rrgbench.labelers.corpus_labels import label_counts
    from rrgbench.render.corpus_tables import label_table
    from rrgbench.render.json import json_text
    from rrgbench.render.label_chart import FORMATS, write_label_chart
    from rrgbench.render.terminal import print_table

    if out is not None:
        if out.suffix not in FORMATS:
            raise InputError(f"--out {out} must end in {', '.join(FORMATS)}, the formats of the figure")
        check_writable(out, films.places(), ours=lambda path: path.suffix in (".svg", ".pdf"))
    found = label_counts(films.open(to_look=True), split, labeler)
    if out is not None:
        write_label_chart(out, found.title, found.counts, found.labelled, found.studies)
    if json:
        typer.echo(json_text(found.to_json()))
    else:
        print_table(label_table(found))
    if out is not None:
        say(f"Written: {out}")


@app.command()
@grouped
def preview(
    films: CorpusOptions,
    out: Annotated[Path, typer.Option("--out", help="Folder for preview.png and preview.html.")] = Path("preview"),
    count: Annotated[int, typer.Option("--count", min=1, max=500, help="How many studies.")] = 24,
    split: OneSplit = None,
    size: Annotated[int, typer.Option("--size", min=32, max=2048, help="Side of each film in pixels.")] = 256,
    columns: Annotated[int, typer.Option("--columns", min=1, help="Films in a row of the sheet.")] = 6,
    seed: Annotated[int, typer.Option("--seed", help="Another seed shows other studies.")] = 0,
    labeler: Labeler = None,
) -> None:
    """Show some films with report and labels: a contact sheet (PNG) and a page (HTML).

    Example: rrgbench data preview --corpus phantom --count 30 --out look
    """
    from rrgbench.data.splitting import hashed_fraction
    from rrgbench.errors import InputError
    from rrgbench.labelers.corpus_labels import relabelled
    from rrgbench.render.contact_sheet import tile_of, write_preview
    from rrgbench.terminal_text import one_line

    corpus = films.open(to_look=True)
    studies = corpus.selected(split, texts=labeler is not None)
    if not studies:
        raise InputError(f"corpus {corpus.name} has no studies to show")
    chosen = tuple(sorted(studies, key=lambda study: hashed_fraction(study.study_id, seed))[:count])
    if labeler is not None:
        chosen, _ = relabelled(corpus, chosen, labeler)
    tiles = [tile_of(study, size) for study in chosen]
    subtitle = f"{len(tiles)} of {len(studies):,} studies{f' of {split}' if split else ''}, seed {seed}"
    for path in write_preview(out, f"Corpus {corpus.identity}", subtitle, tiles, size, columns):
        typer.echo(one_line(str(path)))


@app.command()
@grouped
def export(
    references: Annotated[
        Path, typer.Option("--references", help="File of reference reports to write (.jsonl).", show_default=False)
    ],
    films: CorpusOptions,
    split: Annotated[str, typer.Option("--split", help="Whose references.")] = "test",
    training_reports: Annotated[
        Path | None,
        typer.Option("--training-reports", help="Also write the training split's, for protocols with a vocabulary."),
    ] = None,
) -> None:
    """Write a corpus's reports as score and compare take them.

    Example: rrgbench data export --corpus iu-xray --root IU --references refs.jsonl --training-reports train.jsonl
    """
    from shlex import join

    from rrgbench.cli.progress import say
    from rrgbench.data.export import export_references, export_training_reports, is_exported
    from rrgbench.errors import InputError, listed
    from rrgbench.files import check_writable

    for path in (references, training_reports) if training_reports is not None else (references,):
        check_writable(path, films.places(), ours=is_exported)
    if training_reports is not None and training_reports.resolve() == references.resolve():
        raise InputError(f"--references and --training-reports are one file, {references}; give two")
    corpus = films.open(to_look=True)
    written = [export_references(corpus, split, references)]
    if training_reports is not None:
        written.append(export_training_reports(corpus, training_reports))
    for one in written:
        left = f"; {len(one.without)} studies have no report: {listed(one.without)}" if one.without else ""
        say(f"Written: {one.path}, {one.studies:,} reports{left}")
    words = ["--references", str(references), "--corpus", corpus.name, "--split", split]
    words += ["--section", corpus.section] if corpus.section else []
    words += ["--training-reports", str(training_reports)] if training_reports is not None else []
    say(f"Score predictions by: rrgbench score --predictions FILE {join(words)}")


@app.command()
@grouped
def build(
    films: FilmCorpusOptions,
    size: Annotated[int, typer.Option("--size", min=16, help="Side of the films in pixels, as the model reads them.")],
    split: OneSplit = None,
    workers: Annotated[
        int | None, typer.Option("--workers", min=1, help="Processes that decode films; all cores if omitted.")
    ] = None,
    json: Json = False,
) -> None:
    """Decode or generate the first film of every study once, into the folder that train and eval take as --film-cache.

    A killed build goes on where it ended; films that are there are checked against their digest and not made again.

    Example: rrgbench data build --corpus phantom --option train=20000 --size 96 --film-cache films
    """
    from rrgbench.cli.progress import bars
    from rrgbench.data.build import build_films
    from rrgbench.errors import InputError
    from rrgbench.render.json import json_text
    from rrgbench.render.table import plain_table
    from rrgbench.render.terminal import print_table

    if films.film_cache is None:
        raise InputError("data build needs --film-cache FOLDER, where the films are kept")
    corpus = films.open()
    with bars("build") as shown:
        found = build_films(corpus, size, films.film_cache, split, workers or -1, shown.part)
    if json:
        typer.echo(json_text({"corpus": corpus.identity, "size": size, "splits": [one.to_json() for one in found]}))
        return
    rows = [
        (one.split, (one.films, f"{one.bytes / 1e6:,.0f} MB", f"{one.seconds:.1f}", f"{one.films / one.seconds:,.0f}"))
        for one in found
    ]
    title = f"{corpus.identity}, films of {size} pixels in {films.film_cache}"
    print_table(plain_table(title, "split", ("films", "on disk", "seconds", "films/s"), rows))


@app.command("five-by-200")
@grouped
def five_by_200(
    out: Annotated[Path, typer.Option("--out", help="List of study ids to write (JSON).", show_default=False)],
    films: CorpusOptions,
    split: Annotated[
        str | None, typer.Option("--split", help="Split to draw from; the retrieval pool if there is one, else test.")
    ] = None,
    per_class: Annotated[int, typer.Option("--per-class", min=2, help="Studies wanted of each observation.")] = 200,
    seed: Annotated[int, typer.Option("--seed", help="Another seed draws other studies.")] = 0,
    among_five: Annotated[
        bool, typer.Option("--among-five", help="Only the other four of the five must be absent, not all 13 others.")
    ] = False,
    frontal: Annotated[
        bool, typer.Option("--frontal/--any-view", help="Pass studies over that are lateral only.")
    ] = True,
    json: Json = False,
) -> None:
    """Draw the studies of 5x200 retrieval, as eval does, and write their ids for others to evaluate on.

    Each study shows one of the five competition observations and none of the 13 others, as GLoRIA drew it. Another list
    of this form, such as one that came with a paper, is evaluated on in the same way: rrgbench eval --five-by-200
    list.json

    Example: rrgbench data five-by-200 --corpus chexpert --root CheXpert-v1.0 --split train --out list.json
    """
    from rrgbench.cli.progress import say
    from rrgbench.data.five_by_200 import Over, exclusive, is_list, write_sample
    from rrgbench.files import check_not_read
    from rrgbench.observations import COMPETITION_OBSERVATIONS
    from rrgbench.render.json import json_text
    from rrgbench.render.table import plain_table
    from rrgbench.render.terminal import print_table
    from rrgbench.tasks.retrieval import drawn_sample, pool_of, with_labels

    check_not_read(out, films.places(), ours=is_list)
    over: Over = "five" if among_five else "all"
    corpus = films.open()
    pool = split or pool_of(corpus, "test")
    drawn = drawn_sample(corpus, pool, per_class, seed, over, frontal)
    written = write_sample(drawn, out)
    rows = {
        name: {"exclusive": len(group), "drawn": len(written.ids.get(name, ()))}
        for name, group in zip(COMPETITION_OBSERVATIONS, exclusive(with_labels(corpus.split(pool)), over), strict=True)
    }
    if json:
        described = {"corpus": corpus.identity, "split": pool, "seed": seed, "size": drawn.size, "drawn": drawn.rule}
        typer.echo(json_text({**described, "digest": written.digest, "classes": rows}))
    else:
        title = f"{corpus.identity}, {pool}: {drawn.size}, {drawn.rule}, seed {seed}, list {written.digest[:8]}"
        counts = [(name, tuple(found.values())) for name, found in rows.items()]
        print_table(plain_table(title, "observation", ("exclusive", "drawn"), counts))
    say(f"Written: {out}")
