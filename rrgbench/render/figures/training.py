"""Learning curves of a run's models, stage by stage, and what training cost, as `run.json` says it."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from rrgbench.metrics.catalogue import NATIVE, entry
from rrgbench.render.figures.style import COLOURS, MARKERS, QUIET, Canvas, RunFigure
from rrgbench.render.table import Cell, Table, plain_table
from rrgbench.terminal_text import one_line

Training = Mapping[str, Mapping[str, Any]]
"""By model's name: `budget` and `curves` of `run.json` (`rrgbench.training.budget`)."""

_LOSSES: Final = {"loss": "training", "validation_loss": "validation"}
_OTHER: Final = frozenset({"epoch", "learning_rate", *_LOSSES})


def training_of(environment: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Mapping[str, Any]]:
    """What `run.json` says of each model's training, by the name that tables show."""
    return {
        names.get(one["name"], one["name"]): one["training"]
        for one in environment.get("models") or ()
        if one.get("training")
    }


def learning_curves(training: Training) -> RunFigure | None:
    """A row a stage: losses over epochs, and the metrics measured beside them; dotted: the kept epoch."""
    stages = [
        (name, stage, curve, (told.get("budget") or {}).get("kept", {}).get(stage))
        for name, told in training.items()
        for stage, curve in _in_order(told.get("curves") or {}, told.get("budget") or {})
        if len(curve) > 1
    ]
    if not stages:
        return None
    several = len({name for name, *_ in stages}) > 1

    def draw(canvas: Canvas) -> None:
        grid = canvas.figure.subplots(len(stages), 2, squeeze=False)
        for (left, right), (name, stage, curve, kept) in zip(grid, stages, strict=True):
            metrics = [key for key in dict.fromkeys(key for row in curve for key in row) if key not in _OTHER]
            for axes, shown in ((left, list(_LOSSES)), (right, metrics)):
                for at, key in enumerate(shown):
                    points = [(row["epoch"], row[key]) for row in curve if row.get(key) is not None]
                    if points:
                        label = _LOSSES.get(key) or (entry(key).title if key in NATIVE else key.replace("_", " "))
                        gid = canvas.mark(f"{name}, {stage}: {label}, last {points[-1][1]:.3f}")
                        style = {"color": COLOURS[at % len(COLOURS)], "marker": MARKERS[at % len(MARKERS)]}
                        line = zip(*points, strict=True)
                        axes.plot(
                            *map(list, line), markersize=3, linewidth=1.2, label=one_line(label), gid=gid, **style
                        )
                if kept is not None and shown:
                    axes.axvline(kept, color=QUIET, linestyle=":")
                if axes.lines:
                    axes.legend(fontsize=7.5)
                    axes.xaxis.get_major_locator().set_params(integer=True)
            title = f"{name}: {stage}" if several else stage
            left.set_title(one_line(title.replace("_", " ")), fontsize=8.5, loc="left")
            left.set_ylabel("loss")
            right.set_visible(bool(metrics))
        for axes in grid[-1]:
            axes.set_xlabel("epoch")

    caption = (
        "Each stage's loss over its epochs, and the metrics measured on validation studies; dotted: the epoch kept."
    )
    height = 0.5 + 1.6 * len(stages)
    return RunFigure("learning-curves", "Learning curves", caption, ("Training budget",), draw, height)


def _in_order(by_stage: Mapping[str, Any], budget: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """What is told of stages, as they were trained; in the record's order where it does not say."""
    order = {stage: at for at, stage in enumerate(budget.get("stages") or ())}
    return sorted(by_stage.items(), key=lambda told: order.get(told[0], len(order)))


def budget_table(training: Training) -> Table | None:
    """What each model cost to train; blank where its record doesn't say."""
    told = {name: one["budget"] for name, one in training.items() if one.get("budget")}
    if not told:
        return None
    rows: list[tuple[str, Sequence[Cell | float | str | None]]] = []
    for name, budget in told.items():
        epochs = ", ".join(
            f"{stage.replace('_', ' ')} {count:g}" for stage, count in _in_order(budget["epochs"], budget)
        )
        memory = budget.get("peak_memory")
        cells = (
            *(budget.get(key) for key in ("parameters", "trained_parameters", "films", "reports")),
            Cell(budget["minutes"], decimals=1),
            Cell(memory, decimals=2),
            epochs,
            budget.get("starts_from") or "scratch",
        )
        rows.append((name, cells))
    titles = ("parameters", "trained", "films", "reports", "minutes", "peak memory, GiB", "epochs", "starts from")
    return plain_table("Training budget", "model", titles, rows)
