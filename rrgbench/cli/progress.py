"""Progress on standard error: a bar with remaining time on a terminal, a line now and then elsewhere."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from rrgbench.terminal_text import one_line

LINE_EVERY = 20.0
"""Seconds between lines where standard error is no terminal."""


def say(text: str) -> None:
    """A line on standard error: what a person wants to know, and no result."""
    print(one_line(text), file=sys.stderr)


class Bars:
    """One bar for the whole job and one for the piece at hand; of several processes of a job the first shows them."""

    def __init__(self, title: str, console: Console | None = None) -> None:
        self.console = console or Console(stderr=True)
        self.silent = os.environ.get("RANK", "0") != "0"
        self.live = self.console.is_terminal and not self.silent
        self.bars = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}", style="dim", markup=False),
            console=self.console,
            disable=not self.live,
        )
        self.whole = self.bars.add_task(one_line(title), total=None, note="")
        self.piece = self.bars.add_task("", total=None, note="", visible=False)
        self.what = ""
        self.last_line = 0.0
        self.started = time.monotonic()

    def overall(self, what: str, done: int, total: int | None, note: str = "") -> None:
        """The whole job stands at `done` of `total` and turns to `what`."""
        what = one_line(what)
        self.bars.update(self.whole, completed=done, total=total, note=what)
        self.bars.update(self.piece, visible=False)
        self._line(f"[{done}/{total}] {what}", always=True)

    def part(self, what: str, done: int, total: int | None, note: str = "") -> None:
        """The piece at hand stands at `done` of `total`, if that is known."""
        what, note = one_line(what), one_line(note)
        if what != self.what:
            self.what = what
            self.bars.reset(self.piece)
        self.bars.update(self.piece, description=what, completed=done, total=total, note=note, visible=True)
        self._line(f"{what} {done}{'' if total is None else f'/{total}'} {note}", always=False)

    def _line(self, text: str, always: bool) -> None:
        now = time.monotonic()
        if self.live or self.silent or not (always or now - self.last_line >= LINE_EVERY):
            return
        self.last_line = now
        print(f"{now - self.started:7.0f} s  {text.rstrip()}", file=sys.stderr, flush=True)


@contextmanager
def bars(title: str) -> Iterator[Bars]:
    """Bars for the length of a job."""
    shown = Bars(title)
    with shown.bars:
        yield shown


@contextmanager
def status(first: str) -> Iterator[Callable[[str], None]]:
    """A line that says what is being done, for the length of it; takes the next thing to say."""
    with Console(stderr=True).status(first) as shown:
        yield lambda what: shown.update(Text(one_line(what)))
