"""Draws clinical efficacy against the epochs of step 3: `python docs/pictures/step3_curve.py RUN OUT.svg`.

`RUN` is an evaluation of DCRRG from folders called `prompts-N` and `full-N`, N the epochs of step 3; they share steps 1
and 2. Bars are 95 % intervals over studies.
"""

import re
import sys
from collections import defaultdict
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt

from rrgbench.render.figures.style import COLOURS
from rrgbench.runs.store import read_results

KINDS = {
    "prompts": ("soft prompts and head", COLOURS[0], "o"),
    "full": ("image encoder and decoder", COLOURS[1], "s"),
}


def main(run: Path, out: Path) -> None:
    """Read the run, draw, save."""
    points = defaultdict(list)
    for record in read_results(run):
        named = re.search(r"(prompts|full)-([0-9.]+)", record.model)
        whole = record.metric == "ce_f1" and record.setting == "micro" and record.observation is None
        if named and whole and record.value is not None:
            bounds = (record.low or record.value, record.high or record.value)
            points[named[1]].append((float(named[2]), record.value, *bounds))
    if not points:
        raise SystemExit(f"{run}: no model's folder is called prompts-N or full-N")
    matplotlib.rcParams.update({"svg.hashsalt": "rrgbench", "svg.fonttype": "none", "font.size": 9})
    figure, axes = plt.subplots(figsize=(5.2, 3.2), constrained_layout=True)
    for kind, found in points.items():
        label, colour, marker = KINDS[kind]
        epochs, values, lows, highs = zip(*sorted(found), strict=True)
        bars = [
            [value - low for value, low in zip(values, lows, strict=True)],
            [high - value for value, high in zip(values, highs, strict=True)],
        ]
        axes.errorbar(epochs, values, yerr=bars, label=label, color=colour, marker=marker, capsize=3)
    axes.set(xscale="log", xlabel="epochs of step 3", ylabel="micro CE F1")
    ticks = sorted({epochs for found in points.values() for epochs, *_ in found})
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.minorticks_off()
    axes.grid(alpha=0.3)
    axes.legend(title="what step 4 trains", frameon=False)
    figure.savefig(out, metadata={"Date": None})


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
