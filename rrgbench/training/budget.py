"""What a model cost to train: one place that reads it from the folder that training left, for tables and pages."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rrgbench.checkpoints import RECORD

GIB = 2**30


@dataclass(frozen=True)
class Budget:
    """What went into one trained model; None where its record, of an older version, does not say.

    Attributes
    ----------
    parameters, trained_parameters : int or None
        Of the model, and those of them that any stage trained.
    films, reports : int or None
        Training studies of each kind, extra corpora left out.
    epochs : mapping
        Epochs trained by stage, in order: all of them, those after the kept one included.
    kept : mapping
        The epoch whose weights each stage kept.
    minutes : float
        Of all stages, those that other models share counted in full.
    peak_memory : float or None
        GiB at the height, of the stage that took most.
    starts_from : str
        What the image encoder started from, as the record says it; empty where it started from scratch.
    below_floor : tuple of str
        Stages that did not reach their floor.
    stages : tuple of str
        All of them, in order: files keep no order of mappings.
    """

    parameters: int | None
    trained_parameters: int | None
    films: int | None
    reports: int | None
    epochs: Mapping[str, float]
    kept: Mapping[str, float]
    minutes: float
    peak_memory: float | None
    starts_from: str
    below_floor: tuple[str, ...] = ()
    stages: tuple[str, ...] = ()

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> "Budget":
        """From what `training.json` says."""
        stages = [stage for stage in record["stages"] if "loss" in stage]
        studies = record.get("studies") or {}
        peaks = [stage["peak_memory"] for stage in stages if "peak_memory" in stage]
        return cls(
            record.get("parameters"),
            record.get("trained_parameters"),
            studies.get("films"),
            studies.get("reports"),
            {stage["stage"]: stage["epochs"] for stage in stages},
            {stage["stage"]: stage.get("kept_epoch", stage["epochs"]) for stage in stages},
            sum(stage["seconds"] for stage in stages) / 60,
            max(peaks) / GIB if peaks else None,
            record.get("starts_from") or "",
            tuple(stage["stage"] for stage in stages if stage.get("below_floor")),
            tuple(stage["stage"] for stage in stages),
        )


def read_budget(folder: str | Path) -> Budget | None:
    """The budget of the model in a folder; None where there is no record of a finished training."""
    record = training_record(folder)
    return None if record is None else Budget.of(record)


def read_curves(folder: str | Path) -> dict[str, list[dict[str, float]]]:
    """The learning curve of each stage, in order (`rrgbench.training.stopping.curve`); empty where none was kept."""
    record = training_record(folder) or {"stages": []}
    return {stage["stage"]: stage["curve"] for stage in record["stages"] if stage.get("curve")}


def training_record(folder: str | Path) -> dict[str, Any] | None:
    """`training.json` of a finished training in a folder, if there is one."""
    path = Path(folder) / RECORD
    if not path.is_file():
        return None
    record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return record if any("loss" in stage for stage in record.get("stages", [])) else None
