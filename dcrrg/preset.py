"""Training presets: shape and hyper-parameters by name, from `presets/*.yaml`."""

from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from rrgbench.errors import InputError
from rrgbench.registry import lookup


class Stage(BaseModel):
    """Hyper-parameters of one stage, see `rrgbench.modeling.training.StageSettings`."""

    model_config = ConfigDict(extra="forbid")

    epochs: float
    batch_size: int
    learning_rate: float
    weight_decay: float = 1e-6
    warmup: float = 0.05
    schedule: str = "cosine"
    accumulate: int = 1


class Preset(BaseModel):
    """Everything that defines a training run but data and seed.

    Attributes
    ----------
    model : dict
        Arguments of `DcrrgConfig`.
    balance : bool
        Step 1 re-samples each observation to equal classes.
    augment : bool
        Films are shifted, turned and exposed a little.
    min_word_count : int
        Rarer words become unknown.
    step1_image, step1_text, step2, step3, step4 : Stage
        Hyper-parameters.
    storage : str
        Type of the saved weights; they are float32 in memory.
    """

    model_config = ConfigDict(extra="forbid")

    model: dict[str, Any]
    balance: bool = True
    augment: bool = True
    min_word_count: int = 3
    step1_image: Stage
    step1_text: Stage
    step2: Stage
    step3: Stage
    step4: Stage
    storage: Literal["float32", "float16"] = "float32"


def preset_names() -> list[str]:
    """Presets that ship with the package."""
    return sorted(
        path.name.removesuffix(".yaml") for path in files("dcrrg.presets").iterdir() if path.name.endswith(".yaml")
    )


def load_preset(name: str) -> Preset:
    """A preset by name, or from a YAML file of one's own.

    Raises
    ------
    UnknownNameError
        If no preset has that name.
    InputError
        If the file is not a preset.
    """
    path = Path(name)
    if path.suffix in (".yaml", ".yml"):
        if not path.is_file():
            raise InputError(f"no preset file at {name}")
        text = path.read_text()
    else:
        lookup("preset", name, preset_names())
        text = files("dcrrg.presets").joinpath(f"{name}.yaml").read_text()
    try:
        return Preset.model_validate(yaml.safe_load(text))
    except (yaml.YAMLError, ValidationError) as error:
        raise InputError(f"preset {name} is not valid: {'; '.join(str(error).splitlines()[:3])}") from error
