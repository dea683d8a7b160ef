"""ConVIRT: Zhang et al., Contrastive Learning of Medical Visual Representations from Paired Images and Text, 2020.

A film is contrasted with one sentence drawn from its report (the paper's t_u); both encoders' outputs go through
non-linear projections g_v and g_u (Eq. 1) and the image-to-text direction weighs more than the other (Eqs. 2-4).
"""

from pathlib import Path
from typing import Any, Literal

from torch import Tensor, nn
from torch.nn.functional import normalize
from torch.utils.data import Dataset

from baselines.common.training import baseline_trainer, pair_items
from rrgbench.errors import InputError
from rrgbench.modeling.contrastive_loss import info_nce
from rrgbench.modeling.image_text_model import ImageTextConfig, ImageTextModel
from rrgbench.modeling.trained_system import TrainedSystem, load_system
from rrgbench.training.data import TrainingData
from rrgbench.training.items import FilmAndSentence

NAME = "convirt"


class ConvirtConfig(ImageTextConfig):
    """Configuration of ConVIRT.

    Parameters
    ----------
    image_to_text_weight : float
        lambda of Eq. 4.
    contrast_temperature : float
        tau, fixed.
    texts : {"sentences", "reports"}
        What a film is contrasted with: a sentence of its report, drawn anew each epoch (the paper), or the whole.
    **kwargs
        See `ImageTextConfig`.
    """

    model_type = "rrgbench-convirt"

    def __init__(
        self,
        image_to_text_weight: float = 0.75,
        contrast_temperature: float = 0.1,
        texts: Literal["sentences", "reports"] = "sentences",
        **kwargs: Any,
    ) -> None:
        if texts not in ("sentences", "reports"):
            raise InputError(f"convirt contrasts films with texts of 'sentences' or 'reports'; given: {texts!r}")
        self.image_to_text_weight = image_to_text_weight
        self.texts = texts
        super().__init__(contrast_temperature=contrast_temperature, **kwargs)


class Convirt(ImageTextModel):
    """Two encoders with non-linear projections, aligned by sentences."""

    config_class = ConvirtConfig

    def __init__(self, config: ConvirtConfig, pretrained_encoders: bool = False) -> None:
        super().__init__(config, pretrained_encoders)
        del self.log_temperature  # tau is fixed
        self.image_projection = _two_layers(self.image_encoder.dim, config.embedding_width)
        self.text_projection = _two_layers(self.text_width, config.embedding_width)
        self.post_init()

    def text_vectors(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Unit vectors (n, p) of texts: the projected maximum over the text encoder's states."""
        states = self.text_states(ids, mask).masked_fill(~mask.unsqueeze(2), float("-inf"))
        return normalize(self.text_projection(states.amax(dim=1)), dim=-1)

    def contrast(self, films: Tensor, ids: Tensor, mask: Tensor, film_labels: Tensor, text_labels: Tensor) -> Tensor:
        """Weighted InfoNCE of both directions (Eq. 4); labels are not used."""
        similarity = self.film_vectors(films) @ self.text_vectors(ids, mask).T
        return info_nce(similarity, self.config.contrast_temperature, self.config.image_to_text_weight)


def _two_layers(features: int, width: int) -> nn.Sequential:
    """g(h) = W2 relu(W1 h), Eq. 1."""
    return nn.Sequential(nn.Linear(features, width, bias=False), nn.ReLU(), nn.Linear(width, width, bias=False))


def text_items(model: Convirt, data: TrainingData, augment: bool, seed: int) -> Dataset[Any]:
    """Films beside one sentence of their own reports, or beside the whole."""
    if model.config.texts == "reports":
        return pair_items(model, data, augment, seed)
    return FilmAndSentence(data.films, data.reports, data.paired, augment, seed)


train = baseline_trainer(NAME, Convirt, contrast_items=text_items)


def load(checkpoint: str | Path | None = None, device: str | None = None) -> TrainedSystem:
    """ConVIRT for the harness; see `load_system`."""
    return load_system(NAME, Convirt, checkpoint, device)
