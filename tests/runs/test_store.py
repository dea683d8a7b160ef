import json
import logging
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rrgbench import files as atomic
from rrgbench.errors import InputError
from rrgbench.runs.baseline import written_reports
from rrgbench.runs.environment import environment, write_environment
from rrgbench.runs.records import Record, sort_records
from rrgbench.runs.store import RunFolder, read_results, unit_id

KEYS = st.text(max_size=5)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)


def inputs_of(index: int) -> dict[str, object]:
    return {"task": "classification", "fraction": 0.1 * index, "model": {"name": "m", "digest": "ab"}}


def records_of(index: int) -> list[Record]:
    return [
        Record("classification", "m", "phantom", "test", "auroc", seed=index, value=0.1 + index / 7),
        Record("classification", "m", "phantom", "test", "auroc", "Fracture", seed=index, reason="no positives"),
    ]


@given(st.dictionaries(KEYS, JSON, max_size=4))
def test_unit_id_ignores_order_and_survives_json(inputs: dict[str, object]) -> None:
    backwards = dict(reversed(list(inputs.items())))
    assert unit_id(inputs) == unit_id(backwards) == unit_id(json.loads(json.dumps(inputs)))


def test_unit_id_tells_inputs_apart() -> None:
    variants = [{"a": 1}, {"a": 2}, {"a": "1"}, {"a": 1.5}, {"b": 1}, {"a": [1]}, {"a": None}, {}, {"a": True}]
    assert len({unit_id(inputs) for inputs in variants}) == len(variants)


@pytest.mark.parametrize("inputs", [{"a": float("nan")}, {"a": object()}, {"a": {1: "x"}}, {"a": [{2: 3}]}])
def test_inputs_that_are_no_json_are_refused(inputs: dict[str, object]) -> None:
    with pytest.raises(InputError, match="must be JSON"):
        unit_id(inputs)  # type: ignore[arg-type]


def test_units_come_back_as_they_were_put(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    unit = unit_id(inputs_of(1))
    assert folder.get(unit) is None
    folder.put(unit, inputs_of(1), records_of(1))
    assert folder.get(unit) == (sort_records(records_of(1)), {})
    assert folder.inputs(unit) == inputs_of(1)
    assert folder.units() == [unit]


def test_a_unit_must_belong_to_its_inputs(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not belong"):
        RunFolder(tmp_path).put(unit_id(inputs_of(1)), inputs_of(2), records_of(1))
    with pytest.raises(InputError, match="64 hex digits"):
        RunFolder(tmp_path).get("../../etc/passwd")


def damage(path: Path, how: str) -> None:
    text = path.read_text()
    content = json.loads(text)
    if how == "truncated":
        path.write_text(text[: len(text) // 2])
    elif how == "empty":
        path.write_text("")
    elif how == "binary":
        path.write_bytes(b"\xff\xfe\x00")
    elif how == "edited value":
        content["records"][0]["value"] = 0.99
        path.write_text(json.dumps(content))
    elif how == "nan":
        content["records"][0]["value"] = float("nan")
        path.write_text(json.dumps(content))
    elif how == "other unit":
        content["unit"] = "0" * 64
        path.write_text(json.dumps(content))
    elif how == "other format":
        path.write_text(json.dumps({**content, "format": 99}))
    else:
        path.write_text("[1, 2]")


@pytest.mark.parametrize(
    "how", ["truncated", "empty", "binary", "edited value", "nan", "other unit", "other format", "list"]
)
def test_a_damaged_unit_is_named_and_computed_again(tmp_path: Path, how: str, caplog: pytest.LogCaptureFixture) -> None:
    folder = RunFolder(tmp_path)
    unit = unit_id(inputs_of(1))
    folder.put(unit, inputs_of(1), records_of(1))
    damage(tmp_path / "units" / f"{unit}.json", how)
    with caplog.at_level(logging.WARNING):
        assert folder.get(unit) is None
    assert f"units/{unit}.json is damaged" in caplog.text
    assert str(tmp_path) not in caplog.text
    with pytest.raises(InputError, match=unit):
        folder.write_results()
    folder.put(unit, inputs_of(1), records_of(1))
    assert folder.get(unit) is not None


def test_results_do_not_depend_on_the_order_of_work(tmp_path: Path) -> None:
    texts = []
    for name, order in (("one", (0, 1, 2)), ("two", (2, 0, 1))):
        folder = RunFolder(tmp_path / name)
        for index in order:
            folder.put(unit_id(inputs_of(index)), inputs_of(index), records_of(index))
        texts.append(folder.write_results().read_bytes())
    assert texts[0] == texts[1]
    assert len(read_results(tmp_path / "one")) == 6
    assert read_results(tmp_path / "one" / "results.json") == read_results(tmp_path / "two")


def test_units_of_earlier_parameters_stay_out(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    for index in (1, 2):
        folder.put(unit_id(inputs_of(index)), inputs_of(index), records_of(index))
    folder.write_results(folder.records([unit_id(inputs_of(2))]))
    assert {record.seed for record in read_results(tmp_path)} == {2}
    with pytest.raises(InputError, match="is not there"):
        folder.records([unit_id(inputs_of(3))])


KILLED = """
import os, sys
from pathlib import Path
sys.path[:0] = sys.argv[2:]
from test_store import inputs_of, records_of
from rrgbench.runs.store import RunFolder, unit_id
folder = RunFolder(Path(sys.argv[1]))
replace, count = os.replace, 0
def dying(source, target):
    global count
    count += 1
    if count == 3:
        os.kill(os.getpid(), 9)
    replace(source, target)
os.replace = dying
for index in range(5):
    unit = unit_id(inputs_of(index))
    if folder.get(unit) is None:
        folder.put(unit, inputs_of(index), records_of(index))
"""


@pytest.mark.skipif(os.name != "posix", reason="kills a process with SIGKILL")
def test_a_run_killed_while_writing_resumes_to_the_same_bytes(tmp_path: Path) -> None:
    root = Path(__file__).resolve().parents[2]
    here = str(Path(__file__).parent)
    run = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / "killed"), str(root), here], check=False)
    assert run.returncode == -signal.SIGKILL
    killed, unbroken = RunFolder(tmp_path / "killed"), RunFolder(tmp_path / "unbroken")
    assert len(killed.units()) == 2
    assert list((tmp_path / "killed").rglob("*.partial"))
    for folder in (killed, unbroken):
        for index in range(5):
            unit = unit_id(inputs_of(index))
            if folder.get(unit) is None:
                folder.put(unit, inputs_of(index), records_of(index))
        folder.write_results()
    files = [
        {path.relative_to(folder.path): path.read_bytes() for path in folder.path.rglob("*") if path.is_file()}
        for folder in (killed, unbroken)
    ]
    assert files[0] == files[1]


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    atomic.write_text(tmp_path / "a.txt", "old")

    def full(handle: int) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="no space"):
        atomic.write_text(tmp_path / "a.txt", "new")
    assert (tmp_path / "a.txt").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_artifacts_stay_inside_the_run(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    path = folder.write_artifact("predictions/s&t.jsonl", "{}\n")
    assert path == tmp_path / "run" / "predictions" / "s&t.jsonl"
    assert path.read_text() == "{}\n"
    for name in ("../out", "/out", "a/../../out", "", "a\\..\\out"):
        with pytest.raises(InputError, match="inside the run folder"):
            folder.artifact(name)


def test_unreadable_results_are_named_without_the_folder_above(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^run/results\.json is not there"):
        read_results_of_empty(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="is a file"):
        RunFolder(tmp_path / "file")


def read_results_of_empty(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    read_results(tmp_path / "run")


def test_environment_tells_versions_but_no_places(tmp_path: Path) -> None:
    command = [
        "/home/someone/bin/rrgbench",
        "eval",
        "--root",
        "/data/secret/nih",
        "--out=/data/secret/run",
        "mine=/data/secret/a.csv",
        "hf:/data/secret/model",
        "C:\\secret\\run",
        "--base-url=http://localhost:8000/v1",
        "--base-url",
        "https://someone:word@host/v1?key=word",
        "--seed",
        "3",
    ]
    folder = RunFolder(tmp_path)
    path = write_environment(folder, environment(seeds=[3], command=command, details={"suite": "quick"}))
    text = path.read_text()
    record = json.loads(text)
    addresses = ["--base-url=http://localhost:8000/v1", "--base-url", "https://host/v1"]
    given = ["--root", ".../nih", "--out=.../run", "mine=.../a.csv", "hf:.../model", ".../run"]
    assert record["command"] == [".../rrgbench", "eval", *given, *addresses, "--seed", "3"]
    assert record["packages"]["numpy"]
    assert record["seeds"] == [3]
    assert record["details"] == {"suite": "quick"}
    assert "someone" not in text
    assert "secret" not in text
    node = os.uname().nodename if hasattr(os, "uname") else ""
    assert not node or node not in text


def test_uneven_values_on_resamples_are_refused(tmp_path: Path) -> None:
    inputs, records = inputs_of(0), records_of(0)
    for uneven in ({0: np.ones(3), 1: np.ones(4)}, {0: np.ones((3, 2))}, {0: np.float64(1)}):
        with pytest.raises(InputError, match="all of one length"):
            RunFolder(tmp_path).put(unit_id(inputs), inputs, records, uneven)
    assert RunFolder(tmp_path).units() == []


def test_the_main_model_has_the_name_of_its_records(tmp_path):
    """Two checkpoints of one run are told apart by names that their identities don't have."""
    told = {"details": {"model": "dcrrg@1"}, "models": [{"name": "dcrrg=b", "identity": "dcrrg@2"}]}
    (tmp_path / "run.json").write_text(json.dumps(told))
    assert RunFolder(tmp_path).main_model() == "dcrrg"
    told["models"].append({"name": "dcrrg=a", "identity": "dcrrg@1"})
    (tmp_path / "run.json").write_text(json.dumps(told))
    assert RunFolder(tmp_path).main_model() == "dcrrg=a"


def test_reports_of_a_model_with_an_owner_in_its_name_are_found(tmp_path):
    line = json.dumps({"study_id": "a", "report": "Clear."}) + "\n"
    for name in ("plain-0a1b2c3d", "owner/model-0a1b2c3d"):
        path = tmp_path / "predictions" / f"{name}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(line)
    assert written_reports(tmp_path) == {"plain": {"a": "Clear."}, "owner/model": {"a": "Clear."}}
