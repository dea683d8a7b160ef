"""Training functions by name (entry-point groups `rrgbench.trainers` and `rrgbench.variants`)."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from rrgbench.registry import Registry

TRAINERS: Final[Registry[Callable[..., Path]]] = Registry("trainable model", "rrgbench.trainers")
VARIANT_TRAINERS: Final[Registry[Callable[..., list[Path]]]] = Registry("model with variants", "rrgbench.variants")


def trainer_names() -> list[str]:
    """Names of all models that can be trained."""
    return TRAINERS.names()


def load_trainer(name: str) -> Callable[..., Path]:
    """The training function of a model.

    It is called as `train(corpus, *, preset, out, steps, seed, progress, limit, film_cache)` and returns a folder; one
    that also takes `options` (`rrgbench.training.options.StageOptions`) heeds the command's flags for its stages.

    Raises
    ------
    UnknownNameError
        If no such model can be trained.
    """
    return TRAINERS.load(name)


def load_variant_trainer(name: str) -> Callable[..., list[Path]]:
    """The function that trains a named set of a model's variants (entry-point group `rrgbench.variants`).

    It is called as `train(corpus, *, variants, seeds, preset, out, extra, progress, limit, film_cache)` and returns
    the folders `out/<variant>/seed-<s>`.

    Raises
    ------
    UnknownNameError
        If no such model has variants.
    """
    return VARIANT_TRAINERS.load(name)
