"""Training presets: a YAML file by name from a package, or one of the user's own, read into a schema."""

from importlib.resources import files
from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from rrgbench.errors import InputError
from rrgbench.registry import lookup

P = TypeVar("P", bound=BaseModel)


def preset_names(package: str) -> list[str]:
    """Presets that ship in a package's folder of YAML files."""
    return sorted(path.name.removesuffix(".yaml") for path in files(package).iterdir() if path.name.endswith(".yaml"))


def read_preset(package: str, name: str, schema: type[P]) -> P:
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
        lookup("preset", name, preset_names(package))
        text = files(package).joinpath(f"{name}.yaml").read_text()
    try:
        return schema.model_validate(yaml.safe_load(text))
    except (yaml.YAMLError, ValidationError) as error:
        raise InputError(f"preset {name} is not valid: {'; '.join(str(error).splitlines()[:3])}") from error
