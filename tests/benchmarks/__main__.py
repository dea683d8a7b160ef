"""All speed comparisons in one table: `python tests/benchmarks` (or `make bench`); words given pick files by name.

Each file runs in a process of its own, so that none inherits another's memory or threads. What a file prints that is
not JSON is shown below the table.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from table import machine, show


def main() -> None:
    """Run every `bench_*.py` whose name holds one of the words given."""
    words = sys.argv[1:]
    rows: list[dict[str, Any]] = []
    others: list[str] = []
    failed: list[str] = []
    for path in sorted(Path(__file__).parent.glob("bench_*.py")):
        if words and not any(word in path.stem for word in words):
            continue
        print(f"running {path.stem}", file=sys.stderr, flush=True)
        done = subprocess.run([sys.executable, str(path), "--json"], stdout=subprocess.PIPE, text=True, check=False)
        if done.returncode:
            failed.append(path.stem)
            continue
        try:
            rows += json.loads(done.stdout)["rows"]
        except json.JSONDecodeError:
            others.append(f"{path.stem}: {done.stdout.strip()}")
    show(rows)
    print("\n".join(["", machine(), *others]))
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
