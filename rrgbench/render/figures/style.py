"""The style of a run's figures: one width, colours that colour-blind readers tell apart (Okabe and Ito), markers.

In a page a figure takes the page's colours, so that it is read in the dark too, and each of its marks says its value
and how that was made.
"""

import io
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from markupsafe import Markup, escape

from rrgbench.metrics.catalogue import entry
from rrgbench.render.table import Cell, Table, interval_text, value_text
from rrgbench.runs.records import Record
from rrgbench.terminal_text import one_line

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS: Final = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#666666")
PALETTE: Final = tuple(
    zip(COLOURS, ("#4ea8de", "#ff9a57", "#3ecf9f", "#e6a6cb", "#f2be4a", "#8cd0f5", "#a8a8a8"), strict=True)
)
"""Each colour, and what a dark page has in its place."""
MARKERS: Final = "os^Dv*X"
INK: Final = "#1b1b1b"
QUIET: Final = "#6a6a6a"
GRID: Final = "#e4e4e4"
WIDTH: Final = 5.2
"""In inches: with this type it is read in a column of a paper and on a phone."""

_NAMES: Final = {
    **{colour.lower(): f"var(--colour-{number})" for number, colour in enumerate(COLOURS)},
    INK: "var(--ink)",
    QUIET: "var(--quiet-ink)",
    GRID: "var(--grid)",
}
"""What a page puts in a colour's place."""

_RULE: Final[dict[Any, Any]] = {
    "svg.fonttype": "none",
    "text.parse_math": False,
    "font.size": 9.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": GRID,
    "axes.axisbelow": True,
    "legend.frameon": False,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": QUIET,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
}


@dataclass
class Canvas:
    """What a figure is drawn on.

    Attributes
    ----------
    figure : matplotlib Figure
        Empty.
    key : str
        Name of the figure, before the names of its marks.
    marks : list of (str, str)
        What each mark says, and the signature of its value.
    """

    figure: "Figure"
    key: str
    marks: list[tuple[str, str]] = field(default_factory=list)

    def axes(self) -> "Axes":
        """The only axes of a figure that has no more."""
        return self.figure.subplots()

    def mark(self, words: str, signature: str = "") -> str:
        """The name (matplotlib's `gid`) of a mark that says this."""
        self.marks.append((words, signature))
        return f"{self.key}-mark-{len(self.marks) - 1}"

    def dots(
        self,
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
        """Values with their intervals, at places along the other axis.

        Parameters
        ----------
        axes : matplotlib Axes
            Where.
        records : iterable of Record
            With values.
        places : sequence of float
            One a record.
        at : int
            Which colour and marker.
        label : str
            In the legend.
        across : bool
            Whether values lie along x.
        joined, dashed : bool
            Whether a line joins them, and how it looks.
        """
        colour, marker = COLOURS[at % len(COLOURS)], MARKERS[at % len(MARKERS)]
        shown = list(records)
        values = [record.value or 0.0 for record in shown]
        if joined:
            line = (values, places) if across else (places, values)
            axes.plot(*line, linestyle="--" if dashed else "-", linewidth=1, color=colour)
        for record, place in zip(shown, places, strict=True):
            if record.low is not None and record.high is not None:
                ends, fixed = [record.low, record.high], [place, place]
                axes.plot(*((ends, fixed) if across else (fixed, ends)), color=colour, linewidth=1.8, alpha=0.75)
            where = ([record.value], [place]) if across else ([place], [record.value])
            axes.plot(
                *where,
                marker=marker,
                linestyle="none",
                color=colour,
                markersize=5.5,
                markerfacecolor=colour,
                gid=self.mark(record_words(record), record.signature or ""),
            )
        style = ("--" if dashed else "-") if joined else "none"
        axes.plot(
            [],
            [],
            marker=marker,
            linestyle=style,
            color=colour,
            markerfacecolor=colour,
            linewidth=1,
            label=one_line(label),
        )

    def legend(self, axes: "Axes", shown: Sequence[str]) -> None:
        """Names of several models above the axes; one needs none."""
        if len(shown) > 1:
            room = 3 if max(map(len, shown)) < 20 else 2
            axes.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=min(room, len(shown)), fontsize=8.5)


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
        How the titles of its tables among the run's begin.
    draw : callable
        Draws it on a canvas.
    height : float
        In inches.
    own : tuple of Table
        Tables that only it has.
    """

    key: str
    title: str
    caption: str
    tables: tuple[str, ...]
    draw: Callable[[Canvas], None]
    height: float = 3.2
    own: tuple[Table, ...] = ()

    def svg(self, sign: Callable[[str], str] = lambda signature: "") -> Markup:
        """As part of a page: text stays text, a screen reader says the title, marks say their values.

        Parameters
        ----------
        sign : callable
            Gives the page's name of a signature; empty where it has none.
        """
        content, marks = self._written("svg")
        text = content.decode("utf-8")
        # matplotlib escapes the labels that it writes
        shown = re.sub(r"<metadata>.*?</metadata>", "", text[text.index("<svg") :], flags=re.DOTALL)
        shown = re.sub(r"<[^<>]+>", _for_a_page, shown)
        for number, (words, signature) in enumerate(marks):
            name, told = sign(signature), escape(one_line(words))
            how = f' data-s="{name}" data-words="{told}"' if name else ""
            start = f'<g id="{self.key}-mark-{number}"'
            shown = shown.replace(f"{start}>", f'<g{how} class="mark"><title>{told}</title>', 1)
        return Markup(shown.replace("<svg", f'<svg role="img" aria-label="{escape(one_line(self.title))}"', 1))

    def file(self, suffix: str) -> bytes:
        """As a file: `svg`, `pdf` or `png`."""
        return self._written(suffix)[0]

    def _written(self, suffix: str) -> tuple[bytes, list[tuple[str, str]]]:
        with _styled(self.key, self.height) as figure:
            canvas = Canvas(figure, self.key)
            self.draw(canvas)
            stream = io.BytesIO()
            metadata: dict[str, Any] | None = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(suffix)
            figure.savefig(stream, format=suffix, dpi=150, metadata=metadata, transparent=suffix == "svg")
            return stream.getvalue(), canvas.marks


def _for_a_page(tag: re.Match[str]) -> str:
    """A tag of matplotlib's as a page takes it; what stands between tags is text and stays as it is."""
    # names that only count would stand several times in a page
    counted = r' id="(?:figure|axes|patch|text|matplotlib|legend|line2d|[a-z0-9]*[xy]tick|\w*Collection)[.\w]*"'
    shown = re.sub(counted, "", tag[0])
    shown = re.sub(r"#[0-9a-f]{6}\b", lambda found: _NAMES.get(found[0], found[0]), shown)
    return re.sub(r"(\d+\.\d\d)\d+", r"\1", shown)


@contextmanager
def _styled(key: str, height: float) -> Iterator["Figure"]:
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    # names inside an SVG come from the salt: figures of one page must not share them
    with rc_context({**_RULE, "svg.hashsalt": f"rrgbench-{key}"}):
        yield Figure(figsize=(WIDTH, height), layout="constrained")


def record_words(record: Record) -> str:
    """A value with its interval and what it is of, for a mark."""
    cell = Cell(record.value, record.low, record.high, decimals=entry(record.metric).decimals)
    title = entry(record.metric).title.replace("@K", f"@{record.k}")
    share = None if record.fraction is None else f"{100 * record.fraction:g} %"
    named = ", ".join(filter(None, (record.model, title, record.observation, record.setting, share)))
    interval = f" ({interval_text(cell)})" if interval_text(cell) else ""
    return f"{named}: {value_text(cell)}{interval}" + (f", n = {record.n:,}" if record.n else "")


def offsets(count: int, room: float = 0.7) -> list[float]:
    """Where `count` rows lie around a place, so that they don't cover each other."""
    step = room / max(1, count)
    return [(at - (count - 1) / 2) * step for at in range(count)]
