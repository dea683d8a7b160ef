"""DCRRG's entry point: the shipped checkpoint, a trained folder or a hub id."""

import hashlib
from importlib.resources import as_file, files
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rrgbench.errors import InputError

if TYPE_CHECKING:
    from dcrrg.model import DcrrgModel

SHIPPED = "tiny-phantom"


def load(checkpoint: str | Path | None = None) -> "DcrrgSystem":
    """DCRRG for the harness.

    Parameters
    ----------
    checkpoint : str or Path, optional
        A folder written by `rrgbench train`, or a hub id; the checkpoint trained on the phantom if omitted.

    Raises
    ------
    InputError
        If there is no such checkpoint.
    """
    from dcrrg.model import DcrrgModel

    if checkpoint is None:
        with as_file(files("dcrrg") / "checkpoints" / SHIPPED) as shipped:
            return load(shipped)
    folder = Path(checkpoint)
    if folder.exists() and not (folder / "model.safetensors").is_file():
        raise InputError(f"{folder} holds no model.safetensors; give a folder that rrgbench train has finished")
    try:
        model = DcrrgModel.from_pretrained(folder if folder.exists() else str(checkpoint))
    except OSError as error:
        raise InputError(
            f"no DCRRG checkpoint at {checkpoint!s}: neither a local folder nor a reachable hub id"
        ) from error
    return DcrrgSystem(model, weights_digest(folder) if folder.exists() else str(checkpoint))


def weights_digest(folder: Path) -> str:
    """First 12 digits of the SHA-256 of the weights."""
    with open(folder / "model.safetensors", "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:12]


class DcrrgSystem:
    """A DCRRG model under the harness's protocols."""

    name = "dcrrg"

    def __init__(self, model: "DcrrgModel", digest: str) -> None:
        import torch

        self.model = model.to("cuda" if torch.cuda.is_available() else "cpu").eval()
        self.digest = digest
        self.image_size: int = model.config.image_size
        self.generate_reports = model.generate_reports
        self.predict_observations = model.predict_observations
        self.embed_images = model.embed_images
        self.embed_reports = model.embed_reports

    @property
    def identity(self) -> str:
        """`dcrrg@` and the digest of its weights."""
        return f"dcrrg@{self.digest}"

    @property
    def backbone(self) -> object:
        """The image encoder."""
        return self.model.backbone

    def describe(self, images: NDArray[np.uint8], observation: str) -> list[str]:
        """See `DcrrgModel.describe`."""
        texts: list[str] = self.model.describe(images, observation)
        return texts
