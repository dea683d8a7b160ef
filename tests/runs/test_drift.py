import json
from dataclasses import replace
from pathlib import Path

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from rrgbench.cli.drift import drift
from rrgbench.errors import InputError
from rrgbench.runs.drift import Verdict, check_fields, check_tolerances, drift_between, parse_tolerances, tolerance_of
from rrgbench.runs.records import Record, dump_records
from rrgbench.scoring.signature import FIELDS

SIGNATURE = "rrgbench:0.1|corpus:phantom@1a2b|split:test|n:100"


def bleu(value: float | None = 0.25, **fields: object) -> Record:
    given = {"model": "dcrrg", "corpus": "phantom@1a2b", "signature": SIGNATURE, "metric": "bleu_4", "n": 100, **fields}
    reason = None if value is not None else "the labeler broke"
    return Record(task="report_generation", split="test", value=value, reason=reason, **given)  # type: ignore[arg-type]


def auroc(value: float, **fields: object) -> Record:
    return replace(bleu(value), task="classification", metric="auroc", setting="linear", fraction=0.01, **fields)


BASE = [bleu(), auroc(0.7), bleu(0.1, model="most-frequent")]


def test_a_run_has_not_moved_against_itself() -> None:
    found = drift_between(BASE, list(reversed(BASE)))
    assert found.verdict is Verdict.SAME
    assert len(found.pairs) == 3


@given(st.floats(0, 1), st.floats(-0.02, 0.02), st.floats(0, 0.02))
def test_a_value_moves_exactly_when_it_leaves_its_tolerance(value: float, change: float, tolerance: float) -> None:
    found = drift_between([bleu(value + change)], [bleu(value)], tolerances={"bleu_4": tolerance})
    actual = abs((value + change) - value)
    if abs(actual - tolerance) > 1e-9:
        assert (found.verdict is Verdict.MOVED) == (actual > tolerance)


def test_a_change_of_exactly_the_tolerance_has_not_moved() -> None:
    assert drift_between([bleu(0.3)], [bleu(0.1)], tolerances={"bleu_4": 0.2}).verdict is Verdict.SAME
    assert drift_between([bleu(0.3001)], [bleu(0.1)], tolerances={"bleu_4": 0.2}).verdict is Verdict.MOVED


def test_trained_auroc_is_given_more_room_than_text_metrics() -> None:
    run = [auroc(0.715), bleu(0.265)]
    found = drift_between(run, [auroc(0.7), bleu(0.25)])
    assert [pair.run.metric for pair in found.moved] == ["bleu_4"]
    assert found.moved[0].difference == pytest.approx(0.015)
    assert found.moved[0].what == "+0.0150"


@pytest.mark.parametrize(
    ("run", "base", "what"), [(None, 0.25, "became blank: the l"), (0.25, None, "was blank: the l")]
)
def test_a_value_that_vanished_or_appeared_has_moved(run: float | None, base: float | None, what: str) -> None:
    found = drift_between([bleu(run)], [bleu(base)])
    assert found.verdict is Verdict.MOVED
    assert found.moved[0].what.startswith(what)
    assert found.moved[0].difference is None


def test_blank_on_both_sides_has_not_moved() -> None:
    assert drift_between([bleu(None)], [bleu(None)]).verdict is Verdict.SAME


def test_a_value_that_became_blank_is_not_hidden_by_its_missing_signature() -> None:
    found = drift_between([bleu(None, signature=None)], [bleu(0.25)])
    assert found.verdict is Verdict.MOVED


def test_other_signatures_are_refused_by_field() -> None:
    run = bleu(signature=SIGNATURE.replace("n:100", "n:90") + "|allowed:missing-10")
    found = drift_between([run], [bleu()])
    assert found.verdict is Verdict.NOT_COMPARABLE
    assert found.refused[0].differences == (("n", "90", "100"), ("allowed", "missing-10", "-"))
    assert drift_between([run], [bleu()], allowed=["n"]).verdict is Verdict.NOT_COMPARABLE
    assert drift_between([run], [bleu()], allowed=["n", "allowed"]).verdict is Verdict.SAME
    assert drift_between([run], [bleu()], allowed=["all"]).verdict is Verdict.SAME


def test_another_version_of_the_corpus_is_a_difference_not_a_gap() -> None:
    run = bleu(corpus="phantom@9999", signature=SIGNATURE.replace("1a2b", "9999"))
    found = drift_between([run], [bleu()])
    assert not found.only_run
    assert not found.only_baseline
    assert found.refused[0].differences == (("corpus", "phantom@9999", "phantom@1a2b"),)
    assert drift_between([run], [bleu()], allowed=["corpus"]).verdict is Verdict.SAME


def test_records_of_one_side_are_listed_and_not_comparable() -> None:
    short = drift_between(BASE[:2], BASE)
    assert short.verdict is Verdict.NOT_COMPARABLE
    assert [record.model for record in short.only_baseline] == ["most-frequent"]
    longer = drift_between(BASE, BASE[:2])
    assert longer.verdict is Verdict.NOT_COMPARABLE
    assert [record.model for record in longer.only_run] == ["most-frequent"]
    extra = drift_between(BASE, BASE[:2], allow_extra=True)
    assert extra.verdict is Verdict.SAME
    assert len(extra.only_run) == 1


def test_nothing_compared_is_not_agreement() -> None:
    assert drift_between([], []).verdict is Verdict.NOT_COMPARABLE


def test_moved_values_come_worst_first() -> None:
    run = [bleu(0.252), bleu(0.2, model="most-frequent"), auroc(0.73)]
    found = drift_between(run, BASE)
    assert [(pair.run.model, pair.run.metric) for pair in found.moved] == [
        ("most-frequent", "bleu_4"),
        ("dcrrg", "bleu_4"),
        ("dcrrg", "auroc"),
    ]


def test_tolerances_are_chosen_by_the_first_pattern_that_fits() -> None:
    assert tolerance_of(auroc(0.5), {}) == 0.02
    assert tolerance_of(bleu(), {}) == 1e-3
    assert tolerance_of(bleu(metric="of_another_package"), {}) == 1e-3
    given = parse_tolerances(["bleu_*=0.5", "classification/*=0.3"])
    assert drift_between([bleu(0.7)], [bleu(0.25)], tolerances=given).pairs[0].tolerance == 0.5
    assert drift_between([auroc(0.7)], [auroc(0.25)], tolerances=given).pairs[0].tolerance == 0.3


@pytest.mark.parametrize("text", ["bleu_4", "bleu_4=", "=0.1", "bleu_4=-1", "bleu_4=nan", "bleu_4=many", "bleu_4=inf"])
def test_tolerances_that_are_none_are_named(text: str) -> None:
    with pytest.raises(InputError, match="expected metric=NUMBER"):
        parse_tolerances([text])


APP = typer.Typer(pretty_exceptions_enable=False)
APP.command("drift")(drift)


def command(folder: Path, run: list[Record], base: list[Record], *options: str) -> tuple[int, str]:
    (folder / "run").mkdir(exist_ok=True)
    (folder / "run" / "results.json").write_text(dump_records(run))
    (folder / "base.json").write_text(dump_records(base))
    result = CliRunner().invoke(APP, [str(folder / "run"), "--against", str(folder / "base.json"), *options])
    return result.exit_code, result.output


def test_the_command_tells_what_moved_and_by_how_much(tmp_path: Path) -> None:
    assert command(tmp_path, BASE, BASE) == (
        0,
        "same: 3 identical\n",
    )
    code, output = command(tmp_path, [bleu(0.26), *BASE[1:]], BASE)
    assert code == 1
    assert "dcrrg: bleu_4" in output
    assert "0.2500" in output
    assert "0.2600" in output
    assert "+0.0100" in output
    assert command(tmp_path, [bleu(0.26), *BASE[1:]], BASE, "--tolerance", "bleu_4=0.02")[0] == 0
    code, output = command(tmp_path, BASE[:2], BASE)
    assert code == 4
    assert "only in the baseline" in output
    assert "most-frequent: bleu_4" in output


def test_the_command_allows_signature_fields_by_name(tmp_path: Path) -> None:
    run = [replace(record, signature=SIGNATURE.replace("0.1", "0.2")) for record in BASE]
    code, output = command(tmp_path, run, BASE)
    assert code == 4
    assert "rrgbench" in output
    assert "0.2" in output
    assert command(tmp_path, run, BASE, "--allow-signature", "rrgbench")[0] == 0
    assert command(tmp_path, run, BASE, "--allow-signature", "labeler", "--allow-signature", "rrgbench")[0] == 0


def test_a_field_that_no_signature_has_is_refused_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"called 'protocoll'; did you mean 'protocol'\?"):
        check_fields(["rrgbench", "protocoll"], FIELDS, BASE)
    (tmp_path / "base.json").write_text(dump_records(BASE))
    file = str(tmp_path / "base.json")
    result = CliRunner().invoke(APP, [file, "--against", file, "--allow-signature", "nonsense"])
    assert isinstance(result.exception, InputError)


def test_a_tolerance_of_no_metric_is_refused_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="'bleu4': there is no such metric; did you mean 'bleu_4'"):
        check_tolerances(["bleu4"], BASE)
    assert command(tmp_path, BASE, BASE, "--tolerance", "bleu4=0.1")[0] != 0
    for fine in ("bleu_*=0.1", "*=0.1", "classification/auroc=0.1", "rouge_l=0.1", "no_task/meteor=0.1"):
        assert command(tmp_path, BASE, BASE, "--tolerance", fine)[0] == 0, fine


def test_the_command_speaks_json(tmp_path: Path) -> None:
    code, output = command(tmp_path, [bleu(None), *BASE[1:]], BASE, "--json")
    told = json.loads(output)
    assert code == told["exit_code"] == 1
    assert told["verdict"] == "moved"
    assert told["moved"][0]["change"] is None
    assert told["moved"][0]["run"]["reason"] == "the labeler broke"


def test_a_foreign_nan_has_moved(tmp_path: Path) -> None:
    (tmp_path / "base.json").write_text(dump_records(BASE))
    (tmp_path / "run.json").write_text(dump_records(BASE).replace('"value": 0.25', '"value": NaN'))
    result = CliRunner().invoke(APP, [str(tmp_path / "run.json"), "--against", str(tmp_path / "base.json")])
    assert result.exit_code == 1
    assert "became blank" in result.output


def test_unreadable_files_end_in_an_error_with_exit_code_2(tmp_path: Path) -> None:
    (tmp_path / "base.json").write_text("{")
    result = CliRunner().invoke(APP, [str(tmp_path / "base.json"), "--against", str(tmp_path / "base.json")])
    assert isinstance(result.exception, InputError)
    assert result.exception.exit_code == 2
