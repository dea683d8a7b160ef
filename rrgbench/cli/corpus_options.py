"""The options by which every command takes a corpus."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rrgbench.data.corpus import Corpus

CorpusName = Annotated[str, typer.Option("--corpus", help="A corpus (rrgbench list corpora).")]
Root = Annotated[Path | None, typer.Option("--root", help="The corpus's folder, in its official layout.")]
Reports = Annotated[
    str | None, typer.Option("--reports", help="Take the reports from this other corpus, unpaired with the films.")
]
ReportsRoot = Annotated[Path | None, typer.Option("--reports-root", help="Folder of the --reports corpus.")]
Options = Annotated[
    list[str] | None, typer.Option("--option", "-o", help="A reader option as KEY=VALUE, such as section=both.")
]
SkipBadImages = Annotated[
    bool,
    typer.Option(
        "--skip-bad-images",
        help="Leave films out that are absent or can't be read; the count becomes part of the corpus's name.",
    ),
]
FilmCache = Annotated[
    Path | None, typer.Option("--film-cache", help="Keep decoded films in this folder, so they are decoded once.")
]


def open_corpus(
    name: str,
    root: Path | None,
    reports: str | None,
    reports_root: Path | None,
    option: list[str] | None = None,
    skip_bad_images: bool = False,
) -> "Corpus":
    """The corpus that the options ask for."""
    from rrgbench.data.loading import load_corpus

    options = reader_options(option)
    if skip_bad_images:
        options["skip_bad_images"] = True
    return load_corpus(name, root, reports=reports, reports_root=reports_root, **options)


def reader_options(pairs: list[str] | None, flag: str = "--option") -> dict[str, Any]:
    """Options from a flag's KEY=VALUE; true, false and numbers are read as such.

    Raises
    ------
    InputError
        If one is not KEY=VALUE.
    """
    from rrgbench.errors import InputError

    options: dict[str, Any] = {}
    for pair in pairs or []:
        key, equals, value = pair.partition("=")
        if not equals or not key.isidentifier():
            raise InputError(f"{flag} expects KEY=VALUE, such as section=both; given: {pair!r}")
        try:
            read = json.loads(value)
        except ValueError:
            read = value
        options[key] = read if isinstance(read, bool | int | float) else value
    return options
