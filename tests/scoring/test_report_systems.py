"""Files of several systems: told in every shape that is read, and only where a study stands under two of them."""

import gzip
import json

import pytest
from typer.testing import CliRunner

from rrgbench.cli.main import app
from rrgbench.errors import InputError
from rrgbench.scoring import report_systems
from rrgbench.scoring.report_files import read_reports
from rrgbench.scoring.report_systems import ReportSource
from rrgbench.scoring.report_text import read_text

STUDIES = ("s1", "s2", "s3")
ROWS = [{"study_id": study, "model": name, "report": f"Clear, as {name} says."} for name in "AB" for study in STUDIES]
OF_B = dict.fromkeys(STUDIES, ("Clear, as B says.",))


def table(mark: str, rows=ROWS, quoted: str = "") -> str:
    lines = [list(ROWS[0]), *([row["study_id"], row["model"], f'"{row["report"]}"'] for row in rows)]
    return quoted + "".join(mark.join(line) + "\n" for line in lines)


SHAPES = {
    "comma.csv": table(","),
    "semicolon.csv": table(";"),
    "bar.csv": table("|"),
    "tab.csv": table("\t"),
    "stated.csv": table(";", quoted="sep=;\n"),
    "stated-otherwise.csv": table("^", quoted="sep=^\n"),
    "tab.tsv": table("\t"),
    "tab.txt": table("\t"),
    "semicolon.txt": table(";"),
    "spaced.csv": table(", "),
    "blank-row.csv": table(",") + ",,\n",
    "lines.jsonl": "".join(json.dumps(row) + "\n" for row in ROWS),
    "lines.csv": "".join(json.dumps(row) + "\n" for row in ROWS),
    "lines.json": "".join(json.dumps(row) + "\n" for row in ROWS),
    "list.json": json.dumps(ROWS),
    "list.jsonl": json.dumps(ROWS),
    "data.json": json.dumps({"data": ROWS}),
    "results.json": json.dumps({"version": 1, "results": ROWS}),
    "predictions.json": json.dumps({"predictions": ROWS}),
}


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("packed", [False, True])
def test_systems_are_told_in_every_shape(tmp_path, name, packed) -> None:
    path = tmp_path / (f"{name}.gz" if packed else name)
    path.write_bytes(gzip.compress(SHAPES[name].encode()) if packed else SHAPES[name].encode())
    assert ReportSource(path).systems == ("A", "B")
    assert read_reports(path, system="B").texts == OF_B
    with pytest.raises(InputError, match=r"2 systems \(A, B\), told apart by its field model; score one with --system"):
        read_reports(path)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
def test_systems_are_told_in_other_encodings(tmp_path, encoding) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(table(";").encode(encoding))
    assert ReportSource(path).systems == ("A", "B")
    assert read_reports(path, system="B").texts == OF_B


@pytest.mark.parametrize("field", ["system", "model"])
@pytest.mark.parametrize("key", ["study_id", "custom_id"])
def test_what_differs_from_row_to_row_is_no_system(tmp_path, field, key) -> None:
    path = tmp_path / "a.jsonl"
    values = ["snapshot-1", "snapshot-2", "snapshot-1"]
    rows = [
        {key: study, "id": f"r{at}", field: value, "response": "Clear."}
        for at, (study, value) in enumerate(zip(STUDIES, values, strict=True))
    ]
    if key == "study_id":
        rows = [{name: cell for name, cell in row.items() if name != "id"} for row in rows]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert ReportSource(path).systems == ()
    assert ReportSource(path).system_asked_for("snapshot-1") == ""
    # asked for by name, it is what the field says
    assert list(read_reports(path, system="snapshot-1").texts) == ["s1", "s3"]
    # ids of single answers tell no studies
    path.write_text("".join(json.dumps({**row, key: "s1"}) + "\n" for row in rows))
    assert ReportSource(path).systems == ("snapshot-1", "snapshot-2")


def test_the_name_of_one_system_is_kept(tmp_path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(table(";", ROWS[:3]))
    assert ReportSource(path).systems == ("A",)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", "study_id,model,report\ns1,A,Secret words, two\n", r"a\.csv line 2: 4 fields, not 3"),
        ("a.jsonl", '{"study_id": "s1", "model": "A", "report": "Secret"}\n{"study', r"a\.jsonl line 2: not JSON"),
        ("a.json", '[{"study_id": "s1", "model": "A", "report": "Secret", "report": "x"}]', "report stands twice"),
        (
            "a.jsonl",
            '{"study_id": "s1", "model": "A", "report": "Secret"}\n{"study_id": "s2", "report": "Secret"}\n',
            r"a\.jsonl line 2: no model, which other rows have",
        ),
        ("a.csv", "study_id,report\ns1,Secret\n", "has no field system, .*it holds one system"),
        ("a.json", '["Secret one.", "Secret two."]', "has no field system, .*it holds one system"),
    ],
)
def test_a_system_of_a_malformed_file_is_refused_with_the_reason(tmp_path, name, content, message) -> None:
    path = tmp_path / name
    path.write_text(content)
    assert ReportSource(path).systems == ()
    with pytest.raises(InputError, match=message) as caught:
        read_reports(path, system="A")
    assert "Secret" not in str(caught.value)


@pytest.mark.parametrize("name", ["comma.csv", "lines.jsonl", "results.json"])
@pytest.mark.parametrize(
    ("command", "options"),
    [("score", ["--system", "A"]), ("protocols", ["--system", "B"]), ("compare", [])],
)
def test_a_file_of_systems_is_read_and_parted_once(tmp_path, monkeypatch, name, command, options) -> None:
    path, references = tmp_path / name, tmp_path / "references.csv"
    path.write_text(SHAPES[name])
    references.write_text("study_id,report\n" + "".join(f"{study},Clear lungs.\n" for study in STUDIES))
    read: list[str] = []
    parted: list[str] = []
    by_system = report_systems._by_system
    monkeypatch.setattr(report_systems, "read_text", lambda path: (read.append(path.name), read_text(path))[1])
    monkeypatch.setattr(report_systems, "_by_system", lambda *given: (parted.append(given[0]), by_system(*given))[1])
    given = [str(path)] if command == "compare" else ["--predictions", str(path)]
    metrics = ["--metrics", "rouge_l"]
    found = CliRunner().invoke(app, [command, *given, "--references", str(references), *options, *metrics, "--json"])
    assert found.exit_code == 0, found.output
    assert sorted(read) == sorted([name, "references.csv"])
    assert parted.count(name) == 1


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl"])
def test_what_is_odd_of_one_system_is_named_by_its_line_in_the_file(tmp_path, name) -> None:
    path = tmp_path / name
    rows = [*ROWS[:3], {**ROWS[3], "study_id": " "}, *ROWS[4:]]
    path.write_text(table(",", rows) if name == "a.csv" else "".join(json.dumps(row) + "\n" for row in rows))
    line = 5 if name == "a.csv" else 4
    with pytest.raises(InputError, match=rf"{name} line {line}: study_id must be text"):
        read_reports(path, system="B")


def test_what_is_no_text_has_no_systems(tmp_path) -> None:
    (tmp_path / "a.npz").write_bytes(b"PK\x03\x04\xff")
    (tmp_path / "a.log").write_text(table(","))
    for path in (tmp_path, tmp_path / "absent.csv", tmp_path / "a.npz", tmp_path / "a.log"):
        assert ReportSource(path).systems == ()
