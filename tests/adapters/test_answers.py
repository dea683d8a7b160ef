"""Which answers are taken for refusals: those that decline, and no report that says what is not seen."""

import csv
from pathlib import Path

import pytest

from rrgbench.adapters.answers import Answers, refuses


@pytest.mark.parametrize(
    "answer",
    [
        "I'm sorry, but I can't assist with interpreting medical images.",
        "I am unable to provide a radiology report. Please consult a radiologist.",
        "I'm not able to view the attached image.",
        "I can't see any image. Please upload the radiograph.",
        "I do not see an attached chest X-ray in your message.",
        "I cannot read this film.",
        "I cannot diagnose medical conditions.",
        "Unable to interpret the image.",
        "As an AI language model, I cannot diagnose from images.",
        "I don't have access to the radiograph.",
        "I will not process medical images.",
        "I am unable to comply.",
    ],
)
def test_what_declines_is_a_refusal(answer: str) -> None:
    assert refuses(answer)


@pytest.mark.parametrize(
    "answer",
    [
        "The heart is normal in size. I do not see a pneumothorax or effusion.",
        "I don't see any acute abnormality. The lungs are clear.",
        "I cannot see any focal consolidation on this film.",
        "I can't identify the tip of the catheter on this image.",
        "I am unable to exclude a small effusion.",
        "I am not able to see a fracture.",
        "Limited study; not able to diagnose pneumonia on this film.",
        "I cannot exclude a small pneumothorax.",
    ],
)
def test_what_is_not_seen_is_no_refusal(answer: str) -> None:
    assert not refuses(answer)
    answers = Answers("findings", allow=("refused",))
    assert answers.reports(["s1"], [f"FINDINGS: {answer}"]) == [answer]


def test_no_real_report_is_a_refusal(shared: Path) -> None:
    with open(shared / "iu_xray" / "indiana_reports.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    texts = [row[part] for row in rows for part in ("findings", "impression") if row[part].strip()]
    assert len(texts) > 7000
    assert [text for text in texts if refuses(text)] == []
