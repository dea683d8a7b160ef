"""Models that bring code of their own: which they are, and how their cards say that they are called.

Their code runs only where that was allowed. What is written here are their public cards' own settings.
"""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import torch
from PIL import Image
from transformers import AutoImageProcessor, AutoModel, AutoModelForCausalLM, AutoProcessor, AutoTokenizer

from rrgbench.adapters.hugging_face.encoders import Pixels
from rrgbench.adapters.hugging_face.loading import checked
from rrgbench.adapters.hugging_face.source import Source
from rrgbench.adapters.hugging_face.writer import HubWriter, Processors, picture
from rrgbench.adapters.prompts import Section
from rrgbench.data.examination import Examination, Film, Views
from rrgbench.errors import InputError


@dataclass(frozen=True)
class Named:
    """A model with code of its own.

    Attributes
    ----------
    name : str
        What it is called.
    architecture : str
        Part of the architecture that its `config.json` names.
    auto : type
        The library's Auto class that loads it.
    write : callable
        Answers for a batch of studies: (writer, examinations) to texts.
    section : str
        What it writes.
    views, sections, prior
        What it reads of a study.
    decoding : mapping
        Its card's settings, for what is not asked for otherwise.
    at_once : bool
        Whether its code takes several studies at a time.
    """

    name: str
    architecture: str
    auto: Any
    write: "Callable[[NamedWriter, Sequence[Examination]], list[str]]"
    section: Section = "findings"
    views: Views = "all"
    sections: tuple[str, ...] = ()
    prior: bool = False
    decoding: Mapping[str, Any] = field(default_factory=dict)
    at_once: bool = False


class NamedWriter(HubWriter):
    """A model with code of its own; parameters as of `HubWriter`, and which it is."""

    def __init__(self, named: Named, **given: Any) -> None:
        super().__init__(**given)
        self.named = named

    @property
    def signed(self) -> Mapping[str, str]:
        """What signatures say of how it was asked and read."""
        return {"prompt": f"{self.named.name}-card@1", **self.answers.signed}

    @cached_property
    def network(self) -> Any:
        """The network, loaded when it is first needed."""
        made = checked(self.named.auto, self.source, dtype=self.dtype, trust_remote_code=True)
        return made.to(self.device)

    @cached_property
    def pixels(self) -> Pixels:
        """What makes pixel values of films, where the card does so by hand."""
        return Pixels(self.films).to(self.device)

    @torch.inference_mode()
    def _write(self, examinations: Sequence[Examination]) -> list[str]:
        if len(examinations) > 1 and not self.named.at_once:
            return [text for one in examinations for text in self._write([one])]
        return self.named.write(self, examinations)


def named_model(config: Mapping[str, Any]) -> Named | None:
    """Which of these models a `config.json` describes."""
    if "auto_map" not in config:
        return None
    stated = " ".join(map(str, config.get("architectures") or ()))
    return next((one for one in NAMED if one.architecture in stated), None)


def named_processors(source: Source) -> Processors:
    """What makes the inputs of a model with code of its own; of some there is a tokenizer alone.

    Raises
    ------
    InputError
        If there is none.
    """
    options: dict[str, Any] = {"local_files_only": True, "trust_remote_code": True}
    try:
        whole = AutoProcessor.from_pretrained(source.folder, **options)
        if hasattr(whole, "image_processor"):
            return Processors(whole, whole.image_processor, whole.tokenizer)
        tokenizer = AutoTokenizer.from_pretrained(source.folder, **options)
        has_films = (source.folder / "preprocessor_config.json").is_file()
        films = AutoImageProcessor.from_pretrained(source.folder, **options) if has_films else None
        return Processors(None, films, tokenizer)
    # whatever the repository's own code raises, and the library for what that code lacks
    except Exception as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(
            f"{source.name}: its processor or its code can't be used with this version of transformers ({reason})"
        ) from error


def _maira_2(writer: NamedWriter, examinations: Sequence[Examination]) -> list[str]:
    (one,) = examinations
    lateral = next((film for film in one.films if film.view == "LATERAL"), None)
    frontal = next((film for film in one.films if film is not lateral), one.films[0])
    earlier = one.prior.films[0] if one.prior is not None and one.prior.films else None
    inputs = writer.processor.format_and_preprocess_reporting_input(
        current_frontal=picture(frontal),
        current_lateral=_maybe(None if lateral is frontal else lateral),
        prior_frontal=_maybe(earlier),
        indication=one.sections.get("indication"),
        technique=one.sections.get("technique"),
        comparison=one.sections.get("comparison"),
        prior_report=one.prior.report if one.prior is not None else None,
        return_tensors="pt",
        get_grounding=False,
    ).to(writer.device, writer.dtype)
    written = writer.network.generate(**inputs, **writer.generation.given, use_cache=True)
    text = writer.processor.decode(written[0][inputs["input_ids"].shape[-1] :], skip_special_tokens=True)
    return [str(writer.processor.convert_output_to_plaintext_or_grounded_sequence(text.lstrip()))]


def _chexagent_2(writer: NamedWriter, examinations: Sequence[Examination]) -> list[str]:
    (one,) = examinations
    # its tokenizer takes films as files
    with tempfile.TemporaryDirectory() as folder:
        paths = [str(Path(folder) / f"{place}.png") for place in range(len(one.films))]
        for path, film in zip(paths, one.films, strict=True):
            picture(film).save(path)
        words = writer.tokenizer.from_list_format(
            [*({"image": path} for path in paths), {"text": "Generate the Findings section"}]
        )
        talk = [{"from": "system", "value": "You are a helpful assistant."}, {"from": "human", "value": words}]
        made = writer.tokenizer.apply_chat_template(talk, add_generation_prompt=True, return_tensors="pt")
        ids = (made if isinstance(made, torch.Tensor) else made["input_ids"]).to(writer.device)
        written = writer.network.generate(ids, **writer.generation.given, use_cache=True)
    return [str(writer.tokenizer.decode(written[0][ids.shape[1] :], skip_special_tokens=True))]


def _cxrmate(writer: NamedWriter, examinations: Sequence[Examination]) -> list[str]:
    words, network = writer.tokenizer, writer.network
    shown = [writer.pixels(torch.stack([torch.from_numpy(film.pixels) for film in one.films])) for one in examinations]
    asked: dict[str, Any] = {"special_token_ids": [words.sep_token_id]}
    ends = [words.sep_token_id, words.eos_token_id]
    if "Single" in type(network).__name__:
        films = torch.stack([one[0].expand(3, -1, -1) for one in (part for part in shown)])
    else:
        # studies of fewer films are filled with zeros, which the model leaves out
        films = torch.nn.utils.rnn.pad_sequence([one.expand(-1, 3, -1, -1) for one in shown], batch_first=True)
    length = writer.generation.max_new_tokens
    if hasattr(network, "tokenize_prompt"):
        told = [one.prior.report if one.prior is not None else None for one in examinations]
        prompt = network.tokenize_prompt(told, [None] * len(told), words, 256, add_bos_token_id=True)
        asked = {
            "decoder_input_ids": prompt["input_ids"].to(writer.device),
            "special_token_ids": [words.convert_tokens_to_ids("[PMT-SEP]"), words.bos_token_id, words.sep_token_id],
        }
        length, ends = length + prompt["input_ids"].shape[1], [words.bos_token_id, *ends]
    given = {key: value for key, value in writer.generation.given.items() if key != "max_new_tokens"}
    ids = {"bos_token_id": words.bos_token_id, "eos_token_id": words.eos_token_id, "pad_token_id": words.pad_token_id}
    written = network.generate(
        pixel_values=films.to(writer.dtype), **asked, **ids, **given,
        max_length=length, return_dict_in_generate=True, use_cache=True,
    )["sequences"]  # fmt: skip
    *_, findings, impressions = network.split_and_decode_sections(written, ends, words)
    return [
        f"FINDINGS: {finding}\nIMPRESSION: {impression}"
        for finding, impression in zip(findings, impressions, strict=True)
    ]


def _maybe(film: Film | None) -> Image.Image | None:
    return None if film is None else picture(film)


_CXRMATE: Final = {"num_beams": 4, "max_new_tokens": 256}

NAMED: Final = (
    Named(
        "maira-2", "Maira2", AutoModelForCausalLM, _maira_2,
        sections=("indication", "technique", "comparison"), prior=True, decoding={"max_new_tokens": 300},
    ),
    Named("chexagent-2", "CheXagent", AutoModelForCausalLM, _chexagent_2, decoding={"max_new_tokens": 512}),
    Named("cxrmate-single", "SingleCXR", AutoModel, _cxrmate, views="frontal", decoding=_CXRMATE, at_once=True),
    Named(
        "cxrmate-longitudinal", "LongitudinalPrompt", AutoModel, _cxrmate,
        prior=True, decoding=_CXRMATE, at_once=True,
    ),
    Named("cxrmate", "CXREncoderDecoder", AutoModel, _cxrmate, decoding=_CXRMATE, at_once=True),
)  # fmt: skip
"""The models; the first whose architecture fits."""
