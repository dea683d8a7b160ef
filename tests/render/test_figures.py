"""Figures from what units keep: ROC curves against scikit-learn, calibration's bins, lengths, propagation, training."""

import html
import re

import numpy as np
import pytest
from measured import records_of
from scipy.integrate import trapezoid
from scipy.stats import norm
from sklearn.metrics import roc_auc_score, roc_curve

from rrgbench.render.figures.probabilities import bins_of, roc_band
from rrgbench.render.figures.training import budget_table, learning_curves
from rrgbench.render.figures.values import error_correlation_over_models, propagation
from rrgbench.render.run_figures import run_figures
from rrgbench.runs.records import Record

GENERATOR = np.random.default_rng(1)
Y = (GENERATOR.random(500) < 0.3).astype(np.int8)
P = norm.cdf(GENERATOR.normal(Y.astype(float), 1.0))
GRID = np.linspace(0, 1, 41)


def test_the_curve_has_the_area_that_scikit_learn_gives() -> None:
    middle, low, high = roc_band(P, Y, seed=0)
    assert trapezoid(middle, GRID) == pytest.approx(roc_auc_score(Y, P), abs=0.01)
    assert (np.diff(middle) >= 0).all()
    assert (low <= high).all()
    assert ((low <= middle) & (middle <= high)).mean() > 0.9
    # ties are shared out along a straight line
    coin = np.full(len(Y), 0.5)
    assert roc_band(coin, Y, seed=0)[0] == pytest.approx(GRID)


@pytest.mark.parametrize(("n", "decimals"), [(2, 9), (5, 1), (40, 1), (500, 9)])
def test_the_curve_is_the_one_of_scikit_learn(n: int, decimals: int) -> None:
    p, y = P[:n].round(decimals), Y[:n].copy()
    y[:2] = [0, 1]
    rates, hits, _ = roc_curve(y, p)
    # scikit-learn leaves out points on straight lines
    np.testing.assert_allclose(roc_band(p, y, seed=0)[0], np.interp(GRID, rates, hits), atol=1e-12)


def test_bins_hold_what_they_should() -> None:
    found = list(bins_of(P, Y))
    for mean, share, low, high, n in found:
        inside = np.floor(P * 10).clip(max=9) == int(mean * 10)
        assert n == inside.sum() >= 5
        assert share == pytest.approx(Y[inside].mean())
        assert low <= share <= high
    assert not list(bins_of(P[:4], Y[:4]))


def test_arrays_make_their_figures() -> None:
    arrays = {
        ("classification", "dcrrg"): {
            "probabilities": GENERATOR.random((60, 14)).astype(np.float16),
            "target": GENERATOR.integers(-1, 2, (60, 14)).astype(np.int8),
        },
        ("report_generation", "dcrrg"): {
            "words": np.arange(1, 61),
            "reference_words": np.array([], dtype=int),
            "copies": np.array([31, *[1] * 29]),
        },
    }
    found = {figure.key: figure for figure in run_figures(records_of("dcrrg"), arrays)}
    assert {"roc-by-observation", "calibration-by-observation", "report-lengths"} <= set(found)
    (row,) = found["report-lengths"].own[0].rows
    assert [cell.value for cell in row.cells] == pytest.approx([60, 30.5, 30.5, 30, 100 * 31 / 60])
    shown = str(found["roc-by-observation"].svg(lambda signature: "1"))
    assert re.search(r"<title>dcrrg, Edema: AUROC 0\.\d{3}</title>", shown)


def test_colours_are_the_pages_in_a_page_and_plain_in_a_file() -> None:
    figure = run_figures(records_of("dcrrg"))[0]
    assert "#0072b2" not in str(figure.svg())
    assert "var(--colour-0)" in str(figure.svg())
    assert b"#0072b2" in figure.file("svg")
    assert b"var(" not in figure.file("svg")


def test_words_and_numbers_of_a_figure_stay_as_they_are() -> None:
    name = 'v1.23456 #0072b2; id="figure_1"'
    text = html.unescape(str(run_figures(records_of(name, "another"))[0].svg()))
    assert f">{name}</text>" in text


def test_marks_say_their_value_once() -> None:
    figure = run_figures(records_of("dcrrg"))[0]
    titles = re.findall("<title>([^<]*)</title>", str(figure.svg()))
    assert len(titles) == len(set(titles)) == 14
    assert "dcrrg, CE F1, Support Devices: 0.850 (.800–.900), n = 13" in titles


def test_propagation_has_all_observations_on_top_and_both_conditions() -> None:
    rows = [
        Record("error_propagation", "m", "c@1", "test", "report_error", name, setting=setting, value=value, n=n)
        for name, n in ((None, 30), ("Edema", 4), ("Pneumonia", 26))
        for setting, value in (("classifier-wrong", 0.4), ("classifier-right", 0.1), ("difference", 0.3))
    ]
    figure = propagation(rows, ["m"])
    text = str(figure.svg())
    assert text.index("all observations (30)") < text.index("Pneumonia (26)") < text.index("Edema (4)")
    assert len(re.findall("<title>", text)) == 6
    assert propagation(rows, ["another"]) is None


def test_three_models_and_more_are_compared_by_classifier_and_report() -> None:
    def measured(model: str, metric: str, setting: str, value: float) -> Record:
        low, high = value - 0.01, value + 0.01
        return Record("t", model, "c", "test", metric, setting=setting, value=value, low=low, high=high)

    points = {"6a": (0.90, 0.7), "6b": (0.95, 0.75), "6c": (0.93, 0.8)}
    records = [
        measured(model, metric, setting, value)
        for model, values in points.items()
        for (metric, setting), value in zip((("auroc", "own"), ("ce_f1", "micro")), values, strict=True)
    ]
    names = list(points)
    assert error_correlation_over_models(records[:4], names) is None
    figure = error_correlation_over_models([*records, measured("captioner", "ce_f1", "micro", 0.2)], names)
    assert figure is not None
    wanted = np.corrcoef(*zip(*points.values(), strict=True))[0, 1]
    assert f"Pearson over these 3 models {wanted:.2f}" in figure.caption
    assert str(figure.svg(lambda signature: "")).count("<title>6a") == 2
    alike = [measured(one.model, "auroc", "own", 0.9) if one.metric == "auroc" else one for one in records]
    without = error_correlation_over_models(alike, names)
    assert without is not None
    assert "not defined" in without.caption


def test_a_training_record_gives_curves_and_a_budget() -> None:
    curve = [{"epoch": float(n), "loss": 2.0 / n, "validation_loss": 2.5 / n, "cider": 0.1 * n} for n in (1, 2, 3)]
    budget = {
        **{"parameters": 10, "trained_parameters": 5, "films": 7, "reports": None, "minutes": 1.25},
        **{"epochs": {"report": 3.0}, "kept": {"report": 2.0}, "peak_memory": None, "starts_from": ""},
    }
    training = {"mine": {"budget": budget, "curves": {"report": curve, "short": curve[:1]}}}
    text = str(learning_curves(training).svg())
    assert "CIDEr" in text
    assert "short" not in text
    (row,) = budget_table(training).rows
    assert [cell.value for cell in row.cells] == [10, 5, 7, None, 1.25, None, "report 3", "scratch"]
    assert learning_curves({}) is None
    assert budget_table({}) is None


def test_of_several_models_each_stage_has_a_panel() -> None:
    curve = [{"epoch": float(n), "loss": 2.0 / n, "validation_loss": 2.5 / n, "cider": 0.1 * n} for n in (1, 2, 3)]
    budget = {"epochs": {"contrast": 3.0, "report": 3.0}, "kept": {"report": 2.0}, "stages": ("contrast", "report")}
    training = {name: {"budget": budget, "curves": {"report": curve, "contrast": curve}} for name in ("one", "two")}
    figure = learning_curves(training)
    assert figure is not None
    text = str(figure.svg())
    titles = [f"{model}: {stage}" for model in training for stage in ("contrast", "report")]
    assert sorted(titles, key=text.index) == titles
    assert text.count("<title>one, report: validation, last 0.833") == 1
    assert "CIDEr" not in text


def test_stages_stand_as_they_were_trained_whatever_order_a_file_has() -> None:
    curve = [{"epoch": float(n), "loss": 2.0 / n} for n in (1, 2)]
    stages = ("step1-text", "step2", "heads")
    budget = {
        **{"parameters": 10, "trained_parameters": 5, "films": 7, "reports": None, "minutes": 1.25, "stages": stages},
        **{"epochs": dict.fromkeys(sorted(stages), 2.0), "kept": {}, "peak_memory": None, "starts_from": ""},
    }
    training = {"mine": {"budget": budget, "curves": dict.fromkeys(sorted(stages), curve)}}
    text = str(learning_curves(training).svg())
    assert sorted(stages, key=text.index) == list(stages)
    table = budget_table(training)
    assert table is not None
    assert "step1-text 2, step2 2, heads 2" in str(table.rows[0].cells)
