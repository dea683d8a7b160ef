"""Errors that a user can cause, and the exit codes of the command line, of which none means two things.

Every message is one line that says what was given, what was expected and what to do next. The command line prints it
without a traceback and ends with the error's code; whatever is no mistake of a user's and no refusal of the machine's
is a defect of ours and keeps its traceback (70).

Codes:

- 0: done
- 1: ``drift`` found a number that moved
- 2: wrong usage or input: an option, a name, an id, a path that is not there, a file that is malformed
- 3: a part that is needed is not installed
- 4: not comparable: the numbers were made in different ways
- 5: the machine refused to read or write: disk full, no permission, read-only
- 6: ``data audit`` found a leak
- 70: a defect of rrgbench
- 130: interrupted
- 141: whoever read the output (``head``, say) has closed it
"""

import difflib
import enum
import errno
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import ValidationError


class ExitCode(enum.IntEnum):
    """What a command ends with."""

    DONE = 0
    MOVED = 1
    WRONG_INPUT = 2
    MISSING_PART = 3
    NOT_COMPARABLE = 4
    REFUSED = 5
    LEAK = 6
    DEFECT = 70
    INTERRUPTED = 130
    READER_GONE = 141


_WRONG_PATHS = frozenset(
    {
        errno.ENOENT,
        errno.ENOTDIR,
        errno.EISDIR,
        errno.EEXIST,
        errno.ENAMETOOLONG,
        errno.ELOOP,
        errno.EINVAL,
        errno.ENOTEMPTY,
    }
)
"""Errors of the system that another path would not have; the others are refusals of the machine."""


class RrgbenchError(Exception):
    """Base of all errors that a user's input can cause."""

    exit_code = ExitCode.WRONG_INPUT


class InputError(RrgbenchError):
    """A file or an argument is missing, malformed or inconsistent."""


class UnknownNameError(RrgbenchError, KeyError):
    """A model, corpus, suite, metric, study or protocol of that name is not known."""

    def __str__(self) -> str:
        """The message as it stands; a KeyError's would stand in quotes."""
        return Exception.__str__(self)


class MissingPartError(RrgbenchError):
    """An optional part (a package, Java, weights) is needed and not installed."""

    exit_code = ExitCode.MISSING_PART


class NotComparableError(RrgbenchError):
    """Two numbers were made in different ways, so their difference means nothing."""

    exit_code = ExitCode.NOT_COMPARABLE


def exit_code(error: BaseException) -> ExitCode:
    """The code of an error; one that goes back to a refusal of the machine's is that refusal."""
    if isinstance(error, OSError):
        refused = error.errno is not None and error.errno not in _WRONG_PATHS
        return ExitCode.REFUSED if refused else ExitCode.WRONG_INPUT
    if isinstance(error, RrgbenchError):
        cause = error.__cause__
        while isinstance(cause, RrgbenchError):
            cause = cause.__cause__
        refused = isinstance(cause, OSError) and exit_code(cause) is ExitCode.REFUSED
        return ExitCode.REFUSED if refused else error.exit_code
    if isinstance(error, UnicodeEncodeError) and not error.encoding.lower().startswith("utf"):
        return ExitCode.REFUSED
    return ExitCode.WRONG_INPUT if isinstance(error, UnicodeError | RecursionError) else ExitCode.DEFECT


def message(error: BaseException) -> str:
    """What an error says to a user."""
    if isinstance(error, OSError) and error.strerror:
        places = [str(place) for place in (error.filename, error.filename2) if place is not None]
        return ": ".join([" -> ".join(places), error.strerror] if places else [error.strerror])
    if isinstance(error, UnicodeDecodeError):
        # not the error's own words, which may be those of a report
        return f"text is not {error.encoding} at byte {error.start}; save the file as UTF-8"
    if isinstance(error, UnicodeEncodeError):
        character = f"U+{ord(error.object[error.start]):04X}"
        if exit_code(error) is ExitCode.REFUSED:
            return f"the output's encoding, {error.encoding}, has no {character}; set PYTHONIOENCODING=utf-8"
        return f"a name or a text holds {character}, which is no character; correct it where it comes from"
    if isinstance(error, RecursionError):
        return "the input is nested too deeply to be read"
    return str(error) or type(error).__name__


def meant(name: str, known: Iterable[str]) -> str:
    """What an unknown name was perhaps meant to be: the nearest that is known, or all of them."""
    names = list(known)
    # "BLEU-4" is meant to be bleu_4
    plain = {_plain(one): one for one in reversed(names)}
    near = [plain[one] for one in difflib.get_close_matches(_plain(name), plain, n=1)]
    return f"did you mean {near[0]!r}?" if near else f"known: {', '.join(names) or 'none'}"


def _plain(name: str) -> str:
    return name.casefold().replace("-", "_").replace(" ", "_")


def problems(error: "ValidationError", fields: Iterable[str] = ()) -> str:
    """What is wrong with which field, in one line: `step4.epochs: Input should be greater than 0 (given: 0)`.

    Parameters
    ----------
    error : ValidationError
        As pydantic raised it.
    fields : iterable of str, optional
        Names of the outermost fields, of which one may be meant by a name that is none.
    """
    known = list(fields)
    found = []
    errors = error.errors(include_url=False)
    for one in errors:
        # items that are wrong are not counted, so a list of such seems too short as well
        below = (other["loc"] for other in errors if len(other["loc"]) > len(one["loc"]))
        if one["type"] == "too_short" and any(loc[: len(one["loc"])] == one["loc"] for loc in below):
            continue
        place = ".".join(_cut(str(part)) for part in one["loc"])
        message = one["msg"].removeprefix("Value error, ")
        given = one["input"]
        if one["type"] in ("tuple_type", "list_type"):
            # Python's word is not that of a file, where a list stands in brackets
            example = f", such as [{given}]" if isinstance(given, str | int | float) else ""
            message = f"expected a list{example}"
        if one["type"] == "extra_forbidden" and known and len(one["loc"]) == 1:
            message = f"no such field; {meant(str(one['loc'][0]), known)}"
        # of a whole section only what is missing or wrong in it; of a whole file nothing, which may be a report
        if one["loc"] and not isinstance(given, Mapping | list) and one["type"] != "value_error":
            message += f" (given: {given!r:.200})"
        if one["type"] == "literal_error" and isinstance(given, str):
            allowed = re.findall("'([^']*)'", one["ctx"]["expected"])
            message += f"; {meant(given, allowed)}"
        found.append(f"{place}: {message}" if place else message)
    rest = len(found) - _MOST_PROBLEMS
    return "; ".join(found[:_MOST_PROBLEMS]) + (f"; and {counted(rest, 'further problem')}" if rest > 0 else "")


_MOST_PROBLEMS = 6
"""What a line names of all that is wrong in a file."""


_LONGEST_NAME = 80


def listed(items: Iterable[object], most: int = 5) -> str:
    """Name the first few items of a list and count the rest, for an error message; a long name is cut in its middle."""
    names = [_cut(str(item)) for item in items]
    rest = len(names) - most
    return ", ".join(names[:most]) + (f" and {rest} more" if rest > 0 else "")


def _cut(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"{name[:60]}...{name[-17:]}"


def counted(count: int, noun: str) -> str:
    """A number and what it counts.

    Examples
    --------
    >>> counted(1, "study"), counted(1200, "study"), counted(2, "study id")
    ('1 study', '1,200 studies', '2 study ids')
    """
    if count == 1:
        return f"1 {noun}"
    return f"{count:,} {noun.removesuffix('y')}ies" if noun.endswith("y") else f"{count:,} {noun}s"
