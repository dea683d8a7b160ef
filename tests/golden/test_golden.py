"""No native metric moves by more than 1e-12 on frozen reports, whatever the versions of what we depend on."""

import hashlib

import pytest
from golden import FOLDER, LABELERS, TOLERANCE, Moved, computed, kept, moved, reports

from rrgbench.metrics.catalogue import OWN_METRICS

FROZEN = "f9674e53407c97b70a16e5c2a26cc8a93b1c1715a6655dcdbc21b13c80ef4a31"
"""SHA-256 of the reports."""


@pytest.fixture(scope="module")
def now() -> dict[str, float | None]:
    return computed()


def test_no_value_has_moved(now) -> None:
    found = moved(kept(), now)
    assert found == [], "\n".join(
        [f"{len(found)} values moved; if that is meant: python tests/golden/golden.py", *map(str, found[:20])]
    )


def test_the_reports_are_those_that_were_frozen() -> None:
    assert hashlib.sha256((FOLDER / "reports.jsonl").read_bytes()).hexdigest() == FROZEN
    assert len(reports()) > 100


def test_every_native_metric_of_text_is_there(now) -> None:
    for key in OWN_METRICS:
        settings = [name.removesuffix(f" {key}") for name in now if name.endswith(f" {key}")]
        assert len(settings) >= 3, key
        of_one = [name for name in now if f" {key} " in name]
        assert len(of_one) == len(reports()) * (len(LABELERS) if key.startswith("ce") else 1), key
        assert len({now[name] for name in of_one}) > 2, key


def test_a_value_that_moves_is_found_by_name(now) -> None:
    name = "raw rouge_l written-01"
    assert moved(now, now) == []
    assert moved(now, {**now, name: now[name] + 0.9 * TOLERANCE}) == []
    (found,) = moved(now, {**now, name: now[name] + 2e-12})
    assert str(found).startswith(f"{name}: {now[name]!r} before, ")
    assert str(found).endswith(", by 2.0e-12")
    assert moved(now, {**now, name: None}) == [Moved(name, now[name], None)]
    without = {other: value for other, value in now.items() if other != name}
    assert [one.name for one in moved(now, without)] == [name]
