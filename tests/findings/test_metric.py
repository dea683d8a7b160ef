"""`findings_f1` as a metric: its bounds, symmetries and what it says is wrong."""

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rrgbench import score
from rrgbench.findings import FindingsF1, compare_findings, read_findings
from rrgbench.findings.best_constant import best_constant_findings

SENTENCES = (
    "Small left pleural effusion.",
    "Moderate right pleural effusion, increased since the prior study.",
    "Bilateral pleural effusions.",
    "No pneumothorax.",
    "Patchy opacity in the right lower lobe, which may represent pneumonia.",
    "Mild cardiomegaly.",
    "The heart size is normal.",
    "The lungs are clear.",
    "Endotracheal tube tip 4 cm above the carina.",
    "A right PICC line terminates in the superior vena cava.",
    "Old left rib fractures.",
    "Degenerative changes of the thoracic spine.",
    "No acute cardiopulmonary abnormality.",
    "1.2 cm nodule in the left upper lobe.",
)
REPORTS = st.lists(st.sampled_from(SENTENCES), min_size=1, max_size=7, unique=True)


def f1(reference: str, hypothesis: str) -> float:
    return FindingsF1().compare(reference, hypothesis).f1


@given(REPORTS)
def test_a_report_agrees_with_itself_whatever_the_order_of_its_sentences(sentences: list[str]) -> None:
    shuffled = list(sentences)
    random.Random(len(sentences)).shuffle(shuffled)
    assert f1(" ".join(sentences), " ".join(sentences)) == pytest.approx(1.0)
    kinds = {(one.name, one.sides) for one in read_findings(" ".join(sentences))}
    assert {(one.name, one.sides) for one in read_findings(" ".join(shuffled))} == kinds


@given(REPORTS, REPORTS)
def test_swapping_the_reports_swaps_precision_and_recall(first: list[str], second: list[str]) -> None:
    one, other = read_findings(" ".join(first)), read_findings(" ".join(second))
    there, back = compare_findings(one, other), compare_findings(other, one)
    assert 0.0 <= there.precision <= 1.0
    assert 0.0 <= there.recall <= 1.0
    assert there.f1 == pytest.approx(back.f1)
    assert there.precision == pytest.approx(back.recall)


@given(REPORTS)
def test_an_invented_finding_costs_precision_and_a_missing_one_recall(sentences: list[str]) -> None:
    report = " ".join(sentences)
    more = report + " Large right pneumothorax."
    assert FindingsF1().compare(report, more).precision < 1.0
    assert FindingsF1().compare(more, report).recall < 1.0


def test_disagreements_say_what_is_missing_invented_and_wrong_and_how() -> None:
    found = FindingsF1().compare(
        "Small left pleural effusion. Right lower lobe pneumonia.", "Large right pleural effusion. Mild cardiomegaly."
    )
    assert [one.words for one in found.disagreements] == [
        "missing: right pneumonia (lower)",
        "invented: mild cardiomegaly",
        "wrong: mild left pleural effusion: right instead of left, severe instead of mild",
    ]


def test_a_constant_weighs_each_study_alike_and_several_references_give_the_best() -> None:
    metric = FindingsF1()
    statistics = metric.statistics([["Pneumothorax.", "No pneumothorax."], ["Cardiomegaly."]], ["No pneumothorax.", ""])
    assert statistics[:, 2].tolist() == [1.0, 0.0]
    np.testing.assert_allclose(metric.aggregate(statistics, np.array([[1.0, 1.0], [2.0, 0.0]]))[:, 2], [0.5, 1.0])


def test_score_gives_it_with_intervals_and_its_version_in_the_signature() -> None:
    found = score(
        ["Small left effusion.", "Clear lungs."], ["Small left effusion.", "A mass."], metrics=["findings"], seed=0
    )
    assert list(found) == ["findings_precision", "findings_recall", "findings_f1"]
    assert found["findings_f1"].low <= float(found["findings_f1"]) <= found["findings_f1"].high
    assert f"findings:{FindingsF1.identity}" in str(found["findings_f1"].signature)


def test_the_best_constant_report_is_searched_for() -> None:
    normal, effusion = "The heart is normal. The lungs are clear.", "Small left pleural effusion."
    found = best_constant_findings([normal, normal, effusion], [effusion, normal, normal])
    assert (found["findings_f1"].candidate, found["findings_f1"].exact) == (1, False)
    assert found["findings_f1"].value == pytest.approx(2 / 3, abs=0.1)
    shown = score([normal, normal, effusion], [effusion] * 3, metrics=["findings"], seed=0).certificate
    assert shown is not None
    assert shown.constants["findings_f1"].value == pytest.approx(found["findings_f1"].value)
