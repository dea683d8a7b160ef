"""A training of one process alone where a launcher started several, which would otherwise train one model together."""

import os
import pickle
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from typing import Any, TypeVar

import torch

from rrgbench.errors import InputError
from rrgbench.main_guard import GUARD

T = TypeVar("T")

_LAUNCHERS = ("TORCHELASTIC_", "ACCELERATE_", "GROUP_", "ROLE_", "MASTER_", "LOCAL_WORLD_", "TORCH_NCCL_")


def trained_apart(work: Callable[..., T], *given: Any) -> T:
    """What a function of a module returns in a process of its own that no launcher knows of.

    Parameters
    ----------
    work : callable
        Importable by its name.
    *given
        Its arguments, on the CPU. They are pickled, as its answer is.

    Raises
    ------
    InputError
        If they can't be, or if the other process ended without an answer.
    """
    try:
        pickle.dumps((work, given))  # the other process fails on it in words of its own
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise InputError(
            f"what is trained can't be sent to a process of its own ({type(error).__name__}); evaluate it without "
            "torchrun or accelerate launch, or leave fine-tuning out of the suite"
        ) from error
    device = os.environ.get("LOCAL_RANK", "0") if torch.cuda.is_available() else None
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as one:
        try:
            found: T = one.submit(_alone, device, torch.get_num_threads(), work, *given).result()
        except BrokenProcessPool as error:
            raise InputError(
                "the process that trains for this one ended without an answer: it was killed, for want of memory "
                f"perhaps, or the script that it imports does work when it is imported: {GUARD}"
            ) from error
    return found


def _alone(device: str | None, threads: int, work: Callable[..., T], *given: Any) -> T:
    for name in list(os.environ):
        if name in ("RANK", "LOCAL_RANK", "WORLD_SIZE") or name.startswith(_LAUNCHERS):
            del os.environ[name]
    if device is not None:
        visible = os.environ.get("CUDA_VISIBLE_DEVICES")
        os.environ["CUDA_VISIBLE_DEVICES"] = visible.split(",")[int(device)] if visible else device
    torch.set_num_threads(threads)
    return work(*given)
