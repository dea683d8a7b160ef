"""A trained model under the harness's protocols, loaded from the folder that training left."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import torch

from rrgbench import checkpoints
from rrgbench.errors import InputError
from rrgbench.modeling.checkpoint_reading import check_type
from rrgbench.modeling.report_model import ReportModel
from rrgbench.models import WEIGHTS


@dataclass(frozen=True)
class Origin:
    """Where a model was loaded from.

    Attributes
    ----------
    checkpoint : str
        What it is called.
    digest : str
        Of all files that decide an answer; of a hub id its commit.
    trained_on : str
        `name@digest` of its training corpus; empty where that is not recorded.
    folder : Path or None
        With the record of its training; None for a hub id.
    """

    checkpoint: str
    digest: str
    trained_on: str
    folder: Path | None = None

    @classmethod
    def of(cls, source: Path | str, config: Any) -> Self:
        """Of a folder, or of a hub id whose configuration says its commit."""
        if isinstance(source, Path):
            return cls(checkpoints.label(source), checkpoints.digest(source), checkpoints.trained_on(source), source)
        commit = getattr(config, "_commit_hash", None)
        return cls(checkpoints.label(source), f"{source}:{commit}" if commit else source, "")


def chosen_device(device: str | None) -> str:
    """The device asked for, or a GPU if there is one.

    Raises
    ------
    InputError
        If there is no such device.
    """
    if device is None:
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = " ".join(str(error).split())[:100]
        raise InputError(f"device {device} is not available here ({reason}); known: cpu, cuda, cuda:1, mps") from None
    return device


class TrainedSystem:
    """A model by name; has those of the protocols' methods that the model offers.

    Parameters
    ----------
    name : str
        As registered.
    model : ReportModel
        Trained.
    origin : Origin
        Where it was loaded from.
    device : str, optional
        Where it runs; a GPU if there is one.
    """

    def __init__(self, name: str, model: ReportModel, origin: Origin, device: str | None = None) -> None:
        self.name = self._registered = name
        self.checkpoint, self.trained_on, self.digest = origin.checkpoint, origin.trained_on, origin.digest
        self.origin, self.folder, self.device = origin, origin.folder, chosen_device(device)
        self.model: Any = model.to(self.device).eval()
        self.image_size: int = model.config.image_size
        for method in model.offers:
            # a kind of system may answer itself
            if not hasattr(type(self), method):
                setattr(self, method, getattr(self.model, method))

    @property
    def identity(self) -> str:
        """Registered name and the digest of all that decides its answers."""
        return f"{self._registered}@{self.digest}"

    @property
    def backbone(self) -> object:
        """The image encoder."""
        return self.model.backbone


def load_system(
    name: str, model_class: type[ReportModel], checkpoint: str | Path | None, device: str | None = None
) -> TrainedSystem:
    """Load a trained system.

    Parameters
    ----------
    name : str
        As registered.
    model_class : type
        Its model.
    checkpoint : str or Path or None
        A folder written by `rrgbench train`, or `hf:` and a hub id.
    device : str, optional
        Where it runs; a GPU if there is one.

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
        place, told = checkpoints.place_of(checkpoint)
        check_type(model_class.config_class, place, told, f"{checkpoint!s}", name)
        model = model_class.from_pretrained(place, **told)
    except OSError as error:
        raise InputError(f"no {name} checkpoint at {checkpoint!s}: {checkpoints.absent(checkpoint, error)}") from error
    return TrainedSystem(name, model, Origin.of(place, model.config), device)


def weights_digest(folder: Path) -> str:
    """First 12 digits of the SHA-256 of a checkpoint's weights."""
    with open(folder / WEIGHTS, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:12]
