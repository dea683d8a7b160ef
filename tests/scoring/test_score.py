import csv
import doctest
import json
import re
import shutil
import subprocess
import sys
from collections import defaultdict
from importlib import import_module
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from rrgbench.errors import InputError, UnknownNameError
from rrgbench.labelers import StandardLabeler
from rrgbench.metrics import clinical_efficacy
from rrgbench.metrics.clinical_efficacy import ClinicalEfficacy
from rrgbench.scoring.score import metric_keys, score
from rrgbench.scoring.signature import parse

REFERENCES = [
    "The heart is enlarged. There is a small right pleural effusion.",
    "The lungs are clear. No pneumothorax.",
    "Mild pulmonary edema. Heart size is normal.",
    "No acute cardiopulmonary abnormality.",
]
HYPOTHESES = [
    "The heart is enlarged. No pleural effusion.",
    "The lungs are clear. No pneumothorax or effusion.",
    "Heart size is normal.",
    "There is pulmonary edema.",
]


def test_every_metric_is_there_with_interval_and_signature() -> None:
    scores = score(REFERENCES, HYPOTHESES, replicates=200)
    assert list(scores) == [
        *("bleu_1", "bleu_2", "bleu_3", "bleu_4", "meteor", "rouge_l", "cider"),
        *("ce_precision", "ce_recall", "ce_f1"),
    ]
    assert scores.absent == {}
    for key, value in scores.items():
        assert value.low <= value.value <= value.high, key
        assert value.n == 4
        assert parse(str(value.signature)) == value.signature
        assert value.signature.protocol == "dcrrg@2"
    assert scores["bleu_4"].signature.labeler is None
    assert scores["ce_f1"].signature.labeler == StandardLabeler().identity
    assert scores.observations[0].observation == "No Finding"
    assert float(scores["rouge_l"]) == scores["rouge_l"].value


def test_protocol_decides_cleaning_and_efficacy() -> None:
    raw, dcrrg, r2gen = (
        score(REFERENCES, HYPOTHESES, protocol=name, intervals=False) for name in ("raw", "dcrrg", "r2gen@1")
    )
    assert raw["bleu_1"].value != dcrrg["bleu_1"].value
    labels = StandardLabeler().label([*REFERENCES, *HYPOTHESES])
    truth, found = (np.isin(side, (1, -1)) for side in (labels[:4], labels[4:]))
    assert dcrrg["ce_f1"].value == pytest.approx(f1_score(truth, found, average="micro"))
    assert "avg:micro" in str(dcrrg["ce_f1"].signature)
    assert "avg:macro|unc:pos|obs:14" in str(r2gen["ce_f1"].signature)


def test_mappings_are_paired_by_id_in_the_references_order() -> None:
    lists = score(REFERENCES, HYPOTHESES, intervals=False)
    by_id = score(
        {f"s{i}": text for i, text in enumerate(REFERENCES)},
        {f"s{i}": HYPOTHESES[i] for i in (3, 1, 0, 2)},
        intervals=False,
    )
    assert [value.value for value in by_id.values()] == [value.value for value in lists.values()]
    assert by_id.study_ids == ("s0", "s1", "s2", "s3")


def test_same_seed_same_intervals_other_seed_other_intervals_same_values() -> None:
    first, again, other = (score(REFERENCES, HYPOTHESES, metrics=["nlg"], seed=seed) for seed in (1, 1, 2))
    assert [vars(value) for value in first.values()] == [vars(value) for value in again.values()]
    assert first["meteor"].low != other["meteor"].low
    assert first["meteor"].value == other["meteor"].value
    assert first.signature.differences(other.signature).keys() == {"bootstrap"}


def test_references_have_a_digest_in_the_signature_unless_the_corpus_brings_its_own() -> None:
    one = score(REFERENCES, HYPOTHESES, "raw", ["bleu_1"], False, corpus="mine")
    two = score([*REFERENCES[:3], "x"], HYPOTHESES, "raw", ["bleu_1"], False, corpus="mine")
    own = score(REFERENCES, HYPOTHESES, "raw", ["bleu_1"], False, corpus="iu-xray@3f2a", split="test")
    assert re.fullmatch("mine@[0-9a-f]{4}", one.signature.corpus)
    assert one.signature.corpus != two.signature.corpus
    assert own.signature.corpus == "iu-xray@3f2a"
    assert own.signature.split == "test"


def test_film_labels_instead_of_reference_reports() -> None:
    labels = StandardLabeler().label(REFERENCES)
    known = np.ones(14, dtype=bool)
    known[[1, 12, 13]] = False
    scores = score(None, HYPOTHESES, reference_labels=labels, known=known, intervals=False)
    assert list(scores) == ["ce_precision", "ce_recall", "ce_f1"]
    assert list(scores.absent) == ["bleu_1", "bleu_2", "bleu_3", "bleu_4", "meteor", "rouge_l", "cider"]
    assert "no reference reports" in scores.absent["bleu_1"]
    assert "labels:film|known:11" in str(scores.signature)
    blank = {row.observation: row.f1 for row in scores.observations}["Fracture"]
    assert np.isnan(blank.value)
    assert blank.reason == "the reference labels don't speak about it"
    with pytest.raises(KeyError, match="bleu_1 was not computed: no reference reports"):
        scores["bleu_1"]


def test_neither_references_nor_labels() -> None:
    with pytest.raises(InputError, match="needs references or reference_labels"):
        score(None, HYPOTHESES)


def test_labels_of_another_number_of_studies() -> None:
    with pytest.raises(InputError, match="labels of 3 studies but 4 hypotheses"):
        score(REFERENCES, HYPOTHESES, reference_labels=np.zeros((3, 14), np.int8))


def test_choices_of_ones_own_show_in_the_signature() -> None:
    efficacy = ClinicalEfficacy("weighted", 5, "ignored", "negative")
    signature = str(score(REFERENCES, HYPOTHESES, metrics=["ce"], intervals=False, efficacy=efficacy).signature)
    assert signature.endswith("avg:weighted|unc:ign|obs:5|tgt:negative")


def test_one_study() -> None:
    scores = score(REFERENCES[:1], HYPOTHESES[:1])
    assert 0 < scores["bleu_1"].value < 1
    assert np.isnan(scores["bleu_1"].low)
    assert scores["bleu_1"].reason == "one study has no interval"
    assert np.isnan(scores["cider"].value)
    assert "one study" in scores["cider"].reason
    assert str(scores["cider"]) == "undefined"
    assert json.loads(scores.to_json())["values"][6]["value"] is None


def test_one_subject() -> None:
    found = score(REFERENCES, HYPOTHESES, metrics=["rouge_l"], subjects={str(at): "p" for at in range(len(REFERENCES))})
    assert np.isnan(found["rouge_l"].low)
    assert found["rouge_l"].reason == "one subject has no interval"


def test_nothing_is_nan_without_a_reason() -> None:
    for references, hypotheses in ((REFERENCES[:1], HYPOTHESES[:1]), (REFERENCES, HYPOTHESES), ([" "], [" "])):
        scores = score(references, hypotheses, allow=["empty"], replicates=50)
        rows = [
            *scores.values(),
            *(cell for row in scores.observations for cell in (row.precision, row.recall, row.f1)),
        ]
        for value in rows:
            assert value.reason or not np.isnan([value.value, value.low, value.high]).any()


def test_per_study_is_a_frame_of_each_studys_own_values() -> None:
    frame = score(dict(zip("abcd", REFERENCES, strict=True)), dict(zip("abcd", HYPOTHESES, strict=True))).per_study
    assert list(frame.index) == list("abcd")
    assert frame.index.name == "study_id"
    assert list(frame.columns)[4:7] == ["meteor", "rouge_l", "cider"]
    assert frame["rouge_l"].mean() == pytest.approx(score(REFERENCES, HYPOTHESES, metrics=["rouge_l"])["rouge_l"].value)


def test_only_what_was_asked_for() -> None:
    scores = score(REFERENCES, HYPOTHESES, metrics=["cider", "bleu_2"], intervals=False)
    assert list(scores) == ["bleu_2", "cider"]
    assert list(scores.per_study.columns) == ["bleu_2", "cider"]
    assert metric_keys("ce") == ["ce_precision", "ce_recall", "ce_f1"]
    with pytest.raises(UnknownNameError, match="no metric is called 'spice'; known: bleu_1"):
        score(REFERENCES, HYPOTHESES, metrics=["bleu_1", "spice"])


@pytest.mark.parametrize(
    ("references", "hypotheses", "message"),
    [
        (["a"], ["a", "b"], "1 references but 2 hypotheses"),
        ([], [], "empty"),
        ("a", ["a"], "one string"),
        (["a"], "a", "one string"),
        (["a"], [None], "1 study with an empty reference or hypothesis: 0"),
        ([3], ["a"], "references: no text or list of texts for 1 of the studies: 0"),
        ({"1": "a"}, ["a"], "both be lists or both be mappings"),
        ({"1": "a"}, {"2": "a"}, "no study id in common"),
        (["a", ""], ["a", "b"], "1 study with an empty reference or hypothesis: 1"),
        (["a"], ["\n"], "1 study with an empty reference or hypothesis: 0"),
    ],
)
def test_reports_that_do_not_fit(references, hypotheses, message) -> None:
    with pytest.raises(InputError, match=message):
        score(references, hypotheses)


def test_tables() -> None:
    scores = score(REFERENCES, HYPOTHESES, replicates=100, level=0.9)
    markdown, latex, content = scores.to_markdown(), scores.to_latex(), json.loads(scores.to_json())
    assert "| metric | value (90 % interval) | best constant | n |" in markdown
    assert f"`{scores.signature}`" in markdown
    assert latex.count(r"\\") == 11
    assert r"90 \% interval" in latex
    assert f"% {scores.signature}" in latex
    assert content["signature"] == str(scores.signature)
    assert content["values"][0]["value"] == scores["bleu_1"].value
    frame = scores.to_frame()
    assert len(frame) == 10 + 3 * 14
    assert set(frame.columns) >= {"metric", "observation", "value", "low", "high", "n", "signature"}
    assert "no interval" in score(REFERENCES, HYPOTHESES, intervals=False).to_markdown()


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="needs pdflatex")
def test_latex_compiles(tmp_path) -> None:
    table = score(REFERENCES, HYPOTHESES, replicates=50).to_latex()
    source = "\\documentclass{article}\\usepackage{booktabs}\\begin{document}\n" + table + "\\end{document}"
    (tmp_path / "table.tex").write_text(source)
    subprocess.run(["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "table.tex"], cwd=tmp_path, check=True)


def test_importing_the_scorer_imports_neither_torch_nor_pandas() -> None:
    code = "import sys, rrgbench.scoring.score, rrgbench.scoring.compare; print({'torch', 'pandas'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"


def test_six_real_systems_get_pycocoevalcaps_published_values(shared: Path) -> None:
    systems: dict[str, dict[str, tuple[str, str]]] = defaultdict(dict)
    with (shared / "iu_systems/pairs.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            systems[row["system"]][row["uid"]] = (row["reference"], row["candidate"])
    with (shared / "iu_systems/pycocoevalcap_scores.csv").open() as file:
        published = {row["system"]: row for row in csv.DictReader(file)}
    assert len(published) == 6
    for name, row in published.items():
        references = {uid: pair[0] for uid, pair in systems[name].items()}
        hypotheses = {uid: pair[1] for uid, pair in systems[name].items()}
        scores = score(references, hypotheses, "raw", ["bleu", "rouge_l", "cider"], False, allow=["empty"])
        columns = ["Bleu_1", "Bleu_2", "Bleu_3", "Bleu_4", "ROUGE_L", "CIDEr"]
        expected = [float(row[f"recomputed_{column}"]) for column in columns]
        np.testing.assert_allclose([value.value for value in scores.values()], expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    "module", ["scoring.score", "scoring.signature", "metrics.bleu", "metrics.rouge", "metrics.cider"]
)
def test_examples_in_docstrings(module) -> None:
    found = doctest.testmod(import_module(f"rrgbench.{module}"))
    assert found.attempted > 0
    assert found.failed == 0


def test_example_of_clinical_efficacy() -> None:
    found = doctest.testmod(clinical_efficacy)
    assert (found.attempted, found.failed) == (4, 0)


@given(st.permutations(range(12)), st.booleans())
@settings(max_examples=20, deadline=None)
def test_the_order_of_ids_changes_nothing(order, labelled):
    references = {
        f"s{n}": f"the heart is {'large' if n % 3 else 'normal'} . no effusion {'a ' * n}." for n in range(12)
    }
    hypotheses = {study: f"the heart is {'large' if n % 2 else 'normal'} ." for n, study in enumerate(references)}
    labels = np.arange(12)[:, None] % 2 * np.ones((1, 14), dtype=np.int8)
    ids = [list(references)[place] for place in order]
    options = {"metrics": "bleu_1,cider,ce_f1", "replicates": 20}
    beside = {"reference_labels": labels.astype(np.int8)} if labelled else {}
    moved = {"reference_labels": labels[order].astype(np.int8)} if labelled else {}
    expected = score(references, hypotheses, **options, **beside)
    found = score({study: references[study] for study in ids}, hypotheses, **options, **moved)
    assert found.to_json() == expected.to_json()


def test_what_pandas_and_sets_mean():
    texts = pd.Series({"b": "No effusion.", "a": "The heart is large."})
    assert score(texts, texts[["a", "b"]], metrics="bleu_1")["bleu_1"].value == pytest.approx(1.0)
    assert score(texts, dict(texts), metrics="bleu_1")["bleu_1"].value == pytest.approx(1.0)
    frame = texts.rename("report").reset_index()
    assert score(frame["report"], list(texts), metrics="bleu_1")["bleu_1"].value == pytest.approx(1.0)
    missing = pd.Series(["No effusion.", None, np.nan, pd.NA], dtype=object)
    references = ["No effusion."] * 4
    with pytest.raises(InputError, match="3 studies with an empty reference or hypothesis: 1, 2, 3;"):
        score(references, missing, metrics="bleu_1")
    assert score(references, missing, metrics="bleu_1", allow=["empty"]).signature.n == 4
    assert score({0: "a b", 1: "c"}, {0: "a b", 1: "c"}, metrics="bleu_1", subjects={0: "p", 1: "q"}).signature.n == 2


@pytest.mark.parametrize(
    ("references", "hypotheses", "options", "wanted"),
    [
        (
            pd.DataFrame({"id": ["a"], "report": ["b"]}),
            ["b"],
            {},
            "references are a table of 2 columns; give one of texts",
        ),
        (["a"], {"b"}, {}, "hypotheses are of type set; give a list or a mapping"),
        (["a"], None, {}, "hypotheses are of type NoneType"),
        (Path("a.csv"), ["b"], {}, "references are a path; give the texts"),
        (pd.Series(["a", "b"], index=["x", "x"]), {"x": "b"}, {}, "references: study ids more than once: x"),
        (["a"], ["b"], {"metrics": []}, "no metrics are asked for; name some of bleu"),
        (["a"], ["b"], {"labeler": 42}, "labeler is of type int; give a name"),
        (["a"], ["b"], {"allow": "empty"}, "allow is the text 'empty'; expected a list of: missing"),
    ],
)
def test_other_types_are_refused_by_name(references, hypotheses, options, wanted):
    with pytest.raises(InputError, match=wanted):
        score(references, hypotheses, **options)
