"""Sections of free-text reports, by the rules of the MIMIC-CXR code base."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from miniature import MIMIC_REPORT

from rrgbench.data.sections import check_section, cut_sections, other_sections, section_name, target_report
from rrgbench.errors import InputError


def test_a_report_is_cut_into_its_sections() -> None:
    assert cut_sections(MIMIC_REPORT.format(side="left")) == {
        "preamble": "FINAL REPORT",
        "examination": "CHEST (PA AND LAT)",
        "indication": "___F with shortness of breath // ?pneumonia",
        "comparison": "___",
        "findings": "There is a small left pleural effusion. Follow up at 9:30. The heart is not enlarged.",
        "impression": "Small left pleural effusion.",
    }


@pytest.mark.parametrize(
    ("heading", "name"),
    [
        ("FINDINGS", "findings"),
        ("FINDING", "findings"),
        ("FINDGINGS", "findings"),
        ("CHEST, TWO VIEWS", "findings"),
        ("PORTABLE FRONTAL RADIOGRAPH OF THE CHEST", "findings"),
        ("PA AND LATERAL VIEWS", "findings"),
        ("IMPRESSION", "impression"),
        ("IMPRESSON", "impression"),
        ("MPRESSION", "impression"),
        ("CONCLUSION", "impression"),
        ("FINDINGS AND IMPRESSION", "impression"),
        ("FINDINGS/ IMPRESSION", "impression"),
        ("CLINICAL HISTORY", "history"),
        ("CLINICAL INFORMATION", "history"),
        ("REASON FOR EXAM", "indication"),
        ("COMPARISONS", "comparison"),
        ("COMPARSION", "comparison"),
        ("REFERENCE EXAM", "comparison"),
        ("TYPE OF EXAMINATION", "examination"),
        ("RECOMMENDATION(S)", "recommendation"),
        ("WET READ", "wet_read"),
        ("ADDENDUM", "addendum"),
        ("DATE", "date"),
        ("TUBES AND LINES", "tubes_and_lines"),
    ],
)
def test_headings_have_one_name(heading: str, name: str) -> None:
    assert section_name(heading) == name


def test_running_text_and_times_are_no_headings() -> None:
    text = " FINDINGS: At 3:40 the lungs were clear, and in the RIGHT LUNG: nothing.\n Impression: as before.\n"
    assert cut_sections(text) == {
        "findings": "At 3:40 the lungs were clear, and in the RIGHT LUNG: nothing. Impression: as before."
    }


def test_an_empty_title_gives_way_to_the_findings_and_the_last_section_counts() -> None:
    text = " CHEST, PA LATERAL:\n \n INDICATION: cough\n \n FINDINGS: first.\n FINDINGS: second.\n"
    assert cut_sections(text) == {"indication": "cough", "findings": "second."}


def test_without_findings_and_impression_there_is_a_last_paragraph() -> None:
    text = " FINAL REPORT\n INDICATION: cough\n \n No acute process.\n \n Unchanged.\n"
    assert cut_sections(text) == {
        "preamble": "FINAL REPORT",
        "indication": "cough",
        "last_paragraph": "No acute process. Unchanged.",
    }
    assert cut_sections("Clear lungs.") == {"preamble": "Clear lungs."}


def test_line_ends_of_other_systems_change_nothing() -> None:
    report = MIMIC_REPORT.format(side="right")
    assert cut_sections(report.replace("\n", "\r\n")) == cut_sections(report)


def test_targets_are_joined_in_reading_order() -> None:
    sections = {"impression": "B.", "findings": " A. ", "history": "C."}
    assert target_report(sections, "findings") == "A."
    assert target_report(sections, "impression") == "B."
    assert target_report(sections, "both") == "A. B."
    assert target_report({"impression": "B.", "findings": " "}, "both") == "B."
    assert target_report({"findings": ""}, "findings") is None
    assert other_sections(sections, "findings") == {"impression": "B.", "history": "C."}
    assert other_sections(sections, "both") == {"history": "C."}


def test_an_unknown_target_is_refused() -> None:
    with pytest.raises(InputError, match="section must be one of findings, impression, both; given: 'summary'"):
        check_section("summary", "mimic-cxr")


@given(st.text(st.sampled_from("ABFINDGSab:\n /().1\r\t"), max_size=300))
def test_any_text_is_cut_and_no_word_is_invented(text: str) -> None:
    sections = cut_sections(text)
    words = set(text.replace(":", " ").split()) | set(text.split())
    for body in sections.values():
        assert body == " ".join(body.split())
        assert body
        assert all(word in words or any(word in whole for whole in words) for word in body.split())
