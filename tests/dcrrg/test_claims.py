"""The paper's claims as data, and their whole way: trained variants in, verdicts, tables and files out."""

import csv
import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml

from dcrrg.claims import CLAIMS, PUBLISHED, PUBLISHED_RETRIEVAL, RARE
from dcrrg.configuration import load_preset
from dcrrg.training import train
from dcrrg.variants import VARIANTS
from rrgbench.claims.claim import load_claims
from rrgbench.claims.measurement import Measurement, Setting, trained_models
from rrgbench.claims.outcome import judge_set
from rrgbench.data.corpus import label_matrix
from rrgbench.data.phantom import load
from rrgbench.errors import InputError
from rrgbench.observations import OBSERVATIONS
from rrgbench.tasks.suite import Suite
from rrgbench.training.trainers import Request

PAPER = Path(__file__).resolve().parents[2] / "leaderboards" / "paper"
SUITE = Suite(
    name="few",
    trivial=(),
    replicates=60,
    tasks={
        "report_generation": {},
        "clinical_efficacy": {},
        "retrieval": {"per_class": 3, "ks": (1, 2, 5, 10)},
        "classification": {"settings": ("own",)},
    },
)


def table(name):
    with open(PAPER / name, newline="") as file:
        return {row["model"]: row for row in csv.DictReader(file)}


@pytest.mark.parametrize("name", ["table4_ablation_steps.csv", "table5_ablation_step1.csv"])
def test_the_papers_figures_are_those_of_its_tables(name):
    for model, row in table(name).items():
        for metric, value in PUBLISHED[model].items():
            if metric != "auroc" and not (metric == "ce_recall" and metric not in row):
                assert value == float(row[metric]), (model, metric)


def test_the_papers_mean_aurocs_and_retrieval():
    areas = {model: row["mean_auroc"] for model, row in table("table6_mean_auroc.csv").items()}
    assert {m: str(PUBLISHED[m].get("auroc", "")) for m in areas} == areas
    rows = table("table2_retrieval.csv")
    for k, (with_balance, without) in PUBLISHED_RETRIEVAL.items():
        assert (float(rows["DCCLIP"][f"p_at_{k}"]), float(rows["DCCLIP w/o ba"][f"p_at_{k}"])) == (
            with_balance,
            without,
        )


def test_every_claim_points_the_way_the_papers_figures_do():
    for claim in CLAIMS.claims:
        for test in claim.tests:
            if type(test).__name__ == "Greater" and test.paper is not None:
                assert test.paper[0] >= test.paper[1], (claim.key, test.words)


def test_the_claims_are_found_by_entry_point_and_name_known_variants():
    assert load_claims("dcrrg") is CLAIMS
    assert set(CLAIMS.rivals) == {"imagenet"}
    assert not set(CLAIMS.rivals) & set(CLAIMS.variants)
    assert set(CLAIMS.variants) <= set(VARIANTS)
    assert len({claim.key for claim in CLAIMS.claims}) == len(CLAIMS.claims)


def test_rare_observations_are_those_under_five_percent_of_the_phantom():
    labels = label_matrix(load(retrieval=0).split("train"))
    shares = dict(zip(OBSERVATIONS, (labels == 1).mean(axis=0), strict=True))
    assert {name for name, share in shares.items() if share < 0.05} == set(RARE.observations)


@pytest.fixture(scope="module")
def corpus():
    return load(train=12, validate=0, test=12, retrieval=1500)


@pytest.fixture(scope="module")
def runs(corpus, tmp_path_factory):
    """6, 6a and 6b with three seeds, barely trained."""
    settings = load_preset("mini").model_dump(mode="json")
    for stage in ("step1_image", "step1_text", "step2", "step3", "step4", "step4_full"):
        settings[stage].update(epochs=1, batch_size=6, stop_on="loss", patience=None, floor=None)
    settings["model"].update(max_report=12, image_size=32, beams=1)
    settings.update(min_word_count=1, storage="float32", heads=None)
    path = tmp_path_factory.mktemp("preset") / "few.yaml"
    path.write_text(yaml.safe_dump(settings))
    out = tmp_path_factory.mktemp("set")
    train(Request(corpus, out, str(path), seeds=[0, 1, 2]), variant=["6", "6a", "6b"])
    return out


@pytest.fixture(scope="module")
def outcome(corpus, runs):
    return judge_set(CLAIMS, "dcrrg", runs, Setting(corpus, SUITE))


def test_each_claim_has_a_verdict_with_a_reason(runs, outcome):
    judged = {judgement.claim.key: judgement for judgement in outcome.document.judgements}
    assert set(judged) == {claim.key for claim in CLAIMS.claims}
    retrieval = judged["retrieval"]
    assert retrieval.verdict in ("holds", "contradicted", "not resolved"), [f.reason for f in retrieval.findings]
    assert all(finding.seeds == (0, 1, 2) for finding in retrieval.findings)
    assert judged["step1-text"].verdict == "not measured"
    assert "not trained: 3" in judged["step1-text"].findings[0].reason
    (share,) = judged["prompt-tuning-share"].findings
    assert (share.verdict, share.reason) == ("not measured", "not trained: 7")


def test_the_same_model_is_measured_once(runs, outcome):
    assert len(list((runs / "evaluations").iterdir())) == 6, "6 and 6b are the same models"


@pytest.mark.parametrize("left_out", ["6", "6b"])
def test_a_model_trained_under_one_of_its_names_stands_under_both(corpus, runs, outcome, tmp_path, left_out):
    for place in runs.iterdir():
        if place.name != left_out:
            (tmp_path / place.name).symlink_to(place)
    again = judge_set(CLAIMS, "dcrrg", tmp_path, Setting(corpus, SUITE))
    assert again.to_json() == outcome.to_json()


def test_resampled_values_scatter_around_the_suites(corpus, runs):
    measurement = Measurement("dcrrg", runs, Setting(corpus, SUITE))
    found = measurement.measure(trained_models(runs)[0])
    assert {"bleu_4", "cider", "ce_f1", "auroc", "auroc:Edema", "precision_at_k:5"} <= set(found.values)
    for column, value in found.values.items():
        rows = found.replicates[column]
        rows = rows[~np.isnan(rows)]
        record = found.records[column]
        if column in ("bleu_4", "ce_f1", "precision_at_k:5", "rouge_l", "cider"):
            low, high = np.quantile(rows, [0.025, 0.975])
            assert (low, high) == pytest.approx((record.low, record.high)), f"{column}: the suite's own resamples"
        assert rows.min() - 1e-9 <= value <= rows.max() + 1e-9


def test_a_second_call_measures_nothing_and_says_the_same(corpus, runs, outcome):
    files = {path: path.stat().st_mtime_ns for path in (runs / "evaluations").rglob("*.jsonl")}
    again = judge_set(CLAIMS, "dcrrg", runs, Setting(corpus, SUITE))
    assert again.to_json() == outcome.to_json()
    assert {path: path.stat().st_mtime_ns for path in (runs / "evaluations").rglob("*.jsonl")} == files


def test_files(runs, outcome, tmp_path):
    written = outcome.write(tmp_path)
    assert [path.name for path in written] == ["claims.json", "claims.md", "claims.tex"]
    content = json.loads(written[0].read_text())
    assert content["preset"] == "few"
    assert content["seeds"] == [0, 1, 2]
    assert {"claim", "statement", "source", "verdict", "tests"} == set(content["claims"][0])
    titles = [table["title"] for table in content["tables"]]
    assert [re.search(r"Table (\d)", title)[1] for title in titles] == ["1", "2", "4", "5", "6"]
    assert "preset few" in written[1].read_text()


def test_the_papers_table_3_is_there_where_the_suite_measures_it(corpus, runs):
    classification = {"settings": ("linear",), "fractions": (0.01, 0.5, 1.0), "steps": 2, "fewest_steps": 2}
    suite = Suite(name="probes", trivial=(), replicates=60, tasks={"classification": classification})
    outcome = judge_set(CLAIMS, "dcrrg", runs, Setting(corpus, suite))
    (table,) = (table for table in outcome.document.tables if "Table 3" in table.title)
    assert [column.group for column in table.columns] == ["linear probe"] * 3 + ["fine-tuned"] * 3
    measurement = Measurement("dcrrg", runs, Setting(corpus, suite))
    records = [measurement.measure(model).records for model in trained_models(runs)]
    values = [found["auroc:linear:1"].value for found in records[-3:]]
    row = next(row for row in table.rows if row.label == "DCCLIP")
    assert row.cells[2].value == pytest.approx(np.mean(values))
    assert row.cells[2].low < row.cells[2].value < row.cells[2].high
    blank = [cell for row in table.rows for cell in row.cells if cell.value is None]
    reasons = {note for cell in blank for note in cell.notes}
    assert {"not part of the suite", "not trained"} <= reasons


def test_imagenets_weights_with_all_labels_are_the_rival_of_a_probe_with_one_percent(corpus, runs, monkeypatch):
    """Section 4.4.3; a small untrained encoder stands for ImageNet's, whose weights are a package of their own."""
    from baselines.initialization import load_random
    from rrgbench.claims import measurement as measuring

    own = measuring.load_model
    monkeypatch.setattr(
        measuring, "load_model", lambda name, *a: load_random("mini") if name == "imagenet" else own(name, *a)
    )
    classification = {"settings": ("linear",), "fractions": (0.5, 1.0), "steps": 2, "fewest_steps": 2}
    suite = Suite(name="probes", trivial=(), replicates=60, tasks={"classification": classification})
    few = {"linear-probes": 0.5}
    claims = replace(
        CLAIMS,
        claims=tuple(
            replace(
                claim,
                tests=tuple(replace(t, quantity=replace(t.quantity, fraction=few[claim.key])) for t in claim.tests),
            )
            for claim in CLAIMS.claims
            if claim.key in few
        ),
        tables=(),
    )
    outcome = judge_set(claims, "dcrrg", runs, Setting(corpus, suite))
    ((finding,),) = [judgement.findings for judgement in outcome.document.judgements]
    records = Measurement("dcrrg", runs, Setting(corpus, suite)).measure_rival("imagenet").records
    assert finding.seeds == (0, 1, 2)
    assert finding.ours[1] == pytest.approx(records["auroc:linear:1"].value)
    assert finding.estimate.value == pytest.approx(finding.ours[0] - finding.ours[1])


def test_a_folder_without_a_set_is_refused(corpus, tmp_path):
    with pytest.raises(InputError, match="rrgbench train --variants"):
        judge_set(CLAIMS, "dcrrg", tmp_path, Setting(corpus, SUITE))


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda record: record.update(limit=7), "limit"),
        (lambda record: record["preset"]["step2"].update(epochs=9), "preset"),
        (lambda record: record["preset"]["model"].update(prompt_length=9), "preset"),
    ],
)
def test_models_trained_in_different_ways_are_not_compared(corpus, runs, tmp_path, change, what):
    import shutil

    for variant in ("6a", "6b"):
        shutil.copytree(runs / variant / "seed-0", tmp_path / variant / "seed-0")
    record = tmp_path / "6a" / "seed-0" / "training.json"
    changed = json.loads(record.read_text())
    change(changed)
    record.write_text(json.dumps(changed))
    with pytest.raises(InputError, match=f"differ in their {what}"):
        judge_set(CLAIMS, "dcrrg", tmp_path, Setting(corpus, SUITE))
