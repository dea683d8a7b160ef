"""`rules` on whole reports: layouts, options, mentions, robustness, agreement with others; older versions beside it."""

import hashlib
import json
import re
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from rrgbench.errors import InputError
from rrgbench.labelers import load
from rrgbench.labelers.agreement import Agreement, agreement
from rrgbench.labelers.rules.statements import statements
from rrgbench.labelers.sentences import sentence_spans
from rrgbench.observations import OBSERVATIONS, UNMENTIONED, observation_index

LABELER = load("rules")
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


def test_mentions_stand_right_where_a_ligature_makes_up_for_an_invisible_character() -> None:
    report = "\ufb01nd. Effusion. No pneumo\u00adthorax."
    assert [report[one.start : one.end] for one in LABELER.mentions(report)] == ["Effusion", "pneumo\u00adthorax"]


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
    for options in (
        {},
        {"history": "positive"},
        {"history": "unmentioned", "nothing_new": "uncertain"},
        {"convention": "chexbert"},
    ):
        labeler = load("rules", **options)
        row = labeler.label([report])[0]
        read[labeler.identity] = int(row[pneumonia]), int(row[effusion])
    assert read == {
        "rules@4": (0, 0),
        "rules@4+history=positive": (1, 0),
        "rules@4+history=unmentioned+nothing_new=uncertain": (-2, -1),
        "rules@4+convention=chexbert": (0, 0),
    }
    with pytest.raises(InputError, match="history is 'old'; expected one of negative, unmentioned, positive"):
        load("rules", history="old")
    with pytest.raises(InputError, match="convention is 'mimic'; expected one of plain, chexbert, chexpert"):
        load("rules", convention="mimic")
    with pytest.raises(InputError, match="convention"):
        load("rules@2", convention="chexbert")


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


@pytest.mark.parametrize(
    ("name", "options", "digest"),
    [
        ("rules@1", {}, "172690949dc8f105"),
        ("rules@2", {}, "cdbc544cb2a78ad3"),
        ("rules@2", {"history": "positive", "nothing_new": "uncertain"}, "7033cfa911a98411"),
    ],
)
def test_older_versions_have_not_moved(shared: Path, name: str, options: dict[str, str], digest: str) -> None:
    labels = load(name, **options).label(real_reports(shared))
    assert hashlib.sha256(labels.tobytes()).hexdigest()[:16] == digest


@pytest.mark.parametrize("layout", ["bullets", "a line each", "bold heads", "numbers"])
def test_real_reports_in_other_layouts(shared: Path, layout: str) -> None:
    test = json.loads((shared / "iu_xray" / "annotation.json").read_text(encoding="utf-8"))["test"]
    reports = [re.sub(r"\s+", " ", study["report"]).strip() for study in test]
    told = [[report[a:b].rstrip(" .") for a, b in sentence_spans(report)] for report in reports]
    plain, other = LABELER.label(reports), LABELER.label([LAYOUTS[layout](sentences) for sentences in told])
    assert agreement(np.abs(other), np.abs(plain)).micro_f1 >= 0.999


@dataclass(frozen=True)
class Labelled:
    """Findings of IU X-Ray with labels by others; people coded some of the rows."""

    reports: list[str]
    labels: NDArray[np.int8]

    def agreement(self, name: str, label: int = 1, **options: str) -> Agreement:
        return agreement(load(name, **options).label(self.reports), self.labels, label)


def labelled(shared: Path, whose: str, halves: tuple[int, ...] = (0, 1)) -> Labelled:
    """Labels by `human` coders, `chexpert` or `chexbert`; rules of conventions were written on half 0 alone."""
    folder = shared / "iu_xray"
    findings = pd.read_csv(folder / "openi_reports.csv").fillna("").set_index("uid")["findings"]
    coded = pd.read_csv(folder / "chexpert_labels.csv").set_index("uid")["labelled_text"]
    labels = pd.read_csv(folder / f"{'mesh' if whose == 'human' else whose}_labels.csv")
    if whose == "chexbert":
        labels["uid"] = labels["study_id"].str.extract(r"CXR(\d+)_")[0].astype(int)
    labels = labels.set_index("uid")
    if whose == "chexpert":
        labels = labels.rename(columns={f"chexpert_{name.replace(' ', '_')}": name for name in OBSERVATIONS})
    texts = (findings if whose == "chexbert" else coded).reindex(labels.index).fillna("")
    kept = np.isin((labels.index.to_numpy() // 2) % 2, halves) & (texts != "").to_numpy()
    values = labels[list(OBSERVATIONS)].fillna(UNMENTIONED).to_numpy().astype(np.int8)[kept]
    values[:, 0] = np.where(values[:, 0] == 1, 1, UNMENTIONED)  # some write 0 where No Finding is blank
    return Labelled(texts[kept].tolist(), values)


@pytest.mark.parametrize("half", [0, 1])
def test_against_people_and_other_labelers(shared: Path, half: int) -> None:
    human, chexpert, chexbert = (labelled(shared, whose, (half,)) for whose in ("human", "chexpert", "chexbert"))
    assert human.agreement("rules").micro_f1 >= 0.86
    assert human.agreement("rules").micro_f1 > human.agreement("rules@2").micro_f1 > human.agreement("rules@1").micro_f1
    for label in (0, -1):
        assert chexpert.agreement("rules", label).micro_f1 >= chexpert.agreement("rules@1", label).micro_f1 - 0.005
    assert chexbert.agreement("rules", convention="chexbert").micro_f1 >= 0.905
    assert chexpert.agreement("rules", convention="chexpert").micro_f1 >= 0.86


@pytest.mark.parametrize(
    ("whose", "convention"),
    [("human", "plain"), ("chexbert", "plain"), ("chexbert", "chexbert"), ("chexpert", "chexpert")],
)
def test_no_frequent_observation_loses(shared: Path, whose: str, convention: str) -> None:
    theirs = labelled(shared, whose)
    before, after = theirs.agreement("rules@1"), theirs.agreement("rules", convention=convention)
    frequent = before.reference >= 20
    assert frequent.sum() >= 8
    assert (after.f1 >= before.f1 - 0.01)[frequent].all()
