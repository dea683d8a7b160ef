"""Judges against a model on this machine that answers by rule, and badly: values, receipts, transcripts, signatures."""

import json
import logging
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from loopback_endpoint import Loopback, Reply, loopback

import rrgbench
from rrgbench.errors import InputError, MissingPartError
from rrgbench.judges.crimson import Comparison, value
from rrgbench.judges.error_counts import Counts, errors, green
from rrgbench.judges.prompt import Prompt, load_prompt
from rrgbench.metrics.external.loading import about_plug_in, load_metric, plug_in_metrics
from rrgbench.scoring.signature import parse
from rrgbench.scoring.values import Scores

JUDGES = ("chexprompt", "crimson", "green_judge", "radfact")
REFERENCES = {
    "a": "Large left effusion. The heart is enlarged.",
    "b": "Clear lungs.",
    "c": "Small nodule in the right apex.",
}
REPORTS = {
    "a": "Large left effusion. The heart is normal.",
    "b": "Clear lungs. Left effusion.",
    "c": "Small nodule in the right apex.",
}
KINDS = "false_finding missing_finding wrong_location wrong_severity false_comparison missing_comparison"
NONE = dict.fromkeys(KINDS.split(), 0)


def between(text: str, tag: str) -> str:
    return re.search(rf"<{tag}>\n(.*?)\n</{tag}>", text, re.DOTALL)[1].strip()  # type: ignore[index]


def sentences(text: str) -> list[str]:
    return [one.strip() for one in text.split(".") if one.strip()]


def abnormal(text: str) -> list[str]:
    return [one for one in sentences(text) if not re.search("clear|normal", one, re.IGNORECASE)]


def finding(name: str, significance: str) -> dict[str, str]:
    return {"id": name, "finding": "...", "significance": significance}


def by_rule(request: dict[str, Any]) -> dict[str, Any]:
    """What a judge would say that compares sentences word by word."""
    asked = request["messages"][1]["content"]
    if "<statements>" in asked:
        told = [re.sub(r"^\d+\. ", "", one) for one in between(asked, "statements").splitlines()]
        known = [one.removeprefix("- ") for one in between(asked, "evidence").splitlines()]
        return {"follows": [one in known for one in told]}
    if "<report>" in asked:
        return {"statements": sentences(between(asked, "report"))}
    reference, candidate = abnormal(between(asked, "reference")), abnormal(between(asked, "candidate"))
    both = [one for one in reference if one in candidate]
    if "matched_findings" in asked:
        found = {**NONE, "missing_finding": len(reference) - len(both), "false_finding": len(candidate) - len(both)}
        return {"significant": found, "insignificant": {**NONE, "wrong_severity": 1}, "matched_findings": len(both)}
    return {
        "reference_findings": [finding(f"R{at}", "urgent") for at in range(len(reference))],
        "predicted_findings": [finding(f"P{at}", "actionable") for at in range(len(candidate))],
        "matched": [
            {"reference": f"R{reference.index(one)}", "predicted": f"P{candidate.index(one)}", "errors": []}
            for one in both
        ],
    }


EXPECTED = {
    "crimson": {"crimson": [0.5, -0.5 / 1.5, 1.0]},
    "radfact": {
        "radfact_precision": [0.5, 0.5, 1.0],
        "radfact_recall": [0.5, 1.0, 1.0],
        "radfact_f1": [0.5, 2 / 3, 1.0],
    },
    "chexprompt": {"chexprompt": [2.0, 2.0, 1.0], "chexprompt_significant": [1.0, 1.0, 0.0]},
    "green_judge": {"green_judge": [0.5, 0.0, 1.0]},
}


def wrapped(text: str, number: int) -> str:
    """Answers as models write them: bare, fenced, after a thought that holds braces, with a trailing remark."""
    return (text, f"```json\n{text}\n```", f"<think>{{maybe}} {{}}</think>\n{text}", f"{text}\nHope this helps!")[
        number % 4
    ]


def answers(request: dict[str, Any], number: int) -> Reply:
    return Reply(wrapped(json.dumps(by_rule(request)), number))


def judged(name: str, server: Loopback | None, **options: str) -> Scores:
    address = {} if server is None else {"base_url": server.url}
    metric = load_metric(name, model="judge", **address, **options)
    return rrgbench.score(REFERENCES, REPORTS, "raw", [metric], intervals=False, certificate=False)


@pytest.mark.parametrize("name", JUDGES)
def test_a_judge_gives_what_its_answers_say(name: str) -> None:
    with loopback(answers) as server:
        found = judged(name, server)
    for key, values in EXPECTED[name].items():
        assert found.per_study[key].tolist() == pytest.approx(values), key
        assert found[key].value == pytest.approx(np.mean(values))
    asked = [request["messages"][1]["content"] for request in server.requests]
    assert not any("[[" in text for text in asked)
    assert all(request["temperature"] == 0 for request in server.requests)


@pytest.mark.parametrize("name", JUDGES)
def test_signatures_name_model_and_prompt(name: str) -> None:
    with loopback(answers) as server:
        found = judged(name, server)
    signature = str(found.signature)
    assert "model=judge" in signature
    names = {"radfact": ("radfact-phrases", "radfact-entailment"), "crimson": ("crimson",)}
    for prompt in names.get(name, ("errors",)):
        assert load_prompt(prompt).identity in signature
    assert re.search(r"prompt=[a-z-]+@1#[0-9a-f]{8}", signature)
    assert str(parse(signature)) == signature
    assert server.url not in signature


def test_a_prompt_that_changes_signs_otherwise() -> None:
    prompt = load_prompt("crimson")
    for change in ({"user": prompt.user + " "}, {"system": "x"}, {"settings": {"temperature": 1}}):
        assert Prompt(**{**prompt.model_dump(), **change}).identity != prompt.identity
    assert "[[report]] {x}" in prompt.messages(reference="[[report]] {x}", report="y")[1]["content"]


def test_transcripts_replay_without_a_server_and_receipts_say_the_cost(tmp_path: Path, caplog) -> None:
    kept = tmp_path / "kept"
    with loopback(answers) as server, caplog.at_level(logging.INFO):
        first = judged("radfact", server, transcripts=str(kept), prices="2,10")
        asked = len(server.requests)
        judged("radfact", server, transcripts=str(kept), prices="2,10")
        assert len(server.requests) == asked
    # five different reports, and each pair in both directions, but once where the two are equal
    assert asked == 5 + 5
    assert caplog.text.count("judge radfact: {") == 2
    (receipt,) = [json.loads(line) for line in (kept / "receipts.jsonl").read_text().splitlines()]
    assert {key: receipt[key] for key in ("asked", "replayed", "unreadable", "prompt_tokens", "completion_tokens")} == {
        "asked": asked,
        "replayed": 0,
        "unreadable": 0,
        "prompt_tokens": 100 * asked,
        "completion_tokens": 20 * asked,
    }
    assert receipt["cost"] == pytest.approx(asked * (100 * 2 + 20 * 10) / 1e6)
    assert receipt["served"] == ["judge-2026-01-01"]
    assert receipt["seconds"] > 0
    assert receipt["prompts"] == [load_prompt("radfact-phrases").identity, load_prompt("radfact-entailment").identity]
    offline = judged("radfact", None, transcripts=str(kept), offline="yes")
    assert offline.per_study.equals(first.per_study)
    assert str(offline.signature) == str(first.signature)
    with pytest.raises(MissingPartError, match="no transcript"):
        judged("crimson", None, transcripts=str(kept), offline="yes")


WRONG = {
    "prose": "I cannot compare these.",
    "another shape": '{"score": 0.9}',
    "unlisted match": json.dumps(
        {"reference_findings": [], "predicted_findings": [], "matched": [{"reference": "R9", "predicted": "P9"}]}
    ),
    "matched twice": json.dumps(
        {
            "reference_findings": [finding("R1", "urgent")],
            "predicted_findings": [finding("P1", "urgent"), finding("P2", "urgent")],
            "matched": [{"reference": "R1", "predicted": one} for one in ("P1", "P2")],
        }
    ),
    "unknown weight": json.dumps(
        {"reference_findings": [finding("R1", "bad")], "predicted_findings": [], "matched": []}
    ),
    "cut": '{"reference_findings": [{"id": "R1", "signif',
    "braces": "{" * 500,
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_an_answer_that_cannot_be_read_is_asked_again_and_then_refused(wrong: str, tmp_path: Path) -> None:
    with loopback(lambda request, number: answers(request, 0) if request["seed"] else Reply(wrong)) as server:
        found = judged("crimson", server)
        assert found.per_study["crimson"].tolist() == pytest.approx(EXPECTED["crimson"]["crimson"])
        assert sorted(request["seed"] for request in server.requests) == [0, 0, 0, 1, 1, 1]

    def never(request: dict[str, Any], number: int) -> Reply:
        return Reply(wrong) if "Clear lungs" in request["messages"][1]["content"] else answers(request, 0)

    with loopback(never) as server, pytest.raises(InputError, match=r"crimson gave no number for 1 studies: b$"):
        judged("crimson", server, transcripts=str(tmp_path))
    (receipt,) = [json.loads(line) for line in (tmp_path / "receipts.jsonl").read_text().splitlines()]
    assert receipt["unreadable"] == 1


def test_verdicts_of_another_number_than_statements_are_asked_again() -> None:
    def short(request: dict[str, Any], number: int) -> Reply:
        said = by_rule(request)
        if "follows" in said and request["seed"] < 2:
            said = {"follows": said["follows"] + [True]}
        return Reply(json.dumps(said))

    with loopback(short) as server:
        assert judged("radfact", server).per_study["radfact_f1"].tolist() == pytest.approx([0.5, 2 / 3, 1.0])


def test_answers_of_two_models_are_warned_of(caplog) -> None:
    def changing(request: dict[str, Any], number: int) -> Reply:
        content = json.loads(answers(request, 0).content("judge"))
        return Reply(body=json.dumps({**content, "model": f"judge-{number % 2}"}).encode())

    with loopback(changing) as server:
        judged("crimson", server)
    assert "answers come from different models: judge-0, judge-1" in caplog.text


def test_crimson_is_the_papers_formula() -> None:
    def compared(reference: str, predicted: str, matched: list[dict[str, Any]]) -> float:
        weights = {"u": "urgent", "a": "actionable", "n": "not_actionable", "b": "benign"}
        sides = {
            name: [{"id": f"{mark}{at}", "significance": weights[one]} for at, one in enumerate(letters)]
            for name, mark, letters in (("reference_findings", "R", reference), ("predicted_findings", "P", predicted))
        }
        return value(Comparison.model_validate({**sides, "matched": matched}))

    def match(at: int, *errors: bool) -> dict[str, Any]:
        faults = [{"kind": "location", "significant": one} for one in errors]
        return {"reference": f"R{at}", "predicted": f"P{at}", "errors": faults}

    assert compared("", "", []) == 1.0
    assert compared("b", "", []) == 1.0
    assert compared("ua", "ua", [match(0), match(1)]) == 1.0
    assert compared("ua", "u", [match(0)]) == pytest.approx(1 / 1.5)
    assert compared("u", "u", [match(0, True)]) == pytest.approx(1 / 1.5)
    assert compared("u", "u", [match(0, False, True, True)]) == pytest.approx(0.5)
    assert compared("u", "ua", [match(0)]) == pytest.approx(0.5)
    assert compared("u", "", []) == 0.0
    assert compared("a", "uu", []) == pytest.approx(-2 / 3)
    assert compared("", "n", []) == pytest.approx(-0.2)
    assert compared("b", "b", [match(0, True)]) == 1.0
    assert -1 < compared("n", "u" * 500, []) < -0.99


def test_error_counts_make_both_metrics() -> None:
    read = Counts.model_validate(
        {
            "significant": {**NONE, "false_finding": 2},
            "insignificant": {**NONE, "wrong_severity": 1},
            "matched_findings": 3,
        }
    )
    assert errors(read) == (3.0, 2.0)
    assert green(read) == (0.6,)
    assert green(read.model_copy(update={"matched_findings": 0})) == (0.0,)


def test_judges_are_metrics_and_run_only_by_name() -> None:
    found = plug_in_metrics()
    assert {name for name, one in found.items() if one.judge} == {*JUDGES, "green", "crimson_medgemma"}
    assert "language model behind an OpenAI-compatible endpoint" in about_plug_in("crimson")
    assert set(rrgbench.score(REFERENCES, REPORTS, intervals=False)) & {"crimson", "radfact_f1"} == set()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "no model is named"),
        ({"model": "m"}, "expected the endpoint's address"),
        ({"model": "m", "base_url": "http://x", "offline": "maybe"}, "expected yes or no"),
        ({"model": "m", "base_url": "http://x", "prices": "3"}, "expected two numbers"),
        ({"model": "m", "base_url": "http://x", "timeout": "long"}, "timeout is 'long'"),
    ],
)
def test_options_that_make_no_judge_are_refused(options: dict[str, str], words: str) -> None:
    with pytest.raises(InputError, match=words):
        load_metric("crimson", **options)
