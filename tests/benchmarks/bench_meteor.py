"""METEOR's speed and values beside pycocoevalcap's jar: `python tests/benchmarks/bench_meteor.py`.

Times are wall-clock seconds for the 3,000 real pairs of the parity folder, or for as many made-up pairs where that
folder is absent. The jar's time includes starting Java, as every user of pycocoevalcap pays it.
"""

import argparse
import json
import os
import platform
import random
import shutil
import time
from pathlib import Path

import numpy as np

from rrgbench.metrics.meteor import Meteor
from rrgbench.metrics.meteor.resources import load_resources

PAIRS = 3000
REPLICATES = 1000


def pairs() -> tuple[str, list[str], list[str]]:
    """What is scored, references and hypotheses."""
    root = Path(os.environ.get("RRGBENCH_SHARED", Path(__file__).resolve().parents[3] / "shared"))
    path = root / "parity" / "pairs_3000.jsonl"
    if path.is_file():
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        return "real pairs", [row["reference"] for row in rows], [row["hypothesis"] for row in rows]
    rng = random.Random(0)
    sentences = [
        "the heart is normal in size .",
        "the lungs are clear .",
        "no pleural effusion or pneumothorax .",
        "there is a small left pleural effusion .",
        "stable cardiomegaly without edema .",
        "no acute bony abnormality is seen .",
    ]
    texts = [" ".join(rng.choices(sentences, k=5)) for _ in range(2 * PAIRS)]
    return "made-up pairs", texts[:PAIRS], texts[PAIRS:]


def main() -> None:
    """Time both and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=3, help="runs of ours; the median counts")
    repeat = parser.parse_args().repeat
    kind, references, hypotheses = pairs()
    metric = Meteor()
    listed = [[reference] for reference in references]

    started = time.perf_counter()
    load_resources()
    loading = time.perf_counter() - started
    scoring, replicating = [], []
    for _ in range(repeat):
        started = time.perf_counter()
        rows = metric.statistics(listed, hypotheses)
        single = metric.per_study(rows)[:, 0]
        total = float(metric.aggregate(rows, np.ones((1, len(rows))))[0, 0])
        scoring.append(time.perf_counter() - started)
        rng = np.random.default_rng(0)
        counts = rng.multinomial(len(rows), np.full(len(rows), 1 / len(rows)), size=REPLICATES).astype(np.float64)
        started = time.perf_counter()
        metric.aggregate(rows, counts)
        replicating.append(time.perf_counter() - started)
    ours = float(np.median(scoring))

    print(
        f"{len(rows)} {kind}; {platform.platform()}, {os.cpu_count()} cores, Python {platform.python_version()}, "
        f"NumPy {np.__version__}"
    )
    print(f"{'loading the cached word lists':<44}{loading:10.3f} s")
    print(f"{'rrgbench, one scoring':<44}{ours:10.3f} s   corpus {total!r}")
    print(f"{f'rrgbench, {REPLICATES} bootstrap replicates on top':<44}{np.median(replicating):10.3f} s")
    if shutil.which("java") is None:
        print("Java is not installed, so pycocoevalcap's jar can't be timed")
        return
    from pycocoevalcap.meteor.meteor import Meteor as PipedMeteor

    started = time.perf_counter()
    jar_total, jar_single = PipedMeteor().compute_score(
        {at: [text] for at, text in enumerate(references)}, {at: [text] for at, text in enumerate(hypotheses)}
    )
    jar = time.perf_counter() - started
    print(f"{'pycocoevalcap with its jar':<44}{jar:10.3f} s   corpus {jar_total!r}")
    print(f"{'ratio (loading included)':<44}{jar / (ours + loading):10.1f}")
    print(f"largest difference: per pair {np.abs(single - jar_single).max():.1e}, corpus {abs(total - jar_total):.1e}")


if __name__ == "__main__":
    main()
