"""Served models, tested against a server of our own that also misbehaves."""

import base64
import io
import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from rrgbench.adapters import openai
from rrgbench.adapters.openai import ServedModel, load
from rrgbench.adapters.prompts import load_prompt
from rrgbench.cli.main import app
from rrgbench.data.examination import Examination, Film
from rrgbench.data.phantom import load as load_phantom
from rrgbench.errors import InputError, MissingPartError
from rrgbench.tasks.runner import evaluate
from rrgbench.tasks.suite import Suite

KEY = "sk-secret-of-the-test"


def completion(text: str | None, **message: Any) -> bytes:
    choice = {"message": {"role": "assistant", "content": text, **message}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 1000, "completion_tokens": 50}
    return json.dumps({"id": "x", "choices": [choice], "usage": usage}).encode()


class Loopback(ThreadingHTTPServer):
    """A server whose `behave(body, attempt)` says what it does with a request: a status with headers and content."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.behave: Callable[[dict[str, Any], int], tuple[int, dict[str, str], bytes]] = lambda body, attempt: (
            200, {}, completion("The lungs are clear."),
        )  # fmt: skip
        self.requests: list[tuple[dict[str, str], dict[str, Any]]] = []
        self.attempts: dict[str, int] = {}
        self.at_once, self.most = 0, 0
        self.lock = threading.Lock()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is part of what is tested."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"


class Handler(BaseHTTPRequestHandler):
    server: Loopback

    def do_POST(self) -> None:
        text = self.rfile.read(int(self.headers["Content-Length"]))
        body, server = json.loads(text), self.server
        with server.lock:
            server.requests.append((dict(self.headers), body))
            attempt = server.attempts[text.decode()] = server.attempts.get(text.decode(), 0) + 1
            server.at_once += 1
            server.most = max(server.most, server.at_once)
        try:
            status, headers, content = server.behave(body, attempt)
            self.send_response(status)
            for name, value in {"Content-Length": str(len(content)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)
        finally:
            with server.lock:
                server.at_once -= 1

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Loopback]:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(openai, "_LONGEST_PAUSE", 0.01)
    made = Loopback()
    thread = threading.Thread(target=made.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield made
    made.shutdown()
    made.server_close()


@pytest.fixture
def served(server: Loopback, tmp_path: Path) -> Callable[..., ServedModel]:
    def make(**options: Any) -> ServedModel:
        given = {"film_size": 16, "cache": str(tmp_path / "answers"), **options}
        return load("org/model:7b", base_url=server.url, **given)

    return make


def studies(count: int = 3) -> list[Examination]:
    return [
        Examination(f"s{n}", (Film(np.full((16, 16), n, np.uint8), "PA"), Film(np.full((16, 16), 99, np.uint8), "LL")))
        for n in range(count)
    ]


def grey(body: dict[str, Any]) -> int:
    """The grey of the first film of a request, which is its study's number."""
    url = body["messages"][-1]["content"][0]["image_url"]["url"]
    return int(np.asarray(Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2])))).max())


def test_a_request_holds_films_prompt_and_settings(served: Callable[..., ServedModel], server: Loopback) -> None:
    model = served(body='{"reasoning_effort": "low"}', token_field="max_completion_tokens", max_tokens=77, seed=3)
    assert model.generate_reports(studies(1)) == ["The lungs are clear."]
    ((headers, body),) = server.requests
    asked = load_prompt("findings").ask(studies(1)[0])
    assert headers["Authorization"] == f"Bearer {KEY}"
    assert body["model"] == "org/model:7b"
    assert (body["max_completion_tokens"], body["temperature"], body["seed"]) == (77, 0.0, 3)
    assert body["reasoning_effort"] == "low"
    assert body["messages"][0] == {"role": "system", "content": asked.system}
    first, second, words = body["messages"][1]["content"]
    assert words == {"type": "text", "text": asked.user}
    films = [one["image_url"]["url"] for one in (first, second)]
    assert all(url.startswith("data:image/png;base64,") for url in films)
    assert grey(body) == 0
    assert model.name == "model-7b"
    assert "temperature" not in served(temperature=-1).request(studies(1)[0])


def test_answers_come_in_order_and_side_by_side(served: Callable[..., ServedModel], server: Loopback) -> None:
    meet = threading.Barrier(4, timeout=20)

    def behave(body: dict[str, Any], attempt: int) -> tuple[int, dict[str, str], bytes]:
        meet.wait()
        return 200, {}, completion(f"**FINDINGS:** Film {grey(body)} is clear.")

    server.behave = behave
    assert served(concurrency=4).generate_reports(studies(8)) == [f"Film {n} is clear." for n in range(8)]
    assert server.most == 4


def test_nothing_is_asked_twice(served: Callable[..., ServedModel], server: Loopback, tmp_path: Path) -> None:
    first, again = served(), served()
    texts = first.generate_reports(studies(3))
    assert again.generate_reports(studies(4)[::-1])[1:] == texts[::-1]
    assert len(server.requests) == 4
    assert (first.spent["kept"], again.spent["kept"], again.spent["requests"]) == (0, 3, 1)
    assert served(temperature=0.5).generate_reports(studies(1))
    assert len(server.requests) == 5
    kept = list((tmp_path / "answers").rglob("*.json"))
    assert len(kept) == 5
    assert KEY not in "".join(path.read_text() for path in kept)
    served(cache="").generate_reports(studies(1))
    assert len(server.requests) == 6


@pytest.mark.parametrize("damage", ["cut", "changed", "other", "folder"])
def test_a_damaged_answer_is_asked_for_again(
    damage: str, served: Callable[..., ServedModel], server: Loopback, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    served().generate_reports(studies(1))
    (path,) = (tmp_path / "answers").rglob("*.json")
    text = path.read_text()
    if damage == "folder":
        path.unlink()
        path.mkdir()
    else:
        path.write_text({"cut": text[:50], "changed": text.replace("clear", "white"), "other": "[1]"}[damage])
    if damage == "folder":
        with pytest.raises(OSError, match="directory"):
            served().generate_reports(studies(1))
    else:
        assert served().generate_reports(studies(1)) == ["The lungs are clear."]
        assert path.read_text() == text
    assert "is damaged; it is asked for again" in caplog.text
    assert len(server.requests) == 2


MISBEHAVIOUR = {
    "429": (429, {}, b"slow down"),
    "429 with seconds": (429, {"Retry-After": "0"}, b""),
    "429 with a date": (429, {"Retry-After": formatdate(time.time() - 9, usegmt=True)}, b""),
    "429 with nonsense": (429, {"Retry-After": "soon"}, b""),
    "500": (500, {}, b"<html>oops</html>"),
    "503": (503, {}, b""),
    "529": (529, {}, b'{"error": "overloaded"}'),
    "cut": (200, {"Content-Length": "100000"}, completion("The lungs")),
    "cut in a chunk": (200, {"Transfer-Encoding": "chunked"}, b"fff\r\n" + completion("The")),
    "wrong JSON": (200, {}, b'{"choices": [{"mess'),
    "no JSON": (200, {}, b"<html>gateway</html>"),
    "other JSON": (200, {}, b'{"choices": []}'),
    "a list": (200, {}, b"[]"),
    "an error of 200": (200, {}, b'{"error": {"message": "overloaded"}}'),
    "null": (200, {}, b"null"),
}


@pytest.mark.parametrize("kind", MISBEHAVIOUR)
def test_a_server_that_misbehaves_is_asked_again(
    kind: str, served: Callable[..., ServedModel], server: Loopback
) -> None:
    server.behave = lambda body, attempt: (
        MISBEHAVIOUR[kind] if attempt < 3 else (200, {}, completion("The lungs are clear."))
    )
    assert served().generate_reports(studies(2)) == ["The lungs are clear."] * 2
    assert len(server.requests) == 6


@pytest.mark.parametrize("kind", ["429", "cut", "wrong JSON"])
def test_a_server_that_keeps_misbehaving_ends_the_run_in_a_line_and_what_it_answered_stays(
    kind: str, served: Callable[..., ServedModel], server: Loopback
) -> None:
    server.behave = lambda body, attempt: (
        MISBEHAVIOUR[kind] if grey(body) == 2 else (200, {}, completion("The lungs are clear."))
    )
    with pytest.raises(MissingPartError, match="gave no answer in 3 tries") as error:
        served(tries=3, concurrency=1).generate_reports(studies(4))
    assert "\n" not in str(error.value)
    asked = len(server.requests)
    assert asked == 5
    server.behave = lambda body, attempt: (200, {}, completion("The lungs are clear."))
    served().generate_reports(studies(4))
    assert len(server.requests) == asked + 2


@pytest.mark.parametrize(
    ("body", "expected", "kind"),
    [
        (b"<!doctype html><html>the heart is large</html>", MissingPartError, r"came back but an HTML page\)"),
        (b"the heart is large", MissingPartError, "came back but text that is no JSON"),
        (b"", MissingPartError, "came back but nothing"),
        (
            b'{"model": "m", "response": "the heart is large"}',
            InputError,
            "answers with JSON with the fields model, response, no",
        ),
        (b'{"the heart is large": 1}', InputError, "answers with JSON without a field of a chat completion"),
    ],
)
def test_what_is_no_chat_completion_is_told_by_its_kind_and_sends_to_the_address(
    body: bytes, expected: type[Exception], kind: str, served: Callable[..., ServedModel], server: Loopback
) -> None:
    server.behave = lambda _, attempt: (200, {}, body)
    with pytest.raises(expected, match=kind) as error:
        served(tries=2, concurrency=1).generate_reports(studies(1))
    assert "--base-url" in str(error.value)
    assert "concurrency" not in str(error.value)
    assert "heart" not in str(error.value)
    assert len(server.requests) == (1 if expected is InputError else 2)


def test_a_time_out_is_tried_again(served: Callable[..., ServedModel], server: Loopback) -> None:
    waiting = threading.Event()

    def behave(body: dict[str, Any], attempt: int) -> tuple[int, dict[str, str], bytes]:
        if attempt == 1:
            waiting.wait(30)
        return 200, {}, completion("The lungs are clear.")

    server.behave = behave
    try:
        assert served(timeout=0.3).generate_reports(studies(1)) == ["The lungs are clear."]
    finally:
        waiting.set()
    assert len(server.requests) == 2


def test_no_server_is_an_error_of_one_line(served: Callable[..., ServedModel]) -> None:
    model = load("m", base_url="http://127.0.0.1:9/v1", tries=2, film_size=16, cache="")
    with pytest.raises(MissingPartError, match=r"127.0.0.1:9 gave no answer in 2 tries \(it can't be reached") as error:
        model.generate_reports(studies(1))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("status", "content", "said"),
    [
        (400, b'{"error": {"message": "image too\\nlarge"}}', "refuses the request (HTTP 400: image too large)"),
        (401, b'{"error": {"message": "Incorrect API key provided: KEY"}}', "takes no key that is in OPENAI_API_KEY"),
        (404, b'{"error": {"message": "The model does not exist"}}', "HTTP 404: The model does not exist"),
        (422, b'{"detail": "KEY is wrong"}', "refuses the request (HTTP 422"),
        (422, b'{"error": {"message": "bad header Bearer KEY"}}', "bad header Bearer ***"),
        (302, b"", "refuses the request (HTTP 302"),
    ],
)
def test_a_mistake_is_not_tried_again_and_the_key_is_told_nobody(
    status: int, content: bytes, said: str, served: Callable[..., ServedModel], server: Loopback,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    headers = {"Location": "http://127.0.0.1:1/elsewhere"} if status == 302 else {}
    server.behave = lambda body, attempt: (status, headers, content.replace(b"KEY", KEY.encode()))
    with caplog.at_level(logging.DEBUG), pytest.raises(InputError) as error:
        served(concurrency=1).generate_reports(studies(3))
    assert said in str(error.value)
    assert "\n" not in str(error.value)
    assert KEY not in str(error.value) + caplog.text
    assert len(server.requests) == 1


def test_an_error_that_repeats_the_request_is_not_told(
    served: Callable[..., ServedModel], server: Loopback, caplog: pytest.LogCaptureFixture
) -> None:
    def echoed(body: dict[str, Any], attempt: int) -> tuple[int, dict[str, str], bytes]:
        return 400, {}, json.dumps({"error": {"message": f"invalid input: {body['messages']}"}}).encode()

    server.behave = echoed
    with caplog.at_level(logging.DEBUG), pytest.raises(InputError, match=r"refuses the request \(HTTP 400\)$"):
        served(concurrency=1).generate_reports(studies(1))
    assert "invalid input" not in caplog.text


REFUSALS = {
    "named by the server": completion(None, refusal="I can't help with that."),
    "filtered": completion("The").replace(b'"stop"', b'"content_filter"'),
    "in words": completion("I'm sorry, but I can't assist with interpreting medical images."),
    "unable": completion("I am unable to provide a radiology report. Please consult a radiologist."),
    "as an AI": completion("As an AI language model, I cannot diagnose from images."),
    "cannot": completion("I cannot provide an interpretation of this X-ray."),
    "after thinking": completion("<think>hm</think>I can't analyze this medical image."),
}


@pytest.mark.parametrize("kind", REFUSALS)
def test_refusals_are_named_and_not_scored(kind: str, served: Callable[..., ServedModel], server: Loopback) -> None:
    server.behave = lambda body, attempt: (
        200, {}, REFUSALS[kind] if grey(body) == 1 else completion("I cannot exclude a small effusion."),
    )  # fmt: skip
    model = served()
    assert model.generate_reports(studies(3))[1] == ""
    assert model.declined == {"s1": "refused"}
    allowing = served(allow="refused")
    assert allowing.generate_reports(studies(3)) == [
        "I cannot exclude a small effusion.", "", "I cannot exclude a small effusion.",
    ]  # fmt: skip
    assert allowing.declined == {}
    assert allowing.signed["no_report"] == "refused-as-empty"
    assert len(server.requests) == 3


@pytest.mark.parametrize("text", [None, "", "  \n", "<think>The heart is", "```\n```"])
def test_empty_answers_are_named_and_not_scored(
    text: str | None, served: Callable[..., ServedModel], server: Loopback
) -> None:
    server.behave = lambda body, attempt: (200, {}, completion(text))
    model = served()
    assert model.generate_reports(studies(2)) == ["", ""]
    assert model.declined == {"s0": "empty", "s1": "empty"}
    assert served(allow="refused,empty").signed["no_report"] == "empty+refused-as-empty"


def test_an_answer_in_parts_is_one_text(served: Callable[..., ServedModel], server: Loopback) -> None:
    parts = [{"type": "text", "text": "The lungs "}, {"type": "text", "text": "are clear."}]
    server.behave = lambda body, attempt: (200, {}, completion(parts))  # type: ignore[arg-type]
    assert served().generate_reports(studies(1)) == ["The lungs are clear."]


def test_a_run_names_refusals_counts_the_cost_and_goes_on_where_it_stopped(
    served: Callable[..., ServedModel], server: Loopback, tmp_path: Path
) -> None:
    corpus = load_phantom(train=4, validate=0, test=6, retrieval=0)
    suite = Suite(name="few", replicates=10, trivial=(), tasks={"report_generation": {}})
    count = iter(range(100))

    def behave(body: dict[str, Any], attempt: int) -> tuple[int, dict[str, str], bytes]:
        return 200, {}, completion("I'm sorry, I can't." if next(count) == 2 else "The lungs are clear .")

    server.behave = behave
    options = {"concurrency": 1, "price_in": 2.0, "price_out": 10.0}
    with pytest.raises(InputError, match=r"model-7b wrote no report of 1 of 6 studies: 1 refused \(phantom"):
        evaluate(served(**options), corpus, suite, tmp_path / "run")
    assert len(server.requests) == 6
    run = evaluate(served(**options, allow="refused"), corpus, suite, tmp_path / "run")
    assert len(server.requests) == 6
    (spent,) = (tmp_path / "run" / "predictions").glob("*.spent.json")
    told = json.loads(spent.read_text())
    assert (told["requests"], told["kept"], told["tokens_read"], told["tokens_written"]) == (6, 1, 6000, 300)
    assert told["cost"] == pytest.approx(6 * (1000 * 2 + 50 * 10) / 1e6)
    signatures = [f"{one.signature}|" for one in run.records if one.model == "model-7b" and one.signature]
    assert len(signatures) > 5
    assert all("|no_report:refused-as-empty|" in one for one in signatures)


def test_identities_tell_apart_what_is_asked(served: Callable[..., ServedModel], server: Loopback) -> None:
    given: list[dict[str, Any]] = [
        {}, {"prompt": "findings-and-impression"}, {"temperature": 1}, {"max_tokens": 7}, {"seed": 1},
        {"body": {"top_p": 0.5}}, {"views": "frontal"}, {"film_size": 32}, {"extraction": "as-written"},
    ]  # fmt: skip
    identities = [served(**one).identity for one in given]
    assert len(set(identities)) == len(given)
    assert served(concurrency=2, timeout=3, tries=2, price_in=1, cache="").identity == identities[0]
    assert KEY not in "".join(identities)


def test_two_servers_under_one_host_are_two(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    found = [load("m", base_url=f"http://localhost:8000/{team}/v1").identity for team in ("a", "b")]
    assert len(set(found)) == 2
    assert load("m", base_url="http://localhost:8000/a/v1/").identity == found[0]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"concurrency": 0}, "concurrency"),
        ({"beams": 2}, "beams"),
        ({"body": "{"}, "body"),
        ({"base_url": "localhost:8000"}, "is no address"),
        ({"base_url": "http://me:secret@host/v1"}, "holds a password"),
        ({"prompt": "absent.yaml"}, "can't be read"),
    ],
)
def test_options_that_make_no_sense_are_refused(
    options: dict[str, Any], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with pytest.raises(InputError, match=said) as error:
        load("m", **{"base_url": "http://127.0.0.1:9/v1", **options})
    assert "\n" not in str(error.value)
    assert "secret" not in str(error.value)


def test_openai_itself_wants_a_key_and_a_word_about_the_data(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    monkeypatch.setenv("OPENAI_API_KEY", "")
    with pytest.raises(MissingPartError, match="OpenAI wants a key: export OPENAI_API_KEY"):
        load("gpt")
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    assert load("gpt").identity.startswith("gpt@api.openai.com[")
    assert "films and prompts are sent to api.openai.com" in caplog.text
    monkeypatch.setenv("OPENAI_BASE_URL", "http://localhost:8000/v1")
    assert load("gpt").identity.startswith("gpt@localhost:8000[")


def test_the_command_line_asks_a_server(server: Loopback, tmp_path: Path) -> None:
    suite = tmp_path / "few.yaml"
    suite.write_text("replicates: 10\ntrivial: []\ntasks: {report_generation: {}}\n")
    told = ["--model", "openai:org/model:7b", "--base-url", server.url, "--suite", str(suite), "--limit", "3"]
    for option in ("film_size=32", "price_out=4", f"cache={tmp_path / 'answers'}"):
        told += ["--model-option", option]
    for size in ("train=4", "validate=0", "test=4", "retrieval=0"):
        told += ["--option", size]
    done = CliRunner().invoke(app, ["eval", *told, "--out", str(tmp_path / "run")])
    assert done.exit_code == 0, done.output
    assert len(server.requests) == 3
    records = json.loads((tmp_path / "run" / "results.json").read_text())
    assert {one["model"] for one in records} == {"model-7b", "best-constant"}
    written = "".join(path.read_text() for path in (tmp_path / "run").rglob("*") if path.suffix in (".json", ".yaml"))
    assert KEY not in written + done.output
