"""BLEU, ROUGE-L and CIDEr equal pycocoevalcap, run live and from its recorded values."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocoevalcap.bleu.bleu import Bleu as OracleBleu
from pycocoevalcap.cider.cider import Cider as OracleCider
from pycocoevalcap.rouge.rouge import Rouge as OracleRouge

from rrgbench.errors import InputError
from rrgbench.metrics.base import TextMetric
from rrgbench.metrics.bleu import Bleu
from rrgbench.metrics.cider import Cider
from rrgbench.metrics.ngrams import ngram_table
from rrgbench.metrics.rouge import RougeL, compiled, in_python, longest_common_subsequence

METRICS: tuple[TextMetric, ...] = (Bleu(), RougeL(), Cider())

words = st.sampled_from(["no", "effusion", ".", "heart", "normal", "is", "the", "xxxx", "5", "قلب"])
texts = st.lists(words, max_size=14).map(" ".join)
reference_sets = st.lists(texts, min_size=1, max_size=3)
# pycocoevalcap's CIDEr fails where no reference has a word; `test_references_without_words` covers that.
corpora = st.lists(st.tuples(reference_sets, texts), min_size=2, max_size=6).filter(
    lambda corpus: any(text for study, _ in corpus for text in study)
)


def oracle(references: Sequence[Sequence[str]], hypotheses: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """pycocoevalcap's corpus values (6,) and per-study values (n, 6)."""
    gts = {i: list(reference) for i, reference in enumerate(references)}
    res = {i: [hypothesis] for i, hypothesis in enumerate(hypotheses)}
    bleu, bleus = OracleBleu(4).compute_score(gts, res, verbose=0)
    rouge, rouges = OracleRouge().compute_score(gts, res)
    cider, ciders = OracleCider().compute_score(gts, res)
    return np.array([*bleu, rouge, cider]), np.stack([*map(np.array, bleus), rouges, ciders], axis=1)


def ours(references: Sequence[Sequence[str]], hypotheses: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    corpus, studies = [], []
    for metric in METRICS:
        rows = metric.statistics(references, hypotheses)
        corpus.append(metric.aggregate(rows, np.ones((1, len(hypotheses))))[0])
        studies.append(metric.per_study(rows))
    return np.concatenate(corpus), np.concatenate(studies, axis=1)


@settings(max_examples=300, deadline=None)
@given(corpora)
def test_equals_pycocoevalcap_on_random_text(corpus: list[tuple[list[str], str]]) -> None:
    references = [study for study, _ in corpus]
    hypotheses = [text for _, text in corpus]
    expected, got = oracle(references, hypotheses), ours(references, hypotheses)
    np.testing.assert_allclose(got[0], expected[0], rtol=0, atol=1e-12)
    np.testing.assert_allclose(got[1], expected[1], rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    "hypothesis",
    [
        "",
        " ",
        "a  b",
        "line\nbreak",
        "tab\there",
        "carriage\r\nreturn",
        "a ||| b",
        "\x00 \x1f",
        "123 456",
        "שלום עולם",
        "x",
    ],
)
def test_odd_text_equals_pycocoevalcap(hypothesis: str) -> None:
    references = [["a b  c\nd", "a ||| b"], ["123 456 ."], [""]]
    hypotheses = [hypothesis, hypothesis, hypothesis]
    expected, got = oracle(references, hypotheses), ours(references, hypotheses)
    np.testing.assert_allclose(got[1], expected[1], rtol=0, atol=1e-12)


def test_equals_recorded_values_on_real_pairs(shared: Path) -> None:
    rows = [json.loads(line) for line in (shared / "parity/pairs_3000.jsonl").read_text().splitlines()]
    with (shared / "parity/per_pair_3000.csv").open() as file:
        recorded = {row["id"]: row for row in csv.DictReader(file)}
    columns = ("bleu_1", "bleu_2", "bleu_3", "bleu_4", "rouge_l", "cider")
    expected = np.array([[float(recorded[row["id"]][column]) for column in columns] for row in rows])
    corpus, studies = ours([[row["reference"]] for row in rows], [row["hypothesis"] for row in rows])
    np.testing.assert_allclose(studies, expected, rtol=0, atol=1e-12)
    published = [0.607935969127967, 0.5546175870580395, 0.5136148015039118, 0.47760456422841563]
    published += [0.4564312028486416, 1.647142695830132]
    np.testing.assert_allclose(corpus, published, rtol=0, atol=1e-12)


def test_equals_recorded_values_on_six_systems(shared: Path) -> None:
    with (shared / "iu_systems/pairs.csv").open() as file:
        pairs = list(csv.DictReader(file))
    with (shared / "iu_systems/pycocoevalcap_scores.csv").open() as file:
        scores = list(csv.DictReader(file))
    assert len(scores) == 6
    for row in scores:
        system = [pair for pair in pairs if pair["system"] == row["system"]]
        corpus, _ = ours([[pair["reference"]] for pair in system], [pair["candidate"] for pair in system])
        names = ("Bleu_1", "Bleu_2", "Bleu_3", "Bleu_4", "ROUGE_L", "CIDEr")
        expected = [float(row[f"recomputed_{name}"]) for name in names]
        np.testing.assert_allclose(corpus, expected, rtol=0, atol=1e-12)


def test_equals_pycocoevalcap_on_raw_real_text(shared: Path) -> None:
    with (shared / "iu_xray/openi_reports.csv").open(newline="") as file:
        reports = [row["findings"] for row in csv.DictReader(file) if row["findings"].strip()]
    assert len(reports) >= 3001
    references = [[text] for text in reports[:-1]]
    expected, got = oracle(references, reports[1:]), ours(references, reports[1:])
    np.testing.assert_allclose(got[0], expected[0], rtol=0, atol=1e-12)
    np.testing.assert_allclose(got[1], expected[1], rtol=0, atol=1e-12)


@settings(max_examples=100, deadline=None)
@given(corpora, st.integers(0, 2**32 - 1))
def test_counting_a_study_twice_equals_listing_it_twice(corpus: list[tuple[list[str], str]], seed: int) -> None:
    """BLEU and ROUGE-L of a resample are those of the resampled corpus; CIDEr's are means at fixed frequencies."""
    references = [study for study, _ in corpus]
    hypotheses = [text for _, text in corpus]
    picked = np.random.default_rng(seed).integers(0, len(corpus), len(corpus))
    counts = np.bincount(picked, minlength=len(corpus))[None].astype(float)
    for metric in (Bleu(), RougeL()):
        resampled = metric.statistics([references[i] for i in picked], [hypotheses[i] for i in picked])
        expected = metric.aggregate(resampled, np.ones((1, len(picked))))
        got = metric.aggregate(metric.statistics(references, hypotheses), counts)
        np.testing.assert_allclose(got, expected, rtol=0, atol=1e-12)
    rows = Cider().statistics(references, hypotheses)
    np.testing.assert_allclose(Cider().aggregate(rows, counts)[0, 0], rows[picked].mean(), rtol=0, atol=1e-12)


@settings(max_examples=200, deadline=None)
@given(st.lists(words, max_size=12), st.lists(words, max_size=12))
def test_longest_common_subsequence_is_the_textbook_one(first: list[str], second: list[str]) -> None:
    table = np.zeros((len(first) + 1, len(second) + 1), dtype=int)
    for i, left in enumerate(first):
        for j, right in enumerate(second):
            table[i + 1, j + 1] = table[i, j] + 1 if left == right else max(table[i, j + 1], table[i + 1, j])
    assert longest_common_subsequence(first, second) == in_python(first, second) == table[-1, -1]


@pytest.mark.skipif(compiled is None, reason="not built")
@settings(max_examples=50, deadline=None)
@given(st.integers(0, 300), st.integers(0, 300), st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_the_compiled_subsequence_is_that_of_python(one: int, other: int, different: int, seed: int) -> None:
    """Over the ends of 64-bit words, where bits are carried on."""
    drawn = np.random.default_rng(seed).integers(0, different, one + other).astype(str).tolist()
    assert compiled is not None
    assert compiled(drawn[:one], drawn[one:]) == in_python(drawn[:one], drawn[one:])


@pytest.mark.skipif(compiled is None, reason="not built")
@pytest.mark.parametrize(
    "given", [(("a",), ["a"]), (["a"], "a"), ([["a"]], ["a"]), (["a"], [{}]), (["a"], [1]), (["a"],)]
)
def test_the_compiled_subsequence_refuses_what_is_no_list_of_words(given: tuple[object, ...]) -> None:
    assert compiled is not None
    with pytest.raises(TypeError):
        compiled(*given)


def test_cider_of_one_study_is_undefined_not_zero() -> None:
    assert np.isnan(Cider().statistics([["the heart is normal ."]], ["the heart is normal ."])).all()


def test_references_without_words() -> None:
    corpus, _ = ours([[""], [" "]], ["", "a b"])
    assert corpus[:4].max() < 1e-5
    assert corpus[5] == 0.0


def test_ten_thousand_words() -> None:
    long = " ".join(f"w{i % 977}" for i in range(10_000))
    corpus, _ = ours([[long], ["no effusion ."]], [long, "no effusion ."])
    np.testing.assert_allclose(corpus[:5], 1.0, atol=1e-9)


@pytest.mark.parametrize(
    ("references", "hypotheses", "message"),
    [
        ([["a"]], ["a", "b"], "1 references but 2 hypotheses"),
        ([], [], "0 studies"),
        ([[]], ["a"], "study 0 has no reference"),
        (["a"], ["a"], "one string"),
    ],
)
def test_lists_that_do_not_belong_together(references: list, hypotheses: list, message: str) -> None:
    for metric in METRICS:
        with pytest.raises(InputError, match=message):
            metric.statistics(references, hypotheses)


def test_shared_table_gives_the_same_statistics() -> None:
    references, hypotheses = [["a b c", "a b"], ["c"]], ["a b", "c d"]
    table = ngram_table(references, hypotheses)
    assert (Bleu().table_statistics(table) == Bleu().statistics(references, hypotheses)).all()
    assert (Cider().table_statistics(table) == Cider().statistics(references, hypotheses)).all()
