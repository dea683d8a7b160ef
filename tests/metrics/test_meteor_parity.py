"""METEOR against its jar: recorded values of 3,000 real pairs, and the jar itself where Java is installed."""

import csv
import json
import random
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from rrgbench.metrics.base import Statistics
from rrgbench.metrics.meteor import Meteor, scoring
from rrgbench.metrics.meteor.resources import installed_files

CORPUS_VALUE = 0.31278501869337944


def jar_statistics(references: list[list[str]], hypotheses: list[str]) -> Statistics:
    """What the jar prints for each study: our columns, then the matched words of both sides."""
    if shutil.which("java") is None:
        pytest.skip("Java is not installed, so METEOR's jar can't run")
    jar, _ = installed_files()
    lines = [
        " ||| ".join(["SCORE", *texts, hypothesis]) for texts, hypothesis in zip(references, hypotheses, strict=True)
    ]
    done = subprocess.run(
        ["java", "-Xmx2G", "-jar", str(jar), "-", "-", "-stdio", "-l", "en", "-norm"],
        input="".join(f"{line}\n" for line in lines).encode(),
        capture_output=True,
        check=True,
    )
    rows = np.array([[float(field) for field in line.split()] for line in done.stdout.decode().splitlines()])
    assert rows.shape == (len(lines), scoring.COLUMNS + 2)
    return rows[:, : scoring.COLUMNS]


def test_recorded_values_of_real_pairs(shared: Path) -> None:
    pairs = [json.loads(line) for line in (shared / "parity/pairs_3000.jsonl").read_text("utf-8").splitlines()]
    with (shared / "parity/per_pair_3000.csv").open(encoding="utf-8", newline="") as stream:
        recorded = {row["id"]: float(row["meteor"]) for row in csv.DictReader(stream)}
    metric = Meteor()
    rows = metric.statistics([[pair["reference"]] for pair in pairs], [pair["hypothesis"] for pair in pairs])
    difference = np.abs(metric.per_study(rows)[:, 0] - [recorded[pair["id"]] for pair in pairs])
    assert len(pairs) == 3000
    assert difference.max() <= 1e-12
    assert metric.aggregate(rows, np.ones((1, len(pairs))))[0, 0] == pytest.approx(CORPUS_VALUE, abs=1e-12)


def real_texts(shared: Path) -> list[str]:
    with (shared / "iu_xray/indiana_reports.csv").open(encoding="utf-8", newline="") as stream:
        texts = [f"{row['findings']} {row['impression']}".strip() for row in csv.DictReader(stream)]
    return [text for text in texts if text]


def odd_texts(rng: random.Random, count: int) -> list[str]:
    characters = list(
        "abcXYZ019..,,''`-–—“”‘’  ()/&%$#|\tŠéÖжЯ\u00a0\u2003\u3000\x0b\x01\x1c\u2028\u0085İΣ中😀_~*+=<>?!;:\"[]{}\\"
    )
    words = ["Heart", "lungs", "1.5", "cm", "No.", "5", "Dr.", "Smith", "vs.", "the", "patient's", "1990's", "T6-T7"]
    words += [
        "rt",
        "a.",
        "B.",
        "i.e.",
        "mm.",
        "...",
        "..",
        "--",
        "(",
        ")",
        "normal.",
        "Normal,",
        "3,000",
        "a,b",
        "''",
        "'",
    ]
    texts = []
    for _ in range(count):
        if rng.random() < 0.5:
            text = "".join(rng.choices([*characters, "DOTMULTI", "e.g.", "U.S.", " "], k=rng.randint(0, 40)))
        else:
            text = " ".join(rng.choices(words, k=rng.randint(0, 20)))
        texts.append(text.replace("|||", ""))
    return texts


def repetitive_texts(rng: random.Random, count: int) -> list[str]:
    """Few words many times over, with synonyms and paraphrases among them: ties and full beams."""
    words = [
        "the",
        "heart",
        "lungs",
        "are",
        "is",
        "clear",
        ".",
        "normal",
        "large",
        "big",
        "not",
        "of",
        "rt",
        "t6",
        "as",
        "c5",
        "no",
        "effusion",
        "effusions",
        "opacities",
    ]
    words += ["a lot of", "many", "in addition", "moreover", "unchanged", "stable", "as well as", "and"]
    return [" ".join(rng.choices(words, k=rng.randint(1, 60))) for _ in range(count)]


@pytest.mark.parametrize("share", [0.1, pytest.param(1.0, marks=pytest.mark.slow)])
def test_statistics_of_all_kinds_of_text_are_the_jars(shared: Path, share: float) -> None:
    rng = random.Random(0)
    real = real_texts(shared)
    real = rng.sample(real, int(share * len(real)))
    references, hypotheses = [[text] for text in real], rng.sample(real, len(real))
    for _ in range(int(share * 600)):
        references.append(rng.choices(real, k=rng.randint(2, 4)))
        hypotheses.append(rng.choice(real))
    for texts in (odd_texts(rng, int(share * 1500)), repetitive_texts(rng, int(share * 600))):
        references += [[text] for text in texts]
        shuffled = [" ".join(rng.sample(words, len(words))) for words in (text.split(" ") for text in texts)]
        hypotheses += [
            rng.choice([one, other]) for one, other in zip(shuffled, rng.sample(texts, len(texts)), strict=True)
        ]
    expected = jar_statistics(references, hypotheses)
    metric = Meteor()
    rows = metric.statistics(references, hypotheses)
    different = np.flatnonzero((rows != expected).any(axis=1))
    assert not len(different), f"{len(different)} of {len(rows)} studies differ, the first at {different[:5]}"
    assert metric.per_study(rows).mean() > 0.1


@pytest.mark.parametrize(
    "shapes",
    [
        [(200, 1), (200, 3), (200, 11)],
        pytest.param([(300, 6), (500, 2), (500, 6), (500, 11), (1000, 6), (1000, 11)], marks=pytest.mark.slow),
    ],
    ids=["hundreds of words", "a thousand words"],
)
def test_long_repetitive_texts_have_the_jars_statistics(
    shapes: list[tuple[int, int]],
) -> None:
    rng = random.Random(2)
    pieces = ["the", "heart", "large", "big", "effusion", "effusions", "a lot of", "many", "rt", "t6", "."]
    references, hypotheses = [], []
    for words, few in shapes:
        known = rng.sample(pieces, few)
        one, other = rng.choices(known, k=words), rng.choices(known, k=words)
        references += [" ".join(one), " ".join(one)]
        hypotheses += [" ".join(other), " ".join(rng.sample(one, words))]
    # longer texts, which a piece of three words makes of a thousand pieces, are aligned a thousand words at a time
    references, hypotheses = ([" ".join(text.split()[:1000]) for text in texts] for texts in (references, hypotheses))
    expected = jar_statistics([[text] for text in references], hypotheses)
    rows = Meteor().statistics([[text] for text in references], hypotheses)
    assert (rows == expected).all(axis=1).tolist() == [True] * len(rows)


def test_corpus_value_is_the_one_pycocoevalcap_prints(shared: Path) -> None:
    if shutil.which("java") is None:
        pytest.skip("Java is not installed, so METEOR's jar can't run")
    from pycocoevalcap.meteor.meteor import Meteor as PipedMeteor

    rng = random.Random(1)
    texts = [" ".join(text.split()) for text in rng.sample(real_texts(shared), 120)]
    references, hypotheses = texts[:60], texts[60:]
    # Equal pairs, whose chunk the pooled score leaves out, belong to the sample.
    hypotheses[:5] = references[:5]
    total, single = PipedMeteor().compute_score(
        {at: [text] for at, text in enumerate(references)}, {at: [text] for at, text in enumerate(hypotheses)}
    )
    metric = Meteor()
    rows = metric.statistics([[text] for text in references], hypotheses)
    np.testing.assert_allclose(metric.per_study(rows)[:, 0], single, rtol=0, atol=1e-12)
    assert metric.aggregate(rows, np.ones((1, 60)))[0, 0] == pytest.approx(total, abs=1e-12)
