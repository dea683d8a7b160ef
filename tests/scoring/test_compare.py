import csv
import json
import re
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rrgbench.errors import InputError, NotComparableError
from rrgbench.labelers import RememberingLabeler, load
from rrgbench.metrics.catalogue import entry
from rrgbench.scoring import compare as comparing
from rrgbench.scoring.compare import Comparison, compare, compare_pairs
from rrgbench.scoring.options import scoring
from rrgbench.scoring.report_files import ReportPairs
from rrgbench.scoring.score import score
from rrgbench.scoring.signature import parse

TEXT = "the heart is normal in size no effusion or pneumothorax lungs are clear"
REFERENCES = {f"s{i}": f"{TEXT[5 * (i % 5) :]} w{i} ." for i in range(40)}
GOOD = {key: text.replace("heart", "heart shadow") for key, text in REFERENCES.items()}
BAD = dict.fromkeys(REFERENCES, "there is a large effusion .")


def test_the_better_system_gets_the_letter_of_the_worse() -> None:
    found = compare(
        {"good": GOOD, "bad": BAD, "same": GOOD}, REFERENCES, metrics=["bleu_4", "rouge_l"], permutations=500
    )
    assert found.beaten("good", "bleu_4") == "b"
    assert found.beaten("same", "rouge_l") == "b"
    assert found.beaten("bad", "bleu_4") == ""
    rows = {(row.first, row.second): row for row in found.differences if row.metric == "bleu_4"}
    assert list(rows) == [("good", "bad"), ("good", "same"), ("bad", "same")]
    assert rows["good", "same"].adjusted == 1.0
    assert rows["good", "bad"].p_value == 1 / 501
    assert rows["good", "bad"].adjusted == pytest.approx(3 / 501)
    assert str(found.signature).endswith("test:randomization-500-seed0+holm")


def test_differences_have_the_paired_interval_and_both_p_values() -> None:
    found = compare(
        {"good": GOOD, "bad": BAD, "same": GOOD}, REFERENCES, metrics=["bleu_4", "rouge_l"], permutations=200
    )
    table = found.differences_to_table()
    assert [row.group for row in table.rows[::2]] == ["good minus bad", "good minus same", "bad minus same"]
    assert [row.label for row in table.rows[:2]] == ["BLEU-4", "ROUGE-L"]
    difference, p, adjusted = table.rows[0].cells
    drawn = found.scores["good"].replicates["bleu_4"] - found.scores["bad"].replicates["bleu_4"]
    assert (difference.low, difference.high) == tuple(np.quantile(drawn, (0.025, 0.975)))
    assert difference.low < difference.value < difference.high
    assert (p.value, adjusted.value) == (1 / 201, pytest.approx(3 / 201))
    same = table.rows[2].cells[0]
    assert (same.value, same.low, same.high) == (0.0, 0.0, 0.0)
    assert json.loads(found.to_json())["differences"][0]["low"] == difference.low
    assert found.to_table(intervals=True).rows[0].cells[0].low is not None
    assert found.to_table().rows[0].cells[0].low is None
    bare = compare({"good": GOOD, "bad": BAD}, REFERENCES, metrics=["bleu_4"], permutations=50, intervals=False)
    (row,) = bare.differences_to_table().rows
    assert (row.cells[0].low, row.cells[1].value) == (None, 1 / 51)
    assert json.loads(bare.to_json())["differences"][0]["low"] is None


def test_subjects_decide_intervals_and_p_values() -> None:
    fair = {key: text if number % 10 < 6 else BAD[key] for number, (key, text) in enumerate(GOOD.items())}
    worse = {key: text if number % 10 < 4 else BAD[key] for number, (key, text) in enumerate(GOOD.items())}
    subjects = {key: f"p{number % 10}" for number, key in enumerate(REFERENCES)}
    systems, options = {"fair": fair, "worse": worse}, {"metrics": ["rouge_l"], "permutations": 500}
    by_study = compare(systems, REFERENCES, **options).differences[0]
    for intervals in (True, False):
        found = compare(systems, REFERENCES, subjects=subjects, intervals=intervals, **options)
        # two of ten patients tell the systems apart, however many studies they have
        assert by_study.p_value < 0.05 < 0.4 < found.differences[0].p_value
        assert str(found.signature).endswith("test:randomization-500-seed0-subjects+holm")
    with pytest.raises(InputError, match="subjects of 40 studies are not given"):
        compare(systems, REFERENCES, subjects={"x": "y"}, intervals=False, **options)


def test_order_of_systems_changes_nothing_but_signs() -> None:
    forth = compare({"a": GOOD, "b": BAD}, REFERENCES, metrics=["cider"], intervals=False, permutations=100)
    back = compare({"b": BAD, "a": GOOD}, REFERENCES, metrics=["cider"], intervals=False, permutations=100)
    assert forth.differences[0].difference == -back.differences[0].difference
    assert forth.beaten("a", "cider") == "b"
    assert back.beaten("a", "cider") == "a"


def test_tables() -> None:
    found = compare({"good": GOOD, "bad_one": BAD}, REFERENCES, permutations=200, test="bootstrap")
    markdown, latex, content = found.to_markdown(), found.to_latex(), json.loads(found.to_json())
    assert "| (a) good |" in markdown
    assert "<sup>b</sup>" in markdown
    assert str(found.signature) in markdown
    assert r"bad\_one" in latex
    assert r"\textbf{" in latex
    assert r"\textsuperscript{b}" in latex
    # with a head, two systems and the best constant
    assert latex.count(r"\\") == 4
    assert set(content["systems"]) == {"good", "bad_one"}
    assert len(content["differences"]) == 10
    assert list(found.to_frame().columns) == ["metric", "first", "second", "difference", "p_value", "adjusted"]


def test_systems_may_be_called_anything() -> None:
    names = ["a|b", "<x>", "a & b_{%", "\x1b[31mred", "two\nlines", "[/bold]"]
    found = compare(dict.fromkeys(names, GOOD), REFERENCES, metrics=["rouge_l"], permutations=20, certificate=False)
    markdown = [line for line in found.to_markdown().splitlines() if line.startswith("|")]
    assert [len(re.findall(r"(?<!\\)\|", line)) for line in markdown] == [3] * (2 + len(names))
    latex = [line for line in found.to_latex().splitlines() if line.endswith(r"\\")]
    assert [len(re.findall(r"(?<!\\)&", line)) for line in latex] == [1] * (1 + len(names))
    assert r"(c) a \& b\_\{\%" in found.to_latex()
    for text in (found.to_markdown(), found.to_latex(), found.to_json()):
        assert "\x1b" not in text
    assert list(json.loads(found.to_json())["systems"]) == names


def test_systems_on_different_studies_are_refused_unless_compared_on_the_common_ones() -> None:
    part = {key: text for key, text in GOOD.items() if key != "s3"}
    with pytest.raises(NotComparableError, match=r"a 40, b 39; 39 common to all.*--common"):
        compare({"a": GOOD, "b": part}, REFERENCES, metrics=["bleu_1"], allow=["missing"])
    found = compare({"a": GOOD, "b": part}, REFERENCES, metrics=["bleu_1"], common=True, permutations=50)
    assert found.differences[0].difference == 0.0
    assert found.signature.n == 39
    assert "|allowed:common|" in str(found.signature)


def test_what_was_allowed_each_system_is_said_of_it() -> None:
    options: dict[str, Any] = {"metrics": ["bleu_1"], "allow": ["empty"], "permutations": 20}
    silent = GOOD | {"s2": " "}
    found = compare({"one": silent, "two": GOOD}, REFERENCES, **options)
    assert "|allowed:a:empty=1,b:-|" in str(found.signature)
    assert parse(str(found.signature)) == found.signature
    assert found.differences[0].difference < 0
    alike = compare({"one": silent, "two": silent}, REFERENCES, **options)
    assert "|allowed:empty=1|" in str(alike.signature)
    part = {key: text for key, text in GOOD.items() if key != "s3"}
    common = compare({"one": silent, "two": part}, REFERENCES, common=True, **options)
    assert "|allowed:a:common+empty=1,b:common|" in str(common.signature)


def test_what_was_allowed_when_files_were_read_stays_in_the_signature() -> None:
    both = {study: ((text,), GOOD[study]) for study, text in REFERENCES.items()}

    def pairs(studies, allowed):
        rows = [both[study] for study in studies]
        return ReportPairs(tuple(studies), tuple(row[0] for row in rows), tuple(row[1] for row in rows), allowed)

    systems = {"a": pairs(list(both), "unknown=2+ids=30"), "b": pairs(list(both)[1:], "missing=1")}
    testing = comparing.Testing(permutations=20, common=True)
    found = compare_pairs(systems, scoring("raw", metrics=["rouge_l"], intervals=False), testing)
    assert "|allowed:a:common+unknown=2+ids=30,b:common|" in str(found.signature)


def test_a_metric_without_a_better_direction_marks_nobody(monkeypatch) -> None:
    plain = compare({"a": GOOD, "b": BAD}, REFERENCES, metrics=["rouge_l"], permutations=200)
    assert plain.beaten("a", "rouge_l") == "b"
    monkeypatch.setattr(Comparison, "entry", lambda self, key: replace(entry(key), better=""))
    assert plain.beaten("a", "rouge_l") == ""


def test_no_study_in_common() -> None:
    first = {key: GOOD[key] for key in ("s1", "s2")}
    second = {key: GOOD[key] for key in ("s3", "s4")}
    with pytest.raises(NotComparableError, match="no study in common"):
        compare({"a": first, "b": second}, REFERENCES, common=True)


@pytest.mark.parametrize(
    ("systems", "options", "message"),
    [
        ({"a": GOOD}, {}, "1 system to compare"),
        ({"a": GOOD, "b": BAD}, {"test": "t"}, "should be 'randomization' or 'bootstrap'"),
        ({"a": GOOD, "b": BAD}, {"level": 2.0}, "level: .*less than 1 .*2.0"),
        ({"a": GOOD, "b": {"s1": "x"}}, {}, "39 of 40 studies of references have no prediction"),
    ],
)
def test_wrong_input(systems, options, message) -> None:
    with pytest.raises(InputError, match=message):
        compare(systems, REFERENCES, metrics=["bleu_1"], **options)


def test_each_report_is_labelled_once() -> None:
    class Counting:
        name, version, identity = "counting", "1", "counting@1"

        def __init__(self) -> None:
            self.seen: list[str] = []

        def label(self, reports):
            self.seen += reports
            return load("rules").label(reports)

    counting = Counting()
    compare({"a": GOOD, "b": BAD}, REFERENCES, metrics=["ce"], labeler=counting, permutations=20)
    assert len(counting.seen) == len(set(counting.seen)) == len({*GOOD.values(), *BAD.values(), *REFERENCES.values()})
    remembering = RememberingLabeler(load("rules"))
    assert (
        remembering.label(["No effusion.", "Edema.", "No effusion."])
        == load("rules").label(["No effusion.", "Edema.", "No effusion."])
    ).all()


def test_six_real_systems(shared: Path) -> None:
    systems: dict[str, dict[str, str]] = defaultdict(dict)
    references = {}
    with (shared / "iu_systems/pairs.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            systems[row["system"]][row["uid"]] = row["candidate"]
            references[row["uid"]] = row["reference"]
    found = compare(systems, references, metrics=["bleu_4", "ce_f1"], permutations=1000, intervals=False)
    # The constant report beats real systems on BLEU-4 and none on clinical efficacy: why it must stand in every table.
    assert found.beaten("fixed_template", "bleu_4") == "bcde"
    assert found.beaten("fixed_template", "ce_f1") == ""
    assert found.beaten("top50_clinical_oracle", "bleu_4") == "abcde"


def test_the_certificate_of_each_system_stands_in_the_table() -> None:
    constant = dict.fromkeys(REFERENCES, next(iter(REFERENCES.values())))
    found = compare({"good": GOOD, "constant": constant}, REFERENCES, metrics=["bleu_1", "rouge_l"], permutations=20)
    alone = score(REFERENCES, constant, metrics=["bleu_1", "rouge_l"]).certificate
    assert found.scores["constant"].certificate == alone
    table = found.to_table()
    assert [row.label for row in table.rows] == ["good", "constant", "best constant"]
    assert [cell.value for cell in table.rows[-1].cells] == [*(one.value for one in alone.constants.values()), 1]
    assert not any(cell.mark for cell in table.rows[-1].cells)
    good, same = table.rows[:2]
    assert not any("!" in cell.superscript for cell in good.cells)
    assert all("!" in cell.superscript for cell in same.cells)
    assert [text.split(":")[0] for text in table.remarks if text.startswith("!")] == ["! constant"] * 2
    content = json.loads(found.to_json())["systems"]
    assert content["good"]["certificate"]["loses_to_constant"] == []
    assert content["constant"]["certificate"]["few_distinct_reports"]
    assert len(content["constant"]["certificate"]["warnings"]) == 2
