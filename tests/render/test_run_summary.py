"""The ten lines at the end of an evaluation."""

import io
from dataclasses import replace

from rich.console import Console

from rrgbench.render.record_tables import Headline, TableDescription
from rrgbench.render.run_summary import headline_text, leading, run_summary
from rrgbench.render.table import value_text
from rrgbench.render.terminal import print_table
from rrgbench.runs.records import Record
from rrgbench.tasks.base import table_descriptions

SIGNATURE = "rrgbench:0.1|corpus:phantom@1a2b|split:test|n:1200|protocol:dcrrg@2|bootstrap:percentile-1000-95-seed0"


def record(model: str, metric: str, value: float | None, task: str = "report_generation", **more) -> Record:
    if value is not None and model != "best-constant" and metric != "distinct_reports":
        more = {"low": value - 0.02, "high": value + 0.02} | more
    return Record(task, model, "phantom@1a2b", "test", metric, value=value, n=1200, signature=SIGNATURE, **more)


def run_records(model: str = "mine", bleu: float = 0.15) -> list[Record]:
    found = []
    for name, offset in ((model, 0.0), ("most-frequent", -0.1), ("nearest-neighbour", -0.05), ("best-constant", 0.01)):
        found += [record(name, "bleu_4", bleu + offset), record(name, "cider", 0.4 + 2 * offset)]
        found.append(record(name, "ce_f1", 0.5 - abs(offset), "clinical_efficacy", setting="micro"))
        found.append(record(name, "ce_recall", 0.5 + offset, "clinical_efficacy", setting="micro"))
    found += [record(model, "precision_at_k", 0.3 + k / 100, "retrieval", k=k) for k in (1, 5, 10)]
    found += [record("most-frequent", "precision_at_k", 0.2, "retrieval", k=k) for k in (1, 5, 10)]
    reason = "the model offers no image backbone"
    found += [
        record(model, "auroc", None, "classification", setting="linear", fraction=share, reason=reason)
        for share in (0.01, 1.0)
    ]
    return found


def shown(table, width: int = 80) -> list[str]:
    console = Console(width=width, record=True, file=io.StringIO())
    print_table(table, console)
    return [line.rstrip() for line in console.export_text().splitlines() if line.strip()]


def test_ten_lines_say_the_headline_numbers_beside_trivial_system_and_constant() -> None:
    table = run_summary(run_records(), table_descriptions(), ["mine"])
    lines = shown(table)
    assert lines[0] == "mine on phantom@1a2b, test: 1,200 studies, protocol dcrrg@2"
    rows = {row.label: row.cells for row in table.rows}
    assert list(rows) == ["CE F1 (micro)", "BLEU-4", "CIDEr", "P@5"]
    assert [column.title for column in table.columns] == ["mine", "best trivial", "best constant"]
    assert [value_text(cell) for cell in rows["BLEU-4"]] == ["0.150", "0.100", "0.160"]
    assert [cell.superscript for cell in (rows["BLEU-4"][0], rows["CE F1 (micro)"][0])] == ["!", ""]
    assert rows["BLEU-4"][1].notes == ("nearest-neighbour",)
    assert rows["P@5"][1].notes == ("most-frequent",)
    assert len(lines) < 14
    assert max(map(len, lines)) <= 80


def test_warnings_say_what_a_constant_reaches_and_what_is_blank() -> None:
    records = [*run_records(), record("mine", "distinct_reports", 4.0)]
    # a constant's one report is no loss in what has no better
    records.append(record("best-constant", "distinct_reports", 9.0))
    assert run_summary(records, table_descriptions(), ["mine"]).remarks == (
        "! one constant report is at least as good in BLEU-4, CIDEr",
        "! 4 distinct reports for 1,200 studies",
        "! no classification: the model offers no image backbone",
    )
    # all-positive labels have a recall of 1: no news
    better = [one for one in records if one.model != "best-constant" or one.metric == "ce_recall"]
    assert not any("constant" in text for text in run_summary(better, table_descriptions(), ["mine"]).remarks)


def test_of_several_trainings_their_mean_is_compared_with_the_constant() -> None:
    constant = record("best-constant", "bleu_4", 0.16)
    told = []
    for values in ((0.15, 0.3, 0.3), (0.15, 0.15, 0.17)):
        seeds = [record("mine", "bleu_4", value, seed=seed) for seed, value in enumerate(values)]
        told.append(run_summary([*seeds, constant], table_descriptions(), ["mine"]).remarks)
    assert [any("constant" in text for text in remarks) for remarks in told] == [False, True]


def test_the_head_counts_the_studies_whose_reports_are_scored() -> None:
    films = record("mine", "auroc", 0.8, "classification", setting="own")
    wide = replace(films, n=5000, signature=SIGNATURE.replace("|protocol:dcrrg@2", ""))
    title = run_summary([*run_records(), wide], table_descriptions(), ["mine"]).title
    assert title == "mine on phantom@1a2b, test: 1,200 studies, protocol dcrrg@2"


def test_one_trivial_system_that_is_best_in_all_gives_the_column_its_name() -> None:
    records = [one for one in run_records() if one.metric != "precision_at_k"]
    assert run_summary(records, table_descriptions(), ["mine"]).columns[1].title == "nearest-neighbour"


def test_several_models_stand_above_the_trivial_systems() -> None:
    other = [one for one in run_records("other", 0.3) if one.model == "other"]
    table = run_summary([*run_records(), *other], table_descriptions(), ["other", "mine"])
    assert [row.label for row in table.rows] == [
        "other",
        "mine",
        "most-frequent",
        "nearest-neighbour",
        "best-constant",
    ]
    assert [(column.group, column.title) for column in table.columns[:2]] == [("CE F1", "micro"), ("", "BLEU-4")]
    assert [row.cells[1].mark for row in table.rows[:2]] == ["best", ""]
    assert "! mine: one constant report is at least as good in BLEU-4, CIDEr" in table.remarks
    assert max(map(len, shown(table)[1:])) <= 80


def test_of_many_models_the_best_in_the_first_number_lead_and_the_title_counts_them() -> None:
    names = [f"m{number}" for number in range(7)]
    records = [record(name, "bleu_4", 0.1 + (number * 3 % 7) / 100) for number, name in enumerate(names)]
    blank = record("m7", "bleu_4", None, reason="no reports")
    descriptions = table_descriptions()
    assert leading([*records, blank], descriptions, [*names, "m7"], 3) == ["m2", "m4", "m6"]
    assert leading(records, descriptions, names, 7) == names
    assert run_summary(records, descriptions).title.startswith("7 models on ")


def test_a_task_of_another_package_shows_its_first_metric() -> None:
    descriptions = (TableDescription("Lengths", ("mean_length", "least_length")),)
    records = [record("mine", "mean_length", 12.5, "length"), record("mine", "least_length", 3.0, "length")]
    assert [row.label for row in run_summary(records, descriptions, ["mine"]).rows] == ["mean_length"]
    assert TableDescription("x", ("a",), "observation").headlines == ()
    assert TableDescription("x", ("a",), detail=True).headlines == ()


def test_a_value_that_the_suite_does_not_have_gives_way_to_the_first_there_is() -> None:
    descriptions = (
        TableDescription("x", ("auroc",), headline=(Headline("auroc", "own"), Headline("auroc", "finetune"))),
    )
    records = [
        record("mine", "auroc", value, "classification", setting="linear", fraction=share)
        for share, value in ((0.1, 0.7), (1.0, 0.8))
    ]
    (row,) = run_summary(records, descriptions, ["mine"]).rows
    assert (row.label, row.cells[0].value) == ("AUROC (linear 100%)", 0.8)
    assert headline_text(records, descriptions, "mine") == "AUROC (linear 100%) 0.800"
    assert headline_text(records, descriptions, "other") == ""


def test_a_run_of_a_trivial_system_alone_is_summed_up_too() -> None:
    table = run_summary(run_records(), table_descriptions(), ["most-frequent"])
    assert table.columns[0].title == "most-frequent"
    assert [row.label for row in run_summary([], table_descriptions()).rows] == []


def test_what_run_json_knows_stands_below() -> None:
    about = {"warnings": ["mine was trained on other@1a2b"], "synthetic": True}
    remarks = run_summary(run_records(), table_descriptions(), ["mine"], about).remarks
    assert remarks[0] == "! mine was trained on other@1a2b"
    assert remarks[-1].startswith("synthetic data")
