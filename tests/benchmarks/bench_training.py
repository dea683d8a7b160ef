"""Training stages beside the bare forward and backward passes of their networks: `bench_training.py`.

Each stage of DCRRG's tiny preset on phantom studies. Our side is the stage as it is trained: reading items,
augmentation, tokenization, collating, optimizer, logs, progress, a checkpoint an epoch; timed from the end of its first
step to the end of its last, so that what a stage costs once is left out. The other side runs
`module(**batch)["loss"].backward()` on as many batches collated beforehand. The ratio is the share of the bare
throughput that training keeps.
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

STUDIES = 480
WARM_UP = 2
EPOCHS = {"step3": 1}
"""Epochs timed; others train four."""


def bare(plan: Stage, steps: int) -> float:
    """Seconds of so many forward and backward passes."""
    size = plan.settings.batch_size
    order = torch.randperm(len(plan.items), generator=torch.Generator().manual_seed(0)).tolist()
    rows = [order[start : start + size] for start in range(0, len(order) - size + 1, size)]
    batches = [plan.collate([plan.items[index] for index in row]) for row in rows]
    plan.module.train()
    seconds = 0.0
    for step in range(-WARM_UP, steps):
        plan.module.zero_grad()
        batch = batches[step % len(batches)]
        began = time.perf_counter()
        plan.module(**batch)["loss"].backward()
        if step >= 0:
            seconds += time.perf_counter() - began
    return seconds


def stage_row(stage: str, plan: Stage) -> Row:
    """One stage, trained and bare."""
    trainable(plan.module, plan.parts)
    settings = replace(plan.settings, epochs=EPOCHS.get(stage, 4))
    ends: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        train_stage(
            stage,
            plan.module,
            plan.items,
            plan.collate,
            settings,
            Path(folder),
            progress=lambda *seen: ends.append(time.perf_counter()),
        )
    steps = len(ends) - 1
    ours, other = ends[-1] - ends[0], bare(plan, steps)
    items = steps * settings.batch_size
    rates = f"{items / ours:,.0f} of {items / other:,.0f} items/s, {other / ours:.0%}"
    return Row(
        f"training, {stage}, {steps} batches of {settings.batch_size}", ours, other, other / ours, ">= 0.85", rates
    )


def training() -> list[Row]:
    """Every stage of one model, in order."""
    settings: Preset = load_preset("tiny")
    corpus = load(train=STUDIES, validate=1, test=1)
    sources = Sources(corpus, None, settings.model["image_size"], None, None, None)
    model = new_model(settings, sources.data.reports.reports, 0)
    return [stage_row(stage, stage_plan(stage, model, sources, settings, 0, with_extra=False)) for stage in STAGE_ORDER]


if __name__ == "__main__":
    run(__doc__, {"training": training})
