"""GLoRIA: Huang et al., A Multimodal Global-Local Representation Learning Framework, ICCV 2021.

Beside the contrast of whole films and reports, each word looks for its regions of the film: attention-weighted
contexts are matched with the words (Eqs. 3-5) and their aggregate is contrasted too (Eqs. 6-7).
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import normalize

from baselines.common.training import baseline_trainer
from rrgbench.modeling.contrastive_loss import info_nce
from rrgbench.modeling.image_text_model import ImageTextConfig, ImageTextModel
from rrgbench.modeling.report_model import texts_in_batches
from rrgbench.modeling.text_encoder import mean_over_words
from rrgbench.modeling.trained_system import TrainedSystem, load_system
from rrgbench.modeling.word_to_region import localized_matching

NAME = "gloria"

_TEXTS_AT_A_TIME = 16
_CELLS_AT_A_TIME = 1_000_000
"""Numbers (images, texts, words, regions) that similarities hold at a time: 4 MB, some ten times over."""


class GloriaConfig(ImageTextConfig):
    """Configuration of GLoRIA.

    Parameters
    ----------
    contrast_temperature : float
        tau_1 of the global contrast, fixed.
    attention_temperature : float
        tau_2 of words' attention to regions.
    word_temperature : float
        tau_3 of the aggregate over words.
    local_temperature : float
        Divides the aggregate Z in the local contrast; the authors' code amounts to 0.02.
    **kwargs
        See `ImageTextConfig`.
    """

    model_type = "rrgbench-gloria"

    def __init__(
        self,
        contrast_temperature: float = 0.1,
        attention_temperature: float = 0.25,
        word_temperature: float = 0.2,
        local_temperature: float = 0.02,
        **kwargs: Any,
    ) -> None:
        self.attention_temperature = attention_temperature
        self.word_temperature = word_temperature
        self.local_temperature = local_temperature
        super().__init__(contrast_temperature=contrast_temperature, **kwargs)


class Gloria(ImageTextModel):
    """Global and local (word to region) alignment of films and reports."""

    config_class = GloriaConfig

    def __init__(self, config: GloriaConfig, pretrained_encoders: bool = False) -> None:
        super().__init__(config, pretrained_encoders)
        del self.log_temperature  # tau is fixed
        self.region_projection = nn.Linear(self.image_encoder.dim, config.embedding_width)
        self.word_projection = nn.Linear(self.text_width, config.embedding_width)
        self.post_init()

    @property
    def offers(self) -> tuple[str, ...]:
        """Also the similarity that adds both levels."""
        return (*super().offers, "similarity")

    def film_parts(self, films: Tensor) -> tuple[Tensor, Tensor]:
        """Unit vectors of films (n, p) and of their regions (n, r, p)."""
        cells = self.aligned_cells(films)
        whole = self.image_projection(cells.mean(dim=1))
        return normalize(whole, dim=-1), normalize(self.region_projection(cells), dim=-1)

    def text_parts(self, ids: Tensor, mask: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Unit vectors of texts (n, p) and of their words (n, w, p), and which words (n, w) there are."""
        states = self.text_states(ids, mask)
        whole = self.text_projection(mean_over_words(states, mask))
        # the classification token in front is no word, unless there is nothing else
        words = mask.clone()
        words[:, 0] = ~mask[:, 1:].any(dim=1)
        return normalize(whole, dim=-1), normalize(self.word_projection(states), dim=-1), words

    def matching(self, regions: Tensor, words: Tensor, mask: Tensor) -> Tensor:
        """Z (n, m) of films and texts, Eq. 5."""
        settings = self.config
        return localized_matching(regions, words, mask, settings.attention_temperature, settings.word_temperature)

    def contrast(self, films: Tensor, ids: Tensor, mask: Tensor, film_labels: Tensor, text_labels: Tensor) -> Tensor:
        """Sum of the global and the local loss, each the sum of both directions; labels are not used."""
        whole_films, regions = self.film_parts(films)
        whole_texts, words, present = self.text_parts(ids, mask)
        whole = info_nce(whole_films @ whole_texts.T, self.config.contrast_temperature)
        local = info_nce(self.matching(regions, words, present), self.config.local_temperature)
        return 2 * (whole + local)

    @torch.inference_mode()
    def similarity(self, images: NDArray[np.uint8], texts: Sequence[str]) -> NDArray[np.float32]:
        """Similarities (images, texts): cosine of the whole plus Z of the parts."""
        film_parts = [self.film_parts(films) for films in self.film_batches(images)]
        wholes, regions = (torch.cat(part) for part in zip(*film_parts, strict=True))
        result = np.empty((len(images), len(texts)), dtype=np.float32)
        start = 0
        for some in texts_in_batches(texts, _TEXTS_AT_A_TIME):
            vectors, words, present = self.text_parts(*self.encode_texts(some))
            rows = max(1, _CELLS_AT_A_TIME // (words.shape[0] * words.shape[1] * regions.shape[1]))
            for first in range(0, len(images), rows):
                films = slice(first, first + rows)
                both = wholes[films] @ vectors.T + self.matching(regions[films], words, present)
                result[films, start : start + len(some)] = both.float().cpu().numpy()
            start += len(some)
        return result


train = baseline_trainer(NAME, Gloria)


def load(checkpoint: str | Path | None = None, device: str | None = None) -> TrainedSystem:
    """GLoRIA for the harness; see `load_system`."""
    return load_system(NAME, Gloria, checkpoint, device)
