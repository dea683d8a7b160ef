"""How the command ends: in one line and a code of its own, whatever happens (`rrgbench.errors` lists the codes)."""

import logging
import os
import shlex
import sys
import traceback
from typing import Any

import typer
from typer.core import TyperGroup

from rrgbench.errors import ExitCode, RrgbenchError, exit_code, message
from rrgbench.registry import foreign_package
from rrgbench.terminal_text import one_line, visible

RESUMABLE = frozenset({"eval", "train", "claims"})
"""Commands that keep what is finished and, given once more, do the rest."""

_SAID = (RrgbenchError, OSError, UnicodeError, RecursionError)
"""Errors that one line explains; whatever else is raised is a defect."""

_USAGE: Any = typer.BadParameter.__base__
"""Usage errors of typer; whether click's or its own copy's depends on its version."""


class EndedError(Exception):
    """Carries an error that typer would end the process for by its own rules."""

    def __init__(self, error: BaseException) -> None:
        self.error = error


class OpenGroup(TyperGroup):
    """A group that hands on interruptions and errors of files."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except (KeyboardInterrupt, EOFError, OSError) as error:
            raise EndedError(error) from error


class Once(logging.Filter):
    """Lets each message through once: several files or models may have the same to say."""

    def __init__(self) -> None:
        super().__init__()
        self.said: set[str] = set()

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether it is new."""
        words = record.getMessage()
        new = words not in self.said
        self.said.add(words)
        return new


class LineFormatter(logging.Formatter):
    """Log records in which nothing steers a terminal."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 (logging's name)
        """The record on one line."""
        return one_line(super().formatMessage(record))

    def formatException(self, ei: Any) -> str:  # noqa: N802 (logging's name)
        """Its traceback."""
        return visible(super().formatException(ei))


def run_to_the_end(app: typer.Typer, arguments: list[str]) -> ExitCode | int:
    """Run the command line and say on standard error how it ended, if not well.

    Parameters
    ----------
    app : typer.Typer
        The command, its class an `OpenGroup`.
    arguments : list of str
        What was given to it.

    Returns
    -------
    int
        The exit code.
    """
    try:
        code = app(arguments, prog_name="rrgbench", standalone_mode=False)
        # a full disk shows only now
        sys.stdout.flush()
    except EndedError as ended:
        return _told(ended.error, arguments)
    except (Exception, KeyboardInterrupt) as error:
        return _told(error, arguments)
    return code if isinstance(code, int) else ExitCode.DONE


def _told(error: BaseException, arguments: list[str]) -> ExitCode:
    output_full = not _output_emptied()
    if isinstance(error, BrokenPipeError):
        return ExitCode.READER_GONE
    if isinstance(error, _USAGE):
        context = getattr(error, "ctx", None)
        words = error.format_message()
        # help was asked for by giving nothing, and is printed
        if words.rstrip(".").endswith(("is not readable", "is not writable")):
            # typer looks before we do; permissions are the machine's to give
            _say(words.rstrip("."))
            return ExitCode.REFUSED
        if words:
            _say(f"{words.rstrip('.')}; see {context.command_path if context is not None else 'rrgbench'} --help")
        return ExitCode.WRONG_INPUT
    again = shlex.join(["rrgbench", *arguments])
    resumable = next((word for word in arguments if not word.startswith("-")), "") in RESUMABLE
    if isinstance(error, KeyboardInterrupt):
        kept = "what was finished is kept; resume with" if resumable else "start again with"
        _say(f"interrupted; {kept}: {again}")
        return ExitCode.INTERRUPTED
    if not isinstance(error, _SAID):
        print(visible("".join(traceback.format_exception(error))), file=sys.stderr, end="")
        if theirs := _package_that_failed(error):
            _say(f"the failure lies in {theirs}, a package beside rrgbench; the lines above say where")
            return ExitCode.WRONG_INPUT
        _say("this is a defect of rrgbench; please report it with the lines above and what rrgbench doctor prints")
        return ExitCode.DEFECT
    logging.getLogger(__name__).info("how it came to the error below", exc_info=error)
    code = exit_code(error)
    printing = isinstance(error, OSError) and (output_full or _in_printing(error))
    words = f"standard output: {message(error)}" if printing else message(error)
    if code is ExitCode.REFUSED and resumable:
        words += f"; what was finished is kept; when that is put right, resume with: {again}"
    _say(words)
    return code


def _output_emptied() -> bool:
    """Whether standard output took what was left for it; otherwise that is thrown away."""
    try:
        sys.stdout.flush()
    except OSError:
        # Python flushes once more at its end, and would fail again
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return False
    return True


def _package_that_failed(error: BaseException) -> str:
    """The package of a plug-in whose code failed, or called what failed; empty where it was called last by ours."""
    for frame, _ in reversed(list(traceback.walk_tb(error.__traceback__))):
        module = str(frame.f_globals.get("__name__", ""))
        if module.partition(".")[0] in ("rrgbench", "dcrrg", "baselines"):
            return ""
        if package := foreign_package(module):
            return package
    return ""


def _in_printing(error: OSError) -> bool:
    """Whether it comes from writing to the terminal: of a long text nothing is left that a flush could fail on."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    return bool(frames) and frames[-1].f_globals.get("__name__", "").partition(".")[0] in ("click", "typer", "rich")


def _say(words: str) -> None:
    print(f"rrgbench: {one_line(words)}", file=sys.stderr)
