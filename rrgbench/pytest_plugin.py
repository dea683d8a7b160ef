"""A pytest fixture that holds a run to its baseline; installed with rrgbench.

    def test_our_model_has_not_drifted(rrgbench_drift):
        rrgbench_drift("runs/today", "tests/baseline.json")

`pytest --rrgbench-update "REASON"` writes the baselines anew instead.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from rrgbench.runs.drift import Drift


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--rrgbench-update`."""
    parser.getgroup("rrgbench").addoption(
        "--rrgbench-update", metavar="REASON", default="", help="write drift baselines anew, with this reason"
    )


@pytest.fixture
def rrgbench_drift(pytestconfig: pytest.Config) -> "Callable[..., Drift]":
    """A function of run and baseline that fails the test where a number moved or can't be compared.

    It takes paths (run folder, baseline file or results.json) and the options of
    `rrgbench.runs.drift_check.check_drift`, and gives the `Drift`.
    """

    def check(run: str | Path, baseline: str | Path, **choices: Any) -> "Drift":
        from rrgbench.render.drift_documents import drift_markdown
        from rrgbench.runs.baseline import Side, read_side, write_baseline
        from rrgbench.runs.drift import Verdict
        from rrgbench.runs.drift_check import check_drift

        ours, against = read_side(Path(run)), Path(baseline)
        reason = str(pytestconfig.getoption("--rrgbench-update"))
        theirs = Side(()) if reason and not against.exists() else read_side(against)
        if reason:
            write_baseline(ours, against, reason, theirs.renewals)
            theirs = read_side(against)
        found = check_drift(ours, theirs, **choices)
        if found.verdict is not Verdict.SAME:
            pytest.fail(drift_markdown(found), pytrace=False)
        return found

    return check
