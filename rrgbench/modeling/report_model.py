"""What every trainable model is: a Hugging Face model with an image encoder, its report tokenizer saved beside it."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from transformers import PretrainedConfig, PreTrainedModel, PreTrainedTokenizerFast

from rrgbench.modeling.beam_search import DecodingState, beam_search
from rrgbench.modeling.checkpoint_reading import check_tokenizer, check_values, check_weights, reading
from rrgbench.modeling.image_encoder import build_image_encoder, cells_of, shape_without_source
from rrgbench.modeling.quiet_loading import quiet_loading
from rrgbench.modeling.report_tokenizer import IGNORED, decode_report, encode_reports, pad_rows

REPORT_START = "[REPORT]"
"""First token of a decoder's report."""

_HUB_OPTIONS = ("cache_dir", "force_download", "local_files_only", "proxies", "revision", "token")


class ReportModelConfig(PretrainedConfig):  # type: ignore[misc]
    """Configuration that all models share; a system adds its own keys.

    Parameters
    ----------
    image_size : int
        Side of the square films read.
    image_encoder : dict
        See `rrgbench.modeling.image_encoder.build_image_encoder`.
    vocabulary : int
        Tokens of the report tokenizer.
    max_report : int
        Most tokens written.
    beams : int
        Beam size at inference.
    length_power : float
        By which power of its length beam search divides a finished report's log-probability; 0 prefers short ones, as
        probability itself does.
    dropout : float
        Of the decoder.
    """

    def __init__(
        self,
        image_size: int = 96,
        image_encoder: dict[str, Any] | None = None,
        vocabulary: int = 0,
        max_report: int = 120,
        beams: int = 3,
        length_power: float = 1.0,
        dropout: float = 0.1,
        **kwargs: Any,
    ) -> None:
        self.image_size = image_size
        self.image_encoder = dict(image_encoder or {"kind": "resnet", "num_channels": 1})
        self.vocabulary = vocabulary
        self.max_report = max_report
        self.beams = beams
        self.length_power = length_power
        self.dropout = dropout
        super().__init__(**kwargs)


class ReportModel(PreTrainedModel):  # type: ignore[misc]
    """Films (n, size, size) in [0, 255] to features and reports."""

    config_class: type[ReportModelConfig] = ReportModelConfig
    base_model_prefix = "report_model"

    def __init__(self, config: ReportModelConfig, pretrained_encoders: bool = False) -> None:
        super().__init__(config)
        self.tokenizer: Any = None
        self.image_encoder = build_image_encoder(config.image_encoder, pretrained=pretrained_encoders)
        if pretrained_encoders:
            # the weights' own shape, so that the saved configuration rebuilds the network without them
            config.image_encoder = shape_without_source(self.image_encoder, config.image_encoder)

    def _init_weights(self, module: nn.Module) -> None:
        """Every part initialises itself; a loaded encoder must not be drawn anew."""

    @property
    def offers(self) -> tuple[str, ...]:
        """Methods of `rrgbench.registry`'s protocols that the trained model answers."""
        return ()

    @property
    def backbone(self) -> nn.Module:
        """The image encoder: films to features (n, d)."""
        return self.image_encoder

    def film_cells(self, films: Tensor) -> Tensor:
        """Feature map of films as a row of cells (n, h' * w', d)."""
        return cells_of(self.image_encoder, films)

    def film_batches(self, images: NDArray[np.uint8], size: int = 64) -> Iterator[Tensor]:
        """Films on the model's device, some at a time; the model is put into evaluation mode."""
        self.eval()
        for start in range(0, len(images), size):
            yield torch.from_numpy(np.ascontiguousarray(images[start : start + size])).to(self.device)

    def decode(
        self,
        state: DecodingState,
        items: int,
        start: str = REPORT_START,
        max_length: int | None = None,
        allowed: Sequence[str] = (),
    ) -> list[str]:
        """Texts that beam search writes for `items` films, given a fresh decoding state.

        Parameters
        ----------
        state : DecodingState
            Of `items` times the configured number of beams.
        items : int
            Number of texts.
        start : str
            Special token that each begins with.
        max_length : int, optional
            Most tokens written; those of a report if omitted.
        allowed : sequence of str
            Special tokens that may be written.
        """
        tokenizer = self.tokenizer
        first = torch.full((items,), tokenizer.convert_tokens_to_ids(start), device=self.device)
        written = {tokenizer.eos_token_id, *tokenizer.convert_tokens_to_ids(list(allowed))}
        special = [index for index in tokenizer.all_special_ids if index not in written]
        rows = beam_search(
            state,
            first,
            end=tokenizer.eos_token_id,
            pad=tokenizer.pad_token_id,
            beams=self.config.beams,
            max_length=max_length or self.config.max_report,
            length_penalty=self.config.length_power,
            forbidden=special,
        )
        return [decode_report(tokenizer, row) for row in rows]

    def losses_under(
        self, word_logits: Callable[[Any, Tensor], Tensor], shown: Iterable[tuple[Any, int]], reports: Sequence[str]
    ) -> NDArray[np.float64]:
        """Loss and tokens (n, 2) of reports (`rrgbench.models.ReportLikelihood`), cut at the configured length.

        Parameters
        ----------
        word_logits : callable
            (what the model sees, ids (n, t)) to logits (n, t, vocabulary) of the token after each.
        shown : iterable of (object, int)
            What the model sees of some studies, and how many these are.
        reports : sequence of str
            One a study.
        """
        rows = encode_reports(self.tokenizer, reports, REPORT_START, self.config.max_report)
        parts: list[NDArray[np.float64]] = []
        start = 0
        for seen, count in shown:
            padded = pad_rows(rows[start : start + count], self.tokenizer.pad_token_id)
            ids, mask = (part.to(self.device) for part in padded)
            targets = ids[:, 1:].masked_fill(~mask[:, 1:], IGNORED)
            parts.append(loss_and_tokens(word_logits(seen, ids[:, :-1]), targets))
            start += count
        return np.concatenate(parts)

    def save_pretrained(self, save_directory: str | Path, **kwargs: Any) -> None:
        """Write weights (safetensors), configuration and tokenizer."""
        super().save_pretrained(save_directory, **kwargs)
        self.tokenizer.save_pretrained(save_directory)

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path: Any, *args: Any, **kwargs: Any) -> Self:
        """Load weights, configuration and tokenizer from a folder or a hub id; weights are float32 in memory.

        Raises
        ------
        InputError
            If the configuration holds values that no model can have, a weight is missing, or a file is damaged.
        """
        place, kwargs = pretrained_model_name_or_path, {"dtype": torch.float32, **kwargs}
        with quiet_loading(), reading(place):
            if kwargs.get("config") is None:
                check_values(cls.config_class.from_pretrained(place, **hub_options(kwargs)), place)
            model, told = super().from_pretrained(
                place, *args, use_safetensors=True, **{**kwargs, "output_loading_info": True}
            )
            check_weights(told, place)
            model.tokenizer = PreTrainedTokenizerFast.from_pretrained(place, **hub_options(kwargs))
            check_tokenizer(model.tokenizer, model.config.vocabulary, place)
        found: Self = model
        return found


def loss_and_tokens(logits: Tensor, targets: Tensor) -> NDArray[np.float64]:
    """Sum of the cross-entropies and number (n, 2) of targets (n, t) under logits (n, t, vocabulary)."""
    losses = cross_entropy(logits.float().transpose(1, 2), targets, ignore_index=IGNORED, reduction="none")
    both = torch.stack([losses.double().sum(dim=1), (targets != IGNORED).sum(dim=1).double()], dim=1)
    return np.asarray(both.cpu().numpy(), dtype=np.float64)


def hub_options(given: Mapping[str, Any]) -> dict[str, Any]:
    """Those of `from_pretrained`'s options that say where on a hub the files lie: tokenizers want them too."""
    return {key: given[key] for key in _HUB_OPTIONS if key in given}


def texts_in_batches(texts: Sequence[str], size: int = 64) -> Iterator[Sequence[str]]:
    """Texts, some at a time."""
    for start in range(0, len(texts), size):
        yield texts[start : start + size]
