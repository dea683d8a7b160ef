"""What a run's units keep for figures beside their values: arrays by task and model."""

from collections.abc import Mapping, Sequence
from typing import Any

from numpy.typing import NDArray

from rrgbench.runs.records import Record
from rrgbench.runs.store import RunFolder

Arrays = Mapping[str, NDArray[Any]]
RunArrays = Mapping[tuple[str, str], Arrays]
"""By task and model's name."""


def run_arrays(folder: RunFolder, records: Sequence[Record]) -> dict[tuple[str, str], Arrays]:
    """The arrays of those units whose records the run's results are.

    Parameters
    ----------
    folder : RunFolder
        The run's; units of earlier parameters, which it may also hold, are left out.
    records : sequence of Record
        The results.
    """
    results = {record.identity: record for record in records}
    found: dict[tuple[str, str], Arrays] = {}
    for unit in folder.units():
        kept = folder.get(unit)
        if kept is None or not kept[0] or any(results.get(record.identity) != record for record in kept[0]):
            continue
        if arrays := folder.arrays(unit):
            found[kept[0][0].task, kept[0][0].model] = arrays
    return found
