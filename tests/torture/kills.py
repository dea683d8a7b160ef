"""Random kills: evaluations and trainings ended by SIGKILL at a random moment, resumed, and compared byte by byte.

`python tests/torture/kills.py --eval 50 --train 20` (or `make kills`). The moment is a random share of the processor
time that an unbroken run takes, so that it means the same on a busy machine. Prints a table, and ends with 1 if a
resumed run gave other bytes, did not end well, or left an unfinished file or a process behind.
"""

import argparse
import hashlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from places import SUITE, make_corpus, make_preset

TIMES = ("run.json", "finished.json", "training.json", "stage.json")
"""Files that say when and how long; all others must be the same bytes."""

MOMENT = re.compile(rb"\d{4}-\d\d-\d\d \d\d:\d\d(, in [\dhmins ]+)?")
"""How a run's page says the same."""

LEFTOVERS = (".part", ".partial")


@dataclass(frozen=True)
class Work:
    """A command that is killed.

    Attributes
    ----------
    name : str
        For the table.
    arguments : sequence of str
        Of `rrgbench`, without `--out`.
    kept : callable
        How much of its work is on disk, in words.
    """

    name: str
    arguments: Sequence[str]
    kept: Callable[[Path], str]


def command(work: Work, out: Path) -> list[str]:
    return [sys.executable, "-m", "rrgbench", *work.arguments, "--out", str(out)]


def start(work: Work, out: Path) -> "subprocess.Popen[bytes]":
    # a session of its own, so that what it leaves behind can be found
    return subprocess.Popen(
        command(work, out), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd=out.parent, start_new_session=True
    )


def processor_seconds(process: int) -> float | None:
    """Processor time of a process and its finished children; None once it has ended."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] == "Z" else sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def alive(session: int) -> list[int]:
    """Processes of a session."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == session and fields[0] != "Z":
            found.append(int(path.parent.name))
    return found


def contents(out: Path) -> dict[str, str]:
    """SHA-256 of every file that must not differ, by its place."""
    return {
        path.relative_to(out).as_posix(): hashlib.sha256(MOMENT.sub(b"", path.read_bytes())).hexdigest()
        for path in sorted(out.rglob("*"))
        if path.is_file() and path.name not in TIMES and not path.name.endswith(".lock")
    }


def unbroken(work: Work, out: Path) -> tuple[dict[str, str], float]:
    """What a run gives that nobody kills, and the processor time that it takes."""
    process, taken = start(work, out), 0.0
    while (now := processor_seconds(process.pid)) is not None:
        taken = now
        time.sleep(0.01)
    _, told = process.communicate()
    if process.returncode:
        sys.exit(f"{work.name}: the unbroken run failed: {told.decode()}")
    return contents(out), taken


def kill_and_resume(work: Work, out: Path, moment: float, expected: dict[str, str]) -> tuple[str, list[str]]:
    """What was kept when the run was killed at a moment, and all that is wrong after it was resumed."""
    process = start(work, out)
    while (now := processor_seconds(process.pid)) is not None and now < moment:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    done_already = process.returncode == 0
    kept = "finished before" if done_already else work.kept(out)
    wrong = []
    deadline = time.monotonic() + 30
    while (left := alive(process.pid)) and time.monotonic() < deadline:
        time.sleep(0.1)
    if left:
        wrong.append(f"{len(left)} processes left")
        for one in left:
            os.kill(one, signal.SIGKILL)
    again = subprocess.run(command(work, out), capture_output=True, text=True, cwd=out.parent, check=False)
    if again.returncode:
        return kept, [*wrong, f"resume ended with {again.returncode}: {again.stderr.strip().splitlines()[-1:]}"]
    found = contents(out)
    differ = sorted(name for name in {*found, *expected} if found.get(name) != expected.get(name))
    wrong += [f"other bytes: {', '.join(differ)}"] if differ else []
    parts = [path.name for path in out.rglob("*") if path.name.endswith(LEFTOVERS)]
    return kept, [*wrong, *([f"left: {', '.join(parts)}"] if parts else [])]


def units(out: Path) -> str:
    lines = sum(path.read_bytes().count(b"\n") for path in out.glob("predictions/*"))
    return f"{len(list(out.glob('units/*.json')))} units, {lines} reports"


def epochs(out: Path) -> str:
    stages = len(list(out.glob("stages/*/model")))
    return f"{len(list(out.glob('stages/*/checkpoint-*/digests.json')))} checkpoints, {stages} finished stages"


def torment(work: Work, count: int, folder: Path, rng: random.Random) -> int:
    """Kill and resume a command so often; how many times something was wrong."""
    if not count:
        return 0
    # always at one place: a run writes down where it lies
    out = folder / work.name
    expected, taken = unbroken(work, out)
    shutil.move(out, folder / f"{work.name}-unbroken")
    print(f"{work.name}: {len(expected)} files compared; {taken:.1f} s of processor time unbroken", flush=True)
    bad = 0
    for number in range(count):
        moment = rng.uniform(0.02, 1.0) * taken
        kept, wrong = kill_and_resume(work, out, moment, expected)
        bad += bool(wrong)
        shutil.rmtree(out)
        verdict = "; ".join(wrong) or "the same bytes"
        print(
            f"{work.name} {number + 1:3d}  killed at {100 * moment / taken:3.0f} %  kept: {kept}  {verdict}", flush=True
        )
    print(f"{work.name}: {count - bad} of {count} resumed to the same bytes", flush=True)
    return bad


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--eval", type=int, default=50)
    parser.add_argument("--train", type=int, default=20)
    parser.add_argument("--model", default="dcrrg", help="what is evaluated")
    parser.add_argument("--tasks", nargs="*", default=list(SUITE["tasks"]), help="tasks of the evaluation")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    rng = random.Random(asked.seed)
    with tempfile.TemporaryDirectory(prefix="rrgbench-kills-") as name:
        folder = Path(name)
        corpus = ("--corpus", "jsonl", "--root", str(make_corpus(folder / "corpus", 60)))
        tasks = {name: SUITE["tasks"][name] for name in asked.tasks}
        (folder / "suite.yaml").write_text(json.dumps({**SUITE, "tasks": tasks}))
        films = ("--film-cache", str(folder / "films"))
        evaluation = ("eval", "--model", asked.model, "--suite", str(folder / "suite.yaml"), *corpus, *films)
        training = ("train", "--model", "s&t", "--preset", str(make_preset(folder / "preset.yaml", epochs=12)), *corpus)
        bad = torment(Work("eval", evaluation, units), asked.eval, folder, rng)
        bad += torment(Work("train", training, epochs), asked.train, folder, rng)
    sys.exit(bool(bad))


if __name__ == "__main__":
    main()
