"""The `rrgbench` command. Each command is a file of its own; what is heavy is imported only when it runs."""

import inspect
import logging
import os
import sys

import typer

from rrgbench.cli.claims import claims
from rrgbench.cli.compare import compare
from rrgbench.cli.data import app as data_app
from rrgbench.cli.doctor import doctor
from rrgbench.cli.drift import drift
from rrgbench.cli.ending import LineFormatter, Once, OpenGroup, run_to_the_end
from rrgbench.cli.eval import evaluate
from rrgbench.cli.explain import explain
from rrgbench.cli.leaderboard import app as leaderboard_app
from rrgbench.cli.list import app as list_app
from rrgbench.cli.protocols import protocols
from rrgbench.cli.report import report
from rrgbench.cli.reproduce import app as reproduce_app
from rrgbench.cli.runs import app as runs_app
from rrgbench.cli.score import score
from rrgbench.cli.train import train
from rrgbench.cli.trials import app as trials_app

app = typer.Typer(
    name="rrgbench",
    cls=OpenGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="The benchmark toolkit of chest X-ray report generation.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    epilog="Exit codes: 0 done, 1 a number moved (drift, leaderboard check), 2 wrong input, 3 a part is missing, "
    "4 not comparable, 5 disk or permission, 6 a leak (data audit), 70 a defect, 130 interrupted.",
)
app.command("eval")(evaluate)
app.command("score")(score)
app.command("train")(train)
app.command("explain")(explain)
app.command("claims")(claims)
app.command("drift")(drift)
app.command("compare")(compare)
app.command("protocols")(protocols)
app.command("report")(report)
app.add_typer(reproduce_app, name="reproduce")
app.add_typer(trials_app, name="trials")
app.add_typer(leaderboard_app, name="leaderboard")
app.add_typer(runs_app, name="runs")
app.add_typer(data_app, name="data")
app.add_typer(list_app, name="list")
app.command("doctor")(doctor)


def _flowing(text: str) -> str:
    """Help with paragraphs as wide as the terminal, not as the source; those that begin with \\b keep their lines."""
    paragraphs = inspect.cleandoc(text).split("\n\n")
    return "\n\n".join(one if one.startswith("\b") else " ".join(one.split("\n")) for one in paragraphs)


def _let_flow(group: typer.Typer) -> None:
    for command in group.registered_commands:
        command.help = _flowing(command.help or inspect.getdoc(command.callback) or "")
    for below in group.registered_groups:
        if below.typer_instance is not None:
            _let_flow(below.typer_instance)


_let_flow(app)


def _show_version(asked: bool) -> None:
    if asked:
        from rrgbench import __version__

        print(__version__)
        raise typer.Exit


@app.callback()
def settings(
    version: bool = typer.Option(False, "--version", callback=_show_version, is_eager=True, help="Print the version."),
    verbose: bool = typer.Option(False, "--verbose", "-v", help="Log what is done, on standard error."),
) -> None:
    """The benchmark toolkit of chest X-ray report generation."""
    handler = logging.StreamHandler()
    handler.setFormatter(LineFormatter("%(levelname)s: %(message)s"))
    handler.addFilter(Once())
    logging.basicConfig(level=logging.INFO if verbose else logging.WARNING, handlers=[handler])
    # it has a handler of its own, and would say everything twice
    logging.getLogger("huggingface_hub").propagate = False
    # libraries print their own bars and advice otherwise, into ours
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    if not verbose:
        # of a hub that can't be reached it tells every try; our error comes once
        os.environ.setdefault("HF_HUB_VERBOSITY", "error")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("TRANSFORMERS_NO_ADVISORY_WARNINGS", "1")


def run() -> None:
    """Entry point."""
    sys.exit(run_to_the_end(app, sys.argv[1:]))
