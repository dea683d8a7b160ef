"""The options that `score`, `compare` and `protocols` share."""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rrgbench.data.predictions import Allowance

ProtocolName = Annotated[str, typer.Option(help="raw, coco, dcrrg, r2gen, radeval or rexrank.")]
Metrics = Annotated[
    str, typer.Option(help="Comma-separated keys or groups, e.g. bleu_4,cider or nlg,ce.", show_default="all")
]
CorpusLabel = Annotated[str, typer.Option(help="Corpus name for signatures; the references' digest is added.")]
SplitLabel = Annotated[str, typer.Option(help="Split name for signatures.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Latex = Annotated[bool, typer.Option("--latex", help="Print a LaTeX table (booktabs).")]
Markdown = Annotated[bool, typer.Option("--markdown", help="Print a Markdown table.")]
AllowMissing = Annotated[bool, typer.Option("--allow-missing", help="Leave out studies without a prediction.")]
AllowUnknown = Annotated[bool, typer.Option("--allow-unknown", help="Leave out predictions without a reference.")]
AllowEmpty = Annotated[bool, typer.Option("--allow-empty", help="Score empty reports as they are.")]
AllowDuplicates = Annotated[bool, typer.Option("--allow-duplicates", help="Use the first of several rows of a study.")]


def allowances(missing: bool, unknown: bool, empty: bool, duplicates: bool) -> "list[Allowance]":
    """Names of the allowances that are switched on."""
    given: list[tuple[Allowance, bool]] = [
        ("missing", missing),
        ("unknown", unknown),
        ("empty", empty),
        ("duplicates", duplicates),
    ]
    return [name for name, wanted in given if wanted]


def only_one(**forms: bool) -> None:
    """Refuse two output forms at once."""
    chosen = [f"--{name}" for name, wanted in forms.items() if wanted]
    if len(chosen) > 1:
        raise typer.BadParameter(f"{' and '.join(chosen)} exclude each other")
