"""A run's figures: what its tables say, drawn, with intervals; from the records alone.

One style, colours of Okabe and Ito (told apart by readers who see colours otherwise), markers beside colours.
"""

import io
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from markupsafe import Markup, escape

from rrgbench.metrics.catalogue import entry
from rrgbench.render.record_tables import SETTINGS, TRIVIAL, model_order
from rrgbench.runs.records import Record
from rrgbench.terminal_text import one_line

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS: Final = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#666666")
MARKERS: Final = "os^Dv*X"
MOST: Final = 5
"""Models that one figure shows; tables show all."""

_RULE: Final[dict[Any, Any]] = {
    "svg.fonttype": "none",
    "text.parse_math": False,
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e6e6e6",
    "axes.axisbelow": True,
    "legend.frameon": False,
}


@dataclass(frozen=True, eq=False)
class RunFigure:
    """A figure of a run.

    Attributes
    ----------
    key : str
        Name of its file.
    title, caption : str
        What it shows, and how it is read.
    tables : tuple of str
        How the titles of its tables begin.
    draw : callable
        Draws it into a figure whose height is given.
    height : float
        In inches.
    """

    key: str
    title: str
    caption: str
    tables: tuple[str, ...]
    draw: Callable[["Axes"], None]
    height: float = 3.2

    def svg(self) -> Markup:
        """As part of a page: text stays text, and a screen reader says the title."""
        text = self._written("svg").decode("utf-8")
        start = text.index("<svg")
        # matplotlib escapes the labels that it writes
        shown = re.sub(r"<metadata>.*?</metadata>", "", text[start:], flags=re.DOTALL)
        return Markup(shown.replace("<svg", f'<svg role="img" aria-label="{escape(self.title)}"', 1))

    def file(self, suffix: str) -> bytes:
        """As a file: `svg`, `pdf` or `png`."""
        return self._written(suffix)

    def _written(self, suffix: str) -> bytes:
        with _styled(self.key, self.height) as figure:
            self.draw(figure.subplots())
            stream = io.BytesIO()
            metadata: dict[str, Any] | None = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(suffix)
            figure.savefig(stream, format=suffix, dpi=150, metadata=metadata, transparent=suffix == "svg")
            return stream.getvalue()


@contextmanager
def _styled(key: str, height: float) -> Iterator["Figure"]:
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    # names inside an SVG come from the salt: figures of one page must not share them
    with rc_context({**_RULE, "svg.hashsalt": f"rrgbench-{key}"}):
        yield Figure(figsize=(7.2, height), layout="constrained")


def run_figures(records: Sequence[Record]) -> list[RunFigure]:
    """Every figure that a run's records fill, of each corpus and split that has most of them.

    Parameters
    ----------
    records : sequence of Record
        Of one run, under the names that tables show.
    """
    known = [record for record in records if record.value is not None]
    places = [(record.corpus, record.split) for record in known]
    if not places:
        return []
    corpus, split = max(dict.fromkeys(places), key=places.count)
    here = [record for record in known if (record.corpus, record.split) == (corpus, split)]
    names = [name for name in model_order(here) if name not in TRIVIAL][:MOST] or model_order(here)[:MOST]
    chosen = [record for record in here if record.model in names]
    made = [
        _by_observation(chosen, names, "ce_f1", "F1 of what the reports find, by observation"),
        _by_observation(chosen, names, "auroc", "AUROC of the model's own predictions", "own"),
        _precision(here, names),
        _efficiency(chosen, names),
        _correlation(chosen, names),
    ]
    return [figure for figure in made if figure is not None]


def _by_observation(
    records: Sequence[Record], names: Sequence[str], metric: str, title: str, setting: str | None = None
) -> RunFigure | None:
    """Dots with intervals, an observation a line, the commonest on top."""
    rows = [one for one in records if one.metric == metric and one.observation and setting in (None, one.setting)]
    if not rows:
        return None
    counts = {one.observation: one.n or 0 for one in rows}
    order = sorted(counts, key=lambda name: (-counts[name], str(name)))
    shown = [name for name in names if any(one.model == name for one in rows)]

    def draw(axes: "Axes") -> None:
        step = 0.7 / max(1, len(shown))
        for at, name in enumerate(shown):
            mine = {one.observation: one for one in rows if one.model == name}
            places = [row + (at - (len(shown) - 1) / 2) * step for row, found in enumerate(order) if found in mine]
            _dots(axes, [mine[found] for found in order if found in mine], places, at, name, across=True)
        axes.set_yticks(range(len(order)), [f"{name} ({counts[name]})" for name in order])
        axes.set_ylim(len(order) - 0.4, -0.6)
        if metric == "auroc":
            axes.axvline(0.5, color="#999999", linestyle=":")
        axes.set_xlim(0, 1.02)
        axes.set_xlabel(entry(metric).title)
        _legend(axes, shown)

    caption = "Sorted by prevalence; in brackets the studies behind the value. Lines are 95 % intervals."
    height = 1.2 + 0.27 * len(order) * max(1.0, 0.55 * len(shown))
    key, words = ("f1", "F1") if metric == "ce_f1" else (metric, entry(metric).title)
    return RunFigure(f"{key}-by-observation", title, caption, (f"{words} per",), draw, height)


def _precision(records: Sequence[Record], names: Sequence[str]) -> RunFigure | None:
    rows = [one for one in records if one.metric == "precision_at_k" and one.model in names and one.k]
    if not rows:
        return None
    chance = next((one.value for one in records if one.metric == "chance_precision"), None)
    ks = sorted({one.k or 0 for one in rows})
    shown = [name for name in names if any(one.model == name for one in rows)]

    def draw(axes: "Axes") -> None:
        for at, name in enumerate(shown):
            mine = sorted((one for one in rows if one.model == name), key=lambda one: one.k or 0)
            places = [ks.index(one.k or 0) + 0.06 * at for one in mine]
            _dots(axes, mine, places, at, name, joined=True)
        if chance is not None:
            axes.axhline(chance, color="#999999", linestyle=":")
            spot = (len(ks) - 1, chance)
            axes.annotate("chance", spot, xytext=(0, 3), textcoords="offset points", ha="right", fontsize=8)
        axes.set_xticks(range(len(ks)), [str(k) for k in ks])
        axes.set_ylim(0, 1.02)
        axes.set_xlabel("K")
        axes.set_ylabel("Precision@K")
        _legend(axes, shown)

    caption = "Share of the first K reports found for a film that have its observation."
    return RunFigure("precision", "Image-text retrieval", caption, ("Image-text retrieval",), draw)


def _efficiency(records: Sequence[Record], names: Sequence[str]) -> RunFigure | None:
    rows = [one for one in records if one.metric == "auroc" and one.observation is None and one.fraction]
    if len({one.fraction for one in rows}) < 2:
        return None
    fractions = sorted({one.fraction or 0.0 for one in rows})
    settings = [name for name in SETTINGS if any(one.setting == name for one in rows)]
    shown = [name for name in names if any(one.model == name for one in rows)]

    def draw(axes: "Axes") -> None:
        for at, name in enumerate(shown):
            for which, setting in enumerate(settings):
                mine = [one for one in rows if (one.model, one.setting) == (name, setting)]
                mine.sort(key=lambda one: one.fraction or 0.0)
                places = [fractions.index(one.fraction or 0.0) + 0.05 * (at * len(settings) + which) for one in mine]
                label = " ".join(filter(None, (name if len(shown) > 1 else "", SETTINGS[setting])))
                _dots(axes, mine, places, at * len(settings) + which, label, joined=True, dashed=which > 0)
        axes.set_xticks(range(len(fractions)), [f"{100 * one:g} %" for one in fractions])
        axes.set_xlabel("share of the training films with labels")
        axes.set_ylabel("mean AUROC")
        axes.legend(loc="best", fontsize=9)

    caption = "Mean AUROC over observations of classifiers on the image encoder."
    return RunFigure("label-efficiency", "Label efficiency", caption, ("Classification",), draw)


def _correlation(records: Sequence[Record], names: Sequence[str]) -> RunFigure | None:
    rows = [one for one in records if one.task == "error_correlation" and one.observation is None]
    if not rows:
        return None
    shown = [name for name in names if any(one.model == name for one in rows)]
    kinds = list(dict.fromkeys((one.setting or "", one.metric) for one in rows))

    def draw(axes: "Axes") -> None:
        step = 0.7 / max(1, len(shown))
        for at, name in enumerate(shown):
            mine = {(one.setting or "", one.metric): one for one in rows if one.model == name}
            places = [row + (at - (len(shown) - 1) / 2) * step for row, kind in enumerate(kinds) if kind in mine]
            _dots(axes, [mine[kind] for kind in kinds if kind in mine], places, at, name, across=True)
        labels = [f"{entry(metric).title}, {SETTINGS.get(setting, setting)}" for setting, metric in kinds]
        axes.set_yticks(range(len(kinds)), labels)
        axes.set_ylim(len(kinds) - 0.4, -0.6)
        axes.axvline(0, color="#999999", linestyle=":")
        axes.set_xlim(-1.02, 1.02)
        axes.set_xlabel("correlation of the classifier's and the report's quality")
        _legend(axes, shown)

    caption = "Whether reports are wrong where the classifier is: over observations and over studies."
    height = 1.2 + 0.3 * len(kinds) * max(1.0, 0.5 * len(shown))
    return RunFigure("error-correlation", "Error correlation", caption, ("Pipeline error",), draw, height)


def _dots(
    axes: "Axes",
    records: Iterable[Record],
    places: Sequence[float],
    at: int,
    label: str,
    *,
    across: bool = False,
    joined: bool = False,
    dashed: bool = False,
) -> None:
    """Values with their intervals, at places along the other axis."""
    colour, marker = COLOURS[at % len(COLOURS)], MARKERS[at % len(MARKERS)]
    values = []
    for record, place in zip(records, places, strict=True):
        values.append(record.value or 0.0)
        if record.low is not None and record.high is not None:
            ends, fixed = [record.low, record.high], [place, place]
            axes.plot(*((ends, fixed) if across else (fixed, ends)), color=colour, linewidth=1.8, alpha=0.75)
    where = (values, places) if across else (places, values)
    line = ("--" if dashed else "-") if joined else "none"
    axes.plot(*where, marker=marker, linestyle=line, linewidth=1, color=colour, markersize=5.5, label=one_line(label))


def _legend(axes: "Axes", shown: Sequence[str]) -> None:
    if len(shown) > 1:
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=min(3, len(shown)), fontsize=9)
