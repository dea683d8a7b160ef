"""The registry of published figures: which system printed what, from which outputs, under which protocol.

A YAML file a system, in `published/` beside this file. Outputs are not shipped:
an entry names their digest and origin, and whoever recomputes has them in a folder.
"""

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from rrgbench.errors import InputError, RrgbenchError, listed, problems
from rrgbench.files import read_regular
from rrgbench.metrics.catalogue import OWN_METRICS, entry
from rrgbench.registry import lookup
from rrgbench.reproduction.figures import Figure
from rrgbench.yaml_text import read_yaml

PUBLISHED: Final = Path(str(files("rrgbench.reproduction"))) / "published"
"""The registry that comes with the package."""


class OutputFile(BaseModel):
    """A file that somebody published.

    Attributes
    ----------
    file : str
        Its name, as the folder of outputs is to hold it.
    sha256 : str
        Of its bytes.
    origin : str
        Where it was published.
    study_id, report : str, optional
        Its columns, where they are not to be guessed.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    file: str = Field(pattern=r"^[^/\\]+$")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    origin: str = ""
    study_id: str | None = None
    report: str | None = None


class PublishedResult(BaseModel):
    """Figures that a system printed for one corpus.

    Attributes
    ----------
    corpus : str
        And split, in words.
    source : str
        Where the figures stand.
    protocol : str
        The one that is thought to have made them.
    figures : mapping of str to str
        Printed figures with their digits, by metric key: fractions, or all in per cent.
    outputs : OutputFile, optional
        The reports; absent where they are not public.
    references : OutputFile, optional
        Where the publisher's references are a file of their own.
    note : str
        What readers must know, such as why the figures can't be reproduced.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    corpus: str
    source: str
    protocol: str
    figures: Mapping[str, str] = Field(min_length=1)
    outputs: OutputFile | None = None
    references: OutputFile | None = None
    note: str = ""

    @field_validator("figures", mode="before")
    @classmethod
    def _quoted(cls, given: Any) -> Any:
        bare = (
            [str(key) for key, one in given.items() if isinstance(one, int | float)] if isinstance(given, dict) else []
        )
        if bare:
            raise ValueError(f"{listed(bare)}: put the figure in quotes, since its last digits count")
        return given

    @field_validator("figures")
    @classmethod
    def _printed(cls, given: Mapping[str, str]) -> Mapping[str, str]:
        for key, text in given.items():
            try:
                lookup("metric", key, OWN_METRICS)
                Figure.of(text, key)
            except RrgbenchError as error:
                raise ValueError(str(error)) from None
        return given

    @property
    def printed(self) -> dict[str, Figure]:
        """The figures by metric key, as fractions: where one is beyond its metric's end, all are in per cent."""
        found = {key: Figure.of(text, key) for key, text in self.figures.items()}
        if not any(one.value > entry(key).high for key, one in found.items()):
            return found
        # CIDEr, which has no such end, is printed either way: no report generator has 3, and the weakest has 8 per cent
        return {key: one.of_percent() if one.value > 3 or entry(key).high == 1 else one for key, one in found.items()}


class PublishedSystem(BaseModel):
    """A system and all of its results in the registry."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    system: str = Field(min_length=1)
    results: tuple[PublishedResult, ...] = Field(min_length=1)


def load_published(folder: str | Path = PUBLISHED) -> list[PublishedSystem]:
    """All entries of a registry, by file name.

    Raises
    ------
    InputError
        If the folder holds none, or a file is no entry, naming the field.
    """
    paths = sorted(Path(folder).glob("*.yaml"))
    if not paths:
        raise InputError(f"{folder} holds no registry of published figures (*.yaml); name its folder (--registry)")
    return [_read(path) for path in paths]


def _read(path: Path) -> PublishedSystem:
    try:
        content: Any = read_yaml(read_regular(path).decode("utf-8"))
        return PublishedSystem.model_validate(content)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError(f"published figures {path.name} can't be read ({' '.join(str(error).split())})") from error
    except ValidationError as error:
        raise InputError(f"published figures {path.name}: {problems(error)}") from None
