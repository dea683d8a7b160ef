"""Freed memory is used again: later rounds of the same large tensors get no new pages from the system."""

import subprocess
import sys

import pytest

ROUNDS = """
import resource, sys, torch
from rrgbench.modeling.freed_memory import keep_freed_memory
if sys.argv[1] == "kept":
    assert keep_freed_memory()
def round_of_tensors():
    tensors = [torch.ones(10_000_000) for _ in range(3)]
for _ in range(3):
    round_of_tensors()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(5):
    round_of_tensors()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def page_faults(how):
    done = subprocess.run([sys.executable, "-c", ROUNDS, how], capture_output=True, text=True, check=True)
    return int(done.stdout)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's allocator is Linux's")
def test_large_tensors_get_the_same_pages_again():
    plain = page_faults("as it is")
    if plain < 1000:
        pytest.skip("this system's allocator keeps freed memory by itself")
    # a system short of memory may take pages from a process whatever it keeps, now and then
    assert min(page_faults("kept") for _ in range(3)) < plain / 10
