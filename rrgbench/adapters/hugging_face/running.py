"""On what device, in what precision and how many at a time a model runs."""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, Literal, TypeVar

import torch

from rrgbench.errors import InputError, MissingPartError, meant

T = TypeVar("T")
R = TypeVar("R")

DTYPES: Final[Mapping[str, torch.dtype]] = {
    "bf16": torch.bfloat16,
    "bfloat16": torch.bfloat16,
    "fp16": torch.float16,
    "float16": torch.float16,
    "fp32": torch.float32,
    "float32": torch.float32,
}

_log = logging.getLogger(__name__)


def chosen_device(given: str | None) -> torch.device:
    """The device that was asked for; else a GPU where there is one.

    Raises
    ------
    InputError
        If there is no such device.
    """
    if given is None or given == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(given)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise InputError(f"device {given!r} is not available ({str(error).splitlines()[0]}); try cpu") from None
    return device


def chosen_dtype(given: str | None, config: Mapping[str, Any], device: torch.device) -> torch.dtype:
    """The precision that was asked for; else the checkpoint's own on a GPU, and 32 bits on a CPU.

    Raises
    ------
    InputError
        If it is none of `DTYPES`.
    """
    if given is not None and given != "auto":
        if given not in DTYPES:
            raise InputError(f"dtype {given!r}: {meant(given, ['auto', *DTYPES])}")
        return DTYPES[given]
    text = config.get("text_config")
    stored = config.get("dtype") or config.get("torch_dtype") or (text.get("dtype") if isinstance(text, dict) else None)
    return torch.float32 if device.type == "cpu" else DTYPES.get(str(stored), torch.float32)


class Batches:
    """Work done in batches, whose size is halved each time the memory does not hold one.

    Parameters
    ----------
    given : int or str
        The size, or `auto`: `first`, and then what fits.
    first : int
        What `auto` begins with.
    """

    def __init__(self, given: int | Literal["auto"], first: int) -> None:
        self.automatic = given == "auto"
        size = first if given == "auto" else given
        if not isinstance(size, int) or isinstance(size, bool) or size < 1:
            raise InputError(f"batch size {given!r}: expected a number of at least 1, or auto")
        self.size = size

    def of(self, items: Sequence[T], work: Callable[[Sequence[T]], Iterable[R]]) -> list[R]:
        """What work makes of all items, in order.

        Raises
        ------
        MissingPartError
            If the memory does not hold a batch of the size that was asked for, or of one.
        """
        done: list[R] = []
        while len(done) < len(items):
            part = items[len(done) : len(done) + self.size]
            try:
                done.extend(work(part))
                continue
            except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
                if not _is_memory(error):
                    raise
                reason = str(error).splitlines()[0][:120]
            # here, where the error no longer holds on to what was allocated
            if torch.cuda.is_available():
                torch.cuda.empty_cache()
            if not self.automatic or len(part) == 1:
                raise MissingPartError(
                    f"the device's memory does not hold a batch of {len(part)} ({reason}); give a smaller "
                    "--batch-size, --dtype bf16 or another --device"
                )
            self.size = max(1, len(part) // 2)
            _log.warning("out of memory with a batch of %d; going on with %d", len(part), self.size)
        return done


def _is_memory(error: BaseException) -> bool:
    # the allocator of CPUs raises a plain RuntimeError
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or "can't allocate memory" in str(error)
