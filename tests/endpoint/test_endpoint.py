"""The client of chat endpoints against a server on this machine that also misbehaves."""

import json
from pathlib import Path

import pytest
from loopback_endpoint import Loopback, Reply, loopback

from rrgbench.endpoint import Endpoint, request_digest
from rrgbench.errors import InputError, MissingPartError

CHAT = [{"role": "user", "content": "The report says: there is a small left pleural effusion."}]


def endpoint(server: Loopback, waits: list[float] | None = None, **options) -> Endpoint:
    kept = [] if waits is None else waits
    return Endpoint(**{"model": "judge", "base_url": server.url, "attempts": 3, "wait": kept.append, **options})


def test_an_answer_with_what_it_cost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    with loopback(lambda request, number: Reply("fine")) as server:
        answer = endpoint(server).ask(CHAT, temperature=0, seed=1)
    assert (answer.text, answer.model) == ("fine", "judge-2026-01-01")
    assert (answer.prompt_tokens, answer.completion_tokens, answer.replayed, answer.cut) == (100, 20, False, False)
    assert server.requests == [
        {"path": "/v1/chat/completions", "model": "judge", "messages": CHAT, "temperature": 0, "seed": 1}
    ]
    assert server.headers[0]["Authorization"] == "Bearer secret"


def test_a_key_of_a_file_with_line_ends_is_stripped_and_one_that_is_none_is_not_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with loopback(lambda request, number: Reply("fine")) as server:
        monkeypatch.setenv("OPENAI_API_KEY", "secret\r\n")
        endpoint(server).ask(CHAT)
        assert server.headers[0]["Authorization"] == "Bearer secret"
        for wrong in ("sec\rret", "\u201csecret\u201d"):
            monkeypatch.setenv("OPENAI_API_KEY", wrong)
            with pytest.raises(InputError, match="OPENAI_API_KEY holds characters that no key has") as caught:
                endpoint(server).ask(CHAT)
            assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "broken",
    [
        Reply(status=429, body=b'{"error": {"message": "slow down"}}'),
        Reply(status=503, body=b"<html>"),
        Reply(body=b"not json"),
        Reply(body=b'{"choices": []}'),
        Reply(body=b'["a list"]'),
        Reply(body=b'{"choices": [{"message": {"content": null}}]}'),
        Reply(body=b'{"choices": [{"message": {"content": [3]}}]}'),
        Reply(text="  "),
        Reply(drop=True),
    ],
    ids=str,
)
def test_what_may_pass_is_tried_again_and_then_named(broken: Reply) -> None:
    waits: list[float] = []
    with loopback(lambda request, number: broken if number < 3 else Reply("at last")) as server:
        assert endpoint(server, waits).ask(CHAT).text == "at last"
    assert waits == [1.0, 2.0]
    with loopback(lambda request, number: broken) as server:
        with pytest.raises(
            MissingPartError, match=r"judge at 127\.0\.0\.1 gave no answer in 3 attempts, the last"
        ) as caught:
            endpoint(server).ask(CHAT)
        assert len(server.requests) == 3
    assert "\n" not in str(caught.value)


def test_what_is_no_chat_completion_is_told_by_its_kind() -> None:
    with loopback(lambda request, number: Reply(body=b'{"model": "m", "response": "effusion"}')) as server:
        with pytest.raises(InputError, match=r"JSON with the fields model, response, no chat.*; is base_url") as caught:
            endpoint(server).ask(CHAT)
        assert len(server.requests) == 1
    with (
        loopback(lambda request, number: Reply(body=b"<html>effusion</html>")) as server,
        pytest.raises(MissingPartError, match="no chat completion but an HTML page; see base_url"),
    ):
        endpoint(server).ask(CHAT)
    assert "effusion" not in str(caught.value)


def test_a_server_is_waited_for_as_long_as_it_asks() -> None:
    for header, expected in (("7", 7.0), ("100000", 60.0), ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0), ("soon", 1.0)):
        waits: list[float] = []
        busy = Reply(status=429, body=b"", headers={"Retry-After": header})
        with loopback(lambda request, number, busy=busy: busy if number == 1 else Reply("done")) as server:
            endpoint(server, waits).ask(CHAT)
        assert waits == [expected]


def test_a_refusal_is_said_at_once_without_the_report(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    refusals = [
        (
            Reply(status=401, body=b'{"error": {"message": "bad key"}}'),
            r"401 \(bad key\); is OPENAI_API_KEY set",
        ),
        (Reply(status=404, body=b'{"error": "no such model"}'), r"status 404 \(no such model\)$"),
        (Reply(status=400, body=b'{"error": {"message": "bad: a small left pleural effusion."}}'), r"status 400$"),
    ]
    for refusal, words in refusals:
        with loopback(lambda request, number, refusal=refusal: refusal) as server:
            with pytest.raises(InputError, match=words) as caught:
                endpoint(server).ask(CHAT)
            assert len(server.requests) == 1
        assert "secret" not in str(caught.value)
        assert "effusion" not in str(caught.value)


def test_a_key_follows_no_redirection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    with loopback(lambda request, number: Reply("stolen")) as thief:
        for status in (301, 302, 307, 308):
            moved = Reply(status=status, body=b"", headers={"Location": f"{thief.url}/chat/completions"})
            told = pytest.raises(InputError, match=f"status {status}; it sends elsewhere")
            with loopback(lambda request, number, moved=moved: moved) as server, told:
                endpoint(server).ask(CHAT)
        assert thief.requests == []


def test_nobody_there_and_silence_are_named() -> None:
    with pytest.raises(MissingPartError, match=r"gave no answer in 2 attempts.*(refused|Refused)"):
        Endpoint("judge", "http://127.0.0.1:9/v1", attempts=2, wait=lambda seconds: None).ask(CHAT)


def test_transcripts_replay_offline_and_hold_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    film = [{"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 500}}]
    chats = [CHAT, [{"role": "user", "content": film}]]
    with loopback(lambda request, number: Reply(f"answer {number}")) as server:
        asked = endpoint(server, transcripts=tmp_path / "kept", concurrency=1)
        first = [asked.ask(chat, seed=3) for chat in chats]
        again = [asked.ask(chat, seed=3) for chat in chats]
        assert len(server.requests) == 2
        assert asked.ask(CHAT, seed=4).text == "answer 3"
    assert [one.text for one in again] == [one.text for one in first] == ["answer 1", "answer 2"]
    assert [one.replayed for one in again] == [True, True]
    kept = {path.name: path.read_text(encoding="utf-8") for path in (tmp_path / "kept").iterdir()}
    assert f"{request_digest({'model': 'judge', 'messages': CHAT, 'seed': 3})}.json" in kept
    assert not any("secret" in text or "AAAA" in text for text in kept.values())
    offline = Endpoint("judge", transcripts=tmp_path / "kept", offline=True)
    assert offline.ask_all(chats, seed=3) == again
    with pytest.raises(MissingPartError, match=r"no transcript [0-9a-f]{24}\.json"):
        offline.ask(CHAT, seed=5)
    name = next(iter(kept))
    (tmp_path / "kept" / name).write_text("{}")
    with pytest.raises(InputError, match=f"{name} is no transcript"):
        offline.ask_all([CHAT] * 2, seed=json.loads(kept[name])["request"]["seed"]) and offline.ask_all(chats, seed=3)


def test_many_are_asked_at_a_time_and_answered_in_order() -> None:
    chats = [[{"role": "user", "content": str(number)}] for number in range(12)]
    with loopback(lambda request, number: Reply(request["messages"][0]["content"])) as server:
        found = endpoint(server, concurrency=3).ask_all(chats)
        assert [one.text for one in found] == [str(number) for number in range(12)]
        assert server.most_at_once <= 3
        assert endpoint(server).ask_all([]) == []


def test_an_answer_in_parts_is_joined() -> None:
    parts = [{"type": "text", "text": "in "}, {"type": "other"}, {"type": "text", "text": "parts"}]
    body = json.dumps({"choices": [{"message": {"content": parts}}]}).encode()
    with loopback(lambda request, number: Reply(body=body)) as server:
        answer = endpoint(server).ask(CHAT)
    assert (answer.text, answer.model, answer.prompt_tokens) == ("in parts", "judge", 0)


def test_an_answer_that_was_cut_off_says_so() -> None:
    with loopback(lambda request, number: Reply("half an", finish="length")) as server:
        assert endpoint(server).ask(CHAT).cut


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"model": ""}, "no model is named"),
        ({"model": "m"}, "base_url is ''; expected the endpoint's address"),
        ({"model": "m", "base_url": "file:///etc/passwd"}, "base_url is 'file:"),
        ({"model": "m", "offline": True}, "give their folder"),
        ({"model": "m", "base_url": "http://x/v1", "attempts": 0}, "attempts=0"),
    ],
)
def test_what_cannot_be_asked_is_refused(options: dict[str, object], words: str) -> None:
    with pytest.raises(InputError, match=words):
        Endpoint(**options)  # type: ignore[arg-type]
