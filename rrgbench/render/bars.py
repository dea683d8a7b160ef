"""Progress as people see it: bars on a terminal, a line that changes in a notebook, a line now and then elsewhere."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

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

from rrgbench.terminal_text import one_line

LINE_EVERY = 20.0
"""Seconds between lines where standard error is no terminal."""

CHANGE_EVERY = 0.2
"""Seconds between changes of a notebook's line."""


def error_console() -> Console:
    """Standard error; FORCE_COLOR, which notebooks set for commands that they call, makes no terminal of it."""
    return Console(stderr=True, force_terminal=None if sys.stderr.isatty() else False)


class Bars:
    """One bar for the whole job and one for the piece at hand; of several processes of a job the first shows them."""

    def __init__(self, title: str, console: Console | None = None) -> None:
        self.console = console or error_console()
        self.silent = os.environ.get("RANK", "0") != "0"
        # on a terminal without cursor movement rich shows nothing, so it gets lines
        self.live = self.console.is_terminal and not self.console.is_dumb_terminal and not self.silent
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
        """The whole job stands at `done` of `total` and turns to `what`, of which `note` says more."""
        what = one_line(" ".join(filter(None, (what, note))))
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


class NotebookLine:
    """The same as one line of a notebook's cell, which changes in place."""

    def __init__(self, title: str) -> None:
        from IPython.display import display

        self.title, self.whole, self.last_change = one_line(title), "", 0.0
        self.shown: Any = display({"text/plain": self.title}, raw=True, display_id=True)

    def overall(self, what: str, done: int, total: int | None, note: str = "") -> None:
        """The whole job stands at `done` of `total` and turns to `what`, of which `note` says more."""
        self.whole = f"[{done}/{total}] {one_line(' '.join(filter(None, (what, note))))}"
        self._change(self.whole, always=True)

    def part(self, what: str, done: int, total: int | None, note: str = "") -> None:
        """The piece at hand stands at `done` of `total`, if that is known."""
        piece = f"{what} {done}{'' if total is None else f'/{total}'} {note}"
        self._change(" · ".join(filter(None, (self.whole, one_line(piece)))), always=False)

    def end(self) -> None:
        """The job is done."""
        self._change("done", always=True)

    def _change(self, words: str, always: bool) -> None:
        now = time.monotonic()
        if always or now - self.last_change >= CHANGE_EVERY:
            self.last_change = now
            self.shown.update({"text/plain": f"{self.title}: {words}"}, raw=True)


def in_notebook() -> bool:
    """Whether the process is a notebook's kernel."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return hasattr(shell, "kernel")


@contextmanager
def shown(title: str, wanted: bool | None = None) -> Iterator[Bars | NotebookLine | None]:
    """Progress for the length of a job, as the place wants it.

    Parameters
    ----------
    title : str
        What the job is.
    wanted : bool, optional
        None: in a notebook and where standard error is a terminal. True: elsewhere too, as lines. False: never.
    """
    if wanted is False:
        yield None
    elif in_notebook():
        line = NotebookLine(title)
        yield line
        line.end()
    elif wanted or sys.stderr.isatty():
        found = Bars(title)
        with found.bars:
            yield found
    else:
        yield None
