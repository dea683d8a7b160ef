"""Options of an evaluation as a file, which a run folder keeps so that the run can be repeated."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from rrgbench.errors import InputError, meant, problems
from rrgbench.files import read_regular, write_text
from rrgbench.yaml_text import read_yaml

FILE: Final = "config.yaml"
"""What a run folder calls it."""


Several = Annotated[list[str], BeforeValidator(lambda given: [given] if isinstance(given, str) else given)]
Commas = Annotated[str, BeforeValidator(lambda given: ",".join(map(str, given)) if isinstance(given, list) else given)]


class Configuration(BaseModel):
    """Options of `rrgbench eval` by their names on the command line, dashes as underscores; all may be left out.

    Their meaning stands there (`rrgbench eval --help`); those that may be repeated are lists.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    model: Several | None = None
    predictions: Several | None = None
    checkpoint: str | None = None
    model_option: Several | None = None
    device: str | None = None
    dtype: str | None = None
    base_url: str | None = None
    prompt: str | None = None
    suite: str | None = None
    tasks: Commas | None = None
    metrics: Commas | None = None
    limit: int | None = Field(default=None, gt=0)
    corpus: str | None = None
    root: str | None = None
    reports: str | None = None
    reports_root: str | None = None
    reports_option: Several | None = None
    option: Several | None = None
    skip_bad_images: bool | None = None
    film_cache: str | None = None
    id_column: str | None = None
    report_column: str | None = None
    allow_missing: bool | None = None
    allow_unknown: bool | None = None
    allow_empty: bool | None = None
    allow_duplicates: bool | None = None
    allow_ids: bool | None = None
    predicted_studies: bool | None = None
    five_by_200: str | None = None
    protocol: str | None = None
    seed: int | None = Field(default=None, ge=0)
    batch_size: int | str | None = None
    workers: int | None = Field(default=None, gt=0)
    cases: bool | None = None
    backend: str | None = None
    scheduler: str | None = None
    log: str | None = None
    out: str | None = None

    def given(self) -> dict[str, Any]:
        """What it says."""
        return self.model_dump(exclude_none=True)


def read_configuration(path: Path) -> Configuration:
    """Options from a YAML file.

    Raises
    ------
    InputError
        If it can't be read, is no mapping, or has an option that is unknown or of the wrong kind, naming it.
    """
    try:
        content = read_yaml(read_regular(path).decode("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} can't be read ({type(error).__name__}); give a YAML file of options") from error
    except yaml.YAMLError as error:
        raise InputError(f"{path.name} is not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(content or {}, dict):
        raise InputError(f"{path.name} must be a mapping of options, such as `model: [dcrrg]`")
    try:
        return Configuration.model_validate(content or {})
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            raise InputError(
                f"{path.name}: no option is called {name}; {meant(name, Configuration.model_fields)}"
            ) from None
        raise InputError(f"{path.name}: {problems(error)}") from None


def write_configuration(folder: Path, options: Mapping[str, Any]) -> None:
    """Keep options beside a run; those that are neither given nor have a default are left out."""
    plain = {
        name: str(value) if isinstance(value, Path) else list(value) if isinstance(value, tuple) else value
        for name, value in options.items()
        if value not in (None, [], ())
    }
    text = yaml.safe_dump(plain, sort_keys=True, allow_unicode=True, default_flow_style=False)
    write_text(folder / FILE, f"# rrgbench eval --config {FILE} repeats this run\n{text}")
