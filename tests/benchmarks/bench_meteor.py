"""METEOR's speed and values beside pycocoevalcap's jar: `python tests/benchmarks/bench_meteor.py`.

The 3,000 real pairs of the parity folder, or as many made-up pairs where that folder is absent, and repetitive texts.
The jar's time includes starting Java, as every user of pycocoevalcap pays it; ours includes reading the cached word
lists. Without Java only our side is timed.
"""

import json
import random
import shutil
from pathlib import Path

import numpy as np
from table import Row, run, shared_folder, timed

from rrgbench.metrics.meteor import Meteor
from rrgbench.metrics.meteor.resources import load_resources

PAIRS = 3000


def pairs() -> tuple[str, list[str], list[str]]:
    """What is scored, references and hypotheses."""
    path: Path = shared_folder() / "parity" / "pairs_3000.jsonl"
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


def repetitive(words: int, vocabulary: int) -> tuple[list[str], list[str]]:
    """One pair of texts of many words over few."""
    rng = random.Random(0)
    known = [f"w{number}" for number in range(vocabulary)]
    return [" ".join(rng.choices(known, k=words))], [" ".join(rng.choices(known, k=words))]


def compared(work: str, references: list[str], hypotheses: list[str], repeats: int, rival: bool = True) -> Row:
    """Ours with loading, and the jar's."""
    metric = Meteor()

    def ours() -> tuple[np.ndarray, float]:
        load_resources.cache_clear()
        rows = metric.statistics([[text] for text in references], hypotheses)
        return metric.per_study(rows)[:, 0], float(metric.aggregate(rows, np.ones((1, len(rows))))[0, 0])

    mine, (single, total) = timed(ours, repeats)
    if not rival or shutil.which("java") is None:
        return Row(f"{work} (jar not run)", mine, None, None, "-", "-")
    from pycocoevalcap.meteor.meteor import Meteor as PipedMeteor

    jar, (jar_total, jar_single) = timed(
        lambda: PipedMeteor().compute_score(
            {at: [text] for at, text in enumerate(references)}, {at: [text] for at, text in enumerate(hypotheses)}
        )
    )
    difference = max(float(np.abs(single - jar_single).max()), abs(total - jar_total))
    return Row(f"{work}, against pycocoevalcap's jar", mine, jar, jar / mine, "-", f"max {difference:.0e}")


def main() -> None:
    """Measure and print."""
    kind, references, hypotheses = pairs()
    run(
        __doc__,
        {
            "pairs": lambda: [compared(f"METEOR, {len(hypotheses):,} {kind}", references, hypotheses, 3)],
            "repetitive": lambda: [
                compared("METEOR, a pair of 1,000 words over 6", *repetitive(1_000, 6), 3),
                compared("METEOR, a pair of 10,000 words over 6", *repetitive(10_000, 6), 1, rival=False),
            ],
        },
    )


if __name__ == "__main__":
    main()
