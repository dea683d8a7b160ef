"""A run's values in an experiment tracker: Weights & Biases, TensorBoard or Trackio, each an optional package."""

from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from rrgbench.errors import InputError, MissingPartError, meant
from rrgbench.runs.records import Record

TRACKERS: Final = ("wandb", "tensorboard", "trackio")
PROJECT: Final = "rrgbench"


def check_tracker(name: str) -> None:
    """Refuse a tracker that can't be written to, before the work.

    Raises
    ------
    InputError
        If it is none of `TRACKERS`.
    MissingPartError
        If its package is not installed.
    """
    if name not in TRACKERS:
        raise InputError(f"--log {name}: no such tracker; {meant(name, TRACKERS)}")
    if find_spec(name) is None:
        raise MissingPartError(f"--log {name} needs the package {name}: pip install 'rrgbench[{name}]'")


def track(name: str, folder: Path, records: Sequence[Record], configuration: Mapping[str, Any]) -> None:
    """Write every value of a run to a tracker, as one step.

    Parameters
    ----------
    name : str
        One of `TRACKERS`.
    folder : Path
        The run folder; the tracker's run is called after it. TensorBoard's files go into its folder `tensorboard`.
    records : sequence of Record
        Blanks are left out.
    configuration : mapping
        Options of the run.

    Raises
    ------
    InputError, MissingPartError
        As `check_tracker`.
    """
    check_tracker(name)
    values = {scalar_name(one): float(one.value) for one in records if one.value is not None}
    if name == "tensorboard":
        writer = import_module("tensorboard.summary").Writer(str(folder / "tensorboard"))
        for key, value in values.items():
            writer.add_scalar(key, value, step=0)
        writer.flush()
        writer.close()
        return
    tracker = import_module(name)
    tracker.init(project=PROJECT, name=folder.resolve().name, config=dict(configuration))
    tracker.log(values)
    tracker.finish()


def scalar_name(record: Record) -> str:
    """`classification/auroc/dcrrg/linear/1%/Edema`: what trackers group by comes first."""
    parts = (
        record.task,
        record.metric if record.k is None else f"{record.metric}@{record.k}",
        record.model,
        record.setting,
        None if record.fraction is None else f"{100 * record.fraction:g}%",
        record.observation,
    )
    return "/".join(part for part in parts if part)
