"""Models that do not write: dual encoders for retrieval, and image encoders for probing and fine-tuning."""

import logging
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from transformers import AutoImageProcessor, AutoModel, AutoTokenizer

from rrgbench.adapters.hugging_face.loading import checked, image_side
from rrgbench.adapters.hugging_face.running import Batches
from rrgbench.adapters.hugging_face.source import Source
from rrgbench.errors import InputError
from rrgbench.models import Films

_POOLERS: Final = ("pooler.", "vision_model.head.")
"""Weights that an image encoder may lack: its pooled output is then not used."""

_UNUSED: Final = ("embeddings.mask_token",)
"""Weights that only pretraining uses."""

_log = logging.getLogger(__name__)


class Pixels(nn.Module):
    """Grey films (n, size, size) in [0, 255] as a processor would give them (n, 3, size, size), without resizing."""

    def __init__(self, images: Any) -> None:
        super().__init__()
        config = getattr(images, "data_config", None) or {}
        scale = getattr(images, "rescale_factor", 1 / 255) if getattr(images, "do_rescale", True) else 1.0
        plain = not (config or getattr(images, "do_normalize", True))
        mean = [0.0] * 3 if plain else config.get("mean") or images.image_mean
        std = [1.0] * 3 if plain else config.get("std") or images.image_std
        self.scale = float(scale or 1 / 255)
        self.mean: Tensor
        self.std: Tensor
        self.register_buffer("mean", torch.tensor(mean, dtype=torch.float32).view(-1, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std, dtype=torch.float32).view(-1, 1, 1), persistent=False)

    def forward(self, films: Tensor) -> Tensor:
        """Normalised pixels."""
        pixels: Tensor = (films.unsqueeze(1).float() * self.scale - self.mean) / self.std
        return pixels


class Backbone(nn.Module):
    """Films (n, size, size) in [0, 255] to features (n, d).

    The features are the network's pooled output where its checkpoint has one; else the first token of a transformer, or
    the mean of a feature map.
    """

    def __init__(self, pixels: Pixels, network: nn.Module, pooled: bool) -> None:
        super().__init__()
        self.pixels, self.network, self.pooled = pixels, network, pooled

    def forward(self, films: Tensor) -> Tensor:
        """Features."""
        dtype = next(self.network.parameters()).dtype
        output = self.network(pixel_values=self.pixels(films).to(dtype))
        pooled: Tensor | None = getattr(output, "pooler_output", None)
        if self.pooled and pooled is not None:
            return pooled.flatten(1)
        last: Tensor = output.last_hidden_state
        return last.mean(dim=(2, 3)) if last.ndim == 4 else last[:, 0]


class Encoder:
    """What image encoders and dual encoders share.

    Parameters
    ----------
    source : Source
        Its files.
    batches : Batches
        How many films or reports at a time.
    placed : (device, dtype)
        Where and in what precision it runs.
    code : bool
        Whether the repository's own code may run.
    """

    def __init__(
        self, source: Source, batches: Batches, placed: tuple[torch.device, torch.dtype], code: bool = False
    ) -> None:
        self.name, self.source = source.name, source
        self.device, self.dtype = placed
        self._batches, self._code = batches, code
        try:
            self._images = AutoImageProcessor.from_pretrained(
                source.folder, local_files_only=True, trust_remote_code=code
            )
        except (OSError, ValueError) as error:
            reason = " ".join(str(error).split())[:200]
            raise InputError(f"{source.name}: its image processor can't be read ({reason})") from error
        self.image_size = image_side(self._images)

    @property
    def identity(self) -> str:
        """Name, digest of the files, and precision."""
        dtype = str(self.dtype).removeprefix("torch.")
        return f"{self.source.name}@{self.source.digest}[film={self.image_size},dtype={dtype}]"

    def _load(self, auto: Any = AutoModel, optional: tuple[str, ...] = ()) -> Any:
        network = checked(auto, self.source, optional, dtype=self.dtype, trust_remote_code=self._code)
        return network.to(self.device)

    @cached_property
    def _pixels(self) -> Pixels:
        return Pixels(self._images).to(self.device)

    def _of_films(self, images: Films, work: Callable[[NDArray[np.uint8]], NDArray[np.float32]]) -> NDArray[np.float32]:
        """What some work gives of films, a batch at a time."""
        rows = self._batches.of(range(len(images)), lambda part: work(np.asarray(images[part[0] : part[-1] + 1])))
        return np.stack(rows)


class ImageEncoder(Encoder):
    """An image encoder, which others probe and fine-tune."""

    @cached_property
    def backbone(self) -> Backbone:
        """The encoder, loaded when it is first needed."""
        network = self._load(optional=(*_POOLERS, *_UNUSED))
        if getattr(network.config, "mask_ratio", None):
            # a masked autoencoder hides most of a film from itself, another part each time
            network.config.mask_ratio = 0.0
        pooled = not any(name.startswith(_POOLERS) for name in network.lacks)
        return Backbone(self._pixels, network, pooled).to(self.device).eval()


class DualEncoder(Encoder):
    """Embeds films and reports in one space."""

    @cached_property
    def network(self) -> Any:
        """Both encoders, loaded when they are first needed."""
        return self._load()

    @cached_property
    def tokenizer(self) -> Any:
        """Of the reports."""
        return AutoTokenizer.from_pretrained(self.source.folder, local_files_only=True, trust_remote_code=self._code)

    @cached_property
    def backbone(self) -> nn.Module:
        """Its image side, up to the shared space."""
        return _ImageSide(self._pixels, self.network).to(self.device).eval()

    @torch.inference_mode()
    def embed_images(self, images: Films) -> NDArray[np.float32]:
        """Unit vectors (n, p)."""

        return self._of_films(images, lambda part: _units(self.backbone(torch.from_numpy(part).to(self.device))))

    @torch.inference_mode()
    def embed_reports(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors (n, p); words beyond what the text encoder reads are left out, which is said in the log."""
        longest = self._longest
        cut = sum(len(ids) > longest for ids in self.tokenizer(list(texts), verbose=False)["input_ids"])
        if cut:
            _log.warning(
                "%s reads %d tokens of a report; %d of %d reports are longer", self.name, longest, cut, len(texts)
            )
        # an encoder that is given no mask (SigLIP) was trained on texts padded to its full length
        masked = self._reads_masks

        def embed(part: Sequence[str]) -> NDArray[np.float32]:
            ids = self.tokenizer(
                list(part),
                padding=True if masked else "max_length",
                truncation=True,
                max_length=longest,
                return_attention_mask=masked,
                return_tensors="pt",
            ).to(self.device)
            return _units(_pooled(self.network.get_text_features(**ids)))

        return np.stack(self._batches.of(list(texts), embed))

    @property
    def _reads_masks(self) -> bool:
        model_type = str(self.source.config.get("model_type", ""))
        return not model_type.startswith("siglip") and "attention_mask" in self.tokenizer.model_input_names

    @property
    def _longest(self) -> int:
        text = getattr(self.network.config, "text_config", self.network.config)
        return min(int(self.tokenizer.model_max_length), getattr(text, "max_position_embeddings", 512))


class _ImageSide(nn.Module):
    def __init__(self, pixels: Pixels, network: Any) -> None:
        super().__init__()
        self.pixels, self.network = pixels, network

    def forward(self, films: Tensor) -> Tensor:
        pixels = self.pixels(films).to(self.network.dtype)
        return _pooled(self.network.get_image_features(pixel_values=pixels))


def _pooled(features: Any) -> Tensor:
    """Of what the library gives, which was a tensor once and now holds it."""
    found: Tensor = features if isinstance(features, Tensor) else features.pooler_output
    return found


def _units(vectors: Tensor) -> NDArray[np.float32]:
    return nn.functional.normalize(vectors.float(), dim=-1).cpu().numpy()
