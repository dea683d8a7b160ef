"""What a system asks a film before it writes: features to find alike films by, and the observations it shows.

An image encoder of its own with a head of 14 logits learns the training films' labels first and is then frozen. It
stands for the chest network that DeltaNet and PPKED retrieve with and for the label predictor that XProNet needs where
no reference labels are read.
"""

import copy
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.utils.data import Dataset

from rrgbench.modeling.captioner import Captioner
from rrgbench.modeling.image_encoder import ImageEncoder
from rrgbench.modeling.report_model import ReportModelConfig
from rrgbench.observations import OBSERVATIONS, POSITIVE, UNCERTAIN
from rrgbench.training.data import FilmSource
from rrgbench.training.items import Batch, DrawnFilms
from rrgbench.training.probing import features


class ObservationNetwork(nn.Module):
    """Image encoder and 14 logits.

    Parameters
    ----------
    encoder : ImageEncoder
        As it is to start.
    """

    def __init__(self, encoder: ImageEncoder) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = nn.Linear(encoder.dim, len(OBSERVATIONS))

    def forward(self, films: Tensor) -> Tensor:
        """Logits (n, 14) of films (n, size, size)."""
        logits: Tensor = self.head(self.encoder(films))
        return logits

    def probabilities(self, films: Any) -> NDArray[np.float32]:
        """Probabilities (n, 14) of films by row (n, size, size)."""
        return np.asarray(1 / (1 + np.exp(-features(self, films))), dtype=np.float32)


class ObservationSystem(Captioner):
    """A captioner with an observation network, which starts as its own image encoder does."""

    def __init__(self, config: ReportModelConfig, pretrained_encoders: bool = False) -> None:
        super().__init__(config, pretrained_encoders)
        self.observation_network = ObservationNetwork(copy.deepcopy(self.image_encoder))

    def trained_parts(self) -> list[nn.Module | nn.Parameter]:
        """All but the observation network, which has learned before."""
        return [part for name, part in self.named_parameters() if not name.startswith("observation_network.")]


class ObservationLearning(nn.Module):
    """Binary cross-entropy of the observations known of films, as a training stage."""

    def __init__(self, network: ObservationNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, films: Tensor, labels: Tensor, known: Tensor) -> dict[str, Any]:
        """Mean loss over the known ones of labels (n, 14)."""
        losses = binary_cross_entropy_with_logits(self.network(films), labels, reduction="none")
        return {"loss": (losses * known).sum() / known.sum().clamp_min(1)}


class ObservationItems(Dataset[Batch]):
    """Films with the observations they show and which are known, both (14,)."""

    def __init__(self, films: FilmSource, augment: bool, seed: int) -> None:
        self.films = DrawnFilms(films.films, augment, seed)
        self.labels = observed(films.labels)
        speaks = np.array([name in films.labelled for name in OBSERVATIONS], dtype=np.float32)
        self.known = np.tile(speaks, (len(self.labels), 1))

    def set_epoch(self, epoch: int) -> None:
        """Draw the epoch's augmentation."""
        self.films.set_epoch(epoch)

    def __len__(self) -> int:
        return len(self.films)

    def __getitem__(self, index: int) -> Batch:
        rows = {"labels": torch.from_numpy(self.labels[index]), "known": torch.from_numpy(self.known[index])}
        return {"films": self.films.film(index, index), **rows}


def observed(labels: NDArray[np.int8]) -> NDArray[np.float32]:
    """Observations (n, 14) that count as shown: positive or uncertain ones, as XProNet has it."""
    return np.isin(labels, (POSITIVE, UNCERTAIN)).astype(np.float32)


def best_thresholds(probabilities: NDArray[np.float32], positive: NDArray[np.bool_]) -> NDArray[np.float32]:
    """For each observation the threshold (14,) with the best F1: halfway between two probabilities that occur.

    Parameters
    ----------
    probabilities, positive : arrays (n, 14)
        What was predicted, and what is so. An observation without a positive, or with probabilities of 0 alone, gets
        a threshold of 1.
    """
    found = np.ones(probabilities.shape[1], dtype=np.float32)
    for column in np.flatnonzero(positive.any(axis=0) & probabilities.any(axis=0)):
        order = np.argsort(-probabilities[:, column], kind="stable")
        hits = np.cumsum(positive[order, column])
        f1 = 2 * hits / (np.arange(1, len(order) + 1) + hits[-1])
        ranked = np.append(probabilities[order, column], 0.0)
        # equal probabilities are above a threshold together
        f1[ranked[:-1] == ranked[1:]] = -1.0
        best = int(f1.argmax())
        found[column] = (ranked[best] + ranked[best + 1]) / 2
    return found
