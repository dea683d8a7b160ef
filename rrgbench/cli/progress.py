"""What commands say on standard error while they work."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.text import Text

from rrgbench.render.bars import Bars, error_console
from rrgbench.terminal_text import one_line


def say(text: str) -> None:
    """A line on standard error: what a person wants to know, and no result."""
    print(one_line(text), file=sys.stderr)


@contextmanager
def bars(title: str) -> Iterator[Bars]:
    """Bars for the length of a job."""
    shown = Bars(title)
    with shown.bars:
        yield shown


@contextmanager
def status(first: str) -> Iterator[Callable[[str], None]]:
    """A line that says what is being done, for the length of it; takes the next thing to say."""
    with error_console().status(first) as shown:
        yield lambda what: shown.update(Text(one_line(what)))
