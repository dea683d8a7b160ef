"""Reports inside what tools of language models write around an answer, and names of columns that they use."""

import json
import logging

import pytest

from rrgbench.errors import InputError
from rrgbench.scoring.report_files import ReportFile, pair_reports, read_reports
from rrgbench.scoring.thinking import without_thinking

TEXTS = {"s1": "Clear lungs, no effusion.", "s2": 'A "large" heart; stable.'}


def lines(rows) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def chat(text, who="role", said="content", assistant="assistant"):
    return [{who: "system", said: "You are"}, {who: "user", said: "Write."}, {who: assistant, said: text}]


def batch(study, text):
    body = {"object": "chat.completion", "choices": [{"index": 0, "message": {"role": "assistant", "content": text}}]}
    return {
        "id": f"batch_req_{study}",
        "custom_id": study,
        "response": {"status_code": 200, "body": body},
        "error": None,
    }


def evaluated(number, study, text):
    return {
        **{"doc_id": number, "doc": {"study_id": study, "findings": "other"}, "target": "other"},
        **{"arguments": [["Write.", {}]], "resps": [[f" {text}"]], "filtered_resps": [text]},
    }


CASES = {
    "messages.jsonl": lines({"study_id": k, "messages": chat(v)} for k, v in TEXTS.items()),
    "parts.jsonl": lines({"study_id": k, "messages": chat([{"type": "text", "text": v}])} for k, v in TEXTS.items()),
    "conversations.json": json.dumps(
        [{"id": k, "image": f"{k}.png", "conversations": chat(v, "from", "value", "gpt")} for k, v in TEXTS.items()]
    ),
    "by-study-messages.json": json.dumps({k: chat(v) for k, v in TEXTS.items()}),
    "batch_output.jsonl": lines(batch(k, v) for k, v in TEXTS.items()),
    "completions.jsonl": lines(
        {"study_id": k, "choices": [{"text": v, "finish_reason": "stop"}]} for k, v in TEXTS.items()
    ),
    "responses.jsonl": lines(
        {
            "custom_id": k,
            "response": {
                "body": {
                    "output": [
                        {"type": "reasoning", "summary": []},
                        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": v}]},
                    ]
                }
            },
        }
        for k, v in TEXTS.items()
    ),
    "vllm.jsonl": lines(
        {"request_id": k, "prompt": "Write.", "outputs": [{"index": 0, "text": v, "token_ids": [1]}]}
        for k, v in TEXTS.items()
    ),
    "samples.jsonl": lines(evaluated(at, k, v) for at, (k, v) in enumerate(TEXTS.items())),
    "pipeline-by-study.json": json.dumps({k: [{"generated_text": v}] for k, v in TEXTS.items()}),
    "chat-pipeline.jsonl": lines({"study_id": k, "generated_text": chat(v)} for k, v in TEXTS.items()),
    "names.csv": 'image_name,predicted_caption\ns1,"Clear lungs, no effusion."\ns2,"A ""large"" heart; stable."\n',
    "unknown.csv": 'film_number,dictated_words\ns1,"Clear lungs, no effusion."\ns2,"A ""large"" heart; stable."\n',
}


@pytest.mark.parametrize("name", CASES)
def test_answers_are_read_where_they_lie(tmp_path, name) -> None:
    path = tmp_path / name
    path.write_text(CASES[name])
    assert read_reports(path).texts == {study: (text,) for study, text in TEXTS.items()}


@pytest.mark.parametrize(
    "content",
    [
        json.dumps([[{"generated_text": text}] for text in TEXTS.values()]),
        lines([{"generated_text": text}] for text in TEXTS.values()),
    ],
)
def test_answers_of_pipelines_go_by_position(tmp_path, content) -> None:
    path = tmp_path / ("a.json" if content.startswith("[[") else "a.jsonl")
    path.write_text(content)
    found = read_reports(path)
    assert found.positional
    assert list(found.texts.values()) == [(text,) for text in TEXTS.values()]


def test_the_number_of_a_document_is_the_id_where_it_has_none(tmp_path) -> None:
    path = tmp_path / "samples.jsonl"
    path.write_text(lines({"doc_id": at, "doc": {}, "resps": [[text]]} for at, text in enumerate(TEXTS.values())))
    assert list(read_reports(path).texts) == ["0", "1"]


def test_the_answers_of_an_evaluation_are_no_references(tmp_path) -> None:
    path = tmp_path / "samples.jsonl"
    path.write_text(lines(evaluated(at, k, v) for at, (k, v) in enumerate(TEXTS.items())))
    assert read_reports(path, "references").texts == {"s1": ("other",), "s2": ("other",)}
    path.write_text(lines({"doc_id": at, "resps": [[text]]} for at, text in enumerate(TEXTS.values())))
    with pytest.raises(InputError, match="no report"):
        read_reports(path, "references")


@pytest.mark.parametrize(
    "row",
    [
        {"study_id": "s1", "outputs": [{"text": "Secret one."}, {"text": "Secret two."}]},
        {"study_id": "s1", "choices": [{"message": {"content": "Secret one."}}, {"message": {"content": "Secret."}}]},
        {"study_id": "s1", "resps": [["Secret one.", "Secret two."]]},
        {"study_id": "s1", "prediction": [{"generated_text": "Secret one."}, {"generated_text": "Secret two."}]},
    ],
)
def test_several_answers_are_refused(tmp_path, row) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(lines([row]))
    with pytest.raises(InputError, match=r"a\.jsonl line 1: 2 answers stand there") as caught:
        read_reports(path)
    assert "Secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("row", "places"),
    [
        ({"study_id": "s1", "report": {"parts": [{"lungs": "Secret one."}]}}, r"report\.parts\[0\]\.lungs"),
        ({"study_id": "s1", "result": {"final": {"words": "Secret one."}}}, r"result\.final\.words"),
        (
            {"custom_id": "s1", "response": {"body": {"error": {"message": "Secret"}}}},
            r"response\.body\.error\.message",
        ),
        ({"study_id": "s1", "report": {"Secret one.": {"x": "Secret"}}}, r"report\.\(a key of 11 characters\)\.x"),
        ({"study_id": "s1", "messages": [{"role": "user", "content": "Secret"}]}, r"messages\[0\]"),
    ],
)
def test_of_what_is_nested_otherwise_the_place_is_told(tmp_path, row, places) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(lines([row]))
    with pytest.raises(InputError, match=f"texts lie at .*{places}") as caught:
        read_reports(path)
    assert "Secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_two_names_above_ids_are_said_to_be_a_header(tmp_path, caplog) -> None:
    path = tmp_path / "a.csv"
    path.write_text(CASES["unknown.csv"])
    with caplog.at_level(logging.WARNING):
        read_reports(path)
    assert "film_number for study ids, dictated_words for reports" in caplog.text


@pytest.mark.parametrize("name", ["case", "StudyInstanceUID", "SOPInstanceUID", "dicom_id", "Image Index"])
@pytest.mark.parametrize(
    "text", ["predicted_caption", "candidate_report", "generated_caption", "output_text", "decoded"]
)
def test_names_that_tools_give_columns(tmp_path, name, text) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"{name},{text},reference_report\n1.2.3,Clear lungs.,Normal.\n")
    assert read_reports(path).texts == {"1.2.3": ("Clear lungs.",)}
    assert read_reports(path, "references").texts == {"1.2.3": ("Normal.",)}


def test_ids_that_were_read_before_come_first(tmp_path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("StudyInstanceUID,study_id,case,report\n1.2,s1,9,Clear.\n")
    assert list(read_reports(path).texts) == ["s1"]


def test_the_answers_of_a_set_for_training_are_references(tmp_path) -> None:
    path = tmp_path / "conversations.json"
    path.write_text(CASES[path.name])
    assert read_reports(path, "references").texts == {study: (text,) for study, text in TEXTS.items()}


def test_a_conversation_beside_another_text_is_said(tmp_path, caplog) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(lines([{"study_id": "s1", "report": "Clear.", "messages": chat("Edema.")}]))
    with caplog.at_level(logging.WARNING):
        assert read_reports(path).texts == {"s1": ("Clear.",)}
    assert "predictions are read from report, not from messages" in caplog.text


@pytest.mark.parametrize(
    "row",
    [
        batch("s1", None),
        {"study_id": "s1", "messages": chat(None)},
        {"study_id": "s1", "choices": [{"text": None, "finish_reason": "content_filter"}]},
        {"study_id": "s1", "output": [{"type": "message", "content": [{"type": "refusal", "refusal": "Secret"}]}]},
        {"study_id": "s1", "messages": chat([{"type": "thinking", "thinking": "Secret, cut off"}])},
        {"custom_id": "s1", "response": None, "error": {"message": "Secret"}},
    ],
)
def test_an_answer_without_words_is_an_empty_report(tmp_path, row) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(lines([row]))
    found = read_reports(path)
    assert found.texts == {"s1": ("",)}
    references = ReportFile("refs.jsonl", {"s1": ("Clear.",)})
    with pytest.raises(InputError, match="1 study with an empty reference or hypothesis: s1"):
        pair_reports(references, found)
    assert pair_reports(references, found, ["empty"]).allowed == "empty=1"


@pytest.mark.parametrize("kind", ["thinking", "reasoning", "redacted_thinking"])
def test_parts_of_thinking_are_no_report(tmp_path, kind) -> None:
    path = tmp_path / "a.jsonl"
    parts = {
        study: [{"type": kind, kind: "Edema?"}, {"type": "text", "text": text[:5]}, {"type": "text", "text": text[5:]}]
        for study, text in TEXTS.items()
    }
    path.write_text(lines({"study_id": k, "messages": chat(v)} for k, v in parts.items()))
    assert read_reports(path).texts == {study: (text,) for study, text in TEXTS.items()}


@pytest.mark.parametrize(
    "given",
    ["<think>Edema?\n\nNo.</think>\n{}", "<Thinking>Edema?</Thinking> {}", "Edema? No.</think>\n\n{}"],
)
@pytest.mark.parametrize("shape", ["field", "chat"])
def test_thinking_is_left_out_as_of_served_models_and_said_once(tmp_path, caplog, given, shape) -> None:
    path = tmp_path / "a.jsonl"
    texts = {study: given.format(text) for study, text in TEXTS.items()}
    path.write_text(
        lines(
            {"study_id": k, "messages": chat(v)} if shape == "chat" else {"study_id": k, "response": v}
            for k, v in texts.items()
        )
    )
    with caplog.at_level(logging.WARNING):
        assert read_reports(path).texts == {study: (text,) for study, text in TEXTS.items()}
    assert [record.getMessage() for record in caplog.records] == [
        "a.jsonl: 2 studies hold a model's thinking (<think>), which is left out of the report"
    ]


def test_thinking_that_was_cut_off_leaves_no_report(tmp_path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("study_id,response\ns1,<think>Edema or\ns2, Nodule < 5 mm. \n")
    assert read_reports(path).texts == {"s1": ("",), "s2": (" Nodule < 5 mm. ",)}


def test_long_texts_without_thinking_are_read_in_a_moment() -> None:
    text = "nodule < 5 mm </b> " * 20_000
    assert without_thinking(text) == text.strip()
