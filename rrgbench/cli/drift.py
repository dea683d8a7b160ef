"""`rrgbench drift`: did the numbers of a run move against a baseline?"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rrgbench.cli.option_groups import Json

if TYPE_CHECKING:
    from rrgbench.render.table import Cell, Column, Row
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
    json: Json = False,
) -> None:
    """Compare a run with a baseline, value by value, and say what moved and by how much.

    Exit codes: 0 nothing moved; 1 a value moved or became blank; 4 not comparable (signatures differ, values are
    missing).

    \b
    Examples:
      rrgbench drift runs/today --against leaderboards/baselines/quick-phantom.json
      rrgbench drift runs/today --against runs/before --tolerance 'bleu_*=0.005' --allow-signature rrgbench
    """
    from rrgbench.render.json import json_text
    from rrgbench.runs.drift import check_fields, compare_runs, parse_tolerances
    from rrgbench.runs.store import read_results
    from rrgbench.scoring.signature import FIELDS

    ours, theirs = read_results(run), read_results(against)
    check_fields(allow_signature or (), FIELDS, [*ours, *theirs])
    found = compare_runs(
        ours,
        theirs,
        tolerances=parse_tolerances(tolerance or ()),
        allowed=allow_signature or (),
        allow_extra=allow_extra,
    )
    if json:
        typer.echo(json_text(found.to_json()))
    else:
        _print(found)
    raise typer.Exit(int(found.verdict))


def _print(found: "Drift") -> None:
    from rrgbench.render.table import Cell, Column, Row

    moved = [
        Row(
            _name(pair.run),
            (
                Cell(_where(pair.run)),
                _value(pair.baseline),
                _value(pair.run),
                Cell(pair.what),
                Cell(f"{pair.tolerance:g}"),
            ),
        )
        for pair in found.moved
    ]
    change = (Column("baseline"), Column("run"), Column("change", text=True), Column("tolerance"))
    _print_table("Moved", change, moved)
    refused = [
        Row(_name(pair.run), (Cell(_where(pair.run)), Cell(field), Cell(theirs), Cell(ours)))
        for pair in found.refused
        for field, ours, theirs in pair.differences
    ]
    fields = tuple(Column(title, text=True) for title in ("field", "baseline", "run"))
    _print_table("Not comparable: signatures differ", fields, refused)
    for title, records in (("Only in the baseline", found.only_baseline), ("Only in the run", found.only_run)):
        rows = [Row(_name(record), (Cell(_where(record)), _value(record))) for record in records]
        _print_table(title, (Column("number"),), rows)
    typer.echo(_summary(found))


def _print_table(title: str, columns: "tuple[Column, ...]", rows: "list[Row]") -> None:
    """A table of values, unless there is none."""
    from rrgbench.render.table import Column, Table
    from rrgbench.render.terminal import print_table

    more = (f"and {len(rows) - _LISTED} more (--json lists all)",) if len(rows) > _LISTED else ()
    if rows:
        print_table(Table(title, "value", (Column("of", text=True), *columns), tuple(rows[:_LISTED]), more))


def _name(record: "Record") -> str:
    """Which value, short enough for a table: corpus and split stand in the signature."""
    return f"{record.model}: {record.metric}"


def _where(record: "Record") -> str:
    fields = ("observation", "fraction", "setting", "k", "seed")
    where = [f"{field}={cell}" for field in fields if (cell := getattr(record, field)) is not None]
    return ", ".join([record.task, *where])


def _value(record: "Record") -> "Cell":
    from rrgbench.render.table import Cell

    return Cell(record.value, decimals=4)


def _summary(found: "Drift") -> str:
    parts = [
        f"{len(found.pairs)} values compared",
        f"{len(found.moved)} moved",
        f"{len(found.refused)} with other signatures",
        f"{len(found.only_baseline)} only in the baseline",
        f"{len(found.only_run)} only in the run",
    ]
    return f"{found.verdict.name.lower().replace('_', ' ')}: {', '.join(parts)}"
