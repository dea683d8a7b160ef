"""A trainable model that also reads reports: its text encoder, and that encoder's tokenizer saved beside it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from torch import Tensor
from transformers import AutoTokenizer

from rrgbench.modeling.checkpoint_reading import reading
from rrgbench.modeling.report_model import ReportModel, ReportModelConfig, hub_options
from rrgbench.modeling.report_tokenizer import encode_for_classification
from rrgbench.modeling.text_encoder import build_text_encoder
from rrgbench.text_lists import require_texts

TEXT_TOKENIZER_FOLDER = "text_tokenizer"
"""Of a text encoder that came with its own vocabulary; else it reads the report tokenizer's."""


class TextReadingModel(ReportModel):
    """Films and reports to features; the configuration has `text_encoder` and `max_text` too.

    `tokenizer` writes reports; `text_tokenizer` feeds the text encoder (the same object unless the text encoder came
    with its own vocabulary).
    """

    def __init__(self, config: ReportModelConfig, pretrained_encoders: bool = False) -> None:
        super().__init__(config, pretrained_encoders)
        self.text_tokenizer: Any = None
        self.text_encoder = build_text_encoder(config.text_encoder, pretrained_encoders)

    def encode_texts(self, texts: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Token ids and mask of texts for the text encoder, on the model's device."""
        require_texts(texts, "texts")
        ids, mask = encode_for_classification(self.text_tokenizer, texts, self.config.max_text)
        return ids.to(self.device), mask.to(self.device)

    def save_pretrained(self, save_directory: str | Path, **kwargs: Any) -> None:
        """Write weights (safetensors), configuration and tokenizers."""
        super().save_pretrained(save_directory, **kwargs)
        if self.text_tokenizer is not self.tokenizer:
            self.text_tokenizer.save_pretrained(Path(save_directory) / TEXT_TOKENIZER_FOLDER)

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path: Any, *args: Any, **kwargs: Any) -> Self:
        """Load weights, configuration and tokenizers from a folder or a hub id; weights are float32 in memory."""
        model = super().from_pretrained(pretrained_model_name_or_path, *args, **kwargs)
        model.text_tokenizer = model.tokenizer
        if model.config.text_encoder.get("own_vocabulary"):
            with reading(pretrained_model_name_or_path):
                model.text_tokenizer = AutoTokenizer.from_pretrained(
                    pretrained_model_name_or_path, subfolder=TEXT_TOKENIZER_FOLDER, **hub_options(kwargs)
                )
        return model
