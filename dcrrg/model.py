"""DCRRG as one Hugging Face model: encoders, prompted projections, heads, decoder, soft prompts."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from transformers import (
    AutoConfig,
    AutoImageProcessor,
    AutoModel,
    AutoProcessor,
    AutoTokenizer,
    PreTrainedModel,
)
from transformers.utils import ModelOutput

from dcrrg.configuration import DcrrgConfig
from dcrrg.processing import DcrrgImageProcessor, Film, Films, read_films
from dcrrg.projection import PromptedProjection
from rrgbench.data.study import LabelVector
from rrgbench.errors import InputError
from rrgbench.explanation import Explanation, explain_film
from rrgbench.modeling.beam_search import beam_search
from rrgbench.modeling.image_encoder import build_image_encoder
from rrgbench.modeling.report_decoder import CachedDecoding, DeepPrompts, ReportDecoder
from rrgbench.modeling.report_tokenizer import decode_report, encode_for_classification
from rrgbench.modeling.text_encoder import build_text_encoder, mean_over_words
from rrgbench.observations import OBSERVATIONS
from rrgbench.registry import lookup

REPORT_START = "[REPORT]"
NOT_MENTIONED = "[NOT MENTIONED]"
OBSERVATION_STARTS = tuple(f"[{name.upper()}]" for name in OBSERVATIONS)
SPECIAL_TOKENS = (REPORT_START, NOT_MENTIONED, *OBSERVATION_STARTS)
TEXT_TOKENIZER_FOLDER = "text_tokenizer"
_HUB_OPTIONS = ("cache_dir", "force_download", "local_files_only", "proxies", "revision", "token")


@dataclass
class DcrrgOutput(ModelOutput):  # type: ignore[misc]
    """What `DcrrgModel.forward` returns; a part is None where its input was not given.

    Attributes
    ----------
    observation_logits : Tensor
        Log-odds (n, 14) of each observation in each film; `sigmoid` gives probabilities.
    image_embeddings : Tensor
        Unit vectors (n, p) of films.
    text_observation_logits : Tensor
        Log-odds (m, 14) of each observation in each report.
    text_embeddings : Tensor
        Unit vectors (m, p) of reports.
    similarity : Tensor
        Cosines (n, m) of films and reports, Eq. 6.
    """

    observation_logits: Tensor | None = None
    image_embeddings: Tensor | None = None
    text_observation_logits: Tensor | None = None
    text_embeddings: Tensor | None = None
    similarity: Tensor | None = None


class DcrrgModel(PreTrainedModel):  # type: ignore[misc]
    """Divide and Conquer Radiology Report Generation (Zhou and Wang, EMNLP 2024).

    Films are uint8 arrays (n, image_size, image_size), or whatever `dcrrg.processing.read_films` takes: PIL images,
    arrays of any size, files. `tokenizer` writes reports; `text_tokenizer` feeds the text encoder (the same object
    unless the text encoder came with its own vocabulary).

    Examples
    --------
    >>> import rrgbench
    >>> model = rrgbench.load_model("dcrrg").model
    >>> film = rrgbench.load_corpus("phantom", test=1).split("test")[0].images[0].load(200)
    >>> model.predict_observations([film]).shape
    (1, 14)
    """

    config_class = DcrrgConfig
    base_model_prefix = "dcrrg"
    main_input_name = "pixel_values"

    def __init__(self, config: DcrrgConfig, pretrained_encoders: bool = False) -> None:
        super().__init__(config)
        self.tokenizer: Any = None
        self.text_tokenizer: Any = None
        self.image_encoder = build_image_encoder(config.image_encoder, pretrained=pretrained_encoders)
        self.text_encoder = build_text_encoder(config.text_encoder, pretrained_encoders)
        hidden, width = config.projection_width, config.embedding_width
        self.image_projection = PromptedProjection(self.image_encoder.dim, hidden, width, config.dropout)
        self.text_projection = PromptedProjection(self.text_encoder.config.hidden_size, hidden, width, config.dropout)
        self.image_head = nn.Linear(width, 2)
        self.text_head = nn.Linear(width, 2)
        self.log_temperature = nn.Parameter(torch.tensor(float(np.log(config.contrast_temperature))))
        self.decoder = ReportDecoder(
            config.vocabulary,
            config.decoder_width,
            width + len(OBSERVATIONS) * config.memory_prompts,
            config.decoder_heads,
            config.decoder_layers,
            config.decoder_feed_forward,
            config.dropout,
            getattr(config, "pad_token_id", None) or 0,
            config.decoder_distance,
        )
        self.description_head = nn.Linear(config.decoder_width, config.vocabulary)
        self.report_head = nn.Linear(config.decoder_width, config.vocabulary)
        self.prompts = DeepPrompts(
            config.decoder_layers, config.decoder_heads, config.decoder_width, config.prompt_length
        )
        self.post_init()

    def _init_weights(self, module: nn.Module) -> None:
        """Every part initialises itself; a loaded encoder must not be drawn anew."""

    def forward(
        self,
        pixel_values: Tensor | None = None,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
    ) -> DcrrgOutput:
        """Observations and embeddings of films, of reports, or of both.

        Parameters
        ----------
        pixel_values : Tensor, optional
            Films (n, size, size) in [0, 255], as `dcrrg.processing.DcrrgImageProcessor` gives them.
        input_ids, attention_mask : Tensor, optional
            Token ids and mask (m, t) of reports, as `encode_texts` gives them.

        Returns
        -------
        DcrrgOutput

        Raises
        ------
        InputError
            If neither films nor reports are given.
        """
        if pixel_values is None and input_ids is None:
            raise InputError("DCRRG reads pixel_values (films), input_ids (reports), or both; neither was given")
        output = DcrrgOutput()
        prompt = self.config.similarity_prompt
        if pixel_values is not None:
            v = self.image_encoder(pixel_values)
            output.observation_logits = _log_odds(self.image_head(self.image_projection(v)))
            output.image_embeddings = self.image_projection.similarity_vector(v, prompt)
        if input_ids is not None:
            mask = torch.ones_like(input_ids, dtype=torch.bool) if attention_mask is None else attention_mask
            t = self.text_features(input_ids, mask)
            output.text_observation_logits = _log_odds(self.text_head(self.text_projection(t)))
            output.text_embeddings = self.text_projection.similarity_vector(t, prompt)
        if output.image_embeddings is not None and output.text_embeddings is not None:
            output.similarity = output.image_embeddings @ output.text_embeddings.T
        return output

    # representations

    def image_observations(self, films: Tensor) -> Tensor:
        """Prompted representations v_p (n, 14, P) of films (n, size, size), Eq. 1."""
        prompted: Tensor = self.image_projection(self.image_encoder(films))
        return prompted

    def text_features(self, ids: Tensor, mask: Tensor) -> Tensor:
        """t (n, M): the text encoder's states, pooled as configured, Eq. 2a."""
        states: Tensor = self.text_encoder(input_ids=ids, attention_mask=mask).last_hidden_state
        if self.config.text_pooling == "cls":
            return states[:, 0]
        return mean_over_words(states, mask)

    def text_observations(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Prompted representations t_p (n, 14, P) of reports, Eq. 2."""
        prompted: Tensor = self.text_projection(self.text_features(ids, mask))
        return prompted

    def memory(self, prompted: Tensor) -> Tensor:
        """What the decoder reads of v_p or t_p (n, 14, P): them, or each beside its one-hot prompt (n, 14, P + 14)."""
        if not self.config.memory_prompts:
            return prompted
        prompts = torch.eye(len(OBSERVATIONS), dtype=prompted.dtype, device=prompted.device)
        return torch.cat([prompted, prompts.expand(len(prompted), -1, -1)], dim=-1)

    @property
    def temperature(self) -> Tensor:
        """tau of Eq. 7, trained as its logarithm so that it stays positive."""
        return self.log_temperature.exp()

    # what a model offers (rrgbench.registry)

    @property
    def backbone(self) -> nn.Module:
        """The image encoder E_img: films to features (n, D)."""
        return self.image_encoder

    def _film_batches(self, images: Films, size: int = 64) -> list[Tensor]:
        films = torch.from_numpy(np.ascontiguousarray(read_films(images, self.config.image_size))).to(self.device)
        return [films[start : start + size] for start in range(0, len(films), size)]

    @torch.inference_mode()
    def predict_observations(self, images: Films) -> NDArray[np.float32]:
        """Probability of each observation (n, 14)."""
        self.eval()
        parts = [
            torch.softmax(self.image_head(self.image_observations(films)), dim=-1)[..., 1]
            for films in self._film_batches(images)
        ]
        return torch.cat(parts).float().cpu().numpy()

    @torch.inference_mode()
    def embed_images(self, images: Films) -> NDArray[np.float32]:
        """Unit vectors (n, p) of films."""
        self.eval()
        prompt = self.config.similarity_prompt
        parts = [
            self.image_projection.similarity_vector(self.image_encoder(films), prompt)
            for films in self._film_batches(images)
        ]
        return torch.cat(parts).float().cpu().numpy()

    @torch.inference_mode()
    def embed_reports(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors (n, p) of reports."""
        self.eval()
        parts = []
        for start in range(0, len(texts), 64):
            ids, mask = self.encode_texts(texts[start : start + 64])
            features = self.text_features(ids, mask)
            parts.append(self.text_projection.similarity_vector(features, self.config.similarity_prompt))
        return torch.cat(parts).float().cpu().numpy()

    def encode_texts(self, texts: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Token ids and mask of reports for the text encoder, on the model's device."""
        ids, mask = encode_for_classification(self.text_tokenizer, texts, self.config.max_text)
        return ids.to(self.device), mask.to(self.device)

    @torch.inference_mode()
    def generate_reports(self, images: Films) -> list[str]:
        """Reports of films, beam search of the configured size."""
        self.eval()
        prompts = self.prompts if self.config.tuning == "prompt" else None
        return [
            report
            for films in self._film_batches(images)
            for report in self._write(
                self.image_observations(films), REPORT_START, self.report_head, prompts, self.config.max_report
            )
        ]

    @torch.inference_mode()
    def describe(self, images: Films, observation: str) -> list[str]:
        """Step 3's description of one observation for each film; empty where the model finds it not mentioned.

        Raises
        ------
        UnknownNameError
            If it is not one of the 14 observations.
        """
        self.eval()
        start = OBSERVATION_STARTS[OBSERVATIONS.index(lookup("observation", observation, OBSERVATIONS))]
        return [
            text
            for films in self._film_batches(images)
            for text in self._write(
                self.image_observations(films), start, self.description_head, None, self.config.max_description
            )
        ]

    def explain(
        self, image: Film, reference: str | None = None, labels: Sequence[int | None] | LabelVector | None = None
    ) -> Explanation:
        """The paper's Table 7 for one film: probability and description of each observation, and the report.

        Parameters
        ----------
        image : Film
            One film.
        reference : str, optional
            The film's own report; its key words are marked too.
        labels : sequence of 14, optional
            Known labels in CheXpert coding; read from the reference by the rules if omitted.
        """
        (film,) = read_films(image, self.config.image_size)
        return explain_film(
            self,
            film,
            name="dcrrg",
            reference=reference,
            labels=labels,
            labels_source="" if labels is None else "given",
        )

    def _write(
        self, memory: Tensor, start: str, head: nn.Module, prompts: DeepPrompts | None, max_length: int
    ) -> list[str]:
        beams = self.config.beams
        first = torch.full((memory.shape[0],), self.tokenizer.convert_tokens_to_ids(start), device=memory.device)
        never = [
            self.tokenizer.pad_token_id,
            self.tokenizer.unk_token_id,
            self.tokenizer.cls_token_id,
            *self.tokenizer.convert_tokens_to_ids([REPORT_START, *OBSERVATION_STARTS]),
        ]
        if head is self.report_head:
            never.append(self.tokenizer.convert_tokens_to_ids(NOT_MENTIONED))
        rows = beam_search(
            CachedDecoding(self.decoder, head, self.memory(memory), beams, prompts),
            first,
            end=self.tokenizer.eos_token_id,
            pad=self.tokenizer.pad_token_id,
            beams=beams,
            max_length=max_length,
            forbidden=never,
        )
        return [decode_report(self.tokenizer, row) for row in rows]

    # saving and loading, tokenizers included

    def save_pretrained(self, save_directory: str | Path, push_to_hub: bool = False, **kwargs: Any) -> None:
        """Write weights (safetensors), configuration, image processor and tokenizers."""
        hub = {key: kwargs.pop(key) for key in ("repo_id", "commit_message", "create_pr", "private") if key in kwargs}
        super().save_pretrained(save_directory, **kwargs)
        DcrrgImageProcessor(self.config.image_size).save_pretrained(save_directory)
        self.tokenizer.save_pretrained(save_directory)
        if self.text_tokenizer is not self.tokenizer:
            self.text_tokenizer.save_pretrained(Path(save_directory) / TEXT_TOKENIZER_FOLDER)
        if push_to_hub:
            # the base class would upload before the tokenizers are there
            self.push_to_hub(hub.pop("repo_id", Path(save_directory).name), token=kwargs.get("token"), **hub)

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path: Any, *args: Any, **kwargs: Any) -> "DcrrgModel":
        """Load weights, configuration and tokenizers from a folder or a hub id; weights are float32 in memory."""
        kwargs.setdefault("dtype", torch.float32)
        hub = {key: kwargs[key] for key in _HUB_OPTIONS if key in kwargs}
        model: DcrrgModel = super().from_pretrained(
            pretrained_model_name_or_path, *args, use_safetensors=True, **kwargs
        )
        model.tokenizer = model.text_tokenizer = AutoTokenizer.from_pretrained(pretrained_model_name_or_path, **hub)
        if model.config.text_encoder.get("own_vocabulary"):
            model.text_tokenizer = AutoTokenizer.from_pretrained(
                pretrained_model_name_or_path, subfolder=TEXT_TOKENIZER_FOLDER, **hub
            )
        return model


def _log_odds(logits: Tensor) -> Tensor:
    """Logits (..., 2) of negative and positive as log-odds (...)."""
    return logits[..., 1] - logits[..., 0]


AutoConfig.register("dcrrg", DcrrgConfig)
AutoModel.register(DcrrgConfig, DcrrgModel)
AutoImageProcessor.register(DcrrgConfig, DcrrgImageProcessor)
AutoProcessor.register(DcrrgConfig, DcrrgImageProcessor)
