"""Models behind an OpenAI-compatible server (OpenAI, vLLM, Ollama ...): `openai:NAME` with `--base-url URL`.

Requests run side by side, are repeated with growing pauses when the server is busy or breaks off, and answers are kept
on disk by the digest of what was asked, so that nothing is paid twice. The standard library's HTTP client is all it
takes. A key comes from the environment alone and is written nowhere.
"""

import base64
import hashlib
import io
import json
import logging
import os
import random
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from re import sub
from typing import Any, Final
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import Request

from PIL import Image
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from rrgbench.adapters.answers import Answers, allowed
from rrgbench.adapters.prompts import Prompt, Section, load_prompt
from rrgbench.adapters.report_extraction import DEFAULT
from rrgbench.data.examination import Examination, Film, Views
from rrgbench.endpoint import BUSY, OPENER, key_of, kind_of_answer, refuse_another_api, repeats, scheme_of, wanted_wait
from rrgbench.errors import InputError, MissingPartError, meant, problems
from rrgbench.files import write_text

OPENAI: Final = "https://api.openai.com/v1"
KEY: Final = "OPENAI_API_KEY"
"""The environment's variable with the key."""

_LONGEST_PAUSE: Final = 120.0
_IF_BUSY: Final = "with --model-option concurrency=N smaller or timeout=SECONDS longer if it is busy"
_log = logging.getLogger(__name__)


class Options(BaseModel):
    """What may be asked of a served model.

    Attributes
    ----------
    views : {"all", "frontal"}, optional
        Instead of the prompt's.
    film_size : int
        Side in pixels of the films that are sent, as PNG.
    section, extraction, allow
        As of models of Hugging Face.
    max_tokens : int
        At most that many are written.
    token_field : str
        How the server calls it: `max_tokens`, or `max_completion_tokens` for OpenAI's reasoning models.
    temperature : float, optional
        0 unless given; a negative number leaves it to the server.
    seed : int, optional
        For servers that sample with one.
    body : mapping
        Further fields of the request, as JSON: `body={"reasoning_effort": "low"}`.
    concurrency : int
        Requests at a time.
    timeout : float
        Seconds that a request may take.
    tries : int
        How often a request is tried.
    price_in, price_out : float
        Price of a million tokens read and written.
    cache : str
        Folder in which answers are kept; empty for none.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    views: Views | None = None
    film_size: int = Field(default=896, gt=0, le=4096)
    section: Section | None = None
    extraction: str = DEFAULT
    allow: str = ""
    max_tokens: int = Field(default=1024, gt=0)
    token_field: str = Field(default="max_tokens", pattern="^max_[a-z_]*tokens$")
    temperature: float = 0.0
    seed: int | None = None
    body: dict[str, Any] = Field(default_factory=dict)
    concurrency: int = Field(default=8, gt=0, le=256)
    timeout: float = Field(default=120.0, gt=0)
    tries: int = Field(default=6, gt=0)
    price_in: float = Field(default=0.0, ge=0)
    price_out: float = Field(default=0.0, ge=0)
    cache: str = "~/.cache/rrgbench/openai"

    @field_validator("body", mode="before")
    @classmethod
    def _json(cls, given: Any) -> Any:
        return json.loads(given) if isinstance(given, str) else given

    @property
    def asked(self) -> dict[str, Any]:
        """Fields of a request beside model and messages."""
        fields: dict[str, Any] = {self.token_field: self.max_tokens}
        if self.temperature >= 0:
            fields["temperature"] = self.temperature
        if self.seed is not None:
            fields["seed"] = self.seed
        return {**fields, **self.body}


@dataclass(frozen=True)
class Answer:
    """What a server answered: its text, whether it calls that a refusal, and the tokens read and written."""

    text: str
    refused: bool
    read: int
    written: int
    cached: bool = False


class BrokenOffError(Exception):
    """A request that failed in a way that another try may not.

    `pause` is how long the server asks to wait; `advice` what to do where it keeps failing.
    """

    def __init__(self, reason: str, pause: float | None = None, advice: str = _IF_BUSY) -> None:
        super().__init__(reason)
        self.pause, self.advice = pause, advice


class Server:
    """An OpenAI-compatible server, asked in chat completions.

    Parameters
    ----------
    base_url : str
        As `https://host/v1`.
    options : Options
        Time-outs and tries; where answers are kept.
    key : str
        Sent as a bearer token; empty for none.
    """

    def __init__(self, base_url: str, options: Options, key: str = "") -> None:
        parts = urlsplit(base_url if scheme_of(base_url) in ("http", "https") else "")
        if not parts.hostname:
            raise InputError(f"--base-url {base_url!r} is no address; give one such as http://localhost:8000/v1")
        if parts.username or parts.password:
            raise InputError(f"--base-url holds a password; put the key into the environment's {KEY}")
        self.url, self.host = base_url.rstrip("/") + "/chat/completions", parts.netloc
        self._options, self._key = options, key
        self._folder = Path(options.cache).expanduser() if options.cache else None
        self._stopped = threading.Event()

    def ask(self, body: Mapping[str, Any]) -> Answer:
        """The answer to a request: the one that was kept, or the server's.

        Raises
        ------
        InputError
            If the server refuses the request itself, or the key, or is no chat endpoint.
        MissingPartError
            If it can't be reached, or breaks off at every try.
        """
        text = json.dumps(body, sort_keys=True)
        digest = hashlib.sha256(f"{self.url}\0{text}".encode()).hexdigest()
        kept = self._kept(digest)
        if kept is not None:
            return kept
        answer = self._tried(text.encode())
        if self._folder is not None:
            content = {"text": answer.text, "refused": answer.refused, "read": answer.read, "written": answer.written}
            record = {"request": digest, "answer": content, "sha256": _digest(content)}
            write_text(self._place(self._folder, digest), json.dumps(record, ensure_ascii=False) + "\n")
        return answer

    def begin(self) -> None:
        """Take requests again, where an earlier run was stopped."""
        self._stopped.clear()

    def stop(self) -> None:
        """Let waiting requests give up: the run ends."""
        self._stopped.set()

    def _place(self, folder: Path, digest: str) -> Path:
        return folder / digest[:2] / f"{digest}.json"

    def _kept(self, digest: str) -> Answer | None:
        if self._folder is None:
            return None
        try:
            record = json.loads(self._place(self._folder, digest).read_text(encoding="utf-8"))
            content = record["answer"]
            if record["request"] == digest and record["sha256"] == _digest(content):
                return Answer(**content, cached=True)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError):
            pass
        _log.warning("a kept answer (%s) is damaged; it is asked for again", digest[:12])
        return None

    def _tried(self, body: bytes) -> Answer:
        """The answer of the first try that is not broken off."""
        reason = advice = ""
        for number in range(1, self._options.tries + 1):
            try:
                return self._answer(self._post(body))
            except BrokenOffError as error:
                reason, advice = str(error), error.advice
                if number == self._options.tries or self._stopped.is_set():
                    break
                # pauses grow, and differ so that requests do not all come back at once
                pause = min(_LONGEST_PAUSE, 2.0 ** (number - 1)) * random.uniform(0.5, 1.0)
                asked = error.pause if error.pause is not None else pause
                _log.info("%s: %s; trying again in %.1f s", self.host, reason, asked)
                self._stopped.wait(min(_LONGEST_PAUSE, asked))
        raise MissingPartError(
            f"{self.host} gave no answer in {number} tries ({reason}); what was answered is kept: run again to go "
            f"on, {advice}"
        )

    def _answer(self, content: bytes) -> Answer:
        """What a server answered.

        Raises
        ------
        BrokenOffError
            If it is no chat completion.
        InputError
            If no chat endpoint gives such.
        """
        try:
            return _completion(content)
        except (ValueError, KeyError, IndexError, TypeError, AttributeError):
            refuse_another_api(self.url, content, "--base-url")
            advice = "after a look whether --base-url is the address of the server's OpenAI API"
            raise BrokenOffError(f"no chat completion came back but {kind_of_answer(content)}", advice=advice) from None

    def _post(self, body: bytes) -> bytes:
        headers = {"Content-Type": "application/json", "Accept": "application/json", "User-Agent": "rrgbench"}
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        try:
            with OPENER.open(
                Request(self.url, body, headers, method="POST"), timeout=self._options.timeout
            ) as response:
                content: bytes = response.read()
                return content
        except HTTPError as error:
            raise self._refusal(error, body) from None
        except TimeoutError:
            raise BrokenOffError(f"no answer within {self._options.timeout:g} s") from None
        except URLError as error:
            if isinstance(error.reason, TimeoutError):
                raise BrokenOffError(f"no answer within {self._options.timeout:g} s") from None
            raise BrokenOffError(f"it can't be reached: {error.reason}") from None
        except (HTTPException, OSError) as error:
            raise BrokenOffError(f"the answer broke off ({type(error).__name__})") from None

    def _refusal(self, error: HTTPError, body: bytes) -> Exception:
        """What an HTTP status means: worth another try, or a mistake to be corrected; what it repeats is not told."""
        try:
            given = error.read()[:2000].decode("utf-8", "replace")
        except (HTTPException, OSError):
            given = ""
        message = " ".join(_message(given).split())[:200]
        said = f": {message}" if message and not repeats(message, json.loads(body)) else ""
        if self._key:
            said = said.replace(self._key, "***")
        if error.code in BUSY:
            return BrokenOffError(f"HTTP {error.code}", wanted_wait(error.headers.get("Retry-After")))
        if error.code in (401, 403):
            return InputError(f"{self.host} takes no key that is in {KEY} (HTTP {error.code}); export another")
        if error.code == 404:
            return InputError(f"{self.url} has no such model or address (HTTP 404{said}); see --base-url and the name")
        return InputError(f"{self.host} refuses the request (HTTP {error.code}{said})")


class ServedModel:
    """A model that a server runs.

    Parameters
    ----------
    model : str
        As the server calls it.
    server : Server
        Where it is asked.
    prompt : Prompt
        What it is asked.
    options : Options
        How.
    """

    def __init__(self, model: str, server: Server, prompt: Prompt, options: Options) -> None:
        # what stands in file names and tables: org/model:tag has marks that neither takes
        self.name = sub(r"[^\w.-]+", "-", model.rpartition("/")[2]).strip("-.") or "served"
        self._model, self._server, self._options, self.prompt = model, server, options, prompt
        self.answers = Answers(options.section or prompt.section, options.extraction, allowed(options.allow))
        self.reads = prompt.reads(options.film_size, options.views)
        self.spent: dict[str, float] = dict.fromkeys(("requests", "kept", "tokens_read", "tokens_written", "cost"), 0)

    @property
    def identity(self) -> str:
        """Name, server, and all that decides what is asked; what the server changes by itself nobody can tell."""
        asked = json.dumps(self._options.asked, sort_keys=True)
        told = {**self.signed, "section": self.answers.section, "reads": self.reads.signature, "film": self.reads.size}
        told = {name: value for name, value in told.items() if name != "no_report"}
        # one host may serve several under paths of their own
        whole = [self._model, asked, told, self._server.url]
        digest = hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()[:8]
        return f"{self.name}@{self._server.host}[prompt={self.prompt.identity},asked={digest}]"

    @property
    def signed(self) -> Mapping[str, str]:
        """What signatures say of how it was asked and read."""
        return {"prompt": self.prompt.identity, **self.answers.signed}

    @property
    def reports_at_a_time(self) -> int:
        """After how many reports they are written down."""
        return 4 * self._options.concurrency

    @property
    def declined(self) -> Mapping[str, str]:
        """Studies of which it wrote no report, and why."""
        return self.answers.declined

    def generate_reports(self, images: Sequence[Examination]) -> list[str]:
        """Reports, one a study, in order.

        Raises
        ------
        InputError, MissingPartError
            As `Server.ask`; what was answered before is kept.
        """
        self._server.begin()
        found = side_by_side(self._ask, images, self._options.concurrency, self._server.stop)
        for one in found:
            self._count(one)
        return self.answers.reports(
            [one.study_id for one in images], [one.text for one in found], [one.refused for one in found]
        )

    def request(self, examination: Examination) -> dict[str, Any]:
        """The request for one study's report."""
        asked = self.prompt.ask(examination)
        system = [{"role": "system", "content": asked.system}] if asked.system else []
        films = [{"type": "image_url", "image_url": {"url": _data_url(film)}} for film in asked.films]
        user = {"role": "user", "content": [*films, {"type": "text", "text": asked.user}]}
        return {"model": self._model, "messages": [*system, user], **self._options.asked}

    def _ask(self, examination: Examination) -> Answer:
        return self._server.ask(self.request(examination))

    def _count(self, answer: Answer) -> None:
        """Add up what was paid for; kept answers cost nothing more."""
        self.spent["kept" if answer.cached else "requests"] += 1
        if not answer.cached:
            self.spent["tokens_read"] += answer.read
            self.spent["tokens_written"] += answer.written
            price = answer.read * self._options.price_in + answer.written * self._options.price_out
            self.spent["cost"] += price / 1e6


def side_by_side(
    work: Callable[[Examination], Answer], items: Sequence[Examination], threads: int, stop: Callable[[], None]
) -> list[Answer]:
    """What work makes of items, in order, some at a time; after the first error, which is raised, no more begin."""
    failed: list[Exception] = []

    def unless_failed(item: Examination) -> Answer | None:
        if failed:
            return None
        try:
            return work(item)
        except Exception as error:
            failed.append(error)
            stop()
            return None

    with ThreadPoolExecutor(max_workers=min(threads, max(1, len(items)))) as pool:
        futures = [pool.submit(unless_failed, item) for item in items]
        try:
            found = [future.result() for future in futures]
        except BaseException:  # Ctrl-C
            stop()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    if failed:
        raise failed[0]
    return [answer for answer in found if answer is not None]


def load(model: str, base_url: str | None = None, prompt: str = "findings", **options: Any) -> ServedModel:
    """A model behind an OpenAI-compatible server.

    Parameters
    ----------
    model : str
        As the server calls it.
    base_url : str, optional
        Of the server, as `http://localhost:8000/v1`; the environment's OPENAI_BASE_URL, or OpenAI's own, if omitted.
    prompt : str
        A shipped prompt or a YAML file.
    **options
        As of `Options`.

    Raises
    ------
    InputError
        If an option makes no sense.
    MissingPartError
        If OpenAI is to be asked and there is no key in the environment.
    """
    url = base_url or os.environ.get("OPENAI_BASE_URL") or OPENAI
    key = key_of(KEY)
    if url.startswith(OPENAI) and not key:
        raise MissingPartError(f"OpenAI wants a key: export {KEY}; for a server of your own give --base-url")
    if unknown := [name for name in options if name not in Options.model_fields]:
        raise InputError(f"openai:{model} takes no option {unknown[0]}; {meant(unknown[0], Options.model_fields)}")
    try:
        chosen = Options(**options)
    except ValidationError as error:
        raise InputError(f"openai:{model}: {problems(error)}") from None
    server = Server(url, chosen, key)
    if urlsplit(url).hostname not in ("localhost", "127.0.0.1", "::1"):
        _log.warning("films and prompts are sent to %s; credentialed data may not leave for such places", server.host)
    return ServedModel(model, server, load_prompt(prompt), chosen)


def _completion(content: bytes) -> Answer:
    """The text and tokens of a chat completion; what is none raises errors of many types."""
    given = json.loads(content)
    choice = given["choices"][0]
    message = choice["message"]
    parts = message.get("content") or ""
    text = parts if isinstance(parts, str) else "".join(part.get("text") or "" for part in parts)
    usage = given.get("usage") or {}
    read, written = int(usage.get("prompt_tokens") or 0), int(usage.get("completion_tokens") or 0)
    refused = bool(message.get("refusal")) or choice.get("finish_reason") == "content_filter"
    return Answer(text, refused, read, written)


def _message(given: str) -> str:
    """What a server says in an error: the message of its JSON, or nothing of a page."""
    try:
        error = json.loads(given)
        error = error.get("error", error)
        return str(error.get("message", "")) if isinstance(error, dict) else str(error)
    except (ValueError, AttributeError):
        return ""


def _digest(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _data_url(film: Film) -> str:
    file = io.BytesIO()
    Image.fromarray(film.pixels).save(file, "PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
