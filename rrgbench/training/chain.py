"""How models come to be: chains of stages, each named by a digest of all that decides its weights and trained once.

OUT/stages/<stage>-<digest>/   one stage: its model, what it did (stage.json), while it trains its checkpoints
OUT/model.safetensors ...      the model after the last stage, as it ships
OUT/training.json              what it was made of, how, and what each stage did

A set of models (variants, seeds) has OUT/<variant>/seed-<s>/ for each of them beside the stages that they share.
"""

import hashlib
import json
import logging
import os
import shutil
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar

from filelock import FileLock, Timeout
from torch import nn
from transformers import PreTrainedModel

from rrgbench.checkpoints import RECORD, digest
from rrgbench.errors import InputError
from rrgbench.files import sweep, write_text
from rrgbench.json_text import read_object
from rrgbench.models import WEIGHTS
from rrgbench.progress import Progress
from rrgbench.training.data import Sources
from rrgbench.training.optimization import check_rates, kept_by_rate
from rrgbench.training.saving import saving
from rrgbench.training.settings import StageSettings, deciding
from rrgbench.training.stage import (
    Learner,
    StageReport,
    Work,
    check_lengths,
    first_process,
    own_device,
    process_count,
    several_processes,
    train_stage,
    wait_for_all,
)
from rrgbench.training.stopping import Criterion

STAGES_VERSION = 4
"""To be raised whenever the code makes other weights of the same inputs."""

SEAL = ".digest"
"""Digest of a stage's model, beside it."""

log = logging.getLogger(__name__)

M = TypeVar("M", bound=PreTrainedModel)


@dataclass(frozen=True)
class Stage(Generic[M]):
    """One link of a chain.

    Attributes
    ----------
    name : str
        As folders and progress show it.
    settings : StageSettings or None
        Hyper-parameters; None for a stage that is fitted in closed form.
    identity : dict
        What else decides its weights, beside the stages before it, as JSON.
    work : callable
        What it learns from, given the model that it starts from; or, without settings, fits the model and tells what it
        did.
    learner : callable, optional
        What it trains, given a model, which it leaves as it is; asked after `work`, and of an untrained model before
        the first stage begins.
    measures : mapping
        What it can stop on beside its loss, and whether higher is better: `higher_is_better` of its work's measures.
    lengths : bool
        Whether its items have lengths.
    reads_validation : bool
        Whether it reads the validation split whatever its settings say.
    """

    name: str
    settings: StageSettings | None
    identity: dict[str, Any]
    work: Callable[[M], Work | StageReport]
    learner: Callable[[M], Learner] | None = None
    measures: Mapping[str, bool] = field(default_factory=dict)
    lengths: bool = False
    reads_validation: bool = False


@dataclass(frozen=True)
class Recipe(Generic[M]):
    """How one model comes to be.

    Attributes
    ----------
    stages : sequence of Stage
        In order; each starts from the model of the one before it.
    new_model, load : callable
        Make an untrained model; read one from a folder.
    seed : int
        Of everything random.
    common : dict
        What decides every stage, as JSON: corpus digest, shape of the model ...
    inputs : dict
        What the model is made of, as the record shows it; a folder that holds one of other inputs is refused.
    about : dict
        What else the record says (`command` ...).
    variant : str, optional
        Name of the variant, where the model has some.
    sources : Sources, optional
        What it learns from, for the record, and for a look whether it can be validated on.
    storage : str
        Type of the weights as they ship.
    finish : callable
        Completes the folder of a trained model, e.g. by a card.
    """

    stages: Sequence[Stage[M]]
    new_model: Callable[[], M]
    load: Callable[[Path], M]
    seed: int
    common: dict[str, Any]
    inputs: dict[str, Any]
    about: dict[str, Any] = field(default_factory=dict)
    variant: str | None = None
    sources: Sources | None = None
    storage: Literal["float32", "float16"] = "float32"
    finish: Callable[[Path], None] = lambda folder: None

    def check(self) -> None:
        """Refuse what a stage would only refuse when it begins, hours after those before it.

        Raises
        ------
        InputError
            If a stage does not measure what it is to stop on, its items have no lengths to put alike ones together, or
            one looks at a validation split that the corpus lacks.
        """
        for stage in self.stages:
            if stage.settings is not None:
                Criterion.of(stage.name, stage.settings, stage.measures)
                check_lengths(stage.name, stage.settings, stage.lengths)
        if self.sources is not None and any(map(reads_validation, self.stages)):
            self.sources.check_validation()

    @property
    def folders(self) -> list[str]:
        """Names of the stages' folders: each stage's own and the digest (12 digits) of all that decides its weights."""
        names: list[str] = []
        common = {**self.common, "seed": self.seed, "version": STAGES_VERSION, **_processes()}
        for stage in self.stages:
            own = {**stage.identity, **({"settings": deciding(stage.settings)} if stage.settings else {})}
            if self.sources is not None and self.sources.validation_limit is not None and reads_validation(stage):
                own["validation_limit"] = self.sources.validation_limit
            text = json.dumps({"stage": stage.name, "own": own, "before": names[-1:], "common": common}, sort_keys=True)
            names.append(f"{stage.name}-{hashlib.sha256(text.encode()).hexdigest()[:12]}")
        return names


def reads_validation(stage: Stage[Any]) -> bool:
    """Whether the validation split decides a stage's weights."""
    return stage.reads_validation or (stage.settings is not None and stage.settings.validates)


def train_recipe(recipe: Recipe[M], folder: Path, store: Path, progress: Progress | None = None) -> Path:
    """Make a model, training those of its stages that are not in the store; resumes what an earlier, killed call left.

    Parameters
    ----------
    recipe : Recipe
        What is to be made.
    folder : Path
        For the model.
    store : Path
        For the stages, which other models may share.
    progress : callable, optional
        See `rrgbench.progress.Progress`.

    Returns
    -------
    Path
        The model's folder.

    Raises
    ------
    InputError
        If the folder holds a model of other inputs, another training writes to it, a stage can't stop on what its
        settings name, or it diverged.
    """
    recipe.check()
    single = store.parent == folder
    with _only_training(folder) if single else nullcontext():
        names = recipe.folders
        if not names:
            raise InputError("a model without stages trains nothing")
        made_of = {**recipe.inputs, "seed": recipe.seed, "version": STAGES_VERSION, **_processes()}
        _check_record(folder, made_of)
        if _finished(folder, names, recipe.about):
            return folder
        written = {**made_of, **recipe.about, "stages": [{"folder": name} for name in names]}
        wait_for_all()

        def begin() -> None:
            if first_process():
                _write_record(folder, written)

        title = " ".join([recipe.variant or "", f"seed {recipe.seed}"]).strip()
        newest = _train_stages(recipe, names, store, begin, "" if single else f"{title} ", progress)
        with nullcontext() if single else _alone(folder):
            # another run of the same set may have come here first
            if not _finished(folder, names, recipe.about) and first_process():
                model = recipe.load(newest)
                _publish(model, folder, recipe.storage)
                recipe.finish(folder)
                reports = [read_object(store / name / "stage.json") for name in names]
                stages = [{"folder": name, **report} for name, report in zip(names, reports, strict=True)]
                counted = {
                    **_counted(model, reports),
                    "studies": recipe.sources.study_counts() if recipe.sources else None,
                }
                # last, so that a record with what the stages did is that of a finished model
                _write_record(folder, {**written, **counted, "stages": stages})
        wait_for_all()
        if single and first_process():
            # what killed processes left half written
            sweep(folder)
    return folder


def read_record(folder: Path) -> dict[str, Any] | None:
    """What the training of a folder has written down so far, if it holds one."""
    path = folder / RECORD
    if not path.exists():
        return None
    try:
        return read_object(path)
    except InputError as error:
        raise InputError(f"{error}; remove it, and the same command writes it again") from error


def _write_record(folder: Path, content: dict[str, Any]) -> None:
    write_text(folder / RECORD, json.dumps(content, indent=1, sort_keys=True))


def _counted(model: nn.Module, stages: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Parameters of a model, and those that any of its stages trained."""
    parts = [f"{part}." for stage in stages for part in stage.get("trained", [])]
    sizes = {name: p.numel() for name, p in model.named_parameters()}
    trained = sum(size for name, size in sizes.items() if f"{name}.".startswith(tuple(parts)))
    return {"parameters": sum(sizes.values()), "trained_parameters": trained}


def _trained_parts(model: nn.Module, kept: Collection[int]) -> list[str]:
    """Names of the parts that are trained whole, and of the single parameters of others, without those kept (`id`)."""
    names = {name: p.requires_grad and id(p) not in kept for name, p in model.named_parameters()}
    tops = dict.fromkeys(name.partition(".")[0] for name in names)
    whole = [top for top in tops if all(on for name, on in names.items() if f"{name}.".startswith(f"{top}."))]
    return whole + [name for name, on in names.items() if on and name.partition(".")[0] not in whole]


def _check_record(folder: Path, made_of: dict[str, Any]) -> None:
    earlier = read_record(folder)
    differs = [] if earlier is None else [key for key in made_of if earlier.get(key) != made_of[key]]
    if differs:
        raise InputError(
            f"{folder} holds a training run with another {', '.join(differs)}; choose another --out or remove it"
        )


def _finished(folder: Path, names: Sequence[str], about: dict[str, Any]) -> bool:
    record = read_record(folder) or {}
    found = record.get("stages")
    stages = [stage for stage in found if isinstance(stage, dict)] if isinstance(found, list) else []
    same = [stage.get("folder") for stage in stages] == list(names) and {**record, **about} == record
    return same and all("loss" in stage for stage in stages)


def _processes() -> dict[str, int]:
    """How many processes train, where that decides weights: a batch is that of one process."""
    return {"processes": process_count()} if several_processes() else {}


def _only_training(folder: Path) -> AbstractContextManager[object]:
    """Keeps a second training out of a folder; the lock goes with its process, so a killed one leaves none."""
    if not first_process():
        return nullcontext()
    place = folder / "stages"
    place.mkdir(parents=True, exist_ok=True)
    try:
        return FileLock(place / "training.lock").acquire(timeout=0)
    except Timeout as error:
        raise InputError(f"another training writes to {folder}; wait for its end or choose another --out") from error


def _alone(folder: Path) -> AbstractContextManager[object]:
    """Lets one training at a time write what several share; another waits and then finds it done."""
    if several_processes():
        return nullcontext()
    folder.parent.mkdir(parents=True, exist_ok=True)
    return FileLock(folder.with_name(f"{folder.name}.lock"))


def _train_stages(
    recipe: Recipe[M],
    names: Sequence[str],
    store: Path,
    begin: Callable[[], None],
    title: str,
    progress: Progress | None,
) -> Path:
    """Train what is missing in the store; the model after the last stage. `begin` is called before the first of them,
    when nothing is left to refuse."""
    source: Path | None = None
    begun = False
    for number, (stage, name) in enumerate(zip(recipe.stages, names, strict=True)):
        with _alone(store / name):
            if not _kept(store / name / "model"):
                model = recipe.new_model() if source is None else recipe.load(source)
                if not begun:
                    _check_rates(recipe.stages[number:], model)
                    begin()
                    begun = True
                _train(stage, model, store / name, recipe.seed, title, progress)
        source = store / name / "model"
    assert source is not None, "a recipe has stages"
    if not begun:
        begin()
    return source


def _check_rates(stages: Sequence[Stage[M]], model: M) -> None:
    """Refuse learning rates of parts that a stage will not train, before the first of them begins."""
    for stage in stages:
        if stage.settings is not None and stage.learner is not None:
            check_rates(stage.name, stage.settings.rates, stage.learner(model).trained)


def _train(stage: Stage[M], model: M, folder: Path, seed: int, title: str, progress: Progress | None) -> None:
    """Train one stage and keep its model."""
    shown = f"{title}{stage.name}"
    # what a stage prepares may read every film, before the Trainer moves the model
    model.to(own_device())
    done = stage.work(model)
    kept: Collection[int] = ()
    if isinstance(done, Work):
        if stage.settings is None or stage.learner is None:
            raise TypeError(f"stage {stage.name} has items to train on, and no settings or nothing that learns")
        if done.measures is not None and done.measures.higher_is_better != stage.measures:
            raise TypeError(f"stage {stage.name} measures {list(done.measures.higher_is_better)} and does not say so")
        if hasattr(done.items, "lengths") != stage.lengths:
            raise TypeError(f"stage {stage.name}: whether its items have lengths is not what it says")
        learner = stage.learner(model)
        kept = kept_by_rate(learner.module, stage.settings.rates)
        report = train_stage(stage.name, stage.settings, learner, done, folder, seed, _titled(title, progress))
    else:
        report = done
        folder.mkdir(parents=True, exist_ok=True)
    if first_process():
        what = {**asdict(report), "trained": _trained_parts(model, kept)}
        write_text(folder / "stage.json", json.dumps(what, indent=1))
        _save_whole(model, folder / "model")
        for checkpoint in folder.glob("checkpoint-*"):
            shutil.rmtree(checkpoint)
    wait_for_all()
    if progress is not None and first_process():
        rate = report.items / report.seconds
        share = f"{100 * report.trainable_share:.3g} % of the weights trained"
        progress(shown, 1, 1, f"loss {report.loss:.3f}, {share}, {report.seconds:.0f} s, {rate:.0f} items/s")


def _titled(title: str, progress: Progress | None) -> Progress | None:
    """Progress whose pieces of work are named with a title before them."""
    if progress is None or not title:
        return progress

    def titled(what: str, done: int, total: int | None, note: str = "") -> None:
        progress(f"{title}{what}", done, total, note)

    return titled


def _kept(folder: Path) -> bool:
    """Whether a stage's model is there and what was written; one that was changed is told of in the log."""
    if not (folder / WEIGHTS).is_file():
        return False
    sealed = folder / SEAL
    # stages trained before there were seals have none
    if not sealed.is_file() or sealed.read_text(encoding="utf-8", errors="replace") == digest(folder):
        return True
    log.warning("the model of stage %s is damaged; the stage is trained again", folder.parent.name)
    return False


def _save_whole(model: PreTrainedModel, folder: Path) -> None:
    """Write beside and rename, so that a model folder is whole or absent."""
    temporary = folder.with_name(folder.name + ".part")
    shutil.rmtree(temporary, ignore_errors=True)
    with saving():
        model.save_pretrained(temporary)
    write_text(temporary / SEAL, digest(temporary))
    shutil.rmtree(folder, ignore_errors=True)
    os.replace(temporary, folder)


def _publish(model: PreTrainedModel, out: Path, storage: Literal["float32", "float16"]) -> None:
    """Put a model, in its storage type, at the top of a folder."""
    half = storage == "float16"
    temporary = out / "final.part"
    shutil.rmtree(temporary, ignore_errors=True)
    # only matrices and kernels: the statistics of batch norms may be too large for half precision
    state = {
        name: t.half() if half and t.ndim > 1 and t.is_floating_point() else t for name, t in model.state_dict().items()
    }
    with saving():
        model.save_pretrained(temporary, state_dict=state)
    for path in sorted(temporary.iterdir()):
        os.replace(path, out / path.name)
    temporary.rmdir()
