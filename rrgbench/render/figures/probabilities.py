"""ROC curves and calibration of each observation, from the probabilities that a run keeps."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from rrgbench.metrics.calibration import BINS
from rrgbench.observations import OBSERVATIONS
from rrgbench.render.figures.arrays import RunArrays
from rrgbench.render.figures.style import COLOURS, INK, QUIET, Canvas, RunFigure
from rrgbench.runs.records import Record
from rrgbench.stats.proportion import wilson

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Floats = NDArray[np.float64]

_COLUMNS: Final = 4
_LEAST: Final = 5
"""Studies of a bin that is drawn."""
_GRID: Final[Floats] = np.linspace(0.0, 1.0, 41)
_DRAWS: Final = 200


def roc(records: Sequence[Record], names: Sequence[str], arrays: RunArrays) -> RunFigure | None:
    """A small ROC curve an observation, with a band."""
    found = _of(names, arrays)
    order = _order(found)
    if not order:
        return None
    areas = {
        (one.model, one.observation): one
        for one in records
        if one.metric == "auroc" and one.setting == "own" and one.observation
    }

    def draw(canvas: Canvas) -> None:
        for axes, column in _panels(canvas, order, found):
            axes.plot([0, 1], [0, 1], color=QUIET, linestyle=":", linewidth=0.8)
            for at, (name, p, y) in enumerate(_known(found, column)):
                if not 0 < y.sum() < len(y):
                    continue
                middle, low, high = roc_band(p, y, seed=0)
                axes.fill_between(_GRID, low, high, color=COLOURS[at], alpha=0.2, linewidth=0)
                one = areas.get((name, OBSERVATIONS[column]))
                words = f"{name}, {OBSERVATIONS[column]}"
                value = "" if one is None or one.value is None else f": AUROC {one.value:.3f}"
                gid = canvas.mark(words + value, "" if one is None else one.signature or "")
                axes.plot(_GRID, middle, color=COLOURS[at], linewidth=1.4, gid=gid)
                if value:
                    spot = (0.97, 0.05 + 0.14 * at)
                    text = f"{one.value:.2f}" if one is not None and one.value is not None else ""
                    axes.text(*spot, text, ha="right", fontsize=8, color=COLOURS[at] if len(found) > 1 else INK)
        canvas.figure.supxlabel("1 - specificity", fontsize=9)
        canvas.figure.supylabel("sensitivity", fontsize=9)
        _key(canvas, found)

    caption = (
        "ROC curve of each observation by the model's own predictions, the commonest first, with its AUROC; shaded: "
        f"95 % of {_DRAWS} stratified resamples at each specificity."
    )
    return RunFigure("roc-by-observation", "ROC of each observation", caption, (), draw, _height(order))


def reliability(names: Sequence[str], arrays: RunArrays) -> RunFigure | None:
    """Predicted against observed frequency of each observation."""
    found = _of(names, arrays)
    order = _order(found)
    if not order:
        return None

    def draw(canvas: Canvas) -> None:
        for axes, column in _panels(canvas, order, found):
            axes.plot([0, 1], [0, 1], color=QUIET, linestyle=":", linewidth=0.8)
            for at, (name, p, y) in enumerate(_known(found, column)):
                for mean, share, low, high, n in bins_of(p, y):
                    axes.plot([mean, mean], [low, high], color=COLOURS[at], linewidth=1.4, alpha=0.6)
                    words = f"{name}, {OBSERVATIONS[column]}: predicted {mean:.2f}, true {share:.2f} of {n}"
                    size = 2.5 + 3.5 * (n / len(y)) ** 0.5
                    axes.plot([mean], [share], "o", color=COLOURS[at], markersize=size, gid=canvas.mark(words))
        canvas.figure.supxlabel("predicted probability", fontsize=9)
        canvas.figure.supylabel("share that has it", fontsize=9)
        _key(canvas, found)

    caption = (
        f"Studies in {BINS} bins of predicted probability (those of at least {_LEAST} studies): how many have the "
        "observation, with Wilson's 95 % interval; larger dots are more studies. On the dotted line probabilities "
        "mean what they say. The table's ECE is biased upwards where there are few positives."
    )
    return RunFigure(
        "calibration-by-observation", "Calibration of each observation", caption, ("Calibration",), draw, _height(order)
    )


def roc_band(p: Floats, y: NDArray[np.int8], seed: int) -> tuple[Floats, Floats, Floats]:
    """Sensitivity at each false positive rate of a grid, and the ends of its band (41,) each.

    Parameters
    ----------
    p : float64 array (n,)
        Scores.
    y : int8 array (n,)
        1 or 0, both there.
    seed : int
        Of the resamples, drawn among positives and among negatives.
    """
    # scores as ranks, the highest first: a curve is then counts of ranks, summed up
    scores, ranks = np.unique(-p, return_inverse=True)
    positive, negative = ranks[y == 1], ranks[y == 0]

    def share(drawn: NDArray[np.intp]) -> Floats:
        counted = np.cumsum(np.bincount(drawn, minlength=len(scores)))
        return np.concatenate([[0.0], counted / len(drawn)])

    def curve(positives: NDArray[np.intp], negatives: NDArray[np.intp]) -> Floats:
        # where the curve rises straight up, interp takes its upper end
        return np.asarray(np.interp(_GRID, share(negatives), share(positives)))

    generator = np.random.default_rng(seed)
    drawn = [
        curve(generator.choice(positive, len(positive)), generator.choice(negative, len(negative)))
        for _ in range(_DRAWS)
    ]
    low, high = np.quantile(np.stack(drawn), [0.025, 0.975], axis=0)
    return curve(positive, negative), low, high


def bins_of(p: Floats, y: NDArray[np.int8]) -> Iterator[tuple[float, float, float, float, int]]:
    """Mean probability, share of positives with the ends of Wilson's interval, and studies of each bin with enough."""
    place = np.minimum((p * BINS).astype(np.int64), BINS - 1)
    for number in range(BINS):
        inside = place == number
        n = int(inside.sum())
        if n < _LEAST:
            continue
        hits = int(y[inside].sum())
        yield float(p[inside].mean()), hits / n, *wilson(hits, n), n


def _of(names: Sequence[str], arrays: RunArrays) -> dict[str, tuple[NDArray[Any], NDArray[Any]]]:
    kept = {name: arrays.get(("classification", name), {}) for name in names}
    return {name: (one["probabilities"], one["target"]) for name, one in kept.items() if "probabilities" in one}


def _known(
    found: Mapping[str, tuple[NDArray[Any], NDArray[Any]]], column: int
) -> Iterator[tuple[str, Floats, NDArray[np.int8]]]:
    """Each model with its probabilities of an observation and the truth, of the studies where that is known."""
    for name, (probabilities, target) in found.items():
        known = target[:, column] >= 0
        yield name, probabilities[known, column].astype(np.float64), target[known, column]


def _order(found: Mapping[str, tuple[NDArray[Any], NDArray[Any]]]) -> list[int]:
    """Columns of observations that some study has, the commonest first."""
    if not found:
        return []
    counts = np.max([(target == 1).sum(axis=0) for _, target in found.values()], axis=0)
    return [int(column) for column in np.argsort(-counts, kind="stable") if counts[column]]


def _height(order: Sequence[int]) -> float:
    return 0.6 + 1.45 * -(-len(order) // _COLUMNS)


def _panels(
    canvas: Canvas, order: Sequence[int], found: Mapping[str, tuple[NDArray[Any], NDArray[Any]]]
) -> "Iterator[tuple[Axes, int]]":
    rows = -(-len(order) // _COLUMNS)
    grid = canvas.figure.subplots(rows, _COLUMNS, sharex=True, sharey=True, squeeze=False).ravel()
    for axes, column in zip(grid, order, strict=False):
        count = int(max((target[:, column] == 1).sum() for _, target in found.values()))
        axes.set_title(f"{_short(OBSERVATIONS[column])} ({count})", fontsize=7.5)
        axes.set_xlim(-0.03, 1.03)
        axes.set_ylim(-0.03, 1.03)
        axes.set_xticks([0, 0.5, 1], ["0", ".5", "1"], fontsize=7.5)
        axes.set_yticks([0, 0.5, 1], ["0", ".5", "1"], fontsize=7.5)
        yield axes, column
    for axes in grid[len(order) :]:
        axes.set_visible(False)


def _short(name: str) -> str:
    return name.replace("Enlarged Cardiomediastinum", "Enl. Cardiomed.").replace("Pleural Effusion", "Pl. Effusion")


def _key(canvas: Canvas, found: Mapping[str, Any]) -> None:
    if len(found) > 1:
        from matplotlib.lines import Line2D

        from rrgbench.terminal_text import one_line

        lines = [Line2D([], [], color=COLOURS[at], label=one_line(name)) for at, name in enumerate(found)]
        canvas.figure.legend(handles=lines, loc="outside upper left", ncols=3, fontsize=8.5)
