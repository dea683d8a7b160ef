import json
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rrgbench.errors import InputError
from rrgbench.scoring.report_files import ReportFile, pair_reports, read_reports


def write(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.jsonl", '{"study_id": "s1", "report": "Clear."}\n\n{"study_id": 2, "report": "Big, \\"heart\\""}\n'),
        (
            "a.jsonl",
            b'\xef\xbb\xbf{"study_id": "s1", "report": "Clear."}\r\n{"id": "2", "caption": "Big, \\"heart\\""}',
        ),
        ("a.csv", 'study_id,report\ns1,Clear.\n2,"Big, ""heart"""\n'),
        ("a.csv", 'report,extra,id\r\nClear.,x,s1\r\n"Big, ""heart""",y,2\r\n'),
        ("a.json", '{"s1": "Clear.", "2": ["Big, \\"heart\\""]}'),
        ("a.json", '{"s1": [{"caption": "Clear."}], "2": [{"caption": "Big, \\"heart\\""}]}'),
        ("a.json", '[{"image_id": "s1", "caption": "Clear."}, {"study_id": 2, "report": "Big, \\"heart\\""}]'),
        (
            "a.json",
            '{"s1": {"model_prediction": "Clear."}, "2": {"model_prediction": "Big, \\"heart\\"", "findings": "x"}}',
        ),
    ],
)
def test_layouts(tmp_path, name, content) -> None:
    found = read_reports(write(tmp_path, name, content))
    assert found.texts == {"s1": ("Clear.",), "2": ('Big, "heart"',)}


def test_rexrank_references_are_findings_and_impression(tmp_path) -> None:
    content = {
        "1": {"section_findings": "Clear.", "section_impression": "Normal.", "model_prediction": "x"},
        "2": {"findings": None, "impression": "Normal."},
    }
    found = read_reports(write(tmp_path, "r.json", json.dumps(content)), "references")
    assert found.texts == {"1": ("Findings: Clear. Impression: Normal.",), "2": ("Impression: Normal.",)}


def test_several_references(tmp_path) -> None:
    found = read_reports(write(tmp_path, "r.json", '{"1": ["a", "b"], "2": ["c"]}'), "references")
    pairs = pair_reports(found, ReportFile("p", {"2": ("x",), "1": ("y",)}))
    assert pairs.study_ids == ("1", "2")
    assert pairs.references == (("a", "b"), ("c",))
    assert pairs.hypotheses == ("y", "x")
    assert pairs.allowed == ""


@settings(max_examples=60, deadline=None)
@given(texts=st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1, max_size=4))
def test_any_text_survives_json_lines(tmp_path_factory, texts) -> None:
    rows = "".join(
        json.dumps({"study_id": i, "report": text}, ensure_ascii=False) + "\n" for i, text in enumerate(texts)
    )
    found = read_reports(write(tmp_path_factory.mktemp("any"), "a.jsonl", rows))
    assert [value[0] for value in found.texts.values()] == texts


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.jsonl", '{"study_id": 1, "report": "x"}\n{"study_id": ', "a.jsonl line 2: not JSON"),
        ("a.jsonl", '{"study_id": 1, "report": "x"}\n[1]', "a.jsonl line 2: expected an object"),
        ("a.jsonl", '{"report": "x"}', "a.jsonl line 1: no study_id; fields are: report"),
        ("a.jsonl", '{"study_id": 1}', "a.jsonl line 1: no report; fields are: study_id"),
        ("a.jsonl", '{"study_id": 1.5, "report": "x"}', "study_id must be text or a whole number"),
        ("a.jsonl", '{"study_id": " ", "report": "x"}', "study_id must be text or a whole number"),
        ("a.jsonl", '{"study_id": 1, "report": 5}', "report must be text or a list of texts, got int"),
        ("a.jsonl", '{"study_id": 1, "report": []}', "got list"),
        ("a.jsonl", '{"study_id": 1, "report": NaN}', "got float"),
        ("a.jsonl", b'{"study_id": 1, "report": "x"}\n{"study_id": 2, "report": "\xff"}', "line 2: not UTF-8"),
        ("a.jsonl", "", "holds no report"),
        ("a.jsonl", "\n \n", "holds no report"),
        ("a.csv", "study_id,report\n1,a,b\n", "line 2: not 2 fields"),
        ("a.csv", "study_id,report\n1\n", "line 2: not 2 fields"),
        ("a.csv", 'study_id,report\n1,"open', "not CSV"),
        ("a.csv", "uid,text\n1,a\n", "no study_id; fields are: uid, text"),
        ("a.json", '{"1": "x",\n "2": }', "a.json line 2: not JSON"),
        ("a.json", '"x"', "expected an object from study id to report"),
        ("a.json", '{"1": {"findings": "x"}}', "no model_prediction"),
        ("a.json", '{"1": "x", "1": "y"}', "1 study ids occur more than once: 1"),
        ("a.txt", "x", "unknown kind of file '.txt'"),
        (
            "a.jsonl",
            "".join(f'{{"study_id": {i % 7}, "report": "x"}}\n' for i in range(14)),
            "7 study ids .*: 0, 1, 2, 3, 4 and 2 more",
        ),
    ],
)
def test_malformed_files_are_named_with_their_line(tmp_path, name, content, message) -> None:
    with pytest.raises(InputError, match=message) as caught:
        read_reports(write(tmp_path, name, content))
    assert "\n" not in str(caught.value)


def test_missing_file(tmp_path) -> None:
    with pytest.raises(InputError, match="is not a file"):
        read_reports(tmp_path / "none.jsonl")


def test_duplicates_allowed_keep_the_first_and_are_counted(tmp_path) -> None:
    path = write(tmp_path, "a.jsonl", '{"study_id": 1, "report": "x"}\n{"study_id": 1, "report": "y"}')
    found = read_reports(path, allow=["duplicates"])
    assert found.texts == {"1": ("x",)}
    assert pair_reports(found, ReportFile("p", {"1": ("z",)}), ["duplicates"]).allowed == "duplicates=1"


def test_missing_unknown_and_empty_are_errors_or_counted() -> None:
    references = ReportFile("refs", {str(i): ("text",) for i in range(5)})
    predictions = ReportFile("preds", {"0": ("x",), "1": (" \n",), "9": ("y",)})
    with pytest.raises(
        InputError, match=r"preds: 3 of 5 studies of refs have no prediction: 2, 3, 4; .*--allow-missing"
    ):
        pair_reports(references, predictions)
    with pytest.raises(InputError, match=r"1 study ids are not in refs: 9; .*--allow-unknown"):
        pair_reports(references, predictions, ["missing"])
    with pytest.raises(InputError, match=r"1 studies have an empty reference or hypothesis: 1; .*--allow-empty"):
        pair_reports(references, predictions, ["missing", "unknown"])
    pairs = pair_reports(references, predictions, ["missing", "unknown", "empty"])
    assert pairs.study_ids == ("0", "1")
    assert pairs.allowed == "missing=3+unknown=1+empty=1"


def test_nothing_in_common() -> None:
    with pytest.raises(InputError, match="no study id in common"):
        pair_reports(ReportFile("a", {"1": ("x",)}), ReportFile("b", {"2": ("x",)}), ["missing", "unknown"])


def test_two_predictions_for_a_study() -> None:
    with pytest.raises(InputError, match="not exactly one prediction: 1"):
        pair_reports(ReportFile("a", {"1": ("x",)}), ReportFile("b", {"1": ("x", "y")}))


@pytest.mark.parametrize("allow", ["missing", ["missing", "everything"]])
def test_unknown_allowance(allow) -> None:
    with pytest.raises(InputError, match="expected a list of: missing, unknown, empty, duplicates"):
        pair_reports(ReportFile("a", {"1": ("x",)}), ReportFile("b", {"1": ("x",)}), allow)


def test_messages_never_hold_report_text(tmp_path) -> None:
    secret = "Mr Secretname"
    cases = [
        ("a.jsonl", f'{{"study_id": 1, "report": "{secret}"'),
        ("b.jsonl", f'{{"study_id": 1, "report": {{"x": "{secret}"}}}}'),
        ("c.csv", f"study_id,report\n1,{secret},{secret}\n"),
        ("d.json", f'{{"1": "{secret}", "1": "{secret}"}}'),
    ]
    for name, content in cases:
        with pytest.raises(InputError) as caught:
            read_reports(write(tmp_path, name, content))
        assert not re.search(secret, str(caught.value))
