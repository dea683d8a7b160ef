"""Odd reports through every metric and protocol: what docs/inputs.md says, and never NaN without a reason."""

import math

import numpy as np
import pytest

from rrgbench.errors import InputError
from rrgbench.scoring.report_files import read_reports
from rrgbench.scoring.score import score
from rrgbench.scoring.values import Scores

REFERENCES = ["the heart is normal .", "no pleural effusion .", "the lungs are clear ."]
HYPOTHESES = ["the heart is large .", "no effusion .", "lungs are clear ."]
ODD = {
    "empty": "",
    "blank": " \t\n",
    "control characters": "\x00\x01\x02 \x7f \x1b[0m",
    "right to left": "القلب طبيعي . \u202eraelc\u202c שלום",
    "numbers": "12 34.5 6,789 1/2",
    "one sign": ".",
    "one long word": "a" * 10_000,
}


def defined_or_named(found: Scores) -> bool:
    return all(
        value.reason or not (math.isnan(value.value) or math.isnan(value.low) or math.isnan(value.high))
        for value in found.values()
    )


@pytest.mark.parametrize("protocol", ["raw", "dcrrg", "r2gen@1", "r2gen", "m2tr", "radeval", "rexrank@1", "rexrank"])
@pytest.mark.parametrize("text", ODD.values(), ids=ODD)
def test_odd_text_on_either_side_is_scored(text: str, protocol: str) -> None:
    for reference, hypothesis in ((text, HYPOTHESES[0]), (REFERENCES[0], text), (text, text)):
        found = score(
            [reference, *REFERENCES[1:]],
            [hypothesis, *HYPOTHESES[1:]],
            protocol,
            allow=["empty"],
            replicates=20,
            training_reports=REFERENCES,
        )
        assert not found.absent
        assert defined_or_named(found)
        assert np.isfinite([value.value for value in found.values()]).all()
        assert np.isfinite(found.per_study.to_numpy(dtype=float)).all()
        bounded = [value for key, value in found.items() if key != "cider"]
        assert all(0 <= value.value <= 1 + 1e-9 for value in bounded)


@pytest.mark.parametrize("text", ["القلب طبيعي . שלום", "12 34.5 6,789 1/2"])
def test_right_to_left_text_and_numbers_are_words_like_others(text: str) -> None:
    # Read in the order of the characters, not of the display.
    row = score([text, *REFERENCES], [text, *HYPOTHESES], "raw", ["nlg"], False).per_study.iloc[0]
    np.testing.assert_allclose(row[["bleu_1", "bleu_4", "rouge_l", "cider"]].to_numpy(dtype=float), [1, 1, 1, 10])
    assert row["meteor"] == pytest.approx(1.0)
    turned = " ".join(reversed(text.split()))
    row = score([text, *REFERENCES], [turned, *HYPOTHESES], "raw", ["nlg"], False).per_study.iloc[0]
    assert row["bleu_1"] == pytest.approx(1.0)
    assert row["bleu_4"] < 0.1


@pytest.mark.parametrize(("references", "hypotheses"), [(["", "b"], ["a", "b"]), (["a", "b"], [" \n", "b"])])
def test_an_empty_report_is_an_error_that_names_the_study_unless_allowed(references, hypotheses) -> None:
    with pytest.raises(InputError, match="1 study with an empty reference or hypothesis: 0;"):
        score(references, hypotheses, "raw")
    found = score(references, hypotheses, "raw", ["nlg"], False, allow=["empty"])
    assert "allowed:empty=1" in str(found.signature)
    assert found.per_study.iloc[0].to_numpy(dtype=float).max() < 1e-6


def test_two_empty_reports_are_alike_to_rouge_alone() -> None:
    # pycocoevalcap's ROUGE-L splits "" into one empty word.
    row = score(["", "b"], ["", "b"], "raw", ["nlg"], False, allow=["empty"]).per_study.iloc[0]
    assert row["rouge_l"] == 1.0
    assert row.drop("rouge_l").to_numpy(dtype=float).max() < 1e-6


@pytest.mark.parametrize(
    ("references", "hypotheses", "message"),
    [
        (["a", "b"], ["a"], "2 references but 1 hypotheses"),
        ({"a": "x", "b": "y"}, {"a": "x"}, "1 of 2 studies of references have no prediction: b"),
        ({"a": "x"}, {"a": "x", "c": "z"}, "c"),
        ({"a": "x"}, {"b": "x"}, "a"),
        ([], [], "empty"),
        (["a"], [None], "1 study with an empty reference or hypothesis: 0"),
        ("a", "a", "one string"),
    ],
)
def test_reports_of_other_studies_are_an_error_that_names_them(references, hypotheses, message: str) -> None:
    with pytest.raises(InputError, match=message):
        score(references, hypotheses, "raw")


def test_a_study_given_twice_is_an_error_unless_allowed_and_then_counted(tmp_path) -> None:
    path = tmp_path / "p.jsonl"
    path.write_text('{"study_id": "a", "report": "first"}\n{"study_id": "a", "report": "second"}\n', encoding="utf-8")
    with pytest.raises(InputError, match="1 study id more than once: a"):
        read_reports(path)
    found = read_reports(path, allow=["duplicates"])
    assert (found.texts, found.duplicates) == ({"a": ("first",)}, 1)


def test_the_same_report_many_times_is_no_error() -> None:
    found = score(["no effusion ."] * 5, ["no effusion ."] * 5, "raw", replicates=20)
    assert defined_or_named(found)
    assert found["bleu_1"].value == pytest.approx(1.0)
    # Every n-gram occurs in every reference, so that none carries weight.
    assert found["cider"].value == 0.0


def test_one_study_has_values_without_intervals_and_no_cider() -> None:
    found = score(REFERENCES[:1], HYPOTHESES[:1], "raw")
    assert defined_or_named(found)
    assert [key for key, value in found.items() if math.isnan(value.value)] == ["cider"]
    assert "one study" in found["cider"].reason
    assert {value.reason for key, value in found.items() if key != "cider"} == {"one study has no interval"}


@pytest.mark.parametrize(
    ("vocabulary", "count"), [(6, 2000), pytest.param(6, 10_000, marks=pytest.mark.slow), (10_000, 10_000)]
)
def test_a_report_of_thousands_of_words_is_scored_by_every_metric(vocabulary: int, count: int) -> None:
    generator = np.random.default_rng(0)
    words = [f"w{number % vocabulary}" for number in range(count)]
    one, other = (" ".join(generator.permutation(words)) for _ in range(2))
    found = score([one, *REFERENCES], [other, *HYPOTHESES], "raw", replicates=20)
    assert not found.absent
    assert defined_or_named(found)
    assert found.per_study["bleu_1"].iloc[0] == pytest.approx(1.0)
    # METEOR aligns a thousand words at a time: of words that all differ it finds those of the same thousand
    assert (0.3 if vocabulary == 6 else 0.02) < found.per_study["meteor"].iloc[0] < 1
