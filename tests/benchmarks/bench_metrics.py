"""Speed of scoring against the toolkits it replaces: one command prints one table of ratios.

Run `python tests/benchmarks/bench_metrics.py` (options: `--only WORD`, `--json`); `RRGBENCH_SHARED` names the folder
with the real report pairs, else random text of the same shape is used. Each ratio is measured in this one run on this
one machine; the values of both sides are compared wherever both give values. The randomization test runs against
RadEval itself where it is installed (`pip install --no-deps radeval && pip install nltk rouge_score` is enough for its
BLEU), else against the same work written here.
"""

import contextlib
import importlib.util
import io
import json
import resource
import shutil
import sys

import numpy as np
from table import Row, run, shared_folder, timed

PERMUTATIONS = 10_000


def report_pairs() -> tuple[list[str], list[str]]:
    path = shared_folder() / "parity/pairs_3000.jsonl"
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

    from rrgbench.scoring.score import score

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
        return [
            value.value for value in score(references, hypotheses, "raw", keys, intervals, certificate=False).values()
        ]

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
            "-",
            f"max {difference:.0e}",
        ),
        Row("the same with 1,000 replicates, against plain", resampled, plain, resampled / plain, "<= 2", "same"),
    ]


def randomization(references: list[str], hypotheses: list[str]) -> list[Row]:
    """Two systems, scored and tested: ours on all NLG metrics, the other side on BLEU alone."""
    from rrgbench.scoring.score import score
    from rrgbench.stats.paired import approximate_randomization

    others = [*hypotheses[1:], hypotheses[0]]

    def ours() -> list[float]:
        first, second = (score(references, texts, "raw", ["nlg"], False) for texts in (hypotheses, others))
        for left, right in zip(first.families, second.families, strict=True):
            approximate_randomization(left.metric.aggregate, left.statistics, right.statistics, PERMUTATIONS)
        return [first["bleu_4"].value, second["bleu_4"].value]

    ours()
    seconds, values = timed(ours, 3)
    radeval = importlib.util.find_spec("radeval") is not None
    tried, name = (20, "RadEval's compare_systems") if radeval else (3, "rescoring as RadEval does, not installed here")
    compare = radeval_comparison if radeval else rescoring
    few, expected = timed(lambda: compare(references, hypotheses, others, tried))
    # Scoring the systems as they are takes as long as one permutation.
    rival = few * (PERMUTATIONS + 1) / (tried + 1)
    difference = np.abs(np.array(values) - expected).max()
    work = (
        f"scoring and randomization, {PERMUTATIONS:,} permutations, 3,000 pairs, all NLG metrics, against {name}, BLEU "
        f"alone (extrapolated from {tried})"
    )
    return [Row(work, seconds, rival, rival / seconds, ">= 1,000", f"BLEU-4 max {difference:.0e}")]


def radeval_comparison(references: list[str], first: list[str], second: list[str], permutations: int) -> list[float]:
    """RadEval's own test, called as its documentation shows; BLEU-4 of both systems, which it rounds to 4 digits."""
    from radeval import RadEval, compare_systems

    evaluator = RadEval(metrics=["bleu"], show_progress=False)
    _, scores = compare_systems(
        systems={"first": first, "second": second},
        metrics={"bleu": lambda hyps, refs: evaluator(refs, hyps)["bleu"]},
        references=references,
        n_samples=permutations,
        print_results=False,
    )
    return [scores["first"]["bleu"], scores["second"]["bleu"]]


def rescoring(references: list[str], first: list[str], second: list[str], permutations: int) -> list[float]:
    """What a test that rescores texts does, with pycocoevalcap's BLEU; BLEU-4 of both systems."""
    from pycocoevalcap.bleu.bleu import Bleu

    gts = {i: [text] for i, text in enumerate(references)}
    generator = np.random.default_rng(0)

    def bleu(swap: np.ndarray) -> list[float]:
        values = []
        for left, right in ((first, second), (second, first)):
            res = {i: [right[i] if swapped else left[i]] for i, swapped in enumerate(swap)}
            values.append(Bleu(4).compute_score(gts, res, verbose=0)[0][3])
        return values

    observed = bleu(np.zeros(len(references), dtype=bool))
    for _ in range(permutations):
        bleu(generator.random(len(references)) < 0.5)
    return observed


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
    queries, candidates = (generator.standard_normal((size, width), dtype=np.float32) for _ in range(2))
    for vectors in (queries, candidates):
        vectors /= np.sqrt(np.einsum("np,np->n", vectors, vectors))[:, None]
    query_classes, candidate_classes = generator.integers(0, 5, (2, size))

    def ours() -> np.ndarray:
        return precision_at_k(queries, candidates, query_classes, candidate_classes, (k,))

    def rival() -> np.ndarray:
        order = np.argsort(-(queries @ candidates.T), axis=1)[:, :k]
        return (candidate_classes[order] == query_classes[:, None]).mean(axis=1)

    before = peak_memory()
    mine, values = timed(ours)
    extra = (peak_memory() - before) / 1024**3
    theirs = float("inf")
    # In turns, so that other work on the machine hits both sides alike; the best of each counts.
    for _ in range(3):
        seconds, expected = timed(rival)
        theirs = min(theirs, seconds)
        mine = min(mine, timed(ours, 2)[0])
    difference = np.abs(values[:, 0] - expected).max()
    work = f"Precision@10, 20,000 x 20,000 x 512, against matrix + argsort (extra memory {extra:.2f} GiB)"
    return [Row(work, mine, theirs, theirs / mine, ">= 5", f"max {difference:.0e}")]


def peak_memory() -> int:
    """Most bytes that this process has ever held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def main() -> None:
    pairs = report_pairs()
    run(
        __doc__,
        {
            # First, because it measures how far the process's memory grows.
            "retrieval": retrieval,
            "nlg": lambda: nlg(*pairs),
            "randomization": lambda: randomization(*pairs),
            "auroc": areas,
        },
    )


if __name__ == "__main__":
    main()
