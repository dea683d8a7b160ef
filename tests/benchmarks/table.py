"""What a comparison gives and how it is shown: rows of one table, and a line on the machine."""

import argparse
import contextlib
import json
import os
import platform
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGES = ("numpy", "scikit-learn", "torch", "transformers", "pycocoevalcap", "radeval", "f1chexbert")


@dataclass(frozen=True)
class Row:
    """One comparison: seconds of both sides, their ratio, what is owed, and how far the values of both sides agree.

    `rival` and `ratio` are absent where the other side can't do the work at all.
    """

    work: str
    ours: float
    rival: float | None
    ratio: float | None
    owed: str
    same_values: str


def timed(work: Callable[[], Any], repeats: int = 1) -> tuple[float, Any]:
    """Seconds of the best of some runs, and the last result."""
    best, result = float("inf"), None
    for _ in range(repeats):
        begin = time.perf_counter()
        result = work()
        best = min(best, time.perf_counter() - begin)
    return best, result


def shared_folder() -> Path:
    """Where the real reports lie."""
    return Path(os.environ.get("RRGBENCH_SHARED", Path(__file__).resolve().parents[3] / "shared"))


def machine() -> str:
    """Processor, cores, load, and the versions that matter, in one line."""
    cpu = platform.processor() or platform.machine()
    with contextlib.suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        cpu = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), cpu)
    packages = []
    for name in PACKAGES:
        with contextlib.suppress(PackageNotFoundError):
            packages.append(f"{name} {version(name)}")
    return (
        f"{cpu}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, Python {platform.python_version()}, "
        + ", ".join(packages)
    )


def seconds(value: float) -> str:
    """A time of any size, short."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def show(rows: Iterable[dict[str, Any]]) -> None:
    """Print rows as a Markdown table; rows of another shape than `Row` show what they have."""
    print("| work | ours | other | ratio | owed | values |\n|---|---|---|---|---|---|")
    for row in rows:
        # a labeler's row names its rival in words, and has its time beside it
        ours, rival = row.get("ours_s", row.get("ours")), row.get("rival_s", row.get("rival"))
        cells = [f"{seconds(float(value))} s" if value is not None else "-" for value in (ours, rival)]
        if "ours_per_s" in row:
            cells[0] = f"{row['ours_per_s']:,.0f} per s"
        owed = row.get("owed", row.get("owed_per_s", "-"))
        owed = owed if isinstance(owed, str) else f">= {owed:,g}" + (" per s" if "owed_per_s" in row else "")
        ratio = f"{row['ratio']:,.1f}" if row.get("ratio") is not None else "-"
        same = row.get("same_values", {True: "same labels", False: "labels differ"}.get(row.get("same_labels"), "-"))
        print(f"| {row['work']} | {cells[0]} | {cells[1]} | {ratio} | {owed} | {same} |", flush=True)


def run(description: str | None, comparisons: Mapping[str, Callable[[], Iterable[Row]]]) -> None:
    """The command line of one file of comparisons."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--only", default="", help=f"run comparisons whose name holds this word: {', '.join(comparisons)}"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    rows: list[Row] = []
    for name, comparison in comparisons.items():
        if options.only in name:
            print(f"measuring {name}", file=sys.stderr, flush=True)
            for row in comparison():
                print(f"{row.work}: {row.same_values}", file=sys.stderr, flush=True)
                rows.append(row)
    if options.json:
        print(json.dumps({"machine": machine(), "rows": [asdict(row) for row in rows]}, indent=2))
        return
    show(asdict(row) for row in rows)
    print(f"\n{machine()}")
