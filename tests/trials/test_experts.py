"""The trial by experts: layouts of judgements, agreement against SciPy, and the rater's ceiling."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from typer.testing import CliRunner

from rrgbench.cli.main import app
from rrgbench.errors import InputError
from rrgbench.scoring.options import scoring
from rrgbench.stats.rank_agreement import kendall_tau_b, pair_agreement, spearman_rho
from rrgbench.trials.expert_tables import ExpertResult
from rrgbench.trials.experts import PREFERENCE, TAU, run_expert_trial, run_ordering_tests
from rrgbench.trials.judgements import read_judgements, read_ordering_tests
from rrgbench.trials.judgements.judgements import ERRORS, RATING, SIGNIFICANT

REFERENCES = (
    "Small left pleural effusion. No pneumothorax.",
    "The heart is normal. The lungs are clear.",
    "Right lower lobe pneumonia.",
    "Moderate cardiomegaly with pulmonary edema.",
)
GOOD = (
    "There is a small left effusion.",
    "Normal heart. Clear lungs.",
    "Pneumonia in the right lower lobe.",
    "Moderate cardiomegaly and edema.",
)
BAD = (
    "Large right pneumothorax.",
    "Left upper lobe mass.",
    "The lungs are clear.",
    "Normal heart size. No edema.",
)


def radpref(folder: Path) -> Path:
    folder.mkdir()
    studies = [
        {"id": f"s{at}", "ground_truth_report": reference, "C1_report": good, "C2_report": bad}
        for at, (reference, good, bad) in enumerate(zip(REFERENCES, GOOD, BAD, strict=True))
    ]
    (folder / "studies.json").write_text(json.dumps(studies))
    wrong = {"error_type": "false", "clinical_significance": "urgent"}
    detail = {"error_type": "attribute", "attributes": {"location": "negligible"}}
    for rater in (1, 2):
        said = [
            {
                "id": f"s{at}",
                "C1": {"rating": 5 - (at % 2) * (rater == 1), "missing_findings": {}, "finding_errors": {"0": detail}},
                "C2": {
                    "rating": 1 + (at == 2),
                    "missing_findings": {"0": {"clinical_significance": "actionable_not_urgent"}},
                    "finding_errors": {"1": wrong},
                },
            }
            for at in range(4)
        ]
        (folder / f"radiologist_{rater}.json").write_text(json.dumps(said))
    return folder


def rexval(folder: Path) -> Path:
    folder.mkdir()
    with (folder / "50_samples_gt_and_candidates.csv").open("w", newline="") as stream:
        rows = csv.writer(stream)
        rows.writerow(["study_id", "gt_report", "radgraph", "bertscore", "s_emb", "bleu"])
        for at, (reference, good, bad) in enumerate(zip(REFERENCES, GOOD, BAD, strict=True)):
            rows.writerow([1000 + at, reference, good, bad, good, bad])
    with (folder / "6_valid_raters_per_rater_error_categories.csv").open("w", newline="") as stream:
        rows = csv.writer(stream)
        rows.writerow(
            ["study_number", "candidate_type", "error_category", "clinically_significant", "rater_index", "num_errors"]
        )
        for at in range(4):
            for candidate, errors in (("radgraph", 0), ("bertscore", 2), ("s_emb", 0), ("bleu", 1)):
                for rater in range(6):
                    for category in range(1, 7):
                        rows.writerow([at, candidate, category, "True", rater, errors if category == 1 else 0])
                        rows.writerow([at, candidate, category, "False", rater, 1 if category == 4 else 0])
    return folder


def table(path: Path) -> Path:
    with path.open("w", newline="") as stream:
        rows = csv.writer(stream)
        rows.writerow(["study_id", "reference", "report", "rater", "rating"])
        for at, texts in enumerate(zip(REFERENCES, GOOD, BAD, strict=True)):
            for report, rating in zip(texts[1:], (5, 1), strict=True):
                rows.writerow([f"s{at}", texts[0], report, "anna", rating])
    return path


def test_radprefs_folder_gives_ratings_and_errors_by_significance(tmp_path: Path) -> None:
    found = read_judgements(radpref(tmp_path / "radpref"))
    assert len(found.reports) == 8
    assert found.raters == ("radiologist_1", "radiologist_2")
    np.testing.assert_array_equal(found.mean(RATING), [5, 1, 4.5, 1, 5, 2, 4.5, 1])
    np.testing.assert_array_equal(found.mean(ERRORS), [-1, -2] * 4)
    np.testing.assert_array_equal(found.mean(SIGNIFICANT), [0, -2] * 4)


def test_rexvals_folder_is_joined_by_row_number_and_has_no_rating(tmp_path: Path) -> None:
    found = read_judgements(rexval(tmp_path / "rexval"))
    assert len(found.raters) == 6
    assert set(found.values) == {ERRORS, SIGNIFICANT}
    np.testing.assert_array_equal(found.mean(SIGNIFICANT)[:4], [0, -2, 0, -1])
    np.testing.assert_array_equal(found.mean(ERRORS)[:4], [-1, -3, -1, -2])


def test_a_plain_table_needs_no_names_of_candidates(tmp_path: Path) -> None:
    found = read_judgements(table(tmp_path / "mine.csv"))
    assert found.candidates == ("candidate 1", "candidate 2") * 4
    assert set(found.values) == {RATING}


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (lambda path: path / "nothing", "does not exist"),
        (lambda path: (path / "studies.json").write_text("{") and path, "can't be read as JSON"),
        (lambda path: (path / "studies.json").write_text('[{"id": 1}]') and path, "no field 'ground_truth_report'"),
        (lambda path: (path / "radiologist_2.json").write_text('[{"id": "s9"}]') and path, "no field 'C1'"),
        (lambda path: (path / "studies.json").unlink() or path, "no layout of judgements that is known"),
    ],
)
def test_what_is_wrong_with_a_folder_is_said_in_a_line(tmp_path: Path, break_it, message: str) -> None:
    path = break_it(radpref(tmp_path / "radpref"))
    with pytest.raises(InputError, match=message):
        read_judgements(path)


def changed(path: Path, change) -> Path:
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))
    return path.parent


def rated(path: Path, **values: object) -> Path:
    return changed(path / "radiologist_1.json", lambda said: said[0]["C1"].update(values))


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (lambda path: rated(path, rating="4/5"), r"study s0, C1: rating is no number"),
        (lambda path: rated(path, rating=True), r"study s0, C1: rating is no number"),
        (lambda path: rated(path, rating=float("inf")), r"radiologist_1 gives s0/C1 inf as rating; expected a finite"),
        (lambda path: rated(path, missing_findings=[{}]), "missing_findings is no object from finding"),
        (lambda path: rated(path, finding_errors={"0": "wrong"}), "finding_errors is no object from finding"),
        (
            lambda path: changed(path / "radiologist_1.json", lambda said: said[0].update(C2=None)),
            "study s0, C2: expected an object with a rating and errors, got NoneType",
        ),
        (
            lambda path: changed(path / "studies.json", lambda studies: studies[1].update(C1_report=None)),
            "C1_report of study s1 is no text",
        ),
        (
            lambda path: changed(path / "studies.json", lambda studies: studies[1].update(C1_report=" ")),
            "1 candidates with an empty report or reference: s1/C1",
        ),
    ],
)
def test_judgements_that_can_t_be_read_are_named(tmp_path: Path, break_it, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_judgements(break_it(radpref(tmp_path / "radpref")))


def test_counts_below_zero_and_significance_in_other_words_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("study_id,reference,report,errors\na,Clear.,Clear.,-1\n")
    with pytest.raises(InputError, match=r"gives a/candidate 1 -1 as errors; expected a finite number from 0"):
        read_judgements(path)
    folder = rexval(tmp_path / "rexval")
    errors = folder / "6_valid_raters_per_rater_error_categories.csv"
    text = errors.read_text()
    errors.write_text(text.replace("True", "1.0").replace("False", "0"))
    np.testing.assert_array_equal(read_judgements(folder).mean(SIGNIFICANT)[:4], [0, -2, 0, -1])
    errors.write_text(text.replace("True", "maybe"))
    with pytest.raises(InputError, match="line 2: clinically_significant is neither True nor False"):
        read_judgements(folder)


def test_no_ordering_tests_no_metric_and_no_vocabulary_are_said(tmp_path: Path) -> None:
    (tmp_path / "orders.json").write_text("[]")
    with pytest.raises(InputError, match="holds no ordering test"):
        read_ordering_tests(tmp_path / "orders.json")
    judged = read_judgements(table(tmp_path / "mine.csv"))
    with pytest.raises(InputError, match="no metric can be tried: cider: "):
        run_expert_trial(judged, scoring("rgrg", metrics=["cider"], replicates=20))
    told = ["trials", "experts", "--judgements", str(tmp_path / "mine.csv"), "--protocol", "r2gen", "--metrics", "ce"]
    done = CliRunner().invoke(app, told)
    assert done.exit_code == 2
    assert "a trial has" in done.output


def test_rank_agreement_is_scipys_on_every_resample() -> None:
    generator = np.random.default_rng(0)
    x, y = generator.integers(0, 6, 40).astype(float), generator.integers(0, 6, 40).astype(float)
    counts = generator.integers(0, 3, (20, 40)).astype(float)
    for row, tau, rho in zip(counts, kendall_tau_b(x, y, counts), spearman_rho(x, y, counts), strict=True):
        drawn = row.astype(int)
        assert tau == pytest.approx(stats.kendalltau(np.repeat(x, drawn), np.repeat(y, drawn))[0])
        assert rho == pytest.approx(stats.spearmanr(np.repeat(x, drawn), np.repeat(y, drawn))[0])


def test_agreement_in_pairs_counts_ties_half_and_leaves_equal_ratings_out() -> None:
    x, y = np.array([2.0, 1.0, 1.0, 1.0, 3.0, 9.0]), np.array([5.0, 1.0, 5.0, 1.0, 4.0, 4.0])
    groups = np.array([0, 0, 1, 1, 2, 2])
    np.testing.assert_allclose(pair_agreement(x, y, groups, np.array([[1.0, 1.0, 1.0], [2.0, 0.0, 1.0]])), [0.75, 1.0])


def test_a_metric_that_reads_findings_agrees_and_the_table_shows_the_ceiling(tmp_path: Path) -> None:
    judged = read_judgements(radpref(tmp_path / "radpref"))
    trial = run_expert_trial(judged, scoring("raw", metrics=["findings", "rouge_l"], replicates=200), {"other": "gone"})
    assert trial.ranked[0].startswith("findings")
    assert trial.agreement["findings_f1", RATING, PREFERENCE].value == 1.0
    best = trial.agreement["findings_f1", RATING, TAU]
    assert best.low <= best.value <= best.high
    assert 0.5 < trial.ceiling[RATING, TAU].value <= 1.0
    assert len(trial.differences) == 6
    assert all(one.adjusted >= one.p_value for one in trial.differences)
    result = ExpertResult(trial)
    assert result.agreement.rows[-1].label == "one rater against the others"
    assert any("other was not run: gone" in remark for remark in result.agreement.remarks)
    assert not any(text in result.to_json() for text in (*REFERENCES, *GOOD, *BAD))
    result.write_figure(tmp_path / "figure.svg")
    assert "one rater against the others" in (tmp_path / "figure.svg").read_text()


def test_ordering_tests_pass_where_the_order_is_right(tmp_path: Path) -> None:
    path = tmp_path / "ordering_tests.json"
    candidates = {"C1": {"text": "Large left effusion."}, "C2": {"text": "No effusion."}}
    group = {
        "category": "partial credit",
        "tests": [
            {"id": "1", "ground_truth": "Left effusion.", "candidates": candidates, "expected_ranking": "C1 > C2"},
            {"id": "2", "ground_truth": "Left effusion.", "candidates": candidates, "expected_ranking": ["C1 = C2"]},
        ],
    }
    path.write_text(json.dumps([group]))
    found = run_ordering_tests(read_ordering_tests(path), scoring("raw", metrics=["findings_f1"]))
    assert found.passed == {"findings_f1": (True, False)}
    group["tests"][0]["expected_ranking"] = "C1 > C3"
    path.write_text(json.dumps([group]))
    with pytest.raises(InputError, match="C1 > C3"):
        read_ordering_tests(path)


def test_the_command_prints_markdown_and_draws(tmp_path: Path) -> None:
    folder = radpref(tmp_path / "radpref")
    given = ["trials", "experts", "--judgements", str(folder), "--metrics", "findings,ce_f1", "--replicates", "50"]
    result = CliRunner().invoke(app, [*given, "--markdown", "--figure", str(tmp_path / "f.png")])
    assert result.exit_code == 0, result.output
    assert "findings F1" in result.output
    assert (tmp_path / "f.png").stat().st_size > 5000


def test_findings_agree_with_radiologists_better_than_words_do(shared: Path) -> None:
    judged = read_judgements(shared / "expert_judgements")
    metrics = ["findings_f1", "ce_f1", "rouge_l", "meteor"]
    trial = run_expert_trial(judged, scoring("raw", metrics=metrics, replicates=100))
    taus = {key: trial.agreement[key, RATING, TAU].value for key in metrics}
    assert taus["findings_f1"] >= 0.60
    assert taus["findings_f1"] > max(taus[key] for key in metrics[1:])
    assert trial.agreement["findings_f1", RATING, PREFERENCE].value >= 0.83
