"""How a stage descends: the optimizer, a learning rate of its own for each part, and the schedule in steps."""

import math
from collections.abc import Collection, Mapping
from typing import Any

import torch
from torch import nn
from torch.optim.lr_scheduler import LambdaLR

from rrgbench.errors import InputError, listed
from rrgbench.training.settings import StageSettings

STEP_PLACEHOLDER = "constant_with_warmup"
"""What `transformers` is told where the schedule is in steps, which it does not have."""


def chosen_optimizer(settings: StageSettings) -> tuple[Any, dict[str, Any]] | None:
    """Class and arguments of the optimizer; None for AdamW, which `transformers` makes itself."""
    rate = {"lr": settings.learning_rate}
    match settings.optimizer:
        case "adam":
            betas = {} if settings.betas is None else {"betas": settings.betas}
            return torch.optim.Adam, {**rate, **betas, "amsgrad": settings.amsgrad}
        case "sgd":
            return torch.optim.SGD, {**rate, "momentum": settings.momentum}
        case "rmsprop":
            return torch.optim.RMSprop, {**rate, "momentum": settings.momentum}
        case _:
            return None


def rate_of(name: str, rates: Mapping[str, float]) -> float | None:
    """The rate of the parameter `name`: that of the longest key which stands, dots and all, within its dotted name."""
    fitting = [key for key in rates if f".{key}." in f".{name}."]
    return rates[max(fitting, key=len)] if fitting else None


def check_rates(stage: str, rates: Mapping[str, float], trained: Collection[str]) -> None:
    """Refuse rates of what a stage does not train.

    Raises
    ------
    InputError
        If a name fits none of the parameters, given by their names, that are trained.
    """
    if lost := [key for key in rates if not any(f".{key}." in f".{name}." for name in trained)]:
        parts = sorted({name.removeprefix("model.").partition(".")[0] for name in trained})
        raise InputError(f"{stage}: rates for {listed(lost)}, which is not trained; trained: {listed(parts, 8)}")


def set_rates(optimizer: Any, module: nn.Module, rates: Mapping[str, float]) -> None:
    """Give the parameters of the named parts (`check_rates`) the learning rates of their own."""
    own = {id(p): rate_of(name, rates) for name, p in module.named_parameters() if p.requires_grad}
    groups = []
    for group in optimizer.param_groups:
        by_rate: dict[float, list[Any]] = {}
        for parameter in group["params"]:
            by_rate.setdefault(own.get(id(parameter)) or group["lr"], []).append(parameter)
        groups += [{**group, "params": several, "lr": rate} for rate, several in by_rate.items()]
    optimizer.param_groups = groups


def in_steps(optimizer: Any, settings: StageSettings, steps: int, epochs: float) -> LambdaLR:
    """The schedule `step`: after the warm-up every rate is multiplied by `decay` once in `decay_every` epochs.

    Parameters
    ----------
    optimizer
        Whose rates.
    settings : StageSettings
        `warmup`, `decay`, `decay_every`.
    steps : int
        Of the whole stage.
    epochs : float
        Of the whole stage.
    """
    warm = math.ceil(settings.warmup * steps)

    def share(step: int) -> float:
        if step < warm:
            return step / warm
        # a hair more than the whole steps of an epoch: rounding must not bring a decay one step late
        return float(settings.decay ** math.floor(step / steps * epochs / settings.decay_every + 1e-9))

    return LambdaLR(optimizer, share)
