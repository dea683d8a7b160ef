"""DCRRG as one Hugging Face model: encoders, prompted projections, heads, decoder, soft prompts."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel, AutoTokenizer, BertConfig, BertModel, PreTrainedModel

from dcrrg.configuration import DcrrgConfig
from dcrrg.projection import PromptedProjection
from rrgbench.modeling.beam_search import beam_search
from rrgbench.modeling.image_encoder import build_image_encoder
from rrgbench.modeling.report_decoder import CachedDecoding, DeepPrompts, ReportDecoder
from rrgbench.modeling.report_tokenizer import decode_report, encode_for_classification
from rrgbench.observations import OBSERVATIONS

REPORT_START = "[REPORT]"
NOT_MENTIONED = "[NOT MENTIONED]"
OBSERVATION_STARTS = tuple(f"[{name.upper()}]" for name in OBSERVATIONS)
SPECIAL_TOKENS = (REPORT_START, NOT_MENTIONED, *OBSERVATION_STARTS)
TEXT_TOKENIZER_FOLDER = "text_tokenizer"


class DcrrgModel(PreTrainedModel):  # type: ignore[misc]
    """Divide and Conquer Radiology Report Generation (Zhou and Wang, EMNLP 2024).

    Films enter as uint8 arrays (n, image_size, image_size). `tokenizer` writes reports; `text_tokenizer` feeds the text
    encoder (the same object unless the text encoder came with its own vocabulary).
    """

    config_class = DcrrgConfig
    base_model_prefix = "dcrrg"

    def __init__(self, config: DcrrgConfig, pretrained_encoders: bool = False) -> None:
        super().__init__(config)
        self.tokenizer: Any = None
        self.text_tokenizer: Any = None
        self.image_encoder = build_image_encoder(config.image_encoder, pretrained=pretrained_encoders)
        self.text_encoder = _text_encoder(config.text_encoder, pretrained_encoders)
        hidden, width = config.projection_width, config.embedding_width
        self.image_projection = PromptedProjection(self.image_encoder.dim, hidden, width, config.dropout)
        self.text_projection = PromptedProjection(self.text_encoder.config.hidden_size, hidden, width, config.dropout)
        self.image_head = nn.Linear(width, 2)
        self.text_head = nn.Linear(width, 2)
        self.log_temperature = nn.Parameter(torch.tensor(float(np.log(config.contrast_temperature))))
        self.decoder = ReportDecoder(
            config.vocabulary,
            config.decoder_width,
            width,
            config.decoder_heads,
            config.decoder_layers,
            config.decoder_feed_forward,
            config.dropout,
            config.pad_token_id or 0,
        )
        self.description_head = nn.Linear(config.decoder_width, config.vocabulary)
        self.report_head = nn.Linear(config.decoder_width, config.vocabulary)
        self.prompts = DeepPrompts(
            config.decoder_layers, config.decoder_heads, config.decoder_width, config.prompt_length
        )
        self.post_init()

    def _init_weights(self, module: nn.Module) -> None:
        """Every part initialises itself; a loaded encoder must not be drawn anew."""

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
        words = mask.unsqueeze(2).to(states.dtype)
        return (states * words).sum(1) / words.sum(1)

    def text_observations(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Prompted representations t_p (n, 14, P) of reports, Eq. 2."""
        prompted: Tensor = self.text_projection(self.text_features(ids, mask))
        return prompted

    @property
    def temperature(self) -> Tensor:
        """tau of Eq. 7, trained as its logarithm so that it stays positive."""
        return self.log_temperature.exp()

    # what a model offers (rrgbench.registry)

    @property
    def backbone(self) -> nn.Module:
        """The image encoder E_img: films to features (n, D)."""
        return self.image_encoder

    def _film_batches(self, images: NDArray[np.uint8], size: int = 64) -> list[Tensor]:
        films = torch.from_numpy(np.ascontiguousarray(images)).to(self.device)
        return [films[start : start + size] for start in range(0, len(films), size)]

    @torch.inference_mode()
    def predict_observations(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Probability of each observation (n, 14)."""
        self.eval()
        parts = [
            torch.softmax(self.image_head(self.image_observations(films)), dim=-1)[..., 1]
            for films in self._film_batches(images)
        ]
        return torch.cat(parts).float().cpu().numpy()

    @torch.inference_mode()
    def embed_images(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
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
    def generate_reports(self, images: NDArray[np.uint8]) -> list[str]:
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
    def describe(self, images: NDArray[np.uint8], observation: str) -> list[str]:
        """Step 3's description of one observation for each film; empty where the model finds it not mentioned."""
        self.eval()
        start = OBSERVATION_STARTS[OBSERVATIONS.index(observation)]
        return [
            text
            for films in self._film_batches(images)
            for text in self._write(
                self.image_observations(films), start, self.description_head, None, self.config.max_description
            )
        ]

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
            CachedDecoding(self.decoder, head, memory, beams, prompts),
            first,
            end=self.tokenizer.eos_token_id,
            pad=self.tokenizer.pad_token_id,
            beams=beams,
            max_length=max_length,
            forbidden=never,
        )
        return [decode_report(self.tokenizer, row) for row in rows]

    # saving and loading, tokenizers included

    def save_pretrained(self, save_directory: str | Path, **kwargs: Any) -> None:
        """Write weights (safetensors), configuration and tokenizers."""
        super().save_pretrained(save_directory, **kwargs)
        self.tokenizer.save_pretrained(save_directory)
        if self.text_tokenizer is not self.tokenizer:
            self.text_tokenizer.save_pretrained(Path(save_directory) / TEXT_TOKENIZER_FOLDER)

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path: Any, *args: Any, **kwargs: Any) -> "DcrrgModel":
        """Load weights, configuration and tokenizers from a folder or a hub id; weights are float32 in memory."""
        kwargs.setdefault("dtype", torch.float32)
        model: DcrrgModel = super().from_pretrained(
            pretrained_model_name_or_path, *args, use_safetensors=True, **kwargs
        )
        model.tokenizer = AutoTokenizer.from_pretrained(pretrained_model_name_or_path)
        if model.config.text_encoder.get("own_vocabulary"):
            model.text_tokenizer = AutoTokenizer.from_pretrained(
                pretrained_model_name_or_path, subfolder=TEXT_TOKENIZER_FOLDER
            )
        else:
            model.text_tokenizer = model.tokenizer
        return model


def _text_encoder(settings: dict[str, Any], pretrained: bool) -> BertModel:
    options = {key: value for key, value in settings.items() if key not in ("weights", "own_vocabulary")}
    if pretrained and settings.get("weights"):
        return BertModel.from_pretrained(settings["weights"], add_pooling_layer=False)
    return BertModel(BertConfig(**options), add_pooling_layer=False)


AutoConfig.register("dcrrg", DcrrgConfig)
AutoModel.register(DcrrgConfig, DcrrgModel)
