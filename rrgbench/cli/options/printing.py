"""In which form a command prints its result."""

from dataclasses import dataclass
from typing import Annotated, Any

import typer

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@dataclass(frozen=True)
class OutputForm:
    """The form in which a result is printed."""

    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False
    latex: Annotated[bool, typer.Option("--latex", help="Print a LaTeX table (booktabs).")] = False
    markdown: Annotated[bool, typer.Option("--markdown", help="Print a Markdown table.")] = False

    def __post_init__(self) -> None:
        """Refuse two forms at once."""
        chosen = [f"--{name}" for name, wanted in vars(self).items() if wanted]
        if len(chosen) > 1:
            raise typer.BadParameter(f"{' and '.join(chosen)} exclude each other")

    def printed(self, result: Any) -> bool:
        """Print `result.to_json()`, `.to_latex()` or `.to_markdown()` if one was asked for."""
        if self.json:
            typer.echo(result.to_json())
        elif self.latex:
            typer.echo(result.to_latex(), nl=False)
        elif self.markdown:
            typer.echo(result.to_markdown(), nl=False)
        return self.json or self.latex or self.markdown
