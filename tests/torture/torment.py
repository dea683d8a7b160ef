"""Where faults are provoked, and how a command ended.

Plain pytest drives the command within the test's process; `make torture` (RRGBENCH_TORTURE=1) drives it in a process of
its own, measures time and memory, and prints what was seen as a table.
"""

import contextlib
import ctypes
import os
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rrgbench.terminal_text import STEERING

ALONE = bool(os.environ.get("RRGBENCH_TORTURE"))
"""Whether commands run in processes of their own."""

MOST_BYTES = 2 << 30
"""What no command may need, whatever it is given."""


@dataclass
class Ended:
    """How a command ended.

    Attributes
    ----------
    code : int
        Exit code; negative where a signal ended it.
    out, err : str
        What it printed.
    seconds, processor, peak : float
        Time, processor time, and most memory in bytes; 0 where it ran in the test's process.
    """

    code: int
    out: str
    err: str
    seconds: float = 0.0
    processor: float = 0.0
    peak: float = 0.0

    @property
    def last(self) -> str:
        """The last line on standard error."""
        return ([line for line in self.err.splitlines() if line.strip()] or [""])[-1]

    def owes(self, code: int, *words: str, never: Sequence[str] = ()) -> "Ended":
        """Assert the code, one line that says the words, no traceback, nothing that steers a terminal, no text."""
        assert self.code == code, f"ended with {self.code}, not {code}: {self.err[-1500:]}"
        assert "Traceback" not in self.err, self.err
        assert not STEERING.search(self.err), repr(self.err)
        if code:
            assert self.last.startswith("rrgbench: "), self.err
            assert len(self.last) < 1500, self.last
        for word in words:
            assert word in self.err, f"{word!r} is not in: {self.err}"
        for word in never:
            assert word not in self.out + self.err, f"{word!r} is in: {self.err}"
        assert self.peak < MOST_BYTES, f"{self.peak / 1e9:.1f} GB"
        return self


MEASURED = """
import os, resource, subprocess, sys
code = subprocess.call(sys.argv[2:])
used = resource.getrusage(resource.RUSAGE_CHILDREN)
os.write(int(sys.argv[1]), b"%d %f %d" % (code, used.ru_utime + used.ru_stime, used.ru_maxrss))
"""
"""Runs a command and tells its exit code, processor time and peak in KiB to the descriptor given first."""


class Place:
    """A folder to provoke faults in, and the command."""

    def __init__(
        self, folder: Path, command: Callable[..., subprocess.CompletedProcess[str]], made: Callable[[str], Path]
    ) -> None:
        self.folder, self.command, self.made = folder, command, made
        self.seen: list[Ended] = []

    def __truediv__(self, name: str) -> Path:
        return self.folder / name

    def write(self, name: str, content: str | bytes) -> Path:
        """A file of the folder."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content)
        return path

    def copy(self, name: str) -> Path:
        """A copy of something that is made once: `corpus`, `run`, `trained`, `stopped`."""
        shutil.copytree(self.made(name), self.folder / name, dirs_exist_ok=True)
        return self.folder / name

    def run(self, *arguments: object, alone: bool = False, **more: object) -> Ended:
        """The command's end; in a process of its own if that is asked for. What hangs is ended after 10 minutes."""
        words = [str(one) for one in arguments]
        ended = own_process(words, self.folder, **more) if alone or ALONE or more else self._here(words)
        self.seen.append(ended)
        return ended

    def _here(self, words: list[str]) -> Ended:
        with ended_after(600):
            done = self.command(*words)
        return Ended(done.returncode, done.stdout, done.stderr)


@contextlib.contextmanager
def ended_after(seconds: int) -> Iterator[None]:
    """End what waits for ever, where the system can."""
    if hasattr(signal, "SIGALRM"):
        signal.signal(signal.SIGALRM, _hangs)
        signal.alarm(seconds)
    try:
        yield
    finally:
        if hasattr(signal, "SIGALRM"):
            signal.alarm(0)


def _hangs(*_: object) -> None:
    raise RuntimeError("the command hangs")


def own_process(
    words: Sequence[str],
    folder: Path,
    prepare: Callable[[], None] | None = None,
    env: dict[str, str] | None = None,
    stdout: int | None = None,
    timeout: float = 1500,
) -> Ended:
    """The command in a process of its own, its memory measured by a small one between.

    A process's peak begins at that of the one that started it, and a test's process may have grown by then.
    """
    began = time.monotonic()
    told, tells = os.pipe()
    with (folder.parent / "told.out").open("w+b") as out, (folder.parent / "told.err").open("w+b") as err:
        between = subprocess.Popen(
            [sys.executable, "-S", "-E", "-c", MEASURED, str(tells), sys.executable, "-m", "rrgbench", *words],
            stdin=subprocess.DEVNULL,
            stdout=out if stdout is None else stdout,
            stderr=err,
            cwd=folder,
            env={**os.environ, **(env or {})},
            preexec_fn=prepare,
            pass_fds=[tells],
            start_new_session=True,
        )
        os.close(tells)
        hangs = threading.Timer(timeout, os.killpg, (between.pid, signal.SIGKILL))
        hangs.start()
        with os.fdopen(told) as measured:
            ended = measured.read()
        between.wait()
        hangs.cancel()
        assert ended, f"killed after {timeout:.0f} s: rrgbench {' '.join(words)}"
        texts = []
        for file in (out, err):
            file.seek(0)
            texts.append(file.read().decode("utf-8", "replace"))
    code, processor, peak = ended.split()
    return Ended(int(code), *texts, time.monotonic() - began, float(processor), int(peak) * 1024.0)


def without_rights() -> None:
    """Take root's right to read and write everything from this process, so that permissions count."""
    # CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH, from the set that a new program may get (PR_CAPBSET_DROP)
    if os.getuid() == 0:
        for capability in (1, 2):
            ctypes.CDLL(None).prctl(24, capability, 0, 0, 0)


def files_of_at_most(size: int) -> Callable[[], None]:
    """Let a process write no larger files, as a disk that is full does."""
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
