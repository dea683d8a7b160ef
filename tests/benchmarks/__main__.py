"""All speed comparisons in turn: `python tests/benchmarks` (or `make bench`); words given pick some by name."""

import runpy
import sys
from pathlib import Path


def main() -> None:
    """Run every `bench_*.py` whose name holds one of the words given."""
    words = sys.argv[1:]
    for path in sorted(Path(__file__).parent.glob("bench_*.py")):
        if words and not any(word in path.stem for word in words):
            continue
        print(f"\n== {path.stem}", flush=True)
        sys.argv = [str(path)]
        runpy.run_path(str(path), run_name="__main__")


if __name__ == "__main__":
    main()
