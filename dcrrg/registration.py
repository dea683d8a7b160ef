"""DCRRG: Zhou and Wang, EMNLP 2024, the reference model; the shipped checkpoint, a trained folder or a hub id."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rrgbench import checkpoints
from rrgbench.errors import InputError
from rrgbench.modeling.checkpoint_reading import check_type
from rrgbench.modeling.trained_system import Origin, chosen_device
from rrgbench.models import WEIGHTS
from rrgbench.registry import lookup

if TYPE_CHECKING:
    from dcrrg.model import DcrrgModel

SHIPPED = checkpoints.default_name("dcrrg")
"""The shipped checkpoint that is loaded where none is named."""


def shipped_checkpoints() -> dict[str, Path]:
    """Checkpoints that ship with the package: folders by name."""
    return checkpoints.shipped("dcrrg")


def load(checkpoint: str | Path | None = None, variant: str | None = None, device: str | None = None) -> "DcrrgSystem":
    """DCRRG for the harness.

    Parameters
    ----------
    checkpoint : str or Path, optional
        A folder written by `rrgbench train`, the name of a shipped checkpoint, or `hf:` and a hub id; a folder comes
        before a name. The checkpoint trained on the phantom if omitted.
    variant : str, optional
        Name of a shipped checkpoint, such as `6a`; instead of `checkpoint`.
    device : str, optional
        Where it runs, such as `cpu` or `cuda:1`; a GPU if there is one.

    Raises
    ------
    InputError
        If there is no such checkpoint, or both are given.
    UnknownNameError
        If no shipped checkpoint is of that variant.
    """
    from dcrrg.model import DcrrgModel

    if checkpoint is not None and variant is not None:
        raise InputError(f"checkpoint {checkpoint} and variant {variant} are both given; give one of them")
    shipped = shipped_checkpoints()
    if checkpoint is None:
        folder = shipped[lookup("shipped checkpoint", variant or SHIPPED, shipped)]
    else:
        folder = Path(checkpoint)
        if not (folder / WEIGHTS).is_file() and str(checkpoint) in shipped:
            folder = shipped[str(checkpoint)]
    if folder.exists() and not (folder / WEIGHTS).is_file():
        raise InputError(f"{folder} holds no {WEIGHTS}; give a folder that rrgbench train has finished")
    try:
        place, told = checkpoints.place_of(folder)
        check_type(DcrrgModel.config_class, place, told, folder, "dcrrg")
        model = DcrrgModel.from_pretrained(place, **told)
    except OSError as error:
        ships = f"those that ship are {', '.join(shipped) or 'none'}"
        raise InputError(
            f"no DCRRG checkpoint at {checkpoint}: {checkpoints.absent(folder, error)}; {ships}"
        ) from error
    return DcrrgSystem(model, Origin.of(place, model.config), device)


class DcrrgSystem:
    """A DCRRG model under the harness's protocols."""

    name = "dcrrg"

    def __init__(self, model: "DcrrgModel", origin: Origin, device: str | None = None) -> None:
        self.device = chosen_device(device)
        self.model = model.to(self.device).eval()
        self.checkpoint, self.trained_on, self.digest = origin.checkpoint, origin.trained_on, origin.digest
        self.folder = origin.folder
        self.image_size: int = model.config.image_size
        self.generate_reports = model.generate_reports
        self.report_losses = model.report_losses
        self.predict_observations = model.predict_observations
        self.embed_images = model.embed_images
        self.embed_reports = model.embed_reports

    @property
    def identity(self) -> str:
        """`dcrrg@` and the digest of all that decides its answers."""
        return f"dcrrg@{self.digest}"

    @property
    def backbone(self) -> object:
        """The image encoder."""
        return self.model.backbone

    def describe(self, images: NDArray[np.uint8], observation: str) -> list[str]:
        """See `DcrrgModel.describe`."""
        texts: list[str] = self.model.describe(images, observation)
        return texts
