"""A training run in a folder: its stages in order, each trained once and kept, so that a killed run goes on.

out/training.json           what defines the run
out/stages/<stage>/model/   the model after a stage
out/model.safetensors ...   the newest stage's model, as it ships

Runs that have stages in common can share a folder of stages, in which each is named by a digest of everything that
decides it (`train_shared_stages`).
"""

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

import torch
from filelock import FileLock
from torch import nn
from torch.utils.data import Dataset
from transformers import PreTrainedModel

from rrgbench.errors import InputError
from rrgbench.models import WEIGHTS
from rrgbench.training.stage import (
    Progress,
    StageSettings,
    first_process,
    process_count,
    several_processes,
    train_stage,
    trainable,
    wait_for_all,
)

M = TypeVar("M", bound=PreTrainedModel)


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
    validation : Dataset, optional
        Items on which early stopping looks; needed where the settings have a patience.
    """

    module: nn.Module
    items: Dataset[Any]
    collate: Callable[[list[Any]], dict[str, Any]]
    parts: Sequence[nn.Module | nn.Parameter]
    settings: StageSettings
    validation: Dataset[Any] | None = None


@dataclass(frozen=True)
class StageIdentity:
    """A stage of a run that shares its stages with others.

    Attributes
    ----------
    name : str
        The stage's name.
    digest : str
        Of everything that decides its weights, the stages before it included (12 hex digits).
    """

    name: str
    digest: str

    @property
    def folder(self) -> str:
        """Name of its folder."""
        return f"{self.name}-{self.digest}"


def stage_chain(common: dict[str, Any], stages: Sequence[tuple[str, dict[str, Any]]]) -> list[StageIdentity]:
    """Identities of a run's stages in order.

    Parameters
    ----------
    common : dict
        What decides every stage, as JSON: corpus digest, seed, shape of the model ...
    stages : sequence of (str, dict)
        Name of each stage, and what decides it beside the stages before it.
    """
    chain: list[StageIdentity] = []
    for name, own in stages:
        before = chain[-1].digest if chain else ""
        text = json.dumps({"stage": name, "own": own, "before": before, "common": common}, sort_keys=True)
        chain.append(StageIdentity(name, hashlib.sha256(text.encode()).hexdigest()[:12]))
    return chain


def open_run(out: Path, inputs: dict[str, Any], about: dict[str, Any]) -> None:
    """Make a run's folder, or check that the one there holds the same run.

    Parameters
    ----------
    out : Path
        The run's folder.
    inputs : dict
        Everything that decides the weights, but for the number of processes; a run with others is refused.
    about : dict
        Kept beside them for the reader (`command` ...), as JSON; that of the last call counts.

    Raises
    ------
    InputError
        If the folder holds a run of other inputs.
    """
    record = out / "training.json"
    # a batch is that of one process
    inputs = {**inputs, "processes": process_count() if several_processes() else None}
    if record.is_file():
        earlier = json.loads(record.read_text())
        differs = [key for key in inputs if earlier.get(key) != inputs[key]]
        if differs:
            raise InputError(
                f"{out} holds a training run with another {', '.join(differs)}; choose another --out or remove it"
            )
        if {**earlier, **about} == earlier:
            return
    out.mkdir(parents=True, exist_ok=True)
    # of several processes each writes the same, and none reads a half of it
    temporary = record.with_name(f"{record.name}.{os.getpid()}")
    temporary.write_text(json.dumps({**inputs, **about}, indent=1, sort_keys=True))
    os.replace(temporary, record)


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
        See `rrgbench.training.stage.Progress`.

    Raises
    ------
    InputError
        If a later stage is finished already, which would not have started from this one.
    """
    for stage in (stage for stage in order if stage in wanted):
        folder = out / "stages" / stage
        if (folder / "model" / WEIGHTS).is_file():
            continue
        later = newest_model(out, order[order.index(stage) + 1 :])
        if later is not None:
            raise InputError(
                f"{out}: {later.parent.name} was trained without {stage}, from which it would have started; "
                f"remove {later.parent} or choose another --out"
            )
        source = newest_model(out, order[: order.index(stage)])
        _train(folder, stage, new_model() if source is None else load(source), prepare, seed, progress)


def train_shared_stages(
    store: Path,
    chain: Sequence[StageIdentity],
    new_model: Callable[[], M],
    load: Callable[[Path], M],
    prepare: Callable[[str, M], Stage],
    seed: int,
    progress: Progress | None = None,
) -> Path:
    """Train those stages of a chain that no run before has finished, each from the one before it.

    Parameters
    ----------
    store : Path
        Folder of the shared stages.
    chain : sequence of StageIdentity
        The run's stages in order (`stage_chain`).
    new_model, load, prepare, seed, progress
        As in `train_stages`.

    Returns
    -------
    Path
        The model after the last stage.
    """
    source: Path | None = None
    for stage in chain:
        folder = store / stage.folder
        with alone(folder):
            if not (folder / "model" / WEIGHTS).is_file():
                _train(folder, stage.name, new_model() if source is None else load(source), prepare, seed, progress)
        source = folder / "model"
    if source is None:
        raise InputError("a run without stages trains nothing")
    return source


def alone(folder: Path) -> AbstractContextManager[object]:
    """Lets one run at a time write a folder; another that needs what is in it waits and then finds it done.

    The lock goes with its process, so a killed one leaves none. Processes of one distributed training are one run.
    """
    if several_processes():
        return nullcontext()
    folder.parent.mkdir(parents=True, exist_ok=True)
    return FileLock(folder.with_name(f"{folder.name}.lock"))


STAGE_REPORTS = "stages.json"


def keep_stage_reports(store: Path, chain: Sequence[StageIdentity], out: Path) -> None:
    """Write what each shared stage did beside the model that came of them; the last file of a finished run."""
    if not first_process():
        return
    reports = [json.loads((store / stage.folder / "stage.json").read_text()) for stage in chain]
    temporary = out / f"{STAGE_REPORTS}.part"
    temporary.write_text(json.dumps(reports, indent=1))
    os.replace(temporary, out / STAGE_REPORTS)


def stage_reports_kept(out: Path) -> bool:
    """Whether a run made of shared stages is finished."""
    return (out / STAGE_REPORTS).is_file()


def _train(
    folder: Path,
    stage: str,
    model: M,
    prepare: Callable[[str, M], Stage],
    seed: int,
    progress: Progress | None,
) -> None:
    """Train one stage and keep its model."""
    plan = prepare(stage, model)
    trainable(plan.module, plan.parts)
    report = train_stage(
        stage,
        plan.module,
        plan.items,
        plan.collate,
        plan.settings,
        folder,
        seed=seed,
        progress=progress,
        validation=plan.validation,
    )
    if first_process():
        save_atomically(model, folder / "model")
        for checkpoint in folder.glob("checkpoint-*"):
            shutil.rmtree(checkpoint)
    wait_for_all()
    if progress is not None and first_process():
        rate = report.items / report.seconds
        share = f"{100 * report.trainable_share:.3g} % of the weights trained"
        progress(stage, 1, 1, f"loss {report.loss:.3f}, {share}, {report.seconds:.0f} s, {rate:.0f} items/s")


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
    publish_model(newest, out, load, storage)


def publish_model(
    trained: Path, out: Path, load: Callable[[Path], PreTrainedModel], storage: Literal["float32", "float16"]
) -> None:
    """Put a stage's model, in its storage type, at the top of a run's folder."""
    if first_process():
        _publish(load(trained), out, storage)
    wait_for_all()


def _publish(model: PreTrainedModel, out: Path, storage: Literal["float32", "float16"]) -> None:
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
