"""How much memory a piece of work took at its height: of the GPU where there is one, else of the process."""

import sys
from contextlib import suppress
from pathlib import Path

import torch


def begin_peak() -> None:
    """Forget earlier heights, where the system lets one."""
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
    else:
        # Linux; elsewhere the height since the process began is what can be said
        with suppress(OSError):
            Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")


def peak_memory() -> int:
    """Bytes at the height since `begin_peak`."""
    if torch.cuda.is_available():
        return int(torch.cuda.max_memory_allocated())
    with suppress(OSError, StopIteration):
        lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
        return int(next(line for line in lines if line.startswith("VmHWM:")).split()[1]) * 1024
    if sys.platform == "win32":
        import psutil

        height = psutil.Process().memory_info().peak_wset
    else:
        import resource

        # bytes on a Mac, elsewhere KiB
        height = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return int(height)
