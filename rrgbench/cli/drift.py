"""`rrgbench drift`: did the numbers of a run move against a baseline?"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from rrgbench.runs.drift import Drift
    from rrgbench.runs.records import Record

_LISTED = 20
"""Rows of a kind that the table lists before it counts the rest; `--json` has all."""


def drift(
    run: Annotated[Path, typer.Argument(help="Run folder or results.json.", show_default=False)],
    against: Annotated[Path, typer.Option("--against", help="The baseline: the same.", show_default=False)],
    tolerance: Annotated[
        list[str] | None,
        typer.Option("--tolerance", "-t", help="metric=0.01 or task/metric=0.01, * allowed; repeatable."),
    ] = None,
    allow_signature: Annotated[
        list[str] | None,
        typer.Option("--allow-signature", help="A signature field that may differ, or all; repeatable."),
    ] = None,
    allow_extra: Annotated[
        bool, typer.Option("--allow-extra", help="Values that only RUN has are listed but don't matter.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Compare a run with a baseline, value by value, and say what moved and by how much.

    Exit codes: 0 nothing moved; 1 a value moved or became blank; 2 not comparable (signatures differ, values are
    missing, a file can't be read).

    \b
    Examples:
      rrgbench drift runs/today --against leaderboards/baselines/quick-phantom.json
      rrgbench drift runs/today --against runs/before --tolerance 'bleu_*=0.005' --allow-signature rrgbench
    """
    from json import dumps

    from rich.console import Console

    from rrgbench.runs.drift import compare_runs, parse_tolerances
    from rrgbench.runs.store import read_results

    found = compare_runs(
        read_results(run),
        read_results(against),
        tolerances=parse_tolerances(tolerance or ()),
        allowed=allow_signature or (),
        allow_extra=allow_extra,
    )
    if json:
        typer.echo(dumps(found.to_json(), indent=2, ensure_ascii=False, allow_nan=False))
    else:
        _print(found, Console())
    raise typer.Exit(int(found.verdict))


def _print(found: "Drift", console: "Console") -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    if found.moved:
        table = Table("value", title="Moved", title_justify="left", box=SIMPLE_HEAD)
        for heading in ("baseline", "run", "change", "tolerance"):
            table.add_column(heading, justify="right")
        for pair in found.moved[:_LISTED]:
            table.add_row(
                Text(_name(pair.run)), _number(pair.baseline), _number(pair.run), Text(pair.what), f"{pair.tolerance:g}"
            )
        console.print(table)
        _rest(len(found.moved), console)
    if found.refused:
        table = Table(
            "value", "field", "baseline", "run", title="Not comparable: signatures differ", title_justify="left"
        )
        for pair in found.refused[:_LISTED]:
            for position, (field, ours, theirs) in enumerate(pair.differences):
                table.add_row("" if position else Text(_name(pair.run)), field, Text(theirs), Text(ours))
        console.print(table)
        _rest(len(found.refused), console)
    for title, records in (("Only in the baseline", found.only_baseline), ("Only in the run", found.only_run)):
        if records:
            table = Table("value", "", title=title, title_justify="left", box=SIMPLE_HEAD)
            for record in records[:_LISTED]:
                table.add_row(Text(_name(record)), _number(record))
            console.print(table)
            _rest(len(records), console)
    typer.echo(_summary(found))


def _name(record: "Record") -> str:
    """Which value, short enough for a table: corpus and split stand in the signature."""
    where = [
        f"{field}={cell}"
        for field in ("observation", "fraction", "setting", "k", "seed")
        if (cell := getattr(record, field)) is not None
    ]
    return f"{record.model}: {record.metric}\n  {', '.join([record.task, *where])}"


def _number(record: "Record") -> str:
    return "-" if record.value is None else f"{record.value:.4f}"


def _rest(count: int, console: "Console") -> None:
    if count > _LISTED:
        console.print(f"and {count - _LISTED} more (--json lists all)")


def _summary(found: "Drift") -> str:
    parts = [
        f"{len(found.pairs)} values compared",
        f"{len(found.moved)} moved",
        f"{len(found.refused)} with other signatures",
        f"{len(found.only_baseline)} only in the baseline",
        f"{len(found.only_run)} only in the run",
    ]
    return f"{found.verdict.name.lower().replace('_', ' ')}: {', '.join(parts)}"
