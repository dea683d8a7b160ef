"""One training stage on `transformers.Trainer`: progress, checkpoints each epoch, resume, throughput.

A stage is a module whose `forward(**batch)` returns `{"loss": ...}` and a dataset whose `set_epoch` (if it has one)
draws what changes between epochs from the seed and the epoch alone, so that a resumed run sees what an unbroken one
would.
"""

import json
import logging
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.utils.data import Dataset
from transformers import Trainer, TrainerCallback, TrainingArguments, set_seed

Progress = Callable[[str, int, int, str], None]
"""Called with (stage, done, total, note)."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class StageSettings:
    """Hyper-parameters of one stage.

    Attributes
    ----------
    epochs, batch_size, learning_rate, weight_decay
        As usual; AdamW.
    warmup : float
        Share of steps with a rising learning rate.
    schedule : str
        `transformers` scheduler name after the warm-up.
    accumulate : int
        Batches whose gradients are added before a step.
    max_gradient : float
        Gradient norm is clipped to this.
    """

    epochs: float
    batch_size: int
    learning_rate: float
    weight_decay: float = 1e-6
    warmup: float = 0.05
    schedule: str = "cosine"
    accumulate: int = 1
    max_gradient: float = 1.0


@dataclass(frozen=True)
class StageReport:
    """What one stage did: items seen, seconds spent (of this process; a resumed run counts its own), last loss."""

    stage: str
    items: int
    seconds: float
    loss: float
    trainable_share: float


class _Watch(TrainerCallback):  # type: ignore[misc]
    """Draws a new epoch and reports progress."""

    def __init__(self, stage: str, dataset: Any, progress: Progress | None) -> None:
        self.stage, self.dataset, self.progress = stage, dataset, progress
        self.loss = ""

    def on_epoch_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if hasattr(self.dataset, "set_epoch"):
            self.dataset.set_epoch(round(state.epoch or 0))

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **kwargs: Any) -> None:
        if logs and "loss" in logs:
            self.loss = f"loss {float(logs['loss']):.3f}"

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if self.progress is not None:
            self.progress(self.stage, state.global_step, state.max_steps, self.loss)


class _StageTrainer(Trainer):  # type: ignore[misc]
    """A Trainer that can save convolutions kept channels-last."""

    def _save(self, output_dir: str | None = None, state_dict: dict[str, torch.Tensor] | None = None) -> None:
        # safetensors takes contiguous tensors only
        state = self.model.state_dict() if state_dict is None else state_dict
        super()._save(output_dir, {name: tensor.contiguous() for name, tensor in state.items()})


def last_checkpoint(folder: Path) -> Path | None:
    """The newest complete checkpoint that a killed stage left, if any."""
    found = [
        (int(path.name.split("-")[1]), path)
        for path in folder.glob("checkpoint-*")
        # Trainer writes its state last, so a folder without it was cut off
        if (path / "trainer_state.json").is_file()
    ]
    return max(found)[1] if found else None


def train_stage(
    stage: str,
    module: nn.Module,
    dataset: Dataset[Any],
    collate: Callable[[list[Any]], dict[str, Any]],
    settings: StageSettings,
    folder: Path,
    seed: int = 0,
    progress: Progress | None = None,
    bf16: bool = False,
    checkpoints: bool = True,
) -> StageReport:
    """Train a module, resuming from what an earlier, killed call left in `folder`.

    Parameters
    ----------
    stage : str
        Name shown while it trains.
    module : nn.Module
        `forward(**batch)` returns `{"loss": scalar}`; parameters with `requires_grad` are trained, in place.
    dataset, collate
        Items and how a list of them becomes a batch.
    settings : StageSettings
        Hyper-parameters.
    folder : Path
        For checkpoints (one kept) and, at the end, `stage.json`.
    seed : int
        Of order, dropout and everything drawn.
    progress : callable, optional
        See `Progress`.
    bf16 : bool
        Mixed precision, where the device has it.
    checkpoints : bool
        Whether to keep one each epoch; short stages can do without.
    """
    set_seed(seed)
    folder.mkdir(parents=True, exist_ok=True)
    for part in module.modules():
        if isinstance(part, nn.Conv2d):
            # a third faster for small convolutional networks on a CPU
            part.to(memory_format=torch.channels_last)
    arguments = TrainingArguments(
        output_dir=str(folder),
        num_train_epochs=settings.epochs,
        per_device_train_batch_size=settings.batch_size,
        gradient_accumulation_steps=settings.accumulate,
        learning_rate=settings.learning_rate,
        weight_decay=settings.weight_decay,
        warmup_steps=settings.warmup,
        lr_scheduler_type=settings.schedule,
        max_grad_norm=settings.max_gradient,
        save_strategy="epoch" if checkpoints else "no",
        save_total_limit=1,
        logging_steps=20,
        report_to=[],
        disable_tqdm=True,
        remove_unused_columns=False,
        seed=seed,
        data_seed=seed,
        dataloader_pin_memory=torch.cuda.is_available(),
        bf16=bf16,
        use_cpu=not torch.cuda.is_available(),
    )
    trainer = _StageTrainer(
        model=module,
        args=arguments,
        train_dataset=dataset,
        data_collator=collate,
        callbacks=[_Watch(stage, dataset, progress)],
    )
    for printer in ("PrinterCallback", "ProgressCallback"):
        for callback in list(trainer.callback_handler.callbacks):
            if type(callback).__name__ == printer:
                trainer.remove_callback(callback)
    resume = last_checkpoint(folder)
    if resume is not None:
        log.info("%s: going on from %s", stage, resume.name)
    started = time.monotonic()
    result = trainer.train(resume_from_checkpoint=None if resume is None else str(resume))
    trained = sum(p.numel() for p in module.parameters() if p.requires_grad)
    report = StageReport(
        stage=stage,
        items=round(len(dataset) * settings.epochs),  # type: ignore[arg-type]
        seconds=time.monotonic() - started,
        loss=float(result.training_loss),
        trainable_share=trained / sum(p.numel() for p in module.parameters()),
    )
    temporary = folder / "stage.json.part"
    temporary.write_text(json.dumps(asdict(report), indent=1))
    os.replace(temporary, folder / "stage.json")
    return report


def trainable(module: nn.Module, parts: Sequence[nn.Module | nn.Parameter]) -> None:
    """Freeze a module except the given parts."""
    module.requires_grad_(False)
    for part in parts:
        part.requires_grad_(True)
