"""Every parser, fuzzed: a file is read or named in one line, without its words, in bounded time.

`make fuzz BUDGET=600` (RRGBENCH_FUZZ_SECONDS) spends that many seconds on all parsers; plain pytest a few examples.
"""

import os
import random
import time
from pathlib import Path

import pytest
from fuzzing import outcome
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from mutating import mutate
from parsers import PARSERS, Parser

SECONDS = float(os.environ.get("RRGBENCH_FUZZ_SECONDS", "0")) / len(PARSERS)

few = settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.mark.parametrize("parser", PARSERS, ids=lambda parser: parser.name)
def test_the_example_is_read(tmp_path: Path, parser: Parser) -> None:
    path = tmp_path / parser.name
    path.write_bytes(parser.example)
    assert parser.parse(path) is not None


@pytest.mark.parametrize("parser", PARSERS, ids=lambda parser: parser.name)
@given(content=st.binary(max_size=300))
@few
def test_any_bytes(tmp_path_factory: pytest.TempPathFactory, parser: Parser, content: bytes) -> None:
    outcome(parser, content, tmp_path_factory.getbasetemp() / "any")


@pytest.mark.parametrize("parser", PARSERS, ids=lambda parser: parser.name)
@given(seed=st.integers(0, 1 << 32))
@example(seed=36513)  # a preset with a key of thousands of digits
@few
def test_mutated_examples(tmp_path_factory: pytest.TempPathFactory, parser: Parser, seed: int) -> None:
    outcome(parser, mutate(parser.example, random.Random(seed)), tmp_path_factory.getbasetemp() / "mutated")


@pytest.mark.skipif(not SECONDS, reason="no budget (make fuzz BUDGET=seconds)")
@pytest.mark.parametrize("parser", PARSERS, ids=lambda parser: parser.name)
def test_for_as_long_as_the_budget_lasts(tmp_path: Path, parser: Parser) -> None:
    until, seed = time.monotonic() + SECONDS, time.time_ns()
    while time.monotonic() < until:
        seed += 1
        outcome(parser, mutate(parser.example, random.Random(seed)), tmp_path)
