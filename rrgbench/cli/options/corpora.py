"""Corpora and their folders."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from rrgbench.cli import completion
from rrgbench.cli.options.grouping import listed_option
from rrgbench.cli.options.key_values import key_values

if TYPE_CHECKING:
    from rrgbench.data.corpus import Corpus


_CORPUS_OWN: Final = {
    "root": "give --root",
    "reports": "give --reports",
    "reports_root": "give --reports-root",
    "reports_options": "give --reports-option",
}
"""What loaders take that has a flag of its own."""


@dataclass(frozen=True)
class CorpusOptions:
    """A corpus: films with their reports, or films beside the reports of another."""

    corpus: Annotated[
        str, typer.Option("--corpus", help="A corpus (rrgbench list corpora).", autocompletion=completion.corpora)
    ] = "phantom"
    root: Annotated[Path | None, typer.Option("--root", help="The corpus's folder, in its official layout.")] = None
    reports: Annotated[
        str | None,
        typer.Option(
            "--reports",
            help="Take the reports from this other corpus, unpaired with the films.",
            autocompletion=completion.corpora,
        ),
    ] = None
    reports_root: Annotated[Path | None, typer.Option("--reports-root", help="Folder of the --reports corpus.")] = None
    reports_option: Annotated[
        list[str] | None,
        listed_option("--reports-option", "A reader option of the --reports corpus as KEY=VALUE; may be repeated."),
    ] = None
    option: Annotated[
        list[str] | None,
        listed_option("--option/-o", "A reader option as KEY=VALUE, such as section=both; may be repeated."),
    ] = None
    skip_bad_images: Annotated[
        bool,
        typer.Option(
            "--skip-bad-images",
            help="Leave films out that are absent or can't be read; the count becomes part of the corpus's name.",
        ),
    ] = False

    def words(self) -> list[str]:
        """The options as they are given on a command line, those that are not the default."""
        found = ["--corpus", self.corpus] if self.corpus != CorpusOptions.corpus else []
        for flag, value in (("--root", self.root), ("--reports", self.reports), ("--reports-root", self.reports_root)):
            found += [flag, str(value)] if value is not None else []
        for flag, values in (("--reports-option", self.reports_option), ("--option", self.option)):
            found += [word for value in values or () for word in (flag, value)]
        return found + ["--skip-bad-images"] * self.skip_bad_images

    def places(self) -> list[Path]:
        """Files and folders that the corpus is read from, as far as the options name them."""
        values = [value.partition("=")[2] for value in (*(self.option or ()), *(self.reports_option or ()))]
        return [
            place for place in (self.root, self.reports_root, *map(Path, filter(None, values))) if place is not None
        ]

    def open(self, *, to_look: bool = False) -> "Corpus":
        """The corpus that the options ask for.

        Parameters
        ----------
        to_look : bool
            Whether films that are absent are no error, since they may be what is looked for.

        Raises
        ------
        InputError
            If a reader option is not KEY=VALUE, or the corpus can't be read.
        """
        from rrgbench.data.loading import load_corpus, takes_option

        options = key_values(self.option, own=_CORPUS_OWN)
        if self.skip_bad_images:
            options["skip_bad_images"] = True
        if to_look and "skip_bad_images" not in options and takes_option(self.corpus, "check_images"):
            options["check_images"] = False
        return load_corpus(
            self.corpus,
            self.root,
            reports=self.reports,
            reports_root=self.reports_root,
            reports_options=key_values(self.reports_option, "--reports-option"),
            **options,
        )


@dataclass(frozen=True)
class FilmCorpusOptions(CorpusOptions):
    """A corpus whose films are read more than once."""

    film_cache: Annotated[
        Path | None, typer.Option("--film-cache", help="Keep decoded films in this folder, so they are decoded once.")
    ] = None


def corpus_left_open(context: typer.Context) -> bool:
    """Whether neither the command line nor a configuration names the corpus."""
    source = context.get_parameter_source("corpus")
    return source is None or source.name == "DEFAULT"


def other_corpus(flag: str, name: str | None, root_flag: str, root: Path | None) -> CorpusOptions | None:
    """A second corpus by its two options.

    Raises
    ------
    InputError
        If a folder is given, but not which corpus lies there.
    """
    from rrgbench.errors import InputError

    if name is None and root is not None:
        raise InputError(f"{root_flag} is given without {flag}, so it is not known which corpus lies there")
    return CorpusOptions(name, root) if name else None
