"""Our values beside pycocoevalcap's, live and with its METEOR jar, on all real reports: prints a table of differences.

`pytest -m slow -s tests/metrics/test_parity_tables.py`
"""

import csv
import itertools
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from pycocoevalcap.bleu.bleu import Bleu as OracleBleu
from pycocoevalcap.cider.cider import Cider as OracleCider
from pycocoevalcap.meteor.meteor import Meteor as OracleMeteor
from pycocoevalcap.rouge.rouge import Rouge as OracleRouge

from rrgbench.metrics.base import TextMetric
from rrgbench.metrics.bleu import Bleu
from rrgbench.metrics.cider import Cider
from rrgbench.metrics.meteor import Meteor
from rrgbench.metrics.rouge import RougeL

METRICS: tuple[TextMetric, ...] = (Bleu(), RougeL(), Cider(), Meteor())
NAMES = ("BLEU-1", "BLEU-2", "BLEU-3", "BLEU-4", "ROUGE-L", "CIDEr", "METEOR")


def theirs(references: list[str], hypotheses: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """pycocoevalcap's corpus values (7,) and per-study values (n, 7)."""
    gts = {i: [text] for i, text in enumerate(references)}
    res = {i: [text] for i, text in enumerate(hypotheses)}
    corpus, studies = OracleBleu(4).compute_score(gts, res, verbose=0)
    # A line break in a text, which the real ones have, stops pycocoevalcap's pipe to the jar or shifts its answers.
    one_line = [{i: [" ".join(texts[0].split())] for i, texts in side.items()} for side in (gts, res)]
    for oracle, given in ((OracleRouge(), (gts, res)), (OracleCider(), (gts, res)), (OracleMeteor(), one_line)):
        value, single = oracle.compute_score(*given)
        corpus, studies = [*corpus, value], [*studies, single]
    return np.array(corpus), np.stack([np.asarray(single, dtype=np.float64) for single in studies], axis=1)


def ours(references: list[str], hypotheses: list[str]) -> tuple[np.ndarray, np.ndarray]:
    corpus, studies = [], []
    for metric in METRICS:
        rows = metric.statistics([[text] for text in references], hypotheses)
        corpus.append(metric.aggregate(rows, np.ones((1, len(rows))))[0])
        studies.append(metric.per_study(rows))
    return np.concatenate(corpus), np.concatenate(studies, axis=1)


def sets_of_pairs(shared: Path) -> Iterator[tuple[str, list[str], list[str]]]:
    """Name, references and hypotheses."""
    with (shared / "iu_systems/pairs.csv").open(encoding="utf-8", newline="") as file:
        pairs = list(csv.DictReader(file))
    for system in sorted({pair["system"] for pair in pairs}):
        rows = [pair for pair in pairs if pair["system"] == system]
        yield system, [row["reference"] for row in rows], [row["candidate"] for row in rows]
    lines = (shared / "parity/pairs_3000.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    yield "parity pairs", [row["reference"] for row in rows], [row["hypothesis"] for row in rows]
    with (shared / "iu_xray/openi_reports.csv").open(encoding="utf-8", newline="") as file:
        texts = [f"{row['findings']} {row['impression']}" for row in csv.DictReader(file) if row["findings"].strip()]
    # Each against the report that follows it, and some against themselves.
    hypotheses = [text if at % 50 == 0 else other for at, (text, other) in enumerate(itertools.pairwise(texts))]
    yield "raw IU X-Ray", texts[:-1], hypotheses


@pytest.mark.slow
def test_differences_from_pycocoevalcap(shared: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if shutil.which("java") is None:
        pytest.skip("Java is not installed, so METEOR's jar can't run")
    lines = [f"| pairs | n | largest difference | {' | '.join(NAMES)} |", "|---" * (3 + len(NAMES)) + "|"]
    counts = {}
    for name, references, hypotheses in sets_of_pairs(shared):
        expected, found = theirs(references, hypotheses), ours(references, hypotheses)
        corpus, study = np.abs(found[0] - expected[0]), np.abs(found[1] - expected[1]).max(axis=0)
        counts[name] = len(hypotheses)
        for what, row in (("corpus", corpus), ("study", study)):
            lines.append(f"| {name} | {len(hypotheses):,} | {what} | {' | '.join(f'{cell:.1e}' for cell in row)} |")
            assert row.max() <= 1e-12, f"{name}: {NAMES[int(row.argmax())]} of the {what} differs by {row.max():.1e}"
    with capsys.disabled():
        print("\n" + "\n".join(lines))
    assert len(counts) == 8
    assert counts["raw IU X-Ray"] >= 3000
