"""A trained model under the harness's protocols, loaded from the folder that training left."""

import hashlib
from pathlib import Path
from typing import Any

from rrgbench.errors import InputError
from rrgbench.modeling.report_model import ReportModel
from rrgbench.models import WEIGHTS


class TrainedSystem:
    """A model by name; has those of the protocols' methods that the model offers.

    Parameters
    ----------
    name : str
        As registered.
    model : ReportModel
        Trained.
    digest : str
        Of its weights.
    """

    def __init__(self, name: str, model: ReportModel, digest: str) -> None:
        import torch

        self.name, self.digest = name, digest
        self.model: Any = model.to("cuda" if torch.cuda.is_available() else "cpu").eval()
        self.image_size: int = model.config.image_size
        for method in model.offers:
            # a kind of system may answer itself
            if not hasattr(type(self), method):
                setattr(self, method, getattr(self.model, method))

    @property
    def identity(self) -> str:
        """Name and digest of the weights."""
        return f"{self.name}@{self.digest}"

    @property
    def backbone(self) -> object:
        """The image encoder."""
        return self.model.backbone


def load_system(name: str, model_class: type[ReportModel], checkpoint: str | Path | None) -> TrainedSystem:
    """Load a trained system.

    Parameters
    ----------
    name : str
        As registered.
    model_class : type
        Its model.
    checkpoint : str or Path or None
        A folder written by `rrgbench train`, or a hub id.

    Raises
    ------
    InputError
        If there is no such checkpoint, or it is another system's.
    """
    if checkpoint is None:
        raise InputError(
            f"{name} ships no checkpoint: train one with `rrgbench train --model '{name}' --out DIR`, then give "
            "--checkpoint DIR"
        )
    folder = Path(checkpoint)
    if folder.exists() and not (folder / WEIGHTS).is_file():
        raise InputError(f"{folder} holds no {WEIGHTS}; give a folder that rrgbench train has finished")
    try:
        config = model_class.config_class.from_pretrained(folder if folder.exists() else str(checkpoint))
        kind, expected = config.to_dict().get("model_type"), model_class.config_class.model_type
        stored = config.get_config_dict(folder if folder.exists() else str(checkpoint))[0].get("model_type")
        if stored != expected:
            raise InputError(f"{checkpoint!s} holds a model of type {stored or kind}, not {name} ({expected})")
        model = model_class.from_pretrained(folder if folder.exists() else str(checkpoint))
    except OSError as error:
        raise InputError(
            f"no {name} checkpoint at {checkpoint!s}: neither a local folder nor a reachable hub id"
        ) from error
    return TrainedSystem(name, model, weights_digest(folder) if folder.exists() else str(checkpoint))


def weights_digest(folder: Path) -> str:
    """First 12 digits of the SHA-256 of a checkpoint's weights."""
    with open(folder / WEIGHTS, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:12]
