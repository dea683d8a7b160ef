import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rrgbench.errors import InputError
from rrgbench.observations import OBSERVATIONS
from rrgbench.runs.records import Record, dump_records, parse_records, sort_records

NUMBERS = st.floats(-10, 10)


@st.composite
def records(draw: st.DrawFn) -> Record:
    """A record with a value and interval, or a blank."""
    blank = draw(st.booleans())
    low, high = sorted(draw(st.tuples(NUMBERS, NUMBERS)))
    with_interval = not blank and draw(st.booleans())
    return Record(
        task=draw(st.sampled_from(("report_generation", "classification"))),
        model=draw(st.text(min_size=1, max_size=8)),
        corpus="phantom",
        split="test",
        metric=draw(st.sampled_from(("bleu_4", "auroc"))),
        observation=draw(st.none() | st.sampled_from(OBSERVATIONS)),
        fraction=draw(st.none() | st.sampled_from((0.01, 0.1, 1.0))),
        setting=draw(st.none() | st.sampled_from(("linear", "fine-tune"))),
        k=draw(st.none() | st.integers(1, 10)),
        seed=draw(st.none() | st.integers(0, 5)),
        value=None if blank else draw(NUMBERS),
        low=low if with_interval else None,
        high=high if with_interval else None,
        n=draw(st.none() | st.integers(0, 1000)),
        signature=draw(st.none() | st.just("rrgbench:0.1|n:3")),
        reason="undefined: no positives" if blank else None,
    )


MANY = st.lists(records(), max_size=12, unique_by=lambda record: record.identity)


@given(MANY)
def test_results_survive_the_round_trip_in_any_order(many: list[Record]) -> None:
    text = dump_records(many)
    assert text == dump_records(reversed(many))
    assert parse_records(text, "results.json") == sort_records(many)
    assert {"value", "reason", "observation"} <= set(json.loads(text)[0]) if many else text == "[]\n"


def test_absent_fields_are_null_in_json() -> None:
    row = Record("t", "m", "c", "s", "bleu_4", value=0.5).to_json()
    assert row["observation"] is None
    assert row["value"] == 0.5
    assert list(row)[:5] == ["task", "model", "corpus", "split", "metric"]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"value": float("nan")}, "value is nan"),
        ({"value": 1.0, "low": float("-inf"), "high": 1.0}, "low is -inf"),
        ({}, "needs a reason"),
        ({"value": 1.0, "low": 0.5}, "both ends"),
        ({"value": 1.0, "low": 1.5, "high": 0.5}, "ends before it begins"),
    ],
)
def test_contradictions_are_refused(fields: dict[str, float], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Record("t", "m", "c", "s", "bleu_4", **fields)  # type: ignore[arg-type]


def test_the_same_value_twice_is_refused_by_name() -> None:
    record = Record("t", "m", "c", "s", "bleu_4", value=0.5)
    with pytest.raises(InputError, match="1 records occur twice: t/m/c/s/bleu_4"):
        dump_records([record, record])


ROW = {"task": "t", "model": "m", "corpus": "c", "split": "s", "metric": "bleu_4"}


def test_foreign_nan_becomes_a_blank_that_says_so() -> None:
    (record,) = parse_records(json.dumps([{**ROW, "value": float("nan"), "low": 0.1, "high": float("nan")}]), "r.json")
    assert record.value is None
    assert record.low is record.high is None
    assert record.reason == "the value is nan"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "r.json is not JSON"),
        ("{}", "expected a list"),
        ("[3]", "record 0 is a int"),
        ('[{"value": 1, "value": 2}]', "'value' stands twice"),
        ("[" * 100_000, "nested too deeply"),
        (json.dumps([{**ROW, "value": "0.5"}]), "record 0: a record's value is '0.5'"),
        (json.dumps([{**ROW, "value": True}]), "value is True"),
        (json.dumps([{**ROW, "value": 1, "k": 1.5}]), "k is 1.5"),
        (json.dumps([{**ROW, "value": 1, "score": 2}]), "unknown fields: score"),
        (json.dumps([{"task": "t", "value": 1}]), "lacks model, corpus, split, metric"),
    ],
)
def test_malformed_results_are_named(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse_records(text, "r.json")
