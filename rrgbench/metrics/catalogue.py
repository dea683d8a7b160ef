"""Every metric once: what it is called, what it can be, how it is shown and compared.

Nothing else spells a metric's title, bounds, direction, decimals or tolerance. Other packages' metrics bring entries of
their own (`rrgbench.metrics.external.plug_in.PlugIn.entries`); an unknown key has an entry that promises nothing.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final, Literal

Better = Literal["higher", "lower", ""]
Unit = Literal["study", "corpus", "query", "observation", "report"]


@dataclass(frozen=True)
class Entry:
    """A metric.

    Attributes
    ----------
    key : str
        Its public name, in records and on the command line.
    title : str
        Its name in tables.
    group : str
        What it belongs to: `bleu`, `bleu_mean`, `nlg`, `ce`, `findings`, `band`, `group`, `classification`,
        `retrieval`, `correlation`, `count`, `film use`, `plug-in`.
    low, high : float
        The least and the greatest value; infinite where there is none.
    better : {"higher", "lower", ""}
        Which value is the better one; empty where none is.
    decimals : int
        Digits after the point in tables.
    drift_tolerance : float
        How far it may move between two runs of the same thing before drift calls it moved.
    unit : str
        What a value is a mean or a function of: studies, the corpus as a whole, queries, observations, reports.
    short : str
        Its title below a heading that says the group; the title if empty.
    """

    key: str
    title: str
    group: str
    low: float = 0.0
    high: float = 1.0
    better: Better = "higher"
    decimals: int = 3
    drift_tolerance: float = 1e-3
    unit: Unit = "study"
    short: str = ""

    @property
    def about(self) -> str:
        """Title, bounds and direction in a few words.

        Examples
        --------
        >>> entry("bleu_4").about, entry("distinct_reports").about
        ('BLEU-4, 0 to 1, higher is better', 'distinct, from 0')
        """
        low, high = (f"{end:g}" if math.isfinite(end) else "" for end in (self.low, self.high))
        bounds = f"{low} to {high}" if low and high else f"from {low}" if low else f"up to {high}" if high else ""
        return ", ".join(filter(None, (self.title, bounds, f"{self.better} is better" if self.better else "")))


def _correlation(key: str) -> Entry:
    return Entry(key, key.capitalize(), "correlation", -1.0, 1.0, "", drift_tolerance=0.05, unit="observation")


NATIVE: Final[Mapping[str, Entry]] = {
    entry.key: entry
    for entry in (
        *(Entry(f"bleu_{order}", f"BLEU-{order}", "bleu", unit="corpus") for order in range(1, 5)),
        *(Entry(f"bleu_{order}_mean", f"mean BLEU-{order}", "bleu_mean") for order in range(1, 5)),
        Entry("meteor", "METEOR", "nlg", unit="corpus"),
        Entry("rouge_l", "ROUGE-L", "nlg"),
        Entry("cider", "CIDEr", "nlg", 0.0, 10.0, drift_tolerance=5e-3),
        Entry("ce_precision", "CE precision", "ce", drift_tolerance=5e-3, unit="corpus", short="P"),
        Entry("ce_recall", "CE recall", "ce", drift_tolerance=5e-3, unit="corpus", short="R"),
        Entry("ce_f1", "CE F1", "ce", drift_tolerance=5e-3, unit="corpus", short="F1"),
        Entry("findings_precision", "findings precision", "findings", short="P"),
        Entry("findings_recall", "findings recall", "findings", short="R"),
        Entry("findings_f1", "findings F1", "findings", short="F1"),
        Entry("ce_f1_band", "CE F1 (band)", "band", drift_tolerance=5e-3, unit="corpus"),
        Entry("ce_f1_group", "CE F1", "group", drift_tolerance=5e-3, unit="corpus"),
        Entry("bleu_4_by_protocol", "BLEU-4", "band", better="", unit="corpus"),
        Entry("cider_by_protocol", "CIDEr", "band", 0.0, 10.0, "", drift_tolerance=5e-3),
        Entry("ce_f1_by_protocol", "CE F1", "band", better="", drift_tolerance=5e-3, unit="corpus"),
        Entry("distinct_reports", "distinct", "count", 0.0, math.inf, "", 0, 0.0, "report"),
        Entry("report_words", "words", "count", 0.0, math.inf, "", 1, 0.05, "report"),
        Entry("reference_words", "reference's words", "count", 0.0, math.inf, "", 1, 0.0, "report"),
        Entry("cases_shown", "cases", "count", 0.0, math.inf, "", 0, 0.0, "report"),
        # of each model's own tokens, so not to be ranked
        Entry("loss_own_film", "own film", "film use", 0.0, math.inf, "", drift_tolerance=5e-3),
        Entry("loss_other_film", "other film", "film use", 0.0, math.inf, "", drift_tolerance=5e-3),
        Entry("film_gain", "gain", "film use", -math.inf, math.inf, "", drift_tolerance=5e-3),
        # probes and fine-tuning are trained anew on another machine's arithmetic
        Entry("auroc", "AUROC", "classification", drift_tolerance=0.02, unit="corpus"),
        Entry("auroc_within_view", "AUROC within view", "classification", drift_tolerance=0.02, unit="corpus"),
        Entry("auroc_deviation", "deviation", "classification", better="lower", drift_tolerance=0.02, unit="corpus"),
        Entry("ece", "ECE", "classification", better="lower", drift_tolerance=0.01, unit="corpus"),
        Entry("precision_at_k", "P@K", "retrieval", drift_tolerance=0.01, unit="query"),
        Entry("chance_precision", "chance", "retrieval", better="", drift_tolerance=1e-6, unit="query"),
        *map(_correlation, ("pearson", "spearman", "kendall")),
        Entry("report_error", "report wrong", "propagation", -1.0, 1.0, "", drift_tolerance=0.01),
        Entry("classifier_error", "classifier wrong", "propagation", better="lower", drift_tolerance=0.01),
    )
}
"""Our own metrics, in the order of tables.

A fixed model's text metrics repeat to rounding, so a move of 1e-3 is already a changed report. Clinical efficacy and
Precision@K jump by single studies. Correlations over 14 observations are loose by nature.
"""

FEW_DISTINCT: Final = 0.05
"""Distinct reports a study below which a system is said to repeat itself."""

TEXT_GROUPS: Final[Mapping[str, tuple[str, ...]]] = {
    "bleu": tuple(key for key, entry in NATIVE.items() if entry.group == "bleu"),
    "bleu_mean": tuple(key for key, entry in NATIVE.items() if entry.group == "bleu_mean"),
    "nlg": tuple(key for key, entry in NATIVE.items() if entry.group in ("bleu", "nlg")),
    "ce": tuple(key for key, entry in NATIVE.items() if entry.group == "ce"),
    "findings": tuple(key for key, entry in NATIVE.items() if entry.group == "findings"),
}
"""Names that stand for several metrics of text, and their keys."""

TEXT_METRICS: Final = (*TEXT_GROUPS["nlg"], *TEXT_GROUPS["ce"])
"""Keys that `rrgbench.score` gives by default."""

OWN_METRICS: Final = (*TEXT_METRICS, *TEXT_GROUPS["bleu_mean"], *TEXT_GROUPS["findings"])
"""Keys that `rrgbench.score` knows, but for plug-ins."""


@cache
def _plugged(names: tuple[str, ...]) -> Mapping[str, Entry]:
    from rrgbench.metrics.external.loading import plug_in_metrics

    return {entry.key: entry for plug_in in plug_in_metrics().values() for entry in plug_in.entries}


def entry(key: str) -> Entry:
    """The entry of a metric; of an unknown one an entry without bounds, direction or group.

    Examples
    --------
    >>> entry("bleu_4").title, entry("cider").high, entry("pearson").better
    ('BLEU-4', 10.0, '')
    """
    if key in NATIVE:
        return NATIVE[key]
    from rrgbench.metrics.external.loading import PLUG_INS

    return _plugged(tuple(PLUG_INS.names())).get(key) or Entry(key, key, "", -math.inf, math.inf, "")


HALVES: Final = frozenset({"ce_precision", "ce_recall", "findings_precision", "findings_recall"})
"""Metrics that say little alone: one report that names everything has all recall."""


def constant_wins(key: str, constant: float | None, value: float | None) -> bool:
    """Whether the best constant report's value is at least as good as a system's, to rounding.

    Precision or recall alone costs a constant nothing: one report that names everything has all recall.
    """
    better = entry(key).better
    if constant is None or value is None or math.isnan(value) or key in HALVES or not better:
        return False
    return constant <= value + 1e-12 if better == "lower" else constant >= value - 1e-12


def in_order(keys: Iterable[str]) -> list[str]:
    """Keys in the order of tables: our own, then others as they are given."""
    order = {key: place for place, key in enumerate(NATIVE)}
    return sorted(keys, key=lambda key: order.get(key, len(order)))


def within_bounds(key: str, value: float, low: float, high: float) -> tuple[float, float]:
    """The ends of a value's interval, cut where the metric ends: Student's t knows of no bounds.

    They stay where the value itself is beyond them, as a plug-in's may be whose entry says too little.
    """
    found = entry(key)
    if not found.low <= value <= found.high:
        return low, high
    return max(low, found.low), min(high, found.high)
