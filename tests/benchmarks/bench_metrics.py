"""Speed of scoring against the toolkits it replaces: one command prints one table of ratios.

Run `python tests/benchmarks/bench_metrics.py` (options: `--only WORD`, `--json`); `RRGBENCH_SHARED` names the folder
with the real report pairs, else random text of the same shape is used. Each ratio is measured in this one run on this
one machine; the values of both sides are compared wherever both give values.
"""

import argparse
import contextlib
import io
import json
import os
import platform
import shutil
import sys
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Row:
    """One comparison: seconds of both sides, their ratio and what is owed."""

    work: str
    ours: float
    rival: float
    ratio: float
    owed: str
    same_values: str


def timed(work: Callable[[], Any], repeats: int = 1) -> tuple[float, Any]:
    best, result = float("inf"), None
    for _ in range(repeats):
        begin = time.perf_counter()
        result = work()
        best = min(best, time.perf_counter() - begin)
    return best, result


def report_pairs() -> tuple[list[str], list[str]]:
    root = Path(os.environ.get("RRGBENCH_SHARED", Path(__file__).resolve().parents[3] / "shared"))
    path = root / "parity/pairs_3000.jsonl"
    if path.is_file():
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        return [row["reference"] for row in rows], [row["hypothesis"] for row in rows]
    generator = np.random.default_rng(0)
    texts = [" ".join(f"w{n}" for n in generator.zipf(1.4, 38) % 2000) for _ in range(6000)]
    return texts[:3000], texts[3000:]


def nlg(references: list[str], hypotheses: list[str]) -> list[Row]:
    from pycocoevalcap.bleu.bleu import Bleu
    from pycocoevalcap.cider.cider import Cider
    from pycocoevalcap.rouge.rouge import Rouge

    from rrgbench.scoring import score

    gts = {i: [text] for i, text in enumerate(references)}
    res = {i: [text] for i, text in enumerate(hypotheses)}
    java = shutil.which("java") is not None

    def rival() -> list[float]:
        with contextlib.redirect_stdout(io.StringIO()):
            values = list(Bleu(4).compute_score(gts, res, verbose=0)[0])
            if java:
                from pycocoevalcap.meteor.meteor import Meteor

                values.append(Meteor().compute_score(gts, res)[0])
            return [*values, Rouge().compute_score(gts, res)[0], Cider().compute_score(gts, res)[0]]

    keys = ["bleu", "rouge_l", "cider", *(["meteor"] if java else [])]

    def ours(intervals: bool) -> list[float]:
        return [value.value for value in score(references, hypotheses, "raw", keys, intervals).values()]

    ours(False)
    plain = theirs = resampled = float("inf")
    # In turns, so that other work on the machine hits all sides alike; the best of each counts.
    for _ in range(3):
        seconds, values = timed(lambda: ours(False), 3)
        plain = min(plain, seconds)
        resampled = min(resampled, timed(lambda: ours(True), 3)[0])
        seconds, expected = timed(rival)
        theirs = min(theirs, seconds)
    difference = float(np.abs(np.array(values) - np.array(expected)).max())
    what = "BLEU+METEOR+ROUGE-L+CIDEr" if java else "BLEU+ROUGE-L+CIDEr (no Java: METEOR left out)"
    return [
        Row(
            f"{what}, 3,000 pairs, against pycocoevalcap",
            plain,
            theirs,
            theirs / plain,
            ">= 20",
            f"max {difference:.0e}",
        ),
        Row("the same with 1,000 replicates, against plain", resampled, plain, resampled / plain, "<= 2", "same"),
    ]


def randomization(references: list[str], hypotheses: list[str]) -> list[Row]:
    from pycocoevalcap.bleu.bleu import Bleu

    from rrgbench.scoring import score
    from rrgbench.stats.paired import approximate_randomization

    others = [*hypotheses[1:], hypotheses[0]]
    first, second = (score(references, texts, "raw", ["nlg"], False) for texts in (hypotheses, others))

    def ours() -> None:
        for left, right in zip(first.families, second.families, strict=True):
            approximate_randomization(left.metric.aggregate, left.statistics, right.statistics, 10_000)

    seconds, _ = timed(ours)
    gts = {i: [text] for i, text in enumerate(references)}
    generator = np.random.default_rng(0)

    def rescored(permutations: int) -> None:
        """What a test that rescores texts does, for BLEU alone (METEOR, ROUGE-L and CIDEr would come on top)."""
        for _ in range(permutations):
            swap = generator.random(len(references)) < 0.5
            for side in (0, 1):
                res = {i: [others[i] if swapped != bool(side) else hypotheses[i]] for i, swapped in enumerate(swap)}
                Bleu(4).compute_score(gts, res, verbose=0)

    few, _ = timed(lambda: rescored(3))
    rival = few / 3 * 10_000
    return [
        Row(
            "randomization, 10,000 permutations, all NLG, against rescoring BLEU (from 3 permutations)",
            seconds,
            rival,
            rival / seconds,
            ">= 1,000",
            "-",
        )
    ]


def areas() -> list[Row]:
    from sklearn.metrics import roc_auc_score

    from rrgbench.metrics.auroc import auroc
    from rrgbench.stats.bootstrap import multiplicities

    generator = np.random.default_rng(0)
    n, classes, replicates, few = 3000, 14, 1000, 20
    labels = (generator.random((n, classes)) < np.linspace(0.02, 0.4, classes)).astype(int)
    scores = np.round(generator.normal(size=(n, classes)) + labels, 2)
    counts = multiplicities(n, replicates, 0)
    ours, values = timed(lambda: auroc(scores, labels, multiplicities=counts), 3)

    def rival() -> np.ndarray:
        rows = [np.repeat(np.arange(n), counts[r].astype(int)) for r in range(few)]
        return np.array([[roc_auc_score(labels[row, c], scores[row, c]) for c in range(classes)] for row in rows])

    seconds, expected = timed(rival)
    seconds *= replicates / few
    difference = np.abs(values[:few] - expected).max()
    work = f"AUROC, 14 labels x 3,000 studies, 1,000 replicates, against scikit-learn (from {few})"
    return [Row(work, ours, seconds, seconds / ours, ">= 50", f"max {difference:.0e}")]


def retrieval() -> list[Row]:
    from rrgbench.metrics.precision_at_k import precision_at_k

    generator = np.random.default_rng(0)
    size, width, k = 20_000, 512, 10
    queries, candidates = (generator.normal(size=(size, width)).astype(np.float32) for _ in range(2))
    for vectors in (queries, candidates):
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    query_classes, candidate_classes = generator.integers(0, 5, (2, size))
    ours, values = timed(lambda: precision_at_k(queries, candidates, query_classes, candidate_classes, (k,)), 2)
    # Memory does not depend on the number of queries beyond some blocks; tracing allocations would slow the timed call.
    tracemalloc.start()
    precision_at_k(queries[:2000], candidates, query_classes[:2000], candidate_classes, (k,))
    extra = tracemalloc.get_traced_memory()[1] / 1024**3
    tracemalloc.stop()

    def rival() -> np.ndarray:
        order = np.argsort(-(queries @ candidates.T), axis=1)[:, :k]
        return (candidate_classes[order] == query_classes[:, None]).mean(axis=1)

    seconds, expected = timed(rival, 2)
    difference = np.abs(values[:, 0] - expected).max()
    work = f"Precision@10, 20,000 x 20,000 x 512, against matrix + argsort (extra memory {extra:.2f} GiB)"
    return [Row(work, ours, seconds, seconds / ours, ">= 5", f"max {difference:.0e}")]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--only", default="", help="run comparisons whose name holds this word: nlg, randomization, ..."
    )
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    pairs = report_pairs()
    comparisons: dict[str, Callable[[], list[Row]]] = {
        "nlg": lambda: nlg(*pairs),
        "randomization": lambda: randomization(*pairs),
        "auroc": areas,
        "retrieval": retrieval,
    }
    rows: list[Row] = []
    for name, comparison in comparisons.items():
        if options.only in name:
            print(f"measuring {name}", file=sys.stderr)
            rows += comparison()
    if options.json:
        print(json.dumps([asdict(row) for row in rows], indent=2))
        return
    print("| work | ours (s) | other (s) | ratio | owed | values |\n|---|---|---|---|---|---|")
    for row in rows:
        print(f"| {row.work} | {row.ours:.3f} | {row.rival:.3f} | {row.ratio:,.1f} | {row.owed} | {row.same_values} |")
    packages = ", ".join(f"{name} {version(name)}" for name in ("numpy", "scikit-learn", "pycocoevalcap"))
    print(f"\n{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, {packages}")


if __name__ == "__main__":
    main()
