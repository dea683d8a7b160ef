"""Training presets: shape and hyper-parameters by name, from `presets/*.yaml`."""

from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rrgbench.errors import InputError
from rrgbench.modeling.training import StageSettings
from rrgbench.registry import lookup


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
    step1_image, step1_text, step2, step3, step4 : StageSettings
        Hyper-parameters.
    step4_full : StageSettings, optional
        Hyper-parameters of step 4 where everything is tuned, not the soft prompts; those of `step4` if omitted.
    limit : int, optional
        At most that many training studies of each source, unless the run gives a limit of its own.
    storage : str
        Type of the saved weights; they are float32 in memory.
    """

    model_config = ConfigDict(extra="forbid")

    model: dict[str, Any]
    balance: bool = True
    augment: bool = True
    min_word_count: int = 3
    step1_image: StageSettings
    step1_text: StageSettings
    step2: StageSettings
    step3: StageSettings
    step4: StageSettings
    step4_full: StageSettings | None = None
    limit: int | None = Field(default=None, gt=0)
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
