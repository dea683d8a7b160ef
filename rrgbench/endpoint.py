"""An OpenAI-compatible chat endpoint: asked patiently, each answer kept as a transcript that is replayed offline."""

import hashlib
import json
import os
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from http.client import HTTPException
from pathlib import Path
from typing import Any, Final

from rrgbench.errors import InputError, MissingPartError, listed
from rrgbench.files import write_text

Messages = Sequence[Mapping[str, Any]]

_MOST_BYTES: Final = 32_000_000
_MOST_WAIT: Final = 60.0
_LONGEST_FIELD: Final = 30
"""A longer name of a field may be a text."""
BUSY: Final = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 520, 522, 524, 529})
"""Statuses after which the same request may succeed later."""


@dataclass(frozen=True)
class Answer:
    """What came back for one request.

    Attributes
    ----------
    text : str
        The first choice's content.
    model : str
        What the server says that it ran, e.g. a dated snapshot; the model asked for where it says nothing.
    prompt_tokens, completion_tokens : int
        As the server counted; 0 where it doesn't say.
    seconds : float
        From the request to its answer, when it was made.
    replayed : bool
        Whether it comes from a transcript.
    cut : bool
        Whether the server says that the answer was cut off at the most tokens allowed.
    """

    text: str
    model: str
    prompt_tokens: int = 0
    completion_tokens: int = 0
    seconds: float = 0.0
    replayed: bool = False
    cut: bool = False


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A key must not follow a redirection to another host."""

    def redirect_request(self, *_: Any) -> None:
        """Follow none: the redirection is the answer."""


OPENER: Final = urllib.request.build_opener(_NoRedirect)
"""Opens addresses without following them elsewhere."""


class _Later(Exception):  # noqa: N818
    """The request may succeed later; how long the server asks to wait, None where it doesn't say."""

    def __init__(self, reason: str, wait: float | None = None) -> None:
        super().__init__(reason)
        self.wait = wait


@dataclass(frozen=True)
class Endpoint:
    """A model behind an OpenAI-compatible endpoint.

    Attributes
    ----------
    model : str
        As the server calls it.
    base_url : str
        The address that `/chat/completions` is added to, e.g. `http://localhost:8000/v1`; not needed offline.
    key_variable : str
        Environment variable that holds the key. The key is in no transcript, signature or message.
    transcripts : Path or None
        Folder in which each answer is kept, and found again; None keeps nothing.
    offline : bool
        Whether only transcripts answer.
    timeout : float
        Seconds until a request is given up.
    attempts : int
        How often a request is tried while the server is busy, broken or away.
    concurrency : int
        Requests under way at a time.
    wait : callable
        Takes seconds; `time.sleep`.
    """

    model: str
    base_url: str = ""
    key_variable: str = "OPENAI_API_KEY"
    transcripts: Path | None = None
    offline: bool = False
    timeout: float = 120.0
    attempts: int = 5
    concurrency: int = 4
    wait: Callable[[float], None] = field(default=time.sleep, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Refuse what can't be asked.

        Raises
        ------
        InputError
            If there is no model, no address of http or https, or nothing to replay.
        """
        if not self.model:
            raise InputError(
                "no model is named; give the name by which the endpoint knows it (model=NAME, for a metric "
                "--metric-option METRIC.model=NAME)"
            )
        if self.offline and self.transcripts is None:
            raise InputError("offline only transcripts answer; give their folder (transcripts=)")
        if not self.offline and scheme_of(self.base_url) not in ("http", "https"):
            raise InputError(
                f"base_url is {self.base_url!r}; expected the endpoint's address, such as http://localhost:8000/v1"
            )
        if self.attempts < 1 or self.concurrency < 1 or self.timeout <= 0:
            raise InputError(
                f"attempts={self.attempts}, concurrency={self.concurrency}, timeout={self.timeout:g}; "
                "expected at least 1, at least 1, and more than 0"
            )

    def ask(self, messages: Messages, **settings: Any) -> Answer:
        """The answer to a chat.

        Parameters
        ----------
        messages : sequence of mapping
            With `role` and `content`, as the API takes them.
        **settings
            Other fields of the request: `temperature`, `seed`, `max_tokens`, `response_format` ...

        Raises
        ------
        InputError
            If the server refuses the request, or is no chat endpoint.
        MissingPartError
            If it stays broken, can't be reached, or answers nothing that can be read; or if only transcripts answer and
            there is none.
        """
        request = {"model": self.model, "messages": list(messages), **settings}
        digest = request_digest(request)
        path = None if self.transcripts is None else self.transcripts / f"{digest}.json"
        if path is not None and path.exists():
            return _transcript(path)
        if self.offline:
            raise MissingPartError(f"no transcript {digest}.json in {self.transcripts}, and nothing is asked offline")
        answer = self._asked(request)
        if path is not None:
            kept = {"request": _short(request), "answer": {k: v for k, v in vars(answer).items() if k != "replayed"}}
            write_text(path, json.dumps(kept, indent=1, ensure_ascii=False, sort_keys=True) + "\n")
        return answer

    def ask_all(self, requests: Sequence[Messages], **settings: Any) -> list[Answer]:
        """The answers to many chats, in order, several under way at a time; errors as `ask`."""
        if not requests:
            return []
        with ThreadPoolExecutor(min(self.concurrency, len(requests))) as pool:
            waiting = [pool.submit(self.ask, messages, **settings) for messages in requests]
            try:
                return [one.result() for one in waiting]
            except BaseException:
                # what has not begun would be paid for and thrown away
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def _asked(self, request: Mapping[str, Any]) -> Answer:
        reason = ""
        for attempt in range(self.attempts):
            started = time.monotonic()
            try:
                return self._read(self._post(request), time.monotonic() - started)
            except _Later as error:
                reason = str(error)
                if attempt + 1 < self.attempts:
                    self.wait(min(2.0**attempt if error.wait is None else error.wait, _MOST_WAIT))
        raise MissingPartError(f"{self.place} gave no answer in {self.attempts} attempts, the last time: {reason}")

    @property
    def place(self) -> str:
        """The model and its host, for messages; an address may hold a password."""
        return f"{self.model} at {urllib.parse.urlsplit(self.base_url).hostname}"

    def _post(self, request: Mapping[str, Any]) -> bytes:
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if key := key_of(self.key_variable):
            headers["Authorization"] = f"Bearer {key}"
        address = self.base_url.rstrip("/") + "/chat/completions"
        sent = urllib.request.Request(address, json.dumps(request).encode(), headers, method="POST")
        try:
            with OPENER.open(sent, timeout=self.timeout) as response:
                body: bytes = response.read(_MOST_BYTES + 1)
        except urllib.error.HTTPError as error:
            with error:
                said = _complaint(error.read(100_000), request)
            if error.code in BUSY:
                raise _Later(f"status {error.code}{said}", wanted_wait(error.headers.get("Retry-After"))) from None
            hint = f"; is {self.key_variable} set to its key?" if error.code in (401, 403) else ""
            if 300 <= error.code < 400:
                hint = "; it sends elsewhere, which is not followed: give the address that it sends to (base_url=)"
            raise InputError(f"{self.place} refused the request: status {error.code}{said}{hint}") from None
        except (urllib.error.URLError, HTTPException, TimeoutError, ConnectionError) as error:
            raise _Later(f"{type(error).__name__}: {getattr(error, 'reason', error)}") from None
        if len(body) > _MOST_BYTES:
            raise InputError(f"{self.place} answered more than {_MOST_BYTES:,} bytes; is it a chat endpoint?")
        return body

    def _read(self, body: bytes, seconds: float) -> Answer:
        try:
            content = json.loads(body)
            choice = content["choices"][0]
            said = choice["message"]["content"] or ""
            text = said if isinstance(said, str) else "".join(part.get("text") or "" for part in said)
        except (ValueError, KeyError, IndexError, TypeError, AttributeError):
            refuse_another_api(self.place, body, "base_url")
            raise _Later(f"an answer that is no chat completion but {kind_of_answer(body)}; see base_url") from None
        if not text.strip():
            raise _Later("an empty answer")
        usage = content.get("usage") if isinstance(content.get("usage"), dict) else {}
        return Answer(
            text,
            str(content.get("model") or self.model),
            _count(usage.get("prompt_tokens")),
            _count(usage.get("completion_tokens")),
            round(seconds, 3),
            cut=choice.get("finish_reason") == "length",
        )


def request_digest(request: Mapping[str, Any]) -> str:
    """24 hex digits of what is asked of which model; not of where it runs."""
    text = json.dumps(request, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:24]


def _short(value: Any) -> Any:
    """A request as it is kept: films, which are long, by their digest."""
    if isinstance(value, Mapping):
        return {key: _short(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_short(one) for one in value]
    if isinstance(value, str) and value.startswith("data:") and len(value) > 200:
        return f"{value.partition(',')[0]},sha256:{hashlib.sha256(value.encode()).hexdigest()}"
    return value


def _transcript(path: Path) -> Answer:
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))["answer"]
        return Answer(**kept, replayed=True)
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} is no transcript of an endpoint; remove it, and it is asked again") from error


def key_of(variable: str) -> str:
    """An environment variable's key, the blanks around it left out; empty where there is none.

    Raises
    ------
    InputError
        If it can't be a key; it is not shown.
    """
    key = os.environ.get(variable, "").strip()
    if not (key.isascii() and key.isprintable()):
        raise InputError(f"{variable} holds characters that no key has (a typographic quote, say); export it again")
    return key


def scheme_of(address: str) -> str:
    """The scheme of an address; empty for one that is none."""
    try:
        return urllib.parse.urlsplit(address).scheme
    except ValueError:
        return ""


def _complaint(body: bytes, request: Mapping[str, Any]) -> str:
    """What the server says is wrong, unless it repeats what it was sent."""
    try:
        error = json.loads(body)["error"]
        said = " ".join(str(error["message"] if isinstance(error, dict) else error).split())[:200]
    except (ValueError, KeyError, TypeError):
        return ""
    return "" if not said or repeats(said, request) else f" ({said})"


def repeats(said: str, request: Mapping[str, Any]) -> bool:
    """Whether an error holds twenty characters of the request in a row: texts of patients must not reach logs."""
    sent = " ".join(json.dumps(request, ensure_ascii=False).split())
    return any(said[at : at + 20] in sent for at in range(max(1, len(said) - 19)))


def kind_of_answer(body: bytes) -> str:
    """What came back instead of a chat completion, by its kind and its fields; what it says is not told."""
    text = body.strip()
    if not text:
        return "nothing"
    if text.startswith(b"<"):
        return "an HTML page" if b"<html" in text[:2000].lower() or b"<!doctype html" in text[:100].lower() else "XML"
    try:
        content = json.loads(text)
    except ValueError:
        return "text that is no JSON"
    if not isinstance(content, dict):
        return f"JSON of type {type(content).__name__}"
    fields = [name for name in content if name.isidentifier() and len(name) <= _LONGEST_FIELD]
    return f"JSON with the fields {listed(fields)}" if fields else "JSON without a field of a chat completion"


def refuse_another_api(place: str, body: bytes, setting: str) -> None:
    """Refuse an answer with the fields of something else than a chat endpoint, which another try would give again.

    An `error` is a server's that may do better later, and a page may be a gateway's.

    Parameters
    ----------
    place : str
        Where it came from, for the message.
    body : bytes
        The answer.
    setting : str
        What says the address.

    Raises
    ------
    InputError
        Naming the kind of the answer.
    """
    try:
        content = json.loads(body)
    except ValueError:
        return
    if isinstance(content, dict) and not {"choices", "error"} & content.keys():
        raise InputError(
            f"{place} answers with {kind_of_answer(body)}, no chat completion; is {setting} the address of the "
            "server's OpenAI API, such as http://localhost:8000/v1?"
        ) from None


def wanted_wait(header: str | None) -> float | None:
    """Seconds that `Retry-After` asks for, given as a number or a date; None where it says nothing."""
    if not header:
        return None
    try:
        return max(0.0, float(header))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(header).timestamp() - time.time())
    except (TypeError, ValueError):
        return None


def _count(value: object) -> int:
    return value if isinstance(value, int) and value >= 0 else 0
