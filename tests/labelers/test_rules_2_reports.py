"""`rules@2` on whole reports: layouts, options, mentions, robustness, agreement with others; `rules@1` beside it."""

import hashlib
import json
import re
import textwrap
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rrgbench.errors import InputError
from rrgbench.labelers import load
from rrgbench.labelers.agreement import agreement
from rrgbench.labelers.rules.statements import statements
from rrgbench.labelers.sentences import sentence_spans
from rrgbench.observations import OBSERVATIONS, UNMENTIONED, observation_index

LABELER = load("rules@2")
STATEMENTS = [
    "No focal consolidation, effusion or pneumothorax",
    "Moderate cardiomegaly",
    "The mediastinal contours are within normal limits",
    "Left basilar opacity may reflect atelectasis",
    "Right PICC terminates in the SVC",
    "No acute fracture",
]


def numbered(form: str) -> Callable[[list[str]], str]:
    return lambda told: "\n".join(
        form.format(number=i + 1, letter="abcdefgh"[i % 8], text=t) for i, t in enumerate(told)
    )


def bold(text: str) -> str:
    first, _, rest = text.partition(" ")
    return f"**{first}** {rest}"


LAYOUTS: dict[str, Callable[[list[str]], str]] = {
    "bullets": numbered("- {text}"),
    "stars": numbered("* {text}"),
    "dots": numbered("• {text}"),
    "dots in a line": " • ".join,
    "numbers": numbered("{number}. {text}"),
    "brackets": numbered("{number}) {text}"),
    "brackets in a line": lambda told: " ".join(f"{i + 1}) {text}" for i, text in enumerate(told)),
    "letters": numbered("{letter}. {text}."),
    "a line each": "\n".join,
    "a line each, lower case": lambda told: "\n".join(told).lower(),
    "Windows lines": "\r\n".join,
    "bold heads": lambda told: "**Findings:**\n" + "\n".join(f"- {bold(text)}" for text in told),
    "escaped": "\\n".join,
    "<br>": "<br>".join,
    "<li>": lambda told: "<ul>" + "".join(f"<li>{text}</li>" for text in told) + "</ul>",
    "special tokens": lambda told: "<s>" + ".</s> <s>".join(told) + ".</s>",
    "glued": lambda told: ".".join(told).lower() + ".",
    "dashes": " - ".join,
    "long dashes": " — ".join,
    "table": lambda told: "\n\n".join(f"| {text} |" for text in told),
    "wrapped": lambda told: textwrap.fill(". ".join(told) + ".", 60),
    "wrapped, lower case": lambda told: textwrap.fill(". ".join(told).lower() + ".", 60),
    "wrapped, capitals": lambda told: textwrap.fill(". ".join(told).upper() + ".", 50),
}


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS.keys())
def test_the_same_words_have_the_same_labels_in_every_layout(layout: Callable[[list[str]], str]) -> None:
    plain = LABELER.label([". ".join(STATEMENTS) + "."])[0]
    assert set(plain) == {-2, -1, 0, 1}
    np.testing.assert_array_equal(LABELER.label([layout(STATEMENTS)])[0], plain)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("A 1.5 cm nodule. No effusion.", ["A 1.5 cm nodule.", "No effusion."]),
        ("- No effusion\n- Edema", ["No effusion", "Edema"]),
        ("There is no pleural\neffusion. Edema.", ["There is no pleural\neffusion.", "Edema."]),
        ("No pneumothorax is seen in the left\nSVC line.", ["No pneumothorax is seen in the left\nSVC line."]),
        ("Atelectasis vs. pneumonia. Edema.", ["Atelectasis vs. pneumonia.", "Edema."]),
        ("Lungs: clear Heart: large", ["Lungs: clear", "Heart: large"]),
        ("1. Edema. 2. Effusion.", ["1. Edema.", "2. Effusion."]),
        ("... \n - \n", []),
    ],
)
def test_statements(text: str, told: list[str]) -> None:
    assert [text[one.start : one.end] for one in statements(text)] == told


def test_mentions_say_where_they_stand_also_where_characters_fall_apart() -> None:
    report = "• No signiﬁcant pleural eﬀu\u00adsion\n• Possible edema; left PICC, can't exclude pneumonia"
    found = {OBSERVATIONS[mention.observation]: mention for mention in LABELER.mentions(report)}
    words = {name: report[mention.start : mention.end] for name, mention in found.items()}
    assert words == {
        "Pleural Effusion": "pleural eﬀu\u00adsion",
        "Edema": "edema",
        "Support Devices": "PICC",
        "Pneumonia": "pneumonia",
    }
    told = {name: (mention.present, mention.certain) for name, mention in found.items()}
    assert told["Pleural Effusion"] == (False, True)
    assert told["Edema"] == told["Pneumonia"] == (True, False)
    assert told["Support Devices"] == (True, True)
    for mention in found.values():
        assert report[mention.sentence_start : mention.sentence_end] == mention.sentence


def test_options_stand_in_the_identity() -> None:
    report = "History of pneumonia. No new effusion."
    pneumonia, effusion = observation_index("Pneumonia"), observation_index("Pleural Effusion")
    read = {}
    for options in ({}, {"history": "positive"}, {"history": "unmentioned", "nothing_new": "uncertain"}):
        labeler = load("rules@2", **options)
        row = labeler.label([report])[0]
        read[labeler.identity] = int(row[pneumonia]), int(row[effusion])
    assert read == {
        "rules@2": (0, 0),
        "rules@2+history=positive": (1, 0),
        "rules@2+history=unmentioned+nothing_new=uncertain": (-2, -1),
    }
    with pytest.raises(InputError, match="history is 'old'; expected one of negative, unmentioned, positive"):
        load("rules@2", history="old")


@pytest.mark.parametrize(
    "text",
    [
        "no opacity , " * 8000,
        "effusion and " * 8000 + "edema are not seen",
        "the heart, " * 8000,
        "effusion (" * 8000,
        "effusion: " * 8000,
        "can't exclude edema, " * 4000,
    ],
)
def test_run_on_text_of_any_kind_is_read(text: str) -> None:
    assert LABELER.label([text]).shape == (1, 14)


@settings(max_examples=200, deadline=None)
@given(text=st.text(max_size=300))
def test_any_text_is_labelled(text: str) -> None:
    labels = LABELER.label([text, text])
    assert set(np.unique(labels)) <= {-2, -1, 0, 1}
    np.testing.assert_array_equal(labels[0], labels[1])
    for one in statements(text):
        assert 0 <= one.start < one.end <= len(text)
    for mention in LABELER.mentions(text):
        assert 0 <= mention.sentence_start <= mention.start < mention.end <= mention.sentence_end <= len(text)


def real_reports(shared: Path) -> list[str]:
    frame = pd.read_csv(shared / "iu_xray" / "openi_reports.csv").fillna("")
    pairs = (shared / "parity" / "pairs_3000.jsonl").read_text(encoding="utf-8").splitlines()
    texts = (json.loads(line) for line in pairs)
    rest = [text for pair in texts for text in pair.values() if isinstance(text, str)]
    return (frame["findings"] + " " + frame["impression"]).tolist() + rest


def test_rules_1_has_not_moved(shared: Path) -> None:
    labels = load("rules@1").label(real_reports(shared))
    assert hashlib.sha256(labels.tobytes()).hexdigest()[:16] == "172690949dc8f105"


@pytest.mark.parametrize("layout", ["bullets", "a line each", "bold heads", "numbers"])
def test_real_reports_in_other_layouts(shared: Path, layout: str) -> None:
    test = json.loads((shared / "iu_xray" / "annotation.json").read_text(encoding="utf-8"))["test"]
    reports = [re.sub(r"\s+", " ", study["report"]).strip() for study in test]
    told = [[report[a:b].rstrip(" .") for a, b in sentence_spans(report)] for report in reports]
    plain, other = LABELER.label(reports), LABELER.label([LAYOUTS[layout](sentences) for sentences in told])
    assert agreement(np.abs(other), np.abs(plain)).micro_f1 >= 0.999


@pytest.mark.parametrize("half", [0, 1])
def test_against_people_and_other_labelers(shared: Path, half: int) -> None:
    frame = pd.read_csv(shared / "iu_xray" / "chexpert_labels.csv").set_index("uid")
    human = pd.read_csv(shared / "iu_xray" / "mesh_labels.csv").set_index("uid")[list(OBSERVATIONS)]
    frame = frame[(frame.index.to_numpy() // 2) % 2 == half]
    chexpert = frame[[f"chexpert_{name.replace(' ', '_')}" for name in OBSERVATIONS]].fillna(UNMENTIONED)
    reports = frame["labelled_text"].tolist()
    first, second = load("rules@1").label(reports), LABELER.label(reports)
    coded = frame.index.isin(human.index)
    truth = human.loc[frame.index[coded]].to_numpy().astype(np.int8)
    before, after = agreement(first[coded], truth), agreement(second[coded], truth)
    assert after.micro_f1 >= 0.855
    assert after.micro_f1 > before.micro_f1
    frequent = after.reference >= 20
    assert (after.f1[frequent] >= before.f1[frequent] - 0.025).all()
    theirs = chexpert.to_numpy().astype(np.int8)
    assert agreement(second, theirs, 0).micro_f1 >= 0.955
    assert agreement(second, theirs, -1).micro_f1 >= 0.77
