"""Training presets: a YAML file by name from a package, or one of the user's own, read into a schema."""

from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar

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

    A preset with `extends: NAME` is the preset of that name or file with what it says itself laid over it, key by key
    down to the values.

    Raises
    ------
    UnknownNameError
        If no preset has that name.
    InputError
        If the file is not a preset, or extends itself.
    """
    settings = _settings(package, name, ())
    try:
        return schema.model_validate(settings)
    except ValidationError as error:
        raise InputError(f"preset {name} is not valid: {'; '.join(str(error).splitlines()[:3])}") from error


def _settings(package: str, name: str, extended_by: tuple[str, ...]) -> dict[str, Any]:
    """A preset's settings with those that it extends."""
    if name in extended_by:
        raise InputError(f"preset {name} extends itself: {' extends '.join((*extended_by, name))}")
    path = Path(name)
    if path.suffix in (".yaml", ".yml"):
        if not path.is_file():
            raise InputError(f"no preset file at {name}")
        text = path.read_text()
    else:
        lookup("preset", name, preset_names(package))
        text = files(package).joinpath(f"{name}.yaml").read_text()
    try:
        settings = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise InputError(f"preset {name} is not valid: {'; '.join(str(error).splitlines()[:3])}") from error
    if not isinstance(settings, dict):
        raise InputError(f"preset {name} is not valid: expected keys and values, found {type(settings).__name__}")
    base = settings.pop("extends", None)
    return settings if base is None else _laid_over(_settings(package, str(base), (*extended_by, name)), settings)


def _laid_over(base: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """`base` with the values of `above`; dicts in both are laid over each other in turn."""
    merged = dict(base)
    for key, value in above.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = _laid_over(merged[key], value) if both else value
    return merged
