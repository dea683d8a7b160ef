import csv
import doctest
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import precision_recall_fscore_support

from rrgbench.errors import InputError
from rrgbench.reproduction import averaging
from rrgbench.reproduction.averaging import audit_averaging, audit_table

PAPER = Path(__file__).resolve().parents[2] / "leaderboards" / "paper" / "table1_report_generation.csv"


@given(st.integers(0, 10_000), st.sampled_from(["micro", "macro", "weighted", "samples"]), st.integers(2, 4))
def test_no_true_averaging_is_ever_ruled_out(seed, average, digits):
    generator = np.random.default_rng(seed)
    rates = generator.uniform(0.02, 0.9, 14)
    truth = generator.uniform(size=(60, 14)) < rates
    found = np.where(generator.uniform(size=truth.shape) < 0.6, truth, generator.uniform(size=truth.shape) < rates)
    precision, recall, f1, _ = precision_recall_fscore_support(truth, found, average=average, zero_division=0)
    verdict = audit_averaging("row", *(f"{value:.{digits}f}" for value in (precision, recall, f1))).verdict
    # an average may by chance lie where a micro F1 would
    assert verdict == "micro" if average == "micro" else verdict in ("micro", "averaged")


def test_a_macro_average_is_told_from_a_micro_one():
    truth = np.zeros((100, 14), dtype=bool)
    truth[:50, 0] = truth[:5, 1] = True
    found = truth.copy()
    found[:, 1] = True
    figures = precision_recall_fscore_support(truth, found, average="macro", zero_division=0)[:3]
    assert audit_averaging("row", *(f"{value:.3f}" for value in figures)).verdict == "averaged"


def test_the_papers_column_mixes_averagings():
    with PAPER.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    verdicts = {one.name: one.verdict for one in audit_table(rows, "model", ("ce_precision", "ce_recall", "ce_f1"))}
    assert verdicts["R2Gen"] == verdicts["DCL"] == verdicts["S&T"] == "averaged"
    assert verdicts["M2TR"] == "micro"
    # 0.376 lies above the harmonic mean of 0.460 and 0.314
    assert verdicts["DCRRG"] == "neither"
    assert "PPKED" not in verdicts


def test_per_cent_and_fractions():
    assert audit_averaging("row", "33.3", "27.3", "27.6").verdict == "averaged"
    assert audit_averaging("row", "24.0", "42.8", "30.8").verdict == "micro"


@pytest.mark.parametrize(
    "figures", [("x", "0.1", "0.1"), ("1e-1", "0.1", "0.1"), ("-0.1", "0.2", "0.1"), ("101", "5", "5")]
)
def test_what_is_no_figure_is_refused(figures):
    with pytest.raises(InputError, match="printed figure"):
        audit_averaging("row", *figures)


def test_a_missing_column_is_named():
    with pytest.raises(InputError, match="no column f1"):
        list(audit_table([{"model": "a", "p": "0.1", "r": "0.1"}], "model", ("p", "r", "f1")))


def test_examples():
    assert doctest.testmod(averaging).failed == 0
