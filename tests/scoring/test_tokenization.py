import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from pycocoevalcap.tokenizer.ptbtokenizer import PTBTokenizer

from rrgbench.errors import MissingPartError
from rrgbench.scoring import tokenization as ptb_tokenization
from rrgbench.scoring.options import scoring
from rrgbench.scoring.report_files import ReportPairs
from rrgbench.scoring.score import score
from rrgbench.scoring.sensitivity import under_protocols
from rrgbench.scoring.tokenization import ptb_tokens

needs_java = pytest.mark.skipif(shutil.which("java") is None, reason="needs Java")
PAIRS = ReportPairs(("1", "2"), (("the heart is normal .",), ("no effusion",)), ("heart is normal", "an effusion"))


@needs_java
def test_line_ends_inside_a_report_shift_no_other_report() -> None:
    """pycocoevalcap: `\\r\\n` in one caption gives every later id the wrong one."""
    texts = ["Heart\r\nis normal.", "", "A 5.5 cm\u2028 nodule\x85 (left)", "\r", "last"]
    # Brackets stay, because pycocoevalcap drops `-LRB-` after lower-casing it to `-lrb-`.
    assert ptb_tokens(texts) == ["heart is normal", "", "a 5.5 cm nodule -lrb- left -rrb-", "", "last"]


@needs_java
def test_equals_pycocoevalcap_on_real_reports(shared: Path) -> None:
    with (shared / "iu_xray/openi_reports.csv").open(newline="") as file:
        texts = [f"{row['findings']} {row['impression']}" for row in csv.DictReader(file)]
    expected = PTBTokenizer().tokenize({row: [{"caption": text}] for row, text in enumerate(texts)})
    assert ptb_tokens(texts) == [expected[row][0] for row in range(len(texts))]


@needs_java
def test_tokenization_moves_bleu_as_known(shared: Path) -> None:
    rows = [json.loads(line) for line in (shared / "parity/pairs_3000.jsonl").read_text().splitlines()]
    references, hypotheses = ([row[side] for row in rows] for side in ("reference", "hypothesis"))
    found = {name: score(references, hypotheses, name, ["bleu_1"], False)["bleu_1"] for name in ("raw", "coco")}
    assert found["raw"].value == pytest.approx(0.608, abs=5e-4)
    assert found["coco"].value == pytest.approx(0.576, abs=5e-4)
    assert "protocol:coco@2" in str(found["coco"].signature)


def test_without_java_the_protocol_is_absent_with_the_reason(monkeypatch) -> None:
    monkeypatch.setattr(ptb_tokenization.shutil, "which", lambda name: None)
    with pytest.raises(MissingPartError, match="needs Java"):
        score(["a"], ["a"], "coco", ["bleu_1"])
    table = under_protocols(PAIRS, ["raw", "coco"], scoring(metrics=["bleu"]))
    assert list(table.scores) == ["raw"]
    assert "left out: PTB tokenization needs Java" in table.to_markdown()
    with pytest.raises(MissingPartError, match="needs Java"):
        under_protocols(PAIRS, ["coco"])


def test_without_pycocoevalcap(monkeypatch) -> None:
    monkeypatch.setattr(ptb_tokenization.shutil, "which", lambda name: "java")
    monkeypatch.setattr(ptb_tokenization, "find_spec", lambda name: None)
    with pytest.raises(MissingPartError, match="pip install pycocoevalcap"):
        ptb_tokens(["a"])


def test_protocol_table_shows_how_far_a_number_moves() -> None:
    table = under_protocols(PAIRS, ["raw", "r2gen@1"], scoring(metrics=["bleu_1", "rouge_l"]))
    values = [scores["bleu_1"].value for scores in table.scores.values()]
    np.testing.assert_allclose(table.spread("bleu_1"), (min(values), max(values)))
    assert [row.label for row in table.to_table().rows] == ["raw", "r2gen@1", "lowest", "highest", "moves by"]
