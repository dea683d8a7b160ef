"""Findings of two reports marked on their texts."""

import io

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from rrgbench.explain.explanation import explain_images
from rrgbench.explain.page import Heading, explanation_page, print_explanation
from rrgbench.findings.marked import findings_view

REFERENCE = "Small left pleural effusion. Mild cardiomegaly. No pneumothorax. Right lower lobe pneumonia."
REPORT = "Large left pleural effusion. Mild cardiomegaly. There is a left upper lobe nodule. The lungs are clear."


class Writer:
    name, image_size, identity = "writer", 8, "writer@1"

    def generate_reports(self, images):
        return [REPORT] * len(images)


def test_each_finding_is_marked_where_it_stands_with_what_became_of_it() -> None:
    found = findings_view(REFERENCE, REPORT)
    marks = [(REFERENCE[one.finding.start : one.finding.end], one.status) for one in found.reference.marks]
    assert marks == [
        ("pleural effusion", "wrong"),
        ("cardiomegaly", "agreed"),
        ("pneumothorax", "normal"),
        ("pneumonia", "missing"),
    ]
    assert [one.status for one in found.report.marks] == ["wrong", "agreed", "invented", "normal"]
    pairs = {one.pair for one in found.reference.marks if one.pair}
    assert pairs == {one.pair for one in found.report.marks if one.pair} == {1, 2}
    assert "missing: right pneumonia (lower)" in found.lines


def test_terminal_page_and_json_show_marks_and_disagreements() -> None:
    found = explain_images(Writer(), np.zeros((1, 8, 8), dtype=np.uint8), name="writer", reference=REFERENCE)
    console = Console(file=io.StringIO(), width=120)
    print_explanation(found, Heading("s1", ("phantom",)), console)
    shown = console.file.getvalue()
    assert "Findings  F1" in shown
    assert "invented: left nodule (upper)" in shown
    page = explanation_page(found, Heading("s1", ("phantom",)), np.zeros((8, 8), dtype=np.uint8))
    assert '<mark class="invented"' in page
    assert "missing: right pneumonia (lower)" in page
    plain = found.to_json()["findings"]
    assert plain["reference"][0] == {
        "words": "mild left pleural effusion",
        "start": 11,
        "end": 27,
        "status": "wrong",
        "pair": plain["report"][0]["pair"],
    }


@given(st.text(max_size=80), st.lists(st.sampled_from(REPORT.split(". ")), max_size=4).map(". ".join))
def test_pieces_are_the_text(one: str, other: str) -> None:
    found = findings_view(one, other)
    assert "".join(piece for piece, _ in found.reference.pieces()) == one
    assert "".join(piece for piece, _ in found.report.pieces()) == other
