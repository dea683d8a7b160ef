"""Draws the learning curves of trained systems side by side: `python docs/pictures/learning_curves.py FOLDER OUT.svg`.

`FOLDER` holds a folder a system, as `rrgbench train --model all` writes it. A panel a system: the losses of the stage
in which it learns to write, or of one of `--stages`; dotted: the epoch whose weights are kept.
"""

import argparse
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt

from rrgbench.render.figures.style import COLOURS, QUIET
from rrgbench.training.budget import read_budget, read_curves

WRITING = ("report", "step4")
COLUMNS = 5


def main() -> None:
    """Read the folders, draw, save."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--stages", nargs="+", default=list(WRITING), help="which stages; the last that a system has")
    options = parser.parse_args()
    panels = []
    for place in sorted(path for path in options.folder.iterdir() if path.is_dir()):
        curves = {name: curve for name, curve in read_curves(place).items() if name in options.stages}
        if curves:
            stage, curve = list(curves.items())[-1]
            budget = read_budget(place)
            panels.append((place.name, stage, curve, budget.kept.get(stage) if budget is not None else None))
    if not panels:
        raise SystemExit(f"{options.folder}: no system here has a curve of {', '.join(options.stages)}")
    matplotlib.rcParams.update({"svg.hashsalt": "rrgbench", "svg.fonttype": "none", "font.size": 7.5})
    rows = -(-len(panels) // COLUMNS)
    figure, grid = plt.subplots(rows, COLUMNS, figsize=(10, 1.75 * rows), squeeze=False, constrained_layout=True)
    for axes in grid.flat[len(panels) :]:
        axes.set_visible(False)
    for axes, (name, stage, curve, kept) in zip(grid.flat, panels, strict=False):
        for colour, key, label in ((COLOURS[0], "loss", "training"), (COLOURS[1], "validation_loss", "validation")):
            points = [(row["epoch"], row[key]) for row in curve if row.get(key) is not None]
            if points:
                axes.plot(*zip(*points, strict=True), color=colour, marker=".", linewidth=1.1, label=label)
        if kept is not None:
            axes.axvline(kept, color=QUIET, linestyle=":", linewidth=1)
        axes.set_title(name if stage in WRITING else f"{name}: {stage.replace('_', ' ')}", loc="left")
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.set_ylim(bottom=0)
    grid[0][0].legend()
    figure.supxlabel("epoch")
    figure.supylabel("loss, nats a token")
    figure.savefig(options.out, metadata={"Date": None})


if __name__ == "__main__":
    main()
