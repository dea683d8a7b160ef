"""`rrgbench compare`: several systems' predictions on the same references, with paired tests."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from rrgbench.cli import completion
from rrgbench.cli.options.grouping import grouped
from rrgbench.cli.options.key_values import named_file
from rrgbench.cli.options.metrics import MetricOptions
from rrgbench.cli.options.printing import OutputForm
from rrgbench.cli.options.reports import ReportOptions

_MOST_SYSTEMS = 4
"""Systems whose differences, pair by pair, are printed."""


@grouped
def compare(
    context: typer.Context,
    predictions: Annotated[
        list[str],
        typer.Argument(
            help="Two or more files of generated reports, or NAME=FILE; a file of several systems; or two run folders.",
            show_default=False,
        ),
    ],
    references: Annotated[
        Path | None, typer.Option(help="Reference reports; run folders need none.", show_default=False)
    ] = None,
    *,
    choices: MetricOptions,
    reading: ReportOptions,
    form: OutputForm,
    protocol: Annotated[
        str,
        typer.Option(
            "--protocol",
            help="A protocol by name, as name@version, or a YAML file (rrgbench list protocols).",
            autocompletion=completion.protocols,
        ),
    ] = "dcrrg",
    test: Annotated[str, typer.Option(help="randomization or bootstrap.")] = "randomization",
    permutations: Annotated[int, typer.Option(help="Permutations (or resamples) of the test.")] = 10_000,
    level: Annotated[float, typer.Option(help="Significance level of the superscripts.")] = 0.05,
    intervals: Annotated[bool, typer.Option(help="Bootstrap intervals of values and differences.")] = True,
    seed: Annotated[int, typer.Option(help="Seed of permutations and resamples.", min=0)] = 0,
    common: Annotated[
        bool, typer.Option("--common", help="Compare on the studies that all systems have predictions for.")
    ] = False,
) -> None:
    """Compare systems: a table with superscripts where a difference is significant (paired test, Holm-corrected).

    Systems are named after their files, those of one file after its field system or model; numbers made on different
    studies are refused. Two run folders are compared by the values on resamples that they keep: nothing is scored
    again.

    \b
    Examples:
      rrgbench compare a.jsonl b.jsonl c.jsonl --references refs.jsonl
      rrgbench compare ours=run1/preds.jsonl theirs=run2/preds.jsonl --references refs.jsonl
      rrgbench compare pairs.csv --references refs.jsonl
      rrgbench compare runs/dcrrg-mine-full-phantom runs/dcrrg-6d-full-phantom
    """
    folders = [Path(argument) for argument in predictions]
    if len(folders) == 2 and all(folder.is_dir() for folder in folders):
        from rrgbench.errors import InputError
        from rrgbench.render.terminal import print_table
        from rrgbench.tasks.run_comparison import run_comparison

        sources = {name: context.get_parameter_source(name) for name in context.params}
        told = [name for name, source in sources.items() if source is not None and source.name == "COMMANDLINE"]
        if unread := [name for name in told if name not in ("predictions", "form", *vars(form))]:
            flags = ", ".join(_flag(context, name) for name in unread)
            raise InputError(f"two run folders are compared by what they keep, so {flags} would change nothing")
        runs = run_comparison(folders[0], folders[1])
        if not form.printed(runs):
            print_table(runs.to_table())
        return
    if references is None:
        from rrgbench.errors import InputError, listed

        if absent := [one for one in predictions if not named_file(one)[1].exists()]:
            raise InputError(f"there is no {listed(absent)}; give two run folders, or files with --references")
        raise typer.BadParameter("files of predictions need --references", param_hint="--references")
    if test not in ("randomization", "bootstrap"):
        raise typer.BadParameter(f"{test!r}; expected randomization or bootstrap", param_hint="--test")
    from rrgbench.scoring.report_systems import ReportSource

    opened: dict[Path, ReportSource] = {}
    files: dict[str, ReportSource] = {}
    systems: dict[str, str] = {}
    for argument in predictions:
        given, path = named_file(argument)
        source = opened.setdefault(path, ReportSource(path))
        several = () if given else source.systems
        own = several if len(several) > 1 else ()
        for name in own or (given or path.stem,):
            if name in files:
                raise typer.BadParameter(f"two systems are called {name!r}; name them as NAME=FILE")
            files[name] = source
            systems[name] = name if own else source.system_asked_for(name) if given else ""
    if len(files) < 2:
        raise typer.BadParameter("give at least two files of predictions")

    from rrgbench.cli.progress import say, status
    from rrgbench.render.terminal import print_table
    from rrgbench.scoring.compare import compare_pairs, tests

    testing = tests({"test": test, "permutations": permutations, "level": level, "common": common})
    if common:
        reading = replace(reading, allow_missing=True)
    with status("reading reports") as progress:
        options = choices.scoring(protocol, intervals=intervals, seed=seed)
        found = compare_pairs(reading.read(references, files, systems), options, testing, progress)
    if not form.printed(found):
        # metrics below each other fit a terminal
        print_table(found.to_table(intervals).turned("metric"))
        if len(files) <= _MOST_SYSTEMS:
            print_table(found.differences_to_table())
        else:
            say(f"{len(found.differences)} differences with intervals and p-values: --json")


def _flag(context: "typer.Context", name: str) -> str:
    """An option as it was given, in its negative form where it was."""
    option = next(one for one in context.command.params if one.name == name)
    negative = option.secondary_opts and context.params[name] is False
    return (option.secondary_opts if negative else option.opts)[0]
