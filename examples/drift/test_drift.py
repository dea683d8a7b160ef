"""Your model's numbers as a test; the fixture comes with rrgbench."""

from pathlib import Path

from rrgbench.runs.drift import read_tolerances

HERE = Path(__file__).parent


def test_our_model_has_not_drifted(rrgbench_drift):
    """Hold today's run to the baseline."""
    tolerances = read_tolerances(HERE / "tolerances.yaml")
    rrgbench_drift(HERE / "runs" / "today", HERE / "baseline.json", tolerances=tolerances)
