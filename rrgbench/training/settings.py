"""What a training is told: a preset (YAML), the command's flags laid over it, and what of both decides weights."""

import hashlib
from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from rrgbench.checked_values import CheckedValues
from rrgbench.errors import InputError, problems
from rrgbench.registry import lookup
from rrgbench.yaml_text import read_yaml

P = TypeVar("P", bound=BaseModel)

LOSS = "loss"
"""What a stage stops on unless it says otherwise."""

NOT_DECIDING = "workers"
"""The hyper-parameter that decides how fast a stage trains and nothing else."""

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(ge=0, lt=1, allow_inf_nan=False)]
Schedule = Literal[
    "linear", "cosine", "cosine_with_restarts", "polynomial", "constant", "constant_with_warmup", "inverse_sqrt", "step"
]


class StageSettings(CheckedValues):
    """Hyper-parameters of one stage.

    Attributes
    ----------
    epochs, batch_size, learning_rate, weight_decay
        As usual. A batch is that of one process.
    rates : dict
        Learning rate by part of the model (`image_encoder`, or deeper `image_encoder.network.embedder`) where it is
        another than `learning_rate`. With 0 the part keeps its weights and stays in evaluation mode, so that its
        statistics (batch normalisation) are kept too.
    optimizer : str
        `adamw`, `adam` (weight decay within the gradient), `sgd` or `rmsprop`.
    betas : tuple of float, optional
        Of `adamw` and `adam`; (0.9, 0.999) if omitted.
    amsgrad : bool
        Of `adam`.
    momentum : float
        Of `sgd` and `rmsprop`.
    warmup : float
        Share of steps with a rising learning rate.
    schedule : str
        `transformers` scheduler name after the warm-up; or `step`: rates are multiplied by `decay` once in
        `decay_every` epochs.
    decay, decay_every : float
        Of the schedule `step`.
    accumulate : int
        Batches whose gradients are averaged before a step.
    max_gradient : float
        Gradient norm is clipped to this.
    patience : int, optional
        Stop once so many epochs have brought no better value of `stop_on` on the validation split, and keep the weights
        of the epoch where it was best.
    stop_on : str
        `loss`, or a metric that the stage measures (`rrgbench.training.stage.Work.measures`); takes a patience.
    measured : int
        The first that many validation studies are what metrics are measured on.
    floor : float, optional
        The value of `stop_on` that the kept weights must reach (a loss: must not exceed), or log and record say so.
    alike_lengths : bool
        Batches are made of texts of about one length, which spares padding (`rrgbench.training.alike_lengths`).
    bf16 : bool
        Mixed precision in bfloat16.
    workers : int
        Processes that prepare batches; 0 prepares them in the training process. Decides no weights.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    epochs: Positive
    batch_size: Count
    learning_rate: Positive
    weight_decay: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 1e-6
    rates: dict[str, Annotated[float, Field(ge=0, allow_inf_nan=False)]] = Field(default_factory=dict)
    optimizer: Literal["adamw", "adam", "sgd", "rmsprop"] = "adamw"
    betas: tuple[Share, Share] | None = None
    amsgrad: bool = False
    momentum: Share = 0.0
    warmup: Share = 0.05
    schedule: Schedule = "cosine"
    decay: Annotated[float, Field(gt=0, le=1)] = 0.1
    decay_every: Positive = 10
    accumulate: Count = 1
    max_gradient: Positive = 1.0
    patience: Count | None = None
    stop_on: str = LOSS
    measured: Count = 200
    floor: Annotated[float, Field(allow_inf_nan=False)] | None = None
    alike_lengths: bool = False
    bf16: bool = False
    workers: Annotated[int, Field(ge=0)] = 0

    @model_validator(mode="after")
    def _fitting(self) -> Self:
        """Options that would do nothing are mistakes."""
        adam, other = self.optimizer in ("adam", "adamw"), self.optimizer in ("sgd", "rmsprop")
        idle = {
            "betas": self.betas is not None and not adam,
            "amsgrad": self.amsgrad and self.optimizer != "adam",
            "momentum": self.momentum > 0 and not other,
        }
        if wrong := [name for name, useless in idle.items() if useless]:
            raise ValueError(f"optimizer {self.optimizer} takes no {', '.join(wrong)}")
        if self.stop_on != LOSS and self.patience is None:
            raise ValueError(f"stop_on: {self.stop_on} needs a patience (as many as there are epochs never stop)")
        return self

    @property
    def validates(self) -> bool:
        """Whether the validation split is looked at after each epoch."""
        return self.patience is not None or self.floor is not None


class StageOptions(BaseModel):
    """Hyper-parameters for every stage of a run, over whatever its preset says; None leaves that.

    Attributes
    ----------
    accumulate, patience, bf16, workers
        As in `StageSettings`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    accumulate: Count | None = None
    patience: Count | None = None
    bf16: bool | None = None
    workers: Annotated[int, Field(ge=0)] | None = None

    def applied(self, preset: P) -> P:
        """The preset with these in each of its stages, those of single systems included."""
        given = self.model_dump(exclude_none=True)

        def over(value: Any) -> Any:
            if isinstance(value, StageSettings):
                return value.model_copy(update=given)
            if isinstance(value, BaseModel):
                return value.model_copy(update={name: over(part) for name, part in value})
            if isinstance(value, dict):
                return {name: over(part) for name, part in value.items()}
            return value

        changed: P = over(preset)
        return changed

    def flags(self) -> Iterator[str]:
        """The command line's words for them, but for what decides no weights."""
        for name, value in self.model_dump(exclude_none=True, exclude={NOT_DECIDING}).items():
            if name == "bf16":
                yield "--bf16" if value else "--no-bf16"
            else:
                yield f"--{name} {value}"


AS_PRESET = StageOptions()
"""Nothing but what the preset says."""


def deciding(settings: BaseModel, exclude: set[str] | None = None) -> dict[str, Any]:
    """What of a preset or of a stage's settings decides weights, as JSON.

    Defaults are left out, so that an option which is added later changes no run's identity, and the number of workers,
    which a run may change when it is resumed.
    """

    def without(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: without(part) for name, part in value.items() if name != NOT_DECIDING}
        return value

    # a stage that is a preset's default counts as one with any number of workers
    settings = StageOptions(workers=0).applied(settings)
    kept: dict[str, Any] = without(settings.model_dump(mode="json", exclude=exclude, exclude_defaults=True))
    return kept


def starting_weights(encoders: Mapping[str, Any]) -> dict[str, str]:
    """SHA-256 of the weight files in the folders that a preset's encoders start from: a path alone would not tell.

    Parameters
    ----------
    encoders : mapping
        A preset's encoders by name, other keys being ignored; `weights` of each is a folder, a hub id, or absent.

    Returns
    -------
    dict
        By encoder; one whose `weights` is no folder with such files here is left out, its name being all that is known.
    """
    found = {}
    for part, settings in encoders.items():
        source = settings.get("weights") if isinstance(settings, Mapping) else None
        weights = [] if source is None else sorted(Path(source).glob("*.safetensors"))
        digest = hashlib.sha256()
        for path in weights:
            with open(path, "rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
        if weights:
            found[part] = digest.hexdigest()
    return found


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
        raise InputError(f"preset {name} is not valid: {problems(error)}") from error


def _settings(package: str, name: str, extended_by: tuple[str, ...]) -> dict[str, Any]:
    """A preset's settings with those that it extends."""
    if name in extended_by:
        raise InputError(f"preset {name} extends itself: {' extends '.join((*extended_by, name))}")
    path = Path(name)
    if path.suffix in (".yaml", ".yml"):
        if not path.is_file():
            raise InputError(f"no preset file at {name}")
        text = path.read_text(encoding="utf-8")
    else:
        lookup("preset", name, preset_names(package))
        text = files(package).joinpath(f"{name}.yaml").read_text(encoding="utf-8")
    try:
        settings = read_yaml(text)
    except yaml.YAMLError as error:
        raise InputError(f"preset {name} is not valid: {'; '.join(str(error).splitlines()[:3])}") from error
    if not isinstance(settings, dict):
        raise InputError(f"preset {name} is not valid: expected keys and values, found {type(settings).__name__}")
    base = settings.pop("extends", None)
    return settings if base is None else laid_over(_settings(package, str(base), (*extended_by, name)), settings)


def laid_over(base: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with the values of `above`; mappings in both are laid over each other in turn."""
    merged = dict(base)
    for key, value in above.items():
        both = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        merged[key] = laid_over(merged[key], value) if both else value
    return merged
