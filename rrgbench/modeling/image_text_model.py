"""Models that embed films and reports in one space, with one report decoder for all of them.

A system defines its encoders' outputs and its loss; the decoder over the image encoder's feature map is the same for
all, so that a difference between their reports is a difference between their representations. The image encoder learns
to write with that decoder, which moves it away from the reports that it was aligned with: the one that the contrast
left is kept beside it, for retrieval and for whoever asks for the model's features.
"""

import copy
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import normalize

from rrgbench.modeling.beam_search import DecodingState
from rrgbench.modeling.captioner import Captioner
from rrgbench.modeling.image_encoder import ImageEncoder, build_image_encoder, cells_of
from rrgbench.modeling.report_decoder import CachedDecoding, DecoderShape, ReportDecoder
from rrgbench.modeling.report_model import ReportModelConfig, texts_in_batches
from rrgbench.modeling.text_encoder import mean_over_words
from rrgbench.modeling.text_reading_model import TextReadingModel


class ImageTextConfig(ReportModelConfig):
    """Configuration of a model with an image and a text encoder.

    Parameters
    ----------
    text_encoder : dict
        See `rrgbench.modeling.text_encoder.build_text_encoder`.
    max_text : int
        Most tokens that the text encoder reads.
    embedding_width : int
        Width p of the common space.
    contrast_temperature : float
        Initial temperature of the contrast.
    decoder_width, decoder_heads, decoder_layers, decoder_feed_forward : int
        Shape of the report decoder.
    writes_reports : bool
        Whether the decoder was trained; an unpaired corpus has no reports of its films.
    keeps_aligned : bool
        Whether the image encoder that the contrast left is kept beside the one that learned to write. Models of before
        0.2.0 have one encoder for both.
    **kwargs
        See `ReportModelConfig`.
    """

    def __init__(
        self,
        text_encoder: dict[str, Any] | None = None,
        max_text: int = 160,
        embedding_width: int = 96,
        contrast_temperature: float = 0.07,
        decoder_width: int = 96,
        decoder_heads: int = 4,
        decoder_layers: int = 2,
        decoder_feed_forward: int = 384,
        writes_reports: bool = False,
        keeps_aligned: bool = False,
        **kwargs: Any,
    ) -> None:
        self.text_encoder = dict(text_encoder or {})
        self.max_text = max_text
        self.embedding_width = embedding_width
        self.contrast_temperature = contrast_temperature
        self.decoder_width = decoder_width
        self.decoder_heads = decoder_heads
        self.decoder_layers = decoder_layers
        self.decoder_feed_forward = decoder_feed_forward
        self.writes_reports = writes_reports
        self.keeps_aligned = keeps_aligned
        super().__init__(**kwargs)


class ImageTextModel(TextReadingModel, Captioner):
    """Image encoder, text encoder, two linear projections into one space, and the shared report decoder."""

    config_class: type[ImageTextConfig] = ImageTextConfig

    def __init__(self, config: ImageTextConfig, pretrained_encoders: bool = False) -> None:
        super().__init__(config, pretrained_encoders)
        self.text_width: int = self.text_encoder.config.hidden_size
        self.image_projection: nn.Module = nn.Linear(self.image_encoder.dim, config.embedding_width)
        self.text_projection: nn.Module = nn.Linear(self.text_width, config.embedding_width)
        self.log_temperature = nn.Parameter(torch.tensor(float(np.log(config.contrast_temperature))))
        self.decoder = ReportDecoder(
            config.vocabulary,
            DecoderShape(
                config.decoder_width,
                self.image_encoder.dim,
                config.decoder_heads,
                config.decoder_layers,
                config.decoder_feed_forward,
            ),
            config.dropout,
            config.pad_token_id or 0,
        )
        self.report_head = nn.Linear(config.decoder_width, config.vocabulary)
        self.aligned_encoder = build_image_encoder(config.image_encoder) if config.keeps_aligned else None
        self.post_init()

    @property
    def temperature(self) -> Tensor:
        """Trained as its logarithm so that it stays positive."""
        return self.log_temperature.exp()

    @property
    def offers(self) -> tuple[str, ...]:
        """Protocol methods that the model answers; reports only if its decoder was trained."""
        return ("embed_images", "embed_reports", *(super().offers if self.config.writes_reports else ()))

    # the common space

    @property
    def backbone(self) -> ImageEncoder:
        """The image encoder as the contrast left it: films to features (n, d)."""
        return self.image_encoder if self.aligned_encoder is None else self.aligned_encoder

    def aligned_cells(self, films: Tensor) -> Tensor:
        """Feature map of films as the contrast left it, a row of cells (n, h' * w', d)."""
        return cells_of(self.backbone, films)

    def film_vectors(self, films: Tensor) -> Tensor:
        """Unit vectors (n, p) of films."""
        return normalize(self.image_projection(self.backbone(films)), dim=-1)

    def text_states(self, ids: Tensor, mask: Tensor) -> Tensor:
        """The text encoder's states (n, t, m) of token ids and mask (n, t)."""
        states: Tensor = self.text_encoder(input_ids=ids, attention_mask=mask).last_hidden_state
        return states

    def text_vectors(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Unit vectors (n, p) of texts: the projected mean over all tokens, the classification token too."""
        return normalize(self.text_projection(mean_over_words(self.text_states(ids, mask), mask)), dim=-1)

    @abstractmethod
    def contrast(self, films: Tensor, ids: Tensor, mask: Tensor, film_labels: Tensor, text_labels: Tensor) -> Tensor:
        """The system's loss of n films beside n texts with positive labels (n, 14)."""

    @torch.inference_mode()
    def embed_images(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Unit vectors (n, p) of films."""
        return torch.cat([self.film_vectors(films) for films in self.film_batches(images)]).float().cpu().numpy()

    @torch.inference_mode()
    def embed_reports(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors (n, p) of reports."""
        self.eval()
        parts = [self.text_vectors(*self.encode_texts(part)) for part in texts_in_batches(texts)]
        return torch.cat(parts).float().cpu().numpy()

    # reports

    def prepare(self, data: Any) -> None:
        """Keep the image encoder as it is now: the one that writes will move."""
        self.config.writes_reports = self.config.keeps_aligned = True
        self.aligned_encoder = copy.deepcopy(self.image_encoder)

    def trained_parts(self) -> list[nn.Module | nn.Parameter]:
        """The image encoder and its decoder."""
        return [self.image_encoder, self.decoder, self.report_head]

    def word_logits(self, films: Tensor, ids: Tensor) -> Tensor:
        """Logits (n, t, vocabulary) of the token after each of `ids` (n, t)."""
        logits: Tensor = self.report_head(self.decoder(ids, self.film_cells(films)))
        return logits

    def decoding_state(self, films: Tensor, beams: int) -> DecodingState:
        """A fresh decoding state with `beams` rows for each film."""
        return CachedDecoding(self.decoder, self.report_head, self.film_cells(films), beams)


class Contrast(nn.Module):
    """A system's contrastive loss as a training stage."""

    def __init__(self, model: ImageTextModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, **batch: Tensor) -> dict[str, Any]:
        """The loss of a batch of films and texts."""
        return {"loss": self.model.contrast(**batch)}
