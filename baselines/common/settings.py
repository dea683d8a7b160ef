"""Hyper-parameters of all baselines, one YAML file a scale: what they share stands once, a system adds its own."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from rrgbench.checked_values import CheckedValues
from rrgbench.modeling.encoder_settings import require_known_settings
from rrgbench.training.settings import Count, StageSettings, read_preset
from rrgbench.training.trainers import trainer_names

PRESETS = "baselines.common.presets"


class SystemPreset(BaseModel):
    """A system's own part: `model` are arguments of its configuration, the rest replaces the shared stages."""

    model_config = ConfigDict(extra="forbid")

    model: dict[str, Any] = {}
    observations: StageSettings | None = None
    contrast: StageSettings | None = None
    report: StageSettings | None = None


class BaselinePreset(CheckedValues):
    """What defines a baseline's training but data and seed.

    Attributes
    ----------
    image_size : int
        Side of the films.
    image_encoder, text_encoder : dict
        The same for every system (`rrgbench.modeling.image_encoder`, `rrgbench.modeling.text_encoder`).
    report : StageSettings
        Learning to write reports.
    contrast : StageSettings
        Contrastive pretraining of films and reports, before the report decoder is learned.
    observations : StageSettings, optional
        Learning the observations of films, for systems that ask a film before they write; as `report` if omitted.
    augment : bool
        Films are shifted, turned and exposed a little.
    min_word_count : int
        Rarer words become unknown.
    storage : str
        Type of the saved weights.
    limit : int, optional
        The first that many training studies, unless the command says otherwise.
    validation_limit : int, optional
        The first that many validation studies, of which losses are measured.
    systems : dict
        Each system's own part, by its registered name.
    """

    model_config = ConfigDict(extra="forbid")

    image_size: Count
    image_encoder: dict[str, Any]
    text_encoder: dict[str, Any]
    report: StageSettings
    contrast: StageSettings
    observations: StageSettings | None = None
    augment: bool = True
    min_word_count: Count = 3
    storage: Literal["float32", "float16"] = "float32"
    limit: Count | None = None
    validation_limit: Count | None = None
    systems: dict[str, SystemPreset] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _known(self) -> "BaselinePreset":
        # a configuration keeps what it doesn't know, so a misspelt key would change nothing and say nothing
        require_known_settings(self.image_encoder, self.text_encoder)
        known = trainer_names()
        if unknown := sorted(set(self.systems) - set(known)):
            raise ValueError(f"systems has no {', '.join(unknown)}; known: {', '.join(known)}")
        return self


def load_preset(name: str) -> BaselinePreset:
    """A preset by name (`mini`, `tiny`, `small`, `equal`, `paper`) or YAML file; errors as `read_preset`."""
    return read_preset(PRESETS, name, BaselinePreset)
