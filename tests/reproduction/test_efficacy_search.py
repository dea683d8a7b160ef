"""The search for choices of clinical efficacy, seeded with wrong ones."""

import hashlib
import json
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from rrgbench.cli.main import app
from rrgbench.reproduction.efficacy_search import search_efficacy
from rrgbench.reproduction.figures import Figure
from rrgbench.scoring.options import scoring
from rrgbench.scoring.protocols import load_protocol
from rrgbench.scoring.report_files import ReportPairs
from rrgbench.scoring.score import score_pairs

STATED = load_protocol("llava-rad")
PARTS = [
    "There is a small left pleural effusion.",
    "Possible pneumonia in the right base.",
    "The heart is enlarged.",
    "No pneumothorax.",
    "Mild pulmonary edema is suspected.",
    "Old fracture of the left clavicle.",
    "There is bibasilar atelectasis.",
    "A pacemaker is in place.",
    "The mediastinum is widened.",
]
KEYS = ("ce_precision", "ce_recall", "ce_f1")


def report(seed: int) -> str:
    return " ".join(part for place, part in enumerate(PARTS) if (seed * 7 + seed * seed * place + place) % 5 < 2)


REFERENCES = tuple(report(seed) or "Clear." for seed in range(40))
WRITTEN = tuple(report(seed + seed % 3) or "Clear." for seed in range(40))
PAIRS = ReportPairs(tuple(map(str, range(40))), tuple((text,) for text in REFERENCES), WRITTEN)


def printed_under(protocol, **options) -> dict[str, Figure]:
    given = scoring(protocol, metrics=("ce",), intervals=False, certificate=False, **options)
    return {key: Figure.of(f"{value.value:.4f}") for key, value in score_pairs(PAIRS, given).items()}


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({}, ()),
        ({"averaging": "macro"}, ("averaging macro instead of micro",)),
        ({"averaging": "per-report"}, ("averaging per-report instead of micro",)),
        ({"uncertain": "positive"}, ("uncertain as positive instead of negative",)),
        ({"observations": 5}, ("observations 5 instead of 14",)),
        (
            {"averaging": "weighted", "uncertain": "positive", "observations": 5},
            (
                "averaging weighted instead of micro",
                "uncertain as positive instead of negative",
                "observations 5 instead of 14",
            ),
        ),
    ],
)
def test_a_wrong_choice_is_found_and_named(wrong, named) -> None:
    found = search_efficacy(PAIRS, printed_under(STATED.model_copy(update=wrong)), STATED)
    assert found.fits[0].differs_from(STATED) == named


def test_a_labeler_is_found_among_those_given(tmp_path: Path) -> None:
    rows = [{"study_id": str(n), "Edema": n % 2, "Pneumonia": int(n % 3 == 0)} for n in range(40)]
    path = tmp_path / "labels.csv"
    path.write_text("\n".join([",".join(rows[0]), *(",".join(map(str, row.values())) for row in rows)]) + "\n")
    printed = printed_under(STATED, labeler=f"lookup:{path}")
    assert search_efficacy(PAIRS, printed, STATED).fits == ()
    (change,) = search_efficacy(PAIRS, printed, STATED, labelers=[f"lookup:{path}"]).fits[0].differs_from(STATED)
    assert change.startswith("labeler lookup")


def test_the_command_names_choices_of_text_and_of_labels(tmp_path: Path) -> None:
    for name, texts in (("refs", REFERENCES), ("preds", WRITTEN)):
        lines = [json.dumps({"study_id": str(n), "report": text}) for n, text in enumerate(texts)]
        (tmp_path / f"{name}.jsonl").write_text("\n".join(lines))
    wrong = STATED.model_copy(update={"averaging": "macro", "cleaning": "lower"})
    given = scoring(wrong, metrics=("ce", "bleu_1", "bleu_4"), intervals=False, certificate=False)
    figures = {key: f"{value.value:.5f}" for key, value in score_pairs(PAIRS, given).items()}
    digest = hashlib.sha256((tmp_path / "preds.jsonl").read_bytes()).hexdigest()
    result = {"corpus": "invented", "source": "here", "protocol": "llava-rad@1", "figures": figures}
    result["outputs"] = {"file": "preds.jsonl", "sha256": digest}
    (tmp_path / "registry").mkdir()
    (tmp_path / "registry" / "mine.yaml").write_text(yaml.safe_dump({"system": "mine", "results": [result]}))
    command = ["reproduce", "--outputs", str(tmp_path), "--references", str(tmp_path / "refs.jsonl"), "--json"]
    done = CliRunner().invoke(app, [*command, "--registry", str(tmp_path / "registry")])
    (found,) = json.loads(done.stdout)
    assert found["verdict"] == "reproduced under another protocol"
    # lower case alone tells these texts apart, and several choices give it
    assert "text metrics: all digits fit with " in found["why"]
    assert "clinical efficacy: all digits fit with averaging macro instead of micro" in found["why"]
