"""The options by which every command takes a corpus."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rrgbench.data.corpus import Corpus

CorpusName = Annotated[str, typer.Option("--corpus", help="A corpus (rrgbench list corpora).")]
Root = Annotated[Path | None, typer.Option("--root", help="The corpus's folder, in its official layout.")]
Reports = Annotated[
    str | None, typer.Option("--reports", help="Take the reports from this other corpus, unpaired with the films.")
]
ReportsRoot = Annotated[Path | None, typer.Option("--reports-root", help="Folder of the --reports corpus.")]


def open_corpus(name: str, root: Path | None, reports: str | None, reports_root: Path | None) -> "Corpus":
    """The corpus that the options ask for."""
    from rrgbench.registry import load_corpus

    return load_corpus(name, root, reports=reports, reports_root=reports_root)
