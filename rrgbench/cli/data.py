"""`rrgbench data`: look at a corpus before trusting numbers made on it."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rrgbench.cli.corpus_options import (
    CorpusName,
    Options,
    Reports,
    ReportsRoot,
    Root,
    SkipBadImages,
    open_corpus,
    reader_options,
)
from rrgbench.terminal_text import one_line

if TYPE_CHECKING:
    from rrgbench.data.corpus import Corpus
    from rrgbench.data.study import Study
    from rrgbench.data.validate import FilmCopy, Validation

app = typer.Typer(help="Validate, count, preview and sample a corpus.", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="Print as JSON.")]
Labeler = Annotated[
    str | None, typer.Option("--labeler", help="Label the reports with this labeler, instead of the corpus's labels.")
]


@app.command()
def validate(
    corpus: CorpusName = "phantom",
    root: Root = None,
    reports: Reports = None,
    reports_root: ReportsRoot = None,
    beside: Annotated[str | None, typer.Option("--beside", help="Also find films that this corpus holds too.")] = None,
    beside_root: Annotated[Path | None, typer.Option("--beside-root", help="Folder of the --beside corpus.")] = None,
    option: Options = None,
    json_output: Json = False,
) -> None:
    """Read every study and film once: counts, broken films, copies, leaks, labels, digest.

    Ends with 0 if the corpus passes and with 2 if films can't be read or lie in two splits.

    Example: rrgbench data validate --corpus nih-cxr14 --root CXR8 --beside chexpert --beside-root CheXpert-v1.0
    """
    from rrgbench.cli.progress import bars
    from rrgbench.data.validate import validate as look
    from rrgbench.errors import InputError

    if beside_root is not None and beside is None:
        raise InputError("--beside-root is given without --beside, so it is not known which corpus lies there")
    opened = _open(corpus, root, reports, reports_root, option, check_images=False)
    other = None if beside is None else _open(beside, beside_root, None, None, None, check_images=False)
    with bars("validate") as shown:
        found = look(opened, other, progress=shown.part)
    if json_output:
        print(json.dumps(found.to_json(), indent=1))
    else:
        _print_validation(found)
    if found.problems:
        raise typer.Exit(2)


@app.command()
def stats(
    corpus: CorpusName = "phantom",
    root: Root = None,
    reports: Reports = None,
    reports_root: ReportsRoot = None,
    split: Annotated[str | None, typer.Option("--split", help="One split only.")] = None,
    labeler: Labeler = None,
    out: Annotated[Path | None, typer.Option("--out", help="Figure to write (.svg, .png, .pdf).")] = None,
    option: Options = None,
    json_output: Json = False,
) -> None:
    """Draw how often each observation is positive and uncertain: the paper's Figure 1, for any corpus.

    Reports without labels are labelled by the rules.

    Example: rrgbench data stats --corpus iu-xray --labeler rules --out labels.svg
    """
    from rrgbench.data.validate import VALUES, count_labels
    from rrgbench.errors import InputError
    from rrgbench.observations import OBSERVATIONS
    from rrgbench.render.label_chart import FORMATS, label_lines, write_label_chart

    if out is not None and out.suffix not in FORMATS:
        raise InputError(f"--out {out} must end in {', '.join(FORMATS)}, the formats of the figure")
    opened = _open(corpus, root, reports, reports_root, option, check_images=False)
    studies, source = _labelled(opened, _selected(opened, split, texts=labeler is not None), labeler)
    counts = count_labels(studies)
    labelled = OBSERVATIONS if source.startswith("reports") else opened.labelled_observations
    title = f"{opened.identity}{f', {split}' if split else ''}: {len(studies):,} studies labelled by {source}"
    if out is not None:
        write_label_chart(out, title, counts, labelled, len(studies))
    if json_output:
        rows = {
            name: dict(zip(VALUES, row, strict=True)) for name, row in zip(OBSERVATIONS, counts.tolist(), strict=True)
        }
        labels = {name: row for name, row in rows.items() if name in labelled}
        print(
            json.dumps({"corpus": opened.identity, "split": split, "studies": len(studies), "labels": labels}, indent=1)
        )
        return
    bars = label_lines(counts, labelled)
    lines = {
        name: (*row, 100 * row[0] / len(studies)) if name in labelled else (None,) * (len(VALUES) + 1)
        for name, row in zip(OBSERVATIONS, counts.tolist(), strict=True)
    }
    columns = (*VALUES, "share %", "positive #, uncertain ~")
    _print(title, "observation", columns, [(name, (*line, bars[name])) for name, line in lines.items()])
    if out is not None:
        print(f"figure: {out}")


@app.command()
def preview(
    corpus: CorpusName = "phantom",
    root: Root = None,
    reports: Reports = None,
    reports_root: ReportsRoot = None,
    out: Annotated[Path, typer.Option("--out", help="Folder for preview.png and preview.html.")] = Path("preview"),
    count: Annotated[int, typer.Option("--count", min=1, max=500, help="How many studies.")] = 24,
    split: Annotated[str | None, typer.Option("--split", help="One split only.")] = None,
    size: Annotated[int, typer.Option("--size", min=32, max=2048, help="Side of each film in pixels.")] = 256,
    columns: Annotated[int, typer.Option("--columns", min=1, help="Films in a row of the sheet.")] = 6,
    seed: Annotated[int, typer.Option("--seed", help="Another seed shows other studies.")] = 0,
    labeler: Labeler = None,
    option: Options = None,
) -> None:
    """Show some films with report and labels: a contact sheet (PNG) and a page (HTML).

    Example: rrgbench data preview --corpus phantom --count 30 --out look
    """
    from rrgbench.data.splitting import hashed_fraction
    from rrgbench.errors import InputError
    from rrgbench.render.contact_sheet import contact_sheet, preview_page, tile_of

    opened = _open(corpus, root, reports, reports_root, option, check_images=False)
    studies = _selected(opened, split, texts=labeler is not None)
    if not studies:
        raise InputError(f"corpus {opened.name} has no studies to show")
    chosen = tuple(sorted(studies, key=lambda study: hashed_fraction(study.study_id, seed))[:count])
    if labeler is not None:
        chosen, _ = _labelled(opened, chosen, labeler)
    tiles = [tile_of(study, size) for study in chosen]
    out.mkdir(parents=True, exist_ok=True)
    contact_sheet(tiles, size, columns).save(out / "preview.png")
    subtitle = f"{len(tiles)} of {len(studies):,} studies{f' of {split}' if split else ''}, seed {seed}"
    page = preview_page(f"Corpus {opened.identity}", subtitle, tiles)
    (out / "preview.html").write_text(page, encoding="utf-8")
    print(f"{out / 'preview.png'}\n{out / 'preview.html'}")


@app.command("five-by-200")
def five_by_200(
    out: Annotated[Path, typer.Option("--out", help="List of study ids to write (JSON).")],
    corpus: CorpusName = "phantom",
    root: Root = None,
    split: Annotated[
        str | None, typer.Option("--split", help="Split to draw from; the retrieval pool if there is one, else test.")
    ] = None,
    per_class: Annotated[int, typer.Option("--per-class", min=2, help="Studies wanted of each observation.")] = 200,
    seed: Annotated[int, typer.Option("--seed", help="Another seed draws other studies.")] = 0,
    skip_bad_images: SkipBadImages = False,
    option: Options = None,
    json_output: Json = False,
) -> None:
    """Draw the studies of 5x200 retrieval, as eval does, and write their ids for others to evaluate on.

    Each study shows one of the five competition observations and none of the others. Another list of this form, such as
    one that came with a paper, is evaluated on in the same way: rrgbench eval --five-by-200 list.json

    Example: rrgbench data five-by-200 --corpus chexpert --root CheXpert-v1.0 --split train --out list.json
    """
    from rrgbench.data.five_by_200 import exclusive, write_sample
    from rrgbench.observations import COMPETITION_OBSERVATIONS
    from rrgbench.tasks.retrieval import drawn_sample, pool_of, with_labels

    opened = open_corpus(corpus, root, None, None, option, skip_bad_images)
    pool = split or pool_of(opened, "test")
    drawn = drawn_sample(opened, pool, per_class, seed)
    written = write_sample(drawn, out)
    rows = {
        name: {"exclusive": len(group), "drawn": len(written.ids.get(name, ()))}
        for name, group in zip(COMPETITION_OBSERVATIONS, exclusive(with_labels(opened.split(pool))), strict=True)
    }
    if json_output:
        described = {"corpus": opened.identity, "split": pool, "seed": seed, "size": drawn.size}
        print(json.dumps({**described, "digest": written.digest, "classes": rows}, indent=1))
        return
    title = f"{opened.identity}, {pool}: {drawn.size}, seed {seed}"
    counts = [(name, tuple(found.values())) for name, found in rows.items()]
    _print(title, "observation", ("exclusive", "drawn"), counts)
    print(f"list {written.digest[:8]}: {out}")


def _open(
    name: str,
    root: Path | None,
    reports: str | None,
    reports_root: Path | None,
    option: list[str] | None,
    *,
    check_images: bool,
) -> "Corpus":
    """The corpus that the options ask for; readers that look for their films are told not to, where asked."""
    from rrgbench.data.loading import load_corpus

    options: dict[str, Any] = reader_options(option)
    if not check_images and "skip_bad_images" not in options and _reads_films(name):
        options["check_images"] = False
    return load_corpus(name, root, reports=reports, reports_root=reports_root, **options)


def _reads_films(name: str) -> bool:
    """Whether a corpus's loader takes `check_images`; generated corpora have no files to look for."""
    from importlib.metadata import entry_points
    from inspect import signature

    points = [point for point in entry_points(group="rrgbench.corpora") if point.name == name]
    return bool(points) and "check_images" in signature(points[0].load()).parameters


def _selected(corpus: "Corpus", split: str | None, texts: bool = False) -> "tuple[Study, ...]":
    """Studies of a split or of all; if `texts` is set, those that carry the reports of an unpaired corpus."""
    if texts and not corpus.paired:
        return tuple(study for study in corpus.text_studies if split in (None, study.split))
    return tuple(corpus.studies) if split is None else corpus.split(split)


def _labelled(corpus: "Corpus", studies: "tuple[Study, ...]", labeler: str | None) -> "tuple[tuple[Study, ...], str]":
    """Studies with labels, and who made them: the corpus, or a labeler from the reports."""
    from dataclasses import replace

    from rrgbench import labelers
    from rrgbench.errors import InputError

    own = tuple(study for study in studies if study.labels is not None)
    if labeler is None and own:
        return own, ", ".join(sorted({study.labels_source for study in own}))
    reported = tuple(study for study in studies if study.report is not None and study.report.strip())
    if not reported:
        raise InputError(f"corpus {corpus.name} has neither labels nor reports to label here")
    chosen = labelers.load(labeler or "rules")
    made = chosen.label([study.report or "" for study in reported])
    return (
        tuple(
            replace(study, labels=row, labels_source=chosen.identity) for study, row in zip(reported, made, strict=True)
        ),
        f"reports ({chosen.identity})",
    )


def _print_validation(found: "Validation") -> None:
    from rrgbench.data.validate import VALUES
    from rrgbench.observations import OBSERVATIONS

    print(f"corpus {one_line(found.corpus)}\ndigest {found.digest}")
    if found.license_note:
        print(f"licence {one_line(found.license_note)}")
    counts = []
    for row in found.splits:
        figures = (row.studies, row.subjects, row.films, row.labelled, row.reports, row.without_report)
        words = ", ".join(f"{number:,}" for number in row.words)
        counts.append((row.source, (row.split, *figures, row.distinct_reports, words)))
    titles = ("split", "studies", "subjects", "films", "labelled", "reports", "without", "distinct")
    _print("", "source", (*titles, "words (least, median, most)"), counts)
    if any(split.labelled for split in found.splits):
        labels = [
            (name, [" ".join(f"{count:,}" for count in values[index].tolist()) for values in found.labels.values()])
            for index, name in enumerate(OBSERVATIONS)
            if name in found.labelled_observations
        ]
        _print("labels: " + ", ".join(VALUES), "observation", tuple(found.labels), labels)
        unlabelled = [name for name in OBSERVATIONS if name not in found.labelled_observations]
        if unlabelled:
            print(f"not labelled in this corpus: {', '.join(unlabelled)}")
    _print_films(found)
    print("passes" if not found.problems else one_line(f"does not pass: {'; '.join(found.problems)}"))


def _print_films(found: "Validation") -> None:
    print(f"films that can't be read: {len(found.unreadable)}")
    for _, reason in found.unreadable[:20]:
        print(f"  {one_line(reason)}")
    others = [group for group in found.copies if group not in (*found.leaks, *found.shared, *found.within_study)]
    for title, groups in (
        ("films in two splits", found.leaks),
        ("films that both corpora hold", found.shared),
        ("films twice in one study", found.within_study),
        ("films twice in one split", tuple(others)),
    ):
        print(f"{title}: {len(groups)}")
        for group in groups[:20]:
            # a group that lies in the corpus beside only must not read as if it lay in this one
            named = any(copy.corpus != found.corpus for copy in group)
            print("  " + one_line(" = ".join(_place(copy, named) for copy in group)))


def _place(copy: "FilmCopy", named: bool) -> str:
    return f"{copy.corpus + ' ' if named else ''}{copy.study_id} ({copy.split})"


def _print(title: str, label: str, columns: Sequence[str], rows: Iterable[tuple[str, Sequence[Any]]]) -> None:
    """Print a table of words and of whole numbers, others with one digit."""
    from rrgbench.render.table import Cell, Column, Row, Table
    from rrgbench.render.terminal import print_table

    shown = tuple(
        Row(name, tuple(Cell(cell, decimals=int(isinstance(cell, float))) for cell in cells)) for name, cells in rows
    )
    words = [all(isinstance(row.cells[place].value, str) for row in shown) for place in range(len(columns))]
    heads = tuple(Column(column, text=text) for column, text in zip(columns, words, strict=True))
    print_table(Table(title, label, heads, shown))
