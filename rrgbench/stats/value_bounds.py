"""What values a metric can take: an interval by Student's t knows of no bounds."""

import math

_SHARES = ("bleu_", "ce_", "label_", "meteor", "rouge_l", "precision_at_k", "chance", "auroc", "auprc")
_CORRELATIONS = ("pearson", "spearman", "kendall")
_FROM_ZERO = ("cider", "distinct_reports")


def value_bounds(metric: str) -> tuple[float, float]:
    """Least and greatest value of a metric, by its public name; infinite where it has none or it isn't known.

    Examples
    --------
    >>> value_bounds("bleu_4"), value_bounds("pearson"), value_bounds("cider")
    ((0.0, 1.0), (-1.0, 1.0), (0.0, inf))
    """
    if metric.startswith(_SHARES):
        return 0.0, 1.0
    if metric in _CORRELATIONS:
        return -1.0, 1.0
    return (0.0 if metric in _FROM_ZERO else -math.inf), math.inf


def within_bounds(metric: str, low: float, high: float) -> tuple[float, float]:
    """An interval's ends, cut where the metric ends."""
    least, greatest = value_bounds(metric)
    return max(low, least), min(high, greatest)
