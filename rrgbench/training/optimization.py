"""How a stage descends: the optimizer, a learning rate of its own for each part, and the schedule in steps."""

import math
from collections.abc import Collection, Iterator, Mapping
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


def freeze(module: nn.Module, rates: Mapping[str, float]) -> tuple[list[nn.Parameter], list[nn.Module]]:
    """Freeze the parameters whose rate is 0.

    Returns
    -------
    frozen : list of nn.Parameter
        Those that were trained before.
    at_rest : list of nn.Module
        The largest modules that have parameters, all with a rate of 0: they belong in evaluation mode.
    """
    kept = kept_by_rate(module, rates)
    frozen = [one for one in kept.values() if one.requires_grad]
    for one in frozen:
        one.requires_grad_(False)
    return frozen, list(_at_rest(module, kept))


def kept_by_rate(module: nn.Module, rates: Mapping[str, float]) -> dict[int, nn.Parameter]:
    """The parameters whose rate is 0, by `id`."""
    return {id(one): one for name, one in module.named_parameters() if rate_of(name, rates) == 0}


def _at_rest(module: nn.Module, kept: Collection[int]) -> Iterator[nn.Module]:
    own = [id(one) in kept for one in module.parameters()]
    if own and all(own):
        yield module
    elif any(own):
        for part in module.children():
            yield from _at_rest(part, kept)


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
