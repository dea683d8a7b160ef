"""Image classifiers whose labels are names of observations: encoders that also predict them."""

import logging
from collections.abc import Mapping
from functools import cached_property
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import AutoModelForImageClassification

from rrgbench.adapters.hugging_face.encoders import ImageEncoder
from rrgbench.errors import listed
from rrgbench.models import Films
from rrgbench.observations import OBSERVATIONS

_CLASSIFIER: Final = "ForImageClassification"
"""How the library ends the names of such architectures."""

_log = logging.getLogger(__name__)


def observation_outputs(config: Mapping[str, Any], name: str) -> dict[str, int]:
    """Which output of a classifier predicts which observation; none where it is no classifier, or of other labels.

    Parameters
    ----------
    config : mapping
        `config.json`.
    name : str
        What the model is called, for the log, which says that a head is not read.
    """
    named = config.get("architectures") or [""]
    labels = config.get("id2label") or {}
    if not str(named[0]).endswith(_CLASSIFIER) or not isinstance(labels, Mapping):
        return {}
    plain = {one.casefold(): one for one in OBSERVATIONS}
    found = [(plain.get(_plain(label)), int(output)) for output, label in labels.items() if str(output).isdecimal()]
    outputs = {observation: output for observation, output in found if observation is not None}
    if len(outputs) != sum(observation is not None for observation, _ in found):
        outputs = {}
    if not outputs:
        _log.warning(
            "%s: its classifier is not read, as its labels (%s) are not names of observations, each once, such as %s",
            *(name, listed(labels.values(), 3) or "none", listed(OBSERVATIONS[1:], 2)),
        )
    return outputs


def _plain(label: object) -> str:
    return str(label).replace("_", " ").replace("-", " ").strip().casefold()


class ImageClassifier(ImageEncoder):
    """An image encoder with a head that predicts observations; those of no label are NaN."""

    @property
    def identity(self) -> str:
        """As of an encoder, and how the head's outputs become probabilities."""
        return f"{super().identity}[head={'sigmoid' if self._apart else 'softmax'}]"

    @property
    def _apart(self) -> bool:
        """Whether each output is a probability of its own; the library's own rule."""
        config = self.source.config
        problem = config.get("problem_type")
        return len(config["id2label"]) == 1 if problem is None else problem == "multi_label_classification"

    @cached_property
    def _classifier(self) -> Any:
        if self.source.config.get("problem_type") is None:
            _log.warning(
                "%s: config.json has no problem_type; its outputs are taken by %s, as transformers does; where each is "
                "a probability of its own, write multi_label_classification there",
                *(self.name, "a sigmoid" if self._apart else "a softmax"),
            )
        return self._load(AutoModelForImageClassification)

    @torch.inference_mode()
    def predict_observations(self, images: Films) -> NDArray[np.float32]:
        """Probabilities (n, 14)."""
        network, outputs = self._classifier, observation_outputs(self.source.config, self.name)
        dtype = next(network.parameters()).dtype

        def predict(part: NDArray[np.uint8]) -> NDArray[np.float32]:
            pixels = self._pixels(torch.from_numpy(part).to(self.device)).to(dtype)
            logits = network(pixel_values=pixels).logits.float()
            values: NDArray[np.float32] = (logits.sigmoid() if self._apart else logits.softmax(-1)).cpu().numpy()
            return values

        found = np.full((len(images), len(OBSERVATIONS)), np.nan, dtype=np.float32)
        values = self._of_films(images, predict)
        for observation, output in outputs.items():
            found[:, OBSERVATIONS.index(observation)] = values[:, output]
        return found
