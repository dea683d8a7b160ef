"""Figures that records alone fill: by observation, retrieval, label efficiency, error correlation, groups, bands."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final, TypeVar

import numpy as np

from rrgbench.metrics.catalogue import entry
from rrgbench.render.figures.style import COLOURS, GRID, QUIET, Canvas, RunFigure, offsets, record_words
from rrgbench.render.record_tables import SETTINGS, place_of_setting
from rrgbench.runs.records import Record
from rrgbench.terminal_text import one_line

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FEWEST_MODELS: Final = 3
"""Two dots always lie on a line."""

_Line = TypeVar("_Line")  # what stands on a line of its own: an observation, a group, a protocol


def dots_of_models(
    canvas: Canvas,
    axes: "Axes",
    records: Mapping[tuple[str, _Line], Record],
    shown: Sequence[str],
    lines: Sequence[_Line],
) -> None:
    """Each model's values by (model, line), the models of a line a little below each other."""
    for at, (name, shift) in enumerate(zip(shown, offsets(len(shown)), strict=True)):
        found = [(row, records[name, line]) for row, line in enumerate(lines) if (name, line) in records]
        canvas.dots(axes, [one for _, one in found], [row + shift for row, _ in found], at, name, across=True)


def label_lines(axes: "Axes", labels: Sequence[str]) -> None:
    """Names of the lines of a figure, the first on top."""
    axes.set_yticks(range(len(labels)), list(map(one_line, labels)))
    axes.set_ylim(len(labels) - 0.4, -0.6)


def by_observation(
    records: Sequence[Record], names: Sequence[str], metric: str, title: str, setting: str | None = None
) -> RunFigure | None:
    """Dots with intervals, an observation a line, the commonest on top."""
    rows = [one for one in records if one.metric == metric and one.observation and setting in (None, one.setting)]
    if not rows:
        return None
    counts = {one.observation: one.n or 0 for one in rows}
    order = sorted(counts, key=lambda name: (-counts[name], str(name)))
    shown = [name for name in names if any(one.model == name for one in rows)]

    def draw(canvas: Canvas) -> None:
        axes = canvas.axes()
        dots_of_models(canvas, axes, {(one.model, one.observation): one for one in rows}, shown, order)
        label_lines(axes, [f"{name} ({counts[name]})" for name in order])
        if metric == "auroc":
            axes.axvline(0.5, color=QUIET, linestyle=":")
        axes.set_xlim(0, 1.02)
        axes.set_xlabel(entry(metric).title)
        canvas.legend(axes, shown)

    caption = "Sorted by prevalence; in brackets the positives behind the value. Lines are 95 % intervals."
    height = 1.1 + 0.25 * len(order) * max(1.0, 0.55 * len(shown))
    key, words = ("f1", "F1") if metric == "ce_f1" else (metric, entry(metric).title)
    return RunFigure(f"{key}-by-observation", title, caption, (f"{words} per",), draw, height)


def precision(records: Sequence[Record], names: Sequence[str]) -> RunFigure | None:
    """Precision@K over K, with chance."""
    rows = [one for one in records if one.metric == "precision_at_k" and one.model in names and one.k]
    if not rows:
        return None
    chance = next((one.value for one in records if one.metric == "chance_precision"), None)
    ks = sorted({one.k or 0 for one in rows})
    shown = [name for name in names if any(one.model == name for one in rows)]

    def draw(canvas: Canvas) -> None:
        axes = canvas.axes()
        for at, name in enumerate(shown):
            mine = sorted((one for one in rows if one.model == name), key=lambda one: one.k or 0)
            places = [ks.index(one.k or 0) + 0.06 * at for one in mine]
            canvas.dots(axes, mine, places, at, name, joined=True)
        if chance is not None:
            axes.axhline(chance, color=QUIET, linestyle=":")
            spot = (len(ks) - 1, chance)
            axes.annotate("chance", spot, xytext=(0, 3), textcoords="offset points", ha="right", fontsize=8)
        axes.set_xticks(range(len(ks)), [str(k) for k in ks])
        axes.set_ylim(0, 1.02)
        axes.set_xlabel("K")
        axes.set_ylabel("Precision@K")
        canvas.legend(axes, shown)

    caption = "Share of the first K reports found for a film that have its observation. Lines are 95 % intervals."
    return RunFigure("precision", "Image-text retrieval", caption, ("Image-text retrieval",), draw, 2.9)


def efficiency(records: Sequence[Record], names: Sequence[str]) -> RunFigure | None:
    """Mean AUROC over the share of labelled training films."""
    rows = [one for one in records if one.metric == "auroc" and one.observation is None and one.fraction]
    if len({one.fraction for one in rows}) < 2:
        return None
    fractions = sorted({one.fraction or 0.0 for one in rows})
    settings = [name for name in SETTINGS if any(one.setting == name for one in rows)]
    shown = [name for name in names if any(one.model == name for one in rows)]

    def draw(canvas: Canvas) -> None:
        axes = canvas.axes()
        there = {(one.model, one.setting) for one in rows}
        lines = [(name, setting) for name in shown for setting in settings if (name, setting) in there]
        for at, (name, setting) in enumerate(lines):
            mine = [one for one in rows if (one.model, one.setting) == (name, setting)]
            mine.sort(key=lambda one: one.fraction or 0.0)
            places = [fractions.index(one.fraction or 0.0) + 0.05 * at for one in mine]
            label = " ".join(filter(None, (name if len(shown) > 1 else "", SETTINGS[setting])))
            canvas.dots(axes, mine, places, at, label, joined=True, dashed=setting == settings[-1])
        axes.set_xticks(range(len(fractions)), [f"{100 * one:g} %" for one in fractions])
        axes.set_xlabel("share of the training films with labels")
        axes.set_ylabel("mean AUROC")
        canvas.legend(axes, [f"{name} {setting}" for name, setting in lines])

    caption = (
        "Mean AUROC over observations of classifiers on the image encoder: a linear probe on frozen features, and "
        "fine-tuning; means over draws of the share. Lines are 95 % intervals over studies and draws."
    )
    return RunFigure("label-efficiency", "Label efficiency", caption, ("Classification",), draw, 2.9)


def error_correlation(records: Sequence[Record], names: Sequence[str]) -> RunFigure | None:
    """Correlations at each level."""
    kinds_of = ("pearson", "spearman", "kendall")
    rows = [one for one in records if one.metric in kinds_of and one.observation is None]
    if not rows:
        return None
    shown = [name for name in names if any(one.model == name for one in rows)]
    kinds = sorted(
        {(one.setting or "", one.metric) for one in rows},
        key=lambda kind: (place_of_setting(kind[0]), kinds_of.index(kind[1])),
    )

    def draw(canvas: Canvas) -> None:
        axes = canvas.axes()
        found = {(one.model, (one.setting or "", one.metric)): one for one in rows}
        dots_of_models(canvas, axes, found, shown, kinds)
        label_lines(axes, [f"{entry(metric).title}, {SETTINGS.get(setting, setting)}" for setting, metric in kinds])
        axes.axvline(0, color=QUIET, linestyle=":")
        axes.set_xlim(-1.02, 1.02)
        axes.set_xlabel("correlation, classifier with report")
        canvas.legend(axes, shown)

    caption = (
        "Whether reports are wrong where the classifier is: over observations its AUROC against their F1, over studies "
        "its cross-entropy against the report's F1 (negative where errors go together). Over trained variants: "
        "rrgbench claims. Lines are 95 % intervals."
    )
    height = 1.1 + 0.28 * len(kinds) * max(1.0, 0.5 * len(shown))
    return RunFigure("error-correlation", "Error correlation", caption, ("Pipeline error",), draw, height)


def error_correlation_over_models(records: Sequence[Record], names: Sequence[str]) -> RunFigure | None:
    """The classifier's mean AUROC against the CE F1 of the reports, a model a dot: the level of variants."""
    auroc = {one.model: one for one in records if (one.metric, one.setting, one.observation) == ("auroc", "own", None)}
    efficacy = {
        one.model: one for one in records if (one.metric, one.setting, one.observation) == ("ce_f1", "micro", None)
    }
    shown = [name for name in names if name in auroc and name in efficacy]
    if len(shown) < FEWEST_MODELS:
        return None
    points = [(auroc[name].value or 0.0, efficacy[name].value or 0.0) for name in shown]

    def draw(canvas: Canvas) -> None:
        axes = canvas.axes()
        for at, (name, (across, up)) in enumerate(zip(shown, points, strict=True)):
            canvas.dots(axes, [auroc[name]], [up], at, name, across=True)
            canvas.dots(axes, [efficacy[name]], [across], at, "_")  # once in the legend
        axes.set_xlabel("mean AUROC of the classifier")
        axes.set_ylabel("CE F1 of the reports")
        canvas.legend(axes, shown)

    across, up = map(np.array, zip(*points, strict=True))
    constant = np.ptp(across) == 0 or np.ptp(up) == 0
    found = "not defined, one of the two being equal for all" if constant else f"{np.corrcoef(across, up)[0, 1]:.2f}"
    caption = (
        "Whether the models with the better classifier write the better reports: Pearson over these "
        f"{len(shown)} models {found}. So few models decide little; over trained variants, with seeds and an "
        "interval: rrgbench claims. Lines are 95 % intervals."
    )
    title = "Error correlation over models"
    return RunFigure("error-correlation-models", title, caption, ("Pipeline error",), draw, 3.0)


def propagation(records: Sequence[Record], names: Sequence[str]) -> RunFigure | None:
    """How often reports are wrong where the classifier was wrong, and where it was right."""
    settings = {"classifier-wrong": "classifier wrong", "classifier-right": "classifier right"}
    rows = [one for one in records if one.metric == "report_error" and one.setting in settings and one.model in names]
    shown = [name for name in names if any(one.model == name for one in rows)]
    if not shown:
        return None
    # of one model each observation, of several the values over all
    single = len(shown) == 1
    chosen = [one for one in rows if single or one.observation is None]
    often = {one.observation: one.n or 0 for one in chosen if one.setting == "classifier-wrong"}
    lines = sorted(often, key=lambda name: (name is not None, -often[name], str(name))) if single else list(shown)

    def line_of(one: Record) -> str | None:
        return one.observation if single else one.model

    def draw(canvas: Canvas) -> None:
        axes = canvas.axes()
        # the dearer of the two first in colour of alarm
        for at, (setting, words), shift in zip((1, 0), settings.items(), offsets(2, 0.4), strict=True):
            mine = {line_of(one): one for one in chosen if one.setting == setting}
            found = [(row, mine[line]) for row, line in enumerate(lines) if line in mine]
            canvas.dots(axes, [one for _, one in found], [row + shift for row, _ in found], at, words, across=True)
        counts = [f" ({often[line]:,})" if single else "" for line in lines]
        label_lines(axes, [f"{line or 'all observations'}{of}" for line, of in zip(lines, counts, strict=True)])
        axes.set_xlim(-0.02, 1.02)
        axes.set_xlabel("share of the reports that are wrong")
        canvas.legend(axes, list(settings.values()))

    caption = (
        "How often the report is wrong about an observation where the classifier was wrong about it and where it was "
        "right. In brackets how often the classifier was wrong. Lines are 95 % intervals."
    )
    height = 1.1 + 0.3 * len(lines)
    tables = ("Error propagation",)
    return RunFigure("error-propagation", "Do the classifier's errors reach the report?", caption, tables, draw, height)


def subgroups(records: Sequence[Record], names: Sequence[str]) -> RunFigure | None:
    """CE F1 of groups of studies and of observations."""
    rows = [one for one in records if one.metric == "ce_f1_group" and one.model in names]
    if not rows:
        return None
    groups = list(dict.fromkeys(one.setting or "" for one in rows))
    kinds = ("view", "sex", "age", "findings", "prevalence")
    groups.sort(key=lambda group: next((at for at, kind in enumerate(kinds) if group.startswith(kind)), len(kinds)))
    counts = {one.setting or "": one.n or 0 for one in rows}
    shown = [name for name in names if any(one.model == name for one in rows)]

    def draw(canvas: Canvas) -> None:
        axes = canvas.axes()
        dots_of_models(canvas, axes, {(one.model, one.setting or ""): one for one in rows}, shown, groups)
        label_lines(axes, [f"{group} ({counts[group]:,})" for group in groups])
        for row in range(1, len(groups)):
            if groups[row].split()[0] != groups[row - 1].split()[0]:
                axes.axhline(row - 0.5, color=GRID)
        axes.set_xlim(0, 1.02)
        axes.set_xlabel("CE F1")
        canvas.legend(axes, shown)

    caption = (
        "Micro F1 of groups of studies; at the bottom macro F1 over observations by the share of studies that have "
        "them. In brackets the studies. Groups of studies differ in what there is to find: compare systems within a "
        "group, not groups. Lines are 95 % intervals."
    )
    height = 1.1 + 0.25 * len(groups) * max(1.0, 0.55 * len(shown))
    return RunFigure("subgroups", "Groups of studies", caption, ("CE F1 by group",), draw, height)


def protocol_band(records: Sequence[Record], names: Sequence[str]) -> RunFigure | None:
    """The same reports under every protocol."""
    metrics = ("bleu_4_by_protocol", "cider_by_protocol", "ce_f1_by_protocol")
    rows = [one for one in records if one.metric in metrics and one.model in names]
    if not rows:
        return None
    shown = [name for name in names if any(one.model == name for one in rows)]
    last = {one.setting: one.value or 0.0 for one in rows if one.metric == metrics[-1] and one.model == shown[0]}
    protocols = sorted({one.setting or "" for one in rows}, key=lambda name: (-last.get(name, -1.0), name))
    own = {
        part[len("protocol:") :]
        for one in records
        for part in (one.signature or "").split("|")
        if "_by_" not in one.metric and part.startswith("protocol:")
    }

    def draw(canvas: Canvas) -> None:
        panels = canvas.figure.subplots(1, len(metrics), sharey=True)
        for axes, metric in zip(panels, metrics, strict=True):
            mine = {(one.model, one.setting or ""): one for one in rows if one.metric == metric}
            dots_of_models(canvas, axes, mine, shown, protocols)
            axes.set_xlim(0, max([1e-3, *(one.value or 0.0 for one in mine.values())]) * 1.12)
            axes.set_xlabel(entry(metric).title)
        labels = [f"{one} *" if any(o.partition("@")[0] == one for o in own) else one for one in protocols]
        label_lines(panels[0], labels)
        canvas.legend(panels[0], shown)

    caption = "The same reports, scored under every protocol that can be followed; * is this page's own."
    height = 1.0 + 0.22 * len(protocols) * max(1.0, 0.55 * len(shown))
    tables = ("BLEU-4 by protocol", "CIDEr by protocol", "CE F1 by protocol")
    return RunFigure("protocol-band", "What the protocol does to a number", caption, tables, draw, height)


def labeler_band(records: Sequence[Record], names: Sequence[str]) -> RunFigure | None:
    """CE F1 with its range over labelers and readings of uncertain."""
    rows = [one for one in records if one.metric == "ce_f1_band" and one.low is not None]
    shown = [one.model for one in rows]
    order = [name for name in dict.fromkeys((*names, *shown)) if name in shown]
    if not order:
        return None

    def draw(canvas: Canvas) -> None:
        axes = canvas.axes()
        for row, name in enumerate(order):
            one = next(found for found in rows if found.model == name)
            ends = [one.low or 0.0, one.high or 0.0]
            axes.plot(ends, [row, row], color=COLOURS[0], linewidth=7, alpha=0.3, solid_capstyle="butt")
            gid = canvas.mark(record_words(one), one.signature or "")
            axes.plot([one.value or 0.0], [row], "o", color=COLOURS[0], markersize=5.5, gid=gid)
        label_lines(axes, order)
        axes.set_xlim(0, 1.02)
        axes.set_xlabel("CE F1")

    caption = "Dot: as measured. Bar: the range over the labelers and the readings of uncertain; not an interval."
    title = "What labeler and reading of uncertain do to CE F1"
    return RunFigure("labeler-band", title, caption, ("CE F1 over labelers",), draw, 1.0 + 0.3 * len(order))


def film_use(records: Sequence[Record], names: Sequence[str]) -> RunFigure | None:
    """The references' loss with their own and with other films."""
    metrics = ("loss_own_film", "loss_other_film")
    rows = [one for one in records if one.metric in metrics and one.observation is None]
    shown = [name for name in names if any(one.model == name for one in rows)]
    if not shown:
        return None

    def draw(canvas: Canvas) -> None:
        axes = canvas.axes()
        for at, metric in enumerate(metrics):
            mine = [one for one in rows if one.metric == metric and one.model in shown]
            places = [float(shown.index(one.model)) for one in mine]
            canvas.dots(axes, mine, places, at, entry(metric).title, across=True)
        label_lines(axes, shown)
        axes.set_xlim(0, None)
        axes.set_xlabel("loss of the reference reports, nats a token")
        canvas.legend(axes, metrics)

    caption = (
        "How likely the model finds the reference reports given their own films, and given films of other studies. "
        "Where both are equal, it doesn't read the film. Lines are 95 % intervals."
    )
    tables = ("Loss of the references",)
    return RunFigure("film-use", "Does it read the film?", caption, tables, draw, 1.2 + 0.35 * len(shown))
