"""CLIP: Radford et al., Learning Transferable Visual Models From Natural Language Supervision, ICML 2021.

Films and their reports are the only positives of a batch: a symmetric cross-entropy over the cosine similarities,
divided by a learned temperature (Figure 3 of the paper).
"""

from pathlib import Path
from typing import Any

from torch import Tensor

from baselines.common.training import baseline_trainer
from rrgbench.modeling.contrastive_loss import info_nce
from rrgbench.modeling.image_text_model import ImageTextConfig, ImageTextModel
from rrgbench.modeling.trained_system import TrainedSystem, load_system

NAME = "clip"


class ClipConfig(ImageTextConfig):
    """See `ImageTextConfig`."""

    model_type = "rrgbench-clip"

    def __init__(self, **kwargs: Any) -> None:
        # transformers makes a configuration without an `__init__` a dataclass, which would forget the inherited one
        super().__init__(**kwargs)


class Clip(ImageTextModel):
    """Two encoders aligned by the symmetric InfoNCE loss."""

    config_class = ClipConfig

    def contrast(self, films: Tensor, ids: Tensor, mask: Tensor, film_labels: Tensor, text_labels: Tensor) -> Tensor:
        """Symmetric InfoNCE; labels are not used."""
        return info_nce(self.film_vectors(films) @ self.text_vectors(ids, mask).T, self.temperature)


train = baseline_trainer(NAME, Clip)


def load(checkpoint: str | Path | None = None, device: str | None = None) -> TrainedSystem:
    """CLIP for the harness; see `load_system`."""
    return load_system(NAME, Clip, checkpoint, device)
