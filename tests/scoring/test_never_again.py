"""What breaks the standard toolkits today must not break here."""

import csv
import io
import time

import numpy as np
import pytest
from typer.testing import CliRunner

from rrgbench.cli.main import app
from rrgbench.errors import InputError
from rrgbench.scoring.compare import compare
from rrgbench.scoring.report_files import read_reports
from rrgbench.scoring.score import score

REFERENCES = ["the heart is normal .", "no pleural effusion .", "the lungs are clear ."]
HYPOTHESES = ["the heart is large .", "no effusion .", "lungs are clear ."]


def values(references, hypotheses, **options) -> list[float]:
    scores = score(references, hypotheses, "raw", intervals=False, **options)
    return [value.value for value in scores.values()]


@pytest.mark.parametrize("break_", ["\n", "\r\n", "\r"])
def test_line_breaks_in_a_report_only_separate_words(break_) -> None:
    """pycocoevalcap: a newline in a hypothesis hangs METEOR."""
    broken = [text.replace(" ", f" {break_} ", 1) for text in HYPOTHESES]
    plain, found = values(REFERENCES, HYPOTHESES), values(REFERENCES, broken)
    # ROUGE-L splits at single spaces, as pycocoevalcap's, so a bare line break is a word of its own there.
    for position in (0, 1, 2, 3, 4, 6):
        assert found[position] == plain[position]


@pytest.mark.parametrize("break_", ["\n", "\r\n", "\r", "\u2028", "\x0b", "\x85"])
def test_line_breaks_in_one_report_move_no_other(break_) -> None:
    """pycocoevalcap: a carriage return shifts every later caption to a wrong id."""
    broken = [HYPOTHESES[0].replace(" ", f" {break_} "), *HYPOTHESES[1:]]
    found, plain = (score(REFERENCES, texts, "raw", ["nlg"], False).per_study for texts in (broken, HYPOTHESES))
    assert np.isfinite(found).all(axis=None)
    assert (found.iloc[1:] == plain.iloc[1:]).all(axis=None)


def test_bars_in_a_reference_do_not_make_a_second_reference() -> None:
    """pycocoevalcap: METEOR's protocol takes `|||` for a separator of references."""
    bars = ["the heart is normal . ||| lungs are clear .", *REFERENCES[1:]]
    two = [["the heart is normal .", "lungs are clear ."], *([text] for text in REFERENCES[1:])]
    hypotheses = ["lungs are clear .", *HYPOTHESES[1:]]
    as_one = score(bars, hypotheses, "raw", ["meteor"], False).per_study["meteor"].iloc[0]
    as_two = score(two, hypotheses, "raw", ["meteor"], False).per_study["meteor"].iloc[0]
    assert as_two == pytest.approx(1.0, abs=0.01)
    assert as_one < 0.8


@pytest.mark.parametrize("empty", ["", " ", "\n", "."])
def test_empty_reports_end_and_are_defined(empty) -> None:
    """pycocoevalcap: an empty set or line hangs METEOR's process for ever."""
    found = values([*REFERENCES, empty], [*HYPOTHESES, empty], allow=["empty"])
    assert np.isfinite(found).all()
    with pytest.raises(InputError, match="hypotheses are empty"):
        score([], [])


def test_unequal_ids_are_named() -> None:
    """pycocoevalcap: a bare AssertionError."""
    with pytest.raises(InputError, match="1 of 2 studies of references have no prediction: b"):
        score({"a": "x", "b": "y"}, {"a": "x", "c": "y"})


@pytest.mark.parametrize("options", [[], ["--allow-missing"], ["--allow-unknown"]])
def test_lists_of_unequal_length_are_never_paired(tmp_path, options) -> None:
    """Where the first study is missing, every report would be compared with another study's."""
    (tmp_path / "r.txt").write_text("The heart is enlarged.\nThe lungs are clear.\nThere is edema.\n")
    (tmp_path / "p.txt").write_text("The lungs are clear.\nThere is edema.\n")
    files = ["--predictions", str(tmp_path / "p.txt"), "--references", str(tmp_path / "r.txt")]
    done = CliRunner().invoke(app, ["score", *files, *options])
    assert "p.txt has 2 reports and r.txt 3, neither with study ids" in str(done.exception)


def test_scores_do_not_replace_what_is_scored(tmp_path) -> None:
    file = tmp_path / "r.txt"
    file.write_text("The heart is enlarged.\nThe lungs are clear.\n")
    done = CliRunner().invoke(
        app, ["score", "--predictions", str(file), "--references", str(file), "--per-study", str(file)]
    )
    assert "is also what is read" in str(done.exception)
    assert file.read_text().startswith("The heart")


def test_one_pair_has_no_cider_instead_of_zero() -> None:
    found = score(REFERENCES[:1], REFERENCES[:1], "raw", ["cider"])["cider"]
    assert np.isnan(found.value)
    assert "one study" in found.reason


def test_randomization_counts_the_observed_assignment() -> None:
    """RadEval: no `+1`, so p can be 0."""
    references = [f"w{i} a b c d ." for i in range(60)]
    found = compare({"perfect": references, "poor": ["z"] * 60}, references, "raw", ["bleu_1"], False, permutations=99)
    assert found.differences[0].p_value == 1 / 100


def test_ten_thousand_permutations_take_seconds() -> None:
    """RadEval: every permutation rescores the corpus, 20 hours for two systems and BLEU."""
    generator = np.random.default_rng(0)
    words = np.array([f"w{i}" for i in range(300)])
    texts = [" ".join(generator.choice(words, 30)) for _ in range(6000)]
    begin = time.process_time()
    found = compare(
        {"a": texts[:3000], "b": texts[3000:]}, texts[1500:4500], "raw", ["bleu", "rouge_l", "cider"], False
    )
    assert time.process_time() - begin < 60
    assert len(found.differences) == 6


@pytest.mark.parametrize(
    "text",
    [
        "\x00\x01\x02 \x7f",
        "שלום עולם الصدر طبيعي",
        "12 34.5 6,789",
        "ﬁ ligature 𝔘𝔫𝔦𝔠𝔬𝔡𝔢 e\u0301 \u200b \ufeff \ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16"),
        "a" * 50_000,
        "| || ||| SCORE ||| EVAL ||| 1 2 3",
        "<unk> &amp; </s> \\n \\t %s {0}",
    ],
)
def test_odd_text_is_scored(text) -> None:
    same = values([text, "no effusion ."], [text, "no effusion ."])
    assert np.isfinite(same).all()
    assert same[0] == pytest.approx(1.0)
    assert np.isfinite(values([text, "no effusion ."], ["no effusion .", text])).all()


@pytest.mark.parametrize(
    ("vocabulary", "count"), [(2000, 10_000), (6, 2000), pytest.param(6, 10_000, marks=pytest.mark.slow)]
)
def test_a_report_of_thousands_of_words(vocabulary, count) -> None:
    generator = np.random.default_rng(0)
    words = [f"w{number}" for number in generator.integers(0, vocabulary, count)]
    begin = time.process_time()
    found = values([" ".join(words), "no effusion ."], [" ".join(words[100:]), "no effusion ."], metrics=["nlg"])
    assert np.isfinite(found).all()
    assert found[0] > 0.9
    assert time.process_time() - begin < 60


def test_csv_with_line_breaks_inside_quotes(tmp_path) -> None:
    buffer = io.StringIO()
    csv.writer(buffer).writerows([["study_id", "report"], ["1", "a\r\nb\n\nc"], ["2", "d"]])
    (tmp_path / "p.csv").write_bytes(buffer.getvalue().encode())
    assert read_reports(tmp_path / "p.csv").texts == {"1": ("a\r\nb\n\nc",), "2": ("d",)}
