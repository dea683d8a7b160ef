"""Which published systems lose to a constant report."""

import csv
import hashlib
import json
from pathlib import Path

import pytest
from published import HYPOTHESES, REFERENCES, TRAINING
from typer.testing import CliRunner

from rrgbench.cli.main import app
from rrgbench.errors import InputError
from rrgbench.reproduction.constants import certified
from rrgbench.reproduction.recompute import Material
from rrgbench.reproduction.registry import OutputFile, PublishedResult, PublishedSystem
from rrgbench.scoring.report_files import ReportFile


def several(path: Path) -> Path:
    """Two systems: one writes the references, one the same report for every study."""
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["system", "study_id", "reference", "candidate"])
        rows.writerows(["same", n, text, REFERENCES[0]] for n, text in enumerate(REFERENCES))
        rows.writerows(["right", n, text, text] for n, text in enumerate(REFERENCES))
    return path


def test_a_constant_system_loses_everywhere_and_a_right_one_nowhere(tmp_path: Path) -> None:
    path, out = several(tmp_path / "pairs.csv"), tmp_path / "table.md"
    done = CliRunner().invoke(app, ["reproduce", "constants", "--systems", str(path), "--out", str(out), "--json"])
    found = {one["system"]: one["certificate"] for one in json.loads(done.stdout)}
    assert {"bleu_1", "bleu_4", "rouge_l", "cider"} <= set(found["same"]["loses_to_constant"])
    assert found["right"]["loses_to_constant"] == []
    assert (found["same"]["distinct_reports"], found["same"]["few_distinct_reports"]) == (1, True)
    text = out.read_text(encoding="utf-8")
    assert "! same, pairs.csv: one constant report" in text
    assert REFERENCES[0] not in text + done.output


def test_the_registrys_outputs_are_scored_in_all_metrics_of_their_protocol(tmp_path: Path) -> None:
    lines = [json.dumps({"study_id": str(n), "report": text}) for n, text in enumerate(HYPOTHESES)]
    (tmp_path / "out.jsonl").write_text("\n".join(lines))
    digest = hashlib.sha256((tmp_path / "out.jsonl").read_bytes()).hexdigest()
    outputs = OutputFile(file="out.jsonl", sha256=digest)
    given = {"source": "here", "protocol": "r2gen@2", "figures": {"bleu_4": ".1"}}
    results = (PublishedResult(corpus="x", outputs=outputs, **given), PublishedResult(corpus="y", **given))
    references = ReportFile("refs", {str(n): (text,) for n, text in enumerate(REFERENCES)})
    found = certified([PublishedSystem(system="S", results=results)], Material(tmp_path, references, TRAINING))
    (one,) = found.systems
    assert (one.system, one.corpus) == ("S", "x")
    assert one.scores.certificate is not None
    assert one.scores.certificate.candidates == "training reports"
    assert set(one.scores.certificate.constants) == set(one.scores) > {"bleu_4", "meteor", "ce_f1"}
    assert [row.label for row in found.to_table().rows] == ["S", "best constant"]
    with pytest.raises(InputError, match="no published outputs"):
        certified([], Material())
