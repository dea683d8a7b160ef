"""A judge: a model behind an endpoint that is asked a pinned prompt about each study, and what that cost."""

import json
import logging
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import ArrayLike
from pydantic import BaseModel, ConfigDict, ValidationError

from rrgbench.endpoint import Answer, Endpoint
from rrgbench.errors import InputError
from rrgbench.judges.prompt import Prompt, load_prompt
from rrgbench.metrics.catalogue import Entry
from rrgbench.metrics.external.plug_in import Loaded, PlugIn

_log = logging.getLogger(__name__)

_MOST: Final = 1_000_000
"""What no timeout, number of requests or price reaches."""

READINGS: Final = 3
"""How often a study is asked again, with another seed, until its answer can be read."""


class Shape(BaseModel):
    """What an answer must hold; more does no harm."""

    model_config = ConfigDict(extra="ignore", frozen=True)


T = TypeVar("T", bound=Shape)


@dataclass
class Receipt:
    """What asking cost; tokens, seconds and cost are those of answers that were not replayed."""

    asked: int = 0
    replayed: int = 0
    unreadable: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    seconds: float = 0.0
    served: set[str] = field(default_factory=set)

    def add(self, answer: Answer) -> None:
        """Count an answer."""
        self.served.add(answer.model)
        if answer.replayed:
            self.replayed += 1
            return
        self.asked += 1
        self.prompt_tokens += answer.prompt_tokens
        self.completion_tokens += answer.completion_tokens
        self.seconds += answer.seconds

    def line(self, prices: tuple[float, float] | None) -> dict[str, Any]:
        """The receipt as JSON; `prices` are for a million tokens read and written."""
        cost = None
        if prices is not None:
            cost = round((self.prompt_tokens * prices[0] + self.completion_tokens * prices[1]) / 1e6, 6)
        return {**vars(self), "seconds": round(self.seconds, 3), "served": sorted(self.served), "cost": cost}


@dataclass
class Judge:
    """A model to ask, and the receipt of what was asked since it was last written."""

    endpoint: Endpoint
    prices: tuple[float, float] | None = None
    receipt: Receipt = field(default_factory=Receipt)

    def ask(
        self,
        prompt: Prompt,
        texts: Sequence[Mapping[str, str]],
        shape: type[T],
        fits: Callable[[T, int], bool] = lambda read, at: True,
    ) -> list[T | None]:
        """Ask about each of some texts.

        Parameters
        ----------
        prompt : Prompt
            What is asked.
        texts : sequence of mapping
            What replaces the prompt's placeholders.
        shape : type
            What an answer is read as.
        fits : callable
            Whether what was read fits the text of that number.

        Returns
        -------
        list
            What was read; None where no answer could be read in `READINGS` attempts.
        """
        found: list[T | None] = [None] * len(texts)
        left = list(range(len(texts)))
        for attempt in range(READINGS):
            settings = {**prompt.settings, "seed": int(prompt.settings.get("seed", 0)) + attempt}
            answers = self.endpoint.ask_all([prompt.messages(**texts[at]) for at in left], **settings)
            for at, answer in zip(left, answers, strict=True):
                self.receipt.add(answer)
                found[at] = _read(answer.text, shape, fits, at)
            left = [at for at in left if found[at] is None]
            if not left:
                break
        self.receipt.unreadable += len(left)
        return found

    def close(self, name: str, prompts: Sequence[Prompt], studies: int) -> None:
        """Say what scoring cost, write it beside the transcripts, and begin a new receipt."""
        line = {
            "judge": name,
            "model": self.endpoint.model,
            "prompts": [prompt.identity for prompt in prompts],
            "when": datetime.now(UTC).isoformat(timespec="seconds"),
            "studies": studies,
            **self.receipt.line(self.prices),
        }
        if len(self.receipt.served) > 1:
            _log.warning("judge %s: answers come from different models: %s", name, ", ".join(line["served"]))
        _log.info("judge %s: %s", name, json.dumps(line))
        if self.endpoint.transcripts is not None and self.receipt.asked:
            with (self.endpoint.transcripts / "receipts.jsonl").open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
        self.receipt = Receipt()


def _read(text: str, shape: type[T], fits: Callable[[T, int], bool], number: int) -> T | None:
    """The first JSON object in an answer that has the shape; models write thoughts and fences around it."""
    decoder, at = json.JSONDecoder(), text.find("{")
    while at >= 0:
        try:
            value, _ = decoder.raw_decode(text, at)
            read = shape.model_validate(value)
            if fits(read, number):
                return read
        except (ValueError, ValidationError, RecursionError):
            pass
        at = text.find("{", at + 1)
    return None


Score = Callable[[Judge, list[str], list[str]], ArrayLike]
"""`(judge, references, reports) -> (n,) or (n, m)`; NaN where an answer could not be read."""


def judge_plug_in(name: str, entries: tuple[Entry, ...], prompts: tuple[str, ...], score: Score) -> PlugIn:
    """A metric that a judge gives, in the form of every plug-in; of several references the first counts."""

    def load(
        model: str = "",
        base_url: str = "",
        key_variable: str = "OPENAI_API_KEY",
        transcripts: str = "",
        offline: str = "no",
        concurrency: str = "4",
        timeout: str = "120",
        prices: str = "",
    ) -> Loaded:
        """Connect to the judge.

        Parameters
        ----------
        model, base_url, key_variable
            As in `rrgbench.endpoint.Endpoint`.
        transcripts : str
            Folder of the transcripts; empty keeps none.
        offline : {"no", "yes"}
            Whether only transcripts answer.
        concurrency, timeout : str
            Requests at a time; seconds until one is given up.
        prices : str
            For a million tokens read and written, e.g. `2.5,10`.
        """
        if offline not in ("no", "yes"):
            raise InputError(f"{name}'s option offline is {offline!r}; expected yes or no")
        endpoint = Endpoint(
            model,
            base_url,
            key_variable,
            Path(transcripts) if transcripts else None,
            offline == "yes",
            _number(name, "timeout", timeout),
            concurrency=int(_number(name, "concurrency", concurrency)),
        )
        judge = Judge(endpoint, _prices(name, prices))
        asked = [load_prompt(one) for one in prompts]

        def scores(references: list[list[str]], reports: list[str]) -> ArrayLike:
            try:
                return np.asarray(score(judge, [study[0] for study in references], reports), dtype=np.float64)
            finally:
                judge.close(name, asked, len(reports))

        return Loaded(scores, {"model": model, "prompt": "+".join(one.identity for one in asked)})

    return PlugIn(
        entries,
        load,
        "rrgbench",
        "pip install rrgbench",
        "none here: a language model behind an OpenAI-compatible endpoint (options model, base_url)",
        judge=True,
    )


def _number(name: str, option: str, given: str) -> float:
    try:
        value = float(given)
    except ValueError:
        value = math.nan
    if not abs(value) < _MOST:
        raise InputError(f"{name}'s option {option} is {given!r}; expected a number below {_MOST:,}")
    return value


def _prices(name: str, given: str) -> tuple[float, float] | None:
    parts = [_number(name, "prices", part) for part in given.split(",")] if given else []
    if len(parts) not in (0, 2):
        raise InputError(f"{name}'s option prices is {given!r}; expected two numbers, such as 2.5,10")
    return (parts[0], parts[1]) if parts else None
