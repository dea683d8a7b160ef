import gzip
import json
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rrgbench.errors import InputError
from rrgbench.scoring.report_files import ReportFile, pair_reports, read_reports
from rrgbench.scoring.report_shapes import Columns
from rrgbench.scoring.score import score


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


@pytest.mark.parametrize("film", ['"images": ["/d/1.png"]', '"images": [{"bytes": null, "path": "/d/1.png"}]'])
def test_rows_are_told_by_their_one_film(tmp_path, film) -> None:
    rows = f'{{{film}, "response": "Clear."}}\n{{{film.replace("1", "2")}, "response": "Large."}}'
    found = read_reports(write(tmp_path, "a.jsonl", rows))
    assert found.texts == {"/d/1.png": ("Clear.",), "/d/2.png": ("Large.",)}
    # another id comes first
    rows = rows.replace('{"images"', '{"case": "s", "images"', 1).replace('\n{"images"', '\n{"case": "t", "images"')
    assert list(read_reports(write(tmp_path, "b.jsonl", rows)).texts) == ["s", "t"]


def test_rexrank_references_are_findings_and_impression(tmp_path) -> None:
    content = {
        "1": {"section_findings": "Clear.", "section_impression": "Normal.", "model_prediction": "x"},
        "2": {"findings": None, "impression": "Normal."},
    }
    found = read_reports(write(tmp_path, "r.json", json.dumps(content)), "references")
    assert found.texts == {"1": ("Findings: Clear. Impression: Normal.",), "2": ("Findings: None Impression: Normal.",)}


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
        ("a.jsonl", '{"report": "x", "visit": 1}', "a.jsonl line 1: no study_id; fields are: report, visit"),
        ("a.jsonl", '{"study_id": 1}', "a.jsonl line 1: no report; fields are: study_id"),
        ("a.jsonl", '{"study_id": 1.5, "report": "x"}', "study_id must be text or a whole number"),
        (
            "a.jsonl",
            '{"study": {"id": "1"}, "generation": {"text": "x"}}',
            "got dict; texts lie at study.id, generation.text: write the right ones as fields study_id and report",
        ),
        (
            "a.jsonl",
            '{"images": ["1.png", "2.png"], "response": "x"}',
            "must be text or a whole number, got list",
        ),
        ("a.jsonl", '{"images": ["1.png"], "response": "x"}\n{"images": ["1.png"], "response": "y"}', "1.png"),
        ("a.jsonl", '{"study_id": " ", "report": "x"}', "study_id must be text or a whole number"),
        ("a.jsonl", '{"study_id": 1, "report": 5}', "report must be text or a list of texts, got int"),
        ("a.jsonl", '{"study_id": 1, "report": []}', "is an empty list; write an empty text"),
        ("a.jsonl", b'{"study_id": 1, "report": "x"}\n{"study_id": 2, "report": "\xff"}', "line 2: not UTF-8"),
        ("a.jsonl", "", "holds no report"),
        ("a.jsonl", "\n \n", "holds no report"),
        ("a.csv", "study_id,report\n1,a,b\n", "line 2: 3 fields, not 2"),
        ("a.csv", "study_id,report\n1\n", "line 2: 1 fields, not 2"),
        ("a.csv", 'study_id,report\n1,"open', "not CSV"),
        ("a.csv", "visit,text\n1,a\n", "no study_id; fields are: visit, text"),
        ("a.json", '{"1": "x",\n "2": }', "a.json line 2: not JSON"),
        ("a.json", '"x"', "expected an object from study id to report"),
        ("a.json", '{"1": {"section_findings": "x"}}', "no model_prediction"),
        ("a.json", '{"1": "x", "1": "y"}', "1 study id more than once: 1"),
        ("a.doc", "x", "unknown kind of file '.doc'"),
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
    with pytest.raises(InputError, match=r"1 study with an empty reference or hypothesis: 1; .*--allow-empty"):
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


TEXTS = {"s1": "Clear lungs, no effusion.", "s2": 'A "large" heart; stable.'}
RECORDS = [{"study_id": study, "report": text} for study, text in TEXTS.items()]
OTHERS = {"s1": "Left effusion.", "s2": "Normal."}


def quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


NAMED = {
    "lines.json": "\n".join(json.dumps(row) for row in RECORDS),
    "UPPER.JSONL": "\n".join(json.dumps(row) for row in RECORDS),
    "columns.json": json.dumps({key: [row[key] for row in RECORDS] for key in ("study_id", "report")}),
    "pandas-columns.json": json.dumps(
        {k: {str(i): r[k] for i, r in enumerate(RECORDS)} for k in ("study_id", "report")}
    ),
    "pandas-index.json": json.dumps({str(i): row for i, row in enumerate(RECORDS)}),
    "pandas-split.json": json.dumps(
        {"columns": ["study_id", "report"], "index": [0, 1], "data": [list(row.values()) for row in RECORDS]}
    ),
    "pandas-table.json": json.dumps({"schema": {"fields": []}, "data": RECORDS}),
    "coco.json": json.dumps([{"image_id": study, "id": 7, "caption": text} for study, text in TEXTS.items()]),
    "coco-references.json": json.dumps(
        {"images": [{"id": "s1"}], "annotations": [{"image_id": k, "id": 7, "caption": v} for k, v in TEXTS.items()]}
    ),
    "annotation.json": json.dumps(
        {"train": [{"id": "t", "report": "x"}], "val": [], "test": [{"id": k, "report": v} for k, v in TEXTS.items()]}
    ),
    "semicolons.csv": "study_id;report\n" + "\n".join(f"{k};{quoted(v)}" for k, v in TEXTS.items()),
    "stated.csv": "sep=|\nstudy_id|report\n" + "\n".join(f"{k}|{quoted(v)}" for k, v in TEXTS.items()),
    "tabs.tsv": "study_id\treport\n" + "\n".join(f"{k}\t{quoted(v)}" for k, v in TEXTS.items()),
    "spelled.csv": " Study ID , Generated Report \n" + "\n".join(f"{k},{quoted(v)}" for k, v in TEXTS.items()),
    "xpronet.csv": "img_id,pred,gt\n" + "\n".join(f"{k},{quoted(v)},{OTHERS[k]}" for k, v in TEXTS.items()),
    "indexed.csv": ",study_id,report\n" + "\n".join(f"0,{k},{quoted(v)}" for k, v in TEXTS.items()),
    "no-header.csv": "\n".join(f"{k},{quoted(v)}" for k, v in TEXTS.items()),
    "no-header-tabs.csv": "\n".join(f"{k}\t{quoted(v)}" for k, v in TEXTS.items()),
    "all-quoted.csv": '"study_id";"report"\n' + "\n".join(f"{quoted(k)};{quoted(v)}" for k, v in TEXTS.items()),
    "spaced.csv": "study_id, report\n" + "\n".join(f"{k}, {quoted(v)}" for k, v in TEXTS.items()),
    "commas.tsv": "study_id,report\n" + "\n".join(f"{k},{quoted(v)}" for k, v in TEXTS.items()),
    "old-mac.csv": "study_id,report\r" + "\r".join(f"{k},{quoted(v)}" for k, v in TEXTS.items()),
    "tabs.txt": "\n".join(f"{k}\t{quoted(v)}" for k, v in TEXTS.items()),
    "table.txt": "study_id\treport\n" + "\n".join(f"{k}\t{quoted(v)}" for k, v in TEXTS.items()),
    "lines.txt": "\n".join(json.dumps(row) for row in RECORDS),
    "lines.csv": "\n".join(json.dumps(row) for row in RECORDS),
    "whole.jsonl": json.dumps(RECORDS),
    "indented.jsonl": json.dumps(RECORDS, indent=1),
    "pairs.json": json.dumps(list(map(list, TEXTS.items()))),
    "wrapped.json": json.dumps({"model": "m", "predictions": RECORDS}),
    "wrapped-twice.json": json.dumps({"data": {"reports": RECORDS}}),
    "wrapped-texts.json": json.dumps({"results": TEXTS, "seed": 1}),
    "gts-res.json": json.dumps({"gts": {k: [v] for k, v in OTHERS.items()}, "res": {k: [v] for k, v in TEXTS.items()}}),
    "by-study.json": json.dumps({k: {"gts": OTHERS[k], "res": v} for k, v in TEXTS.items()}),
    "plural.json": json.dumps({"study_ids": list(TEXTS), "reports": list(TEXTS.values())}),
    "series.csv": ",report\n" + "\n".join(f"{k},{quoted(v)}" for k, v in TEXTS.items()),
    "series-split.json": json.dumps({"name": "report", "index": list(TEXTS), "data": list(TEXTS.values())}),
    "frame-split.json": json.dumps(
        {"columns": ["report"], "index": list(TEXTS), "data": [[text] for text in TEXTS.values()]}
    ),
    "findings.json": json.dumps({k: {"findings": v} for k, v in TEXTS.items()}),
    "numbered-findings.json": json.dumps(
        {str(i): {"study_id": k, "findings": v} for i, (k, v) in enumerate(TEXTS.items())}
    ),
    "header.json": json.dumps([["study_id", "report"], *map(list, TEXTS.items())]),
    "commas.txt": "\n".join(f"{k},{quoted(v)}" for k, v in TEXTS.items()),
    "bars.txt": "\n".join(f"{k}|{quoted(v)}" for k, v in TEXTS.items()),
    "indexed-by-study.json": json.dumps({"report": TEXTS}),
    "questions.jsonl": "\n".join(
        json.dumps({"question_id": k, "prompt": "Write.", "text": v}) for k, v in TEXTS.items()
    ),
    "rows.csv": "index,model_output\n" + "\n".join(f"{k},{quoted(v)}" for k, v in TEXTS.items()),
}
ENCODED = {
    "mark.csv": NAMED["spaced.csv"].encode("utf-8-sig"),
    "utf16.csv": NAMED["tabs.tsv"].encode("utf-16"),
    "utf16-be.jsonl": NAMED["lines.json"].encode("utf-16-be"),
    "utf16-le.csv": NAMED["semicolons.csv"].encode("utf-16-le"),
    "utf32.json": NAMED["coco.json"].encode("utf-32"),
    "lines.jsonl.gz": gzip.compress(NAMED["lines.json"].encode(), mtime=0),
    "table.CSV.GZ": gzip.compress(NAMED["spelled.csv"].encode(), mtime=0),
    "not-packed.jsonl.gz": NAMED["lines.json"].encode(),
    "unnamed-gzip.json": gzip.compress(NAMED["coco.json"].encode(), mtime=0),
}


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", "0\nThe heart is large.\nNo effusion.\n", "may be a header or a report.*--report-column"),
        ("a.txt", "CXR1 The heart is large.\nCXR2 No effusion.\n", "begins with what looks like a study id"),
        ("a.txt", "CXR1, The heart, as before.\nCXR2,No effusion.\n", "begins with what looks like a study id"),
        ("a.txt", "3 The heart is large.\n5 No effusion.\n", "begins with what looks like a study id"),
        ("a.json", json.dumps({"cases": ["a1", "a2"], "reports": ["x y", "z"]}), "cases may hold study ids"),
        ("a.json", json.dumps({"s1": ["The", "heart", "is", "large."]}), "a list of 4 single words; join them"),
        ("a.json", json.dumps({"val": [{"id": "1", "report": "x"}]}), "holds the splits val; expected one called test"),
        ("a.json", '{"s1": {"prediction": "x"}, "s1": {"prediction": "y"}}', "s1 stands twice"),
        ("a.json", json.dumps({"index": ["a"], "data": ["x", "y"], "name": "report"}), "differ in length"),
        ("a.json", json.dumps([["study_id", "report"], ["a1"]]), "differ in length"),
    ],
)
def test_what_would_be_misread_is_refused(tmp_path, name, content, message) -> None:
    with pytest.raises(InputError, match=message):
        read_reports(write(tmp_path, name, content))


def test_lists_of_texts_are_several_references_and_said_to_be(tmp_path, caplog) -> None:
    several = [["The heart is large.", "Cardiomegaly."], ["No effusion.", "No pleural effusion."]]
    found = read_reports(write(tmp_path, "a.json", json.dumps(several)), "references")
    assert found.positional
    assert list(found.texts.values()) == [tuple(texts) for texts in several]
    assert "a.json: 2 studies have several references, up to 2; if they are the sentences" in caplog.text


def test_a_text_that_is_missing_in_a_list_is_named(tmp_path) -> None:
    found = read_reports(write(tmp_path, "a.json", json.dumps(["The heart is large.", None])))
    with pytest.raises(InputError, match="1 study with an empty reference or hypothesis: 2"):
        pair_reports(ReportFile("refs", {"1": ("x",), "2": ("y",)}, positional=True), found)


def test_the_split_called_validation_is_none_that_is_tested(tmp_path) -> None:
    splits = {name: [{"id": name, "report": "x"}] for name in ("train", "validation", "test")}
    assert list(read_reports(write(tmp_path, "a.json", json.dumps(splits))).texts) == ["test"]


@pytest.mark.parametrize("name", ENCODED)
def test_compressed_files_and_other_encodings_are_read(tmp_path, name) -> None:
    found = read_reports(write(tmp_path, name, ENCODED[name]))
    assert {study: texts[0] for study, texts in found.texts.items()} == TEXTS


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            "a.csv",
            "study_id,report\n1,Lésion\n".encode("latin-1"),
            "a.csv line 2: not UTF-8 .*; save the file as UTF-8",
        ),
        ("a.xlsx", b"PK\x03\x04rest", "an Excel workbook or a zip archive; save the sheet as CSV"),
        ("a.csv", b"PK\x03\x04rest", "an Excel workbook"),
        ("a.xls", b"\xd0\xcf\x11\xe0rest", "an old Excel workbook"),
        ("a.parquet", b"PAR1rest", "Parquet file; write it as JSON Lines, with pandas: frame.to_json"),
        ("a.pkl", b"\x80\x04\x95rest", "a pickle, which is not opened"),
        ("a.jsonl.gz", gzip.compress(b"x" * 999, mtime=0)[:-20], "gzip that can't be unpacked"),
        ("a.md", b"text", "unknown kind of file '.md'"),
        ("a.json", b"{'s1': 'Clear.'}", "not JSON .*; it looks like Python's repr: write it with json.dump"),
        (
            "a.csv",
            b"filename,sentence\n1,Clear.\n",
            "of 2 columns, filename among them, none is called report",
        ),
    ],
)
def test_what_is_no_text_is_refused_with_advice(tmp_path, name, content, message) -> None:
    with pytest.raises(InputError, match=message):
        read_reports(write(tmp_path, name, content))
    with pytest.raises(InputError, match="is a folder"):
        read_reports(tmp_path)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("both.jsonl", "\n".join(json.dumps({"reference": OTHERS[k], "prediction": v}) for k, v in TEXTS.items())),
        ("both.json", json.dumps({"references": list(OTHERS.values()), "predictions": list(TEXTS.values())})),
        ("both.csv", "gt,pred\n" + "\n".join(f"{OTHERS[k]},{quoted(v)}" for k, v in TEXTS.items())),
        ("keyed.json", NAMED["by-study.json"]),
        ("apart.json", NAMED["gts-res.json"]),
    ],
)
def test_both_sides_in_one_file_with_and_without_ids(tmp_path, name, content) -> None:
    path = write(tmp_path, name, content)
    pairs = pair_reports(read_reports(path, "references"), read_reports(path))
    assert pairs.hypotheses == tuple(TEXTS.values())
    assert pairs.references == tuple((text,) for text in OTHERS.values())


def test_a_header_of_unknown_names_is_no_study(tmp_path) -> None:
    """In both files it would be one more pair, and the best one."""
    path = write(tmp_path, "odd.csv", "visit,dictation\ns1,The heart is enlarged.\ns2,No effusion.\n")
    with pytest.raises(InputError, match=r"odd\.csv line 1 may be a header or a study: .* say which with"):
        read_reports(path)
    named = read_reports(path, columns=Columns("visit", "dictation"))
    assert list(named.texts) == ["s1", "s2"]
    # where the others look like it, it is a study
    plain = read_reports(write(tmp_path, "plain.csv", "a,normal\nb,No effusion.\n"))
    assert list(plain.texts) == ["a", "b"]


def test_near_ids_are_told_by_what_differs_and_one_real_pair() -> None:
    """Capitals that both files have are no difference, and the two of the example are one study."""
    references = ReportFile("refs", {f"CXR{n}_IM": ("text",) for n in (10, 2, 3)})
    predictions = ReportFile("preds", {f"CXR{n}_IM.png": ("x",) for n in (3, 2, 10)})
    with pytest.raises(InputError) as caught:
        pair_reports(references, predictions)
    assert str(caught.value) == (
        "3 study ids of preds and refs differ only by an ending (CXR3_IM.png there is CXR3_IM here); "
        "pass --allow-ids to take them for the same"
    )


@pytest.mark.parametrize("name", NAMED)
def test_what_tools_write_is_read(tmp_path, name) -> None:
    found = read_reports(write(tmp_path, name, NAMED[name]))
    assert {study: texts[0] for study, texts in found.texts.items()} == TEXTS
    assert not found.positional


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("gts.csv", "\n".join(map(quoted, TEXTS.values()))),
        ("list.json", json.dumps(list(TEXTS.values()))),
        ("lines.txt", "\n".join(TEXTS.values()) + "\n"),
        ("texts.jsonl", "\n".join(json.dumps({"prediction": text}) for text in TEXTS.values())),
        ("numbered.csv", ",report\n" + "\n".join(f"{i},{quoted(text)}" for i, text in enumerate(TEXTS.values()))),
        ("several.json", json.dumps([[text] for text in TEXTS.values()])),
        ("scored.json", json.dumps({"scores": [0.5, 0.25], "predictions": list(TEXTS.values())})),
        ("unnamed.csv", "Unnamed: 0,report\n" + "\n".join(f"0,{quoted(text)}" for text in TEXTS.values())),
    ],
)
def test_files_without_ids_are_matched_by_position_and_say_so(tmp_path, caplog, name, content) -> None:
    found = read_reports(write(tmp_path, name, content))
    assert found.positional
    assert "matched with the other file by their position" in caplog.text
    references = ReportFile("refs", {"b": ("x",), "a": ("y",)})
    assert pair_reports(references, found).hypotheses == tuple(TEXTS.values())
    with pytest.raises(InputError, match="can't be matched by position"):
        pair_reports(ReportFile("refs", {"b": ("x",)}), found)


def test_one_record_is_one_study(tmp_path) -> None:
    found = read_reports(write(tmp_path, "one.json", '{"study_id": "s1", "report": "Clear."}'))
    assert found.texts == {"s1": ("Clear.",)}


def test_both_sides_in_one_file_are_told_apart(tmp_path, caplog) -> None:
    path = write(tmp_path, "both.csv", "id,gt,pred\n1,a,b\n")
    assert read_reports(path, "references").texts == {"1": ("a",)}
    assert read_reports(path, "predictions").texts == {"1": ("b",)}
    assert "read from pred, not from gt" in caplog.text
    assert read_reports(path, columns=Columns(report="GT")).texts == {"1": ("a",)}


def test_a_report_by_the_word_nan_is_warned_of_and_a_missing_one_named(tmp_path, caplog) -> None:
    found = read_reports(write(tmp_path, "a.csv", "study_id,report\n1,nan\n"))
    assert found.texts == {"1": ("nan",)}
    assert "1 report is the word nan" in caplog.text
    missing = read_reports(write(tmp_path, "a.jsonl", '{"study_id": "7", "report": NaN}'))
    with pytest.raises(InputError, match=r"1 study with an empty reference or hypothesis: 7"):
        pair_reports(ReportFile("refs", {"7": ("x",)}), missing)


@pytest.mark.parametrize(
    ("there", "here", "reason"),
    [
        ("s50", "50", "an s before the number"),
        ("50.0", "50", "a trailing .0"),
        ("5", "0005", "leading zeros"),
        (" a1", "a1", "blanks"),
        ("A1", "a1", "capitals"),
        ("p10/s50.txt", "50", "a folder and an ending and an s before the number"),
    ],
)
def test_ids_that_nearly_meet_are_explained_and_joined_on_request(there, here, reason) -> None:
    references, predictions = ReportFile("refs", {here: ("x",)}), ReportFile("preds", {there: ("y",)})
    with pytest.raises(InputError, match=f"differ only by {reason}.*--allow-ids"):
        pair_reports(references, predictions)
    pairs = pair_reports(references, predictions, ["ids"])
    assert (pairs.study_ids, pairs.hypotheses, pairs.allowed) == ((here,), ("y",), "ids=1")


def test_ids_that_would_fall_together_are_not_joined() -> None:
    references = ReportFile("refs", {"1": ("x",), "01": ("y",)})
    with pytest.raises(InputError, match="no study id in common"):
        pair_reports(references, ReportFile("preds", {"1.0": ("z",)}), ["ids"])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"study_id": "a", "report": "x", "reports": "y"}', "in report, reports; .*--report-column"),
        ('{"study_id": "a", "id": "b", "report": "x"}', "told by study_id, id; .*--id-column"),
        ('{"study_id": "a", "findings": "x", "impression": "y"}', "in findings, impression"),
        ('{"study_id": "a", "study_id": "b", "report": "x"}', "study_id stands twice"),
        ('{"study_id": "a", "gt": "x"}', "no predictions but references"),
    ],
)
def test_what_has_two_readings_is_refused(tmp_path, content, message) -> None:
    with pytest.raises(InputError, match=message):
        read_reports(write(tmp_path, "a.jsonl", content))


def test_equal_columns_are_refused(tmp_path) -> None:
    with pytest.raises(InputError, match="names report twice"):
        read_reports(write(tmp_path, "a.csv", "study_id,report,report\n1,a,b\n"))


def test_empty_cells_below_a_spreadsheets_table_are_no_rows(tmp_path) -> None:
    (tmp_path / "a.csv").write_bytes(b'sep=;\r\nStudy ID;Report;;\r\na;"Clear\nlungs";;\r\n;;;\r\nb; ;;\r\n;;;\r\n')
    found = read_reports(tmp_path / "a.csv", "predictions")
    assert found.texts == {"a": ("Clear\nlungs",), "b": (" ",)}
    (tmp_path / "a.csv").write_text("study_id,report\n ,text\n")
    with pytest.raises(InputError, match="study_id must be"):
        read_reports(tmp_path / "a.csv", "predictions")


def test_excels_unicode_text_and_very_long_texts(tmp_path) -> None:
    long = "no effusion " * 20_000
    content = f"study_id\treport\n1\t{long}\n".encode("utf-16")
    assert read_reports(write(tmp_path, "a.csv", content)).texts == {"1": (long,)}


SHAPES = {**NAMED, "gts.csv": "\n".join(map(quoted, TEXTS.values())), "list.json": json.dumps(list(TEXTS.values()))}


def mutated(content: bytes, cuts: list[tuple[int, int, bytes]]) -> bytes:
    for place, length, put in cuts:
        at = place % (len(content) + 1)
        content = content[:at] + put + content[at + length :]
    return content


def check_mutation(folder: Path, name: str, cuts: list[tuple[int, int, bytes]]) -> None:
    path = write(folder, name, mutated(SHAPES[name].encode(), cuts))
    message = ""
    try:
        found = read_reports(path)
        assert all(isinstance(text, str) for texts in found.texts.values() for text in texts)
    except InputError as error:
        message = str(error)
    assert "\n" not in message
    assert not any(word in message for word in ("lungs", "effusion", "heart", "stable"))


cuts = st.lists(
    st.tuples(
        st.integers(0, 400),
        st.integers(0, 12),
        st.sampled_from([b"", b",", b'"', b"\n", b"{", b"]", b"\xff", b"\x00", b":"]),
    ),
    min_size=1,
    max_size=4,
)


@settings(max_examples=400)
@given(st.sampled_from(sorted(SHAPES)), cuts)
def test_mutated_files_are_read_or_refused_in_a_line_without_text(tmp_path_factory, name, cuts) -> None:
    check_mutation(tmp_path_factory.getbasetemp(), name, cuts)


@pytest.mark.slow
@settings(max_examples=2000)
@given(st.sampled_from(sorted(SHAPES)), cuts)
def test_two_thousand_mutated_files(tmp_path_factory, name, cuts) -> None:
    check_mutation(tmp_path_factory.getbasetemp(), name, cuts)


@pytest.mark.parametrize("header", ["report\n", ""])
def test_a_blank_line_between_reports_without_ids_is_an_empty_report(tmp_path, header) -> None:
    """Else the studies behind it would move up."""
    found = read_reports(write(tmp_path, "p.csv", f"{header}Clear.\n\nLarge effusion.\n\n\nEdema.\n\n"))
    assert list(found.texts.values()) == [("Clear.",), ("",), ("Large effusion.",), ("",), ("",), ("Edema.",)]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (["study_id", "report", "report"], "the header names report twice"),
        (2, "columns is no list of names"),
        (None, "columns is no list of names"),
        ([["study_id"], "report"], "columns is no list of names"),
        ([0, 1], "p.json"),
    ],
)
def test_columns_of_pandas_that_are_no_names_are_refused(tmp_path, columns, message) -> None:
    width = len(columns) if isinstance(columns, list) else 2
    table = {"columns": columns, "data": [["a", "Clear.", "Edema."][:width]]}
    with pytest.raises(InputError, match=message):
        read_reports(write(tmp_path, "p.json", json.dumps(table)))


def test_clinical_efficacy_says_that_it_reads_the_first_of_several_references(caplog) -> None:
    references = {"a": ["The lungs are clear.", "Large right pleural effusion."], "b": ["No effusion."]}
    score(references, {"a": "Large right pleural effusion.", "b": "No effusion."}, metrics=["ce"], intervals=False)
    assert "reads a study's first reference; several in 1 of 2 studies" in caplog.text
    caplog.clear()
    score(references, {"a": "No effusion.", "b": "No effusion."}, metrics=["bleu_1"], intervals=False)
    assert not caplog.text


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.txt", "3 mm nodule, right.\n5 mm nodule, left.\n"),
        ("a.json", json.dumps({"report": ["No effusion.", "Edema."], "lengths": [3, 5], "epoch": 3})),
    ],
)
def test_counts_in_front_of_lines_and_numbers_beside_texts_are_no_ids(tmp_path, name, content) -> None:
    assert read_reports(write(tmp_path, name, content)).positional


def test_rows_under_a_header_may_hold_numbers_and_nothing(tmp_path) -> None:
    rows = [["study_id", "report"], [1, "The heart is normal."], [2, None], [None, None]]
    assert dict(read_reports(write(tmp_path, "a.json", json.dumps(rows))).texts) == {
        "1": ("The heart is normal.",),
        "2": ("",),
    }
