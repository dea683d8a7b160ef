"""Training stages beside the bare forward and backward passes of their networks: `bench_training.py`.

Our side is a stage as it is trained: reading items, augmentation, tokenization, collating, optimizer, logs, progress,
a checkpoint an epoch; from the end of its first step to the end of its last, so that what a stage costs once is left
out. The other side is `module(**batch)["loss"].backward()` on batches collated beforehand. The ratio is the share of
the bare throughput that training keeps.

`training` is DCRRG's tiny preset on phantom studies; steps of both sides alternate, so that other work on the machine
slows both alike. `paper`, where there is a GPU, is the paper's preset in its true shapes, with random weights, in
bfloat16, batches prepared by worker processes; the sides run one after the other, since workers would go on preparing
during a bare step.
"""

import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from table import Row, run
from torch import nn
from torch.utils.data import ConcatDataset

from dcrrg.configuration import Preset, load_preset
from dcrrg.training import STEPS, new_model, stages
from rrgbench.data.phantom import load
from rrgbench.training.data import Sources
from rrgbench.training.settings import StageOptions, StageSettings
from rrgbench.training.stage import Learner, Work, train_stage

STUDIES = 640
TIMES = {"step1-image": 10}
"""How often each study comes in an epoch of the tiny preset, once in other stages. Where a batch takes little time, the
checkpoint that each epoch ends with counts, so an epoch is as long as the preset's own."""
EPOCHS = {"step1-image": 1.1, "step3": 0.25}
"""Epochs timed of the tiny preset; other stages train two."""
PAPER_STUDIES = 1024
PAPER_TIMES = {"step1-image": 8, "step1-text": 8, "step2": 4, "step3": 1, "step4": 4}
"""How often each study comes in the one epoch that is timed of the paper's preset: an epoch begins with new workers."""
PAPER_EPOCHS = {"step1-text": 1, "step1-image": 1, "step2": 1, "step3": 0.2, "step4": 1}
WORKERS = 12
BARE = 30
"""Batches of the paper's preset that the other side goes through, after as many to warm up."""


def some_batches(work: Work, size: int, most: int | None = None) -> list[dict[str, Any]]:
    """Batches of a stage, shuffled."""
    order = torch.randperm(len(work.items), generator=torch.Generator().manual_seed(0)).tolist()  # type: ignore[arg-type]
    rows = [order[start : start + size] for start in range(0, len(order) - size + 1, size)]
    return [work.collate([work.items[index] for index in row]) for row in rows[:most]]


class Alternating:
    """Called after each step of a training: times it, and then a bare step."""

    def __init__(self, module: nn.Module, work: Work, size: int) -> None:
        self.module, self.batches = module, some_batches(work, size)
        self.steps, self.ours, self.bare, self.ended = 0, 0.0, 0.0, 0.0

    def __call__(self, stage: str, done: int, total: int, note: str = "") -> None:
        """Time what has passed since the last call, and a forward and backward pass."""
        began = time.perf_counter()
        self.module(**self.batches[done % len(self.batches)])["loss"].backward()
        passed = time.perf_counter()
        if self.ended:
            self.steps, self.ours, self.bare = (
                self.steps + 1,
                self.ours + began - self.ended,
                self.bare + passed - began,
            )
        self.module.zero_grad()
        self.ended = time.perf_counter()


class FirstToLast:
    """Called after each step of a training on a GPU: the time between the first step and the last."""

    def __init__(self) -> None:
        self.steps, self.began, self.ended = 0, 0.0, 0.0

    def __call__(self, stage: str, done: int, total: int, note: str = "") -> None:
        """Look at the clock, once the GPU has done what it was given, after the first step and the last."""
        if self.began and done < total:
            return
        torch.cuda.synchronize()
        if not self.began:
            self.began, self.steps = time.perf_counter(), total - done
        self.ended = time.perf_counter()


def bare_step_on_gpu(module: nn.Module, batches: list[dict[str, Any]], settings: StageSettings) -> float:
    """Seconds of one forward and backward pass, of batches that lie on the GPU."""
    batches = [{key: value.cuda() for key, value in batch.items()} for batch in batches]
    began = 0.0
    for _ in range(2):
        torch.cuda.synchronize()
        began = time.perf_counter()
        for batch in batches:
            with torch.autocast("cuda", torch.bfloat16, enabled=settings.bf16):
                loss = module(**batch)["loss"]
            loss.backward()
            module.zero_grad()
        torch.cuda.synchronize()
    return (time.perf_counter() - began) / len(batches)


def stage_row(stage: str, learner: Learner, work: Work, settings: StageSettings, name: str) -> Row:
    """One stage, trained and bare."""
    with tempfile.TemporaryDirectory() as folder:
        if settings.workers:
            clock = FirstToLast()
            train_stage(stage, settings, learner, work, Path(folder), progress=clock)
            steps, ours = clock.steps, clock.ended - clock.began
            bare = steps * bare_step_on_gpu(learner.module, some_batches(work, settings.batch_size, BARE), settings)
        else:
            both = Alternating(learner.module, work, settings.batch_size)
            train_stage(stage, settings, learner, work, Path(folder), progress=both)
            steps, ours, bare = both.steps, both.ours, both.bare
    items, share = steps * settings.batch_size, bare / ours
    what = f"{name}, {stage}, {steps} batches of {settings.batch_size}"
    rates = f"{items / ours:,.0f} of {items / bare:,.0f} items/s, {share:.0%}"
    return Row(what, ours, bare, share, ">= 0.85", rates)


def stage_rows(
    settings: Preset, studies: int, epochs: dict[str, float], times: dict[str, int], name: str
) -> Iterator[Row]:
    """Every stage of one model, in order; no stage measures validation studies, as the other side does not."""
    own = {
        name: getattr(settings, name).model_copy(update={"patience": None, "stop_on": "loss", "floor": None})
        for name in ("step1_image", "step1_text", "step2", "step3", "step4")
    }
    settings = settings.model_copy(update=own)
    corpus = load(train=studies, validate=1, test=1)
    sources = Sources(corpus, settings.config.image_size)
    model = new_model(settings, sources.data.reports.reports, 0)
    for stage in (stage for step in STEPS for stage in stages(step, settings, sources, 0, False)):
        work = stage.work(model)
        work = replace(work, items=ConcatDataset([work.items] * times.get(stage.name, 1)))
        timed = stage.settings.model_copy(update={"epochs": epochs.get(stage.name, 2)})
        yield stage_row(stage.name, stage.learner(model), work, timed, name)


def training() -> Iterator[Row]:
    """The tiny preset."""
    return stage_rows(load_preset("tiny"), STUDIES, EPOCHS, TIMES, "training")


def paper() -> Iterator[Row]:
    """The paper's preset on a GPU, its encoders in the shapes that their weights have."""
    if not torch.cuda.is_available():
        return iter(())
    preset = StageOptions(bf16=True, workers=WORKERS).applied(load_preset("paper"))
    # the defaults of transformers' ResNetConfig and BertConfig are ResNet-50 and BERT-base
    shapes = {"image_encoder": {"kind": "resnet"}, "text_encoder": {"vocab_size": 28_996}}
    preset = preset.model_copy(update={"model": {**preset.model, **shapes}, "min_word_count": 3})
    name = f"the paper's networks, bf16, {torch.cuda.get_device_name(0)}, {WORKERS} workers"
    return stage_rows(preset, PAPER_STUDIES, PAPER_EPOCHS, PAPER_TIMES, name)


if __name__ == "__main__":
    run(__doc__, {"training": training, "paper": paper})
