"""A sweep of mutations over every parser: `python tests/fuzz 4000` (or `make sweep`). Prints a table.

Ends with 1 if a mutated file was met by an error that no line explains, lost studies silently, took more than ten
seconds of processor time or made the process need 2 GB.
"""

import random
import resource
import sys
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path

from fuzzing import outcome
from mutating import mutate
from parsers import PARSERS

SLOW_SECONDS = 10.0


def main() -> None:
    """Try so many mutations, dealt over the parsers."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 4000
    each = -(-count // len(PARSERS))
    totals: Counter[str] = Counter()
    print(f"{'file':16s} {'read':>6s} {'named':>6s} {'traceback':>9s} {'silent':>6s} {'slow':>5s}")
    with tempfile.TemporaryDirectory() as folder:
        for parser in PARSERS:
            rng, found = random.Random(parser.name), Counter[str]()
            for _ in range(each):
                content = mutate(parser.example, rng)
                began = time.process_time()
                try:
                    found[outcome(parser, content, Path(folder))] += 1
                except AssertionError as error:
                    found["silent"] += 1
                    print(f"  {parser.name}: {error}", file=sys.stderr)
                except Exception as error:
                    found["traceback"] += 1
                    last = traceback.extract_tb(error.__traceback__)[-1]
                    place = f"{Path(last.filename).name}:{last.lineno}"
                    print(f"  {parser.name}: {type(error).__name__} at {place}: {error!s:.100}", file=sys.stderr)
                found["slow"] += time.process_time() - began > SLOW_SECONDS
            totals += found
            print(
                f"{parser.name:16s} {found['read']:6d} {found['named']:6d} {found['traceback']:9d} "
                f"{found['silent']:6d} {found['slow']:5d}",
                flush=True,
            )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"{each * len(PARSERS)} mutations; {dict(totals)}; most memory {peak:.2f} GB")
    sys.exit(bool(totals["traceback"] or totals["silent"] or totals["slow"] or peak > 2))


if __name__ == "__main__":
    main()
