"""Learning curves of a run's models, stage by stage, and what training cost, as `run.json` says it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from rrgbench.metrics.catalogue import NATIVE, entry
from rrgbench.render.figures.style import COLOURS, MARKERS, QUIET, Canvas, RunFigure
from rrgbench.render.table import Cell, Table, plain_table
from rrgbench.terminal_text import one_line

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Training = Mapping[str, Mapping[str, Any]]
"""By model's name: `budget` and `curves` of `run.json` (`rrgbench.training.budget`)."""

_LOSSES: Final = {"loss": "training", "validation_loss": "validation"}
_OTHER: Final = frozenset({"epoch", "learning_rate", *_LOSSES})
_ABREAST: Final = 3
_PANEL: Final = 1.3
"""Panels in a line where several models are shown, and the height of one in inches."""


def training_of(environment: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Mapping[str, Any]]:
    """What `run.json` says of each model's training, by the name that tables show."""
    return {
        names.get(one["name"], one["name"]): one["training"]
        for one in environment.get("models") or ()
        if one.get("training")
    }


@dataclass(frozen=True)
class _Stage:
    """One stage of a model: its curve, and the epoch whose weights were kept."""

    model: str
    name: str
    curve: Sequence[Mapping[str, float]]
    kept: float | None

    def title(self, several: bool) -> str:
        """Its name, after its model's where there are several."""
        return one_line((f"{self.model}: {self.name}" if several else self.name).replace("_", " "))

    @property
    def metrics(self) -> list[str]:
        """What was measured beside the losses."""
        return [key for key in dict.fromkeys(key for row in self.curve for key in row) if key not in _OTHER]

    def draw(self, canvas: Canvas, axes: "Axes", shown: Sequence[str]) -> None:
        """Some of its quantities over epochs; dotted: the epoch kept."""
        from matplotlib.ticker import MaxNLocator

        for at, key in enumerate(shown):
            points = [(row["epoch"], row[key]) for row in self.curve if row.get(key) is not None]
            if points:
                label = _LOSSES.get(key) or (entry(key).title if key in NATIVE else key.replace("_", " "))
                gid = canvas.mark(f"{self.model}, {self.name}: {label}, last {points[-1][1]:.3f}")
                style: dict[str, Any] = {"color": COLOURS[at % len(COLOURS)], "marker": MARKERS[at % len(MARKERS)]}
                line = map(list, zip(*points, strict=True))
                axes.plot(*line, markersize=2.5, linewidth=1.2, label=one_line(label), gid=gid, **style)
        if self.kept is not None and shown:
            axes.axvline(self.kept, color=QUIET, linestyle=":")
        if axes.lines:
            axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))


def learning_curves(training: Training) -> RunFigure | None:
    """Losses over epochs, a row a stage with the metrics measured beside them; of several models, a panel a stage."""
    stages = [
        _Stage(name, stage, curve, (told.get("budget") or {}).get("kept", {}).get(stage))
        for name, told in training.items()
        for stage, curve in _in_order(told.get("curves") or {}, told.get("budget") or {})
        if len(curve) > 1
    ]
    if not stages:
        return None
    if len({stage.model for stage in stages}) > 1:
        caption = "The loss of each model's stages over their epochs; dotted: the epoch kept."
        height = 0.5 + _PANEL * -(-len(stages) // _ABREAST)
        draw = partial(_side_by_side, stages)
    else:
        caption = (
            "Each stage's loss over its epochs, and the metrics measured on validation studies; dotted: the epoch kept."
        )
        height = 0.5 + 1.6 * len(stages)
        draw = partial(_one_below_another, stages)
    return RunFigure("learning-curves", "Learning curves", caption, ("Training budget",), draw, height)


def _one_below_another(stages: Sequence[_Stage], canvas: Canvas) -> None:
    grid = canvas.figure.subplots(len(stages), 2, squeeze=False)
    for (left, right), stage in zip(grid, stages, strict=True):
        for axes, shown in ((left, list(_LOSSES)), (right, stage.metrics)):
            stage.draw(canvas, axes, shown)
            if axes.lines:
                axes.legend(fontsize=7.5)
        left.set_title(stage.title(several=False), fontsize=8.5, loc="left")
        left.set_ylabel("loss")
        right.set_visible(bool(stage.metrics))
    for axes in grid[-1]:
        axes.set_xlabel("epoch")


def _side_by_side(stages: Sequence[_Stage], canvas: Canvas) -> None:
    grid = canvas.figure.subplots(-(-len(stages) // _ABREAST), _ABREAST, squeeze=False).flat
    for axes in grid[len(stages) :]:
        axes.set_visible(False)
    for axes, stage in zip(grid, stages, strict=False):
        stage.draw(canvas, axes, list(_LOSSES))
        axes.set_title(stage.title(several=True), fontsize=7.5, loc="left")
        axes.tick_params(labelsize=7)
    grid[0].legend(fontsize=6.5)
    canvas.figure.supxlabel("epoch", fontsize=8.5)
    canvas.figure.supylabel("loss", fontsize=8.5)


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
