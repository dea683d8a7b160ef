"""Freed memory is used again: later rounds of the same large tensors get no new pages from the system."""

import subprocess
import sys
from statistics import median

import pytest

ROUNDS = """
import resource, sys, torch
from rrgbench.training.freed_memory import keep_freed_memory
if sys.argv[1] == "kept":
    assert keep_freed_memory()
def round_of_tensors():
    tensors = [torch.ones(10_000_000) for _ in range(3)]
for _ in range(3):
    round_of_tensors()
for _ in range(5):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    round_of_tensors()
    print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def page_faults(how):
    """Of the median round: a system short of memory takes pages from a process now and then, whatever it keeps."""
    done = subprocess.run([sys.executable, "-c", ROUNDS, how], capture_output=True, text=True, check=True)
    return median(int(line) for line in done.stdout.split())


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's allocator is Linux's")
def test_large_tensors_get_the_same_pages_again():
    plain = page_faults("as it is")
    if plain < 200:
        pytest.skip("this system's allocator keeps freed memory by itself")
    assert page_faults("kept") < plain / 10
