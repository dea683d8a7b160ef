"""Models that write: those asked through a chat template, and captioners that are shown films alone."""

import hashlib
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from inspect import signature
from typing import Any, Final

import torch
from PIL import Image
from pydantic import BaseModel, ConfigDict, Field
from transformers import AutoImageProcessor, AutoModelForImageTextToText, AutoProcessor, AutoTokenizer

from rrgbench.adapters.answers import Answers
from rrgbench.adapters.hugging_face.loading import checked, image_side
from rrgbench.adapters.hugging_face.running import Batches
from rrgbench.adapters.hugging_face.source import Source
from rrgbench.adapters.prompts import Prompt, Question
from rrgbench.data.examination import Examination, Film, Reads, Views
from rrgbench.errors import InputError

_PLACES: Final = ("wpe", "position_embeddings", "embed_positions")
"""How transformers calls an embedding of each place in a text."""
NO_PROMPT: Final = "none"
"""How signatures call it that a model is shown films alone."""

_log = logging.getLogger(__name__)


class Generation(BaseModel):
    """How text is decoded; named as in `transformers`, and part of the model's identity.

    Attributes
    ----------
    max_new_tokens : int
        At most that many are written; the log says once that reports reach it.
    num_beams : int
        1 is greedy.
    do_sample : bool
        Sampling, which checkpoints may have as their default, only if it is asked for; studies are then read one by
        one, each with a seed of its own, so that a resumed run writes the same.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    max_new_tokens: int = Field(default=512, gt=0)
    num_beams: int = Field(default=1, gt=0)
    do_sample: bool = False
    temperature: float | None = Field(default=None, gt=0)
    top_p: float | None = Field(default=None, gt=0, le=1)
    top_k: int | None = Field(default=None, ge=0)
    repetition_penalty: float | None = Field(default=None, gt=0)
    length_penalty: float | None = None
    no_repeat_ngram_size: int | None = Field(default=None, ge=0)
    seed: int = 0

    @property
    def given(self) -> dict[str, Any]:
        """What `generate` is given."""
        return {name: value for name, value in self.model_dump(exclude={"seed"}).items() if value is not None}

    def __str__(self) -> str:
        """`beams 1, at most 512 tokens`, and whatever else was asked for."""
        more = {name: value for name, value in self.given.items() if name not in ("max_new_tokens", "num_beams")}
        kept = {name: value for name, value in more.items() if value is not False}
        seed = {"seed": self.seed} if self.do_sample else {}
        return ",".join(f"{key}={value}" for key, value in {**self._always, **kept, **seed}.items())

    @property
    def _always(self) -> dict[str, int]:
        return {"num_beams": self.num_beams, "max_new_tokens": self.max_new_tokens}


@dataclass(frozen=True)
class Processors:
    """What makes a model's inputs: `whole` of films and words, `films` of films alone, and the tokenizer."""

    whole: Any
    films: Any
    tokenizer: Any

    @property
    def chats(self) -> bool:
        """Whether the model is asked in words, through a chat template."""
        return bool(getattr(self.whole, "chat_template", None))


def processors(source: Source, code: bool = False) -> Processors:
    """A model's processor and tokenizer.

    Raises
    ------
    InputError
        If they are not among its files.
    """
    options: dict[str, Any] = {"local_files_only": True, "trust_remote_code": code}
    try:
        whole = AutoProcessor.from_pretrained(source.folder, **options)
        if hasattr(whole, "image_processor"):
            return Processors(whole, whole.image_processor, whole.tokenizer)
        films = AutoImageProcessor.from_pretrained(source.folder, **options)
        return Processors(films, films, AutoTokenizer.from_pretrained(source.folder, **options))
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"{source.name}: its processor or tokenizer can't be read ({reason})") from error


@dataclass(frozen=True)
class Asking:
    """What a writing model is shown and told.

    Attributes
    ----------
    prompt : Prompt or None
        None where it is shown a film alone.
    views : str or None
        Instead of the prompt's.
    film_size : int or None
        Side in pixels at which films are given to the processor.
    reads : Reads or None
        Instead of what follows from the others, where a model says so itself; its size is the processor's if 1.
    """

    prompt: Prompt | None
    views: Views | None
    film_size: int | None
    reads: Reads | None = None


class HubWriter:
    """A model that writes reports.

    Parameters
    ----------
    source : Source
        Its files.
    reading : Processors
        What makes its inputs of films and words.
    asking : Asking
        What it is shown and told; a model with a chat template needs a prompt.
    answers : Answers
        How its text becomes a report.
    generation : Generation
        How it decodes.
    batches : Batches
        How many studies at a time.
    placed : (device, dtype)
        Where and in what precision it runs.
    code : bool
        Whether the repository's own code may run.
    """

    def __init__(
        self,
        source: Source,
        reading: Processors,
        asking: Asking,
        answers: Answers,
        generation: Generation,
        batches: Batches,
        placed: tuple[torch.device, torch.dtype],
        code: bool = False,
    ) -> None:
        self.name, self.source, self.answers, self.generation = source.name, source, answers, generation
        self.device, self.dtype = placed
        self._batches, self._code, self._told_cut, self._told_room = batches, code, False, False
        self.processor, self.films, self.tokenizer = reading.whole, reading.films, reading.tokenizer
        # what is padded at its end would go on after the padding
        self.tokenizer.padding_side = "left"
        if self.tokenizer.pad_token is None:
            self.tokenizer.pad_token = self.tokenizer.eos_token
        self.prompt, self._chats = asking.prompt, reading.chats
        size = asking.film_size or image_side(reading.films)
        if asking.reads is not None:
            self.reads = replace(asking.reads, size=size)
            return
        self.reads = self.prompt.reads(size, asking.views) if self.prompt else Reads(size, asking.views or "frontal")
        if not self._chats and (self.reads.views != "frontal" or self.reads.prior):
            raise InputError(f"{source.name} has no chat template and reads one film; give views=frontal, no prior")

    @property
    def identity(self) -> str:
        """Name, digest of the files, and all that decides what it writes; `allow` doesn't, so what is written stays."""
        dtype = str(self.dtype).removeprefix("torch.")
        told = [f"prompt={self.signed['prompt']}", f"extraction={self.answers.rule}", f"section={self.answers.section}"]
        read = [f"reads={self.reads.signature}", f"film={self.reads.size}", f"dtype={dtype}", str(self.generation)]
        return f"{self.source.name}@{self.source.digest}[{','.join([*told, *read]).replace(' ', '-')}]"

    @property
    def signed(self) -> Mapping[str, str]:
        """What signatures say of how it was asked and read."""
        return {"prompt": self.prompt.identity if self.prompt else NO_PROMPT, **self.answers.signed}

    @property
    def reports_at_a_time(self) -> int:
        """After how many reports they are written down, so that a killed run loses no more."""
        return self._batches.size

    @property
    def declined(self) -> Mapping[str, str]:
        """Studies of which it wrote no report, and why."""
        return self.answers.declined

    @cached_property
    def network(self) -> Any:
        """The network, loaded when it is first needed."""
        made = checked(AutoModelForImageTextToText, self.source, dtype=self.dtype, trust_remote_code=self._code)
        if made.generation_config.pad_token_id is None:
            made.generation_config.pad_token_id = self.tokenizer.pad_token_id
        return made.to(self.device)

    def generate_reports(self, images: Sequence[Examination]) -> list[str]:
        """Reports, one a study, in order."""
        texts = self._batches.of(images, self._write)
        return self.answers.reports([one.study_id for one in images], texts)

    def inputs(self, examinations: Sequence[Examination]) -> Any:
        """What the network is given of a batch of studies."""
        if self._chats and self.prompt is not None:
            made = self._chat(list(map(self.prompt.ask, examinations)))
        else:
            films = [picture(one.films[0]) for one in examinations]
            words: list[str] | None = None
            if self.prompt is not None:
                words = [self.prompt.ask(one).user for one in examinations]
            elif hasattr(self.processor, "image_token") and not hasattr(self.processor, "num_query_tokens"):
                # PaliGemma's kind marks in the text, were it empty, where the film stands
                words = [""] * len(films)
            told: dict[str, Any] = {} if words is None else {"text": words, "padding": True}
            made = self.processor(images=films, return_tensors="pt", **told)
        return made.to(self.device, self.dtype)

    @torch.inference_mode()
    def _write(self, examinations: Sequence[Examination]) -> list[str]:
        if self.generation.do_sample and len(examinations) > 1:
            return [text for one in examinations for text in self._write([one])]
        inputs = self.inputs(examinations)
        if self.generation.do_sample:
            seed = hashlib.sha256(f"{self.generation.seed} {examinations[0].study_id}".encode()).digest()
            torch.manual_seed(int.from_bytes(seed[:7], "big"))
        asked = inputs.get("input_ids")
        most = self._most(1 if asked is None or self.network.config.is_encoder_decoder else asked.shape[1])
        written = self.network.generate(**inputs, **{**self.generation.given, "max_new_tokens": most})
        if asked is not None:
            # decoder-only models repeat the question, BLIP without its last token, which ends it
            for length in (asked.shape[1], asked.shape[1] - 1):
                if length > 0 and torch.equal(written[:, :length], asked[:, :length]):
                    written = written[:, length:]
                    break
        self._tell_cut(examinations, written, most)
        texts: list[str] = self.tokenizer.batch_decode(written, skip_special_tokens=True)
        return texts

    @cached_property
    def _places(self) -> int | None:
        """Tokens for which a decoder with an embedding for each place has one; None where places are computed."""
        words = self.network.config.get_text_config(decoder=True)
        known = getattr(words, "max_position_embeddings", None) or getattr(words, "n_positions", None)
        embedded = (
            isinstance(module, torch.nn.Embedding)
            and name.rpartition(".")[2] in _PLACES
            and not name.startswith("encoder.")
            and "vision" not in name
            for name, module in self.network.named_modules()
        )
        return known if any(embedded) else None

    def _most(self, begun: int) -> int:
        """Tokens that may be written after `begun` ones: no more than the decoder has places for."""
        asked = self.generation.max_new_tokens
        if self._places is None or self._places - begun >= asked:
            return asked
        room = self._places - begun
        if room < 1:
            raise InputError(
                f"{self.source.name}: its decoder has {self._places} places, and the question alone takes {begun}; "
                "ask with a shorter prompt (--prompt)"
            )
        if not self._told_room:
            self._told_room = True
            _log.warning("%s writes at most %d tokens, not %d: its decoder has no more places", self.name, room, asked)
        return room

    def _tell_cut(self, examinations: Sequence[Examination], written: torch.Tensor, most: int) -> None:
        """Say once, naming the first, that reports end because they were to be no longer."""
        if self._told_cut or most < self.generation.max_new_tokens or written.shape[1] < most:
            return
        ends = self.network.generation_config.eos_token_id
        stops = torch.tensor([*(ends if isinstance(ends, list) else [ends]), self.tokenizer.pad_token_id])
        cut = ~torch.isin(written[:, -1].cpu(), stops)
        if cut.any():
            self._told_cut = True
            _log.warning(
                "%s: reports are cut at %d tokens, first that of %s; raise max_new_tokens to let them end",
                self.name, self.generation.max_new_tokens, examinations[int(cut.nonzero()[0])].study_id,
            )  # fmt: skip

    def _chat(self, questions: Sequence[Question]) -> Any:
        options: dict[str, Any] = {"padding": True}
        if "processor_kwargs" in signature(self.processor.apply_chat_template).parameters:
            options = {"processor_kwargs": options}
        return self.processor.apply_chat_template(
            list(self._messages(questions)),
            tokenize=True, add_generation_prompt=True, return_dict=True, return_tensors="pt", **options,
        )  # fmt: skip

    def _messages(self, questions: Sequence[Question]) -> Iterator[list[dict[str, Any]]]:
        for one in questions:
            films = [{"type": "image", "image": picture(film)} for film in one.films]
            apart = one.system if self._takes_system else ""
            words = one.user if apart or not one.system else f"{one.system}\n\n{one.user}"
            system = [{"role": "system", "content": [{"type": "text", "text": apart}]}] if apart else []
            yield [*system, {"role": "user", "content": [*films, {"type": "text", "text": words}]}]

    @cached_property
    def _takes_system(self) -> bool:
        """Whether the template shows a system message; else its words stand before the question."""
        mark = "rrgbench-system"
        system = {"role": "system", "content": [{"type": "text", "text": mark}]}
        user = {"role": "user", "content": [{"type": "text", "text": "question"}]}
        try:
            shown: str = self.processor.apply_chat_template([system, user], add_generation_prompt=True)
        # a template refuses by whatever its author raised in it
        except Exception:
            return False
        return mark in shown


def picture(film: Film) -> Image.Image:
    """A film as an RGB image, which every processor takes."""
    return Image.fromarray(film.pixels).convert("RGB")
