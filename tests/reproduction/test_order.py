import doctest
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from rrgbench.cli.main import app
from rrgbench.errors import InputError
from rrgbench.reproduction import order
from rrgbench.reproduction.order import OrderTable, column_of, compare_orders, order_agreement
from rrgbench.runs.records import Record, dump_records
from rrgbench.stats.rank_agreement import kendall_tau_b

TABLES = Path(__file__).resolve().parents[2] / "leaderboards" / "paper"


def record(metric, model, value, width=0.0, **more):
    low, high = (value - width / 2, value + width / 2) if width else (None, None)
    return Record("report_generation", model, "phantom", "test", metric, value=value, low=low, high=high, n=100, **more)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=3, max_size=12))
def test_tau_is_that_of_the_values_whose_order_needs_no_drawing(pairs):
    printed = {f"S{at}": one / 10 for at, (one, _) in enumerate(pairs)}
    measured = {f"s {at}": (other / 10, 0.0) for at, (_, other) in enumerate(pairs)}
    found = order_agreement("bleu_4", printed, measured)
    one, other = np.array(pairs, dtype=float).T
    expected = kendall_tau_b(one, other, np.ones((1, len(pairs))))[0]
    np.testing.assert_allclose([found.tau, found.low, found.high], [expected] * 3, atol=1e-12)
    assert [printed[name] for name in found.systems] == sorted(printed.values(), reverse=True)


def test_wide_intervals_leave_the_order_open_and_narrow_ones_settle_it():
    printed = {name: at / 10 for at, name in enumerate("abcdefgh")}
    narrow = order_agreement("bleu_4", printed, {name: (value, 1e-4) for name, value in printed.items()})
    assert (narrow.tau, narrow.low, narrow.high) == pytest.approx((1.0, 1.0, 1.0))
    wide = order_agreement("bleu_4", printed, {name: (value, 5.0) for name, value in printed.items()})
    assert wide.low < -0.3
    assert wide.high > 0.3
    assert wide == order_agreement("bleu_4", printed, {name: (value, 5.0) for name, value in printed.items()})


def test_names_are_met_whatever_their_marks():
    printed = {"S&T": 0.1, "M2 Tr.": 0.2, "R2Gen": 0.3, "PPKED": 0.4}
    found = order_agreement("bleu_4", printed, {"s&t": (0.1, 0.0), "m2tr": (0.2, 0.0), "r2gen": (0.3, 0.0)})
    assert found.systems == ("R2Gen", "M2 Tr.", "S&T")


def test_names_that_differ_in_marks_alone_are_two_systems():
    """Tables print R2Gen beside R2Gen*, a run may hold M2-Tr beside M2 Tr."""
    measured = {"R2Gen": (0.10, 0.0), "CMN": (0.12, 0.0), "DCL": (0.13, 0.0)}
    found = order_agreement("bleu_4", {"R2Gen": 0.103, "R2Gen*": 0.170, "CMN": 0.106, "DCL": 0.109}, measured)
    assert (found.tau, found.systems) == (pytest.approx(1.0), ("DCL", "CMN", "R2Gen"))
    with pytest.raises(InputError, match=r"M2-Tr, M2 Tr: which is which.*--system PRINTED=OURS"):
        order_agreement("bleu_4", {"M2Tr": 0.1}, {"M2-Tr": (0.1, 0.0), "M2 Tr": (0.2, 0.0)})


@pytest.mark.parametrize(
    ("given", "column"),
    [
        (record("bleu_4", "a", 0.1), "bleu_4"),
        (record("ce_f1", "a", 0.1, setting="micro"), "ce_f1"),
        (record("ce_f1", "a", 0.1, setting="macro"), None),
        (record("ce_f1", "a", 0.1, setting="micro", observation="Edema"), None),
        (record("precision_at_k", "a", 0.1, k=5), "p_at_5"),
        (record("auroc", "a", 0.1, setting="own"), "mean_auroc"),
        (record("auroc", "a", 0.1, setting="linear", fraction=0.1), None),
    ],
)
def test_a_record_has_the_column_of_its_metric(given, column):
    assert column_of(given) == column


def test_a_run_beside_the_papers_tables():
    names = ("s&t", "adaatt", "r2gen", "dcl", "best-constant")
    records = [record("bleu_4", name, 0.1 + at / 100, 0.02) for at, name in enumerate(names)]
    records += [record("ce_f1", name, 0.2 + at / 10, setting="micro") for at, name in enumerate(names)]
    found = {one.metric: one for one in compare_orders(TABLES / "table1_report_generation.csv", records)}
    assert list(found) == ["bleu_4", "ce_f1"]
    assert found["bleu_4"].systems == ("DCL", "R2Gen", "AdaAtt", "S&T")
    assert found["bleu_4"].tau == pytest.approx(1.0)
    assert 0.0 < found["bleu_4"].low < 1.0
    # printed: .373, .276, .204 and .181; S&T is above AdaAtt there
    assert found["ce_f1"].tau == pytest.approx(4 / 6)

    table = OrderTable("order", tuple(found.values()))
    assert json.loads(table.to_json())[0]["systems"] == ["DCL", "R2Gen", "AdaAtt", "S&T"]
    assert "Kendall" in table.to_markdown()
    assert r"\toprule" in table.to_latex()


def test_a_system_called_otherwise_is_named():
    path = TABLES / "table2_retrieval.csv"
    records = [record("precision_at_k", name, 0.2, 0.1, k=5) for name in ("clip", "gloria", "dcrrg")]
    (found,) = compare_orders(path, records, systems={"DCCLIP": "dcrrg"})
    assert found.systems == ("dcrrg", "GLoRIA", "CLIP")
    with pytest.raises(InputError, match="no column has 3 systems that were measured too"):
        compare_orders(path, records)
    with pytest.raises(InputError, match="has no system DCLIP; it has CLIP"):
        compare_orders(path, records, systems={"DCLIP": "dcrrg"})
    with pytest.raises(InputError, match="has no column 'system'"):
        compare_orders(path, records, name="system")


def test_seeds_are_averaged(tmp_path):
    records = [record("bleu_4", name, 0.1 + at / 100, seed=0) for at, name in enumerate(("s&t", "adaatt", "r2gen"))]
    others = [replace(one, seed=1, value=0.2 - one.value) for one in records]
    values = order.measured_values([*records, *others])["bleu_4"]
    assert [round(value, 12) for value, _ in values.values()] == [0.1, 0.1, 0.1]
    assert values["s&t"][1] == 0.0
    assert values["r2gen"][1] > 0.0


def test_the_command_prints_a_table_and_the_order(tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    names = ("s&t", "adaatt", "r2gen")
    (run / "results.json").write_text(dump_records([record("bleu_4", name, 0.1, 0.1) for name in names]))
    arguments = ["reproduce", "order", str(TABLES / "table1_report_generation.csv"), str(run)]
    shown = CliRunner().invoke(app, arguments)
    assert shown.exit_code == 0, shown.output
    assert "R2Gen, AdaAtt, S&T" in " ".join(shown.output.split())
    assert "all systems have one value" in " ".join(shown.output.split())
    assert "null" in CliRunner().invoke(app, [*arguments, "--json"]).output


def test_examples():
    assert doctest.testmod(order).failed == 0


@pytest.mark.parametrize("cell", ["NaN", "nan", "", "-"])
def test_a_cell_that_is_no_number_leaves_its_system_out(cell, tmp_path):
    (tmp_path / "t.csv").write_text(f"system,bleu_4\na,.1\nb,.2\nc,.3\nd,{cell}\n")
    records = [record("bleu_4", name, 0.1 + at / 100) for at, name in enumerate("abcd")]
    (found,) = compare_orders(tmp_path / "t.csv", records)
    assert (found.systems, found.tau) == (("c", "b", "a"), pytest.approx(1.0))


def test_a_table_with_two_figures_of_a_system_in_a_column_is_refused(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("model,bleu_4\nA,.1\nB,.2\nC,.3\nA,.4\n")
    with pytest.raises(InputError, match=r"several figures of A in column 'bleu_4'; give a file a corpus"):
        compare_orders(path, [record("bleu_4", name, 0.1) for name in "ABC"])
