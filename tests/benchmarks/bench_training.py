"""Training stages beside the bare forward and backward passes of their networks: `bench_training.py`.

Each stage of DCRRG's tiny preset on phantom studies. Our side is the stage as it is trained: reading items,
augmentation, tokenization, collating, optimizer, logs, progress, a checkpoint an epoch; from the end of its first step
to the end of its last, so that what a stage costs once is left out. The other side is
`module(**batch)["loss"].backward()` on as many batches collated beforehand. Steps of both sides alternate, so that
other work on the machine slows both alike.
The ratio is the share of the bare throughput that training keeps.
"""

import tempfile
import time
from dataclasses import replace
from pathlib import Path

import torch
from table import Row, run

from dcrrg.preset import Preset, load_preset
from dcrrg.training import STAGE_ORDER, Sources, new_model, stage_plan
from rrgbench.data.phantom import load
from rrgbench.modeling.training import train_stage, trainable
from rrgbench.modeling.training_run import Stage

STUDIES = 640
EPOCHS = {"step3": 0.25}
"""Epochs timed; others train two."""


class Alternating:
    """Called after each step of a training: times it, and then a bare step."""

    def __init__(self, plan: Stage) -> None:
        self.module, size = plan.module, plan.settings.batch_size
        order = torch.randperm(len(plan.items), generator=torch.Generator().manual_seed(0)).tolist()
        rows = [order[start : start + size] for start in range(0, len(order) - size + 1, size)]
        self.batches = [plan.collate([plan.items[index] for index in row]) for row in rows]
        self.steps, self.ours, self.bare, self.ended = 0, 0.0, 0.0, 0.0

    def __call__(self, stage: str, done: int, total: int, note: str) -> None:
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


def stage_row(stage: str, plan: Stage) -> Row:
    """One stage, trained and bare."""
    trainable(plan.module, plan.parts)
    settings = replace(plan.settings, epochs=EPOCHS.get(stage, 2))
    both = Alternating(plan)
    with tempfile.TemporaryDirectory() as folder:
        train_stage(stage, plan.module, plan.items, plan.collate, settings, Path(folder), progress=both)
    items, share = both.steps * settings.batch_size, both.bare / both.ours
    work = f"training, {stage}, {both.steps} batches of {settings.batch_size}"
    rates = f"{items / both.ours:,.0f} of {items / both.bare:,.0f} items/s, {share:.0%}"
    return Row(work, both.ours, both.bare, share, ">= 0.85", rates)


def training() -> list[Row]:
    """Every stage of one model, in order."""
    settings: Preset = load_preset("tiny")
    corpus = load(train=STUDIES, validate=1, test=1)
    sources = Sources(corpus, None, settings.model["image_size"], None, None, None)
    model = new_model(settings, sources.data.reports.reports, 0)
    return [stage_row(stage, stage_plan(stage, model, sources, settings, 0, with_extra=False)) for stage in STAGE_ORDER]


if __name__ == "__main__":
    run(__doc__, {"training": training})
