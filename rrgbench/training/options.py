"""What a run sets for all of its stages, over whatever its preset says, and what of a preset decides weights."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any, TypeVar

from pydantic import BaseModel

from rrgbench.training.stage import StageSettings

P = TypeVar("P", bound=BaseModel)

NOT_DECIDING = "workers"
"""The hyper-parameter that decides how fast a stage trains and nothing else."""


@dataclass(frozen=True)
class StageOptions:
    """Hyper-parameters for every stage of a run; None leaves what the preset says.

    Attributes
    ----------
    accumulate, patience, bf16, workers
        As in `rrgbench.training.stage.StageSettings`.
    """

    accumulate: int | None = None
    patience: int | None = None
    bf16: bool | None = None
    workers: int | None = None

    @property
    def given(self) -> dict[str, Any]:
        """Those that are not None."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    def applied(self, preset: P) -> P:
        """The preset with these in each of its stages, those of single systems included."""
        changed = {name: self._over(value) for name, value in preset}
        return preset.model_copy(update=changed)

    def _over(self, value: Any) -> Any:
        if isinstance(value, StageSettings):
            return replace(value, **self.given)
        if isinstance(value, BaseModel):
            return self.applied(value)
        if isinstance(value, dict):
            return {name: self._over(part) for name, part in value.items()}
        return value

    def flags(self) -> Iterator[str]:
        """The command line's words for them, but for what decides no weights."""
        for name, value in self.given.items():
            if name == "bf16":
                yield "--bf16" if value else "--no-bf16"
            elif name != NOT_DECIDING:
                yield f"--{name} {value}"


AS_PRESET = StageOptions()
"""Nothing but what the preset says."""


def deciding(preset: BaseModel, **options: Any) -> dict[str, Any]:
    """A preset as JSON, without what decides no weights: a run may go on with another number of workers.

    Parameters
    ----------
    preset : BaseModel
        Holds `StageSettings`.
    **options
        For `model_dump`.
    """

    def without(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: without(part) for name, part in value.items() if name != NOT_DECIDING}
        return value

    kept: dict[str, Any] = without(preset.model_dump(mode="json", **options))
    return kept
