"""Training presets: shape and hyper-parameters by name, from `presets/*.yaml`."""

from inspect import signature
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from dcrrg.configuration import DcrrgConfig
from dcrrg.descriptions import NoFinding, Unmentioned
from rrgbench.modeling.report_model import ReportModelConfig
from rrgbench.training.settings import read_preset
from rrgbench.training.stage import StageSettings

PACKAGE = "dcrrg.presets"

Pairs = Literal["own", "labels", "balanced"]
"""What step 2 aligns: each film with its own report; with one drawn among those of the most similar labels (which films
that have no report get anyway); or with its own, films being drawn as balancing draws them in step 1."""


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
    pairs : str
        Which films and reports step 2 lays side by side (`Pairs`).
    no_finding_description : str
        What step 3 writes of No Finding (`dcrrg.descriptions.NoFinding`).
    description_sets : int
        How many sets of several observations a study's step 3 describes, beside its 14 observations by themselves.
    unmentioned : str
        What step 3 makes of an observation that a report does not mention (`dcrrg.descriptions.Unmentioned`).
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
    pairs: Pairs = "own"
    no_finding_description: NoFinding = "normality"
    description_sets: int = Field(default=0, ge=0)
    unmentioned: Unmentioned = "token"
    min_word_count: int = 3
    step1_image: StageSettings
    step1_text: StageSettings
    step2: StageSettings
    step3: StageSettings
    step4: StageSettings
    step4_full: StageSettings | None = None
    limit: int | None = Field(default=None, gt=0)
    storage: Literal["float32", "float16"] = "float32"

    @field_validator("model")
    @classmethod
    def _known(cls, model: dict[str, Any]) -> dict[str, Any]:
        # a configuration keeps what it doesn't know, so a misspelt key would change nothing and say nothing
        known = {*signature(DcrrgConfig).parameters, *signature(ReportModelConfig).parameters} - {"kwargs"}
        if unknown := sorted(set(model) - known):
            raise ValueError(f"model has no {', '.join(unknown)}; known: {', '.join(sorted(known))}")
        DcrrgConfig(**model)
        return model


def load_preset(name: str) -> Preset:
    """A preset by name (`ablation`, `mini`, `tiny`, `small`, `paper`) or YAML file; errors as `read_preset`."""
    return read_preset(PACKAGE, name, Preset)
