"""What a stage is judged by after each epoch: its curve, which epoch was best, when to stop, and its floor.

All of it is read from what `Trainer` logged, never counted beside it, so that a resumed stage has the curve of an
unbroken one and stops where that would.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rrgbench.errors import InputError, listed
from rrgbench.training.settings import LOSS, StageSettings

LOGGED = "eval_"
"""`Trainer`'s prefix of what it measured on the validation items."""


@dataclass(frozen=True)
class Measures:
    """Metrics that a stage can be judged by, beside its loss.

    Attributes
    ----------
    higher_is_better : mapping
        By the metric's name.
    values : callable
        Measures them now: given the number of validation studies to measure on, their values by name.
    """

    higher_is_better: Mapping[str, bool]
    values: Callable[[int], Mapping[str, float]]


@dataclass(frozen=True)
class Criterion:
    """What decides which epoch's weights are kept.

    Attributes
    ----------
    name : str
        `loss` or a metric.
    higher_is_better : bool
        Its direction.
    patience : int or None
        Epochs without a better value before the stage stops; None never stops and keeps the last weights.
    """

    name: str
    higher_is_better: bool
    patience: int | None

    @classmethod
    def of(cls, stage: str, settings: StageSettings, known: Mapping[str, bool]) -> "Criterion":
        """That of a stage, which can measure what is known, by name, and whether higher is better.

        Raises
        ------
        InputError
            If the stage does not measure what it is to stop on.
        """
        if settings.stop_on == LOSS:
            return cls(LOSS, False, settings.patience)
        if settings.stop_on not in known:
            raise InputError(f"{stage} cannot stop on {settings.stop_on!r}; it measures {listed([LOSS, *known], 8)}")
        return cls(settings.stop_on, known[settings.stop_on], settings.patience)

    @property
    def logged(self) -> str:
        """Its key in `Trainer`'s log."""
        return f"{LOGGED}{self.name}"

    def best(self, values: Sequence[float]) -> int:
        """Place of the best value, of equal ones the first; NaN is worse than anything, and where all are, the last is
        kept."""
        if all(map(math.isnan, values)):
            return len(values) - 1
        worst = -math.inf if self.higher_is_better else math.inf
        comparable = [worst if math.isnan(value) else value for value in values]
        return comparable.index((max if self.higher_is_better else min)(comparable))

    def is_over(self, history: Sequence[Mapping[str, Any]]) -> bool:
        """Whether the last `patience` epochs have all failed to better the best value; `history` is `Trainer`'s."""
        values = [entry[self.logged] for entry in history if self.logged in entry]
        if self.patience is None or not values:
            return False
        return len(values) - 1 - self.best(values) >= self.patience

    def worse(self, value: float, floor: float) -> bool:
        """Whether a value does not reach the floor."""
        return not (value >= floor if self.higher_is_better else value <= floor)


def curve(history: Sequence[Mapping[str, Any]]) -> list[dict[str, float]]:
    """One entry an epoch: `epoch`, `loss` (mean over its steps), `learning_rate` (of its last step).

    Where it was validated also `validation_loss` and the metrics measured, those aside that were not defined.

    Parameters
    ----------
    history : sequence of mapping
        What `Trainer` logged: losses several times an epoch, each the mean since the one before.
    """
    found: list[dict[str, float]] = []
    total, before, begun = 0.0, 0, 0
    for entry in history:
        if "loss" in entry:
            total, before = total + entry["loss"] * (entry["step"] - before), entry["step"]
            if entry.get("ends"):
                mean = total / max(before - begun, 1)
                found.append({"epoch": entry["epoch"], "loss": mean, "learning_rate": entry["learning_rate"]})
                total, begun = 0.0, before
        elif found and f"{LOGGED}{LOSS}" in entry:
            for key, value in entry.items():
                name = key.removeprefix(LOGGED)
                if name != key and name not in _SPEED and not math.isnan(value):
                    found[-1]["validation_loss" if name == LOSS else name] = value
    return found


_SPEED = ("runtime", "samples_per_second", "steps_per_second", "model_preparation_time")
"""What `Trainer` logs of its own speed."""
