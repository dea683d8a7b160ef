"""The explanation on a page and on a terminal: safe, self-contained, readable without colour."""

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from rrgbench.explain.explanation import LABEL_WORDS, explain_images
from rrgbench.explain.page import Heading, explanation_page, hue, print_explanation
from rrgbench.observations import OBSERVATIONS

REPORT = "Cardiomegaly. No pneumothorax. Possible pneumonia. <script>alert(1)</script> congestive heart failure."
HEADING = Heading("s<1>", ("corpus@abcd", "test split"), "licence & note")
FILM = np.arange(64 * 64, dtype=np.uint8).reshape(64, 64)


class Whole:
    def generate_reports(self, images):
        return [REPORT]

    def predict_observations(self, images):
        return np.linspace(0, 1, 14, dtype=np.float32)[None]

    def describe(self, images, observation):
        return ["" if observation == "Edema" else f"<i>{observation}</i> [bold]x[/bold]"]


@pytest.fixture(scope="module")
def whole():
    return explain_images(
        Whole(), FILM[np.newaxis], name="whole@1", reference="No effusion.\nThe heart is\x1b[31m normal."
    )


@pytest.fixture(scope="module")
def bare():
    return explain_images(object(), FILM[np.newaxis], name="bare@1")


def printed(explanation, width=140):
    stream = io.StringIO()
    print_explanation(explanation, HEADING, Console(file=stream, width=width))
    return stream.getvalue()


def test_the_page_escapes_what_comes_from_data_and_asks_for_nothing(whole):
    page = explanation_page(whole, HEADING, FILM)
    for dangerous in ("<script>", "<i>", "s<1>", "licence & note"):
        assert dangerous not in page, dangerous
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    outside = re.findall(r'(?:src|href)="([^"]*)"', page)
    assert all(target.startswith(("data:image/png;base64,", "#row-")) for target in outside)
    assert "url(" not in page
    assert "@import" not in page


def test_the_film_on_the_page_is_the_film(whole):
    (uri,) = re.findall(r'src="data:image/png;base64,([^"]*)"', explanation_page(whole, HEADING, FILM))
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(base64.b64decode(uri)))), FILM)


def test_key_words_are_told_apart_without_colour_and_lead_to_their_row(whole):
    page = explanation_page(whole, HEADING, FILM)
    marks = re.findall(r'<mark class="v(-?\d)"[^>]*title="([^"]*)">([^<]*)<sup>(.*?)</sup></mark>', page)
    found = {
        text: (value, title, re.findall(r'href="#row-(\d+)">(\d+)(.)</a>', links))
        for value, title, text, links in marks
    }
    assert found["Cardiomegaly"] == ("1", "Cardiomegaly: positive", [("3", "3", "+")])
    assert found["pneumothorax"] == ("0", "Pneumothorax: negative", [("10", "10", "−")])
    assert found["pneumonia"] == ("-1", "Pneumonia: uncertain", [("8", "8", "?")])
    assert found["congestive heart failure"][2] == [("6", "6", "+"), ("3", "3", "?")]
    assert [f'id="row-{number}"' in page for number in range(1, 15)] == [True] * 14


def test_the_table_says_what_is_known_believed_and_written(whole):
    page = explanation_page(whole, HEADING, FILM)
    rows = re.findall(r'<tr id="row-\d+".*?</tr>', page, flags=re.S)
    texts = [re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", row)).strip() for row in rows]
    assert texts[5] == f"6 Edema unmentioned {5 / 13:.2f} positive not mentioned"
    assert texts[10].startswith("11 Pleural Effusion negative 0.77 unmentioned &lt;i&gt;Pleural Effusion")
    assert 'style="width: 100.0%"' in rows[13]


def test_missing_parts_are_said_to_be_missing(bare):
    page = explanation_page(bare, HEADING, FILM)
    assert page.count("not offered") == 3 * 14 + 1
    assert "no report belongs to this film" in page
    assert page.count(">unknown<") == 14
    text = printed(bare)
    assert text.count("not offered") == 3 * 14 + 1
    assert "no report belongs to this film" in text


def test_the_terminal_carries_the_same_without_styles(whole):
    text = printed(whole)
    for piece in ("Cardiomegaly³⁺", "pneumothorax¹⁰⁻", "pneumonia⁸?", "congestive heart failure⁶⁺ ³?", "effusion¹¹⁻"):
        assert piece in text, piece
    assert "\x1b" not in text, "control characters of a report don't reach the terminal"
    assert "[bold]x[/bold]" in text, "markup in a description is text"
    for name in OBSERVATIONS:
        assert name in text


def test_narrow_terminals_keep_every_word(whole):
    lines = printed(whole, width=80).splitlines()
    assert max(map(len, lines)) <= 80
    assert set(LABEL_WORDS.values()) & set(" ".join(lines).split()) >= {"negative", "positive", "uncertain"}
    assert "<i>Support Devices</i>" in " ".join(lines)


def test_at_80_columns_no_number_heading_or_bar_is_cut(whole):
    shown = printed(whole, width=80)
    assert "…" not in shown
    for row, name in enumerate(OBSERVATIONS, 1):
        assert re.search(rf"^ *{row}  {name}  ", shown, re.MULTILINE)
    assert max(map(len, shown.splitlines())) <= 80


def test_no_two_observations_share_a_colour():
    assert len({hue(name) for name in OBSERVATIONS}) == len(OBSERVATIONS)
