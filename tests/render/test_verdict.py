"""A run in one sentence: what its paired tests and intervals allow to say, and nothing more."""

import numpy as np

from rrgbench.render.record_tables import tables
from rrgbench.render.significance import with_superscripts
from rrgbench.render.verdict import verdict
from rrgbench.runs.records import Identity, Record
from rrgbench.tasks.base import table_descriptions

GENERATOR = np.random.default_rng(0)
NOISE = GENERATOR.normal(0, 0.02, 400)
METRICS = ("ce_f1", "bleu_4", "cider")


def record(model: str, metric: str, value: float, width: float | None = 0.04) -> Record:
    task = "clinical_efficacy" if metric == "ce_f1" else "report_generation"
    ends = {} if width is None else {"low": value - width, "high": value + width}
    setting = "micro" if metric == "ce_f1" else None
    return Record(task, model, "c@1", "test", metric, setting=setting, value=value, n=100, **ends)


def run(**by_rival: tuple[float, float, float]) -> list[Record]:
    rows = [record("mine", metric, 0.5) for metric in METRICS]
    for rival, values in by_rival.items():
        width = None if rival == "best_constant" else 0.04
        name = rival.replace("_", "-")
        rows += [record(name, metric, value, width) for metric, value in zip(METRICS, values, strict=True)]
    return rows


def resamples(records: list[Record]) -> dict[Identity, np.ndarray]:
    """The same studies are drawn for all, so that differences hardly vary."""
    small = GENERATOR.normal(0, 0.002, (len(records), len(NOISE)))
    return {
        one.identity: (one.value or 0) + NOISE + small[place]
        for place, one in enumerate(records)
        if one.model != "best-constant"
    }


def test_it_says_what_it_beats_loses_to_and_cannot_tell() -> None:
    records = run(best_constant=(0.3, 0.7, 0.51))
    found = verdict(records, resamples(records), table_descriptions(), "mine")
    assert found.sentence == (
        "mine beats the best constant report in CE F1 (micro), loses to it in BLEU-4, and is not told apart from it in "
        "CIDEr."
    )
    assert found.tone == "open"
    assert "Holm over 3 comparisons" in found.how
    assert "chosen on these very studies" in found.how


def test_pairs_are_told_apart_where_intervals_meet() -> None:
    records = run(nearest_neighbour=(0.48, 0.48, 0.48))
    paired = verdict(records, resamples(records), table_descriptions(), "mine")
    assert paired.sentence == "mine beats the nearest neighbour's report in all of CE F1 (micro), BLEU-4 and CIDEr."
    assert paired.tone == "good"
    alone = verdict(records, {}, table_descriptions(), "mine")
    assert "is not told apart from the nearest neighbour's report in all of" in alone.sentence
    assert "by intervals" in alone.how


def test_who_loses_to_a_constant_everywhere_is_told_so_first() -> None:
    records = run(best_constant=(0.9, 0.9, 0.9), nearest_neighbour=(0.1, 0.1, 0.1))
    found = verdict(records, resamples(records), table_descriptions(), "mine")
    first, second = found.sentence.split("; ")
    assert first == "mine loses to the best constant report in all of CE F1 (micro), BLEU-4 and CIDEr"
    assert second.startswith("it beats the nearest neighbour's report in all of")
    assert found.tone == "bad"


def test_with_nothing_beside_it_there_is_no_verdict() -> None:
    assert verdict(run(), {}, table_descriptions(), "mine") is None


def test_many_comparisons_are_paid_for() -> None:
    """A difference that alone would count no longer does among others."""
    records = run(nearest_neighbour=(0.5, 0.5, 0.5))
    drawn = resamples(records)
    first = next(one for one in records if one.model == "mine" and one.metric == "ce_f1")
    other = next(one for one in records if one.model != "mine" and one.metric == "ce_f1")
    shifted = [Record(**{**one.to_json(), "value": 0.5 + 0.021}) if one is first else one for one in records]
    gap = GENERATOR.normal(0.021, 0.0095, len(NOISE))
    drawn[first.identity] = drawn[other.identity] + gap
    one = [row for row in shifted if row.metric == "ce_f1"]
    assert "beats" in verdict(one, drawn, table_descriptions(), "mine").sentence
    assert "beats" not in verdict(shifted, drawn, table_descriptions(), "mine").sentence


def test_letters_say_whom_a_value_is_surely_better_than() -> None:
    records = run(most_frequent=(0.3, 0.7, 0.501))
    drawn = resamples(records)
    made = [with_superscripts(table, drawn) for table in tables(records, table_descriptions())]
    (found,) = [table for table in made if table.title.startswith("Report generation")]
    assert [row.title for row in found.rows] == ["(a) mine", "(b) most-frequent"]
    letters = {
        (row.label, column.name): cell.superscript
        for row in found.rows
        for column, cell in zip(found.columns, row.cells, strict=True)
    }
    assert letters["mine", "CE (micro) F1"] == "b"
    assert letters["most-frequent", "BLEU-4"] == "a"
    assert letters["mine", "BLEU-4"] == letters["mine", "CIDEr"] == letters["most-frequent", "CIDEr"] == ""
    assert any("Holm" in remark for remark in found.remarks)
    plain = tables(records, table_descriptions())
    assert [with_superscripts(table, {}) for table in plain] == plain


def test_values_made_in_different_ways_are_not_compared() -> None:
    line = "rrgbench:0.2|corpus:c@1|split:test|n:100|labels:film|obs_defined:{}|bootstrap:percentile-400-95-seed0"
    records = run(nearest_neighbour=(0.48, 0.48, 0.48))
    for model, value, defined in (("mine", 0.9, 1), ("nearest-neighbour", 0.6, 14)):
        more = {"setting": "own", "value": value, "low": value - 0.01, "high": value + 0.01, "n": 100}
        records.append(Record("classification", model, "c@1", "test", "auroc", signature=line.format(defined), **more))
    found = verdict(records, resamples(records), table_descriptions(), "mine")
    assert "AUROC" not in found.sentence
    assert "AUROC (own) is left out where both are not made in the same way" in found.how
