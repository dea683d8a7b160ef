"""DCRRG, the reference model: one file per idea of the paper.

Importing it makes the model known to `transformers`' Auto classes, which loads torch.

Examples
--------
>>> from importlib.resources import files
>>> from transformers import AutoModel
>>> type(AutoModel.from_pretrained(files("dcrrg") / "checkpoints" / "6d")).__name__
'DcrrgModel'
"""

from dcrrg.configuration import DcrrgConfig
from dcrrg.model import DcrrgModel, DcrrgOutput
from dcrrg.processing import DcrrgImageProcessor

__all__ = ["DcrrgConfig", "DcrrgImageProcessor", "DcrrgModel", "DcrrgOutput"]
