"""A drift check as a whole: values compared, noise tested, causes named."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from rrgbench.runs.baseline import Side
from rrgbench.runs.drift import Drift, check_fields, check_tolerances, drift_between, with_noise
from rrgbench.runs.drift_causes import likely_causes


def check_drift(
    run: Side,
    baseline: Side,
    *,
    tolerances: Mapping[str, float] | None = None,
    allowed: Iterable[str] = (),
    known_fields: Iterable[str] = (),
    allow_extra: bool = False,
    fail_on: str = "tolerance",
) -> Drift:
    """Compare two sides (`rrgbench.runs.baseline.read_side`), test what moved for noise, and explain it.

    Parameters
    ----------
    run, baseline : Side
        What is compared.
    tolerances, allowed, allow_extra, fail_on
        As of `rrgbench.runs.drift.drift_between`.
    known_fields : iterable of str
        Signature fields that may be allowed though neither side has them.

    Raises
    ------
    InputError
        If a tolerance, a field or `fail_on` is not one.
    """
    fine = tuple(allowed)
    records = [*run.records, *baseline.records]
    check_fields(fine, known_fields, records)
    check_tolerances(tolerances or (), records)
    found = drift_between(
        run.records, baseline.records, tolerances=tolerances, allowed=fine, allow_extra=allow_extra, fail_on=fail_on
    )
    found = with_noise(found, run, baseline)
    return replace(found, causes=likely_causes(found, run, baseline))
