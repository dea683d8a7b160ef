"""A model of each kind from its files and the options that were given."""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field

from rrgbench.adapters.answers import Answers, allowed
from rrgbench.adapters.hugging_face.classifiers import ImageClassifier, observation_outputs
from rrgbench.adapters.hugging_face.encoders import DualEncoder, ImageEncoder
from rrgbench.adapters.hugging_face.kinds import kind_of
from rrgbench.adapters.hugging_face.named import Named, NamedWriter, named_model, named_processors
from rrgbench.adapters.hugging_face.running import Batches, chosen_device, chosen_dtype
from rrgbench.adapters.hugging_face.source import Source, find
from rrgbench.adapters.hugging_face.writer import Asking, Generation, HubWriter, processors
from rrgbench.adapters.prompts import Section, load_prompt
from rrgbench.adapters.report_extraction import DEFAULT
from rrgbench.data.examination import Reads, Views
from rrgbench.errors import InputError, listed, meant

FIRST: Final = {"cuda": 32, "cpu": 4}
"""Studies in the first batch of a writer whose batch size is `auto`, by device."""

_ENCODED: Final = 64

DEFAULT_PROMPT: Final = "findings"


class WriterOptions(BaseModel):
    """What may be asked of a model that writes, beside `Generation`.

    Attributes
    ----------
    prompt : str, optional
        A shipped prompt or a YAML file.
    views : {"all", "frontal"}, optional
        Instead of the prompt's.
    film_size : int, optional
        Side in pixels at which films are given to the processor, instead of the processor's own.
    section : str, optional
        The part of the answer that is kept; the prompt's if omitted.
    extraction : str
        The rule that finds the report in the answer.
    allow : str
        `empty`, `refused` or both with a comma: what is scored as an empty report instead of ending the run.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    prompt: str | None = None
    views: Views | None = None
    film_size: int | None = Field(default=None, gt=0, le=4096)
    section: Section | None = None
    extraction: str = DEFAULT
    allow: str = ""


def build(
    given: str,
    revision: str | None,
    code: bool,
    running: tuple[str | None, str | None, Any],
    options: Mapping[str, Any],
) -> HubWriter | DualEncoder | ImageEncoder:
    """A model; parameters as of `rrgbench.adapters.hugging_face.load`.

    Raises
    ------
    InputError
        As `load`.
    """
    source = find(given, revision, code)
    device = chosen_device(running[0])
    placed = device, chosen_dtype(running[1], source.config, device)
    named = named_model(source.config)
    if named is not None:
        if not code:
            raise InputError(
                f"{given} is {named.name}, whose repository brings Python code that would run on this machine; if you "
                "trust it, add --model-option trust_remote_code=true, and revision=COMMIT to pin what you have read"
            )
        return _named(named, source, Batches(running[2], FIRST.get(device.type, FIRST["cpu"])), placed, options)
    kind = kind_of(source.config, given)
    if kind == "writer":
        return _writer(source, Batches(running[2], FIRST.get(device.type, FIRST["cpu"])), placed, code, options)
    asked = [name for name, value in options.items() if value is not None]
    if asked:
        raise InputError(f"{given} is a {kind}, which takes no {listed(asked)}")
    if kind == "dual encoder":
        encoder: type[DualEncoder | ImageEncoder] = DualEncoder
    else:
        encoder = ImageClassifier if observation_outputs(source.config, source.name) else ImageEncoder
    return encoder(source, Batches(running[2], _ENCODED), placed, code)


def _told(source: Source, options: Mapping[str, Any]) -> tuple[WriterOptions, dict[str, Any]]:
    """What a writer is told, and how it decodes.

    Raises
    ------
    InputError
        If it takes no such option.
    """
    known = [*WriterOptions.model_fields, *Generation.model_fields]
    if unknown := [name for name in options if name not in known]:
        raise InputError(f"{source.name} takes no option {unknown[0]}; {meant(unknown[0], known)}")
    decoding = {name: value for name, value in options.items() if name in Generation.model_fields}
    return WriterOptions(**{name: value for name, value in options.items() if name not in decoding}), decoding


def _named(named: Named, source: Source, batches: Batches, placed: Any, options: Mapping[str, Any]) -> NamedWriter:
    asked, decoding = _told(source, options)
    if asked.prompt:
        raise InputError(f"{source.name} is {named.name}, which is asked as its card says and takes no prompt")
    reads = Reads(1, asked.views or named.views, sections=named.sections, prior=named.prior)
    return NamedWriter(
        named,
        source=source,
        reading=named_processors(source),
        asking=Asking(None, None, asked.film_size, reads),
        answers=Answers(asked.section or named.section, asked.extraction, allowed(asked.allow)),
        generation=Generation(**{**named.decoding, **decoding}),
        batches=batches,
        placed=placed,
        code=True,
    )


def _writer(source: Source, batches: Batches, placed: Any, code: bool, options: Mapping[str, Any]) -> HubWriter:
    asked, decoding = _told(source, options)
    reading = processors(source, code)
    # a captioner is shown films alone unless words are asked for
    if asked.prompt and reading.whole is reading.films:
        raise InputError(f"{source.name} is shown films alone and takes no prompt")
    named = asked.prompt or (DEFAULT_PROMPT if reading.chats else None)
    prompt = load_prompt(named) if named else None
    return HubWriter(
        source,
        reading,
        Asking(prompt, asked.views, asked.film_size),
        Answers(asked.section or (prompt.section if prompt else "findings"), asked.extraction, allowed(asked.allow)),
        Generation(**decoding),
        batches,
        placed,
        code,
    )
