"""Draws clinical efficacy against how long step 3 learned: `python docs/pictures/step3_curve.py OUT.svg`.

The points are those of `step3_curve.csv` beside this file: a row a preset and what step 4 trains, with the studies that
step 3 reads, how often, and micro CE F1 of 500 test studies of the phantom with its 95 % interval over studies.
"""

import sys
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import pandas

from rrgbench.render.figures.style import COLOURS

POINTS = Path(__file__).with_suffix(".csv")

KINDS = {
    "prompts": ("soft prompts and head", COLOURS[0], "o"),
    "full": ("image encoder and decoder", COLOURS[1], "s"),
}


def main(out: Path) -> None:
    """Read the points, draw, save."""
    points = pandas.read_csv(POINTS)
    points["read"] = points.studies * points.epochs
    matplotlib.rcParams.update({"svg.hashsalt": "rrgbench", "svg.fonttype": "none", "font.size": 9})
    figure, axes = plt.subplots(figsize=(5.2, 3.4), constrained_layout=True)
    for kind, (label, colour, marker) in KINDS.items():
        own = points[points.step4 == kind].sort_values("read")
        bars = [own.ce_f1 - own.low, own.high - own.ce_f1]
        axes.errorbar(own.read, own.ce_f1, yerr=bars, label=label, color=colour, marker=marker, capsize=3)
    steps = points.drop_duplicates("read")
    ticks = [f"{row.read:,}\n{row.preset}" for row in steps.itertuples()]
    axes.set(xscale="log", xlabel="studies that step 3 has read, times its epochs", ylabel="micro CE F1")
    axes.set_xticks(steps.read, ticks)
    axes.minorticks_off()
    axes.grid(alpha=0.3)
    axes.legend(title="what step 4 trains", frameon=False, loc="lower right")
    figure.savefig(out, metadata={"Date": None})


if __name__ == "__main__":
    main(Path(sys.argv[1]))
