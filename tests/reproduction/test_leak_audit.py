from dataclasses import dataclass, replace

import numpy as np
import pytest

from rrgbench.data.corpus import Corpus
from rrgbench.data.examination import Reads
from rrgbench.data.study import Study
from rrgbench.reproduction.leak_audit import COMPARISON, audit_leaks


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
    assert [check.verdict for check in audit.checks] == ["passed", "passed", "passed", "warning"]
    assert "1 of 2 (50 %)" in audit.checks[3].found
    assert len(audit.to_table().rows) == 4


def test_each_leak_is_found() -> None:
    shared = studies()
    shared[3] = replace(shared[3], images=(Noise(0),))
    assert verdicts(Corpus("mine", "1234", shared))["films in two splits"] == "leak"
    assert verdicts(Corpus("mine", "1234", shared), films=False)["films in two splits"] == "not checked"
    texts = [Study("t1", "p2", "train", report="Clear.")]
    crossing = Corpus("mine", "1234", [replace(one, report=None) for one in studies()], text_studies=texts)
    assert verdicts(crossing)["subjects in two splits"] == "leak"
    assert verdicts(Corpus("mine", "1234", studies()), split="train")["5x200 films drawn from training"] == "leak"


@pytest.mark.parametrize(
    ("model", "labels", "comparisons"),
    [
        (Declared(Reads(32)), "passed", "warning"),
        (Declared(Reads(32, prior=True)), "passed", "passed"),
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
        ("Renewed interest in chest films.", False),
    ],
)
def test_words_of_comparison(text, compares) -> None:
    assert bool(COMPARISON.search(text)) == compares
