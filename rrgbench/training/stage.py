"""One training stage on `transformers.Trainer`: progress, checkpoints each epoch, resume, stopping, curve, budget.

A stage is a module whose `forward(**batch)` returns `{"loss": ...}` and a dataset whose `set_epoch` (if it has one)
draws what changes between epochs from the seed and the epoch alone, so that a resumed run sees what an unbroken one
would. Started by `torchrun` or `accelerate launch`, each of several processes takes its share of every batch.
"""

import hashlib
import json
import logging
import math
import os
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import nn
from torch.utils.data import Dataset
from transformers import Trainer, TrainerCallback, TrainerState, TrainingArguments, set_seed
from transformers.integrations import TensorBoardCallback

from rrgbench.errors import InputError, listed
from rrgbench.files import write_text
from rrgbench.modeling.memory_layout import layout_of
from rrgbench.models import WEIGHTS
from rrgbench.progress import Progress
from rrgbench.training.alike_lengths import AlikeLengths
from rrgbench.training.memory import begin_peak, peak_memory
from rrgbench.training.optimization import (
    STEP_PLACEHOLDER,
    check_rates,
    chosen_optimizer,
    freeze,
    in_steps,
    set_rates,
)
from rrgbench.training.saving import saving
from rrgbench.training.settings import LOSS, StageSettings
from rrgbench.training.stopping import LOGGED, Criterion, Measures, curve

VALIDATION_LOSS = f"{LOGGED}{LOSS}"
"""`Trainer`'s name of it."""

DIGESTS = "digests.json"
"""Of a checkpoint's other files, written last: without it a checkpoint was not finished."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Learner:
    """What one stage trains.

    Attributes
    ----------
    module : nn.Module
        `forward(**batch)` returns `{"loss": scalar}`; wraps the model, and is trained in place.
    parts : sequence of nn.Module or nn.Parameter, optional
        What is trained, all else of the module being frozen; by default the parameters with `requires_grad`.
    """

    module: nn.Module
    parts: Sequence[nn.Module | nn.Parameter] | None = None

    @property
    def trained(self) -> list[str]:
        """Names, in the module, of the parameters that are trained."""
        if self.parts is None:
            return [name for name, one in self.module.named_parameters() if one.requires_grad]
        parts = [[part] if isinstance(part, nn.Parameter) else part.parameters() for part in self.parts]
        learned = {id(one) for part in parts for one in part}
        return [name for name, one in self.module.named_parameters() if id(one) in learned]


@dataclass(frozen=True)
class Work:
    """What one stage learns from.

    Attributes
    ----------
    items : Dataset
        Training items; their `lengths`, if they have some, allow `alike_lengths`.
    collate : callable
        A list of items to a batch.
    validation : Dataset, optional
        Items whose loss is measured after each epoch, in evaluation mode; needed where the settings have a patience or
        a floor (`StageSettings.validates`).
    measures : Measures, optional
        Metrics of the validation split that the settings may name in `stop_on`; measured after each epoch if they do.
    """

    items: Dataset[Any]
    collate: Callable[[list[Any]], dict[str, Any]]
    validation: Dataset[Any] | None = None
    measures: Measures | None = None


@dataclass(frozen=True)
class StageReport:
    """What one stage did.

    Attributes
    ----------
    stage : str
        Its name.
    items : int
        Items seen, before a resume as well.
    seconds : float
        Time spent, before a resume as well (but for what a killed call did after its last checkpoint).
    peak_memory : int
        Bytes at the height (`rrgbench.training.memory`).
    loss : float
        Last logged training loss.
    trainable_share : float
        Parameters trained, of all the module's.
    trained_parameters : int
        How many those are.
    epochs : float
        Epochs trained in all, those before a resume included.
    validation_loss : float, optional
        Of the weights kept, where a validation set was given.
    kept_epoch : float
        The epoch whose weights were kept.
    stop_on : str
        What decided that: `loss`, a metric, or nothing (`""`), and the last weights were kept.
    kept_value : float, optional
        Its value there.
    floor : float, optional
        What the value had to reach.
    below_floor : bool
        Whether it did not.
    curve : list of dict
        One entry an epoch (`rrgbench.training.stopping.curve`).
    """

    stage: str
    items: int
    seconds: float
    peak_memory: int
    loss: float
    trainable_share: float
    trained_parameters: int
    epochs: float
    validation_loss: float | None
    kept_epoch: float
    stop_on: str
    kept_value: float | None
    floor: float | None
    below_floor: bool
    curve: list[dict[str, float]]


def check_lengths(stage: str, settings: StageSettings, lengths: bool) -> None:
    """Refuse to put texts of alike lengths together where a stage's items have none (InputError)."""
    if settings.alike_lengths and not lengths:
        raise InputError(f"{stage}: its items have no lengths; set alike_lengths to false")


class _Watch(TrainerCallback):  # type: ignore[misc]
    """Draws a new epoch, reports progress with throughput, and stops early."""

    def __init__(
        self, stage: str, dataset: Any, progress: Progress | None, criterion: Criterion, best: Path | None
    ) -> None:
        self.stage, self.dataset, self.progress, self.criterion, self.best = stage, dataset, progress, criterion, best
        self.losses: dict[str, str] = {}

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.began, self.first_epoch = time.monotonic(), float(state.epoch or 0)
        if self.best is not None:
            # the Trainer forgets one whose recorded folder is no longer there
            state.best_model_checkpoint = str(self.best)

    def on_epoch_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if hasattr(self.dataset, "set_epoch"):
            self.dataset.set_epoch(round(state.epoch or 0))

    def on_epoch_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        control.should_log = True

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **kwargs: Any) -> None:
        names = {self.criterion.logged: self.criterion.name, VALIDATION_LOSS: "validation loss", "loss": "loss"}
        self.losses |= {key: f"{name} {float(logs[key]):.3f}" for key, name in names.items() if logs and key in logs}

    def on_evaluate(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if self.criterion.is_over(state.log_history):
            control.should_training_stop = True

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if self.progress is not None and state.is_world_process_zero:
            seconds = max(time.monotonic() - self.began, 1e-9)
            rate = len(self.dataset) * (state.epoch - self.first_epoch) / seconds
            note = ", ".join([*self.losses.values(), f"{rate:.0f} items/s"])
            self.progress(self.stage, state.global_step, state.max_steps, note)


class _StageTrainer(Trainer):  # type: ignore[misc]
    """A Trainer with a stage's optimizer, that can save convolutions kept channels-last, and validates by the module's
    own loss and the stage's metrics."""

    def __init__(
        self,
        stage: str,
        settings: StageSettings,
        module: nn.Module,
        at_rest: Sequence[nn.Module],
        measured: Measures | None,
        **options: Any,
    ) -> None:
        super().__init__(model=module, optimizer_cls_and_kwargs=chosen_optimizer(settings), **options)
        self.stage, self.settings, self.at_rest, self.measured = stage, settings, at_rest, measured
        self.began: float | None = None
        self.lr_scheduler: Any
        # it would pass on a count of labels where the module's forward takes any name
        self.model_accepts_loss_kwargs = False

    def create_optimizer(self, model: Any = None) -> Any:
        """The optimizer, parts with a rate of their own apart."""
        made = self.optimizer is None
        optimizer = super().create_optimizer(model)
        if made and self.settings.rates:
            set_rates(optimizer, self.model, self.settings.rates)
        return optimizer

    def compute_loss(self, *given: Any, **options: Any) -> Any:
        """The module's loss, in training mode but for the parts at rest."""
        for part in self.at_rest:
            part.eval()
        return super().compute_loss(*given, **options)

    def create_scheduler(self, num_training_steps: int, optimizer: Any = None) -> Any:
        """The schedule; that in steps is not `transformers`'."""
        if self.lr_scheduler is None and self.settings.schedule == "step":
            self.lr_scheduler = in_steps(
                optimizer or self.optimizer, self.settings, num_training_steps, self.args.num_train_epochs
            )
            self._created_lr_scheduler = True
        return super().create_scheduler(num_training_steps, optimizer)

    def _get_train_sampler(self, *given: Any, **options: Any) -> Any:
        if not self.settings.alike_lengths:
            return super()._get_train_sampler(*given, **options)
        check_lengths(self.stage, self.settings, hasattr(self.train_dataset, "lengths"))
        return AlikeLengths(self.train_dataset.lengths, self.settings.batch_size)

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Log; a training loss with the time and memory taken so far, and whether it ends an epoch."""
        if "loss" in logs:
            if self.began is None:
                # those of the calls before a resume lie in the log that it read
                earlier = [entry for entry in self.state.log_history if "seconds" in entry]
                self.earlier = earlier[-1] if earlier else {"seconds": 0.0, "peak_memory": 0}
                self.began = self.started
            logs["seconds"] = self.earlier["seconds"] + time.monotonic() - self.began
            logs["peak_memory"] = max(self.earlier["peak_memory"], peak_memory())
            logs["ends"] = float(abs(self.state.epoch - round(self.state.epoch)) < 1e-9 or self._last_step())
        super().log(logs, start_time)

    def _last_step(self) -> bool:
        return bool(self.state.global_step >= self.state.max_steps)

    def train(self, *given: Any, **options: Any) -> Any:
        """Train, from now on counting time and memory."""
        self.started = time.monotonic()
        begin_peak()
        return super().train(*given, **options)

    def evaluation_loop(self, *given: Any, **options: Any) -> Any:
        """The validation loss, and the stage's metrics beside it."""
        outcome = super().evaluation_loop(*given, **options)
        if self.measured is not None:
            self.model.eval()
            found = self.measured.values(self.settings.measured)
            outcome.metrics.update({f"{LOGGED}{name}": float(value) for name, value in found.items()})
        return outcome

    def save_model(self, output_dir: str | None = None, _internal_call: bool = False) -> None:
        """Write the module's weights; safetensors takes contiguous tensors that share no memory."""
        if self.args.should_save:
            folder = Path(output_dir or self.args.output_dir)
            folder.mkdir(parents=True, exist_ok=True)
            state, stored = {}, set[int]()
            for name, tensor in self.model.state_dict().items():
                # tied weights have two names
                whole = tensor.contiguous()
                state[name] = whole.clone() if tensor.data_ptr() in stored else whole
                stored.add(tensor.data_ptr())
            save_file(state, folder / WEIGHTS, metadata={"format": "pt"})

    def _save_checkpoint(self, model: nn.Module, trial: Any) -> None:
        """Save a checkpoint, then the digests that make it one to resume from, and only then remove the one before."""
        with saving():
            super()._save_checkpoint(model, trial)
        if self.args.should_save:
            newest = Path(self.args.output_dir) / f"checkpoint-{self.state.global_step}"
            write_text(newest / DIGESTS, json.dumps(_digests(newest)))
            for path in newest.parent.glob("checkpoint-*"):
                if path.name not in (newest.name, Path(self.state.best_model_checkpoint or "").name):
                    shutil.rmtree(path)

    def prediction_step(
        self, model: nn.Module, inputs: Any, prediction_loss_only: bool, ignore_keys: Any = None
    ) -> tuple[torch.Tensor, None, None]:
        """The loss of a batch; `Trainer` would look for labels by their names."""
        with torch.no_grad(), self.compute_loss_context_manager():
            return self.compute_loss(model, inputs).detach(), None, None


def first_process() -> bool:
    """Whether this is the only process of a training, or the first of several, which writes the files."""
    return int(os.environ.get("RANK", "0")) == 0


def several_processes() -> bool:
    """Whether this is one of several processes of a training."""
    return process_count() > 1


def own_device() -> torch.device:
    """Where this process of a training computes: its own GPU, or the CPU where there is none."""
    if not torch.cuda.is_available():
        return torch.device("cpu")
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))


def process_count() -> int:
    """Processes of this training."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def wait_for_all() -> None:
    """Wait until every process of a training has come here."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.barrier()


def last_checkpoint(folder: Path) -> Path | None:
    """The newest whole checkpoint that a killed stage left, if any; damaged ones are told of in the log."""
    numbered = [(path.name.partition("-")[2], path) for path in folder.glob("checkpoint-*")]
    for _, path in sorted(((int(step), path) for step, path in numbered if step.isdecimal()), reverse=True):
        if (wrong := _damage(path)) is None:
            return path
        log.warning("%s is not resumed from: %s", path.name, wrong)
    return None


def _damage(checkpoint: Path) -> str | None:
    """What keeps a checkpoint from being resumed from; None if nothing does."""
    try:
        expected = json.loads((checkpoint / DIGESTS).read_text(encoding="utf-8"))
        if expected != (found := _digests(checkpoint)):
            differs = sorted(name for name in {*expected, *found} if expected.get(name) != found.get(name))
            return f"{listed(differs)} missing, added or not what was written"
        best = TrainerState.load_from_json(str(checkpoint / "trainer_state.json")).best_model_checkpoint
    except (OSError, ValueError, AttributeError, TypeError) as error:
        return f"it was not finished ({type(error).__name__})"
    drawn = len(list(checkpoint.glob("rng_state*.pth")))
    if drawn != process_count():
        return f"it holds the random state of {drawn} processes, and {process_count()} train"
    if best is None or Path(best).name == checkpoint.name:
        return None
    wrong = _damage(checkpoint.with_name(Path(best).name))
    return wrong and f"its best weights are in {Path(best).name}: {wrong}"


def _digests(checkpoint: Path) -> dict[str, str]:
    """SHA-256 of a checkpoint's files, but for the random states of several processes, which each writes for itself."""
    found = {}
    for path in sorted(checkpoint.iterdir()):
        if path.is_file() and path.name != DIGESTS and not path.name.startswith(("rng_state_", ".")):
            with path.open("rb") as file:
                found[path.name] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


def train_stage(
    stage: str,
    settings: StageSettings,
    learner: Learner,
    work: Work,
    folder: Path,
    seed: int = 0,
    progress: Progress | None = None,
    checkpoints: bool = True,
) -> StageReport:
    """Train a module, resuming from what an earlier, killed call left in `folder`.

    Parameters
    ----------
    stage : str
        Name shown while it trains.
    settings : StageSettings
        Hyper-parameters.
    learner : Learner
        Module, and what of it is trained.
    work : Work
        What it learns from.
    folder : Path
        For checkpoints (the last, and the best where it stops early), TensorBoard's log in `tensorboard`, and at the
        end `stage.json`.
    seed : int
        Of order, dropout and everything drawn.
    progress : callable, optional
        See `rrgbench.progress.Progress`.
    checkpoints : bool
        Whether to keep one each epoch, and a log for TensorBoard where that is installed; short stages can do without.

    Raises
    ------
    InputError
        If the settings ask for early stopping and there are no validation items or checkpoints, if they stop on what
        the stage does not measure or give a rate to what it does not train, or if the training diverged: a weight is
        not finite at its end.
    """
    module = learner.module
    if learner.parts is not None:
        module.requires_grad_(False)
        for part in learner.parts:
            part.requires_grad_(True)
    check_rates(stage, settings.rates, learner.trained)
    frozen, at_rest = freeze(module, settings.rates)
    if not any(one.requires_grad for one in module.parameters()):
        raise InputError(f"{stage}: every rate is 0, so nothing would be trained")
    criterion = Criterion.of(stage, settings, {} if work.measures is None else work.measures.higher_is_better)
    stops_early = settings.patience is not None
    if settings.validates and not (work.validation is not None and (checkpoints or not stops_early)):
        what = f"patience {settings.patience}" if stops_early else f"floor {settings.floor}"
        raise InputError(f"{stage}: {what} needs validation items and checkpoints; set it to null")
    log_writers = _log_writers(folder) if checkpoints and first_process() else []
    set_seed(seed)
    folder.mkdir(parents=True, exist_ok=True)
    layout = layout_of(module)
    for part in module.modules():
        if isinstance(part, nn.Conv2d):
            # buys a third of the time of small networks on a CPU; results differ from the other layout in the last bits
            part.to(memory_format=layout)
    resume = last_checkpoint(folder)
    before = None if resume is None else TrainerState.load_from_json(str(resume / "trainer_state.json"))
    history = [] if before is None else before.log_history
    done = history[-1]["epoch"] if history and criterion.is_over(history) else None
    on_cpu = not torch.cuda.is_available()
    arguments = TrainingArguments(
        output_dir=str(folder),
        # one that was killed after its last epoch has only its best weights to take
        num_train_epochs=settings.epochs if done is None else done,
        per_device_train_batch_size=settings.batch_size,
        per_device_eval_batch_size=settings.batch_size,
        gradient_accumulation_steps=settings.accumulate,
        learning_rate=settings.learning_rate,
        weight_decay=settings.weight_decay,
        warmup_steps=settings.warmup,
        lr_scheduler_type=STEP_PLACEHOLDER if settings.schedule == "step" else settings.schedule,
        **dict(zip(("adam_beta1", "adam_beta2"), settings.betas or (), strict=False)),
        max_grad_norm=settings.max_gradient,
        save_strategy="epoch" if checkpoints else "no",
        eval_strategy="no" if work.validation is None else "epoch",
        load_best_model_at_end=stops_early,
        metric_for_best_model=criterion.logged if stops_early else None,
        greater_is_better=criterion.higher_is_better if stops_early else None,
        logging_steps=20,
        report_to=[],
        disable_tqdm=True,
        remove_unused_columns=False,
        seed=seed,
        data_seed=seed,
        dataloader_pin_memory=not on_cpu,
        bf16=settings.bf16,
        dataloader_num_workers=settings.workers,
        use_cpu=on_cpu,
        ddp_backend="gloo" if on_cpu and several_processes() else None,
    )
    # beside the one that is resumed from, wherever the folder was when it was written
    best = (
        None
        if resume is None or before is None or before.best_model_checkpoint is None
        else (resume.with_name(Path(before.best_model_checkpoint).name))
    )
    watch = _Watch(stage, work.items, progress, criterion, best)
    trainer = _StageTrainer(
        stage,
        settings,
        module,
        at_rest,
        None if criterion.name == LOSS else work.measures,
        args=arguments,
        train_dataset=work.items,
        eval_dataset=work.validation,
        data_collator=work.collate,
        callbacks=[watch, *log_writers],
    )
    for printer in ("PrinterCallback", "ProgressCallback"):
        for callback in list(trainer.callback_handler.callbacks):
            if type(callback).__name__ == printer:
                trainer.remove_callback(callback)
    if resume is not None:
        log.info("%s: resumed from %s", stage, resume.name)
    trainer.train(resume_from_checkpoint=None if resume is None else str(resume))
    _check_finite(stage, module, settings)
    report = _report(stage, settings, criterion, module, len(work.items), trainer.state)  # type: ignore[arg-type]
    for one in frozen:
        one.requires_grad_(True)  # as the learner said: the next stage may train it
    if report.below_floor and report.kept_value is not None:
        log.warning(
            "%s: the %s kept is %.4g (epoch %g), which does not reach the floor of %g",
            stage,
            criterion.name,
            report.kept_value,
            report.kept_epoch,
            settings.floor,
        )
    if first_process():
        write_text(folder / "stage.json", json.dumps(asdict(report), indent=1))
    wait_for_all()
    return report


def _check_finite(stage: str, module: nn.Module, settings: StageSettings) -> None:
    state = {name: tensor for name, tensor in module.state_dict().items() if tensor.is_floating_point()}
    wrong = [name for name, tensor in state.items() if not bool(torch.isfinite(tensor).all())]
    if wrong:
        raise InputError(
            f"{stage} diverged: {len(wrong)} of {len(state)} tensors are not finite ({listed(wrong, 3)}); train it "
            f"again with a lower learning_rate (given: {settings.learning_rate:g}) or max_gradient "
            f"({settings.max_gradient:g})"
        )


def _report(
    stage: str, settings: StageSettings, criterion: Criterion, module: nn.Module, items: int, state: TrainerState
) -> StageReport:
    trained = sum(p.numel() for p in module.parameters() if p.requires_grad)
    drawn = curve(state.log_history)
    losses = [entry for entry in state.log_history if "loss" in entry]
    name = "validation_loss" if criterion.name == LOSS else criterion.name
    watched = [entry.get(name, math.nan) for entry in drawn]
    kept = drawn[criterion.best(watched) if criterion.patience is not None else -1]
    value = kept.get(name)
    if criterion.patience is not None and value is None:
        log.warning("%s: %s was defined in no epoch, so the last weights are kept", stage, name)
    return StageReport(
        stage=stage,
        items=round(items * state.epoch),
        seconds=losses[-1]["seconds"],
        peak_memory=round(losses[-1]["peak_memory"]),
        loss=losses[-1]["loss"],
        trainable_share=trained / sum(p.numel() for p in module.parameters()),
        trained_parameters=trained,
        epochs=state.epoch,
        validation_loss=kept.get("validation_loss"),
        kept_epoch=kept["epoch"],
        stop_on=criterion.name if criterion.patience is not None else "",
        kept_value=value,
        floor=settings.floor,
        below_floor=settings.floor is not None and (value is None or criterion.worse(value, settings.floor)),
        curve=drawn,
    )


def _log_writers(folder: Path) -> list[TrainerCallback]:
    """Callback that logs for TensorBoard, if that is installed."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return []
    return [TensorBoardCallback(SummaryWriter(str(folder / "tensorboard")))]
