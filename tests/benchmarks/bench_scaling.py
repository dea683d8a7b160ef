"""Time and memory on corpora of growing size, up to MIMIC-CXR's: `python tests/benchmarks/bench_scaling.py`.

Each work and size runs in a process of its own; its line goes to a file as soon as it is done, so that a run that was
killed goes on where it stopped. `--render` makes docs/scaling.svg's picture and the table's rows from that file. The
time is that of the processor, which other work on the machine hardly moves; the clock's stands beside it. The peak is
that of the process, and of the processes that it started.

Reports are IU X-Ray's (`RRGBENCH_SHARED`), one sentence of each replaced by another one drawn at random so that few are
equal, else the phantom's; hypotheses have another sentence replaced in four of five. The rival is given the same texts.
"""

import argparse
import contextlib
import io
import json
import math
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from bench_memory import Small, corpus_of
from table import machine, seconds, shared_folder

SIZES = (1_000, 10_000, 100_000, 230_000)
DIMENSION = 128
TRAINED = """
extends: mini
image_size: 32
image_encoder: {embedding_size: 8, hidden_sizes: [8, 16, 16, 16]}
report: {epochs: 1, batch_size: 128, learning_rate: 1.0e-3}
systems:
  s&t: {model: {width: 32}}
"""


def sentences_of_reports() -> list[list[str]]:
    """Reports as lists of sentences."""
    path = shared_folder() / "parity/pairs_3000.jsonl"
    if path.is_file():
        lines = path.read_text(encoding="utf-8").splitlines()
        return [json.loads(line)["reference"].split(" . ") for line in lines]
    from rrgbench.data.phantom import load

    corpus = load(train=0, validate=0, test=3000, retrieval=0)
    return [(study.report or "").split(". ") for study in corpus.split("test")]


def pairs(size: int) -> tuple[list[str], list[str]]:
    """References and hypotheses."""
    generator = random.Random(0)
    reports = sentences_of_reports()
    pool = sorted({sentence for report in reports for sentence in report})
    references, hypotheses = [], []
    for number in range(size):
        report = list(reports[number % len(reports)])
        report[generator.randrange(len(report))] = generator.choice(pool)
        references.append(" . ".join(report))
        if generator.random() < 0.8:
            report[generator.randrange(len(report))] = generator.choice(pool)
        hypotheses.append(" . ".join(report))
    return references, hypotheses


def score(size: int) -> Callable[[], Any]:
    """All text metrics, clinical efficacy, 1,000 replicates, the certificate."""
    from rrgbench.scoring.score import score

    references, hypotheses = pairs(size)
    return lambda: score(references, hypotheses, "dcrrg")


def label(size: int) -> Callable[[], Any]:
    """The rule labeler."""
    from rrgbench.labelers import load

    references, _ = pairs(size)
    return lambda: load("rules").label(references)


def compare(size: int) -> Callable[[], Any]:
    """Two systems, 1,000 permutations, all metrics but METEOR."""
    from rrgbench.scoring.compare import compare

    references, hypotheses = pairs(size)
    systems = {"one": hypotheses, "two": hypotheses[1:] + hypotheses[:1]}
    return lambda: compare(systems, references, "dcrrg", metrics=["bleu", "rouge_l", "cider", "ce"])


def retrieval(size: int) -> Callable[[], Any]:
    """Precision@10 of as many queries as candidates."""
    from rrgbench.metrics.precision_at_k import precision_at_k

    generator = np.random.default_rng(0)
    films, texts = (generator.standard_normal((size, DIMENSION), dtype=np.float32) for _ in range(2))
    films /= np.linalg.norm(films, axis=1, keepdims=True)
    texts /= np.linalg.norm(texts, axis=1, keepdims=True)
    classes = generator.integers(0, 5, size)
    return lambda: precision_at_k(films, texts, classes, classes, (10,))


def evaluate(size: int) -> Callable[[], Any]:
    """Reports, clinical efficacy and classification of a model that does little arithmetic; films decoded to disk."""
    from tempfile import TemporaryDirectory

    from rrgbench.tasks.runner import evaluate
    from rrgbench.tasks.suite import load_suite

    full = load_suite("full")
    tasks = {name: full.tasks[name] for name in ("report_generation", "clinical_efficacy")}
    suite = full.model_copy(update={"tasks": tasks, "trivial": ("most-frequent",)})
    corpus = corpus_of(size, size, True)

    def work() -> None:
        with TemporaryDirectory() as folder:
            evaluate(Small(), corpus, suite, folder, False)

    return work


def train(size: int) -> Callable[[], Any]:
    """One epoch of a small S&T on films of 32 pixels, decoded to disk, and their reports."""
    from tempfile import TemporaryDirectory

    from rrgbench.training.settings import StageOptions
    from rrgbench.training.trainers import Request, load_trainer

    corpus = corpus_of(size + 500, 0, True, validated=500)

    def work() -> None:
        with TemporaryDirectory() as folder:
            preset = Path(folder, "small.yaml")
            preset.write_text(TRAINED, encoding="utf-8")
            load_trainer("s&t")(Request(corpus, Path(folder, "model"), str(preset), stages=StageOptions()))

    return work


def pycocoevalcap(size: int) -> Callable[[], Any]:
    """BLEU, METEOR's jar, ROUGE-L, CIDEr: neither intervals nor clinical efficacy."""
    references, hypotheses = pairs(size)

    def work() -> None:
        from pycocoevalcap.bleu.bleu import Bleu
        from pycocoevalcap.cider.cider import Cider
        from pycocoevalcap.meteor.meteor import Meteor
        from pycocoevalcap.rouge.rouge import Rouge

        gts = {number: [text] for number, text in enumerate(references)}
        res = {number: [text] for number, text in enumerate(hypotheses)}
        with contextlib.redirect_stdout(io.StringIO()):
            Bleu(4).compute_score(gts, res, verbose=0)
            meteor = Meteor()
            meteor.compute_score(gts, res)
            # so that its process is counted
            meteor.meteor_p.stdin.close()
            meteor.meteor_p.wait()
            Rouge().compute_score(gts, res)
            Cider().compute_score(gts, res)

    return work


WORKS: dict[str, Callable[[int], Callable[[], Any]]] = {
    "score": score,
    "label": label,
    "compare": compare,
    "retrieval": retrieval,
    "evaluate": evaluate,
    "train": train,
    "pycocoevalcap": pycocoevalcap,
}


def measure(work: str, size: int) -> dict[str, Any]:
    """Do it in this process."""
    import resource

    def spent() -> float:
        return sum(os.times()[:4])

    do = WORKS[work](size)
    begin, processor = time.perf_counter(), spent()
    do()
    clock, processor = time.perf_counter() - begin, spent() - processor
    scale = 1 if sys.platform == "darwin" else 1024
    own, others = (
        resource.getrusage(who).ru_maxrss * scale for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    peak = round((own + others) / 1e6)
    return {"work": work, "size": size, "seconds": processor, "clock": clock, "peak_mb": peak, "machine": machine()}


def read(path: Path) -> dict[tuple[str, int], dict[str, Any]]:
    """What was measured, by work and size."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    return {(row["work"], row["size"]): row for row in map(json.loads, lines)}


def exponent(rows: list[dict[str, Any]], key: str) -> float | None:
    """Slope of the logarithm between the last two sizes."""
    if len(rows) < 2:
        return None
    low, high = rows[-2], rows[-1]
    return math.log(high[key] / low[key]) / math.log(high["size"] / low["size"])


def shown(row: dict[str, Any] | None) -> str:
    """A cell of the table: empty where nothing was measured."""
    if row is None:
        return ""
    return str(row["failed"]) if "failed" in row else f"{seconds(row['seconds'])} s, {row['peak_mb']:,} MB"


def table(found: dict[tuple[str, int], dict[str, Any]]) -> str:
    """Rows of Markdown."""
    lines = [
        "| work | " + " | ".join(f"{size:,}" for size in SIZES) + " | exponent of time, memory |",
        "|---|" + "---|" * (len(SIZES) + 1),
    ]
    for work in WORKS:
        rows = [found[work, size] for size in SIZES if (work, size) in found]
        if not rows:
            continue
        cells = []
        for size in SIZES:
            row = found.get((work, size))
            cells.append(
                "" if row is None else row.get("failed") or f"{seconds(row['seconds'])} s, {row['peak_mb']:,} MB"
            )
        rows = [row for row in rows if "failed" not in row]
        slopes = [exponent(rows, key) for key in ("seconds", "peak_mb")]
        told = ", ".join("" if slope is None else f"{slope:.2f}" for slope in slopes)
        lines.append(f"| {work} | {' | '.join(cells)} | {told} |")
    return "\n".join(lines)


def picture(found: dict[tuple[str, int], dict[str, Any]], path: Path) -> None:
    """Time and memory against size, both axes logarithmic."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "rrgbench"
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(9, 3.6), constrained_layout=True)
    for axis, key, title in zip(axes, ("seconds", "peak_mb"), ("processor time, s", "peak memory, MB"), strict=True):
        for place, work in enumerate(WORKS):
            rows = [found[work, size] for size in SIZES if "failed" not in found.get((work, size), {"failed": 1})]
            if not rows:
                continue
            style = {"color": f"C{place}", "marker": "o", "linestyle": "--" if work == "pycocoevalcap" else "-"}
            axis.plot([row["size"] for row in rows], [row[key] for row in rows], label=work, **style)
        axis.set(xscale="log", yscale="log", xlabel="studies", title=title)
        axis.grid(alpha=0.3)
    axes[1].axhline(1000, color="0.4", linewidth=0.8)
    axes[0].legend(fontsize=8)
    figure.savefig(path, metadata={"Date": None})


def main() -> None:
    """Measure what is not in the file yet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", type=Path, default=Path("runs/scaling.jsonl"), help="lines measured so far")
    parser.add_argument("--works", default=",".join(WORKS), help="which, by comma")
    parser.add_argument("--sizes", default=",".join(map(str, SIZES)), help="which, by comma")
    parser.add_argument("--limit", type=float, default=3600, help="seconds of the clock for one")
    parser.add_argument("--one", nargs=2, metavar=("WORK", "SIZE"), help="measure one in this process")
    parser.add_argument("--render", type=Path, metavar="SVG", help="make the picture and print the table")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    if options.one:
        work, size = options.one
        print(json.dumps(measure(work, int(size))))
        return
    if options.render is None:
        options.results.parent.mkdir(parents=True, exist_ok=True)
        for size in map(int, options.sizes.split(",")):
            for work in options.works.split(","):
                if (work, size) in read(options.results):
                    continue
                print(f"{work}, {size:,}", file=sys.stderr, flush=True)
                command = [sys.executable, __file__, "--one", work, str(size)]
                try:
                    done = subprocess.run(
                        command, stdout=subprocess.PIPE, text=True, check=False, timeout=options.limit
                    )
                    why = f"ended with {done.returncode}" if done.returncode else ""
                except subprocess.TimeoutExpired:
                    why = f"not done in {seconds(options.limit)} s"
                row = {"work": work, "size": size, "failed": why} if why else json.loads(done.stdout.splitlines()[-1])
                with options.results.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(row) + "\n")
    found = read(options.results)
    if options.json:
        print(json.dumps({"machine": machine(), "scaling": list(found.values()), "rows": []}))
        return
    print(table(found))
    if options.render is not None:
        picture(found, options.render)


if __name__ == "__main__":
    main()
