from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rrgbench.errors import InputError
from rrgbench.observations import OBSERVATIONS
from rrgbench.render.record_tables import (
    TableDescription,
    merged_signatures,
    model_order,
    pooled,
    pooled_records,
    tables,
)
from rrgbench.render.table import Cell, Column, Row, Table, blocks, interval_text, ranked, value_text
from rrgbench.runs.records import Record
from rrgbench.tasks.base import table_descriptions

SIGNATURE = "rrgbench:0.1|corpus:phantom@1a2b|split:test|n:100"


def record(task: str, metric: str, value: float | None, **fields: object) -> Record:
    given: dict[str, object] = {"model": "dcrrg", "reason": None if value is not None else "not offered", "n": 100}
    if value is not None:
        given |= {"low": value - 0.01, "high": value + 0.02, "signature": SIGNATURE}
    return Record(task=task, corpus="phantom@1a2b", split="test", metric=metric, value=value, **{**given, **fields})  # type: ignore[arg-type]


def by_title(records: list[Record]) -> dict[str, Table]:
    return {table.title.partition(" on ")[0]: table for table in tables(records, table_descriptions())}


def cell(table: Table, row: str, column: str) -> Cell:
    place = [one.name for one in table.columns].index(column)
    return next(line for line in table.rows if line.label == row).cells[place]


RUN = [
    *(
        record("report_generation", "bleu_4", value, model=model)
        for model, value in (("dcrrg", 0.1), ("fixed-template", 0.18))
    ),
    record("report_generation", "meteor", None),
    record("report_generation", "meteor", 0.2, model="fixed-template"),
    *(record("clinical_efficacy", "ce_f1", 0.4 if s == "micro" else 0.3, setting=s) for s in ("micro", "macro")),
    *(record("clinical_efficacy", "ce_f1", 0.5, observation=name, n=i) for i, name in enumerate(OBSERVATIONS)),
    *(record("retrieval", "precision_at_k", k / 20, k=k) for k in (10, 1, 5)),
    record("retrieval", "precision_at_k", None, k=1, model="fixed-template"),
    record("retrieval", "chance_precision", 0.2, low=None, high=None),
    record("classification", "auroc", 0.7, setting="own"),
    *(record("classification", "auroc", f, setting=s, fraction=f) for s in ("finetune", "linear") for f in (1.0, 0.01)),
    record("classification", "auroc", 0.6, setting="own", observation="Edema", n=7),
    record("error_correlation", "kendall", -0.25, setting="studies"),
    record("plug_in", "radgraph_f1", 0.15),
]


def test_each_task_has_its_table() -> None:
    found = by_title(RUN)
    assert list(found) == [
        "Report generation",
        "Clinical efficacy by averaging",
        "F1 per observation",
        "Image-text retrieval",
        "Classification (mean AUROC)",
        "AUROC per observation",
        "Pipeline error correlation",
        "Other metrics",
    ]
    assert [c.name for c in found["Report generation"].columns] == ["BLEU-4", "METEOR", "CE (micro) F1"]
    assert [c.name for c in found["Image-text retrieval"].columns] == ["P@1", "P@5", "P@10", "chance"]
    assert [c.name for c in found["Classification (mean AUROC)"].columns] == [
        "own",
        "linear probe 1%",
        "linear probe 100%",
        "fine-tuned 1%",
        "fine-tuned 100%",
    ]


def test_values_stand_where_they_belong() -> None:
    found = by_title(RUN)
    assert cell(found["Report generation"], "dcrrg", "BLEU-4") == Cell(0.1, 0.1 - 0.01, 0.1 + 0.02)
    assert cell(found["Report generation"], "fixed-template", "BLEU-4").mark == "best"
    assert cell(found["Report generation"], "dcrrg", "CE (micro) F1").value == 0.4
    assert cell(found["Clinical efficacy by averaging"], "dcrrg", "macro F1").value == 0.3
    assert cell(found["Classification (mean AUROC)"], "dcrrg", "fine-tuned 1%").value == 0.01
    assert cell(found["Image-text retrieval"], "dcrrg", "P@5").value == 0.25
    assert cell(found["AUROC per observation"], "Edema (7)", "dcrrg").value == 0.6
    assert cell(found["Other metrics"], "dcrrg", "radgraph_f1").value == 0.15
    assert [row.label for row in found["F1 per observation"].rows] == [f"{n} ({i})" for i, n in enumerate(OBSERVATIONS)]


def test_blanks_carry_their_reason() -> None:
    table = by_title(RUN)["Report generation"]
    blank = cell(table, "dcrrg", "METEOR")
    assert blank.value is None
    assert blank.notes == ("not offered",)
    absent = cell(table, "fixed-template", "CE (micro) F1")
    assert absent.notes == ("not part of this run",)
    assert table.notes == {"not offered": 1, "not part of this run": 2}


def test_a_remark_beside_a_value_is_a_note() -> None:
    remark = record("classification", "auroc", 0.7, setting="own", reason="mean leaves out: Fracture (no positives)")
    (table,) = tables([remark], table_descriptions())
    assert table.rows[0].cells[0].value == 0.7
    assert table.rows[0].cells[0].notes == ("mean leaves out: Fracture (no positives)",)


def test_no_value_is_lost() -> None:
    shown = {c.value for table in tables(RUN, table_descriptions()) for row in table.rows for c in row.cells}
    assert {r.value for r in RUN if r.value is not None} <= shown


def test_corpora_and_splits_have_tables_of_their_own() -> None:
    other = [replace(r, corpus="nih-cxr14@9999") for r in RUN]
    assert len(tables([*RUN, *other], table_descriptions())) == 2 * len(tables(RUN, table_descriptions()))


def test_trivial_systems_come_last_behind_a_rule() -> None:
    assert model_order([replace(RUN[0], model=m) for m in ("random-report", "Zeta", "alpha", "most-frequent")]) == [
        "alpha",
        "Zeta",
        "most-frequent",
        "random-report",
    ]
    assert [row.group for row in by_title(RUN)["Report generation"].rows] == ["", "trivial"]


def test_seeds_are_pooled_and_said_to_be() -> None:
    seeds = [record("classification", "auroc", v, seed=i) for i, v in enumerate((0.6, 0.7, 0.8))]
    pool = pooled([*seeds, record("classification", "auroc", None, seed=3)])
    assert pool.value == pytest.approx(0.7)
    assert pool.notes == (
        "not offered",
        "mean over 3 seeds; the interval covers seeds and studies; 1 seed is blank",
    )
    # each record's own interval is 0.1 wide at most, three seeds 0.1 apart leave far more doubt
    assert pool.low is not None
    assert pool.high is not None
    assert pool.low < 0.46
    assert pool.high > 0.94
    with pytest.raises(InputError, match="claim the same cell"):
        pooled([seeds[0], replace(seeds[0], value=0.65)])


def test_a_range_over_choices_is_no_interval_to_be_pooled() -> None:
    bands = [(0.30, 0.30, 0.36), (0.32, 0.32, 0.38), (0.34, 0.34, 0.39)]
    records = [
        replace(record("clinical_efficacy", "ce_f1_band", value, seed=seed, reason="a range"), low=low, high=high)
        for seed, (value, low, high) in enumerate(bands)
    ]
    pool = pooled(records)
    assert (pool.value, pool.low, pool.high) == pytest.approx((0.32, 0.32, 1.13 / 3))
    assert pool.notes == ("a range", "mean over 3 seeds")


def test_figures_show_the_means_that_tables_show() -> None:
    seeds = [record("classification", "auroc", value, seed=seed) for seed, value in enumerate((0.6, 0.7, 0.8))]
    single = record("report_generation", "bleu_4", 0.2)
    (mean, other) = pooled_records([*seeds, single])
    assert other is single
    cell = pooled(seeds)
    assert (mean.value, mean.low, mean.high, mean.seed) == (cell.value, cell.low, cell.high, None)


def test_one_seed_without_an_interval_stays_without() -> None:
    alone = replace(record("classification", "auroc", 0.5, seed=0), low=None, high=None)
    pool = pooled([alone, record("classification", "auroc", None, seed=1)])
    assert (pool.value, pool.low, pool.high) == (0.5, None, None)
    assert pool.notes[-1] == "mean over 1 seed; 1 seed is blank"


def test_one_seed_keeps_the_interval_of_its_studies() -> None:
    alone = replace(record("classification", "auroc", 0.5, seed=0), low=0.4, high=0.7)
    pool = pooled([alone, record("classification", "auroc", None, seed=1)])
    assert (pool.value, pool.low, pool.high) == (0.5, 0.4, 0.7)
    assert pool.notes[-1] == "mean over 1 seed; the interval covers studies alone; 1 seed is blank"


@pytest.mark.parametrize(
    ("metric", "values", "low", "high"),
    [("auroc", (0.9, 0.99), None, 1.0), ("pearson", (-0.9, 0.2), -1.0, 1.0), ("distinct_reports", (3, 300), 0.0, None)],
)
def test_pooled_intervals_stay_within_what_a_metric_can_be(metric, values, low, high) -> None:
    cell = pooled([record("x", metric, value, seed=seed) for seed, value in enumerate(values)])
    assert cell.low < min(values)
    assert cell.high > max(values)
    assert low is None or cell.low == low
    assert high is None or cell.high == high


def test_signatures_of_the_same_fields_share_a_line() -> None:
    used = {
        Column(f"P@{k}"): [record("retrieval", "precision_at_k", 0.5, k=k, signature=f"{SIGNATURE}|k:{k}")]
        for k in (1, 5)
    }
    assert merged_signatures(used) == (("all columns", f"{SIGNATURE}|k:{{1,5}}"),)
    used[Column("F1", "CE")] = [record("x", "ce_f1", 0.5, signature=f"{SIGNATURE}|avg:micro")]
    used[Column("P", "CE")] = used[Column("F1", "CE")]
    assert merged_signatures(used) == (
        ("P@1, P@5", f"{SIGNATURE}|k:{{1,5}}"),
        ("CE F1, P", f"{SIGNATURE}|avg:micro"),
    )


def test_signatures_of_the_same_columns_name_the_models_that_differ() -> None:
    made = [
        replace(record("x", "bleu_4", 0.5, signature=f"{SIGNATURE}{more}"), model=model)
        for model, more in (("a", ""), ("b", ""), ("best-constant", "|candidates:references"))
    ]
    assert merged_signatures({Column("BLEU-4"): made}) == (
        ("all columns", SIGNATURE),
        ("best-constant, all columns", f"{SIGNATURE}|candidates:references"),
    )


def row(*values: float | None) -> Row:
    return Row("m", tuple(Cell(value) for value in values))


def marks(columns: list[Column], *rows: Row, by_row: bool = False) -> list[list[str]]:
    table = ranked(Table("t", "model", tuple(columns), rows), by_row=by_row)
    return [[cell.mark for cell in line.cells] for line in table.rows]


def test_ties_as_shown_are_all_best_and_a_lone_value_is_not() -> None:
    columns = [Column("a", better="higher"), Column("b", better="higher"), Column("c")]
    assert marks(columns, row(0.1234, 0.5, 1), row(0.12341, None, 2), row(0.1, None, 3)) == [
        ["best", "", ""],
        ["best", "", ""],
        ["", "", ""],
    ]
    assert marks(columns, row(0.0, 0.5, 1), row(0.0, 0.5, 2)) == [["", "", ""]] * 2
    assert marks(columns, row(0.2, 0.1, 0.9), row(None, 0.1, 0.9), by_row=True) == [["best", "", ""], ["", "", ""]]


def test_the_second_best_of_three_is_marked_and_less_may_be_better() -> None:
    columns = [Column("more", better="higher"), Column("less", better="lower")]
    found = marks(columns, row(0.1, 0.1), row(0.3, 0.3), row(0.2, 0.2), row(0.2, 0.2))
    assert found == [["", "best"], ["best", ""], ["second", "second"], ["second", "second"]]


def test_a_turned_table_has_the_same_cells() -> None:
    table = Table(
        "t", "system", (Column("F1", "CE"), Column("n")), (Row("ours", row(0.5, 7).cells, letter="a"), row(1, 2))
    )
    turned = table.turned("metric")
    assert [column.title for column in turned.columns] == ["a", "m"]
    assert [(line.label, [cell.value for cell in line.cells]) for line in turned.rows] == [
        ("CE F1", [0.5, 1]),
        ("n", [7, 2]),
    ]
    assert turned.remarks == ("a = ours",)


def test_a_task_of_someone_else_describes_its_table_and_loses_nothing() -> None:
    mine = [
        record("mine", "stars", v, setting=s, fraction=f)
        for v, (s, f) in enumerate((s, f) for s in ("x", "y") for f in (0.1, 1.0))
    ]
    mine.append(record("mine", "stars", 9.0, setting="x", observation="Spleen"))
    whole, by_observation = tables(mine, [TableDescription("Stars", ("stars",))])
    assert [c.name for c in whole.columns] == ["stars x 10%", "stars x 100%", "stars y 10%", "stars y 100%"]
    assert by_observation.title == "stars per observation on phantom@1a2b, test: x"
    assert next(line for line in by_observation.rows if line.label == "Spleen (100)").cells[0].value == 9.0


@pytest.mark.parametrize(
    ("value", "decimals", "text"),
    [
        (0.12345, 3, "0.123"),
        (None, 3, "-"),
        (-0.0001, 3, "0.000"),
        (-0.25, 2, "-0.25"),
        (1234.0, 0, "1,234"),
        (1.5, 1, "1.5"),
    ],
)
def test_values_as_text(value: float | None, decimals: int, text: str) -> None:
    assert value_text(Cell(value, decimals=decimals)) == text


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [
        (0.11, 0.14, ".110–.140"),
        (0.0, 1.25, ".000–1.250"),
        (-0.5, 0.25, "-.500 to .250"),
        (-0.0001, 0.5, ".000–.500"),
        (None, None, ""),
    ],
)
def test_intervals_as_text(low: float | None, high: float | None, text: str) -> None:
    assert interval_text(Cell(0.1, low, high)) == text


def test_ragged_tables_are_refused() -> None:
    with pytest.raises(ValueError, match="1 cells"):
        Table("t", "model", (Column("a"),), (row(1.0, 2.0),))


@given(
    st.lists(st.tuples(st.sampled_from(("", "g", "h")), st.integers(3, 12)), min_size=1, max_size=12),
    st.integers(12, 60),
)
def test_blocks_keep_every_column_in_order_and_fit(spec: list[tuple[str, int]], room: int) -> None:
    columns = tuple(Column(f"c{i}", group) for i, (group, _) in enumerate(spec))
    widths = [width for _, width in spec]
    whole = Table("t", "model", columns, (row(*range(len(spec))),))
    cut = blocks(whole, widths, room)
    assert [c for block in cut for c in block.columns] == list(columns)
    assert [c.value for block in cut for c in block.rows[0].cells] == list(range(len(spec)))
    position = {column: i for i, column in enumerate(columns)}
    assert all(sum(widths[position[c]] for c in block.columns) <= room for block in cut)
