"""A training run in a folder: its stages in order, each trained once and kept, so that a killed run goes on.

out/training.json           what defines the run
out/stages/<stage>/model/   the model after a stage
out/model.safetensors ...   the newest stage's model, as it ships
"""

import json
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

import torch
from torch import nn
from torch.utils.data import Dataset
from transformers import PreTrainedModel

from rrgbench.errors import InputError
from rrgbench.modeling.training import Progress, StageSettings, train_stage, trainable

M = TypeVar("M", bound=PreTrainedModel)

WEIGHTS = "model.safetensors"


@dataclass(frozen=True)
class Stage:
    """What one stage trains.

    Attributes
    ----------
    module : nn.Module
        `forward(**batch)` returns `{"loss": scalar}`; wraps the model.
    items : Dataset
        Training items.
    collate : callable
        A list of items to a batch.
    parts : sequence of nn.Module or nn.Parameter
        What is trained; all else of the module is frozen.
    settings : StageSettings
        Hyper-parameters.
    """

    module: nn.Module
    items: Dataset[Any]
    collate: Callable[[list[Any]], dict[str, Any]]
    parts: Sequence[nn.Module | nn.Parameter]
    settings: StageSettings


def open_run(out: Path, inputs: dict[str, Any], about: dict[str, str]) -> None:
    """Make a run's folder, or check that the one there holds the same run.

    Parameters
    ----------
    out : Path
        The run's folder.
    inputs : dict
        Everything that decides the weights; a run with others is refused.
    about : dict
        Kept beside them for the reader (`command` ...).

    Raises
    ------
    InputError
        If the folder holds a run of other inputs.
    """
    record = out / "training.json"
    if record.is_file():
        earlier = json.loads(record.read_text())
        differs = [key for key in inputs if earlier.get(key) != inputs[key]]
        if differs:
            raise InputError(
                f"{out} holds a training run with another {', '.join(differs)}; choose another --out or remove it"
            )
        return
    out.mkdir(parents=True, exist_ok=True)
    record.write_text(json.dumps({**inputs, **about}, indent=1, sort_keys=True))


def newest_model(out: Path, stages: Sequence[str]) -> Path | None:
    """The model of the last of some stages that is finished."""
    folders = [out / "stages" / stage / "model" for stage in stages]
    finished = [folder for folder in folders if (folder / WEIGHTS).is_file()]
    return finished[-1] if finished else None


def train_stages(
    out: Path,
    order: Sequence[str],
    wanted: Sequence[str],
    new_model: Callable[[], M],
    load: Callable[[Path], M],
    prepare: Callable[[str, M], Stage],
    seed: int,
    progress: Progress | None = None,
) -> None:
    """Train the wanted stages that are not finished, each from the newest earlier one.

    Parameters
    ----------
    out : Path
        The run's folder.
    order, wanted : sequence of str
        All stages in order, and those to train.
    new_model, load : callable
        Make an untrained model; read one from a folder.
    prepare : callable
        What a stage trains, given the model that it starts from.
    seed : int
        Of everything random.
    progress : callable, optional
        See `rrgbench.modeling.training.Progress`.
    """
    for stage in (stage for stage in order if stage in wanted):
        folder = out / "stages" / stage
        if (folder / "model" / WEIGHTS).is_file():
            continue
        source = newest_model(out, order[: order.index(stage)])
        model = new_model() if source is None else load(source)
        plan = prepare(stage, model)
        trainable(plan.module, plan.parts)
        report = train_stage(
            stage, plan.module, plan.items, plan.collate, plan.settings, folder, seed=seed, progress=progress
        )
        save_atomically(model, folder / "model")
        for checkpoint in folder.glob("checkpoint-*"):
            shutil.rmtree(checkpoint)
        if progress is not None:
            rate = report.items / report.seconds
            progress(stage, 1, 1, f"loss {report.loss:.3f}, {report.seconds:.0f} s, {rate:.0f} items/s")


def save_atomically(model: PreTrainedModel, folder: Path, **options: Any) -> None:
    """Write beside and rename, so that a model folder is whole or absent."""
    temporary = folder.with_name(folder.name + ".part")
    shutil.rmtree(temporary, ignore_errors=True)
    model.save_pretrained(temporary, **options)
    shutil.rmtree(folder, ignore_errors=True)
    os.replace(temporary, folder)


def publish(
    out: Path, order: Sequence[str], load: Callable[[Path], PreTrainedModel], storage: Literal["float32", "float16"]
) -> None:
    """Put the newest stage's model, in its storage type, at the top of the run's folder.

    Raises
    ------
    InputError
        If no stage is finished.
    """
    newest = newest_model(out, order)
    if newest is None:
        raise InputError(f"{out}: nothing was trained; choose among the steps {', '.join(order)}, or all")
    model = load(newest)
    half = storage == "float16"
    temporary = out / "final.part"
    shutil.rmtree(temporary, ignore_errors=True)
    # only matrices and kernels: the statistics of batch norms may be too large for half precision
    state = {name: t.half() if half and t.ndim > 1 else t for name, t in model.state_dict().items()}
    model.save_pretrained(temporary, state_dict=state)
    for path in sorted(temporary.iterdir()):
        os.replace(path, out / path.name)
    temporary.rmdir()


def encode_frozen(encode: Callable[[Any], torch.Tensor], inputs: Any, batch: int = 64) -> torch.Tensor:
    """Outputs of a frozen encoder in evaluation mode for all inputs (films or texts), a batch at a time, on the CPU."""
    with torch.inference_mode():
        parts = [encode(inputs[start : start + batch]).cpu() for start in range(0, len(inputs), batch)]
    # tensors made in inference mode can't enter a graph later
    return torch.cat(parts).clone()
