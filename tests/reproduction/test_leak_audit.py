import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from rrgbench.cli.main import app
from rrgbench.data.corpus import Corpus
from rrgbench.data.examination import Reads
from rrgbench.data.five_by_200 import SampleList
from rrgbench.data.study import Study
from rrgbench.errors import InputError
from rrgbench.reproduction.leak_audit import COMPARISON, Check, audit_leaks


@dataclass(frozen=True)
class Noise:
    seed: int
    view: str = "PA"

    def load(self, size: int) -> np.ndarray:
        return (
            np.random.default_rng(self.seed)
            .integers(0, 255, (8, 8), np.uint8)
            .repeat(size // 8, 0)
            .repeat(size // 8, 1)
        )


class Declared:
    name = "declared"
    identity = "declared@1"

    def __init__(self, reads: Reads, reads_labels: bool = False) -> None:
        self.reads, self.reads_labels = reads, reads_labels


def studies() -> list[Study]:
    return [
        Study(f"s{n}", f"p{n}", split, (Noise(n),), report=text)
        for n, (split, text) in enumerate(
            [
                ("train", "Clear lungs."),
                ("train", "Big heart."),
                ("test", "clear  lungs."),
                ("test", "Unchanged effusion."),
            ]
        )
    ]


def verdicts(corpus: Corpus, model=None, **options) -> dict[str, str]:
    return {check.name: check.verdict for check in audit_leaks(corpus, model, **options).checks}


def test_a_clean_corpus_passes_and_recurring_reports_are_told() -> None:
    audit = audit_leaks(Corpus("mine", "1234", studies()))
    assert audit.leaks == ()
    seen = [check.verdict for check in audit.checks]
    assert seen == ["passed", "passed", "passed", "warning", "not checked", "warning"]
    assert "1 of 2 (50 %)" in audit.checks[3].found
    assert audit.checks[3].studies == ("s2",)
    assert len(audit.to_table().rows) == 6
    assert audit.to_json()["checks"][5]["studies"] == ["s3"]


def test_each_leak_is_found() -> None:
    shared = studies()
    shared[3] = replace(shared[3], images=(Noise(0),))
    assert verdicts(Corpus("mine", "1234", shared))["films in two splits"] == "leak"
    assert verdicts(Corpus("mine", "1234", shared), films=False)["films in two splits"] == "not checked"
    texts = [Study("t1", "p2", "train", report="Clear.")]
    crossing = Corpus("mine", "1234", [replace(one, report=None) for one in studies()], text_studies=texts)
    assert verdicts(crossing)["subjects in two splits"] == "leak"
    drawn = "5x200 drawn from training"
    assert verdicts(Corpus("mine", "1234", studies()), split="train")[drawn] == "leak"


def test_a_list_for_retrieval_is_looked_up() -> None:
    corpus = Corpus("mine", "1234", studies())

    def check(*ids: str) -> Check:
        wanted = SampleList("list.json", {"Edema": ids}, "")
        return next(one for one in audit_leaks(corpus, retrieval=wanted).checks if one.name[:5] == "5x200")

    assert check("s2", "s3").verdict == "passed"
    assert (check("s0", "s3").verdict, check("s0", "s3").studies) == ("leak", ("s0",))
    with pytest.raises(InputError, match="1 studies are not in this corpus: s9"):
        check("s9")


def test_only_a_prior_that_is_there_is_read() -> None:
    given = studies()
    model = Declared(Reads(32, prior=True))
    name = "references that compare with a prior the model never saw"
    assert verdicts(Corpus("mine", "1234", given), model)[name] == "warning"
    given[3] = replace(given[3], prior=Study("s9", "p3", "test", report="Effusion."))
    assert verdicts(Corpus("mine", "1234", given), model)[name] == "passed"
    assert verdicts(Corpus("mine", "1234", given), Declared(Reads(32)))[name] == "warning"


def write(folder: Path, rows: list[dict]) -> None:
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64), np.uint8)).save(folder / "film.png")
    lines = [json.dumps({"images": ["film.png"], **row}) + "\n" for row in rows]
    (folder / "studies.jsonl").write_text("".join(lines))


def test_the_command_ends_with_6_for_a_leak_alone(tmp_path: Path) -> None:
    rows = [
        {"study_id": "a", "subject_id": "p1", "split": "train", "report": "Clear."},
        {"study_id": "b", "subject_id": "p2", "split": "test", "report": "Stable nodule."},
    ]
    write(tmp_path, rows)
    command = ["data", "audit", "--corpus", "jsonl", "--root", str(tmp_path), "--json"]
    result = CliRunner().invoke(app, command)
    found = json.loads(result.stdout)
    assert (result.exit_code, found["leaks"]) == (6, 1)
    assert [one["studies"] for one in found["checks"] if one["verdict"] == "leak"] == [["a/b"]]
    assert CliRunner().invoke(app, [*command, "--no-films"]).exit_code == 0
    rows[1]["subject_id"] = "p1"
    write(tmp_path, rows)
    result = CliRunner().invoke(app, command)
    assert (result.exit_code, json.loads(result.stdout)["checks"][0]["studies"]) == (6, ["b"])
    assert "nodule" not in result.output
    shown = CliRunner().invoke(app, command[:-1])
    assert shown.exit_code == 6
    assert "subjects in two splits" in shown.stdout
    assert "without --model" in str(CliRunner().invoke(app, [*command, "--checkpoint", "x"]).exception)


@pytest.mark.parametrize(
    ("model", "labels", "comparisons"),
    [
        (Declared(Reads(32)), "passed", "warning"),
        (Declared(Reads(32, prior=True)), "passed", "warning"),
        (Declared(Reads(32), reads_labels=True), "leak", "warning"),
    ],
)
def test_what_a_model_declares_is_checked(model, labels, comparisons) -> None:
    found = verdicts(Corpus("mine", "1234", studies()), model)
    assert found["reference labels read at test"] == labels
    assert found["references that compare with a prior the model never saw"] == comparisons


@pytest.mark.parametrize(
    ("text", "compares"),
    [
        ("Compared to the prior study, the effusion is larger.", True),
        ("Interval removal of the tube.", True),
        ("New left effusion.", True),
        ("The heart is normal. The lungs are clear.", False),
        ("No previous study. Comparison: none.", False),
        ("There is evidence of prior granulomatous disease.", False),
        ("Increased interstitial markings.", False),
        ("The nodule has increased since the prior.", True),
        ("Renewed interest in chest films.", False),
    ],
)
def test_words_of_comparison(text, compares) -> None:
    assert bool(COMPARISON.search(text)) == compares
