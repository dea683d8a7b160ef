"""PhenotypeCLIP: Wang et al., Fine-grained Medical Vision-Language Representation Learning, EMNLP 2023.

Learnable phenotype prompts query the cells of a film and the words of a report by cross-attention; what the same
prompt finds in both is contrasted, phenotype by phenotype, beside the contrast of the whole.
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
from rrgbench.modeling.report_decoder import Attention
from rrgbench.modeling.report_model import texts_in_batches
from rrgbench.modeling.text_encoder import mean_over_words
from rrgbench.modeling.trained_system import TrainedSystem, load_system

NAME = "phenotypeclip"


class PhenotypeClipConfig(ImageTextConfig):
    """Configuration of PhenotypeCLIP.

    Parameters
    ----------
    phenotypes : int
        Number K of prompts.
    phenotype_heads : int
        Heads of their cross-attention.
    phenotype_weight : float
        Weight of the phenotype-level loss beside the instance-level one.
    **kwargs
        See `ImageTextConfig`.
    """

    model_type = "rrgbench-phenotype-clip"

    def __init__(
        self, phenotypes: int = 14, phenotype_heads: int = 4, phenotype_weight: float = 1.0, **kwargs: Any
    ) -> None:
        self.phenotypes = phenotypes
        self.phenotype_heads = phenotype_heads
        self.phenotype_weight = phenotype_weight
        super().__init__(**kwargs)


class PhenotypeClip(ImageTextModel):
    """Films and reports aligned as wholes and phenotype by phenotype."""

    config_class = PhenotypeClipConfig

    def __init__(self, config: PhenotypeClipConfig, pretrained_encoders: bool = False) -> None:
        super().__init__(config, pretrained_encoders)
        width, heads = config.embedding_width, config.phenotype_heads
        self.prompts = nn.Parameter(torch.randn(config.phenotypes, width))
        self.film_query = Attention(width, self.image_encoder.dim, heads)
        self.text_query = Attention(width, self.text_width, heads)
        self.post_init()

    def film_levels(self, films: Tensor) -> tuple[Tensor, Tensor]:
        """Unit vectors of films (n, p) and of their phenotypes (n, K, p)."""
        cells = self.aligned_cells(films)
        found = self.film_query(self._prompts_for(len(cells)), *self.film_query.keys_values(cells))
        return normalize(self.image_projection(cells.mean(dim=1)), dim=-1), normalize(found, dim=-1)

    def text_levels(self, ids: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Unit vectors of texts (n, p) and of their phenotypes (n, K, p)."""
        states = self.text_states(ids, mask)
        keys, values = self.text_query.keys_values(states)
        found = self.text_query(self._prompts_for(len(states)), keys, values, mask[:, None, None, :])
        return normalize(self.text_projection(mean_over_words(states, mask)), dim=-1), normalize(found, dim=-1)

    def contrast(self, films: Tensor, ids: Tensor, mask: Tensor, film_labels: Tensor, text_labels: Tensor) -> Tensor:
        """Instance-level InfoNCE plus the mean over phenotypes of theirs; labels are not used."""
        whole_films, film_phenotypes = self.film_levels(films)
        whole_texts, text_phenotypes = self.text_levels(ids, mask)
        whole = info_nce(whole_films @ whole_texts.T, self.temperature)
        similarities = torch.einsum("nkp,mkp->knm", film_phenotypes, text_phenotypes)
        fine = torch.stack([info_nce(similarity, self.temperature) for similarity in similarities]).mean()
        loss: Tensor = whole + self.config.phenotype_weight * fine
        return loss

    @torch.inference_mode()
    def embed_images(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Unit vectors (n, (K + 1) p) of films; see `joined`."""
        return torch.cat([joined(*self.film_levels(films)) for films in self.film_batches(images)]).cpu().numpy()

    @torch.inference_mode()
    def embed_reports(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors (n, (K + 1) p) of reports; see `joined`."""
        self.eval()
        parts = [joined(*self.text_levels(*self.encode_texts(some))) for some in texts_in_batches(texts)]
        return torch.cat(parts).cpu().numpy()

    def _prompts_for(self, rows: int) -> Tensor:
        return self.prompts.expand(rows, -1, -1)


def joined(whole: Tensor, phenotypes: Tensor) -> Tensor:
    """Unit vectors (n, (K + 1) p) whose cosine is the mean of the whole's and the phenotypes' mean cosine."""
    fine = phenotypes.flatten(1) / phenotypes.shape[1] ** 0.5
    return (torch.cat([whole, fine], dim=1) / 2**0.5).float()


train = baseline_trainer(NAME, PhenotypeClip)


def load(checkpoint: str | Path | None = None, device: str | None = None) -> TrainedSystem:
    """PhenotypeCLIP for the harness; see `load_system`."""
    return load_system(NAME, PhenotypeClip, checkpoint, device)
