"""Published outputs of real systems over the IU X-Ray reports: one table with trivial systems and constants."""

import json

import pytest

from rrgbench.data.loading import load_corpus
from rrgbench.models import load_model, told_apart
from rrgbench.scoring.report_systems import ReportSource
from rrgbench.tasks.runner import evaluate
from rrgbench.tasks.suite import Suite

FEW = Suite(
    name="few",
    replicates=2,
    trivial=("most-frequent", "fixed-template", "random-report"),
    tasks={"report_generation": {"nlg": ("bleu_4",)}},
)


@pytest.fixture
def models(shared):
    published, systems = shared / "published_outputs", shared / "iu_systems" / "pairs.csv"
    given = {"cvt2distilgpt2": published / "cvt2distilgpt2_iu.csv", "moerad": published / "moerad_iu_predictions.csv"}
    allow = ["missing", "unknown"]
    own = [load_model("predictions", path=path, system=name, allow=allow) for name, path in given.items()]
    return own, [
        load_model("predictions", path=systems, system=name, allow=allow) for name in ReportSource(systems).systems
    ]


def rows(run, metric="bleu_4"):
    return {r.model: r for r in run.records if r.metric == metric}


def test_two_systems_by_r2gens_ids(shared, models, tmp_path):
    corpus = load_corpus("iu-xray", shared / "iu_xray")
    found = evaluate(models[0][0], corpus, FEW, tmp_path, also=models[0][1:])
    assert {row.n for row in rows(found).values()} == {590}
    assert all("allowed" not in row.signature for row in rows(found).values())
    assert rows(found, "distinct_reports")["cvt2distilgpt2"].value == 4
    assert {"best-constant", *FEW.trivial} <= set(rows(found))


def test_eight_systems_on_the_studies_that_all_have(shared, models, tmp_path):
    corpus = load_corpus("iu-xray", shared / "iu_xray")
    first, *others = told_apart([*models[0], *models[1]])
    found = evaluate(first, corpus, FEW, tmp_path, also=others)
    assert len(rows(found)) == 12
    assert {row.n for row in rows(found).values()} == {66}
    assert "allowed:missing=524+unknown=316" in rows(found)["number_sft"].signature
    assert "allowed:missing=524|" in rows(found)["cvt2distilgpt2"].signature


def test_six_systems_on_the_studies_that_they_name(shared, models, tmp_path):
    corpus = load_corpus("iu-xray", shared / "iu_xray", outside_r2gen="train")
    first, *others = models[1]
    found = evaluate(first, corpus, FEW, tmp_path, also=others, predicted_studies=True)
    # 61 of the 382 have no findings
    assert "allowed:unreported=61" in rows(found)["number_sft"].signature
    warned = json.loads((tmp_path / "run.json").read_text())["warnings"]
    words = "pairs.csv: 61 predictions are left out, 61 of them without a report in the section that is read, findings"
    assert warned.count(words) == 1
    assert {row.n for row in rows(found).values()} == {321}
    assert rows(found, "distinct_reports")["fixed_template"].value == 1
    assert rows(found)["top50_clinical_oracle"].value > rows(found)["best-constant"].value
