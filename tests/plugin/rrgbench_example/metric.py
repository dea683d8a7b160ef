"""A metric: how long a generated report is beside its reference."""

import math

from rrgbench.metrics.catalogue import Entry
from rrgbench.metrics.external.plug_in import Loaded, PlugIn


def ratios(references: list[list[str]], hypotheses: list[str]) -> list[float]:
    """Words of each report by words of its first reference."""
    pairs = zip(hypotheses, references, strict=True)
    return [len(report.split()) / max(1, len(texts[0].split())) for report, texts in pairs]


LENGTH_RATIO = PlugIn(
    entries=(Entry("length_ratio", "Length ratio", "plug-in", 0.0, math.inf, "", 2, 0.01),),
    load=lambda: Loaded(ratios),
    package="rrgbench-example",  # the distribution whose version counts, as pip knows it: here your own
    get="pip install rrgbench-example",
)
