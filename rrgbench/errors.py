"""Errors that a user can cause, each with the exit code the command line ends with.

Every message is one line that says what was given, what was expected and what to do next. The command line prints the
message without a traceback; anything that is not an `RrgbenchError` is a defect of ours and keeps its traceback.
"""

from collections.abc import Iterable


class RrgbenchError(Exception):
    """Base of all errors that a user's input can cause (exit code 2)."""

    exit_code = 2


class InputError(RrgbenchError):
    """A file or an argument is missing, malformed or inconsistent (exit code 2)."""


class UnknownNameError(RrgbenchError):
    """A model, corpus, suite, metric or protocol of that name is not known (exit code 2)."""


class MissingPartError(RrgbenchError):
    """An optional part (a package, Java, weights) is needed and not installed (exit code 3)."""

    exit_code = 3


class NotComparableError(RrgbenchError):
    """Two numbers were made in different ways, so their difference means nothing (exit code 2)."""


def listed(items: Iterable[object], most: int = 5) -> str:
    """Name the first few items of a list and count the rest, for an error message."""
    names = [str(item) for item in items]
    rest = len(names) - most
    return ", ".join(names[:most]) + (f" and {rest} more" if rest > 0 else "")
